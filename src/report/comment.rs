//! A plan as Markdown for the comment of a pull request: a few lines first, all else folded.
//!
//! What is true here: names, values and queries stand in code spans and fences alone, each longer than any row of backticks in it, so that
//! nothing of them is read as Markdown, as HTML or as the name of a person. Every part has its share of [`MOST`] characters.

use std::fmt::Write as _;

use super::diff::rows as rowdiff;
use super::look::{Look, clip};
use super::picture::{affected, mermaid};
use super::{markdown, plan as steps, reason, review as phrases, units};
use crate::identity::Identity;
use crate::plan::{Action, ChangedFormula, Effect, FormulaChange, Gathered, Plan, Review, SourceState, Step};
use crate::resolve::Graph;
use crate::table::rowdiff::RowDiff;
use crate::validity::Difference;

/// Characters of a comment, at most. (GitHub takes 65,536.)
pub const MOST: usize = 60_000;
/// What is named in the lines before the folded parts; the others are counted.
const NAMED: usize = 5;
/// A line of a list, and a line in a fence.
const LINE: usize = 300;
/// Characters of one block.
const FENCE: usize = 4_000;

/// The whole comment. `rows`: in what tables that the label made already differ from the base's.
pub fn render(plan: &Plan, graph: &Graph, review: Option<&Review>, rows: &[(Identity, RowDiff)]) -> String {
    let mut out = Comment { text: String::new(), command: "formake plan".into() };
    match review {
        None => out.line("### Formake: what a build would do".into()),
        Some(review) => {
            out.command = format!("formake plan --label {}", units::shell(&review.label));
            out.line(format!("### Formake: {} against {}", code(&review.label), code(&review.base)));
        }
    }
    out.line(phrases::costs(plan, steps::summary(plan, &Look::plain())));
    let mut head = Vec::new();
    if let Some(review) = review {
        head.extend(heads(review));
        let made = rows.iter().map(|(identity, diff)| format!("{}: {}", code(&identity.to_string()), code(&rowdiff::headline(diff))));
        head.extend(head_of(&format!("Made, against {}", code(&review.base)), made));
    }
    head.extend(head_of("Not permitted", plan.not_permitted.iter().map(|refusal| code(&format!("{refusal} ({})", refusal.who_may())))));
    let derivations = plan.derivations();
    head.extend(head_of(
        "Blocked",
        derivations.iter().map(|on| format!("{}: {}", code(&on.identity.to_string()), code(&reason::root(on)))),
    ));
    out.list(head, 7_000);
    if let Some(review) = review {
        out.section(&units::count(review.formulas.len(), "changed formula"), review.formulas.iter().map(formula), 14_000);
        let picture = affected::of_review(plan, graph, review);
        let drawn = mermaid::render(&picture);
        if !picture.boxes.is_empty() && drawn.chars().count() < 10_000 {
            let lines: Vec<String> = drawn.lines().map(str::to_string).collect();
            out.section("What it reaches", std::iter::once(markdown::block("mermaid", &lines)), 11_000);
        }
    }
    let is_work = |step: &&Step| {
        let moved =
            !matches!(step.action, Action::Source { state: SourceState::Unchanged } | Action::Blocked { .. } | Action::StaleInBase { .. });
        moved && (step.job.is_some() || matches!(step.action, Action::Source { .. } | Action::Held { .. }))
    };
    out.steps("Identities, by class", plan.steps.iter().filter(is_work));
    if let Some(review) = review {
        out.section("Columns", columns(review).into_iter(), 4_000);
        out.groups("made for the first time, or from other data than the base's", &review.others);
        out.groups("made as of today, since what changed needs it", &review.owed_to_base);
        let stale: Vec<&Step> = plan.steps.iter().filter(|step| matches!(step.action, Action::StaleInBase { .. })).collect();
        out.steps(&format!("{} stale in the base for other reasons", stale.len()), stale.into_iter());
    }
    let blocked = derivations.iter().map(|on| fence("text", reason::impossible(on, &Look::plain()).into_iter()));
    out.section(&format!("{} blocked", plan.counts.blocked), blocked, FENCE + 200);
    out.text
}

struct Comment {
    text: String,
    /// Shows what is left out.
    command: String,
}

impl Comment {
    fn line(&mut self, text: String) {
        let _ = write!(self.text, "{text}\n\n");
    }

    fn list(&mut self, items: Vec<String>, budget: usize) {
        self.blocks(items.into_iter().map(|item| format!("- {item}\n")), budget);
    }

    /// A folded part.
    fn section(&mut self, heading: &str, blocks: impl ExactSizeIterator<Item = String>, budget: usize) {
        if blocks.len() > 0 {
            let mut inner = Comment { text: String::new(), command: self.command.clone() };
            inner.blocks(blocks, budget);
            let _ = writeln!(self.text, "{}", markdown::folded(heading, &inner.text));
        }
    }

    /// As many as there is room for; the others are not even written.
    fn blocks(&mut self, blocks: impl ExactSizeIterator<Item = String>, budget: usize) {
        let (mut left, all, mut shown) = (budget, blocks.len(), 0);
        for block in blocks {
            let length = block.chars().count();
            if length > left {
                break;
            }
            self.text.push_str(&block);
            left -= length;
            shown += 1;
        }
        if shown < all {
            let _ = write!(self.text, "\n{} more: {} shows everything.\n", all - shown, code(&clip(&self.command, 100)));
        }
        self.text.truncate(self.text.trim_end().len());
        self.text.push_str("\n\n");
    }

    fn groups(&mut self, heading: &str, groups: &[Gathered]) {
        let count: usize = groups.iter().map(|group| group.count).sum();
        let lines = phrases::gathered_lines(groups, &Look::plain()).into_iter();
        let block = (count > 0).then(|| fence("text", lines));
        self.section(&format!("{count} {heading}"), block.into_iter(), FENCE + 200);
    }

    fn steps<'s>(&mut self, heading: &str, of: impl Iterator<Item = &'s Step>) {
        let lines = steps::by_class(of, &Look::plain());
        if !lines.is_empty() {
            self.section(heading, std::iter::once(fence("text", lines.into_iter())), FENCE + 200);
        }
    }
}

/// What must not be missed.
fn heads(review: &Review) -> Vec<String> {
    let changed = review.formulas.iter().map(|formula| format!("{} ({})", code(&formula.title), code(&phrases::change(&formula.change))));
    let (mut would, mut may) = (Vec::new(), Vec::new());
    for consumer in &review.breaks.consumers {
        let reads = consumer.reads.as_ref().map(|class| format!(", which reads {}", code(class))).unwrap_or_default();
        let line = format!("{} at {}{reads}: {}", code(&consumer.title), code(&consumer.place), code(&phrases::effect(&consumer.effect)));
        match &consumer.effect {
            Effect::WouldBreak { .. } => would.push(line),
            Effect::MayBreak { .. } => may.push(line),
        }
    }
    let unchecked = review.breaks.unchecked.iter().map(|one| format!("{} at {}", code(&one.title), code(&one.place)));
    let outside = |classes| phrases::names(classes).map(|names| code(&names));
    let mut heads = head_of("Would break", would.into_iter());
    heads.extend(head_of("May break", may.into_iter()));
    heads.extend(head_of("Changed", changed));
    heads.extend(head_of("Columns not checked", unchecked));
    heads.extend(head_of("Made from it, and not in this plan", outside(&review.touched).into_iter()));
    heads.extend(head_of("Never made for the base, and not in this plan", outside(&review.new_classes).into_iter()));
    heads
}

/// A line for each of a few, then one that counts the rest.
fn head_of(heading: &str, items: impl Iterator<Item = String>) -> Vec<String> {
    let items: Vec<String> = items.collect();
    let mut lines: Vec<String> = items.iter().take(NAMED).map(|item| format!("**{heading}:** {item}")).collect();
    if items.len() > NAMED {
        lines.push(format!("**{heading}:** {} more", items.len() - NAMED));
    }
    lines
}

fn formula(formula: &ChangedFormula) -> String {
    let mut text = format!("**{}** at {}", code(&formula.title), code(&formula.place));
    match &formula.change {
        FormulaChange::Differs { .. } => {}
        other => {
            let _ = write!(text, ": {}", code(&phrases::change(other)));
        }
    }
    let tally = phrases::tally(&formula.because);
    if !tally.is_empty() {
        let _ = write!(text, "<br>{}", code(&tally));
    }
    text.push_str("\n\n");
    if let FormulaChange::Differs { differences } = &formula.change {
        text += &fence("diff", differences.iter().flat_map(diff));
    }
    text
}

/// A difference as lines of a diff.
fn diff(difference: &Difference) -> Vec<String> {
    let wide = Look { width: 160, ..Look::plain() };
    let mut lines = reason::difference_lines(difference, &wide).into_iter();
    let head = lines.next().unwrap_or_default();
    let rest: Vec<String> = lines.map(|line| line.strip_prefix("  ").map_or(line.clone(), str::to_string)).collect();
    if !rest.is_empty() {
        return std::iter::once(format!("@@ {} @@", head.trim_end_matches(':'))).chain(rest).collect();
    }
    let side = |sign: &str, side: &Option<String>| side.as_ref().map(|value| format!("{sign} {}", reason::value(value)));
    let sides = [side("-", &difference.old), side("+", &difference.new)];
    std::iter::once(format!("@@ {} @@", difference.part)).chain(sides.into_iter().flatten()).collect()
}

fn columns(review: &Review) -> Vec<String> {
    let breaks = &review.breaks;
    let tables = breaks.tables.iter().map(|table| format!("- {}: {}\n", code(&table.class), code(&phrases::table_change(&table.columns))));
    let unchecked = breaks.unchecked.iter();
    let unchecked =
        unchecked.map(|one| format!("- not checked: {}: {}\n", code(&phrases::place(one)), code(&phrases::not_known(&one.because))));
    tables.chain(unchecked).collect()
}

/// A text as code, with an end.
fn code(text: &str) -> String {
    markdown::code(&clip(text, LINE))
}

/// A block of as many lines as there is room for.
fn fence(language: &str, lines: impl Iterator<Item = String>) -> String {
    let mut body = Vec::new();
    let (mut length, mut left_out) = (0, 0);
    for line in lines {
        let line = clip(&markdown::visible(&line), LINE);
        length += line.chars().count() + 1;
        if length > FENCE {
            left_out += 1;
        } else {
            body.push(line);
        }
    }
    if left_out > 0 {
        body.push(format!("… {}", units::count(left_out, "more line")));
    }
    markdown::block(language, &body) + "\n"
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::identity::Name;
    use crate::plan::tests::review::reviewed;
    use crate::plan::{Consumer, Counts, Mention};

    #[test]
    fn a_comment_says_the_most_important_first() {
        let (case, plan, review) = reviewed();
        assert_snapshot!(render(&plan, &case.graph, Some(&review), &[]), @r#"
        ### Formake: `pr-1` against `prod`

        4 to run, 2 may run, 1 stale in base. Runs at least 4, at most 6 jobs, about 3 s to 1 min 10 s. Writes about 1.2 kB to 34 kB.

        - **Would break:** `clean -> far` at `pipeline.formula:8`, which reads `clean`: `` there is no column `amount`; there are `id`, `region`, `date` ``
        - **May break:** `clean -> model` at `pipeline.formula:4`, which reads `clean`: `` mentions `amount` (jobs/train.py:2) ``
        - **Changed:** `raw -> clean` (`sql: select id , region , amount from raw -> select id , region from raw`)
        - **Changed:** `clean -> model` (`param k: 1 -> 2`)
        - **Changed:** `raw -> week` (`inputs: raw (2) -> raw (3)`)
        - **Changed:** `raw -> fresh` (`new`)
        - **Changed:** `raw -> gone` (`gone; nothing makes 1 identity any more`)
        - **Made from it, and not in this plan:** `far`

        <details><summary>5 changed formulas</summary>

        **`raw -> clean`** at `pipeline.formula:3`<br>`2 clean to run, 2 model may run`

        ```diff
        @@ sql @@
        - select id , region , amount from raw
        + select id , region from raw
        ```

        **`clean -> model`** at `pipeline.formula:4`<br>`2 model may run`

        ```diff
        @@ param k @@
        - 1
        + 2
        ```

        **`raw -> week`** at `pipeline.formula:6`<br>`1 week to run`

        ```diff
        @@ inputs @@
        - raw (2)
        + raw (3)
        ```

        **`raw -> fresh`** at `pipeline.formula:7`: `new`<br>`1 fresh to run`

        **`raw -> gone`** at `pipeline.formula:7`: `gone; nothing makes 1 identity any more`

        </details>

        <details><summary>What it reaches</summary>

        ```mermaid
        flowchart LR
          n0[("raw<br/>1 as in the base")]
          n1["clean<br/>2 to run<br/>changed"]
          n2["model<br/>2 may run<br/>changed<br/>may break: #96;amount#96;"]
          n3["week<br/>1 to run<br/>changed"]
          n4["fresh<br/>1 to run<br/>changed"]
          n5["far<br/>would break: #96;amount#96;"]
          n0 --> n1
          n0 --> n3
          n0 --> n4
          n1 --> n2
          n1 -.-> n5
          classDef source fill:#e8f1fb,stroke:#4a7fc1
          class n0 source
          classDef changed fill:#fef08a,stroke:#a16207
          class n1,n2,n3,n4 changed
          classDef breaks fill:#fecaca,stroke:#b91c1c
          class n5 breaks
        ```

        </details>

        <details><summary>Identities, by class</summary>

        ```text
        run      2  clean@2024-01-03..2024-01-04:pr-1/dl  not made yet
        may run  2  model@2024-01-03..2024-01-04:pr-1/dl  after clean
        run      1  week@2024-01-04:pr-1/dl               not made yet
        run      1  fresh@2024-01-04:pr-1/dl              not made yet
        ```

        </details>

        <details><summary>Columns</summary>

        - `clean`: `amount (double) is gone`

        </details>

        <details><summary>1 stale in the base for other reasons</summary>

        ```text
        stale in base  1  raw@2024-01-03:pr-1/dl  input raw@2024-01-02 changed
        ```

        </details>
        "#);
        let nothing = Plan { counts: Counts { inherited: 4, ..Counts::default() }, ..Plan::default() };
        let review = Review { formulas: vec![], breaks: Default::default(), touched: vec![], new_classes: vec![], ..review };
        assert_snapshot!(render(&nothing, &case.graph, Some(&review), &[]), @r"
        ### Formake: `pr-1` against `prod`

        Nothing to do: all 4 inherited.
        ");
    }

    #[test]
    fn names_stay_names_and_a_comment_has_an_end() {
        let (case, mut plan, mut review) = reviewed();
        let hostile: Name = "`x` </details> @all #1 |\n```\n<b>\u{202e}*y*".into();
        let step = plan.steps.iter().find(|step| matches!(step.action, Action::Run { .. })).cloned().expect("one");
        for number in 0..2_000 {
            let mut step = step.clone();
            step.identity.class = format!("{hostile}{number}").into();
            step.identity.label = hostile.clone();
            plan.steps.push(step);
        }
        review.label = hostile.clone();
        let long = |sign: &str| Some(format!("{hostile}{sign}").repeat(300).replace("<b>", "\n"));
        let differences = vec![Difference { part: format!("code {hostile}"), old: long("a"), new: long("b") }];
        let formula = ChangedFormula {
            title: hostile.repeat(50),
            place: hostile.to_string(),
            classes: vec![hostile.clone()],
            change: FormulaChange::Differs { differences },
            ..review.formulas[0].clone()
        };
        review.formulas = vec![formula; 300];
        let effect = Effect::MayBreak { column: hostile.to_string(), mentions: vec![Mention { file: hostile.to_string(), line: 1 }; 100] };
        let (title, place) = (hostile.to_string(), hostile.to_string());
        let consumer = Consumer { title, place, classes: vec![hostile.clone()], reads: Some(hostile.clone()), planned: false, effect };
        review.breaks.consumers = vec![consumer; 500];
        let text = render(&plan, &case.graph, Some(&review), &[]);
        let length = text.chars().count();
        assert!((20_000..MOST).contains(&length), "{length}");
        // Outside of fences and spans there is nothing but our own words.
        let mut open: Option<usize> = None;
        for line in text.lines() {
            let ticks = line.len() - line.trim_start_matches('`').len();
            match open {
                Some(length) if ticks >= length && line.len() == ticks => open = None,
                None if ticks >= 3 => open = Some(ticks),
                Some(_) => continue,
                None => {
                    let outside = without_spans(line);
                    assert!(!outside.contains(['@', '#', '|', '\u{202e}']) || outside.starts_with("### "), "{line}");
                    assert!(!outside.contains("<b>") && (!outside.contains("</details>") || line == "</details>"), "{line}");
                }
            }
        }
        assert_eq!(open, None, "every fence ends");
    }

    /// A line without its code spans, as Markdown finds them.
    fn without_spans(line: &str) -> String {
        let mut out = String::new();
        let mut rest = line;
        while let Some(at) = rest.find('`') {
            out.push_str(&rest[..at]);
            let ticks = rest[at..].len() - rest[at..].trim_start_matches('`').len();
            let body = &rest[at + ticks..];
            let mut from = 0;
            let end = loop {
                let Some(next) = body[from..].find('`').map(|next| next + from) else { break None };
                let run = body[next..].len() - body[next..].trim_start_matches('`').len();
                if run == ticks {
                    break Some(next + run);
                }
                from = next + run;
            };
            assert!(end.is_some(), "an open span: {line}");
            rest = &body[end.unwrap_or(0)..];
        }
        out + rest
    }
}
