//! The cells that a test looks at: those of a column, of a field inside it, or of a list's items.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, ListArray, StringArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Int32Type, TimeUnit};

use super::asked::{Logical, PathStep};
use super::spread::numbers;
use super::summary::hashes;
use super::texts::{Texts, shown};
use super::written::Written;
use crate::table::parquet::plain;
use crate::table::types::{self, Guess};

/// Cells of one batch.
pub(super) struct Cells {
    /// With their type; a text that could not be read as it is null.
    pub values: ArrayRef,
    /// As they are written, in CSV and JSON.
    pub texts: Option<StringArray>,
    /// They have no type but what they look like: `values` are the texts.
    pub raw: bool,
    /// Of JSON: they are objects, and `values` their texts.
    pub objects: bool,
    /// Of JSON: what a test asks for is inside, and not here.
    pub closed: bool,
    /// What is compared in keys, where it is not `values`.
    pub key: Option<ArrayRef>,
    /// The batch's row of each, where they are items of lists.
    pub rows: Option<Vec<u32>>,
    /// Those whose object is null: there is no such cell, and so none that is missing.
    pub absent: Option<BooleanBuffer>,
    strings: OnceCell<Option<StringArray>>,
    numbers: OnceCell<Option<Float64Array>>,
    hashes: OnceCell<Vec<u64>>,
}

impl Cells {
    pub fn typed(values: ArrayRef) -> Self {
        let (strings, numbers, hashes) = Default::default();
        Self {
            values,
            texts: None,
            raw: false,
            objects: false,
            closed: false,
            key: None,
            rows: None,
            absent: None,
            strings,
            numbers,
            hashes,
        }
    }

    /// As they are written, and read as a type; without one, as what they look like.
    pub fn written(written: &Written, ty: Option<&DataType>, as_text: bool) -> Self {
        let texts = if as_text { written.as_text() } else { written.array().clone() };
        let values: ArrayRef = match ty {
            Some(DataType::Utf8) | None => Arc::new(texts.clone()),
            Some(ty) => written.read(ty),
        };
        Self { texts: Some(texts), raw: ty.is_none(), ..Self::typed(values) }
    }

    /// As tests of this logical type look at them: `None` where they are so already.
    pub fn reread(&self, logical: Option<Logical>) -> Option<Self> {
        let texts = self.texts.as_ref()?;
        let ty = read_as(logical?, || texts.iter().flatten())?;
        (self.raw || ty != *self.values.data_type())
            .then(|| Self { texts: Some(texts.clone()), ..Self::typed(types::parse_what_can_be(texts, &ty)) })
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn row(&self, at: usize) -> u64 {
        self.rows.as_ref().map_or(at as u64, |rows| u64::from(rows[at]))
    }

    /// A cell for people.
    pub fn shown(&self, at: usize) -> String {
        match &self.texts {
            Some(texts) if texts.is_valid(at) => shown(texts.value(at)),
            None if self.values.is_valid(at) => Texts::of(&self.values).at(at),
            _ => "null".into(),
        }
    }

    /// Which are null, whether or not they are there.
    pub fn nulls(&self) -> Option<NullBuffer> {
        match &self.texts {
            Some(texts) => texts.nulls().cloned(),
            None => self.values.logical_nulls(),
        }
    }

    /// As texts; `None` for objects and lists.
    pub fn strings(&self) -> Option<&StringArray> {
        let make = || match &self.texts {
            Some(texts) => Some(texts.clone()),
            None if self.values.data_type().is_nested() => None,
            None => Some(cast(&self.values, &DataType::Utf8).ok()?.as_string::<i32>().clone()),
        };
        self.strings.get_or_init(make).as_ref()
    }

    /// As numbers: dates and timestamps are seconds, and raw texts that are no numbers are null.
    pub fn numbers(&self) -> Option<&Float64Array> {
        let make = || match (&self.texts, self.raw) {
            (Some(texts), true) => Some(texts.iter().map(|text| text?.parse::<f64>().ok()).collect()),
            _ => numbers(&self.values),
        };
        self.numbers.get_or_init(make).as_ref()
    }

    pub fn hashes(&self) -> &[u64] {
        self.hashes.get_or_init(|| hashes(&self.values))
    }

    /// Values that come by number: the numbers, and what they stand for.
    pub fn numbered(&self) -> Option<(&Int32Array, &ArrayRef)> {
        let dictionary = self.values.as_dictionary_opt::<Int32Type>()?;
        Some((dictionary.keys(), dictionary.values()))
    }
}

/// The type that texts are read as. Timestamps have a zone where one of the texts has one.
pub(super) fn read_as<'a, I: Iterator<Item = &'a str>>(logical: Logical, texts: impl FnOnce() -> I) -> Option<DataType> {
    Some(match logical {
        Logical::Text => DataType::Utf8,
        Logical::Integer => DataType::Int64,
        Logical::Number => DataType::Float64,
        Logical::Boolean => DataType::Boolean,
        Logical::Date => DataType::Date32,
        Logical::Timestamp => {
            let zone = texts().any(|text| Guess::of(text) == Guess::Timestamp { zone: true });
            Guess::Timestamp { zone }.data_type()
        }
        Logical::Time => DataType::Time64(TimeUnit::Microsecond),
        Logical::Object | Logical::Array => return None,
    })
}

/// Cells of a Parquet column and what is inside; `None` where there is no such field or list.
pub(super) fn inside(column: &ArrayRef, path: &[PathStep]) -> Option<Cells> {
    let mut cells = Cells::typed(column.clone());
    for step in path {
        cells = match step {
            PathStep::Field(name) => field(&cells, name)?,
            PathStep::Items => items(&cells)?,
        };
    }
    Some(cells)
}

fn field(cells: &Cells, name: &str) -> Option<Cells> {
    let object = cells.values.as_struct_opt()?;
    let field = object.column_by_name(name)?;
    let gone = object.nulls().map(|nulls| !nulls.inner());
    let absent = match (gone, &cells.absent) {
        (Some(a), Some(b)) => Some(&a | b),
        (a, b) => a.or_else(|| b.clone()),
    };
    // Below a null object may stand anything.
    let values = match &absent {
        Some(absent) => arrow::compute::nullif(field, &BooleanArray::new(absent.clone(), None)).ok()?,
        None => field.clone(),
    };
    Some(Cells { rows: cells.rows.clone(), absent, ..Cells::typed(values) })
}

fn items(cells: &Cells) -> Option<Cells> {
    let list = as_list(&cells.values)?;
    let offsets = list.value_offsets();
    let (mut rows, mut places) = (Vec::new(), Vec::new());
    for at in 0..list.len() {
        if list.is_valid(at) {
            let range = offsets[at] as u32..offsets[at + 1] as u32;
            rows.extend(std::iter::repeat_n(cells.row(at) as u32, range.len()));
            places.extend(range);
        }
    }
    let values = take(list.values(), &UInt32Array::from(places), None).ok()?;
    Some(Cells { rows: Some(rows), ..Cells::typed(values) })
}

/// Any kind of list as the plain one.
pub(super) fn as_list(array: &ArrayRef) -> Option<Cow<'_, ListArray>> {
    match array.data_type() {
        DataType::List(_) => Some(Cow::Borrowed(array.as_list::<i32>())),
        DataType::LargeList(_) | DataType::ListView(_) | DataType::LargeListView(_) | DataType::FixedSizeList(..) => {
            Some(Cow::Owned(cast(array, &plain(array.data_type())).ok()?.as_list::<i32>().clone()))
        }
        _ => None,
    }
}

/// Bits of the cells for which something holds.
pub(super) fn bits(len: usize, holds: impl FnMut(usize) -> bool) -> BooleanBuffer {
    BooleanBuffer::collect_bool(len, holds)
}
