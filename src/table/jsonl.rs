//! JSON lines: one object on each line.
//!
//! What is true here: types come from all values of the file. Texts that all are dates or timestamps become those; values of several plain
//! types become text, as written; objects become structs, and a column that holds both plain values and objects (or lists) is an error. A
//! field that an object leaves out is null. A line has at most 64 MiB.

use std::cell::RefCell;
use std::io::{BufRead, Read};
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::{ReaderBuilder, reader::Decoder};
use serde::de::{DeserializeSeed, IgnoredAny};

use super::{
    error::TableError,
    file::DataFile,
    shape::{Conflict, Fields, Object, Take},
};

/// Bytes of a line.
const MOST: usize = 64 << 20;
/// Bytes of a batch's lines; one more is read below that.
const BATCH: usize = 64 << 20;

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

    /// Parses the line's object: what its values are is joined with what is there, and their texts are handed out.
    pub fn object(&self, fields: &mut Fields, take: &mut impl Take) -> Result<(), TableError> {
        let conflict = RefCell::new(None);
        let mut from = serde_json::Deserializer::from_slice(&self.buffer);
        let parsed = Object { fields, take, conflict: &conflict }.deserialize(&mut from).and_then(|()| from.end());
        parsed.map_err(|error| match conflict.into_inner() {
            Some(conflict) => self.conflicting(conflict),
            None if serde_json::from_slice::<IgnoredAny>(&self.buffer).is_ok() => {
                self.fail("not a JSON object; a table in JSON has one object on each line")
            }
            None => self.fail(format!("not a JSON object on one line ({error}); a table in JSON has one object on each line")),
        })
    }

    /// Says whether the line alone has two kinds of values, or other lines have one.
    fn conflicting(&self, (name, one, other): Conflict) -> TableError {
        let (alone, mut fields) = (RefCell::new(None), Fields::default());
        let mut from = serde_json::Deserializer::from_slice(&self.buffer);
        let _ = Object { fields: &mut fields, take: &mut (), conflict: &alone }.deserialize(&mut from);
        self.fail(match alone.into_inner() {
            Some((name, one, other)) => format!("`{name}` holds both {one} and {other}; make them alike"),
            None => format!("`{name}` is {other} here, and was {one} above; make them alike"),
        })
    }
}

/// What each column's values are, over the first `most` rows, and how many rows these are.
pub(crate) fn guess(file: &DataFile, most: u64) -> Result<(Fields, u64), TableError> {
    let mut lines = Lines::open(file)?;
    let (mut columns, mut rows) = (Fields::default(), 0);
    while rows < most && lines.next()? {
        rows += 1;
        lines.object(&mut columns, &mut ())?;
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
