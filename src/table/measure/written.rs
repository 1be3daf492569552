//! A batch of one column as it is written, in CSV and JSON.

use std::cell::OnceCell;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;

use crate::table::types::{self, Guess};

/// Texts, one after the other.
#[derive(Default)]
pub(super) struct Written {
    text: String,
    ends: Vec<usize>,
    valid: Vec<bool>,
    nulls: usize,
    /// Rows that are written `""`: null here, and texts in a text column.
    empties: Vec<usize>,
    array: OnceCell<StringArray>,
}

impl Written {
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
        self.valid.push(true);
    }

    /// Where the next text is written to; it ends with [`Self::end`], or it was none.
    pub fn begin(&mut self) -> &mut String {
        &mut self.text
    }

    pub fn end(&mut self) {
        self.ends.push(self.text.len());
        self.valid.push(true);
    }

    /// Null up to so many rows.
    pub fn pad(&mut self, rows: usize) {
        if rows > self.ends.len() {
            self.nulls += rows - self.ends.len();
            self.ends.resize(rows, self.text.len());
            self.valid.resize(rows, false);
        }
    }

    /// Takes off what comes after so many rows.
    pub fn cut(&mut self, rows: usize) {
        while self.ends.len() > rows {
            self.ends.pop();
            self.nulls -= usize::from(self.valid.pop() == Some(false));
            self.text.truncate(self.ends.last().copied().unwrap_or(0));
        }
    }

    pub fn push_null(&mut self, empty: bool) {
        if empty {
            self.empties.push(self.ends.len());
        }
        self.ends.push(self.text.len());
        self.valid.push(false);
        self.nulls += 1;
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn nulls(&self) -> usize {
        self.nulls
    }

    pub fn empties(&self) -> usize {
        self.empties.len()
    }

    pub fn get(&self, at: usize) -> Option<&str> {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.valid[at].then(|| &self.text[start..self.ends[at]])
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> + use<'_> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    pub fn null_buffer(&self) -> Option<NullBuffer> {
        (self.nulls > 0).then(|| NullBuffer::from(self.valid.as_slice()))
    }

    /// What all values look like.
    pub fn looks(&self, so_far: Guess) -> Guess {
        let mut all = so_far;
        for text in self.iter() {
            if all == Guess::Text {
                break;
            }
            all = all.join(Guess::of(text));
        }
        all
    }

    pub fn array(&self) -> &StringArray {
        self.array.get_or_init(|| self.made(self.null_buffer()))
    }

    /// With empty texts where `""` is written.
    pub fn as_text(&self) -> StringArray {
        if self.empties.is_empty() {
            return self.array().clone();
        }
        let mut valid = self.valid.clone();
        self.empties.iter().for_each(|at| valid[*at] = true);
        self.made(Some(NullBuffer::from(valid)))
    }

    fn made(&self, nulls: Option<NullBuffer>) -> StringArray {
        // A batch's texts are a few rows' bytes at most, which fit.
        let offsets: Vec<i32> = std::iter::once(0).chain(self.ends.iter().map(|end| *end as i32)).collect();
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        StringArray::new(offsets, Buffer::from(self.text.as_bytes()), nulls)
    }

    /// As values of a type; those that are none are null.
    pub fn read(&self, ty: &DataType) -> ArrayRef {
        match ty {
            DataType::Int64 => self.numbers::<i64>().map(|values| Arc::new(Int64Array::new(values.into(), self.null_buffer())) as ArrayRef),
            DataType::Float64 => {
                self.numbers::<f64>().map(|values| Arc::new(Float64Array::new(values.into(), self.null_buffer())) as ArrayRef)
            }
            DataType::Utf8 => Some(Arc::new(self.as_text()) as ArrayRef),
            _ => None,
        }
        .unwrap_or_else(|| types::parse_what_can_be(self.array(), ty))
    }

    /// `None` where one is no number.
    fn numbers<T: std::str::FromStr + Default>(&self) -> Option<Vec<T>> {
        let mut values = Vec::with_capacity(self.len());
        for at in 0..self.len() {
            values.push(match self.get(at) {
                Some(text) => text.parse().ok()?,
                None => T::default(),
            });
        }
        Some(values)
    }
}
