//! All that can go wrong with tables and queries. A message names file, line and column where there are any, and a way out.

use std::path::{Path, PathBuf};

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use thiserror::Error;

use crate::diagnostic::nearest;

/// What is wrong with a query's text, whatever its inputs hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SqlProblem {
    #[error("{message} (line {line}, column {column})")]
    Syntax {
        message: String,
        /// From 1; columns count characters.
        line: usize,
        column: usize,
        /// Of that place, in bytes from the text's start.
        offset: usize,
    },
    #[error("{found} is not a query; a recipe is one SELECT, WITH or VALUES, and its rows are the output")]
    NotAQuery { found: String },
    #[error("there is no query; write one SELECT, WITH or VALUES")]
    Empty,
    #[error("there are {count} statements; a recipe is exactly one query, so join them with WITH, or make two formulas")]
    Several { count: usize },
    #[error("{what} cannot be used in a recipe: {why}")]
    Refused { what: String, why: String },
    #[error(
        "`{function}` gives another answer each time, so the same inputs would not give the same output; pass the value as a param, or use a variable of the formula"
    )]
    Volatile { function: String },
}

impl SqlProblem {
    pub fn code(&self) -> &'static str {
        match self {
            SqlProblem::Syntax { .. } => "E0450",
            SqlProblem::NotAQuery { .. } | SqlProblem::Empty | SqlProblem::Several { .. } => "E0451",
            SqlProblem::Refused { .. } => "E0452",
            SqlProblem::Volatile { .. } => "E0453",
        }
    }

    /// The byte offset of the problem in the query's text, where there is one place.
    pub fn offset(&self) -> Option<usize> {
        match self {
            SqlProblem::Syntax { offset, .. } => Some(*offset),
            _ => None,
        }
    }
}

/// What went wrong while reading tables, running a query or writing its rows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    #[error(transparent)]
    Sql(#[from] SqlProblem),
    #[error("cannot read {}: {why}", path.display())]
    Read { path: PathBuf, why: String },
    #[error(
        "{} is not a table: its name says no format that can be read; use .csv, .tsv, .jsonl, .ndjson, .json (each also .gz) or .parquet",
        path.display()
    )]
    NotATable { path: PathBuf },
    #[error("{} holds no data file (.csv, .tsv, .jsonl, .ndjson, .json, each also .gz, or .parquet)", path.display())]
    NoFiles { path: PathBuf },
    #[error("input `{input}` mixes formats: {} and {}; one table has one format", first.display(), second.display())]
    MixedFormats { input: String, first: PathBuf, second: PathBuf },
    /// Bytes that are not what the format wants.
    #[error("{}, line {line}: {why}", path.display())]
    Malformed { path: PathBuf, line: u64, why: String },
    #[error("{}: {why}", path.display())]
    Header { path: PathBuf, why: String },
    #[error("{}: {why}", path.display())]
    Parquet { path: PathBuf, why: String },
    #[error("{}, line {line}: column `{column}` is declared {ty}, and `{value}` is not one; correct the data, or declare the column text", path.display())]
    Value { path: PathBuf, line: u64, column: String, ty: String, value: String },
    #[error("{}: there is no column `{column}`, which is declared; {}", path.display(), nearest_of(column, there))]
    MissingColumn { path: PathBuf, column: String, there: Vec<String> },
    #[error("column `{column}` is declared {ty}, which is no type; {why}")]
    UnknownType { column: String, ty: String, why: String },
    #[error(
        "column `{column}` is {first_type} in {}, but {second_type} in {}; make them agree, or give the classes apart",
        first.display(), second.display()
    )]
    Conflict { column: String, first: PathBuf, first_type: String, second: PathBuf, second_type: String },
    #[error("there is no table `{table}`; {}", nearest_of(table, inputs))]
    UnknownTable { table: String, inputs: Vec<String> },
    #[error("there is no column `{column}`; {}", nearest_of(column, there))]
    UnknownColumn { column: String, there: Vec<String> },
    #[error("the query cannot be run: {why}")]
    Planning { why: String },
    #[error("the query failed: {why}")]
    Execution { why: String },
    #[error("the query needs more memory than it may use ({why}); join or group less at once, or select fewer columns")]
    Memory { why: String },
    #[error("{} output columns are called `{name}`; name each apart with AS", count)]
    DuplicateColumn { name: String, count: usize },
    #[error("output column {position} has no name; name it with AS")]
    EmptyColumn { position: usize },
    #[error("output column `{column}` is {ty}, which {format} cannot hold; {help}")]
    OutputType { column: String, ty: String, format: &'static str, help: &'static str },
    #[error("cannot write {}: {why}", path.display())]
    Write { path: PathBuf, why: String },
    #[error("the SQL engine could not start: {why}")]
    Engine { why: String },
    #[error("the query was stopped")]
    Stopped,
}

/// "did you mean `x`? there are `x`, `y`"
fn nearest_of(word: &str, there: &[String]) -> String {
    let list = if there.is_empty() {
        "there are none".to_string()
    } else {
        let shown: Vec<String> = there.iter().take(40).map(|name| format!("`{name}`")).collect();
        format!("there are {}{}", shown.join(", "), if there.len() > shown.len() { ", …" } else { "" })
    };
    match nearest(word, there.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    }
}

impl TableError {
    pub fn code(&self) -> &'static str {
        match self {
            TableError::Sql(problem) => problem.code(),
            TableError::Read { .. } | TableError::NotATable { .. } | TableError::NoFiles { .. } | TableError::MixedFormats { .. } => {
                "E0750"
            }
            TableError::Malformed { .. } | TableError::Header { .. } | TableError::Parquet { .. } => "E0751",
            TableError::Value { .. } | TableError::MissingColumn { .. } | TableError::UnknownType { .. } => "E0752",
            TableError::Conflict { .. } => "E0753",
            TableError::UnknownTable { .. } | TableError::UnknownColumn { .. } | TableError::Planning { .. } => "E0754",
            TableError::Execution { .. } => "E0755",
            TableError::Memory { .. } => "E0756",
            TableError::DuplicateColumn { .. } | TableError::EmptyColumn { .. } | TableError::OutputType { .. } => "E0757",
            TableError::Write { .. } => "E0758",
            TableError::Engine { .. } => "E0759",
            TableError::Stopped => "E0714",
        }
    }

    /// The file that it is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            TableError::Read { path, .. }
            | TableError::NotATable { path }
            | TableError::NoFiles { path }
            | TableError::Malformed { path, .. }
            | TableError::Header { path, .. }
            | TableError::Parquet { path, .. }
            | TableError::Value { path, .. }
            | TableError::MissingColumn { path, .. }
            | TableError::Write { path, .. } => Some(path),
            TableError::MixedFormats { first, .. } | TableError::Conflict { first, .. } => Some(first),
            _ => None,
        }
    }

    pub(crate) fn read(path: &Path, why: impl ToString) -> Self {
        TableError::Read { path: path.to_path_buf(), why: why.to_string() }
    }

    pub(crate) fn write(path: &Path, why: impl ToString) -> Self {
        TableError::Write { path: path.to_path_buf(), why: why.to_string() }
    }

    pub(crate) fn malformed(path: &Path, line: u64, why: impl ToString) -> Self {
        TableError::Malformed { path: path.to_path_buf(), line, why: why.to_string() }
    }
}

/// Lets our own errors travel through the engine; [`from_engine`] takes them out again.
impl From<TableError> for DataFusionError {
    fn from(error: TableError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

/// When the engine failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Planning,
    Execution,
}

/// The engine's error in our words.
pub(crate) fn from_engine(error: &DataFusionError, when: When) -> TableError {
    if let Some(ours) = ours_in(error) {
        return ours;
    }
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => from_engine(inner, when),
        DataFusionError::Shared(inner) => from_engine(inner, when),
        DataFusionError::Collection(errors) if !errors.is_empty() => from_engine(&errors[0], when),
        DataFusionError::SchemaError(schema, _) => match &**schema {
            SchemaError::FieldNotFound { field, valid_fields } => TableError::UnknownColumn {
                column: field.flat_name(),
                there: valid_fields
                    .iter()
                    .map(|column| if field.relation.is_some() { column.flat_name() } else { column.name.clone() })
                    .collect(),
            },
            SchemaError::AmbiguousReference { field } => TableError::Planning {
                why: format!("`{}` is a column of several tables; write the table before it, as in `t.{}`", field.name, field.name),
            },
            SchemaError::DuplicateUnqualifiedField { name } | SchemaError::DuplicateQualifiedField { name, .. } => {
                TableError::DuplicateColumn { name: name.clone(), count: 2 }
            }
        },
        DataFusionError::Plan(message) if message.starts_with("Projections require unique expression names") => {
            let first = message.split('"').nth(1).unwrap_or_default();
            let name = first.rsplit_once(" AS ").map_or(first, |(_, name)| name);
            TableError::DuplicateColumn { name: name.to_string(), count: 2 }
        }
        DataFusionError::ResourcesExhausted(why) => TableError::Memory { why: first_line(why) },
        other => {
            let why = readable(&other.strip_backtrace());
            if when == When::Planning { TableError::Planning { why } } else { TableError::Execution { why } }
        }
    }
}

fn ours_in(error: &DataFusionError) -> Option<TableError> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<TableError>() {
            return Some(ours.clone());
        }
        next = match error.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            _ => error.source(),
        };
    }
    None
}

/// Without the engine's own prefixes, which say nothing to a person.
fn readable(message: &str) -> String {
    let mut text = message.trim();
    for prefix in [
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "Schema error: ",
        "Optimizer rule 'simplify_expressions' failed\ncaused by\n",
    ] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    text.to_string()
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_string()
}
