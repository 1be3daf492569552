//! The pass over CSV and JSON lines: once from their beginning to their end.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::sync_channel;

use serde_json::Value;

use super::asked::{Logical, PathStep};
use super::cells::Cells;
use super::json::{self, Found};
use super::pass::Pass;
use super::written::Written;
use crate::table::csv::Records;
use crate::table::error::TableError;
use crate::table::file::DataFile;
use crate::table::input::{Types, all_declared, conflicting};
use crate::table::jsonl::Lines;
use crate::table::shape::{Fields, Kind, Shape, Take};
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
    let width = own.len();
    let read = move || csv_batch(&mut records, width, most);
    in_turn(pass.limits.threads, read, |batch| csv_columns(pass, &batch, &own))
}

/// Reads batches and counts them until it says that it is over: two threads take turns, where the file has more than a batch.
fn in_turn<T: Send>(
    threads: usize,
    mut read: impl FnMut() -> Result<Option<T>, TableError> + Send,
    mut count: impl FnMut(T) -> Result<bool, TableError>,
) -> Result<(), TableError> {
    let mut next = read()?;
    let mut first = true;
    while let Some(batch) = next {
        if first || threads < 2 {
            if count(batch)? {
                return Ok(());
            }
            next = read()?;
            first = false;
            continue;
        }
        let (done, batches) = sync_channel(2);
        return std::thread::scope(|scope| {
            scope.spawn(move || {
                while let Some(batch) = read().transpose() {
                    let failed = batch.is_err();
                    // Nobody listens where the other is done.
                    if done.send(batch).is_err() || failed {
                        return;
                    }
                }
            });
            for batch in std::iter::once(Ok(batch)).chain(batches) {
                if count(batch?)? {
                    break;
                }
            }
            Ok(())
        });
    }
    Ok(())
}

/// The next rows by columns.
fn csv_batch(records: &mut Records, width: usize, most: usize) -> Result<Option<Vec<Written>>, TableError> {
    let (mut rows, mut bytes) = (0, 0);
    let mut batch: Vec<Written> = (0..width).map(|_| Written::default()).collect();
    while rows < most && bytes < BYTES && records.row(width)? {
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
    Ok((rows > 0).then_some(batch))
}

/// Says whether the pass is over.
fn csv_columns(pass: &mut Pass, batch: &[Written], own: &[usize]) -> Result<bool, TableError> {
    let rows = batch.first().map_or(0, Written::len);
    let mut cells: Vec<Option<Cells>> = pass.columns.iter().map(|_| None).collect();
    let mut there = vec![false; cells.len()];
    for (written, at) in batch.iter().zip(own) {
        there[*at] = true;
        cells[*at] = pass.written(*at, written, None);
    }
    pass.rest(cells, &there, rows, |_, _| None)?;
    pass.fit()?;
    Ok(pass.is_over())
}

pub(super) fn jsonl(pass: &mut Pass, files: &[DataFile], types: &Types) -> Result<(), TableError> {
    pass.header = false;
    let (mut all, asked) = (Fields::default(), pass.looked_into());
    for file in files {
        let mut lines = Lines::open(file)?;
        let (mut seen, mut shapes) = (Fields::default(), Fields::default());
        let read = || {
            let (mut rows, mut bytes) = (Rows::new(&asked), 0);
            while rows.count < ROWS && bytes < BYTES && rows.count * seen.len() < CELLS && lines.next()? {
                bytes += lines.len();
                lines.object(&mut seen, &mut rows)?;
                rows.count += 1;
            }
            Ok((rows.count > 0).then(|| (rows, seen.clone())))
        };
        in_turn(pass.limits.threads, read, |(rows, there)| {
            shapes = there;
            batch(pass, rows, &shapes, types)
        })?;
        if pass.is_over() {
            return Ok(());
        }
        if !shapes.is_empty() {
            let names: Vec<String> = shapes.iter().map(|(name, _)| name.clone()).collect();
            all_declared(file, &names, types)?;
        }
        all.join(shapes.into_list()).map_err(|conflict| conflicting(&files[0], file, conflict))?;
    }
    if pass.rows == 0 {
        for name in types.keys() {
            pass.text_column(name, types, types.len());
        }
    }
    for (name, shape) in all.into_list() {
        let at = pass.text_column(&name, types, 1);
        pass.columns[at].shape = Some(shape);
    }
    Ok(())
}

/// Rows of JSON by fields: their texts, and the lists and objects that are looked into.
struct Rows<'a> {
    count: usize,
    texts: Vec<Written>,
    values: Vec<Vec<(u32, Value)>>,
    asked: &'a HashSet<&'a str>,
}

impl<'a> Rows<'a> {
    fn new(asked: &'a HashSet<&'a str>) -> Self {
        Self { count: 0, texts: Vec::new(), values: Vec::new(), asked }
    }

    /// A field's texts, those of earlier rows only.
    fn field(&mut self, field: usize) -> &mut Written {
        if self.texts.len() <= field {
            self.texts.resize_with(field + 1, Written::default);
            self.values.resize_with(field + 1, Vec::new);
        }
        // A name that an object has twice: the last one counts.
        self.texts[field].cut(self.count);
        self.texts[field].pad(self.count);
        &mut self.texts[field]
    }
}

impl Take for Rows<'_> {
    fn text(&mut self, field: usize) -> Option<&mut String> {
        Some(self.field(field).begin())
    }

    fn wants_values(&self, name: &str) -> bool {
        self.asked.contains(name)
    }

    fn taken(&mut self, field: usize, kind: Kind) {
        let row = self.count as u32;
        if self.values[field].last().is_some_and(|(there, _)| *there == row) {
            self.values[field].pop();
        }
        match kind {
            Kind::Null => self.texts[field].push_null(false),
            Kind::Plain | Kind::Nested(None) => self.texts[field].end(),
            Kind::Nested(Some(value)) => {
                self.texts[field].end();
                self.values[field].push((row, value));
            }
        }
    }
}

/// `shapes`: what the file's values are, up to the end of these rows. Says whether the pass is over.
fn batch(pass: &mut Pass, mut rows: Rows, shapes: &Fields, types: &Types) -> Result<bool, TableError> {
    let own: Vec<usize> = shapes.iter().map(|(name, _)| pass.text_column(name, types, shapes.len())).collect();
    let mut cells: Vec<Option<Cells>> = pass.columns.iter().map(|_| None).collect();
    let mut there = vec![false; cells.len()];
    let (count, mut by_name) = (rows.count, HashMap::new());
    rows.texts.resize_with(own.len(), Written::default);
    rows.values.resize_with(own.len(), Vec::new);
    for (field, ((name, shape), at)) in shapes.iter().zip(own).enumerate() {
        let written = &mut rows.texts[field];
        let seen = written.len() > 0;
        written.pad(count);
        let plain = if let Shape::Plain(guess) = shape { Some(*guess) } else { None };
        there[at] = true;
        cells[at] = pass.written(at, written, Some(plain.unwrap_or(Guess::Text)));
        if let (Some(cells), None) = (&mut cells[at], plain) {
            cells.closed = true;
        }
        if rows.asked.contains(name.as_str()) {
            let has_plain = plain.is_some() && written.nulls() < written.len();
            by_name.insert(name.as_str(), json::Column { values: &rows.values[field], seen, has_plain });
        }
    }
    let inner = |path: &[PathStep], logical: Option<Logical>| -> Option<(Cells, Found)> {
        let (PathStep::Field(name), inner) = path.split_first()? else { return None };
        let mut found = Found::default();
        let none = json::Column { values: &[], seen: false, has_plain: false };
        let cells = json::cells(by_name.get(name.as_str()).unwrap_or(&none), count, inner, logical, &mut found);
        Some((cells, found))
    };
    pass.rest(cells, &there, count, inner)?;
    pass.fit()?;
    Ok(pass.is_over())
}
