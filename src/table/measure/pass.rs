//! The pass over a snapshot's rows: what is known of columns, tests and keys, batch by batch.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::DataType;

use super::MeasureLimits;
use super::asked::{Asked, Failing, FoundColumn, Logical, Measured, PathStep};
use super::cells::{Cells, inside, read_as};
use super::check::{self, Check};
use super::json::Found;
use super::keys::{KeyColumns, Keys, Search};
use super::profile::{ColumnProfile, Profile};
use super::summary::{Guessed, Typed, by_value};
use super::written::Written;
use crate::table::error::TableError;
use crate::table::input::Types;
use crate::table::shape::Shape;
use crate::table::types::{self, Guess};

/// What was counted so far.
pub(super) struct Pass<'a> {
    pub asked: &'a Asked,
    pub limits: &'a MeasureLimits,
    pub columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    tests: Vec<Tested<'a>>,
    keys: KeysOrSearch,
    /// Rows before these, and these.
    before: u64,
    pub rows: u64,
    /// How many these will be, where it is known.
    pub expected: usize,
    /// Columns that are looked at by tests or keys.
    looked_at: HashSet<&'a str>,
    /// The files say which columns there are, even without a row.
    pub header: bool,
}

/// Keys are counted; or, in another pass, rows with some of them are looked for.
enum KeysOrSearch {
    Keys(Vec<Option<Keys>>),
    Search(Vec<Search>),
}

pub(super) struct Column {
    pub name: String,
    /// What its texts are read as.
    logical: Option<Logical>,
    state: State,
    /// Of JSON: what its values are.
    pub shape: Option<Shape>,
    declared: bool,
}

enum State {
    Guessed(Guessed),
    Typed(Typed),
}

struct Tested<'a> {
    path: &'a [PathStep],
    logical: Option<Logical>,
    found: Found,
    checks: Vec<(Check<'a>, Failing)>,
}

impl Column {
    fn skip(&mut self, rows: u64) {
        match &mut self.state {
            State::Guessed(column) => column.skip(rows),
            State::Typed(column) => column.skip(rows),
        }
    }
}

/// The column of a path.
fn first_step(column: &super::AskedColumn) -> Option<&str> {
    match column.path.first() {
        Some(PathStep::Field(name)) => Some(name),
        _ => None,
    }
}

impl<'a> Pass<'a> {
    /// Over rows that have so many before them.
    pub fn new(asked: &'a Asked, limits: &'a MeasureLimits, before: u64) -> Self {
        let tested = |column: &'a super::AskedColumn| Tested {
            path: &column.path,
            logical: column.logical,
            found: Found::default(),
            checks: column.tests.iter().map(|test| (Check::new(test, column.logical), Failing::default())).collect(),
        };
        let of_keys = asked.keys.iter().flatten().map(String::as_str);
        Self {
            asked,
            limits,
            columns: Vec::new(),
            by_name: HashMap::new(),
            tests: asked.columns.iter().map(tested).collect(),
            keys: KeysOrSearch::Keys(asked.keys.iter().map(|_| None).collect()),
            before,
            rows: 0,
            expected: 0,
            looked_at: asked.columns.iter().filter(|column| !column.tests.is_empty()).filter_map(first_step).chain(of_keys).collect(),
            header: true,
        }
    }

    /// A pass that only looks for rows with keys of each set.
    pub fn search(asked: &'a Asked, limits: &'a MeasureLimits, wanted: Vec<Vec<u64>>) -> Self {
        Self { keys: KeysOrSearch::Search(wanted.into_iter().map(Search::new).collect()), ..Self::new(asked, limits, 0) }
    }

    /// Nothing more is looked for.
    pub fn is_over(&self) -> bool {
        matches!(&self.keys, KeysOrSearch::Search(searches) if searches.iter().all(Search::is_over))
    }

    fn searches(&self) -> bool {
        matches!(self.keys, KeysOrSearch::Search(_))
    }

    /// What was looked for: see [`Search::found`].
    pub fn found(self) -> Vec<(Option<u64>, Vec<super::Sample>)> {
        match self.keys {
            KeysOrSearch::Search(searches) => searches.into_iter().map(Search::found).collect(),
            KeysOrSearch::Keys(_) => Vec::new(),
        }
    }

    /// Columns whose lists and objects tests look at.
    pub fn looked_into(&self) -> HashSet<&'a str> {
        self.asked.columns.iter().filter_map(first_step).collect()
    }

    pub fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// A column of CSV or JSON, of a file with so many; a new one was null so far.
    pub fn text_column(&mut self, name: &str, types: &Types, width: usize) -> usize {
        if let Some(at) = self.place(name) {
            return at;
        }
        let declared = types.get(name);
        let named = |path: &[PathStep]| matches!(path, [PathStep::Field(field)] if field == name);
        let logical = self.asked.columns.iter().filter(|column| named(&column.path)).find_map(|column| column.logical);
        let state = match declared {
            Some(ty) => State::Typed(Typed::new(ty.clone(), width, 0)),
            None => State::Guessed(Guessed::new(width)),
        };
        let logical = logical.filter(|logical| declared.is_none() && !matches!(logical, Logical::Object | Logical::Array));
        self.add(Column { name: name.to_string(), logical, state, shape: None, declared: declared.is_some() })
    }

    /// A column that has its type from its files, of so many and so many rows.
    pub fn typed_column(&mut self, name: &str, ty: &DataType, width: usize, rows: u64) {
        let state = State::Typed(Typed::new(ty.clone(), width, rows));
        self.add(Column { name: name.to_string(), logical: None, state, shape: None, declared: true });
    }

    fn add(&mut self, mut column: Column) -> usize {
        column.skip(self.rows);
        self.by_name.insert(column.name.clone(), self.columns.len());
        self.columns.push(column);
        self.columns.len() - 1
    }

    /// Takes in a batch of texts, and gives them as cells where they are looked at. `looks`: what values of JSON are.
    pub fn written(&mut self, at: usize, written: &Written, looks: Option<Guess>) -> Option<Cells> {
        let searches = self.searches();
        let column = &mut self.columns[at];
        let looked_at = self.looked_at.contains(column.name.as_str());
        if searches && !looked_at {
            return None;
        }
        // The contract's type becomes the column's with the first texts, since these say whether timestamps have a zone.
        if let (Some(logical), State::Guessed(guessed)) = (column.logical, &column.state)
            && written.nulls() < written.len()
            && let Some(ty) = read_as(logical, || written.iter())
        {
            column.state = State::Typed(guessed.retyped(ty));
        }
        match &mut column.state {
            State::Typed(typed) => {
                let cells = Cells::written(written, Some(&typed.ty), typed.ty == DataType::Utf8);
                if !searches {
                    let lost = cells.values.null_count() - cells.texts.as_ref().map_or(0, Array::null_count);
                    typed.update(&cells.values, || cells.hashes(), lost as u64);
                }
                looked_at.then_some(cells)
            }
            State::Guessed(guessed) => {
                let looks = looks.map_or_else(|| written.looks(guessed.guess()), |looks| guessed.guess().join(looks));
                if searches {
                    guessed.look(looks)
                } else {
                    guessed.update(written, looks)
                }
                let is_text = matches!(guessed.guess(), Guess::Text | Guess::Nothing);
                looked_at.then(|| {
                    let mut cells = Cells::written(written, None, is_text);
                    cells.key = Some(by_value(written, guessed.guess()));
                    cells
                })
            }
        }
    }

    /// Takes in a batch whose columns have types.
    pub fn record_batch(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let mut all: Vec<Option<Cells>> = self.columns.iter().map(|_| None).collect();
        let mut there = vec![false; all.len()];
        for (array, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
            let Some(at) = self.place(field.name()) else { continue };
            there[at] = true;
            let (searches, column) = (self.searches(), &mut self.columns[at]);
            let cells = Cells::typed(array.clone());
            if let (State::Typed(typed), false) = (&mut column.state, searches) {
                match cells.numbered() {
                    Some(_) => typed.update_numbered(array),
                    None => typed.update(array, || cells.hashes(), 0),
                }
            }
            all[at] = self.looked_at.contains(field.name().as_str()).then_some(cells);
        }
        let inner = |path: &[PathStep], _: Option<Logical>| -> Option<(Cells, Found)> {
            let Some((PathStep::Field(first), inner)) = path.split_first() else { return None };
            Some((inside(batch.column_by_name(first)?, inner)?, Found { seen: true, missed: false }))
        };
        self.rest(all, &there, batch.num_rows(), inner)
    }

    /// Counts tests and keys of a batch; columns that are not in it are null.
    pub fn rest(
        &mut self,
        cells: Vec<Option<Cells>>,
        there: &[bool],
        rows: usize,
        inner: impl Fn(&[PathStep], Option<Logical>) -> Option<(Cells, Found)>,
    ) -> Result<(), TableError> {
        for (column, _) in self.columns.iter_mut().zip(there).filter(|(_, there)| !**there) {
            column.skip(rows as u64);
        }
        let before = self.before + self.rows;
        for tested in self.tests.iter_mut().filter(|_| !matches!(self.keys, KeysOrSearch::Search(_))) {
            let own = match tested.path {
                [PathStep::Field(name)] => self.by_name.get(name).filter(|at| there[**at]),
                _ => None,
            };
            if own.is_some() && tested.checks.is_empty() {
                tested.found.seen = true;
                continue;
            }
            let own = own.and_then(|at| cells[*at].as_ref()).filter(|cells| !cells.closed);
            let made = match own {
                Some(cells) => {
                    tested.found.seen = true;
                    cells.reread(tested.logical)
                }
                None => {
                    let (cells, found) = inner(tested.path, tested.logical)
                        .unwrap_or_else(|| (Cells::typed(new_null_array(&DataType::Utf8, rows)), Found { seen: false, missed: true }));
                    tested.found.seen |= found.seen;
                    tested.found.missed |= found.missed;
                    Some(cells)
                }
            };
            if let Some(cells) = made.as_ref().or(own) {
                tested.checks.iter_mut().for_each(|(check, failing)| check.count(cells, before, rows, failing));
            }
        }
        let missing: ArrayRef = new_null_array(&DataType::Utf8, rows);
        for (set, names) in self.asked.keys.iter().enumerate() {
            let column = |name: &String| Some(cells[*self.by_name.get(name)?].as_ref());
            let Some(columns) = names.iter().map(column).collect::<Option<Vec<_>>>() else { continue };
            let columns = KeyColumns::new(&columns, &missing);
            match &mut self.keys {
                KeysOrSearch::Keys(keys) => keys[set].get_or_insert_default().update(&columns, self.expected)?,
                KeysOrSearch::Search(searches) => searches[set].update(&columns, before)?,
            }
        }
        self.rows += rows as u64;
        Ok(())
    }

    /// These are all of the rows.
    pub fn close(&mut self) {
        if let KeysOrSearch::Keys(keys) = &mut self.keys {
            keys.iter_mut().flatten().for_each(Keys::close);
        }
    }

    /// Lets keys go to disk where they are too many.
    pub fn fit(&mut self) -> Result<(), TableError> {
        match &mut self.keys {
            KeysOrSearch::Keys(keys) => keys.iter_mut().flatten().try_for_each(|keys| keys.fit(self.limits)),
            KeysOrSearch::Search(_) => Ok(()),
        }
    }

    /// Takes in the rows that follow these, of the same columns.
    pub fn merge(&mut self, other: Self) -> Result<(), TableError> {
        if self.rows == 0 && other.before == self.before {
            *self = other;
            return Ok(());
        }
        for (here, there) in self.columns.iter_mut().zip(other.columns) {
            if let (State::Typed(here), State::Typed(there)) = (&mut here.state, there.state) {
                here.merge(there);
            }
        }
        for (here, there) in self.tests.iter_mut().zip(other.tests) {
            here.found.seen |= there.found.seen;
            here.found.missed |= there.found.missed;
            here.checks.iter_mut().zip(there.checks).for_each(|((_, here), (_, there))| check::merge(here, there));
        }
        if let (KeysOrSearch::Keys(here), KeysOrSearch::Keys(there)) = (&mut self.keys, other.keys) {
            for (here, there) in here.iter_mut().zip(there) {
                match (&mut *here, there) {
                    (Some(here), Some(there)) => here.merge(there, self.limits)?,
                    (None, Some(there)) => *here = Some(there),
                    (_, None) => {}
                }
            }
        }
        self.rows += other.rows;
        Ok(())
    }

    /// What was counted, and some of the keys that stand in several rows.
    pub fn told(mut self) -> Result<(Measured, Vec<Vec<u64>>), TableError> {
        // Without a row, a JSON file does not say what it lacks.
        let documents = !self.header;
        let (blank, rows) = (self.rows == 0 && documents, self.rows);
        let there = |name: &String| blank || self.by_name.contains_key(name);
        let tests = self.tests.into_iter().map(|tested| {
            let vacuous = match tested.path {
                [PathStep::Field(name)] => there(name),
                _ => blank || rows > 0,
            };
            let found = tested.found.seen || vacuous && !tested.found.missed;
            found.then(|| tested.checks.into_iter().map(|(_, failing)| failing).collect())
        });
        let tests = tests.collect();
        let (mut keys, mut wanted) = (Vec::new(), Vec::new());
        let counted = if let KeysOrSearch::Keys(keys) = self.keys { keys } else { Vec::new() };
        for (counted, names) in counted.into_iter().zip(&self.asked.keys) {
            let repeated = counted.map(|keys| keys.repeated(self.limits)).transpose()?;
            let count = repeated.as_ref().map_or(0, |repeated| repeated.count);
            keys.push(names.iter().all(there).then(|| Failing { count, of: rows, samples: Vec::new() }));
            wanted.push(repeated.map(|repeated| repeated.some).unwrap_or_default());
        }
        let (profiles, columns) = self.columns.iter_mut().map(Column::told).unzip();
        Ok((Measured { profile: Profile { rows, columns: profiles }, columns, documents, tests, keys }, wanted))
    }
}

impl Column {
    fn told(&mut self) -> (ColumnProfile, FoundColumn) {
        let (mut profile, ty) = match (&mut self.state, &self.shape) {
            (State::Typed(typed), _) => (typed.told(&self.name), typed.ty.clone()),
            (State::Guessed(guessed), Some(shape)) => (guessed.told(&self.name), shape.data_type()),
            (State::Guessed(guessed), None) => (guessed.told(&self.name), guessed.data_type()),
        };
        profile.ty = types::name(&ty);
        if ty.is_nested() {
            (profile.min, profile.max) = (None, None);
        }
        (profile, FoundColumn { name: self.name.clone(), ty, declared: self.declared })
    }
}
