//! What a table holds, column by column.

use super::look::{Columns, Look, Tone, cell};
use super::units;
use crate::table::measure::{ColumnProfile, Profile};

/// So many columns are shown of a wide table.
const COLUMNS: usize = 60;
/// Values are cut here.
const WIDTH: usize = 24;
/// So many of the most frequent values are shown.
const TOP: usize = 3;

/// `7,043 rows, 21 columns` and a line per column.
pub fn lines(profile: &Profile, look: &Look) -> Vec<String> {
    let columns = units::count(profile.columns.len(), "column");
    let mut lines = vec![format!("Rows: {}, {columns}", units::grouped(profile.rows))];
    if profile.columns.is_empty() {
        return lines;
    }
    let mut table = Columns::default();
    let head = |text: &str| cell(Tone::Faint, text);
    table.row([
        head("column"),
        head("type"),
        head("nulls").right(),
        head("distinct").right(),
        head("min"),
        head("median"),
        head("max"),
        head("most frequent"),
    ]);
    for column in profile.columns.iter().take(COLUMNS) {
        let median = column.numbers.as_ref().filter(|_| is_number(column)).and_then(|numbers| numbers.quantiles.get(50));
        table.row([
            cell(Tone::Name, short(&column.name)),
            cell(Tone::Plain, column.ty.clone()),
            cell(Tone::Plain, nulls(column, profile.rows)).right(),
            cell(Tone::Plain, format!("{}{}", if column.complete { "" } else { "~" }, units::grouped(column.distinct))).right(),
            cell(Tone::Plain, column.min.as_deref().map(short).unwrap_or_default()),
            cell(Tone::Plain, median.map(|median| number(*median)).unwrap_or_default()),
            cell(Tone::Plain, column.max.as_deref().map(short).unwrap_or_default()),
            cell(Tone::Faint, top(column, profile.rows)),
        ]);
    }
    lines.extend(table.render(look, 2));
    if profile.columns.len() > COLUMNS {
        lines.push(look.faint(&format!("  and {} more", units::count(profile.columns.len() - COLUMNS, "column"))));
    }
    lines
}

/// Of dates and times the median is a number of seconds, which nobody reads.
fn is_number(column: &ColumnProfile) -> bool {
    column.min.as_deref().is_some_and(|min| min.parse::<f64>().is_ok())
}

fn nulls(column: &ColumnProfile, rows: u64) -> String {
    match column.nulls {
        0 => "-".into(),
        nulls => share(nulls, rows),
    }
}

fn share(part: u64, of: u64) -> String {
    let percent = part as f64 * 100.0 / of.max(1) as f64;
    if percent < 0.1 {
        "<0.1%".into()
    } else if percent < 9.95 {
        format!("{percent:.1}%")
    } else {
        format!("{percent:.0}%")
    }
}

/// Values of which none is more frequent than others say nothing.
fn top(column: &ColumnProfile, rows: u64) -> String {
    if column.top.first().is_none_or(|(_, count)| *count < 2) {
        return String::new();
    }
    let shown = column.top.iter().take(TOP).map(|(value, count)| format!("{} {}", short(value), share(*count, rows)));
    shown.collect::<Vec<_>>().join(", ")
}

fn short(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() <= WIDTH { text } else { text.chars().take(WIDTH - 1).chain(['…']).collect() }
}

/// Four digits that count.
pub fn number(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    if (0..=12).contains(&digits) {
        let text = format!("{value:.*}", digits as usize);
        return text.trim_end_matches('0').trim_end_matches('.').to_string();
    }
    if digits < 0 { format!("{value:.0}") } else { format!("{value:.3e}") }
}
