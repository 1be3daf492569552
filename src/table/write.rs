//! Batches to a file. The bytes depend on the rows alone: not on how they were batched, on the clock, or on where the file lies.
//!
//! What is true here: Parquet is zstd-compressed, with statistics, a million rows to a row group, `formake` as its maker and no metadata of
//! its own. CSV has a header, `\n` line ends, quotes where needed, nothing for null and `""` for the empty text; dates and times are ISO
//! 8601, floats the shortest text that reads back the same. JSON lines write nulls out, so that every line has every column; floats that are
//! no numbers are null there.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, RecordBatchOptions};
use arrow::compute::{BatchCoalescer, cast};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::json::writer::{LineDelimited, Writer as JsonWriter, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{error::TableError, parquet::plain, types};
use crate::formula::program::Format;

const BATCH_ROWS: usize = 8192;
const ROW_GROUP_ROWS: usize = 1 << 20;
const TIMESTAMP: &str = "%Y-%m-%dT%H:%M:%S%.f";

/// Takes batches, and ends in a whole file.
pub(crate) struct TableWriter {
    path: PathBuf,
    schema: SchemaRef,
    /// Batches of one size, however they came.
    batches: BatchCoalescer,
    out: Out,
    rows: u64,
}

enum Out {
    Parquet(Box<ArrowWriter<Sink>>),
    Csv(Sink),
    Jsonl(Box<JsonWriter<Sink, LineDelimited>>),
}

type Sink = BufWriter<Box<dyn Write + Send>>;

impl TableWriter {
    /// Creates the file, which must not be there.
    ///
    /// # Errors
    /// A column without a name, two of one name, or of a type that the format cannot hold; or the disk's.
    pub fn create(path: &Path, format: Format, schema: &Schema) -> Result<Self, TableError> {
        // What the format cannot hold is said before there is a file.
        stored(schema, format)?;
        Self::to(Box::new(File::create(path).map_err(|e| TableError::write(path, e))?), path, format, schema)
    }

    /// Writes elsewhere; `path` is what that is called.
    ///
    /// # Errors
    /// As [`TableWriter::create`].
    pub fn to(out: Box<dyn Write + Send>, path: &Path, format: Format, schema: &Schema) -> Result<Self, TableError> {
        let schema = Arc::new(stored(schema, format)?);
        let file = BufWriter::with_capacity(1 << 16, out);
        let out = match format {
            Format::Parquet => {
                let options = ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
                let writer = ArrowWriter::try_new_with_options(file, schema.clone(), options).map_err(|e| TableError::write(path, e))?;
                Out::Parquet(Box::new(writer))
            }
            Format::Csv => {
                let mut file = file;
                let mut line = String::new();
                for (at, field) in schema.fields().iter().enumerate() {
                    csv_field(&mut line, at, Some(field.name()));
                }
                writeln!(file, "{line}").map_err(|e| TableError::write(path, e))?;
                Out::Csv(file)
            }
            Format::Jsonl => {
                let writer = WriterBuilder::new()
                    .with_explicit_nulls(true)
                    .with_timestamp_format(TIMESTAMP.into())
                    .with_datetime_format(TIMESTAMP.into())
                    .with_timestamp_tz_format(format!("{TIMESTAMP}%:z"));
                Out::Jsonl(Box::new(writer.build(file)))
            }
        };
        let batches = BatchCoalescer::new(schema.clone(), BATCH_ROWS);
        Ok(Self { path: path.to_path_buf(), schema, batches, out, rows: 0 })
    }

    pub fn columns(&self) -> usize {
        self.schema.fields().len()
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let fail = |e: &dyn ToString| TableError::write(&self.path, e.to_string());
        let column = |(array, field): (&Arc<dyn Array>, &Arc<Field>)| {
            if array.data_type() == field.data_type() { Ok(array.clone()) } else { cast(array, field.data_type()) }
        };
        let arrays = batch.columns().iter().zip(self.schema.fields()).map(column).collect::<Result<_, _>>().map_err(|e| fail(&e))?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options).map_err(|e| fail(&e))?;
        self.rows += batch.num_rows() as u64;
        self.batches.push_batch(batch).map_err(|e| fail(&e))?;
        self.drain()
    }

    fn drain(&mut self) -> Result<(), TableError> {
        while let Some(batch) = self.batches.next_completed_batch() {
            let written = match &mut self.out {
                Out::Parquet(writer) => writer.write(&batch).map_err(|e| e.to_string()),
                Out::Jsonl(writer) => writer.write(&batch).map_err(|e| e.to_string()),
                Out::Csv(file) => csv_rows(file, &batch),
            };
            written.map_err(|why| TableError::write(&self.path, why))?;
        }
        Ok(())
    }

    /// Writes what is left; the rows written.
    pub fn finish(mut self) -> Result<u64, TableError> {
        self.batches.finish_buffered_batch().map_err(|e| TableError::write(&self.path, e))?;
        self.drain()?;
        let done = match self.out {
            Out::Parquet(writer) => writer.into_inner().map_err(|e| e.to_string()).and_then(|mut f| f.flush().map_err(|e| e.to_string())),
            Out::Csv(mut file) => file.flush().map_err(|e| e.to_string()),
            Out::Jsonl(mut writer) => {
                writer.finish().map_err(|e| e.to_string()).and_then(|()| writer.into_inner().flush().map_err(|e| e.to_string()))
            }
        };
        done.map_err(|why| TableError::write(&self.path, why))?;
        Ok(self.rows)
    }
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by("formake".into())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build()
}

/// The schema as it is written: names checked, types that the format can hold.
pub(crate) fn stored(schema: &Schema, format: Format) -> Result<Schema, TableError> {
    let mut fields: Vec<Field> = Vec::new();
    for (at, field) in schema.fields().iter().enumerate() {
        let name = field.name();
        if name.trim().is_empty() {
            return Err(TableError::EmptyColumn { position: at + 1 });
        }
        let count = schema.fields().iter().filter(|other| other.name() == name).count();
        if count > 1 {
            return Err(TableError::DuplicateColumn { name: name.clone(), count });
        }
        let ty = stored_type(field.data_type());
        if let Some((format, help)) = refused(&ty, format) {
            return Err(TableError::OutputType { column: name.clone(), ty: types::name(&ty), format, help });
        }
        fields.push(Field::new(name, ty, true));
    }
    Ok(Schema::new(fields))
}

/// Parquet has no seconds and no dates in milliseconds; a column of nulls is text.
fn stored_type(ty: &DataType) -> DataType {
    match plain(ty) {
        DataType::Null => DataType::Utf8,
        DataType::Date64 => DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Timestamp(TimeUnit::Second, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone),
        DataType::Time32(TimeUnit::Second) => DataType::Time32(TimeUnit::Millisecond),
        other => other,
    }
}

fn refused(ty: &DataType, format: Format) -> Option<(&'static str, &'static str)> {
    let name = match format {
        Format::Parquet => "Parquet",
        Format::Csv => "CSV",
        Format::Jsonl => "JSON lines",
    };
    match ty {
        DataType::Interval(_) | DataType::Duration(_) => {
            Some((name, "write it as a number, as in `extract(epoch FROM x)`, or as text with `CAST(x AS text)`"))
        }
        DataType::Union(..) => Some((name, "cast it to one type")),
        DataType::Struct(fields) if fields.is_empty() => Some((name, "give the struct a field, or leave the column out")),
        _ if ty.is_nested() && format == Format::Csv => {
            Some((name, "write Parquet or `format jsonl`, or make it text, as with `array_to_string(x, ';')`"))
        }
        DataType::Struct(fields) => fields.iter().find_map(|field| refused(field.data_type(), format)),
        DataType::List(field) | DataType::FixedSizeList(field, _) | DataType::Map(field, _) => refused(field.data_type(), format),
        _ => None,
    }
}

/// How values are written as text.
pub(crate) fn as_text() -> FormatOptions<'static> {
    FormatOptions::default()
        .with_display_error(false)
        .with_timestamp_format(Some(TIMESTAMP))
        .with_datetime_format(Some(TIMESTAMP))
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.f%:z"))
}

fn csv_rows(file: &mut Sink, batch: &RecordBatch) -> Result<(), String> {
    let options = as_text();
    let columns = batch.columns().iter().map(|array| ArrayFormatter::try_new(array, &options)).collect::<Result<Vec<_>, _>>();
    let columns = columns.map_err(|e| e.to_string())?;
    let (mut line, mut value) = (String::new(), String::new());
    for row in 0..batch.num_rows() {
        line.clear();
        for (at, (column, array)) in columns.iter().zip(batch.columns()).enumerate() {
            value.clear();
            let there = array.is_valid(row);
            if there {
                column.value(row).write(&mut value).map_err(|e| e.to_string())?;
            }
            csv_field(&mut line, at, there.then_some(&value));
        }
        writeln!(file, "{line}").map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Adds a field to a line; `None` is null.
fn csv_field(line: &mut String, at: usize, value: Option<&String>) {
    if at > 0 {
        line.push(',');
    }
    let Some(value) = value else { return };
    if value.is_empty() || value.contains(['"', ',', '\n', '\r']) {
        line.push('"');
        line.push_str(&value.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(value);
    }
}
