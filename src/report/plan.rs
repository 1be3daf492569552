//! A plan as text and as JSON.
//!
//! Small plans have a line per identity; big ones a line per class, action and reason, with counts and ranges. What is blocked comes last but
//! one, with its derivation: only where it is not already part of another's. The last line is the summary.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::gather::{self, gathered};
use super::look::{Cell, Columns, Look, Tone, cell};
use super::{reason, units};
use crate::catalog::Refusal;
use crate::identity::Identity;
use crate::plan::{Action, Plan, SourceState, Step};

/// More steps than this are gathered by class.
const SMALL: usize = 30;
/// More derivations than this are counted only.
const DERIVATIONS: usize = 5;

/// `formake.plan/1`; see `docs/json.md`.
pub fn json(plan: &Plan) -> Value {
    json!({
        "schema": "formake.plan/1",
        "work_needed": plan.work_needed(),
        "counts": plan.counts,
        "at_least": plan.at_least,
        "at_most": plan.at_most,
        "seconds": plan.seconds.map(|(least, most)| json!({ "at_least": least, "at_most": most })),
        "bytes": plan.bytes.map(|(least, most)| json!({ "at_least": least, "at_most": most })),
        "not_permitted": plan.not_permitted,
        "steps": plan.steps,
    })
}

/// For people. With `all`, nothing is gathered or left out.
pub fn text(plan: &Plan, look: &Look, all: bool) -> String {
    text_with(plan, look, all, &[])
}

/// Whether each step has a line.
pub(super) fn is_small(plan: &Plan) -> bool {
    plan.steps.len() <= SMALL
}

/// The same with `more` to say between the steps and what is blocked.
pub(super) fn text_with(plan: &Plan, look: &Look, all: bool, more: &[String]) -> String {
    let mut lines = Vec::new();
    if all || is_small(plan) {
        // A plan without work is its last line, unless everything is asked for.
        if all || plan.work_needed() || plan.counts.blocked > 0 {
            lines.extend(each(plan, look, all));
        }
    } else {
        lines.extend(by_class(plan.steps.iter(), look));
    }
    lines.extend(more.iter().skip(usize::from(lines.is_empty())).cloned());
    lines.extend(derivations(plan, look, all));
    lines.extend(refusals(&plan.not_permitted, look));
    if lines.first().is_some_and(String::is_empty) {
        lines.remove(0);
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(summary(plan, look));
    lines.join("\n") + "\n"
}

/// The word that stands before an identity, and its colour.
fn verb(action: &Action) -> (Tone, &'static str) {
    match action {
        Action::Valid { .. } => (Tone::Faint, "valid"),
        Action::Inherited { .. } => (Tone::Faint, "inherited"),
        Action::StaleInBase { .. } => (Tone::Faint, "stale in base"),
        Action::Reuse { .. } => (Tone::Good, "reuse"),
        Action::Run { .. } => (Tone::Attention, "run"),
        Action::MayRun { .. } => (Tone::Attention, "may run"),
        Action::Blocked { .. } => (Tone::Bad, "blocked"),
        Action::Held { .. } => (Tone::Name, "held"),
        Action::Source { .. } => (Tone::Faint, "source"),
        Action::Published { .. } => (Tone::Faint, "published"),
    }
}

/// Why, in one line; `gathered` where the line stands for many.
fn why(action: &Action, gathered: bool) -> String {
    match action {
        Action::Valid { .. } | Action::Published { .. } => String::new(),
        Action::Inherited { from, .. } => format!("as {}", from.label),
        Action::StaleInBase { why, .. } if gathered => reason::family(why),
        Action::StaleInBase { why, .. } => reason::headline(why),
        Action::Reuse { from, run, .. } if gathered => format!("made before (run {} and others) under {}", run.0, from.label),
        Action::Reuse { from, run, .. } => format!("made before by run {} as {from}", run.0),
        Action::Run { why } if gathered => reason::family(why),
        Action::Run { why } => reason::headline(why),
        Action::MayRun { after } if gathered => format!("after {}", classes(after)),
        Action::MayRun { after } => match after.as_slice() {
            [] => "after what it is made from".into(),
            [one] => format!("after {one}"),
            [first, rest @ ..] => format!("after {first} and {} more", rest.len()),
        },
        Action::Blocked { on } => reason::root(on),
        Action::Held { snapshot: Some(_), because } => because.clone(),
        Action::Held { snapshot: None, because } => format!("empty: {because}"),
        Action::Source { state } => match state {
            SourceState::Unchanged => String::new(),
            SourceState::New => "new".into(),
            SourceState::Changed => "changed".into(),
            SourceState::Vanished => "no longer there; its recorded hash counts".into(),
        },
    }
}

fn classes(identities: &[Identity]) -> String {
    let names: BTreeSet<&str> = identities.iter().map(|identity| &*identity.class).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// Under a label with a base, what is as there is left out: the last line counts it.
fn each(plan: &Plan, look: &Look, all: bool) -> Vec<String> {
    let mut columns = Columns::default();
    let based = plan.steps.iter().any(|step| step.owed.is_some() || matches!(step.action, Action::Inherited { .. }));
    let as_in_base = |step: &Step| matches!(step.action, Action::Inherited { .. } | Action::Source { state: SourceState::Unchanged });
    for step in plan.steps.iter().filter(|step| all || !(based && as_in_base(step))) {
        let (tone, verb) = verb(&step.action);
        let why = match &step.action {
            Action::Source { state: SourceState::Unchanged } => step.maker.clone().unwrap_or_default(),
            action => why(action, false),
        };
        let estimate = step.estimate.filter(|seconds| *seconds >= 1.0 && matches!(step.action, Action::Run { .. } | Action::MayRun { .. }));
        let estimate = estimate.map(|seconds| format!("about {}", units::about(seconds))).unwrap_or_default();
        columns.row([cell(tone, verb), name(step), cell(Tone::Faint, estimate).right(), cell(Tone::Plain, why)]);
    }
    let mut lines = Vec::new();
    for (line, step) in columns.render(look, 0).into_iter().zip(&plan.steps) {
        lines.push(line);
        if let Action::Run { why } | Action::Reuse { why, .. } = &step.action {
            lines.extend(reason::details(why, look).into_iter().map(|line| format!("{:14}{line}", "")));
        }
    }
    lines
}

fn name(step: &Step) -> Cell {
    let quiet = matches!(
        step.action,
        Action::Valid { .. } | Action::Inherited { .. } | Action::StaleInBase { .. } | Action::Source { .. } | Action::Published { .. }
    );
    cell(if quiet { Tone::Faint } else { Tone::Strong }, step.identity.to_string())
}

/// Steps of one class, action and reason, in the order of their first.
pub(super) fn by_class<'s>(steps: impl Iterator<Item = &'s Step>, look: &Look) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&Step>)> = Vec::new();
    let mut index = std::collections::HashMap::new();
    for step in steps {
        // What needs nothing done is in the summary's counts.
        if matches!(
            step.action,
            Action::Valid { .. } | Action::Inherited { .. } | Action::Published { .. } | Action::Source { state: SourceState::Unchanged }
        ) {
            continue;
        }
        let why = match &step.action {
            // The derivations below name what is missing.
            Action::Blocked { .. } => String::new(),
            action => why(action, true),
        };
        let key = (&step.identity.class, &step.identity.label, &step.identity.repository, verb(&step.action).1, why.clone());
        let group = *index.entry(key).or_insert_with(|| {
            groups.push((why, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(step);
    }
    let mut columns = Columns::default();
    for (why, steps) in &groups {
        let (tone, verb) = verb(&steps[0].action);
        let identities: Vec<&Identity> = steps.iter().map(|step| &step.identity).collect();
        let (exact, text) = gathered(&identities);
        let count = if exact || steps.len() == 1 { steps.len().to_string() } else { format!("{} of", steps.len()) };
        let why = if steps.len() == 1 { self::why(&steps[0].action, false) } else { why.clone() };
        columns.row([cell(tone, verb), cell(Tone::Plain, count).right(), cell(Tone::Strong, text), cell(Tone::Plain, why)]);
    }
    columns.render(look, 0)
}

/// The derivations of what is blocked, but for those that are part of another's.
fn derivations(plan: &Plan, look: &Look, all: bool) -> Vec<String> {
    let outer = plan.derivations();
    let shown = if all { outer.len() } else { DERIVATIONS };
    let mut lines = Vec::new();
    for blocked in outer.iter().take(shown) {
        lines.push(String::new());
        lines.extend(reason::impossible(blocked, look));
    }
    if outer.len() > shown {
        lines.push(String::new());
        lines.push(format!("{} more cannot be provided; --all shows them.", outer.len() - shown));
    }
    lines
}

/// `Nothing to do: 330 inherited, 2 valid, 5 stale in base.`
pub(super) fn nothing_to_do(valid: usize, inherited: usize, stale_in_base: usize) -> String {
    let named = [(inherited, "inherited"), (valid, "valid"), (stale_in_base, "stale in base")];
    let named: Vec<String> = named.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    match named.as_slice() {
        [one] if valid + stale_in_base == 0 => format!("Nothing to do: all {one}."),
        several => format!("Nothing to do: {}.", several.join(", ")),
    }
}

/// What the acting user may not do, and who may.
pub fn refusals(refusals: &[Refusal], look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    for refusal in refusals {
        lines.push(String::new());
        lines.push(format!("{} ({}):", look.paint(Tone::Bad, &format!("{refusal}")), refusal.who_may()));
        let mut columns = Columns::default();
        for line in gather::lines(&refusal.identities) {
            columns.row([cell(Tone::Plain, line.count()).right(), cell(Tone::Strong, line.text)]);
        }
        lines.extend(columns.render(look, 2));
    }
    lines
}

/// The last line: `2 to run, 1 may run, 9 valid. At least 2, at most 3 jobs; about 4 min, at most 6 min.`
pub(super) fn summary(plan: &Plan, look: &Look) -> String {
    let counts = &plan.counts;
    if !plan.work_needed() && counts.blocked == 0 {
        let text = match (counts.valid + counts.held, counts.held) {
            (valid, 0) if counts.inherited + counts.stale_in_base > 0 => nothing_to_do(valid, counts.inherited, counts.stale_in_base),
            (0, _) => "Nothing to do.".to_string(),
            (1, 0) => "Nothing to do: it is valid.".to_string(),
            (all, 0) => format!("Nothing to do: all {all} are valid."),
            (all, held) => format!("Nothing to do: all {all} are valid, {held} of them held."),
        };
        return look.paint(Tone::Good, &text);
    }
    let named = [
        (counts.run, "to run"),
        (counts.may_run, "may run"),
        (counts.reuse, "to reuse"),
        (counts.blocked, "blocked"),
        (counts.held, "held"),
        (counts.valid, "valid"),
        (counts.inherited, "inherited"),
        (counts.stale_in_base, "stale in base"),
    ];
    let named: Vec<String> = named.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let mut text = format!("{}.", look.strong(&named.join(", ")));
    if plan.at_most > 0 {
        text += &match (plan.at_least, plan.at_most) {
            (least, most) if least == most => format!(" Runs {}", units::count(most, "job")),
            (least, most) => format!(" Runs at least {least}, at most {}", units::count(most, "job")),
        };
        text += &match plan.seconds.filter(|(_, most)| *most >= 1.0).map(|(least, most)| (units::about(least), units::about(most))) {
            None => ".".to_string(),
            Some((least, most)) if least == most => format!(", about {most}."),
            Some((least, most)) => format!(", about {least} to {most}."),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalog::SnapshotId;
    use crate::identity::{Component, Instance, Name, Period, Value as Part};
    use crate::plan::Counts;
    use crate::resolve::{Blocked, Cause};
    use crate::validity::{Difference, Reason};

    fn identity(class: &str, day: &str) -> Identity {
        let value = Period::parse_any(day).map(Part::Time).expect("a period");
        let prod: Name = "prod".into();
        Identity { class: class.into(), instance: Instance::new([Component { key: None, value }]), label: prod, repository: "dl".into() }
    }

    fn step(class: &str, day: &str, action: Action) -> Step {
        Step {
            identity: identity(class, day),
            action,
            job: None,
            maker: None,
            place: None,
            estimate: None,
            bytes: None,
            owed: None,
            target: false,
        }
    }

    fn run(old: &str, new: &str) -> Action {
        let difference = Difference { part: "params.k".into(), old: Some(old.into()), new: Some(new.into()) };
        Action::Run { why: Reason::Changed { differences: vec![difference] } }
    }

    #[test]
    fn nothing_to_do_is_one_line() {
        let steps = vec![step("a", "2024", Action::Valid { snapshot: SnapshotId(1) })];
        let plan = Plan { steps, counts: Counts { valid: 1, ..Counts::default() }, ..Plan::default() };
        assert_eq!(text(&plan, &Look::plain(), false), "Nothing to do: it is valid.\n");
    }

    #[test]
    fn a_small_plan_has_a_line_per_identity() {
        let because = Blocked::new(identity("raw", "2024-01-02"), Cause::NotPublished);
        let inner = Arc::new(because);
        let cause = Cause::Input { name: "raw".into(), because: inner.clone(), first_complete: None };
        let outer = Blocked::new(identity("b", "2024-01-02"), cause);
        let plan = Plan {
            steps: vec![
                step("raw", "2024-01-01", Action::Source { state: SourceState::Changed }),
                step("raw", "2024-01-02", Action::Blocked { on: inner }),
                Step { estimate: Some(75.0), ..step("a", "2024-01-01", run("1", "2")) },
                step("b", "2024-01-01", Action::MayRun { after: vec![identity("a", "2024-01-01")] }),
                step("b", "2024-01-02", Action::Blocked { on: Arc::new(outer) }),
            ],
            counts: Counts { run: 1, may_run: 1, blocked: 1, ..Counts::default() },
            at_least: 1,
            at_most: 2,
            seconds: Some((75.0, 80.0)),
            ..Plan::default()
        };
        let expected = "\
source   raw@2024-01-01:prod/dl                    changed
blocked  raw@2024-01-02:prod/dl                    it is published by hand, and nobody has published it
run      a@2024-01-01:prod/dl    about 1 min 15 s  params.k: 1 -> 2
may run  b@2024-01-01:prod/dl                      after a@2024-01-01:prod/dl
blocked  b@2024-01-02:prod/dl                      needs raw@2024-01-02:prod/dl: it is published by hand, and nobody has published it

b@2024-01-02:prod/dl cannot be provided:
  needs raw@2024-01-02:prod/dl as `raw`
    it is published by hand, and nobody has published it
    help: formake publish raw@2024-01-02:prod/dl FILE

1 to run, 1 may run, 1 blocked. Runs at least 1, at most 2 jobs, about 1 min 15 s to 1 min 20 s.
";
        assert_eq!(text(&plan, &Look::plain(), false), expected);
    }

    #[test]
    fn a_big_plan_is_gathered() {
        let mut steps: Vec<Step> = (1..=31).map(|day| step("a", &format!("2024-01-{day:02}"), run("1", "2"))).collect();
        steps.extend((1..=9).map(|day| step("a", &format!("2023-01-{day:02}"), Action::Valid { snapshot: SnapshotId(day) })));
        let counts = Counts { run: 31, valid: 9, ..Counts::default() };
        let plan = Plan { steps, counts, at_least: 31, at_most: 31, ..Plan::default() };
        let expected = "\
run  31  a@2024-01-01..2024-01-31:prod/dl  params.k: 1 -> 2

31 to run, 9 valid. Runs 31 jobs.
";
        assert_eq!(text(&plan, &Look::plain(), false), expected);
        assert_eq!(text(&plan, &Look::plain(), true).lines().count(), 42, "--all shows every step");
    }
}
