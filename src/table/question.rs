//! A query that a person asks: read first, so that its tables can be found, then answered.
//!
//! What is true here: a question may ask the clock and chance, and is otherwise bound as a recipe is: one query, which changes nothing and sees
//! its tables alone. Of a table, only the columns that it needs are read, and of the rows no more than are asked for.

use std::any::Any;
use std::io::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::ArrayFormatter;

use super::{
    columns::in_words,
    engine::{self, Limits, Written},
    error::{SqlProblem, TableError},
    input::TableInput,
    statement::{self, Asker, Parsed},
    types,
    write::{TableWriter, as_text},
};
use crate::formula::program::{Column, Format};

/// One query that was read.
#[derive(Clone)]
pub struct Question {
    parsed: Parsed,
}

/// The rows of an answer as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    /// Types in SQL's words.
    pub columns: Vec<Column>,
    /// Of each column, whether it holds numbers.
    pub numbers: Vec<bool>,
    /// `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Question {
    /// # Errors
    /// It is not one query, or would read or change something that is no table of it.
    pub fn read(sql: &str) -> Result<Self, SqlProblem> {
        Ok(Self { parsed: statement::parse_for(Asker::Person, sql)? })
    }

    /// The tables that it names, each once, and where it does first, in bytes of its text.
    pub fn tables(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        self.parsed.tables.iter().map(|name| (name.as_str(), self.parsed.places.get(name).cloned().unwrap_or_default()))
    }

    /// The first rows, or all.
    ///
    /// # Errors
    /// What does not fit between the query and its tables, or is wrong in one of them.
    pub fn cells(&self, inputs: &[TableInput], limits: &Limits, first: Option<usize>) -> Result<Cells, TableError> {
        caught(|| cells(&engine::collect(self.parsed.clone(), inputs, limits, first)?))
    }

    /// Writes the first rows, or all. `name` is what `out` is called.
    ///
    /// # Errors
    /// The same; or columns that the format cannot hold, or that `out` takes no more.
    pub fn write(
        &self,
        inputs: &[TableInput],
        limits: &Limits,
        first: Option<usize>,
        format: Format,
        out: Box<dyn Write + Send>,
        name: &Path,
    ) -> Result<Written, TableError> {
        caught(|| engine::write(self.parsed.clone(), inputs, limits, first, |schema| TableWriter::to(out, name, format, schema)))
    }
}

/// Where in a query's text a column or a table is named first, in bytes.
pub fn place_of(sql: &str, name: &str) -> Option<Range<usize>> {
    statement::place_of(sql, name)
}

/// A mistake of the engine's ends this question, not the command.
pub(crate) fn caught<T>(ask: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    let failed = |panic: Box<dyn Any + Send>| {
        Err(TableError::Execution { why: format!("the SQL engine gave up on it: {}", in_words(panic.as_ref())) })
    };
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(failed)
}

/// Batches of one schema, at least one, as text.
fn cells(batches: &[RecordBatch]) -> Result<Cells, TableError> {
    let mut cells = Cells::default();
    let Some(first) = batches.first() else { return Ok(cells) };
    for field in first.schema().fields() {
        let ty = field.data_type();
        cells.columns.push(Column { name: field.name().clone(), ty: types::name(ty) });
        cells.numbers.push(ty.is_numeric());
    }
    let fail = |e: arrow::error::ArrowError| TableError::Execution { why: e.to_string() };
    let options = as_text();
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> =
            batch.columns().iter().map(|array| ArrayFormatter::try_new(array, &options)).collect::<Result<_, _>>().map_err(fail)?;
        for row in 0..batch.num_rows() {
            let cell = |(column, array): (&ArrayFormatter<'_>, &arrow::array::ArrayRef)| match array.is_valid(row)
                && array.data_type() != &DataType::Null
            {
                true => column.value(row).try_to_string().map(Some).map_err(fail),
                false => Ok(None),
            };
            cells.rows.push(columns.iter().zip(batch.columns()).map(cell).collect::<Result<_, _>>()?);
        }
    }
    Ok(cells)
}

/// The statements of a text, each up to its `;`, and what follows the last where that is more than spaces and comments.
pub fn statements(text: &str) -> (Vec<&str>, &str) {
    let (mut found, mut from) = (Vec::new(), 0);
    for end in statement::ends(text) {
        found.push(text[from..end].trim());
        from = end;
    }
    found.retain(|statement| !statement::is_blank(statement.trim_end_matches(';')));
    let rest = &text[from..];
    (found, if statement::is_blank(rest) { "" } else { rest })
}
