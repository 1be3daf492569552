//! How numbers are spread: mean, deviation, quantiles.
//!
//! What is true here: infinite values and NaN have no part in it. Means and deviations of batches are joined as Chan, Golub and LeVeque (1979)
//! do. Where very many rows are known to come, one of each stretch of them is taken for [`quantiles`](super::quantiles).

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit};

use super::profile::Numbers;
use super::quantiles::Quantiles;

/// So many rows are enough for quantiles: what their choice adds to the error is small beside the sketch's.
const ENOUGH: u64 = 1 << 18;

/// Mean, deviation and quantiles on the way.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    count: u64,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
    quantiles: Quantiles,
    /// One row of so many is taken for quantiles.
    stretch: u64,
    /// Stretches so far.
    stretches: u64,
}

impl Spread {
    /// `None` for a type that is no number, date or timestamp. `rows`: how many are to come, where it is known.
    pub fn of(ty: &DataType, rows: u64) -> Option<Self> {
        let ty = if let DataType::Dictionary(_, value) = ty { value } else { ty };
        let numeric = ty.is_numeric() || matches!(ty, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..));
        let stretch = (rows / ENOUGH).max(1);
        numeric.then(|| Self { count: 0, mean: 0.0, squares: 0.0, quantiles: Quantiles::default(), stretch, stretches: 0 })
    }

    pub fn update(&mut self, values: &Float64Array) {
        if values.null_count() == 0 {
            self.take(values.values());
        } else {
            let there: Vec<f64> = values.iter().flatten().collect();
            self.take(&there);
        }
    }

    fn take(&mut self, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        let (total, count) = (sum(values, |value| value), values.len() as f64);
        if !total.is_finite() && values.iter().any(|value| !value.is_finite()) {
            let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
            return self.take(&finite);
        }
        let mean = total / count;
        self.join(values.len() as u64, mean, sum(values, |value| (value - mean) * (value - mean)));
        for stretch in values.chunks(self.stretch as usize) {
            // Which one is as good as chance, and the same each time.
            self.stretches += 1;
            let chance = self.stretches.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            self.quantiles.add(stretch[chance as usize % stretch.len()]);
        }
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

    pub fn merge(&mut self, other: Self) {
        self.join(other.count, other.mean, other.squares);
        self.quantiles.merge(other.quantiles);
    }

    /// `None` without a finite value.
    pub fn told(&self) -> Option<Numbers> {
        let deviation = (self.squares / self.count as f64).max(0.0).sqrt();
        (self.mean.is_finite() && deviation.is_finite()).then_some(Numbers {
            mean: self.mean,
            deviation,
            quantiles: self.quantiles.told()?,
        })
    }
}

/// In eight lanes, which processors add at once.
fn sum(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for eight in eights {
        for (lane, value) in lanes.iter_mut().zip(eight) {
            *lane += of(*value);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|value| of(*value)).sum::<f64>()
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
        DataType::Float64 => Some(array.as_primitive::<Float64Type>().clone()),
        DataType::Float32 => Some(array.as_primitive::<Float32Type>().unary(f64::from)),
        DataType::Int64 => Some(array.as_primitive::<Int64Type>().unary(|value| value as f64)),
        DataType::Int32 => Some(array.as_primitive::<Int32Type>().unary(f64::from)),
        ty if ty.is_numeric() => Some(cast(array, &DataType::Float64).ok()?.as_primitive::<Float64Type>().clone()),
        _ => None,
    }
}
