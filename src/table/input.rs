//! An input as one table: all files of all its parts, in order, with the dimensions of each part as columns.
//!
//! What is true here: a table's types come from its declared columns, then from all its files together. Files of one table may have different
//! columns: they are joined by name, nulls where a file has none. A dimension's column is added unless the data (or an earlier dimension) has
//! one of that name.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::ScalarValue;

use super::{
    csv,
    error::TableError,
    file::{self, DataFile, Kind},
    jsonl, parquet,
    shape::{Conflict, Fields, Shape},
    types,
};
use crate::formula::program::Column;
use crate::identity::{Dimension, Precision, Type, Value};

/// An input of a query: a table of this name.
#[derive(Clone, Debug)]
pub struct TableInput {
    pub name: String,
    /// Their rows follow each other in this order. Without parts there is no such table.
    pub parts: Vec<TablePart>,
    /// The columns that the parts' values are put into; see [`dimension_columns`].
    pub dimensions: Vec<(String, Type)>,
    /// Types of CSV and JSON columns that are declared; the others' come from the data.
    pub columns: Option<Vec<Column>>,
}

/// One snapshot's bytes.
#[derive(Clone, Debug)]
pub struct TablePart {
    /// A file, or a folder whose data files are taken sorted by path.
    pub at: PathBuf,
    /// Of a folder or glob: only these, relative to `at`, in this order.
    pub files: Vec<String>,
    /// Values of the dimensions, in their order.
    pub values: Vec<Value>,
}

/// The column names of a class's dimensions: the key, else what the time is (`date` for a day), else `value`.
pub fn dimension_columns(dimensions: &[Dimension]) -> Vec<(String, Type)> {
    let name = |dimension: &Dimension| match (&dimension.key, dimension.ty) {
        (Some(key), _) => key.to_string(),
        (None, Type::Time(Precision::Day)) => "date".into(),
        (None, Type::Time(precision)) => precision.word().into(),
        (None, Type::Text | Type::Int) => "value".into(),
    };
    dimensions.iter().map(|dimension| (name(dimension), dimension.ty)).collect()
}

/// What a query can read of an input: known columns, rows not read yet.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub schema: SchemaRef,
    pub files: Vec<TableFile>,
    /// Where they were counted on the way.
    pub rows: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct TableFile {
    pub file: DataFile,
    /// The last columns' values; the first columns are the data's.
    values: Arc<[ScalarValue]>,
}

pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, TableError>> + Send>;

impl Table {
    /// Finds the input's files and what columns they have. CSV and JSON files are read once for that, where not all is declared.
    pub fn open(input: &TableInput) -> Result<Self, TableError> {
        Self::glance(input, u64::MAX)
    }

    /// The same, but of each CSV or JSON file only so many rows are read: its types are then those of these rows, and `rows` counts them.
    pub fn glance(input: &TableInput, most: u64) -> Result<Self, TableError> {
        let found = found(input)?;
        let files: Vec<DataFile> = found.iter().map(|(file, _)| file.clone()).collect();
        let (mut fields, rows) = columns(&files, input.columns.as_deref().unwrap_or_default(), most)?;
        let mut added = Vec::new();
        for (at, (name, ty)) in input.dimensions.iter().enumerate() {
            if fields.iter().all(|field| field.name() != name) {
                fields.push(Field::new(name, dimension_type(*ty), true));
                added.push((at, *ty));
            }
        }
        let files = found.iter().map(|(file, part)| TableFile {
            file: file.clone(),
            values: added.iter().map(|(at, ty)| dimension_value(part.values.get(*at), *ty)).collect(),
        });
        Ok(Self { schema: Arc::new(Schema::new(fields)), files: files.collect(), rows })
    }

    /// The rows of all files in order, in the given columns of the schema.
    pub fn batches(&self, projection: &[usize], batch_size: usize) -> Result<Batches, TableError> {
        let schema = Arc::new(self.schema.project(projection).map_err(|e| TableError::Engine { why: e.to_string() })?);
        let values = self.files.first().map_or(0, |file| file.values.len());
        let data = self.schema.fields().len() - values;
        let own: Vec<usize> = projection.iter().copied().filter(|at| *at < data).collect();
        let own_schema = Arc::new(self.schema.project(&own).map_err(|e| TableError::Engine { why: e.to_string() })?);
        let projection = projection.to_vec();
        let files = self.files.clone();
        Ok(Box::new(files.into_iter().flat_map(move |file| -> Batches {
            let batches: Batches = match open(&file.file, own_schema.clone(), batch_size) {
                Ok(batches) => batches,
                Err(error) => return Box::new(std::iter::once(Err(error))),
            };
            let (schema, projection) = (schema.clone(), projection.clone());
            Box::new(batches.map(move |batch| with_values(&batch?, &file, data, &projection, &schema)))
        })))
    }
}

/// The input's files in order, all of one format.
pub(crate) fn found(input: &TableInput) -> Result<Vec<(DataFile, &TablePart)>, TableError> {
    let mut found: Vec<(DataFile, &TablePart)> = Vec::new();
    for part in &input.parts {
        found.extend(file::find(&part.at, &part.files)?.into_iter().map(|file| (file, part)));
    }
    if let Some((other, _)) = found.iter().find(|(file, _)| file.kind != found[0].0.kind) {
        let (first, second) = (found[0].0.path.clone(), other.path.clone());
        return Err(TableError::MixedFormats { input: input.name.clone(), first, second });
    }
    Ok(found)
}

fn open(file: &DataFile, schema: SchemaRef, batch_size: usize) -> Result<Batches, TableError> {
    Ok(match file.kind {
        Kind::Csv(delimiter) => Box::new(csv::Reader::open(file, delimiter, schema, batch_size)?),
        Kind::Jsonl => Box::new(jsonl::Reader::open(file, schema, batch_size)?),
        Kind::Parquet => Box::new(parquet::Reader::open(file, schema, batch_size)?),
    })
}

/// Puts a file's own columns and its constant ones in the projection's order.
fn with_values(
    batch: &RecordBatch,
    file: &TableFile,
    data: usize,
    projection: &[usize],
    schema: &SchemaRef,
) -> Result<RecordBatch, TableError> {
    let fail = |e: &dyn ToString| TableError::read(&file.file.path, e.to_string());
    let mut own = batch.columns().iter();
    let column = |at: &usize| -> Result<ArrayRef, TableError> {
        if *at < data {
            return own.next().cloned().ok_or_else(|| fail(&"a column is missing"));
        }
        file.values[at - data].to_array_of_size(batch.num_rows()).map_err(|e| fail(&e))
    };
    let arrays = projection.iter().map(column).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), arrays, &options).map_err(|e| fail(&e))
}

/// The columns of files of one kind, and their rows where they were counted.
fn columns(files: &[DataFile], declared: &[Column], most: u64) -> Result<(Vec<Field>, Option<u64>), TableError> {
    let types = declared_types(declared)?;
    let Some(first) = files.first() else { return Ok((Vec::new(), Some(0))) };
    match first.kind {
        Kind::Parquet => {
            let opened = files.iter().map(parquet::Opened::open).collect::<Result<Vec<_>, _>>()?;
            parquet_columns(files, &opened, &types)
        }
        Kind::Jsonl => jsonl_columns(files, &types, most),
        Kind::Csv(delimiter) => csv_columns(files, delimiter, &types, most),
    }
}

pub(crate) type Types<'a> = BTreeMap<&'a str, DataType>;

pub(crate) fn declared_types(declared: &[Column]) -> Result<Types<'_>, TableError> {
    let mut types = BTreeMap::new();
    for column in declared {
        let ty = types::from_sql(&column.ty).map_err(|why| TableError::UnknownType {
            column: column.name.clone(),
            ty: column.ty.clone(),
            why,
        })?;
        types.insert(column.name.as_str(), ty);
    }
    Ok(types)
}

pub(crate) fn all_declared(file: &DataFile, names: &[String], types: &Types) -> Result<(), TableError> {
    let there: HashSet<&str> = names.iter().map(String::as_str).collect();
    match types.keys().find(|name| !there.contains(*name)) {
        Some(name) => Err(TableError::MissingColumn { path: file.path.clone(), column: name.to_string(), there: names.to_vec() }),
        None => Ok(()),
    }
}

fn csv_columns(files: &[DataFile], delimiter: u8, types: &Types, most: u64) -> Result<(Vec<Field>, Option<u64>), TableError> {
    let (mut shapes, mut rows) = (Fields::default(), Some(0));
    for file in files {
        let names = if types.is_empty() { Vec::new() } else { csv::header(file, delimiter)? };
        all_declared(file, &names, types)?;
        let guesses: Vec<(String, Shape)> = if !types.is_empty() && names.iter().all(|name| types.contains_key(name.as_str())) {
            rows = None;
            names.into_iter().map(|name| (name, Shape::NOTHING)).collect()
        } else {
            let (guesses, count) = csv::guess(file, delimiter, most)?;
            rows = rows.map(|rows| rows + count);
            guesses.into_iter().map(|(name, guess)| (name, Shape::Plain(guess))).collect()
        };
        // Plain values always have a type in common: text.
        let _ = shapes.join(guesses);
    }
    Ok((typed(shapes, types), rows))
}

fn jsonl_columns(files: &[DataFile], types: &Types, most: u64) -> Result<(Vec<Field>, Option<u64>), TableError> {
    let (mut shapes, mut rows) = (Fields::default(), 0);
    for file in files {
        let (columns, count) = jsonl::guess(file, most)?;
        if count > 0 {
            let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
            all_declared(file, &names, types)?;
        }
        rows += count;
        shapes.join(columns.into_list()).map_err(|conflict| conflicting(&files[0], file, conflict))?;
    }
    if rows == 0 {
        let _ = shapes.join(types.keys().map(|name| (name.to_string(), Shape::NOTHING)));
    }
    Ok((typed(shapes, types), Some(rows)))
}

/// The column, and what it is in one file and in another.
pub(crate) fn conflicting(one: &DataFile, other: &DataFile, (column, first_type, second_type): Conflict) -> TableError {
    TableError::Conflict { column, first: one.path.clone(), first_type, second: other.path.clone(), second_type }
}

fn typed(shapes: Fields, types: &Types) -> Vec<Field> {
    let field = |(name, shape): (String, Shape)| {
        let ty = types.get(name.as_str()).cloned().unwrap_or_else(|| shape.data_type());
        Field::new(name, ty, true)
    };
    shapes.into_list().into_iter().map(field).collect()
}

/// Parquet says its types itself: a declaration only asks for the column to be there.
pub(crate) fn parquet_columns(
    files: &[DataFile],
    opened: &[parquet::Opened],
    types: &Types,
) -> Result<(Vec<Field>, Option<u64>), TableError> {
    let mut joined: Vec<(Field, &DataFile)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut rows = 0;
    for (file, opened) in files.iter().zip(opened) {
        let fields = opened.fields()?;
        rows += opened.rows();
        let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        all_declared(file, &names, types)?;
        for field in fields {
            match places.get(field.name()).map(|at| &mut joined[*at]) {
                None => {
                    places.insert(field.name().clone(), joined.len());
                    joined.push((field, file));
                }
                Some((there, _)) if there.data_type() == field.data_type() || field.data_type() == &DataType::Null => {}
                Some(there) if there.0.data_type() == &DataType::Null => *there = (field, file),
                Some((there, first)) => {
                    return Err(TableError::Conflict {
                        column: field.name().clone(),
                        first: first.path.clone(),
                        first_type: types::name(there.data_type()),
                        second: file.path.clone(),
                        second_type: types::name(field.data_type()),
                    });
                }
            }
        }
    }
    Ok((joined.into_iter().map(|(field, _)| field).collect(), Some(rows)))
}

/// Days are dates, hours and minutes timestamps, numbers numbers; all else is text, as identities write it.
pub(crate) fn dimension_type(ty: Type) -> DataType {
    match ty {
        Type::Time(Precision::Day) => DataType::Date32,
        Type::Time(Precision::Hour | Precision::Minute) => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::Int => DataType::Int64,
        Type::Text | Type::Time(_) => DataType::Utf8,
    }
}

fn dimension_value(value: Option<&Value>, ty: Type) -> ScalarValue {
    match (value, ty) {
        (Some(Value::Time(day)), Type::Time(Precision::Day)) => ScalarValue::Date32(i32::try_from(day.start_day()).ok()),
        (Some(Value::Time(time)), Type::Time(Precision::Hour | Precision::Minute)) => {
            ScalarValue::TimestampMicrosecond(Some(time.start_minutes() * 60_000_000), None)
        }
        (Some(Value::Int(number)), Type::Int) => ScalarValue::Int64(Some(*number)),
        (value, Type::Text | Type::Time(Precision::Week | Precision::Month | Precision::Quarter | Precision::Year)) => {
            ScalarValue::Utf8(value.map(Value::to_string))
        }
        (_, Type::Time(Precision::Day)) => ScalarValue::Date32(None),
        (_, Type::Time(Precision::Hour | Precision::Minute)) => ScalarValue::TimestampMicrosecond(None, None),
        (_, Type::Int) => ScalarValue::Int64(None),
    }
}
