//! The pass over CSV and JSON lines: once from their beginning to their end.

use serde_json::{Map, Value};

use super::asked::{Logical, PathStep};
use super::cells::Cells;
use super::json::{self, Found};
use super::pass::Pass;
use super::written::Written;
use crate::table::csv::Records;
use crate::table::error::TableError;
use crate::table::file::DataFile;
use crate::table::input::{Types, all_declared, conflicting};
use crate::table::jsonl::{Lines, Shape, join_fields};
use crate::table::types::Guess;

/// Rows of a batch, bytes of its texts (one more row is read below that), and cells.
const ROWS: usize = 8192;
const BYTES: usize = 4 << 20;
const CELLS: usize = 1 << 20;

pub(super) fn csv(pass: &mut Pass, file: &DataFile, delimiter: u8, types: &Types) -> Result<(), TableError> {
    let mut records = Records::open(file, delimiter)?;
    let names = records.header()?;
    all_declared(file, &names, types)?;
    let own: Vec<usize> = names.iter().map(|name| pass.text_column(name, types, names.len())).collect();
    let most = ROWS.min(CELLS / names.len()).max(1);
    while !pass.is_over() {
        let (mut rows, mut bytes) = (0, 0);
        let mut batch: Vec<Written> = names.iter().map(|_| Written::default()).collect();
        while rows < most && bytes < BYTES && records.row(names.len())? {
            for ((text, quoted), written) in records.values().zip(&mut batch) {
                if text.is_empty() {
                    written.push_null(quoted);
                } else {
                    written.push(text);
                    bytes += text.len();
                }
            }
            rows += 1;
        }
        if rows == 0 {
            break;
        }
        let mut cells: Vec<Option<Cells>> = pass.columns.iter().map(|_| None).collect();
        let mut there = vec![false; cells.len()];
        for (written, at) in batch.iter().zip(&own) {
            there[*at] = true;
            cells[*at] = pass.written(*at, written, None);
        }
        pass.rest(cells, &there, rows, |_, _| None)?;
        pass.fit()?;
    }
    Ok(())
}

pub(super) fn jsonl(pass: &mut Pass, files: &[DataFile], types: &Types) -> Result<(), TableError> {
    pass.header = false;
    let mut all: Vec<(String, Shape)> = Vec::new();
    for file in files {
        let mut lines = Lines::open(file)?;
        let mut shapes: Vec<(String, Shape)> = Vec::new();
        while !pass.is_over() {
            let (mut rows, mut bytes) = (Vec::new(), 0);
            while rows.len() < ROWS && bytes < BYTES && rows.len() * shapes.len() < CELLS && lines.next()? {
                bytes += lines.len();
                rows.push(lines.object(&mut shapes)?);
            }
            if rows.is_empty() {
                break;
            }
            batch(pass, &rows, &shapes, types)?;
        }
        if pass.is_over() {
            return Ok(());
        }
        if !shapes.is_empty() {
            let names: Vec<String> = shapes.iter().map(|(name, _)| name.clone()).collect();
            all_declared(file, &names, types)?;
        }
        join_fields(&mut all, shapes).map_err(|conflict| conflicting(&files[0], file, conflict))?;
    }
    if pass.rows == 0 {
        for name in types.keys() {
            pass.text_column(name, types, types.len());
        }
    }
    for (name, shape) in all {
        let at = pass.text_column(&name, types, 1);
        pass.columns[at].shape = Some(shape);
    }
    Ok(())
}

/// `shapes`: what the file's values are, up to the end of these rows.
fn batch(pass: &mut Pass, rows: &[Map<String, Value>], shapes: &[(String, Shape)], types: &Types) -> Result<(), TableError> {
    let own: Vec<usize> = shapes.iter().map(|(name, _)| pass.text_column(name, types, shapes.len())).collect();
    let mut cells: Vec<Option<Cells>> = pass.columns.iter().map(|_| None).collect();
    let mut there = vec![false; cells.len()];
    for ((name, shape), at) in shapes.iter().zip(own) {
        let mut written = Written::default();
        for row in rows {
            match row.get(name) {
                None | Some(Value::Null) => written.push_null(false),
                Some(Value::String(text)) => written.push(text),
                Some(value) => written.push_with(|to| json::write(value, to)),
            }
        }
        let plain = if let Shape::Plain(guess) = shape { Some(*guess) } else { None };
        there[at] = true;
        cells[at] = pass.written(at, &written, Some(plain.unwrap_or(Guess::Text)));
        if let (Some(cells), None) = (&mut cells[at], plain) {
            cells.closed = true;
        }
    }
    let inner = |path: &[PathStep], logical: Option<Logical>| -> Option<(Cells, Found)> {
        let mut found = Found::default();
        let cells = json::cells(rows, path, logical, &mut found);
        Some((cells, found))
    };
    pass.rest(cells, &there, rows.len(), inner)?;
    pass.fit()
}
