//! The clauses of promotion, one by one.

use super::bench::{Bench, id, left_out, moves, rebuild, refused};
use crate::catalog::{Change, SnapshotId};
use crate::plan::{Action, SourceState};
use crate::validity::Reason;

/// raw -> clean -> report, and clean -> side.
const CHAIN: &str = r#"
source (raw, prod, dl) from "raw.csv"
(raw, prod, dl) -> (clean, prod, dl) { run "clean" }
(clean, prod, dl) -> (report, prod, dl) { run "report" }
(clean, prod, dl) -> (side, prod, dl) { run "side" }
"#;

/// Snapshots 1 (raw), 2 (clean), 3 (report), 4 (side) of prod.
fn built(formulas: &str) -> Bench {
    let bench = Bench::new(formulas);
    bench.read("raw:prod", "a");
    bench.make(&["raw:prod"], &["clean:prod"], "1");
    bench.make(&["clean:prod"], &["report:prod"], "1");
    bench.make(&["clean:prod"], &["side:prod"], "1");
    bench
}

fn run() -> Action {
    Action::Run { why: Reason::Changed { differences: Vec::new() } }
}

#[test]
fn what_a_target_was_made_from_goes_along_where_it_is_the_labels_own() {
    let bench = built(CHAIN);
    bench.make(&["raw:pr-1"], &["clean:pr-1"], "2");
    bench.make(&["clean:pr-1"], &["report:pr-1"], "2");
    let found = bench.promote(&["report:pr-1"]);
    assert_eq!(moves(&found.moves), ["clean:prod 2 -> 5 (for report:prod)", "report:prod 3 -> 6 (asked)"]);
    assert_eq!((refused(&found), left_out(&found), rebuild(&found)), (vec![], vec![], vec![]));
    // Done once, there is nothing left to do.
    bench.do_promote(&["report:pr-1"]);
    let found = bench.promote(&["report:pr-1"]);
    assert_eq!((moves(&found.moves), left_out(&found)), (vec![], vec!["report:pr-1 Same".into()]));
}

#[test]
fn what_is_inherited_stays_where_it_is() {
    let bench = built(CHAIN);
    bench.make(&["clean:pr-1"], &["report:pr-1"], "2");
    let found = bench.promote(&["report:pr-1", "side:pr-1"]);
    assert_eq!(moves(&found.moves), ["report:prod 3 -> 5 (asked)"]);
    assert_eq!(left_out(&found), ["side:pr-1 Same"]);
    let mut bench = bench;
    let why = Reason::Changed { differences: Vec::new() };
    bench.says.insert("side:pr-1", Action::StaleInBase { snapshot: SnapshotId(4), from: id("side:prod"), why });
    assert_eq!(left_out(&bench.promote(&["side:pr-1"])), ["side:pr-1 StaleInBase"]);
}

#[test]
fn sources_go_along_where_the_base_has_read_other_bytes() {
    let bench = built(CHAIN);
    let raw = bench.read("raw:pr-1", "b");
    bench.look(&["raw:pr-1"]);
    bench.make(&["raw:pr-1"], &["clean:pr-1"], "2");
    assert_eq!(moves(&bench.promote(&["clean:pr-1"]).moves), ["raw:prod 1 -> 5 (for clean:prod)", "clean:prod 2 -> 6 (asked)"]);
    assert_eq!(moves(&bench.promote(&["raw:pr-1"]).moves), ["raw:prod 1 -> 5 (asked)"]);
    // The base read the same since: the pointer that it has is as good, and nothing is written over.
    assert_ne!(bench.read("raw:prod", "b"), raw);
    let found = bench.promote(&["clean:pr-1"]);
    assert_eq!((moves(&found.moves), refused(&found)), (vec!["clean:prod 2 -> 6 (asked)".into()], vec![]));
    // It read something else, and the file is again what the label read.
    bench.read("raw:prod", "c");
    assert_eq!(refused(&bench.promote(&["clean:pr-1"])), ["raw:prod moved from 1 to 8"]);
    let mut bench = bench;
    bench.says.insert("raw:pr-1", Action::Source { state: SourceState::Changed });
    assert_eq!(refused(&bench.promote(&["raw:pr-1"])), ["raw:pr-1 stale"]);
}

#[test]
fn outputs_of_one_job_go_together() {
    let bench =
        Bench::new("source (raw, prod, dl) from \"raw.csv\"\n(raw, prod, dl) -> (model, prod, dl) + (metrics, prod, dl) { run \"x\" }");
    bench.read("raw:prod", "a");
    bench.make(&["raw:pr-1"], &["model:pr-1", "metrics:pr-1"], "1");
    let found = bench.promote(&["metrics:pr-1"]);
    assert_eq!(moves(&found.moves), ["model:prod nothing -> 2 (with metrics:prod)", "metrics:prod nothing -> 3 (asked)"]);
}

#[test]
fn nothing_goes_where_the_base_moved() {
    let bench = built(CHAIN);
    bench.make(&["clean:pr-1"], &["report:pr-1"], "2");
    // What is to be written is another one.
    bench.make(&["clean:prod"], &["report:prod"], "3");
    let found = bench.promote(&["report:pr-1"]);
    assert_eq!((refused(&found), rebuild(&found)), (vec!["report:prod moved from 3 to 6".into()], vec!["report:pr-1".into()]));
    bench.look(&["report:pr-1"]);
    assert_eq!(refused(&bench.promote(&["report:pr-1"])), [""; 0], "a build of the label has seen it");
    // What was read is another one, by its bytes; so a plan under the label would run it.
    bench.make(&["raw:prod"], &["clean:prod"], "4");
    let mut bench = bench;
    bench.says.insert("report:pr-1", run());
    let found = bench.promote(&["report:pr-1"]);
    assert_eq!(refused(&found), ["report:pr-1 read clean:prod as 2, now 7"]);
    assert_eq!(rebuild(&found), ["report:pr-1"]);
}

#[test]
fn an_input_of_the_base_that_was_made_again_with_the_same_bytes_is_no_move() {
    let bench = built(CHAIN);
    bench.make(&["clean:pr-1"], &["report:pr-1"], "2");
    bench.make(&["raw:prod"], &["clean:prod"], "1");
    assert_eq!(moves(&bench.promote(&["report:pr-1"]).moves), ["report:prod 3 -> 5 (asked)"]);
}

#[test]
fn what_no_build_has_looked_at_is_not_written_over() {
    let bench = built(CHAIN);
    let made = bench.make(&["clean:pr-1"], &["report:pr-2"], "2");
    let point = |text: &str| Change::Point { identity: id(text), snapshot: made, expect: None, because: "by hand".into() };
    bench.commit(&[point("report:pr-1")]);
    assert_eq!(refused(&bench.promote(&["report:pr-1"])), ["report:prod moved from unseen to 3"]);
}

#[test]
fn nothing_goes_that_a_build_would_make_again() {
    let mut bench = built(CHAIN);
    bench.make(&["raw:pr-1"], &["clean:pr-1"], "2");
    bench.make(&["clean:pr-1"], &["report:pr-1"], "2");
    bench.says.insert("clean:pr-1", run());
    bench.says.insert("report:pr-1", Action::MayRun { after: vec![id("clean:pr-1")] });
    let found = bench.promote(&["report:pr-1"]);
    assert_eq!((refused(&found), rebuild(&found)), (vec!["clean:pr-1 stale".into()], vec!["report:pr-1".into()]));
}

#[test]
fn bytes_that_are_gone_are_not_handed_on() {
    let mut bench = built(CHAIN);
    let clean = bench.make(&["raw:pr-1"], &["clean:pr-1"], "2");
    bench.make(&["clean:pr-1"], &["report:pr-1"], "2");
    bench.gone.insert(clean);
    assert_eq!(refused(&bench.promote(&["report:pr-1"])), ["clean:pr-1 bytes gone"]);
}

#[test]
fn nothing_goes_onto_what_is_held() {
    let bench = built(CHAIN);
    bench.make(&["clean:pr-1"], &["report:pr-1"], "2");
    bench.commit(&[Change::Hold { identity: id("report:prod"), because: "audit".into() }]);
    // The base's hold shows through: the plan under the label says so.
    assert_eq!(refused(&bench.promote(&["report:pr-1"])), ["report:prod held: audit"]);
    let found = bench.promote_all();
    assert_eq!((refused(&found), moves(&found.moves)), (vec!["report:prod held: audit".into()], vec![]));
}

#[test]
fn nothing_goes_onto_what_is_held_empty() {
    let bench = Bench::new(CHAIN);
    bench.read("raw:prod", "a");
    bench.commit(&[Change::Hold { identity: id("clean:prod"), because: "rolled back".into() }]);
    bench.make(&["raw:pr-1"], &["clean:pr-1"], "2");
    assert_eq!(refused(&bench.promote(&["clean:pr-1"])), ["clean:prod held: rolled back"]);
}

#[test]
fn a_hold_goes_along_with_all_that_its_job_made() {
    let bench =
        Bench::new("source (raw, prod, dl) from \"raw.csv\"\n(raw, prod, dl) -> (model, prod, dl) + (metrics, prod, dl) { run \"x\" }");
    bench.read("raw:prod", "a");
    bench.make(&["raw:pr-1"], &["model:pr-1", "metrics:pr-1"], "1");
    let hold = |text: &str| Change::Hold { identity: id(text), because: "as agreed".into() };
    bench.commit(&[hold("model:pr-1"), hold("metrics:pr-1")]);
    let found = bench.promote(&["model:pr-1"]);
    assert_eq!(moves(&found.moves), ["model:prod nothing -> 2, held (asked)", "metrics:prod nothing -> 3, held (with model:prod)"]);
    // Published and held, over what the base has.
    let bench = built(CHAIN);
    bench.publish("clean:pr-1", "by hand", Some("audit"));
    bench.make(&["clean:pr-1"], &["report:pr-1"], "2");
    let found = bench.promote(&["report:pr-1"]);
    assert_eq!(moves(&found.moves), ["clean:prod 2 -> 5, held (for report:prod)", "report:prod 3 -> 6 (asked)"]);
    // The base has published something else meanwhile.
    bench.make(&["raw:prod"], &["clean:prod"], "9");
    assert_eq!(refused(&bench.promote(&["report:pr-1"])), ["clean:prod overtaken by 7"]);
}

const UNFIT: &str = r#"
source (raw, prod, dl) from "raw.csv"
(raw, prod, dl) -> (sent, prod, dl) {
    run "send"
    effect
}
(raw, prod, dl) -> (named, prod, dl) { run "echo {{ label }} > {{ output }}" }
(named, prod, dl) -> (over, prod, dl) { run "over" }
(raw, prod, dl) -> (plain, prod, dl) { run "plain" }
(raw, prod, dl) -> (trial, prod, dl) { run "usual" }
(raw, prod, dl) -> (trial, pr-1, dl) { run "special" }
"#;

#[test]
fn what_means_something_else_under_another_label_does_not_go() {
    let bench = Bench::new(UNFIT);
    bench.read("raw:prod", "a");
    for class in ["sent", "named", "plain", "trial"] {
        bench.make(&["raw:prod"], &[&format!("{class}:pr-1")], "1");
    }
    assert_eq!(refused(&bench.promote(&["sent:pr-1"])), ["sent:pr-1 Effect"]);
    assert_eq!(refused(&bench.promote(&["named:pr-1"])), ["named:pr-1 WritesLabel"]);
    assert_eq!(refused(&bench.promote(&["trial:pr-1"])), ["trial:pr-1 NamesLabel"]);
    let found = bench.promote_all();
    assert_eq!(moves(&found.moves), ["plain:prod nothing -> 4 (asked)"]);
    assert_eq!(
        (refused(&found), left_out(&found)),
        (vec![], vec!["sent:pr-1 Effect".into(), "named:pr-1 WritesLabel".into(), "trial:pr-1 NamesLabel".into()])
    );
    // Unless something that goes was made from it.
    bench.make(&["named:pr-1"], &["over:pr-1"], "1");
    assert_eq!(refused(&bench.promote_all()), ["named:pr-1 WritesLabel, for over:pr-1"]);
    bench.make(&["raw:prod"], &["named:prod"], "1");
    assert_eq!(refused(&bench.promote_all()), [""; 0], "the base has the same bytes");
}

#[test]
fn the_whole_label_is_what_was_made_or_published_for_it() {
    let bench =
        built("source (raw, prod, dl) from \"raw.csv\"\n(raw, prod, dl) -> (clean, prod, dl) { run \"clean\" }\nsource (goals, prod, dl)");
    bench.read("raw:pr-1", "b");
    bench.look(&["raw:pr-1"]);
    bench.publish("goals:pr-1", "10", None);
    let found = bench.promote_all();
    assert_eq!(moves(&found.moves), ["goals:prod nothing -> 6 (asked)"], "a source goes only with what was made from it");
    bench.make(&["raw:pr-1"], &["clean:pr-1"], "2");
    bench.make(&["raw:pr-1"], &["report:pr-1"], "2");
    let found = bench.promote_all();
    assert_eq!(moves(&found.moves), ["raw:prod 1 -> 5 (for clean:prod)", "clean:prod 2 -> 7 (asked)", "goals:prod nothing -> 6 (asked)"]);
    assert_eq!(left_out(&found), ["report:pr-1 NoMaker"]);
    assert_eq!(moves(&Bench::new(CHAIN).promote_all().moves), [""; 0]);
}
