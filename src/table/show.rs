//! A look at a snapshot's bytes: its columns, and its first rows.

use std::path::Path;

use arrow::util::pretty::pretty_format_batches;

use super::{
    engine::{Limits, rows},
    error::TableError,
    input::{Table, TableInput, TablePart},
    types,
};
use crate::formula::program::Column;

/// What a table holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shape {
    /// Types in SQL's words.
    pub columns: Vec<Column>,
    pub rows: Option<u64>,
}

fn input(path: &Path) -> TableInput {
    let part = TablePart { at: path.to_path_buf(), files: vec![], values: vec![] };
    TableInput { name: "data".into(), parts: vec![part], dimensions: vec![], columns: None }
}

/// The columns of a file, or of a folder's files, and how many rows there are. CSV and JSON are read wholly for that.
///
/// # Errors
/// It is no table, or a broken one.
pub fn read_schema(path: &Path) -> Result<Shape, TableError> {
    let table = Table::open(&input(path))?;
    let column = |field: &arrow::datatypes::FieldRef| Column { name: field.name().clone(), ty: types::name(field.data_type()) };
    Ok(Shape { columns: table.schema.fields().iter().map(column).collect(), rows: table.rows })
}

/// The first rows as a drawn table, with the number of all rows below it.
///
/// # Errors
/// As [`read_schema`].
pub fn preview(path: &Path, first: usize) -> Result<String, TableError> {
    let shape = read_schema(path)?;
    let batches = rows("SELECT * FROM data", &[input(path)], &Limits::default(), Some(first))?;
    let drawn = pretty_format_batches(&batches).map_err(|e| TableError::read(path, e))?;
    let columns = shape.columns.len();
    let total = shape.rows.map(|rows| format!("\n{rows} rows, {columns} columns")).unwrap_or_default();
    Ok(format!("{drawn}{total}"))
}
