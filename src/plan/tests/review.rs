//! What a label's changes come down to.

use insta::assert_snapshot;

use super::{Case, case, told};
use crate::catalog::SnapshotId;
use crate::identity::Identity;
use crate::plan::{Action, FormulaChange, Gathered, Plan, Review, Touched};
use crate::validity::{Difference, Reason};

/// Two changed formulas, a new one, one for more parts than before, and what happens beside.
pub(crate) fn reviewed() -> (Case, Plan, Review) {
    let then = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (clean, <DATE>, prod, dl) { sql """select id, region, amount from raw""" }
(clean, <DATE>, prod, dl) -> (model, <DATE>, prod, dl) { run "python3 jobs/train.py {{ inputs.clean }} > {{ output }}"
                                                         param k = 1 }
(raw, <D in DATE-1d..DATE>, prod, dl) -> (week, <DATE>, prod, dl) { sql """select * from raw""" }
(raw, <DATE>, prod, dl) -> (gone, <DATE>, prod, dl) { sql """select 1 as one from raw""" }
(clean, <DATE>, prod, dl) -> (far, <DATE>, prod, dl) { sql """select amount from clean""" }
"#;
    let now = then
        .replace("select id, region, amount from raw", "select id, region from raw")
        .replace("param k = 1", "param k = 2")
        .replace("DATE-1d", "DATE-2d")
        .replace("-> (gone, <DATE>, prod, dl)", "-> (fresh, <DATE>, prod, dl)");
    let case = case(&now, &["model@2024-01-03", "model@2024-01-04", "week@2024-01-04", "fresh@2024-01-04"])
        .source("raw", "id bigint, region text, amount double")
        .holds("clean", "id bigint, region text, amount double")
        .holds("model", "")
        .holds("week", "id bigint, region text, amount double, date date")
        .holds("far", "amount double")
        .file("jobs/train.py", "import csv\ntotal = sum(row['amount'])\n");
    let mut plan = case.plan(&["clean", "model", "week", "fresh"]);
    for step in &mut plan.steps {
        let why = Reason::Changed { differences: vec![Difference { part: "input raw@2024-01-02".into(), old: None, new: None }] };
        if &*step.identity.class == "model" {
            step.action = Action::MayRun { after: vec![Identity { class: "clean".into(), ..step.identity.clone() }] };
        }
        if step.identity.to_string().starts_with("raw@2024-01-03") {
            step.action = Action::StaleInBase { snapshot: SnapshotId(0), from: step.identity.clone(), why };
        }
    }
    let count = |action: fn(&Action) -> bool| plan.steps.iter().filter(|step| action(&step.action)).count();
    plan.counts.run = count(|action| matches!(action, Action::Run { .. }));
    plan.counts.may_run = count(|action| matches!(action, Action::MayRun { .. }));
    plan.counts.stale_in_base = 1;
    (plan.at_least, plan.at_most) = (plan.counts.run, plan.counts.run + plan.counts.may_run);
    (plan.seconds, plan.bytes) = (Some((3.0, 70.0)), Some((1200.0, 34_000.0)));
    let gone = Identity { class: "gone".into(), ..plan.steps[0].identity.clone() };
    let unmade = [(gone, "raw -> gone".into(), "pipeline.formula:7".into())];
    let review = case.review(&plan, then, &unmade);
    (case, plan, review)
}

#[test]
fn a_review_tells_what_changed_in_which_formula() {
    let (_, _, review) = reviewed();
    let mut lines = Vec::new();
    for formula in &review.formulas {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".into());
        let change = match &formula.change {
            FormulaChange::Differs { differences } => {
                differences.iter().map(|d| format!("{}: {} -> {}", d.part, side(&d.old), side(&d.new))).collect::<Vec<_>>().join("; ")
            }
            other => format!("{other:?}"),
        };
        let because = formula.because.iter().map(|t| format!("{} {}/{}/{}/{}", t.class, t.run, t.may_run, t.reuse, t.valid));
        lines.push(format!("{} at {}: {change} [{}]", formula.title, formula.place, because.collect::<Vec<_>>().join(", ")));
    }
    let group = |g: &Gathered| format!("{:?} {} {}", g.action, g.count, g.class);
    lines.push(format!("others: {:?}", review.others.iter().map(group).collect::<Vec<_>>()));
    lines.push(format!("stale in base: {:?}", review.stale_in_base.iter().map(group).collect::<Vec<_>>()));
    let class = |touched: &Touched| format!("{}{}", touched.class, if touched.planned { "" } else { ", not planned" });
    lines.push(format!("touched: {:?}", review.touched.iter().map(class).collect::<Vec<_>>()));
    lines.push(format!("new: {:?}", review.new_classes.iter().map(class).collect::<Vec<_>>()));
    lines.push(told(&review.breaks));
    assert_snapshot!(lines.join("\n"), @r#"
    raw -> clean at pipeline.formula:3: sql: select id , region , amount from raw -> select id , region from raw [clean 2/0/0/0, model 0/2/0/0]
    clean -> model at pipeline.formula:4: param k: 1 -> 2 [model 0/2/0/0]
    raw -> week at pipeline.formula:6: inputs: raw (2) -> raw (3) [week 1/0/0/0]
    raw -> fresh at pipeline.formula:7: New [fresh 1/0/0/0]
    raw -> gone at pipeline.formula:7: Gone { identities: 1 } []
    others: []
    stale in base: ["StaleInBase 1 raw"]
    touched: ["far, not planned"]
    new: ["fresh"]
    clean (clean@2024-01-04:pr-1/dl): -amount double
    would break: far at pipeline.formula:8 for clean, not planned: amount: there is no column `amount`; there are `id`, `region`, `date`
    may break: model at pipeline.formula:4 for clean: mentions amount (jobs/train.py:2)
    "#);
}
