//! The pass over a snapshot's rows, batch by batch.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, StringBuilder, new_null_array};
use arrow::datatypes::DataType;
use serde_json::{Map, Value};

use super::MeasureLimits;
use super::asked::{Asked, Failing, FoundColumn, Logical, Measured, PathStep};
use super::cells::{Cells, inside};
use super::check;
use super::json::{self, Found};
use super::keys::Keys;
use super::profile::Profile;
use super::summary::{Guessed, Typed, by_value};
use crate::table::csv::Records;
use crate::table::error::TableError;
use crate::table::file::{DataFile, Kind};
use crate::table::input::{Table, TableInput, Types, all_declared, conflicting, declared_types, found};
use crate::table::jsonl::{Lines, Shape, join_fields};
use crate::table::types::Guess;

/// Rows of a batch, and bytes of its texts: one more row is read below that.
const ROWS: usize = 8192;
const BYTES: usize = 4 << 20;
/// Cells of a batch.
const CELLS: usize = 1 << 21;

/// What is counted.
pub(super) struct Pass<'a> {
    asked: &'a Asked,
    limits: &'a MeasureLimits,
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    /// As [`Asked::columns`].
    tests: Vec<Tested>,
    /// As [`Asked::keys`].
    keys: Vec<Option<Keys>>,
    rows: u64,
    /// The files say which columns there are.
    header: bool,
}

struct Column {
    name: String,
    /// What its texts are read as.
    logical: Option<Logical>,
    state: State,
    /// Of JSON: what its values are.
    shape: Option<Shape>,
    declared: bool,
}

enum State {
    Guessed(Guessed),
    Typed(Typed),
}

struct Tested {
    found: Found,
    failing: Vec<Failing>,
}

/// A batch's column: as written, and as it is read.
struct Texts {
    texts: StringArray,
    /// Rows that are written `""`, which are null in `texts`.
    empties: Vec<usize>,
}

impl Texts {
    /// With empty texts where `""` is written.
    fn as_text(&self) -> StringArray {
        if self.empties.is_empty() {
            return self.texts.clone();
        }
        let mut empties = self.empties.iter().copied().peekable();
        let text = |at: usize| match empties.next_if_eq(&at) {
            Some(_) => Some(""),
            None => self.texts.is_valid(at).then(|| self.texts.value(at)),
        };
        (0..self.texts.len()).map(text).collect()
    }
}

impl<'a> Pass<'a> {
    fn new(asked: &'a Asked, limits: &'a MeasureLimits) -> Self {
        let tested =
            |column: &super::AskedColumn| Tested { found: Found::default(), failing: vec![Failing::default(); column.tests.len()] };
        Self {
            asked,
            limits,
            columns: Vec::new(),
            by_name: HashMap::new(),
            tests: asked.columns.iter().map(tested).collect(),
            keys: asked.keys.iter().map(|_| None).collect(),
            rows: 0,
            header: true,
        }
    }

    pub fn run(input: &TableInput, asked: &'a Asked, limits: &'a MeasureLimits) -> Result<Measured, TableError> {
        let mut pass = Self::new(asked, limits);
        let files: Vec<DataFile> = found(input)?.into_iter().map(|(file, _)| file).collect();
        let types = declared_types(input.columns.as_deref().unwrap_or_default())?;
        match files.first().map(|file| file.kind) {
            None => {}
            Some(Kind::Parquet) => pass.parquet(input)?,
            Some(Kind::Csv(delimiter)) => {
                for file in &files {
                    pass.csv(file, delimiter, &types)?;
                }
            }
            Some(Kind::Jsonl) => {
                pass.header = false;
                pass.jsonl(&files, &types)?;
            }
        }
        pass.told()
    }

    /// The logical type that the contract gives a top-level column.
    fn logical(&self, name: &str) -> Option<Logical> {
        let named = |path: &[PathStep]| matches!(path, [PathStep::Field(field)] if field == name);
        self.asked.columns.iter().filter(|column| named(&column.path)).find_map(|column| column.logical)
    }

    fn column(&mut self, name: &str, types: &Types) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let declared = types.get(name);
        let logical = self.logical(name).filter(|logical| declared.is_none() && !matches!(logical, Logical::Object | Logical::Array));
        let mut state = match declared {
            Some(ty) => State::Typed(Typed::new(ty.clone())),
            None => State::Guessed(Guessed::default()),
        };
        match &mut state {
            State::Guessed(column) => column.skip(self.rows),
            State::Typed(column) => column.skip(self.rows),
        }
        let at = self.columns.len();
        self.columns.push(Column { name: name.to_string(), logical, state, shape: None, declared: declared.is_some() });
        self.by_name.insert(name.to_string(), at);
        at
    }

    fn csv(&mut self, file: &DataFile, delimiter: u8, types: &Types) -> Result<(), TableError> {
        let mut records = Records::open(file, delimiter)?;
        let names = records.header()?;
        all_declared(file, &names, types)?;
        let own: Vec<usize> = names.iter().map(|name| self.column(name, types)).collect();
        // A batch of many columns has few rows.
        let most = ROWS.min(CELLS / names.len()).max(1);
        loop {
            let (mut rows, mut bytes) = (0, 0);
            let mut builders: Vec<(StringBuilder, Vec<usize>)> = names.iter().map(|_| (StringBuilder::new(), Vec::new())).collect();
            while rows < most && bytes < BYTES && records.row(names.len())? {
                for ((text, quoted), (builder, empties)) in records.values().zip(&mut builders) {
                    builder.append_option((!text.is_empty()).then_some(text));
                    bytes += text.len();
                    if quoted && text.is_empty() {
                        empties.push(rows);
                    }
                }
                rows += 1;
            }
            if rows == 0 {
                return Ok(());
            }
            let mut batch: Vec<Option<Cells>> = self.columns.iter().map(|_| None).collect();
            for ((mut builder, empties), at) in builders.into_iter().zip(&own) {
                batch[*at] = Some(self.texts(*at, Texts { texts: builder.finish(), empties }, None));
            }
            self.finish_batch(batch, rows, |_, _| None)?;
        }
    }

    fn jsonl(&mut self, files: &[DataFile], types: &Types) -> Result<(), TableError> {
        let mut all: Vec<(String, Shape)> = Vec::new();
        for file in files {
            let mut lines = Lines::open(file)?;
            let mut shapes: Vec<(String, Shape)> = Vec::new();
            let mut any = false;
            loop {
                let (mut rows, mut bytes) = (Vec::new(), 0);
                let mut batch_shapes = Vec::new();
                while rows.len() < ROWS && bytes < BYTES && lines.next()? {
                    bytes += lines.len();
                    let (fields, shape) = lines.object()?;
                    lines.join(&mut batch_shapes, shape)?;
                    rows.push(fields);
                }
                if rows.is_empty() {
                    break;
                }
                any = true;
                lines.join(&mut shapes, batch_shapes.clone())?;
                self.json_batch(&rows, batch_shapes, types)?;
            }
            if any {
                let names: Vec<String> = shapes.iter().map(|(name, _)| name.clone()).collect();
                all_declared(file, &names, types)?;
            }
            join_fields(&mut all, shapes).map_err(|conflict| conflicting(&files[0], file, conflict))?;
        }
        if self.rows == 0 {
            for name in types.keys() {
                self.column(name, types);
            }
        }
        for (name, shape) in all {
            let at = self.column(&name, types);
            self.columns[at].shape = Some(shape);
        }
        Ok(())
    }

    fn json_batch(&mut self, rows: &[Map<String, Value>], shapes: Vec<(String, Shape)>, types: &Types) -> Result<(), TableError> {
        for (name, _) in &shapes {
            self.column(name, types);
        }
        let mut looks: Vec<Option<Guess>> = vec![Some(Guess::Nothing); self.columns.len()];
        for (name, shape) in shapes {
            looks[self.by_name[&name]] = if let Shape::Plain(guess) = shape { Some(guess) } else { None };
        }
        let batch: Vec<Option<Cells>> = (0..self.columns.len())
            .map(|at| {
                let name = self.columns[at].name.clone();
                let texts = rows.iter().map(|row| row.get(&name).filter(|value| !value.is_null()).map(json::text)).collect();
                let mut cells = self.texts(at, Texts { texts, empties: Vec::new() }, Some(looks[at].unwrap_or(Guess::Text)));
                cells.closed = looks[at].is_none();
                Some(cells)
            })
            .collect();
        let nested = |path: &[PathStep], logical| -> Option<(Cells, Found)> {
            let mut found = Found::default();
            let cells = json::cells(rows, path, logical, &mut found);
            Some((cells, found))
        };
        self.finish_batch(batch, rows.len(), nested)
    }

    /// Takes in a column's texts, and gives them as cells.
    fn texts(&mut self, at: usize, texts: Texts, looks: Option<Guess>) -> Cells {
        let column = &mut self.columns[at];
        // The contract's type becomes the column's with the first texts, since these say whether timestamps have a zone.
        if let (Some(logical), State::Guessed(guessed)) = (column.logical, &column.state)
            && texts.texts.null_count() < texts.texts.len()
            && let Some(ty) = super::cells::read_as(logical, &texts.texts)
        {
            let mut typed = Typed::new(ty);
            typed.skip(guessed.nulls());
            column.state = State::Typed(typed);
        }
        match &mut column.state {
            State::Typed(typed) => {
                let written = if typed.ty == DataType::Utf8 { texts.as_text() } else { texts.texts };
                let cells = Cells::texts(written, None, Some(&typed.ty));
                let lost = cells.values.null_count() - cells.texts.as_ref().map_or(0, Array::null_count);
                typed.update(&cells.values, cells.hashes(), lost as u64);
                cells
            }
            State::Guessed(guessed) => {
                let looks = looks.unwrap_or_else(|| Guess::of_all(texts.texts.iter().flatten()));
                guessed.update(&texts.texts, looks, texts.empties.len() as u64);
                let is_text = matches!(guessed.guess(), Guess::Text | Guess::Nothing);
                Cells::texts(if is_text { texts.as_text() } else { texts.texts }, None, None)
            }
        }
    }

    fn parquet(&mut self, input: &TableInput) -> Result<(), TableError> {
        let table = Table::open(input)?;
        for field in table.schema.fields() {
            let at = self.columns.len();
            let state = State::Typed(Typed::new(field.data_type().clone()));
            self.columns.push(Column { name: field.name().clone(), logical: None, state, shape: None, declared: true });
            self.by_name.insert(field.name().clone(), at);
        }
        let all: Vec<usize> = (0..self.columns.len()).collect();
        for batch in table.batches(&all, ROWS)? {
            self.record_batch(&batch?)?;
        }
        if self.rows == 0 {
            // Its types are there, so that its columns are.
            self.record_batch(&RecordBatch::new_empty(table.schema))?;
        }
        Ok(())
    }

    fn record_batch(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let mut cells = Vec::with_capacity(batch.num_columns());
        for (array, column) in batch.columns().iter().zip(&mut self.columns) {
            let column_cells = Cells::typed(array.clone());
            if let State::Typed(typed) = &mut column.state {
                typed.update(array, column_cells.hashes(), 0);
            }
            cells.push(Some(column_cells));
        }
        let nested = |path: &[PathStep], _: Option<Logical>| -> Option<(Cells, Found)> {
            let Some((PathStep::Field(first), inner)) = path.split_first() else { return None };
            let cells = inside(batch.column_by_name(first)?, inner)?;
            Some((cells, Found { seen: true, missed: false }))
        };
        self.finish_batch(cells, batch.num_rows(), nested)
    }

    /// Counts tests and keys of a batch; the columns that are not in it are null.
    fn finish_batch(
        &mut self,
        batch: Vec<Option<Cells>>,
        rows: usize,
        nested: impl Fn(&[PathStep], Option<Logical>) -> Option<(Cells, Found)>,
    ) -> Result<(), TableError> {
        for (at, cells) in batch.iter().enumerate() {
            if cells.is_none() {
                match &mut self.columns[at].state {
                    State::Guessed(column) => column.skip(rows as u64),
                    State::Typed(column) => column.skip(rows as u64),
                }
            }
        }
        for (column, tested) in self.asked.columns.iter().zip(&mut self.tests) {
            let own = match &column.path[..] {
                [PathStep::Field(name)] => self.by_name.get(name).and_then(|at| batch[*at].as_ref()),
                _ => None,
            };
            let made;
            let cells = match own {
                Some(cells) if !cells.closed => {
                    tested.found.seen = true;
                    match cells.reread(column.logical) {
                        Some(cells) => {
                            made = cells;
                            &made
                        }
                        None => cells,
                    }
                }
                _ => {
                    let (cells, found) = nested(&column.path, column.logical).unwrap_or_else(|| {
                        let nulls = new_null_array(&DataType::Utf8, rows);
                        (Cells::typed(nulls), Found { seen: false, missed: true })
                    });
                    tested.found.seen |= found.seen;
                    tested.found.missed |= found.missed;
                    made = cells;
                    &made
                }
            };
            for (test, failing) in column.tests.iter().zip(&mut tested.failing) {
                check::count(test, column.logical, cells, self.rows, failing);
            }
        }
        for (names, keys) in self.asked.keys.iter().zip(&mut self.keys) {
            let column = |name: &String| -> Option<ArrayRef> {
                let at = *self.by_name.get(name)?;
                match &batch[at] {
                    Some(cells) => Some(match (&self.columns[at].state, &cells.texts) {
                        (State::Guessed(guessed), Some(texts)) => by_value(texts, guessed.guess()),
                        _ => cells.values.clone(),
                    }),
                    None => Some(new_null_array(&DataType::Utf8, rows)),
                }
            };
            if let Some(columns) = names.iter().map(column).collect::<Option<Vec<_>>>() {
                let keys = keys.get_or_insert_default();
                keys.update(&columns, rows, self.rows, self.limits.memory, self.limits.spill.as_deref())?;
            }
        }
        self.rows += rows as u64;
        Ok(())
    }

    fn told(self) -> Result<Measured, TableError> {
        let found = |column: &Column| FoundColumn {
            name: column.name.clone(),
            ty: match (&column.state, &column.shape) {
                (State::Typed(typed), _) => typed.ty.clone(),
                (State::Guessed(_), Some(shape)) => shape.data_type(),
                (State::Guessed(guessed), None) => guessed.data_type(),
            },
            declared: column.declared,
        };
        let columns: Vec<FoundColumn> = self.columns.iter().map(found).collect();
        let profile = |(column, found): (&Column, &FoundColumn)| match &column.state {
            State::Guessed(guessed) => {
                let mut profile = guessed.told(&column.name);
                profile.ty = crate::table::types::name(&found.ty);
                if found.ty.is_nested() {
                    (profile.min, profile.max) = (None, None);
                }
                profile
            }
            State::Typed(typed) => typed.told(&column.name),
        };
        let profile = Profile { rows: self.rows, columns: self.columns.iter().zip(&columns).map(profile).collect() };
        // Without a row, a JSON file does not say what it lacks.
        let blank = self.rows == 0 && !self.header;
        let there = |name: &String| blank || self.by_name.contains_key(name);
        let tests = self.tests.into_iter().zip(&self.asked.columns).map(|(tested, column)| {
            let vacuous = match &column.path[..] {
                [PathStep::Field(name)] => there(name),
                _ => blank || self.rows > 0,
            };
            (tested.found.seen || vacuous && !tested.found.missed).then_some(tested.failing)
        });
        let tests = tests.collect();
        let keys = self.keys.into_iter().zip(&self.asked.keys).map(|(keys, names)| match keys {
            Some(keys) => keys.told().map(Some),
            None => Ok(names.iter().all(there).then(Failing::default)),
        });
        let keys = keys.collect::<Result<_, _>>()?;
        Ok(Measured { profile, columns, documents: !self.header, tests, keys })
    }
}
