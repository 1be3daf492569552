//! Cells of JSON lines.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use arrow::buffer::BooleanBuffer;
use serde_json::Value;

use super::asked::{Logical, PathStep};
use super::cells::{Cells, read_as};
use super::written::Written;

/// What is known of a path: whether it was there, and whether it was missed where it could have been. Neither, where all objects and lists on
/// the way are null or empty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    pub seen: bool,
    pub missed: bool,
}

/// A column's lists and objects.
pub(super) struct Column<'a> {
    pub values: &'a [(u32, Value)],
    /// A row has it, be it null.
    pub seen: bool,
    /// It has plain values, which nobody can look into.
    pub has_plain: bool,
}

#[derive(Clone, Copy)]
struct Cell<'a> {
    row: u32,
    value: Option<&'a Value>,
    absent: bool,
}

/// The cells at a path inside a column, over all rows.
pub(super) fn cells(column: &Column, rows: usize, path: &[PathStep], logical: Option<Logical>, found: &mut Found) -> Cells {
    let mut seen = column.seen;
    let mut missed = !seen || !path.is_empty() && column.has_plain;
    let mut at: Vec<Cell> = (0..rows as u32).map(|row| Cell { row, value: None, absent: false }).collect();
    for (row, value) in column.values {
        at[*row as usize].value = Some(value);
    }
    let mut listed = false;
    for step in path {
        let mut next = Vec::with_capacity(at.len());
        let (mut there, mut could) = (false, false);
        for cell in at {
            match (step, cell.value) {
                (PathStep::Field(name), Some(Value::Object(fields))) => {
                    could = true;
                    let value = fields.get(name);
                    there |= value.is_some();
                    next.push(Cell { value: value.filter(|value| !value.is_null()), ..cell });
                }
                (PathStep::Field(_), value) => {
                    could |= value.is_some();
                    next.push(Cell { value: None, absent: true, ..cell });
                }
                (PathStep::Items, Some(Value::Array(items))) => {
                    (could, there) = (true, true);
                    next.extend(items.iter().map(|item| Cell { value: Some(item).filter(|item| !item.is_null()), ..cell }));
                }
                (PathStep::Items, value) => could |= value.is_some(),
            }
        }
        seen &= there;
        missed |= could && !there;
        listed |= *step == PathStep::Items;
        at = next;
    }
    found.seen |= seen;
    found.missed |= missed;
    let mut cells = plain(&at, logical);
    cells.rows = listed.then(|| at.iter().map(|cell| cell.row).collect());
    cells.absent = at.iter().any(|cell| cell.absent).then(|| BooleanBuffer::collect_bool(at.len(), |i| at[i].absent));
    cells
}

fn plain(cells: &[Cell], logical: Option<Logical>) -> Cells {
    let mut written = Written::default();
    for cell in cells {
        match cell.value {
            Some(value) => {
                write(value, written.begin());
                written.end();
            }
            None => written.push_null(false),
        }
    }
    if cells.iter().any(|cell| matches!(cell.value, Some(Value::Array(_)))) {
        let mut lists = Cells::typed(lists(cells));
        lists.texts = Some(written.array().clone());
        return lists;
    }
    let objects = cells.iter().any(|cell| matches!(cell.value, Some(Value::Object(_))));
    let ty = logical.filter(|_| !objects).and_then(|logical| read_as(logical, || written.iter()));
    let mut cells = Cells::written(&written, ty.as_ref(), false);
    cells.objects = objects;
    cells
}

fn lists(cells: &[Cell]) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for cell in cells {
        match cell.value {
            Some(Value::Array(items)) => {
                for item in items {
                    lists.values().append_option(Some(item).filter(|item| !item.is_null()).map(text));
                }
                lists.append(true);
            }
            _ => lists.append(false),
        }
    }
    Arc::new(lists.finish())
}

/// Writes a value as a query would print it.
pub(super) fn write(value: &Value, to: &mut String) {
    match value {
        Value::Null => {}
        Value::String(text) => to.push_str(text),
        Value::Bool(flag) => to.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => {
            // It does not fail on a string.
            let _ = write!(to, "{number}");
        }
        Value::Array(items) => {
            to.push('[');
            for (at, item) in items.iter().enumerate() {
                to.push_str(if at > 0 { ", " } else { "" });
                write(item, to);
            }
            to.push(']');
        }
        Value::Object(fields) => {
            to.push('{');
            for (at, (name, value)) in fields.iter().enumerate() {
                to.push_str(if at > 0 { ", " } else { "" });
                to.push_str(name);
                to.push_str(": ");
                write(value, to);
            }
            to.push('}');
        }
    }
}

fn text(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}
