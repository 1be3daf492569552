//! The clauses of rollback, one by one.

use super::bench::{Bench, id, moves, stuck};
use super::{RollbackPlan, Until};
use crate::catalog::{Change, PromotionId};

const CHAIN: &str = r#"
source (raw, prod, dl) from "raw.csv"
(raw, prod, dl) -> (clean, prod, dl) { run "clean" }
(clean, prod, dl) -> (report, prod, dl) { run "report" }
(report, prod, dl) -> (page, prod, dl) { run "page" }
"#;

/// Of prod: snapshots 1 (raw), 2 (clean); and the label's 3 (raw), 4 (clean), 5 (report), which was promoted as promotion 1.
fn promoted() -> Bench {
    let bench = Bench::new(CHAIN);
    bench.read("raw:prod", "a");
    bench.make(&["raw:prod"], &["clean:prod"], "1");
    bench.read("raw:pr-1", "b");
    bench.look(&["raw:pr-1"]);
    bench.make(&["raw:pr-1"], &["clean:pr-1"], "2");
    bench.make(&["clean:pr-1"], &["report:pr-1"], "2");
    assert_eq!(bench.do_promote(&["report:pr-1"]), PromotionId(1));
    bench
}

fn last(bench: &Bench) -> RollbackPlan {
    bench.back(Until::Last, false)
}

#[test]
fn everything_goes_back_and_is_held_but_sources() {
    let bench = promoted();
    let found = last(&bench);
    assert_eq!(moves(&found.moves), ["clean:prod 4 -> 2, held (promoted)", "report:prod 5 -> nothing, held (promoted)"]);
    assert_eq!((found.sources.as_slice(), stuck(&found)), ([id("raw:prod")].as_slice(), vec![]));
    bench.do_back(&found);
    assert_eq!(
        [bench.stands("raw:prod"), bench.stands("clean:prod"), bench.stands("report:prod")].map(|s| s.map(|s| s.0)),
        [Some(3), Some(2), None]
    );
    assert_eq!(["raw:prod", "clean:prod", "report:prod"].map(|text| bench.is_held(text)), [false, true, true]);
    // There is no other one, and this one is done.
    assert_eq!(last(&bench).undoes, []);
    assert_eq!(stuck(&bench.back(Until::Promotion(PromotionId(1)), false)), ["1 undone by 2"]);
    assert_eq!(stuck(&bench.back(Until::Promotion(PromotionId(2)), false)), ["2 is a rollback"]);
    assert_eq!(stuck(&bench.back(Until::Promotion(PromotionId(9)), false)), ["no 9"]);
}

#[test]
fn what_moved_since_is_not_written_over() {
    let bench = promoted();
    bench.make(&["raw:prod"], &["clean:prod"], "3");
    assert_eq!(stuck(&last(&bench)), ["clean:prod moved from 4 to 6"]);
    bench.commit(&[Change::Invalidate { snapshot: bench.stands("report:prod").expect("a snapshot"), because: "wrong".into() }]);
    assert_eq!(stuck(&last(&bench)), ["clean:prod moved from 4 to 6", "report:prod moved from 5 to nothing"]);
}

#[test]
fn what_cannot_be_used_any_more_does_not_come_back() {
    let mut bench = promoted();
    let clean = last(&bench).moves[0].now.clone().expect("a snapshot").id;
    bench.gone.insert(clean);
    assert_eq!(stuck(&last(&bench)), ["clean:prod 2 bytes gone"]);
    bench.commit(&[Change::Invalidate { snapshot: clean, because: "wrong".into() }]);
    assert_eq!(stuck(&last(&bench)), ["clean:prod 2 invalidated"]);
}

#[test]
fn what_was_made_since_from_what_goes_must_go_too() {
    let bench = promoted();
    bench.make(&["report:prod"], &["page:prod"], "1");
    let found = last(&bench);
    assert_eq!(stuck(&found), ["page:prod made from report:prod"]);
    let found = bench.back(Until::Last, true);
    let expected = [
        "clean:prod 4 -> 2, held (promoted)",
        "report:prod 5 -> nothing, held (promoted)",
        "page:prod 6 -> nothing, held (from report:prod)",
    ];
    assert_eq!(moves(&found.moves), expected);
    bench.do_back(&found);
}

#[test]
fn what_goes_along_goes_back_to_what_it_was_before_the_promotion() {
    let bench = Bench::new(CHAIN);
    bench.read("raw:prod", "a");
    for class in ["clean", "report", "page"] {
        let from = ["raw", "clean", "report"][["clean", "report", "page"].iter().position(|c| *c == class).unwrap_or(0)];
        bench.make(&[&format!("{from}:prod")], &[&format!("{class}:prod")], "1");
    }
    bench.make(&["clean:pr-1"], &["report:pr-1"], "2");
    bench.do_promote(&["report:pr-1"]);
    bench.make(&["report:prod"], &["page:prod"], "2");
    bench.make(&["report:prod"], &["page:prod"], "3");
    let found = bench.back(Until::Last, true);
    assert_eq!(moves(&found.moves), ["report:prod 5 -> 3, held (promoted)", "page:prod 7 -> 4, held (from report:prod)"]);
}

#[test]
fn what_stood_before_the_promotion_is_not_made_since() {
    let bench = Bench::new(CHAIN);
    bench.read("raw:prod", "a");
    bench.make(&["raw:prod"], &["clean:prod"], "1");
    // The label made both, and prod took the second one over before the first was promoted.
    bench.make(&["raw:pr-1"], &["clean:pr-1"], "1");
    let report = bench.make(&["clean:pr-1"], &["report:pr-1"], "1");
    bench.commit(&[Change::Point { identity: id("report:prod"), snapshot: report, expect: None, because: "same key".into() }]);
    bench.do_promote(&["clean:pr-1"]);
    assert_eq!(stuck(&last(&bench)), [""; 0]);
}

#[test]
fn other_outputs_of_a_job_that_goes_back_are_held_with_it() {
    let text = "source (raw, prod, dl) from \"raw.csv\"\n(raw, prod, dl) -> (model, prod, dl) { run \"x\" }\n(raw, prod, dl) -> (metrics, prod, dl) { run \"y\" }";
    let bench = Bench::new(text);
    bench.read("raw:prod", "a");
    // An earlier formula made both at once.
    bench.make(&["raw:prod"], &["model:prod", "metrics:prod"], "1");
    bench.make(&["raw:pr-1"], &["model:pr-1"], "2");
    bench.do_promote(&["model:pr-1"]);
    let found = last(&bench);
    assert_eq!(moves(&found.moves), ["model:prod 4 -> 2, held (promoted)", "metrics:prod 3 -> 3, held (held with model:prod)"]);
}

#[test]
fn several_promotions_go_back_at_once_to_before_the_first() {
    let bench = promoted();
    let between = bench.now();
    bench.make(&["raw:pr-1"], &["clean:pr-1"], "5");
    bench.make(&["clean:pr-1"], &["report:pr-1"], "5");
    assert_eq!(bench.do_promote(&["report:pr-1"]), PromotionId(2));
    let both = ["clean:prod 6 -> 2, held (promoted)", "report:prod 7 -> nothing, held (promoted)"];
    assert_eq!(moves(&bench.back(Until::Promotion(PromotionId(1)), false).moves), both);
    assert_eq!(moves(&bench.back(Until::Time(0), false).moves), both);
    let one = ["clean:prod 6 -> 4, held (promoted)", "report:prod 7 -> 5, held (promoted)"];
    assert_eq!(moves(&last(&bench).moves), one);
    assert_eq!(moves(&bench.back(Until::Time(between), false).moves), one);
    // One after the other comes to the same.
    bench.do_back(&last(&bench));
    let found = last(&bench);
    assert_eq!(moves(&found.moves), ["clean:prod 4 -> 2, held (promoted)", "report:prod 5 -> nothing, held (promoted)"]);
    bench.do_back(&found);
    assert_eq!(last(&bench).undoes, []);
}

#[test]
fn a_build_between_two_promotions_is_not_passed_over() {
    let bench = promoted();
    bench.make(&["clean:prod"], &["report:prod"], "4");
    bench.make(&["clean:pr-1"], &["report:pr-1"], "5");
    bench.do_promote(&["report:pr-1"]);
    assert_eq!(stuck(&bench.back(Until::Promotion(PromotionId(1)), false)), ["report:prod moved from 5 to 6"]);
    assert_eq!(stuck(&last(&bench)), [""; 0]);
}

#[test]
fn what_showed_through_from_a_base_shows_again() {
    let bench = Bench::new(CHAIN);
    bench.read("raw:root", "a");
    bench.make(&["raw:root"], &["clean:root"], "1");
    bench.make(&["raw:pr-1"], &["clean:pr-1"], "2");
    bench.do_promote(&["clean:pr-1"]);
    assert_eq!(moves(&last(&bench).moves), ["clean:prod 3 -> 2, held (promoted)"]);
}
