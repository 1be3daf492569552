//! Rows that were asked for, for people.

use std::path::Path;

use super::look::{Columns, Look, Tone, cell, clip};
use super::units;
use crate::catalog::Reading;
use crate::table::{Cells, Written};

/// Where not all fits, texts are cut to no less than this.
const LEAST: usize = 12;

/// A line a row under the columns' names, and how many rows there are. `more`, where these are only the first: how to get more. In a terminal so many columns `wide`,
/// long texts are cut; where that is not enough, a row is a block of lines.
pub fn text(cells: &Cells, more: Option<&str>, wide: Option<usize>, look: &Look) -> String {
    let rows: Vec<Vec<Option<String>>> =
        cells.rows.iter().map(|row| row.iter().map(|cell| cell.as_deref().map(readable)).collect()).collect();
    let names: Vec<String> = cells.columns.iter().map(|column| readable(&column.name)).collect();
    let mut lines = match widths(&names, &rows, &cells.numbers, wide) {
        Some(widths) => beside(&names, &rows, &cells.numbers, &widths, look),
        None => below(&names, &rows, wide.unwrap_or(usize::MAX), look),
    };
    let count = units::count(rows.len(), "row");
    lines.push(look.faint(&match more {
        Some(how) => format!("{count}, and there are more ({how} N, or 0 for all)"),
        None => count,
    }));
    lines.join("\n") + "\n"
}

/// `3 rows in out.csv`
pub fn saved(written: Written, file: &Path) -> String {
    format!("{} in {}\n", units::count(usize::try_from(written.rows).unwrap_or(usize::MAX), "row"), file.display())
}

/// A line a class, with how many instances stand under the label, and the last of them.
pub fn classes(readings: &[Reading], look: &Look) -> String {
    if readings.is_empty() {
        return "Nothing that was made, read or published is there.\n".into();
    }
    let mut columns = Columns::default();
    for class in readings.chunk_by(|a, b| a.identity.class == b.identity.class) {
        let last = class.last().map(|reading| reading.identity.instance.to_string()).unwrap_or_default();
        columns.row([
            cell(Tone::Name, class[0].identity.class.to_string()),
            cell(Tone::Plain, units::count(class.len(), "instance")).right(),
            cell(Tone::Faint, if last.is_empty() { last } else { format!("the last {last}") }),
        ]);
    }
    columns.render(look, 0).join("\n") + "\n"
}

/// A line a column, with its type.
pub fn columns(cells: &Cells, look: &Look) -> String {
    let mut columns = Columns::default();
    for column in &cells.columns {
        columns.row([cell(Tone::Strong, readable(&column.name)), cell(Tone::Plain, column.ty.as_str())]);
    }
    columns.render(look, 0).join("\n") + "\n"
}

/// What a terminal obeys is shown as what it is.
pub(super) fn readable(text: &str) -> String {
    let is_odd = |c: char| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(is_odd) {
        return text.to_string();
    }
    text.chars().flat_map(|c| if is_odd(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// How wide each column is; `None` where they do not fit beside each other. Only texts give way, the widest first.
fn widths(names: &[String], rows: &[Vec<Option<String>>], numbers: &[bool], wide: Option<usize>) -> Option<Vec<usize>> {
    let length = |cell: &Option<String>| cell.as_ref().map_or(NULL.len(), |text| text.chars().count());
    let natural = |i: usize| rows.iter().map(|row| length(&row[i])).max().unwrap_or(0).max(names[i].chars().count());
    let mut widths: Vec<usize> = (0..names.len()).map(natural).collect();
    let room = wide.map(|wide| wide.saturating_sub(2 * names.len().saturating_sub(1)));
    while room.is_some_and(|room| widths.iter().sum::<usize>() > room) {
        let widest =
            (0..widths.len()).filter(|i| !numbers[*i] && widths[*i] > LEAST.max(names[*i].chars().count())).max_by_key(|i| widths[*i])?;
        widths[widest] -= 1;
    }
    Some(widths)
}

const NULL: &str = "null";

fn beside(names: &[String], rows: &[Vec<Option<String>>], numbers: &[bool], widths: &[usize], look: &Look) -> Vec<String> {
    let mut columns = Columns::default();
    let placed = |tone, text: &str, i: usize| {
        let cell = cell(tone, clip(text, widths[i]));
        if numbers[i] { cell.right() } else { cell }
    };
    columns.row(names.iter().enumerate().map(|(i, name)| placed(Tone::Strong, name, i)));
    for row in rows {
        columns.row(row.iter().enumerate().map(|(i, value)| match value {
            Some(text) => placed(Tone::Plain, text, i),
            None => placed(Tone::Faint, NULL, i),
        }));
    }
    columns.render(look, 0)
}

fn below(names: &[String], rows: &[Vec<Option<String>>], wide: usize, look: &Look) -> Vec<String> {
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let room = wide.saturating_sub(longest + 4).max(LEAST);
    let mut lines = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        lines.push(look.faint(&format!("row {}", number + 1)));
        let mut columns = Columns::default();
        for (name, value) in names.iter().zip(row) {
            let (tone, text) = value.as_deref().map_or((Tone::Faint, NULL), |text| (Tone::Plain, text));
            columns.row([cell(Tone::Strong, name.as_str()), cell(tone, clip(text, room))]);
        }
        lines.extend(columns.render(look, 2));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::program::Column;

    fn cells() -> Cells {
        let column = |name: &str, ty: &str| Column { name: name.into(), ty: ty.into() };
        let row = |store: &str, amount: Option<&str>| vec![Some(store.to_string()), amount.map(str::to_string)];
        Cells {
            columns: vec![column("store", "text"), column("amount", "bigint")],
            numbers: vec![false, true],
            rows: vec![row("a store of which much can be said", Some("7")), row("tab\there", None)],
        }
    }

    #[test]
    fn rows_stand_below_each_other() {
        assert_eq!(
            text(&cells(), None, None, &Look::plain()),
            "store                              amount\na store of which much can be said       7\ntab\\there                            null\n2 rows\n"
        );
        assert_eq!(
            text(&cells(), Some("--limit"), Some(24), &Look::plain()),
            "store             amount\na store of whic…       7\ntab\\there           null\n2 rows, and there are more (--limit N, or 0 for all)\n"
        );
        assert_eq!(
            text(&cells(), None, Some(18), &Look::plain()),
            "row 1\n  store   a store of …\n  amount  7\nrow 2\n  store   tab\\there\n  amount  null\n2 rows\n"
        );
    }
}
