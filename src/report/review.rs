//! What a label's changes come down to, as text and as JSON; and the phrases that the Markdown uses too.

use serde_json::{Value, json};

use super::gather::gathered;
use super::look::{Columns, Look, Tone, cell};
use super::{plan, reason, units};
use crate::identity::Identity;
use crate::plan::{
    Breaks, ChangedFormula, ColumnChange, Consumer, Doing, Effect, FormulaChange, Gathered, NotKnown, Plan, Review, Tally, Touched,
    Unchecked,
};
use crate::validity::Reason;

/// Columns of one class that are named before the others are counted.
const COLUMNS: usize = 6;

/// The plan with its review: `formake.plan/1`.
pub fn json(plan: &Plan, review: Option<&Review>) -> Value {
    let mut document = plan::json(plan);
    if let (Some(review), Some(fields)) = (review, document.as_object_mut()) {
        fields.insert("review".into(), json!(review));
    }
    document
}

/// The plan for people, then what the label's changes come down to.
pub fn text(plan: &Plan, review: Option<&Review>, look: &Look, all: bool) -> String {
    let Some(review) = review else { return plan::text(plan, look, all) };
    costs(plan, plan::text_with(plan, look, all, &lines(plan, review, look, all)).trim_end().into()) + "\n"
}

/// A summary with the bytes that recorded runs make expect.
pub fn costs(plan: &Plan, summary: String) -> String {
    let Some((least, most)) = plan.bytes.filter(|(_, most)| plan.at_most > 0 && *most >= 1.0) else { return summary };
    match [least, most].map(|bytes| units::bytes(bytes.round() as u64)) {
        [least, most] if least == most => format!("{summary} Writes about {most}."),
        [least, most] => format!("{summary} Writes about {least} to {most}."),
    }
}

/// Blocks with a heading each, every one after an empty line.
fn lines(plan: &Plan, review: &Review, look: &Look, all: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut block = |heading: String, body: Vec<String>| {
        if !body.is_empty() {
            lines.extend([String::new(), heading]);
            lines.extend(body.into_iter().map(|line| format!("  {line}")));
        }
    };
    // Steps that stand there one by one show what differs.
    let apart = all || plan::is_small(plan);
    let formulas = review.formulas.iter().flat_map(|formula| changed(formula, apart, look)).collect();
    block(look.strong(&format!("{} changes against {}:", review.label, review.base)), formulas);
    block("Made for the first time, or from other data than the base's:".into(), gathered_lines(&review.others, look));
    block("Made as of today, since what changed needs it:".into(), gathered_lines(&review.owed_to_base, look));
    let Breaks { tables, consumers, unchecked } = &review.breaks;
    let mut columns = Columns::default();
    for table in tables {
        columns.row([cell(Tone::Strong, &*table.class), cell(Tone::Plain, table_change(&table.columns))]);
    }
    block("Columns:".into(), columns.render(look, 0));
    let would = |consumer: &&Consumer| matches!(consumer.effect, Effect::WouldBreak { .. });
    let broken =
        consumers.iter().filter(would).flat_map(|consumer| [who(consumer, look), format!("  {}", effect(&consumer.effect))]).collect();
    block(look.paint(Tone::Bad, "Would break:"), broken);
    let doubtful = consumers.iter().filter(|c| !would(c)).map(|consumer| format!("{}: {}", who(consumer, look), effect(&consumer.effect)));
    block(look.paint(Tone::Attention, "May break:"), doubtful.collect());
    block(
        "Columns that cannot be checked:".into(),
        unchecked.iter().map(|one| format!("{}: {}", place(one), not_known(&one.because))).collect(),
    );
    block("Made from it, and not in this plan:".into(), names(&review.touched).into_iter().collect());
    block(format!("Never made for {}, and not in this plan:", review.base), names(&review.new_classes).into_iter().collect());
    lines
}

/// Classes of which the plan has nothing.
pub fn names(classes: &[Touched]) -> Option<String> {
    let outside: Vec<&str> = classes.iter().filter(|class| !class.planned).map(|class| &*class.class).collect();
    (!outside.is_empty()).then(|| outside.join(", "))
}

fn changed(formula: &ChangedFormula, apart: bool, look: &Look) -> Vec<String> {
    let mut lines = vec![format!("{} ({}): {}", look.strong(&formula.title), formula.place, change(&formula.change))];
    let own = |tally: &&Tally| formula.classes.contains(&tally.class);
    let shown = apart && formula.because.iter().filter(own).any(|tally| tally.run + tally.reuse > 0);
    if let (FormulaChange::Differs { differences }, false) = (&formula.change, shown) {
        let details = reason::details(&Reason::Changed { differences: differences.clone() }, look);
        lines.extend(details.into_iter().map(|line| format!("  {line}")));
    }
    let because = tally(&formula.because);
    lines.extend((!because.is_empty()).then(|| format!("  {because}")));
    lines
}

/// What changed in a formula: `sql and param k changed`, `param k: 1 -> 2`, `new`.
pub fn change(change: &FormulaChange) -> String {
    match change {
        FormulaChange::Differs { differences } => reason::headline(&Reason::Changed { differences: differences.clone() }),
        FormulaChange::New => "new".into(),
        FormulaChange::Gone { identities } => format!("gone; nothing makes {} any more", units::count(*identities, "identity")),
    }
}

/// `2 clean to run, 1 report may run`
pub fn tally(tallies: &[Tally]) -> String {
    let one = |tally: &Tally| {
        let counts = [(tally.run, "to run"), (tally.may_run, "may run"), (tally.reuse, "to reuse"), (tally.valid, "made already")];
        let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {} {what}", tally.class)).collect();
        counts.join(", ")
    };
    tallies.iter().filter(|tally| tally.all() > 0).map(one).collect::<Vec<_>>().join(", ")
}

pub fn doing(doing: Doing) -> &'static str {
    match doing {
        Doing::Run => "run",
        Doing::MayRun => "may run",
        Doing::Reuse => "reuse",
        Doing::Valid => "made already",
        Doing::StaleInBase => "stale in base",
    }
}

pub fn gathered_lines(groups: &[Gathered], look: &Look) -> Vec<String> {
    let mut columns = Columns::default();
    for group in groups {
        let (count, text) = many(group);
        let tone = if group.action == Doing::Valid { Tone::Faint } else { Tone::Attention };
        let why = group.why.as_ref().map(reason::family).unwrap_or_default();
        columns.row([cell(tone, doing(group.action)), cell(Tone::Plain, count).right(), cell(Tone::Strong, text), cell(Tone::Plain, why)]);
    }
    columns.render(look, 0)
}

/// How many, and which: `31`, `clean@2024-01-01..2024-01-31:pr-42/dl`; `7 of` where the range has others too.
pub fn many(group: &Gathered) -> (String, String) {
    let identities: Vec<&Identity> = group.identities.iter().collect();
    let (exact, text) = gathered(&identities);
    (if exact || identities.len() == 1 { group.count.to_string() } else { format!("{} of", group.count) }, text)
}

/// `amount (double) is gone, n: bigint -> text, z is new (date)`
pub fn table_change(changes: &[ColumnChange]) -> String {
    let one = |change: &ColumnChange| match change {
        ColumnChange::Gone { column, was } => format!("{column} ({was}) is gone"),
        ColumnChange::Type { column, was, now } => format!("{column}: {was} -> {now}"),
        ColumnChange::Nullable { column } => format!("{column} may be null"),
        ColumnChange::Added { column, now } => format!("{column} ({now}) is new"),
    };
    let shown: Vec<String> = changes.iter().take(COLUMNS).map(one).collect();
    let more = if changes.len() > COLUMNS { format!(", and {} more", changes.len() - COLUMNS) } else { String::new() };
    shown.join(", ") + &more
}

fn who(consumer: &Consumer, look: &Look) -> String {
    format!("{} ({}){}", look.strong(&consumer.title), consumer.place, reads(consumer))
}

/// `, which reads clean and is not in this plan`
pub fn reads(consumer: &Consumer) -> String {
    match (&consumer.reads, consumer.planned) {
        (Some(class), true) => format!(", which reads {class}"),
        (Some(class), false) => format!(", which reads {class} and is not in this plan"),
        (None, _) => String::new(),
    }
}

pub fn effect(effect: &Effect) -> String {
    match effect {
        Effect::WouldBreak { why, .. } => why.clone(),
        Effect::MayBreak { column, mentions } => {
            let places: Vec<String> = mentions.iter().map(|mention| format!("{}:{}", mention.file, mention.line)).collect();
            format!("mentions `{column}` ({})", places.join(", "))
        }
    }
}

pub fn place(unchecked: &Unchecked) -> String {
    format!("{} ({})", unchecked.title, unchecked.place)
}

/// Why columns are not known, in words.
pub fn not_known(because: &NotKnown) -> String {
    match because {
        NotKnown::Nothing => "the base has nothing of it".into(),
        NotKnown::BytesGone => "its bytes are gone".into(),
        NotKnown::NoTable { why } | NotKnown::Unreadable { why } => why.clone(),
        NotKnown::Command => "a command's columns are known when it ran".into(),
        NotKnown::Template { why } => format!("its query cannot be rendered before it runs: {why}"),
        NotKnown::Recursive => "it reads its own past, of which nothing is known".into(),
        NotKnown::Input { name, because } => format!("its input `{name}`: {}", not_known(because)),
        NotKnown::NeverFitted { why } => format!("it does not fit what the base holds either: {why}"),
        NotKnown::Guessed { why } => format!("CSV and JSON show types in values alone, and with those that are likely: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::plan::tests::review::reviewed;

    #[test]
    fn what_changes_stands_below_the_steps() {
        let (_, plan, review) = reviewed();
        let text = text(&plan, Some(&review), &Look::plain(), false);
        let below = text.split_once("\n\n").map_or("", |(_, below)| below);
        assert_snapshot!(below, @r"
        pr-1 changes against prod:
          raw -> clean (pipeline.formula:3): sql: select id , region , amount from raw -> select id , region from raw
            2 clean to run, 2 model may run
          clean -> model (pipeline.formula:4): param k: 1 -> 2
            2 model may run
          raw -> week (pipeline.formula:6): inputs: raw (2) -> raw (3)
            1 week to run
          raw -> fresh (pipeline.formula:7): new
            1 fresh to run
          raw -> gone (pipeline.formula:7): gone; nothing makes 1 identity any more

        Columns:
          clean  amount (double) is gone

        Would break:
          clean -> far (pipeline.formula:8), which reads clean and is not in this plan
            there is no column `amount`; there are `id`, `region`, `date`

        May break:
          clean -> model (pipeline.formula:4), which reads clean: mentions `amount` (jobs/train.py:2)

        Made from it, and not in this plan:
          far

        4 to run, 2 may run, 1 stale in base. Runs at least 4, at most 6 jobs, about 3 s to 1 min 10 s. Writes about 1.2 kB to 34 kB.
        ");
        // Gathered by class, the steps do not show what differs: the formulas do.
        let big = Plan { steps: plan.steps.iter().cycle().take(40).cloned().collect(), ..plan.clone() };
        assert!(super::text(&big, Some(&review), &Look::plain(), false).contains("param k: 1 -> 2"));
        assert_eq!(super::text(&plan, None, &Look::plain(), false), plan::text(&plan, &Look::plain(), false));
        assert_eq!(json(&plan, None).get("review"), None);
    }
}
