//! CSV and TSV, as RFC 4180 has them: a header row, quotes doubled inside quotes, newlines in quotes, UTF-8 (a byte order mark is skipped).
//!
//! What is true here: every row has as many fields as the header, or it is an error with its line. An empty field is null; a field that
//! is written `""` is an empty text in a text column, and null in others. Blank lines are skipped, but in a file of one column they are
//! null. A column without a name is called `column1` by its position. Values are read only for the columns that a query needs. A row has at
//! most 64 MiB, so that a file that is no table, or has a quote too many, is not read into memory.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, StringBuilder};
use arrow::datatypes::{DataType, SchemaRef};

use super::{
    error::TableError,
    file::DataFile,
    types::{self, Guess},
};

/// Bytes of a row.
const MOST: usize = 64 << 20;
/// Bytes of a batch's texts; one more row is read below that.
const BATCH: usize = 64 << 20;

/// One record after the other.
pub(crate) struct Records {
    path: PathBuf,
    from: Box<dyn BufRead + Send>,
    delimiter: u8,
    /// The record's bytes so far.
    raw: Vec<u8>,
    fields: Vec<Field>,
    /// Unquoted texts of all fields, one after the other.
    text: String,
    /// Where in `raw` an open quoted field goes on.
    open: Option<usize>,
    /// Where the record begins, and how many lines were read.
    line: u64,
    lines: u64,
}

#[derive(Clone, Copy)]
struct Field {
    end: usize,
    quoted: bool,
}

impl Records {
    pub fn open(file: &DataFile, delimiter: u8) -> Result<Self, TableError> {
        let mut from = file.open()?;
        let start = from.fill_buf().map_err(|e| TableError::read(&file.path, e))?;
        if start.starts_with(b"\xEF\xBB\xBF") {
            from.consume(3);
        }
        let (raw, fields, text, open) = Default::default();
        Ok(Self { path: file.path.clone(), from, delimiter, raw, fields, text, open, line: 0, lines: 0 })
    }

    /// Reads the next record; `false` at the end.
    fn next(&mut self) -> Result<bool, TableError> {
        self.raw.clear();
        self.fields.clear();
        self.text.clear();
        self.line = self.lines + 1;
        loop {
            let room = (MOST + 1 - self.raw.len()) as u64;
            let read = (&mut self.from).take(room).read_until(b'\n', &mut self.raw).map_err(|e| TableError::read(&self.path, e))?;
            if self.raw.len() > MOST {
                let why = "the row is longer than 64 MiB; end the quote that opened in it, or write such data as a file of its own";
                return Err(TableError::malformed(&self.path, self.line, why));
            }
            if read == 0 {
                if self.raw.is_empty() {
                    return Ok(false);
                }
                return Err(TableError::malformed(&self.path, self.line, "a quoted field begins here and is never closed; end it with \""));
            }
            self.lines += 1;
            // Inside of quotes, a line without a quote changes nothing.
            let goes_on = self.raw.len() > read && !self.raw[self.raw.len() - read..].contains(&b'"');
            if !goes_on && self.split()? {
                return Ok(true);
            }
        }
    }

    /// Splits what was read into fields; `false` where a quoted field is still open, which then goes on where it stopped.
    fn split(&mut self) -> Result<bool, TableError> {
        let from = self.open.unwrap_or(0);
        let raw = std::str::from_utf8(&self.raw[from..]).map_err(|e| {
            let why = format!("byte {} of the row is not UTF-8; write the file as UTF-8", from + e.valid_up_to() + 1);
            TableError::malformed(&self.path, self.line, why)
        })?;
        let whole = raw.strip_suffix('\n').map_or(raw, |line| line.strip_suffix('\r').unwrap_or(line));
        let delimiter = char::from(self.delimiter);
        let mut rest = whole;
        let mut goes_on = self.open.take().is_some();
        loop {
            let quoted = goes_on || rest.starts_with('"');
            if quoted {
                if !std::mem::take(&mut goes_on) {
                    rest = &rest[1..];
                }
                loop {
                    let Some(at) = rest.find('"') else {
                        self.open = Some(from + whole.len() - rest.len());
                        return Ok(false);
                    };
                    self.text.push_str(&rest[..at]);
                    rest = &rest[at + 1..];
                    match rest.strip_prefix('"') {
                        Some(after) => {
                            self.text.push('"');
                            rest = after;
                        }
                        None => break,
                    }
                }
            } else {
                let at = field_end(rest, self.delimiter);
                self.text.push_str(&rest[..at]);
                rest = &rest[at..];
            }
            self.fields.push(Field { end: self.text.len(), quoted });
            match rest.strip_prefix(delimiter) {
                Some(after) => rest = after,
                None if rest.is_empty() => return Ok(true),
                None => {
                    let why = format!("field {} goes on after its closing quote; double quotes inside of quotes", self.fields.len());
                    return Err(TableError::malformed(&self.path, self.line, why));
                }
            }
        }
    }

    /// The fields' texts; empty unquoted ones are null.
    pub fn values(&self) -> impl Iterator<Item = (&str, bool)> {
        let mut start = 0;
        self.fields.iter().map(move |field| {
            let text = &self.text[start..field.end];
            start = field.end;
            (text, field.quoted)
        })
    }

    pub fn header(&mut self) -> Result<Vec<String>, TableError> {
        let fail = |path: &Path, why: String| TableError::Header { path: path.to_path_buf(), why };
        if !self.next()? {
            return Err(fail(&self.path, "the file is empty; a CSV file has at least a header row with the columns' names".into()));
        }
        let mut names: Vec<String> = self.values().map(|(text, _)| text.to_string()).collect();
        for (at, name) in names.iter_mut().enumerate() {
            if name.is_empty() {
                *name = format!("column{}", at + 1);
            }
        }
        let mut seen = HashSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            Some(name) => Err(fail(&self.path, format!("two columns of the header are called `{name}`; name each apart"))),
            None => Ok(names),
        }
    }

    /// The next row of `width` fields; blank lines count only where there is one column.
    pub fn row(&mut self, width: usize) -> Result<bool, TableError> {
        loop {
            if !self.next()? {
                return Ok(false);
            }
            if self.fields.len() == width {
                return Ok(true);
            }
            if self.text.is_empty() && self.fields.len() == 1 && !self.fields[0].quoted {
                continue;
            }
            let why = format!("the row has {} fields, the header has {width}", self.fields.len());
            return Err(TableError::malformed(&self.path, self.line, why));
        }
    }
}

/// Where an unquoted field ends: most are short, and found before a search is worth its start.
fn field_end(rest: &str, delimiter: u8) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while at < bytes.len() && at < 16 {
        if bytes[at] == delimiter {
            return at;
        }
        at += 1;
    }
    // Not within a character: a delimiter is one byte.
    bytes[at..].iter().position(|byte| *byte == delimiter).map_or(bytes.len(), |found| at + found)
}

/// The names of a file's columns.
pub(crate) fn header(file: &DataFile, delimiter: u8) -> Result<Vec<String>, TableError> {
    Records::open(file, delimiter)?.header()
}

/// What each column's values are, over the first `most` rows, and how many rows these are.
pub(crate) fn guess(file: &DataFile, delimiter: u8, most: u64) -> Result<(Vec<(String, Guess)>, u64), TableError> {
    let mut records = Records::open(file, delimiter)?;
    let names = records.header()?;
    let mut guesses = vec![Guess::Nothing; names.len()];
    let mut rows = 0;
    while rows < most && records.row(names.len())? {
        rows += 1;
        for ((text, _), guess) in records.values().zip(&mut guesses) {
            if !text.is_empty() && *guess != Guess::Text {
                *guess = guess.join(Guess::of(text));
            }
        }
    }
    Ok((names.into_iter().zip(guesses).collect(), rows))
}

/// Batches of a file's rows, in the given columns.
pub(crate) struct Reader {
    records: Records,
    names: Vec<String>,
    schema: SchemaRef,
    /// For each field of the file, its column in the schema.
    wanted: Vec<Option<usize>>,
    batch_size: usize,
}

impl Reader {
    /// Columns of the schema that the file hasn't are null.
    pub fn open(file: &DataFile, delimiter: u8, schema: SchemaRef, batch_size: usize) -> Result<Self, TableError> {
        let mut records = Records::open(file, delimiter)?;
        let names = records.header()?;
        let places: HashMap<&str, usize> = schema.fields().iter().enumerate().map(|(at, field)| (field.name().as_str(), at)).collect();
        let wanted = names.iter().map(|name| places.get(name.as_str()).copied()).collect();
        Ok(Self { records, names, schema, wanted, batch_size })
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>, TableError> {
        let fields = self.schema.fields();
        let is_text: Vec<bool> = fields.iter().map(|field| field.data_type() == &DataType::Utf8).collect();
        let mut columns: Vec<StringBuilder> = fields.iter().map(|_| StringBuilder::new()).collect();
        let mut lines = Vec::with_capacity(self.batch_size);
        let mut bytes = 0;
        while lines.len() < self.batch_size && bytes < BATCH && self.records.row(self.names.len())? {
            lines.push(self.records.line);
            bytes += self.records.text.len();
            for ((text, quoted), wanted) in self.records.values().zip(&self.wanted) {
                if let Some(at) = *wanted {
                    let null = text.is_empty() && !(quoted && is_text[at]);
                    columns[at].append_option((!null).then_some(text));
                }
            }
        }
        if lines.is_empty() {
            return Ok(None);
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        for (field, mut column) in fields.iter().zip(columns) {
            let texts = column.finish();
            arrays.push(if arrow::array::Array::is_empty(&texts) {
                arrow::array::new_null_array(field.data_type(), lines.len())
            } else if field.data_type() == &DataType::Utf8 {
                Arc::new(texts)
            } else {
                types::parse(&texts, field.data_type())
                    .map_err(|row| self.wrong(field.name(), field.data_type(), &texts, row, lines[row]))?
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(lines.len()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        batch.map(Some).map_err(|e| TableError::read(&self.records.path, e))
    }

    fn wrong(&self, column: &str, ty: &DataType, texts: &StringArray, row: usize, line: u64) -> TableError {
        let value = texts.value(row).chars().take(60).collect();
        TableError::Value { path: self.records.path.clone(), line, column: column.to_string(), ty: types::name(ty), value }
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<Vec<String>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, text).unwrap();
        let read = || -> Result<Vec<Vec<String>>, TableError> {
            let mut records = Records::open(&DataFile::at(&path).unwrap(), b',')?;
            let mut rows = vec![records.header()?];
            while records.row(rows[0].len())? {
                rows.push(records.values().map(|(text, quoted)| if quoted { format!("<{text}>") } else { text.into() }).collect());
            }
            Ok(rows)
        };
        read().map_err(|e| e.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn records_follow_rfc_4180() {
        assert_eq!(rows("\u{feff}a,b\r\n1,\"x\n\"\"y\"\"\"\r\n\n,\"\"").unwrap(), [["a", "b"], ["1", "<x\n\"y\">"], ["", "<>"]]);
        assert_eq!(rows("a\n\n1\n").unwrap(), [["a"], [""], ["1"]]);
        assert_eq!(rows("a,\n").unwrap(), [["a", "column2"]]);
    }

    #[test]
    fn a_row_has_a_bound_and_costs_what_it_is_long() {
        // Each line has a quote and leaves the field open.
        let lines = "a\n\"".to_string() + &"\"\" x\n".repeat(1 << 18) + "\"\n";
        assert_eq!(rows(&lines).unwrap().len(), 2);
        let endless = "a\n1\n\"".to_string() + &"x".repeat(MOST) + "\"\n";
        let message =
            "x.csv, line 3: the row is longer than 64 MiB; end the quote that opened in it, or write such data as a file of its own";
        assert_eq!(rows(&endless).unwrap_err(), message);
    }

    #[test]
    fn what_is_malformed_is_named_with_its_line() {
        for (text, message) in [
            ("", "x.csv: the file is empty; a CSV file has at least a header row with the columns' names"),
            ("a,b,a\n", "x.csv: two columns of the header are called `a`; name each apart"),
            ("a,b\n\"1\n2\",3\n4\n", "x.csv, line 4: the row has 1 fields, the header has 2"),
            ("a\n1\n\"2\n", "x.csv, line 3: a quoted field begins here and is never closed; end it with \""),
            ("a\n\"1\"2\n", "x.csv, line 2: field 1 goes on after its closing quote; double quotes inside of quotes"),
        ] {
            assert_eq!(rows(text).unwrap_err(), message);
        }
    }
}
