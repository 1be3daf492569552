//! The columns that a query would give, said from the columns of its inputs alone.
//!
//! What is true here: no row is read for a result. What is planned is what [`run`](super::run) would execute, so that names, types and errors
//! are the same. Types that are only read from values (of CSV and JSON) are marked: other values may have others.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::{
    engine,
    error::TableError,
    file::Kind,
    input::{Table, TableInput, dimension_type},
    parquet, types,
    write::stored,
};
use crate::formula::program::{Column, Format};
use crate::identity::Type;

/// Of a CSV or JSON file, so many rows are read for its types.
const ROWS: u64 = 100_000;

/// A column, as far as it is known without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub name: String,
    pub ty: DataType,
    /// Nulls are possible.
    pub nullable: bool,
    /// The type is that of the data; otherwise it is what values of that kind most likely look like.
    pub exact: bool,
}

impl Known {
    /// Its type in SQL's words.
    pub fn type_name(&self) -> String {
        types::name(&self.ty)
    }

    /// What reads a file of this format sees of it: CSV and JSON have no types but those that their values look like.
    #[must_use]
    pub fn read_from(mut self, format: Format) -> Self {
        if format == Format::Parquet {
            return self;
        }
        let seen = match &self.ty {
            ty if ty.is_integer() => DataType::Int64,
            ty if ty.is_floating() || ty.is_decimal() => DataType::Float64,
            DataType::Date32 | DataType::Date64 => DataType::Date32,
            DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into())),
            DataType::Boolean => DataType::Boolean,
            ty if ty.is_nested() => ty.clone(),
            _ => DataType::Utf8,
        };
        (self.ty, self.nullable, self.exact) = (seen, true, false);
        self
    }
}

/// An input of a query of which only the columns are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTable {
    pub name: String,
    pub columns: Vec<Known>,
}

impl KnownTable {
    /// With the columns of a class's dimensions that the data does not have itself.
    #[must_use]
    pub fn with_dimensions(mut self, dimensions: &[(String, Type)]) -> Self {
        for (name, ty) in dimensions {
            if self.columns.iter().all(|column| column.name != *name) {
                self.columns.push(Known { name: name.clone(), ty: dimension_type(*ty), nullable: true, exact: true });
            }
        }
        self
    }
}

/// The columns of an input's own data. Parquet says them itself; of CSV and JSON so many rows are read that their types are hardly missed.
///
/// # Errors
/// It is no table, or a broken one.
pub fn known(input: &TableInput) -> Result<Vec<Known>, TableError> {
    let table = Table::glance(input, ROWS)?;
    let kind = table.files.first().map(|file| file.file.kind);
    let mut nulls = std::collections::BTreeSet::new();
    if kind == Some(Kind::Parquet) {
        for file in &table.files {
            nulls.extend(parquet::with_nulls(&file.file)?);
        }
    }
    let cut = table.rows.is_some_and(|rows| rows >= ROWS) && kind != Some(Kind::Parquet);
    if let (true, Some(Kind::Jsonl), Some(file)) = (cut, kind, table.files.first()) {
        return Err(TableError::read(&file.file.path, "it is too long to be read for its columns alone"));
    }
    let declared = |name: &str| input.columns.iter().flatten().any(|column| column.name == name);
    let column = |field: &Arc<Field>| Known {
        name: field.name().clone(),
        ty: field.data_type().clone(),
        nullable: kind != Some(Kind::Parquet) || nulls.contains(field.name()),
        exact: !cut || declared(field.name()),
    };
    Ok(table.schema.fields().iter().map(column).collect())
}

/// The columns that are declared, where there is no data to look at.
///
/// # Errors
/// A type that is none.
pub fn declared(columns: &[Column]) -> Result<Vec<Known>, TableError> {
    let column = |column: &Column| match types::from_sql(&column.ty) {
        Ok(ty) => Ok(Known { name: column.name.clone(), ty, nullable: true, exact: true }),
        Err(why) => Err(TableError::UnknownType { column: column.name.clone(), ty: column.ty.clone(), why }),
    };
    columns.iter().map(column).collect()
}

/// The columns of what a query would write, as the file has them.
///
/// # Errors
/// What is wrong with the query, or does not fit between it and its tables: the column that is not there, the types that do not go together.
pub fn result(query: &str, tables: &[KnownTable], format: Format) -> Result<Vec<Known>, TableError> {
    let planned = || {
        let given = tables.iter().map(|table| {
            let field = |column: &Known| Field::new(&column.name, column.ty.clone(), column.nullable);
            let schema = Schema::new(table.columns.iter().map(field).collect::<Vec<_>>());
            (table.name.as_str(), Table { schema: Arc::new(schema), files: Vec::new(), rows: None })
        });
        let schema = engine::columns(query, given.collect())?;
        let written = stored(&schema, format)?;
        let column = |(planned, written): (&Arc<Field>, &Arc<Field>)| Known {
            name: written.name().clone(),
            ty: written.data_type().clone(),
            nullable: planned.is_nullable(),
            exact: true,
        };
        Ok(schema.fields().iter().zip(written.fields()).map(column).collect())
    };
    // A mistake of the engine's ends this question, not the command.
    catch_unwind(AssertUnwindSafe(planned)).unwrap_or_else(|panic| Err(TableError::Engine { why: in_words(panic.as_ref()).into() }))
}

/// What a panic says.
pub(crate) fn in_words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it gives no reason")
}
