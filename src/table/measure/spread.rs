//! How numbers are spread: least and greatest value, mean, deviation, quantiles.
//!
//! What is true here: infinite values and NaN are least and greatest like others, but have no part in mean, deviation and quantiles. Means and
//! deviations of batches are joined as Chan, Golub and LeVeque (1979) do; quantiles are those of a KLL sketch (Karnin, Lang and Liberty 2016) of
//! Apache DataSketches: exact up to some hundred values, then within about half a per cent of the rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Float64Array, PrimitiveArray};
use arrow::compute::{SortOptions, cast, concat, kernels::aggregate, sort_limit};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit};
use arrow::downcast_primitive_array;
use datasketches::common::SearchCriteria;
use datasketches::kll::{KllFloat, KllSketch};

use super::profile::Numbers;

/// Of the KLL sketch: so many values are exact.
const K: u16 = 512;

/// Least and greatest value, each an array of one.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    pub least: Option<ArrayRef>,
    pub most: Option<ArrayRef>,
}

impl Ends {
    pub fn update(&mut self, array: &ArrayRef) {
        if array.null_count() == array.len() {
            return;
        }
        self.least = lesser(self.least.take(), extreme(array, false), false);
        self.most = lesser(self.most.take(), extreme(array, true), true);
    }

    pub fn merge(&mut self, other: Self) {
        self.least = lesser(self.least.take(), other.least, false);
        self.most = lesser(self.most.take(), other.most, true);
    }

    /// The same values as another type, which holds them.
    pub fn retype(&mut self, ty: &DataType) {
        for end in [&mut self.least, &mut self.most] {
            *end = end.take().and_then(|value| cast(&value, ty).ok());
        }
    }
}

fn lesser(a: Option<ArrayRef>, b: Option<ArrayRef>, descending: bool) -> Option<ArrayRef> {
    match (a, b) {
        (Some(a), Some(b)) => extreme(&concat(&[&a, &b]).ok()?, descending),
        (a, b) => a.or(b),
    }
}

/// The first of an order as an array of one; `None` where the type has none.
fn extreme(array: &ArrayRef, descending: bool) -> Option<ArrayRef> {
    macro_rules! one {
        ($min:path, $max:path, $array:expr) => {{
            let found = if descending { $max($array) } else { $min($array) }?;
            let at = $array.iter().position(|value| value.is_some_and(|value| value == found))?;
            return Some(array.slice(at, 1));
        }};
    }
    match array.data_type() {
        DataType::Utf8 => one!(aggregate::min_string, aggregate::max_string, array.as_string::<i32>()),
        DataType::LargeUtf8 => one!(aggregate::min_string, aggregate::max_string, array.as_string::<i64>()),
        DataType::Utf8View => one!(aggregate::min_string_view, aggregate::max_string_view, array.as_string_view()),
        DataType::Boolean => one!(aggregate::min_boolean, aggregate::max_boolean, array.as_boolean()),
        DataType::Null | DataType::Interval(_) => return None,
        ty if ty.is_nested() => return None,
        _ => {}
    }
    downcast_primitive_array!(
        array => {
            let found = if descending { aggregate::max(array) } else { aggregate::min(array) }?;
            Some(one(array, found))
        }
        _ => sort_limit(array, Some(SortOptions { descending, nulls_first: false }), Some(1)).ok()
    )
}

fn one<T: ArrowPrimitiveType>(like: &PrimitiveArray<T>, value: T::Native) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::from_iter_values([value]).with_data_type(like.data_type().clone()))
}

/// Mean, deviation and quantiles on the way.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    count: u64,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
    order: KllSketch<KllFloat<f64>>,
}

impl Spread {
    /// `None` for a type that is no number, date or timestamp.
    pub fn of(ty: &DataType) -> Option<Self> {
        let numeric = ty.is_numeric() || matches!(ty, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..));
        numeric.then(|| Self { count: 0, mean: 0.0, squares: 0.0, order: KllSketch::new(K).expect("a size that KLL has") })
    }

    pub fn update(&mut self, values: &Float64Array) {
        let plain = values.null_count() == 0;
        let (mut count, mut sum) = (0_u64, 0.0);
        for value in values.iter().flatten().filter(|value| value.is_finite()) {
            count += 1;
            sum += value;
            if let Ok(value) = KllFloat::<f64>::new(value) {
                self.order.update(value);
            }
        }
        if count == 0 {
            return;
        }
        let mean = sum / count as f64;
        let squares = if plain {
            values.values().iter().filter(|value| value.is_finite()).map(|value| (value - mean) * (value - mean)).sum()
        } else {
            values.iter().flatten().filter(|value| value.is_finite()).map(|value| (value - mean) * (value - mean)).sum()
        };
        self.join(count, mean, squares);
    }

    fn join(&mut self, count: u64, mean: f64, squares: f64) {
        if count == 0 {
            return;
        }
        let (here, there) = (self.count as f64, count as f64);
        let (all, apart) = (here + there, mean - self.mean);
        self.mean += apart * (there / all);
        self.squares += squares + apart * apart * (here * there / all);
        self.count += count;
    }

    pub fn merge(&mut self, other: &Self) {
        self.join(other.count, other.mean, other.squares);
        // It fails at 2^64 values only.
        let _ = self.order.merge(&other.order);
    }

    /// `None` without a finite value.
    pub fn told(&self) -> Option<Numbers> {
        let ranks: Vec<f64> = (0..=100).map(|percent| f64::from(percent) / 100.0).collect();
        let quantiles = self.order.quantiles(&ranks, SearchCriteria::Inclusive).ok()??;
        let quantiles: Vec<f64> = quantiles.into_iter().map(KllFloat::into_inner).collect();
        let deviation = (self.squares / self.count as f64).max(0.0).sqrt();
        let finite = self.mean.is_finite() && deviation.is_finite();
        finite.then_some(Numbers { mean: self.mean, deviation, quantiles })
    }
}

/// Numbers as they are, dates and timestamps as seconds since 1970; `None` for other types.
pub(super) fn numbers(array: &ArrayRef) -> Option<Float64Array> {
    let scaled = |array: &ArrayRef, per_second: f64| -> Option<Float64Array> {
        let whole = cast(array, &DataType::Int64).ok()?;
        Some(whole.as_primitive::<Int64Type>().unary(|value| value as f64 / per_second))
    };
    match array.data_type() {
        DataType::Date32 => Some(array.as_primitive::<Date32Type>().unary(|day| f64::from(day) * 86_400.0)),
        DataType::Date64 => scaled(array, 1e3),
        DataType::Timestamp(unit, _) => {
            let per_second = match unit {
                TimeUnit::Second => 1.0,
                TimeUnit::Millisecond => 1e3,
                TimeUnit::Microsecond => 1e6,
                TimeUnit::Nanosecond => 1e9,
            };
            scaled(array, per_second)
        }
        DataType::Dictionary(_, value) => numbers(&cast(array, value).ok()?),
        ty if ty.is_numeric() => Some(cast(array, &DataType::Float64).ok()?.as_primitive::<Float64Type>().clone()),
        _ => None,
    }
}
