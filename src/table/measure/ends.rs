//! Least and greatest value.
//!
//! What is true here: what is kept are arrays of one value of their own, so that no batch is held. Lists and objects have no order.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray,
    StringViewArray,
};
use arrow::compute::{cast, concat, kernels::aggregate};
use arrow::datatypes::DataType;
use arrow::downcast_primitive_array;

/// Bytes of a value that are kept: more than people are shown.
const LONG: usize = 1024;

/// Each an array of one.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    pub least: Option<ArrayRef>,
    pub most: Option<ArrayRef>,
}

impl Ends {
    pub fn update(&mut self, array: &ArrayRef) {
        if array.null_count() < array.len() {
            if let Some((least, most)) = array.as_string_view_opt().and_then(both) {
                self.least = further(self.least.take(), Some(text(least)), false);
                self.most = further(self.most.take(), Some(text(most)), true);
                return;
            }
            self.least = further(self.least.take(), extreme(array, false), false);
            self.most = further(self.most.take(), extreme(array, true), true);
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.least = further(self.least.take(), other.least, false);
        self.most = further(self.most.take(), other.most, true);
    }

    /// The same values as another type, which holds them.
    pub fn retype(&mut self, ty: &DataType) {
        for end in [&mut self.least, &mut self.most] {
            *end = end.take().and_then(|value| cast(&value, ty).ok());
        }
    }
}

fn further(a: Option<ArrayRef>, b: Option<ArrayRef>, most: bool) -> Option<ArrayRef> {
    match (a, b) {
        (Some(a), Some(b)) => extreme(&concat(&[&a, &b]).ok()?, most),
        (a, b) => a.or(b),
    }
}

fn text(text: &str) -> ArrayRef {
    Arc::new(StringArray::from_iter_values([&text[..text.floor_char_boundary(LONG)]]))
}

/// Least and greatest text in one go: most are told from both by their first bytes.
fn both(texts: &StringViewArray) -> Option<(&str, &str)> {
    let first = |text: &str| -> u128 {
        let mut bytes = [0; 16];
        match text.as_bytes().first_chunk::<16>() {
            Some(all) => bytes = *all,
            None => bytes[..text.len()].copy_from_slice(text.as_bytes()),
        }
        u128::from_be_bytes(bytes)
    };
    let mut there = texts.iter().flatten();
    let (mut least, mut most) = there.next().map(|text| (text, text))?;
    let (mut low, mut high) = (first(least), first(most));
    for text in there {
        let begin = first(text);
        if begin < low || begin == low && text < least {
            (low, least) = (begin, text);
        } else if begin > high || begin == high && text > most {
            (high, most) = (begin, text);
        }
    }
    Some((least, most))
}

/// The least or greatest value; `None` where the type has no order, or the array no value.
fn extreme(array: &ArrayRef, most: bool) -> Option<ArrayRef> {
    macro_rules! found {
        ($min:ident, $max:ident, $array:expr) => {
            if most { aggregate::$max($array) } else { aggregate::$min($array) }?
        };
    }
    let bytes = |bytes: &[u8]| -> ArrayRef { Arc::new(BinaryArray::from_iter_values([&bytes[..bytes.len().min(LONG)]])) };
    downcast_primitive_array!(
        array => Some(one(array, found!(min, max, array))),
        DataType::Utf8 => Some(text(found!(min_string, max_string, array.as_string::<i32>()))),
        DataType::LargeUtf8 => Some(text(found!(min_string, max_string, array.as_string::<i64>()))),
        DataType::Binary => Some(bytes(found!(min_binary, max_binary, array.as_binary::<i32>()))),
        DataType::LargeBinary => Some(bytes(found!(min_binary, max_binary, array.as_binary::<i64>()))),
        DataType::BinaryView => Some(bytes(found!(min_binary_view, max_binary_view, array.as_binary_view()))),
        DataType::FixedSizeBinary(_) => {
            let found = found!(min_fixed_size_binary, max_fixed_size_binary, array.as_fixed_size_binary());
            Some(Arc::new(FixedSizeBinaryArray::try_from_iter([found].into_iter()).ok()?))
        }
        DataType::Boolean => Some(Arc::new(BooleanArray::from(vec![found!(min_boolean, max_boolean, array.as_boolean())]))),
        _ => None
    )
}

fn one<T: ArrowPrimitiveType>(like: &PrimitiveArray<T>, value: T::Native) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::from_iter_values([value]).with_data_type(like.data_type().clone()))
}
