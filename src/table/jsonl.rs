//! JSON lines: one object on each line.
//!
//! What is true here: types come from all values of the file. Texts that all are dates or timestamps become those; values of several plain
//! types become text, as written; objects become structs, and a column that holds both plain values and objects (or lists) is an error. A
//! field that an object leaves out is null. A line has at most 64 MiB.

use std::io::{BufRead, Read};
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::{ReaderBuilder, reader::Decoder};
use serde_json::{Map, Value};

use super::{error::TableError, file::DataFile, types::Guess};

/// Bytes of a line.
const MOST: usize = 64 << 20;
/// Bytes of a batch's lines; one more is read below that.
const BATCH: usize = 64 << 20;

/// What the values of one column could be.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Shape {
    Plain(Guess),
    List(Box<Shape>),
    /// Fields in the order in which they first came.
    Struct(Vec<(String, Shape)>),
}

impl Shape {
    pub const NOTHING: Shape = Shape::Plain(Guess::Nothing);

    /// Joins it with what a value is.
    ///
    /// # Errors
    /// The two kinds of values that no type holds both.
    fn see(&mut self, value: &Value) -> Result<(), (String, String)> {
        match (&mut *self, value) {
            (_, Value::Null) | (Shape::Plain(Guess::Text), Value::Bool(_) | Value::Number(_) | Value::String(_)) => Ok(()),
            (Shape::Plain(guess), Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                *guess = guess.join(look(value));
                Ok(())
            }
            (Shape::List(item), Value::Array(items)) => items.iter().try_for_each(|value| item.see(value)),
            (Shape::Struct(fields), Value::Object(values)) => see_fields(fields, values).map_err(|(_, one, other)| (one, other)),
            (Shape::Plain(Guess::Nothing), Value::Array(_)) => {
                *self = Shape::List(Box::new(Shape::NOTHING));
                self.see(value)
            }
            (Shape::Plain(Guess::Nothing), Value::Object(_)) => {
                *self = Shape::Struct(Vec::new());
                self.see(value)
            }
            (_, value) => {
                let other = match value {
                    Value::Array(_) => Shape::List(Box::new(Shape::NOTHING)).word(),
                    Value::Object(_) => Shape::Struct(Vec::new()).word(),
                    _ => Shape::NOTHING.word(),
                };
                Err((self.word().into(), other.into()))
            }
        }
    }

    /// # Errors
    /// The two kinds of values that no type holds both.
    pub fn join(self, other: Self) -> Result<Self, (String, String)> {
        Ok(match (self, other) {
            (Shape::Plain(a), Shape::Plain(b)) => Shape::Plain(a.join(b)),
            (Shape::Plain(Guess::Nothing), other) | (other, Shape::Plain(Guess::Nothing)) => other,
            (Shape::List(a), Shape::List(b)) => Shape::List(Box::new(a.join(*b)?)),
            (Shape::Struct(mut a), Shape::Struct(b)) => {
                join_fields(&mut a, b).map_err(|(_, one, other)| (one, other))?;
                Shape::Struct(a)
            }
            (a, b) => return Err((a.word().into(), b.word().into())),
        })
    }

    fn word(&self) -> &'static str {
        match self {
            Shape::Plain(_) => "a plain value",
            Shape::List(_) => "a list",
            Shape::Struct(_) => "an object",
        }
    }

    pub fn data_type(&self) -> DataType {
        match self {
            Shape::Plain(guess) => guess.data_type(),
            Shape::List(item) => DataType::new_list(item.data_type(), true),
            Shape::Struct(fields) => {
                DataType::Struct(fields.iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect::<Fields>())
            }
        }
    }
}

/// What a plain value looks like.
fn look(value: &Value) -> Guess {
    match value {
        Value::Bool(_) => Guess::Bool,
        Value::Number(number) if number.is_i64() => Guess::Int,
        Value::Number(number) if number.is_f64() => Guess::Float,
        // More than 64 bits with a sign: as text no digit is lost.
        Value::Number(_) => Guess::Text,
        Value::String(text) => match Guess::of(text) {
            Guess::Date => Guess::Date,
            // The decoder wants seconds.
            time @ Guess::Timestamp { .. } if text.as_bytes().get(16) == Some(&b':') => time,
            _ => Guess::Text,
        },
        _ => Guess::Nothing,
    }
}

/// Joins fields with what an object's values are; new ones go to the end. Errors as [`join_fields`].
fn see_fields(fields: &mut Vec<(String, Shape)>, object: &Map<String, Value>) -> Result<(), (String, String, String)> {
    // Names of one object differ, and most come in the order in which they are there.
    let (known, mut next) = (fields.len(), 0);
    for (name, value) in object {
        let found = (next.min(known)..known).chain(0..next.min(known)).find(|at| fields[*at].0 == *name);
        let at = found.unwrap_or_else(|| {
            fields.push((name.clone(), Shape::NOTHING));
            fields.len() - 1
        });
        next = at + 1;
        fields[at].1.see(value).map_err(|(one, other)| (name.clone(), one, other))?;
    }
    Ok(())
}

/// Joins fields by name, of which both have no two alike; new ones go to the end.
///
/// # Errors
/// The field, and the two kinds of values that no type holds both.
pub(crate) fn join_fields(fields: &mut Vec<(String, Shape)>, more: Vec<(String, Shape)>) -> Result<(), (String, String, String)> {
    let (known, mut next) = (fields.len(), 0);
    for (name, shape) in more {
        match (next.min(known)..known).chain(0..next.min(known)).find(|at| fields[*at].0 == name) {
            Some(at) => {
                next = at + 1;
                let there = &mut fields[at].1;
                let joined = std::mem::replace(there, Shape::NOTHING).join(shape);
                *there = joined.map_err(|(one, other)| (name, one, other))?;
            }
            None => fields.push((name, shape)),
        }
    }
    Ok(())
}

/// One line after the other.
pub(crate) struct Lines {
    path: PathBuf,
    from: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    line: u64,
}

impl Lines {
    pub fn open(file: &DataFile) -> Result<Self, TableError> {
        let mut from = file.open()?;
        if from.fill_buf().map_err(|e| TableError::read(&file.path, e))?.starts_with(b"\xEF\xBB\xBF") {
            from.consume(3);
        }
        Ok(Self { path: file.path.clone(), from, buffer: Vec::new(), line: 0 })
    }

    /// Reads the next line that is not blank; `false` at the end.
    pub fn next(&mut self) -> Result<bool, TableError> {
        loop {
            self.buffer.clear();
            let mut from = (&mut self.from).take(MOST as u64 + 1);
            if from.read_until(b'\n', &mut self.buffer).map_err(|e| TableError::read(&self.path, e))? == 0 {
                return Ok(false);
            }
            self.line += 1;
            if self.buffer.len() > MOST {
                return Err(self.fail("the line is longer than 64 MiB; a table in JSON has one object on each line"));
            }
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// Bytes of the line.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    fn fail(&self, why: impl ToString) -> TableError {
        TableError::malformed(&self.path, self.line, why)
    }

    /// The line's object; what its values are is joined with what is there.
    pub fn object(&self, columns: &mut Vec<(String, Shape)>) -> Result<Map<String, Value>, TableError> {
        let value: Value = serde_json::from_slice(&self.buffer)
            .map_err(|e| self.fail(format!("not a JSON object on one line ({e}); a table in JSON has one object on each line")))?;
        let Value::Object(fields) = value else {
            return Err(self.fail("not a JSON object; a table in JSON has one object on each line"));
        };
        see_fields(columns, &fields).map_err(|(name, one, other)| {
            let mut alone = Shape::NOTHING;
            self.fail(match fields.get(&name).map_or(Ok(()), |value| alone.see(value)) {
                Err((one, other)) => format!("`{name}` holds both {one} and {other}; make them alike"),
                Ok(()) => format!("`{name}` is {other} here, and was {one} above; make them alike"),
            })
        })?;
        Ok(fields)
    }
}

/// What each column's values are, over the first `most` rows, and how many rows these are.
pub(crate) fn guess(file: &DataFile, most: u64) -> Result<(Vec<(String, Shape)>, u64), TableError> {
    let mut lines = Lines::open(file)?;
    let (mut columns, mut rows) = (Vec::new(), 0);
    while rows < most && lines.next()? {
        rows += 1;
        lines.object(&mut columns)?;
    }
    Ok((columns, rows))
}

/// Batches of a file's rows, in the given columns.
pub(crate) struct Reader {
    lines: Lines,
    schema: SchemaRef,
    decoder: Decoder,
    batch_size: usize,
}

impl Reader {
    /// Columns of the schema that the file hasn't are null.
    pub fn open(file: &DataFile, schema: SchemaRef, batch_size: usize) -> Result<Self, TableError> {
        let decoder = decoder(&schema, batch_size).map_err(|e| TableError::read(&file.path, e))?;
        Ok(Self { lines: Lines::open(file)?, schema, decoder, batch_size })
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>, TableError> {
        let mut batch: Vec<(u64, Vec<u8>)> = Vec::with_capacity(self.batch_size);
        let mut bytes = 0;
        while batch.len() < self.batch_size && bytes < BATCH && self.lines.next()? {
            bytes += self.lines.len();
            batch.push((self.lines.line, self.lines.buffer.clone()));
        }
        let decoded = batch.iter().try_for_each(|(_, line)| self.decoder.decode(line).map(drop)).and_then(|()| self.decoder.flush());
        decoded.map_err(|error| self.locate(&batch, &error))
    }

    /// The decoder says nothing of lines: decodes one at a time until one fails.
    fn locate(&self, batch: &[(u64, Vec<u8>)], error: &ArrowError) -> TableError {
        for (line, bytes) in batch {
            let alone = decoder(&self.schema, 1).and_then(|mut decoder| {
                decoder.decode(bytes)?;
                decoder.flush()
            });
            if let Err(error) = alone {
                return TableError::malformed(&self.lines.path, *line, readable(&error));
            }
        }
        TableError::read(&self.lines.path, readable(error))
    }
}

fn decoder(schema: &SchemaRef, batch_size: usize) -> Result<Decoder, ArrowError> {
    ReaderBuilder::new(schema.clone()).with_batch_size(batch_size).with_coerce_primitive(true).build_decoder()
}

fn readable(error: &ArrowError) -> String {
    let text = error.to_string();
    text.strip_prefix("Json error: ").or(text.strip_prefix("Parser error: ")).unwrap_or(&text).to_string()
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch().transpose()
    }
}
