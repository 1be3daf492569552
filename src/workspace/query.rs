//! SQL over snapshots: a query's tables are targets.
//!
//! What is true here: a target that names one identity is that snapshot's rows; one that may stand for several is one table of them all, in the
//! order of their identities, with their dimensions as columns, as a recipe sees a fan-in. Bytes are looked at before they are read, so that
//! a snapshot is read as it was made, or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use super::scratch::Scratch;
use super::{Failure, Workspace};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Reader, Reading, Timestamp};
use crate::diagnostic::{Diagnostic, Place};
use crate::formula::program::{Column, Format, Program};
use crate::identity::target::{Choice, Target};
use crate::identity::{Dimension, Instance, Name, Period, Value};
use crate::plan::{Bytes, Condition};
use crate::resolve::target::described;
use crate::run::disk::Disk;
use crate::table::{self, Cells, Limits, Question, SqlProblem, TableError, TableInput, TablePart, Written};

/// A query as it was asked.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub sql: &'a str,
    /// What its text is called in messages: `query`, or a file.
    pub name: &'a str,
    /// Of targets that name none.
    pub label: Option<&'a str>,
    pub as_of: Option<Timestamp>,
}

/// A file that is to be written.
#[derive(Clone, Copy)]
pub struct Save<'a> {
    pub file: &'a Path,
    /// As the user named it.
    pub name: &'a Path,
    /// Write over one that is there.
    pub force: bool,
}

/// A query whose tables were found. Nothing of them was read yet.
pub struct Ready<'a> {
    asked: Asked<'a>,
    question: Question,
    inputs: Vec<TableInput>,
    places: BTreeMap<String, Range<usize>>,
    root: String,
    /// What may make the answer another one.
    pub warnings: Vec<Diagnostic>,
}

/// The program, where it compiles, asked for at most once.
struct Declared<'a> {
    workspace: &'a Workspace,
    program: Option<Option<Program>>,
}

impl Declared<'_> {
    /// The types that a source of the class declares.
    fn columns(&mut self, class: &Name) -> Option<Vec<Column>> {
        self.program.get_or_insert_with(|| self.workspace.program().ok()).as_ref()?.columns_of(class)
    }
}

impl Workspace {
    /// Reads a query and finds its tables.
    ///
    /// # Errors
    /// It is no query, or a table of it is no target, stands for nothing, or for bytes that are gone: all of them.
    pub fn ask<'a>(&self, asked: Asked<'a>) -> Result<Ready<'a>, Failure> {
        let question = Question::read(asked.sql).map_err(|problem| no_query(&asked, &problem))?;
        let places: BTreeMap<String, Range<usize>> = question.tables().map(|(name, place)| (name.to_string(), place)).collect();
        let (mut inputs, mut problems) = (Vec::new(), Vec::new());
        let mut declared = Declared { workspace: self, program: None };
        if !places.is_empty() {
            let catalog = self.catalog(Mode::Read)?;
            for (name, place) in &places {
                match self.table(&catalog, name, asked.label, asked.as_of, &mut declared) {
                    Ok(input) => inputs.push(input),
                    Err(failure) => problems.extend(failure.diagnostics.into_iter().map(|problem| asked.placed(problem, place))),
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let mut warnings = Vec::new();
        if declared.program.is_some_and(|program| program.is_none()) {
            let warning =
                Diagnostic::warning("E0924", "the project does not compile, so that the types which its sources declare are not known");
            warnings.push(warning.help("`formake check` says what is wrong; until then, types are those that values look like"));
        }
        Ok(Ready { asked, question, inputs, places, root: format!("{}/", self.root.display()), warnings })
    }

    /// The names of a target's columns, as its last instance has them; of CSV and JSON, only the first rows are looked at.
    pub fn glance(&self, target: &str, label: Option<&str>, as_of: Option<Timestamp>) -> Result<Vec<String>, Failure> {
        let mut declared = Declared { workspace: self, program: None };
        let mut input = self.table(&self.catalog(Mode::Read)?, target, label, as_of, &mut declared)?;
        input.parts.drain(..input.parts.len().saturating_sub(1));
        let known = table::known(&input).map_err(|error| Diagnostic::error(error.code(), error.to_string()))?;
        Ok(known.into_iter().map(|column| column.name).collect())
    }

    /// What a target stands for as one table.
    fn table(
        &self,
        reader: &dyn Reader,
        text: &str,
        label: Option<&str>,
        as_of: Option<Timestamp>,
        declared: &mut Declared<'_>,
    ) -> Result<TableInput, Failure> {
        let target = super::request::parse(text)?;
        let readings = self.of_one_repository(text, self.read(reader, text, label, as_of)?)?;
        let shape = |reading: &Reading| -> Vec<Dimension> {
            let components = reading.identity.instance.0.iter();
            components.map(|component| Dimension { key: component.key.clone(), ty: component.value.ty() }).collect()
        };
        let dimensions = readings.first().map(shape).unwrap_or_default();
        if let Some(other) = readings.iter().map(shape).find(|shape| *shape != dimensions) {
            let message = format!("`{text}` stands for instances with different components");
            return Err(Diagnostic::error("E0922", message)
                .note(format!("some have {}, some {}", described(&dimensions), described(&other)))
                .help("name those of one kind, by a range or one by one")
                .into());
        }
        let is_one = readings.iter().all(|reading| names_one(&target, &reading.identity.instance));
        let mut parts = Vec::with_capacity(readings.len());
        for reading in &readings {
            let snapshot = &reading.pointer.snapshot;
            if self.bytes.condition(snapshot) != Condition::Intact {
                return Err(gone(reading).into());
            }
            let (at, files) = self.bytes.data(snapshot);
            let values = reading.identity.instance.0.iter().map(|component| component.value.clone()).collect();
            parts.push(TablePart { at, files, values });
        }
        // Parquet says its types itself.
        let is_typed = parts.iter().all(|part| part.at.extension().is_some_and(|ending| ending == "parquet"));
        let columns = if is_typed { None } else { declared.columns(&target.class) };
        let dimensions = if is_one { Vec::new() } else { table::dimension_columns(&dimensions) };
        Ok(TableInput { name: text.to_string(), parts, dimensions, columns })
    }

    /// Of an instance that lies in several repositories with the same bytes, one; the order stays.
    fn of_one_repository(&self, text: &str, readings: Vec<Reading>) -> Result<Vec<Reading>, Diagnostic> {
        let mut kept: Vec<Reading> = Vec::with_capacity(readings.len());
        for reading in readings {
            let Some(last) = kept.last_mut().filter(|last| last.identity.instance == reading.identity.instance) else {
                kept.push(reading);
                continue;
            };
            if last.pointer.snapshot.content != reading.pointer.snapshot.content {
                let [one, other] = [&last.identity, &reading.identity];
                let message = format!("{one} and {other} are one instance in two repositories, with other bytes in each");
                return Err(Diagnostic::error("E0606", message)
                    .help(format!("name the repository: `{}@…:{}/{}`", one.class, one.label, one.repository))
                    .note(format!("`{text}` stands for both")));
            }
            if self.bytes.condition(&last.pointer.snapshot) != Condition::Intact {
                *last = reading;
            }
        }
        Ok(kept)
    }
}

/// Bytes that cannot be read any more as they were.
pub(super) fn gone(reading: &Reading) -> Diagnostic {
    let (owner, pointer) = (&reading.pointer.identity, &reading.pointer);
    let problem = |now: &str| Diagnostic::error("E0814", format!("the bytes of {owner} are {now}"));
    match (pointer.snapshot.stored, pointer.current) {
        (true, _) => problem("gone or damaged").help(format!("`formake build {owner}` makes them again")),
        (false, true) => problem("no longer what was read").help(format!("`formake build {owner}` reads what is there now")),
        (false, false) => problem("no longer what was read then").help("a source's earlier bytes stay where it says `copy`"),
    }
}

/// Whether a target, which picked this instance, can stand for no other: every component is said, and no time stands for shorter ones.
fn names_one(target: &Target, instance: &Instance) -> bool {
    let Some(components) = &target.components else { return instance.is_empty() };
    let said = components.iter().filter_map(|component| if let Choice::One(text) = &component.choice { Some(text) } else { None });
    let times = |value: &Value| if let Value::Time(period) = value { Some(*period) } else { None };
    said.clone().count() == instance.0.len()
        && instance
            .0
            .iter()
            .filter_map(|c| times(&c.value))
            .all(|period| said.clone().any(|text| Period::parse_any(text).as_ref() == Some(&period)))
}

impl Asked<'_> {
    fn placed(&self, problem: Diagnostic, place: &Range<usize>) -> Diagnostic {
        if !problem.labels.is_empty() || place.is_empty() {
            return problem;
        }
        problem.at(Place { file: self.name.into(), start: place.start, end: place.end }, "")
    }
}

fn no_query(asked: &Asked<'_>, problem: &SqlProblem) -> Diagnostic {
    match problem {
        SqlProblem::Syntax { message, offset, .. } => {
            let end = asked.sql[*offset..].chars().next().map_or(*offset, |c| offset + c.len_utf8());
            Diagnostic::error("E0450", "this is not SQL").at(Place { file: asked.name.into(), start: *offset, end }, message.clone())
        }
        SqlProblem::Empty => Diagnostic::error("E0920", "there is no query").help("write one SELECT, WITH or VALUES"),
        SqlProblem::NotAQuery { found } => Diagnostic::error("E0920", format!("{found} is not a query"))
            .note("a query changes nothing: it is one SELECT, WITH or VALUES")
            .help("what shall stay is made by a formula, or taken in with `formake publish`"),
        SqlProblem::Several { count } => Diagnostic::error("E0920", format!("there are {count} statements, and a query is one"))
            .help("`formake shell` takes several, each up to its `;`"),
        SqlProblem::Refused { what, .. } => Diagnostic::error("E0921", format!("{what} cannot be used in a query"))
            .note("a query reads snapshots, and nothing else")
            .help("name targets in FROM, in double quotes: `\"sales@2024-01-01:prod\"`; `formake ls` shows what there is"),
        SqlProblem::Volatile { function } => Diagnostic::error("E0921", format!("`{function}` says nothing here"))
            .note("a table may be many files, or none")
            .help("of several instances, the dimensions are columns: they tell which one a row is of"),
    }
}

impl Ready<'_> {
    /// The first rows, or all, as text.
    pub fn cells(&self, first: Option<usize>, limits: &Limits) -> Result<Cells, Failure> {
        self.question.cells(&self.inputs, limits, first).map_err(|error| self.problem(&error))
    }

    /// Writes the first rows, or all. `name` is what `out` is called.
    pub fn write(
        &self,
        first: Option<usize>,
        format: Format,
        out: Box<dyn Write + Send>,
        name: &Path,
        limits: &Limits,
    ) -> Result<Written, Failure> {
        self.question.write(&self.inputs, limits, first, format, out, name).map_err(|error| self.problem(&error))
    }

    /// Writes a file (with what the user called it), which is there when it is whole. One that is there already is written over where `force` says so.
    pub fn save(&self, first: Option<usize>, format: Format, to: &Save<'_>, scratch: &Scratch) -> Result<Written, Failure> {
        let Save { file, name, force } = *to;
        let is_free = || match !force && file.exists() {
            true => Err(Failure::from(
                Diagnostic::error("E0923", format!("`{}` is there already", name.display()))
                    .help("name another file, or write over it with --force"),
            )),
            false => Ok(()),
        };
        let unwritable =
            |error: std::io::Error| Failure::from(Diagnostic::error("E0904", format!("`{}` cannot be written: {error}", name.display())));
        is_free()?;
        let beside = scratch.beside(file);
        let saved = fs::File::create(&beside).map_err(unwritable).and_then(|out| {
            let kept = out.try_clone().map_err(unwritable)?;
            let written = self.write(first, format, Box::new(out), name, &scratch.limits())?;
            kept.sync_all().map_err(unwritable)?;
            is_free()?;
            fs::rename(&beside, file).map_err(unwritable)?;
            Ok(written)
        });
        // Whatever is left of it.
        scratch.clear();
        saved
    }

    /// An error of the engine's, with the place in the query that it speaks of.
    fn problem(&self, error: &TableError) -> Failure {
        let text = error.to_string().replace(&self.root, "");
        let problem = Diagnostic::error(error.code(), text);
        let place = match error {
            TableError::UnknownColumn { column, .. } => {
                let last = column.rsplit('.').next().unwrap_or_default();
                table::place_of(self.asked.sql, column).or_else(|| table::place_of(self.asked.sql, last))
            }
            error => error.path().and_then(|path| {
                let input = self.inputs.iter().find(|input| input.parts.iter().any(|part| path.starts_with(&part.at)))?;
                self.places.get(&input.name).cloned()
            }),
        };
        self.asked.placed(problem, &place.unwrap_or_default()).into()
    }
}
