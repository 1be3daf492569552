//! Least and greatest value.
//!
//! What is true here: what is kept are arrays of one value of their own, so that no batch is held. Lists and objects have no order.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray,
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

/// The least or greatest value; `None` where the type has no order, or the array no value.
fn extreme(array: &ArrayRef, most: bool) -> Option<ArrayRef> {
    macro_rules! found {
        ($min:ident, $max:ident, $array:expr) => {
            if most { aggregate::$max($array) } else { aggregate::$min($array) }?
        };
    }
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values([&text[..text.floor_char_boundary(LONG)]])) };
    let bytes = |bytes: &[u8]| -> ArrayRef { Arc::new(BinaryArray::from_iter_values([&bytes[..bytes.len().min(LONG)]])) };
    downcast_primitive_array!(
        array => Some(one(array, found!(min, max, array))),
        DataType::Utf8 => Some(text(found!(min_string, max_string, array.as_string::<i32>()))),
        DataType::LargeUtf8 => Some(text(found!(min_string, max_string, array.as_string::<i64>()))),
        DataType::Utf8View => Some(text(found!(min_string_view, max_string_view, array.as_string_view()))),
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
