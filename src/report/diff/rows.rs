//! Rows of two snapshots: in one line, and in full.

use std::cmp::Ordering;

use super::super::look::{Columns, Look, Tone, cell, clip};
use super::super::query::readable;
use super::super::{markdown, units};
use crate::catalog::Reading;
use crate::plan::compare::{Comparison, Entry};
use crate::table::rowdiff::{ColumnDiff, Compared, Kind, RowDiff, SampleCell, SampleRow, SchemaChange, Statistics};

/// Longer values are cut.
const VALUE: usize = 40;
/// Columns whose statistics are shown, unless all are asked for.
const COLUMNS: usize = 12;

/// What was found of an entry's rows.
pub fn of<'c>(comparison: &'c Comparison, entry: &Entry) -> Option<&'c Compared> {
    let id = |reading: &Option<Reading>| reading.as_ref().map(|reading| reading.pointer.snapshot.id);
    comparison.rows.of.get(&(id(&entry.pair.a)?, id(&entry.pair.b)?))
}

/// `7,043 rows, 3 columns changed, mean of charges 64.76 → 65.01`
pub fn headline(diff: &RowDiff) -> String {
    let count = |number: u64, what: &str| (number > 0).then(|| format!("{} {what}", units::grouped(number)));
    let mut told = vec![match diff.rows {
        (was, now) if was == now => rows(now),
        (was, now) => format!("{} → {}", units::grouped(was), rows(now)),
    }];
    if diff.is_same() {
        told.push("the same in other bytes".into());
        return told.join(", ");
    }
    let schema = |is: fn(&SchemaChange) -> bool| diff.schema.iter().filter(|change| is(change)).count();
    let columns = |number: usize, how: &str| (number > 0).then(|| format!("{} {how}", units::count(number, "column")));
    told.extend(columns(schema(|change| matches!(change, SchemaChange::Added { .. })), "added"));
    told.extend(columns(schema(|change| matches!(change, SchemaChange::Removed { .. })), "removed"));
    told.extend(columns(schema(|change| matches!(change, SchemaChange::Retyped { .. })), "of another type"));
    told.extend([count(diff.changed, "changed"), count(diff.added, "added"), count(diff.removed, "removed")].into_iter().flatten());
    told.extend(columns(diff.columns.len(), "changed"));
    if let Some((column, was, now)) = moved(diff) {
        let (was, now) = pair(was, now);
        told.push(format!("mean of {} {was} → {now}", readable(column)));
    }
    told.join(", ")
}

/// The mean that moved most, for its size.
fn moved(diff: &RowDiff) -> Option<(&str, f64, f64)> {
    let means = diff.columns.iter().filter_map(|column| Some((column.column.as_str(), column.was.mean?, column.now.mean?)));
    let by = |(_, was, now): &(&str, f64, f64)| (now - was).abs() / was.abs().max(now.abs()).max(f64::MIN_POSITIVE);
    means.filter(|(_, was, now)| was != now).max_by(|a, b| by(a).partial_cmp(&by(b)).unwrap_or(Ordering::Equal))
}

fn rows(count: u64) -> String {
    format!("{} {}", units::grouped(count), if count == 1 { "row" } else { "rows" })
}

/// Two numbers, with as many digits as tell them apart.
fn pair(was: f64, now: f64) -> (String, String) {
    let written = |digits: usize| (number(was, digits), number(now, digits));
    (4..17).map(written).find(|(was, now)| was != now).unwrap_or_else(|| written(4))
}

/// A number with so many digits, as far as they stand behind the point.
fn number(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let before = if value == 0.0 { 1 } else { value.abs().log10().floor() as i64 + 1 };
    let behind = usize::try_from(digits as i64 - before).unwrap_or(0);
    if behind > 16 { format!("{value:.*e}", digits - 1) } else { format!("{value:.behind$}") }
}

/// All that differs. With `all`, every column.
pub fn lines(diff: &RowDiff, look: &Look, all: bool) -> Vec<String> {
    let mut lines: Vec<String> = diff.schema.iter().map(|change| schema(change, look)).collect();
    if !diff.is_same() {
        lines.push(counts(diff));
    }
    let table = statistics(diff, all);
    if table.len() > 1 {
        let mut columns = Columns::default();
        for (i, row) in table.iter().enumerate() {
            let tone = if i == 0 { Tone::Faint } else { Tone::Plain };
            columns.row(row.iter().enumerate().map(|(at, text)| {
                let cell = cell(tone, text.as_str());
                if at == 1 { cell.right() } else { cell }
            }));
        }
        lines.push(String::new());
        lines.extend(columns.render(look, 0));
        if !all && diff.columns.len() > COLUMNS {
            lines.push(look.faint(&format!("… and {}: see --all", units::count(diff.columns.len() - COLUMNS, "column"))));
        }
    }
    if !diff.samples.is_empty() {
        lines.push(String::new());
        lines.extend(diff.samples.iter().map(|row| sample(row, look)));
    }
    lines
}

fn schema(change: &SchemaChange, look: &Look) -> String {
    match change {
        SchemaChange::Added { column, now } => look.paint(Tone::Good, &format!("+ column {}: {now}", readable(column))),
        SchemaChange::Removed { column, was } => look.paint(Tone::Bad, &format!("- column {}: {was}", readable(column))),
        SchemaChange::Retyped { column, was, now } => look.paint(Tone::Attention, &format!("~ column {}: {was} → {now}", readable(column))),
    }
}

/// `by customer_id: 103 changed, 12 added, 9 removed, 6,928 the same`
fn counts(diff: &RowDiff) -> String {
    let by = match (&diff.key[..], diff.repeated) {
        ([], None) => "whole rows".to_string(),
        ([], Some((was, now))) => {
            format!(
                "whole rows, since several have one key (values that repeat: {} before, {} now)",
                units::grouped(was),
                units::grouped(now)
            )
        }
        (key, _) => format!("by {}", key.iter().map(|column| readable(column)).collect::<Vec<_>>().join(", ")),
    };
    let counted = [(diff.changed, "changed"), (diff.added, "added"), (diff.removed, "removed"), (diff.same, "the same")];
    let counted: Vec<String> =
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{} {what}", units::grouped(*count))).collect();
    format!("{by}: {}", if counted.is_empty() { "none".into() } else { counted.join(", ") })
}

/// A head and a row for every column; what is the same on both sides is left out.
fn statistics(diff: &RowDiff, all: bool) -> Vec<Vec<String>> {
    let head = ["column", "rows", "nulls", "distinct", "mean", "min", "max"];
    let mut table = vec![head.map(String::from).to_vec()];
    let shown = if all { diff.columns.len() } else { COLUMNS };
    table.extend(diff.columns.iter().take(shown).map(statistic));
    // Where nothing stands below it, a head says nothing.
    for at in 1..head.len() {
        if table[1..].iter().all(|row| row[at].is_empty()) {
            table[0][at].clear();
        }
    }
    table
}

fn statistic(column: &ColumnDiff) -> Vec<String> {
    let ColumnDiff { column, changed, was, now } = column;
    let moved = |was: String, now: String| if was == now { String::new() } else { format!("{was} → {now}") };
    let value = |value: &Option<String>| value.as_deref().map_or("none".into(), |text| clip(&readable(text), VALUE / 2));
    let bound = |was: &Option<String>, now: &Option<String>| {
        let float = |value: &Option<String>| value.as_deref().filter(|text| text.contains('.')).and_then(|text| text.parse::<f64>().ok());
        match (float(was), float(now)) {
            (Some(was), Some(now)) if was != now => {
                let (was, now) = pair(was, now);
                format!("{was} → {now}")
            }
            _ => moved(value(was), value(now)),
        }
    };
    let distinct = |side: &Statistics| format!("{}{}", if side.estimated { "about " } else { "" }, units::grouped(side.distinct));
    let mean = match (was.mean, now.mean) {
        (Some(was), Some(now)) if was != now => {
            let (was, now) = pair(was, now);
            format!("{was} → {now}")
        }
        _ => String::new(),
    };
    vec![
        readable(column),
        changed.filter(|changed| *changed > 0).map(units::grouped).unwrap_or_default(),
        moved(units::grouped(was.nulls), units::grouped(now.nulls)),
        moved(distinct(was), distinct(now)),
        mean,
        bound(&was.min, &now.min),
        bound(&was.max, &now.max),
    ]
}

fn sample(row: &SampleRow, look: &Look) -> String {
    let value = |value: &Option<String>| value.as_deref().map_or("null".into(), |text| clip(&readable(text), VALUE));
    let cell = |cell: &SampleCell| match row.change {
        Kind::Changed => format!("{} {} → {}", readable(&cell.column), value(&cell.was), value(&cell.now)),
        Kind::Added => format!("{}={}", readable(&cell.column), value(&cell.now)),
        Kind::Removed => format!("{}={}", readable(&cell.column), value(&cell.was)),
    };
    let key: Vec<String> = row.key.iter().map(|(column, text)| format!("{}={}", readable(column), value(text))).collect();
    let (sign, tone) = match row.change {
        Kind::Changed => ("~", Tone::Attention),
        Kind::Added => ("+", Tone::Good),
        Kind::Removed => ("-", Tone::Bad),
    };
    let parts = [key.join(", "), row.cells.iter().map(cell).collect::<Vec<_>>().join(", ")];
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let times = if row.count > 1 { format!("  ×{}", units::grouped(row.count)) } else { String::new() };
    format!("{}{times}", look.paint(tone, &format!("{sign} {}", clip(&parts.join("  "), look.width.max(80) - 8))))
}

/// What is told of an entry under its name: a line, or all of it.
pub fn told(comparison: &Comparison, entry: &Entry, look: &Look, all: bool) -> Vec<String> {
    match of(comparison, entry) {
        Some(Compared::Tables(diff)) if comparison.rows.in_full => {
            std::iter::once(look.strong(&headline(diff))).chain(lines(diff, look, all)).collect()
        }
        Some(Compared::Tables(diff)) => vec![headline(diff)],
        Some(Compared::Not { because }) if comparison.rows.in_full => vec![format!("rows are not compared: {because}")],
        _ => Vec::new(),
    }
}

/// The same, to be folded away: what stands on it, and what in it.
pub fn folded(name: &str, diff: &RowDiff, look: &Look, all: bool) -> String {
    let mut body = String::new();
    let table = statistics(diff, all);
    if table.len() > 1 {
        for (i, row) in table.iter().enumerate() {
            let cells: Vec<String> =
                row.iter().map(|text| if i == 0 || text.is_empty() { text.clone() } else { markdown::cell(text) }).collect();
            body += &format!("| {} |\n", cells.join(" | "));
            if i == 0 {
                body += "|---|---:|---|---|---|---|---|\n";
            }
        }
        body.push('\n');
    }
    let plain = Look { color: false, ..look.clone() };
    let mut told: Vec<String> = diff.schema.iter().map(|change| schema(change, &plain)).collect();
    told.push(counts(diff));
    told.extend(diff.samples.iter().map(|row| sample(row, &plain)));
    // What changed is coloured as a heading is.
    let told: Vec<String> = told.into_iter().map(|line| line.strip_prefix('~').map_or(line.clone(), |rest| format!("!{rest}"))).collect();
    body += &markdown::block("diff", &told);
    markdown::folded(&format!("{name}: {}", headline(diff)), &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff() -> RowDiff {
        let side = |nulls, mean, max: &str| Statistics {
            nulls,
            distinct: 70,
            estimated: false,
            mean: Some(mean),
            min: Some("18.25".into()),
            max: Some(max.into()),
        };
        let cell = |was: Option<&str>, now: Option<&str>| SampleCell {
            column: "charges".into(),
            was: was.map(str::to_string),
            now: now.map(str::to_string),
        };
        let row = |change, id: &str, cell| SampleRow { change, count: 1, key: vec![("id".into(), Some(id.into()))], cells: vec![cell] };
        RowDiff {
            rows: (7040, 7043),
            schema: vec![
                SchemaChange::Added { column: "fiber".into(), now: "bigint".into() },
                SchemaChange::Retyped { column: "tenure".into(), was: "bigint".into(), now: "double".into() },
            ],
            columns: vec![ColumnDiff {
                column: "charges".into(),
                changed: Some(103),
                was: side(0, 64.7617, "118.75"),
                now: side(2, 65.0119, "118.75"),
            }],
            key: vec!["id".into()],
            same: 6928,
            added: 12,
            removed: 9,
            changed: 103,
            samples: vec![
                row(Kind::Changed, "7590", cell(Some("29.85"), None)),
                row(Kind::Added, "9999", cell(None, Some("20\u{1b}"))),
                row(Kind::Removed, "0001", cell(Some("1"), None)),
            ],
            ..RowDiff::default()
        }
    }

    #[test]
    fn rows_are_told_in_a_line_and_in_full() {
        let expected = "7,040 → 7,043 rows, 1 column added, 1 column of another type, 103 changed, 12 added, 9 removed, 1 column changed, mean of charges 64.76 → 65.01";
        assert_eq!(headline(&diff()), expected);
        let expected = "\
+ column fiber: bigint
~ column tenure: bigint → double
by id: 103 changed, 12 added, 9 removed, 6,928 the same

column   rows  nulls  mean
charges   103  0 → 2  64.76 → 65.01

~ id=7590  charges 29.85 → null
+ id=9999  charges=20\\u{1b}
- id=0001  charges=1";
        assert_eq!(lines(&diff(), &Look::plain(), false).join("\n"), expected);
        let folded = folded("x", &diff(), &Look::plain(), false);
        assert!(folded.contains("| `charges` | `103` | `0 → 2` |  | `64.76 → 65.01` |  |  |\n"), "{folded}");
        assert!(folded.contains("! id=7590  charges"), "{folded}");
        let same = RowDiff { rows: (1, 1), same: 1, ..RowDiff::default() };
        assert_eq!((headline(&same), lines(&same, &Look::plain(), false).len()), ("1 row, the same in other bytes".into(), 0));
    }

    #[test]
    fn numbers_have_the_digits_that_tell_them_apart() {
        for (was, now, expected) in [
            (64.7617, 65.0119, "64.76 65.01"),
            (0.000_123_4, 0.000_123_5, "0.0001234 0.0001235"),
            (1_234_567.0, 1_234_568.2, "1234567 1234568"),
            (1.000_000_01, 1.000_000_02, "1.00000001 1.00000002"),
            (0.0, -12.5, "0.000 -12.50"),
            (1e-30, 2e-30, "1.000e-30 2.000e-30"),
            (f64::NAN, 1.0, "NaN 1.000"),
        ] {
            let (was, now) = pair(was, now);
            assert_eq!(format!("{was} {now}"), expected);
        }
    }
}
