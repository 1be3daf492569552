//! Two sides of a comparison: which identities differ, in bytes and in what they were made under.
//!
//! Identities of one class that differ in the same are one row. What something is made from stands above it.

mod group;
pub mod rows;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::group::{Group, groups, parts};
use super::look::{Columns, Look, Tone, cell};
use super::snapshots::{self, whose};
use super::{markdown, units};
use crate::catalog::Reading;
use crate::plan::compare::{Change, Comparison, Entry, Side, Subject};
use crate::table::rowdiff::Compared;

/// Rows of Markdown.
const ROWS: usize = 60;
/// Bytes of Markdown: a comment has room for 65536 characters.
const COMMENT: usize = 60_000;

/// `formake.diff/1`. With `all`, what has the same bytes and was made otherwise is listed too.
pub fn json(comparison: &Comparison, all: bool) -> Value {
    let side = |side: &Side| {
        let mut json = json!(side.what);
        json["as_of"] = json!(side.as_of.map(units::when_json));
        json
    };
    let reading = |reading: &Reading| {
        json!({
            "identity": reading.identity,
            "inherited_from": reading.inherited_from(),
            "snapshot": snapshots::snapshot_json(&reading.pointer.snapshot),
        })
    };
    let entry = |entry: &Entry| {
        json!({
            "change": entry.change,
            "a": entry.pair.a.as_ref().map(reading),
            "b": entry.pair.b.as_ref().map(reading),
            "differences": entry.differences,
            "rows": rows::of(comparison, entry),
        })
    };
    let entries = listed(comparison, all);
    let made = |reading: &&Reading| comparison.run(reading).map(|run| (run.id, run));
    let sides = entries.iter().flat_map(|entry| [&entry.pair.a, &entry.pair.b]).flatten();
    let runs: BTreeMap<_, _> = sides.filter_map(|reading| made(&reading)).collect();
    json!({
        "schema": "formake.diff/1",
        "a": side(&comparison.a),
        "b": side(&comparison.b),
        "differ": comparison.differs(),
        "counts": {
            "same": comparison.same,
            "bytes": comparison.count(Change::Bytes),
            "only_a": comparison.count(Change::OnlyA),
            "only_b": comparison.count(Change::OnlyB),
            "made_otherwise": comparison.count(Change::MadeOtherwise),
        },
        "entries": entries.into_iter().map(entry).collect::<Vec<_>>(),
        "runs": runs.into_values().map(snapshots::run_json).collect::<Vec<_>>(),
    })
}

/// For people. With `all`, nothing is gathered or left out.
pub fn text(comparison: &Comparison, look: &Look, all: bool) -> String {
    let names = names(comparison, look);
    let mut lines = match single(comparison) {
        Some(entry) => both(comparison, entry, look, all),
        None => table(comparison, &names, look, all),
    };
    // In short, it stands with its row; of the only pair, the names stand above.
    let is_single = single(comparison).is_some();
    for entry in comparison.entries.iter().filter(|_| is_single || comparison.rows.in_full) {
        let told = rows::told(comparison, entry, look, all);
        if let (false, Some(reading)) = (told.is_empty(), entry.reading()) {
            lines.push(String::new());
            let name = if is_single { None } else { Some(look.name(&reading.identity.to_string())) };
            lines.extend(name.into_iter().chain(told));
        }
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    let tone = if comparison.differs() { Tone::Strong } else { Tone::Good };
    lines.push(format!("{}{}", look.paint(tone, &headline(comparison, &names)), rest(comparison, all)));
    lines.join("\n") + "\n"
}

/// For a comment on a pull request: the summary first, what differs folded away.
pub fn markdown(comparison: &Comparison, look: &Look, all: bool) -> String {
    // As wide as a review page is, whatever the terminal.
    let look = &Look { color: false, width: 140, ..look.clone() };
    let names = names(comparison, look);
    let names = Names { a: markdown::code(&names.a), b: markdown::code(&names.b), ..names };
    let mut out = format!("### {}\n", headline(comparison, &names).trim_end_matches('.'));
    let rest = rest(comparison, all);
    if !rest.is_empty() {
        out += &format!("\n{}\n", rest.trim_start());
    }
    let groups = groups(comparison, all);
    if groups.is_empty() {
        return out;
    }
    out += "\n| | | identities | why |\n|---|---:|---|---|\n";
    for group in groups.iter().take(ROWS) {
        let why = match group.why(comparison) {
            why if why.is_empty() => why,
            why => markdown::cell(&why),
        };
        let verb = names.verb(group.change()).replace('|', "\\|");
        out += &format!("| {verb} | {} | {} | {why} |\n", group.count(), markdown::cell(&group.identities()));
    }
    if groups.len() > ROWS {
        out += &format!("\n… and {}.\n", units::count(groups.len() - ROWS, "more row"));
    }
    for entry in &comparison.entries {
        let (Some(Compared::Tables(diff)), Some(reading)) = (rows::of(comparison, entry), entry.reading()) else { continue };
        let folded = rows::folded(&reading.identity.to_string(), diff, look, all);
        if out.len() + folded.len() > COMMENT {
            out += "\n… and more rows: `formake diff --rows` tells all.\n";
            break;
        }
        out += &format!("\n{folded}");
    }
    let told = groups.iter().map(|group| (group.identities(), group.details(look, all))).filter(|(_, details)| !details.is_empty());
    for (identities, details) in told {
        // Signs of changed lines stand first, where they are coloured.
        let lines: Vec<String> = details.iter().map(|line| line.strip_prefix("  ").unwrap_or(line).to_string()).collect();
        let folded = markdown::folded(&identities, &markdown::block("diff", &lines));
        if out.len() + folded.len() > COMMENT {
            out += "\n… and more: `formake diff` tells all.\n";
            break;
        }
        out += &format!("\n{folded}");
    }
    out
}

/// What the sides are called.
struct Names {
    a: String,
    b: String,
    /// One thing at two times.
    is_time: bool,
    /// When, of two things at one time that is not now.
    then: String,
}

impl Names {
    fn verb(&self, change: Change) -> String {
        match change {
            Change::Bytes => "other bytes".into(),
            Change::MadeOtherwise => "same bytes".into(),
            Change::OnlyA if self.is_time => "gone".into(),
            Change::OnlyB if self.is_time => "new".into(),
            Change::OnlyA => format!("only in {}", self.a),
            Change::OnlyB => format!("only in {}", self.b),
        }
    }
}

fn names(comparison: &Comparison, look: &Look) -> Names {
    let (a, b) = (&comparison.a, &comparison.b);
    let is_time = a.what == Subject::Predecessor || a.what == b.what;
    let name = |side: &Side| {
        let name = match &side.what {
            Subject::Label { label } => label.to_string(),
            Subject::Target { target } => target.clone(),
            Subject::Snapshot { content } => content.chars().take(12).collect(),
            Subject::Predecessor => "before".into(),
        };
        match side.as_of {
            Some(moment) if is_time => format!("{name} as of {}", units::when(moment, &look.zone)),
            None if is_time && side.what != Subject::Predecessor => format!("{name} now"),
            _ => name,
        }
    };
    let then = b.as_of.map(|moment| format!("As of {}, ", units::when(moment, &look.zone))).unwrap_or_default();
    Names { a: name(a), b: name(b), is_time, then }
}

/// What is shown: with `all`, also what has the same bytes.
fn listed(comparison: &Comparison, all: bool) -> Vec<&Entry> {
    comparison.entries.iter().filter(|entry| all || entry.change != Change::MadeOtherwise).collect()
}

/// The only pair, where one identity was compared with one.
fn single(comparison: &Comparison) -> Option<&Entry> {
    let is_label = [&comparison.a, &comparison.b].iter().any(|side| matches!(side.what, Subject::Label { .. }));
    match comparison.entries.as_slice() {
        [one] if comparison.same == 0 && !is_label => Some(one),
        _ => None,
    }
}

/// One pair: both sides with all that is known, and every difference.
fn both(comparison: &Comparison, entry: &Entry, look: &Look, all: bool) -> Vec<String> {
    let mut columns = Columns::default();
    for (sign, tone, reading) in [("-", Tone::Bad, &entry.pair.a), ("+", Tone::Good, &entry.pair.b)] {
        let Some(reading) = reading else { continue };
        let snapshot = &reading.pointer.snapshot;
        columns.row([
            cell(tone, sign),
            cell(Tone::Name, reading.identity.to_string()),
            cell(Tone::Plain, units::when(snapshot.made, &look.zone)),
            cell(Tone::Plain, units::bytes(snapshot.bytes)).right(),
            cell(Tone::Plain, snapshot.content.short()),
            cell(Tone::Plain, made(comparison, reading)),
            cell(Tone::Faint, whose(reading.inherited_from())),
        ]);
    }
    let mut lines = columns.render(look, 0);
    let mut details = parts(&entry.differences, look, all);
    if details.is_empty() && entry.change == Change::Bytes && entry.reading().is_some_and(|r| comparison.run(r).is_some()) {
        details.push(Group(vec![entry]).why(comparison));
    }
    if !details.is_empty() {
        lines.extend(std::iter::once(String::new()).chain(details));
    }
    lines
}

/// `run 3: daily -> report`, `published`, `source raw/x.csv`.
fn made(comparison: &Comparison, reading: &Reading) -> String {
    let origin = snapshots::origin(&reading.pointer.snapshot);
    comparison.run(reading).map_or(origin.clone(), |run| format!("{origin}: {}", run.formula))
}

/// A row per group, with the differences that have no room in it.
fn table(comparison: &Comparison, names: &Names, look: &Look, all: bool) -> Vec<String> {
    let groups = groups(comparison, all);
    let mut columns = Columns::default();
    for group in &groups {
        let tone = match group.change() {
            Change::Bytes => Tone::Attention,
            Change::OnlyA => Tone::Bad,
            Change::OnlyB => Tone::Good,
            Change::MadeOtherwise => Tone::Faint,
        };
        let many = group.0.len() > 1;
        columns.row([
            cell(tone, names.verb(group.change())),
            cell(Tone::Plain, if many { group.count() } else { String::new() }).right(),
            cell(Tone::Strong, group.identities()),
            cell(Tone::Faint, if many { String::new() } else { group.contents() }),
            cell(Tone::Faint, group.whose()),
            cell(Tone::Plain, group.why(comparison)),
        ]);
    }
    let mut lines = Vec::new();
    for (line, group) in columns.render(look, 0).into_iter().zip(&groups) {
        lines.push(line);
        let mut details = group.details(look, all);
        if !comparison.rows.in_full {
            details.extend(group.0.iter().flat_map(|entry| rows::told(comparison, entry, look, all)));
        }
        lines.extend(details.into_iter().map(|line| format!("    {line}")));
    }
    lines
}

/// `prod and pr-42 differ: 2 identities have other bytes, 1 is only in pr-42.`
fn headline(comparison: &Comparison, names: &Names) -> String {
    let Names { a, b, then, .. } = names;
    if let Some(entry) = single(comparison) {
        return match entry.change {
            Change::Bytes => "The bytes differ.".into(),
            Change::MadeOtherwise => "The bytes are the same; they were made otherwise.".into(),
            Change::OnlyB if comparison.a.what == Subject::Predecessor => "It stood for nothing before.".into(),
            change => format!("It is {}.", names.verb(change)),
        };
    }
    let counted = |change| match comparison.count(change) {
        0 => None,
        count => Some((count, change)),
    };
    let told: Vec<String> = [Change::Bytes, Change::OnlyA, Change::OnlyB]
        .into_iter()
        .filter_map(counted)
        .enumerate()
        .map(|(i, (count, change))| {
            let what = if i == 0 { units::count(count, "identity") } else { count.to_string() };
            let verb = match (change, count) {
                (Change::Bytes, 1) => "has other bytes".into(),
                (Change::Bytes, _) => "have other bytes".into(),
                (change, 1) => format!("is {}", names.verb(change)),
                (change, _) => format!("are {}", names.verb(change)),
            };
            format!("{what} {verb}")
        })
        .collect();
    match (told.is_empty(), comparison.same + comparison.count(Change::MadeOtherwise)) {
        (false, _) if comparison.a.what == Subject::Predecessor => format!("Compared with what was before: {}.", told.join(", ")),
        (false, _) => format!("{then}{a} and {b} differ: {}.", told.join(", ")),
        (true, 0) => "There is nothing on either side.".into(),
        (true, 1) if comparison.a.what == Subject::Predecessor => "The bytes are those it had before.".into(),
        (true, 1) => format!("{then}{a} and {b} have the same bytes."),
        (true, same) => format!("{then}{a} and {b} have the same bytes: {}.", units::count(same, "identity")),
    }
}

/// What the headline leaves out: what is the same.
fn rest(comparison: &Comparison, all: bool) -> String {
    if single(comparison).is_some() {
        return String::new();
    }
    let making = comparison.count(Change::MadeOtherwise);
    let mut text = String::new();
    if comparison.differs() && comparison.same + making > 0 {
        text += &format!(" The bytes of {} are the same.", units::count(comparison.same + making, "identity"));
    }
    if making > 0 {
        let others = if making == 1 { "1 of them was made otherwise".to_string() } else { format!("{making} of them were made otherwise") };
        text += &format!(" {others}{}.", if all { "" } else { ": see --all" });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::compare::tests::{identity, labels, reading, run};

    /// Ten days that another parameter made otherwise; the third of another source too, and one day that is new.
    fn comparison() -> Comparison {
        let (mut a, mut b, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        for day in 1..=10 {
            let (id, raw) = (i64::from(day), identity("raw", day, "prod"));
            let (prod, pr) = (identity("clean", day, "prod"), identity("clean", day, "pr-1"));
            a.push(reading(id, &prod, "was", false));
            b.push(reading(id + 100, &pr, "is", false));
            runs.extend([run(id, &prod, (&raw, "x"), 1), run(id + 100, &pr, (&raw, if day == 3 { "y" } else { "x" }), 2)]);
        }
        b.push(reading(99, &identity("raw", 11, "pr-1"), "new", true));
        labels(a, b, runs)
    }

    #[test]
    fn what_differs_in_the_same_is_one_row() {
        let expected = "\
only in pr-1        raw@2024-01-11:pr-1/dl                b20ab0a020a4                  source raw/x.csv
other bytes   9 of  clean@2024-01-01..2024-01-10:pr-1/dl                                param k: 1 -> 2
other bytes         clean@2024-01-03:pr-1/dl              f21e1016e95b -> e53d9782ad61  param k and input raw@2024-01-03 changed
    param k: 1 -> 2
    input raw@2024-01-03: 3ae7d805f678 -> 08112a9e334c

prod and pr-1 differ: 10 identities have other bytes, 1 is only in pr-1.
";
        assert_eq!(text(&comparison(), &Look::plain(), false), expected);
        assert_eq!(text(&comparison(), &Look::plain(), true).lines().filter(|line| line.starts_with("other bytes")).count(), 10);
        let json = json(&comparison(), false);
        assert_eq!((json["counts"]["bytes"].as_u64(), json["runs"].as_array().map(Vec::len)), (Some(10), Some(20)));
    }

    #[test]
    fn wide_inputs_are_counted() {
        let difference = |day: u32, old: Option<&str>, new: Option<&str>| crate::validity::Difference {
            part: format!("input raw@2024-01-{day:02}"),
            old: old.map(str::to_string),
            new: new.map(str::to_string),
        };
        let mut differences: Vec<_> = (1..=3).map(|day| difference(day, Some("a"), Some("b"))).collect();
        differences.extend((4..=5).map(|day| difference(day, None, Some("b"))));
        assert_eq!(parts(&differences, &Look::plain(), false), ["input raw: of its parts, 3 differ, 2 new"]);
        assert_eq!(parts(&differences, &Look::plain(), true).len(), 5);
    }

    #[test]
    fn markdown_begins_with_the_summary() {
        let text = markdown(&comparison(), &Look { color: true, ..Look::plain() }, false);
        let expected = "\
### `prod` and `pr-1` differ: 10 identities have other bytes, 1 is only in `pr-1`

| | | identities | why |
|---|---:|---|---|
| only in `pr-1` | 1 | `raw@2024-01-11:pr-1/dl` | `source raw/x.csv` |
| other bytes | 9 of | `clean@2024-01-01..2024-01-10:pr-1/dl` | `param k: 1 -> 2` |
| other bytes | 1 | `clean@2024-01-03:pr-1/dl` | `param k and input raw@2024-01-03 changed` |

<details><summary>clean@2024-01-03:pr-1/dl</summary>
";
        assert!(text.starts_with(expected), "{text}");
    }
}
