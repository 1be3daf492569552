//! Quantiles of numbers in fixed memory: exact while they are few, then those of a KLL sketch (Karnin, Lang and Liberty 2016), within about half
//! a per cent of the rows.
//!
//! What is true here: the same numbers in the same order give the same quantiles. Where the paper throws a coin, a fixed sequence decides: the
//! same bytes have the same profile, and a verdict on them never changes by itself.

/// So many values are kept; up to so many are exact.
const KEPT: usize = 2048;
/// Values of the highest level; each one below has two thirds of that, so that all levels together keep [`KEPT`].
const HIGHEST: f64 = KEPT as f64 / 3.0;
/// No level has room for less.
const LEAST: usize = 8;

/// Values of each level stand for twice as many as those of the one below it; those of the lowest for themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct Quantiles {
    levels: Vec<Vec<f64>>,
    kept: usize,
    compactions: u64,
    ends: Option<(f64, f64)>,
}

impl Quantiles {
    /// Takes in a value that is a number.
    pub fn add(&mut self, value: f64) {
        let (least, most) = self.ends.unwrap_or((value, value));
        self.ends = Some((least.min(value), most.max(value)));
        if self.levels.is_empty() {
            self.levels.push(Vec::new());
        }
        self.levels[0].push(value);
        self.kept += 1;
        self.compress();
    }

    pub fn merge(&mut self, other: Self) {
        let ends = self.ends.zip(other.ends).map(|((a, b), (c, d))| (a.min(c), b.max(d)));
        self.ends = ends.or(self.ends).or(other.ends);
        if self.levels.len() < other.levels.len() {
            self.levels.resize(other.levels.len(), Vec::new());
        }
        for (here, there) in self.levels.iter_mut().zip(other.levels) {
            here.extend(there);
        }
        self.kept += other.kept;
        self.compress();
    }

    fn room(&self, level: usize) -> usize {
        match self.levels.len() {
            1 => KEPT,
            height => LEAST.max((HIGHEST * (2.0_f64 / 3.0).powi((height - 1 - level) as i32)) as usize),
        }
    }

    /// Makes room: half of the values of a full level go, the others go up.
    fn compress(&mut self) {
        while self.kept > KEPT {
            let Some(full) = (0..self.levels.len()).find(|level| self.levels[*level].len() >= self.room(*level)) else { return };
            if full + 1 == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let mut values = std::mem::take(&mut self.levels[full]);
            values.sort_unstable_by(f64::total_cmp);
            // An odd one stays.
            let left = (values.len() % 2 == 1).then(|| values.pop()).flatten();
            self.compactions += 1;
            let coin = (self.compactions.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63) as usize;
            self.kept -= values.len() / 2;
            self.levels[full + 1].extend(values.iter().skip(coin).step_by(2));
            self.levels[full].extend(left);
        }
    }

    /// The least values that have no, one, … a hundred per cent of all at or below them; `None` without a value.
    pub fn told(&self) -> Option<Vec<f64>> {
        let (least, most) = self.ends?;
        let mut weighed: Vec<(f64, u64)> = Vec::with_capacity(self.kept);
        for (level, values) in self.levels.iter().enumerate() {
            weighed.extend(values.iter().map(|value| (*value, 1 << level)));
        }
        weighed.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        let all: u64 = weighed.iter().map(|(_, weight)| weight).sum();
        let mut below = 0;
        let mut rest = weighed.into_iter();
        let mut value = least;
        let inner = (1..100).map(|percent| {
            let wanted = (u128::from(all) * percent).div_ceil(100) as u64;
            while below < wanted
                && let Some((next, weight)) = rest.next()
            {
                below += weight;
                value = next;
            }
            value
        });
        Some(std::iter::once(least).chain(inner).chain([most]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Quantiles {
        let mut quantiles = Quantiles::default();
        values.into_iter().for_each(|value| quantiles.add(value));
        quantiles
    }

    /// The largest distance, as a part of all, of a quantile of the numbers below `count` from where it should be.
    fn error(quantiles: &Quantiles, count: u64) -> f64 {
        let told = quantiles.told().expect("values");
        let distance = |(percent, value): (usize, &f64)| (value / (count - 1) as f64 - percent as f64 / 100.0).abs();
        told.iter().enumerate().map(distance).fold(0.0, f64::max)
    }

    #[test]
    fn few_values_are_exact() {
        assert_eq!(Quantiles::default().told(), None);
        assert_eq!(of([3.0]).told(), Some(vec![3.0; 101]));
        let told = of((0..KEPT).rev().map(|value| value as f64)).told().expect("values");
        let exact = (0..=100).map(|percent: usize| (percent * KEPT).div_ceil(100).saturating_sub(1) as f64);
        assert_eq!(told, exact.collect::<Vec<_>>());
    }

    #[test]
    fn many_values_are_near_in_whatever_order_they_come_and_the_same_each_time() {
        const COUNT: u64 = 1 << 20;
        let orders: [fn(u64) -> u64; 4] = [
            |at| at,
            |at| COUNT - 1 - at,
            |at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % COUNT,
            // Low and high ones take turns.
            |at| if at % 2 == 0 { at / 2 } else { COUNT - 1 - at / 2 },
        ];
        for (number, order) in orders.into_iter().enumerate() {
            let one = of((0..COUNT).map(|at| order(at) as f64));
            assert!(one.kept <= KEPT && error(&one, COUNT) < 0.006, "order {number}: {}", error(&one, COUNT));
            let mut joined = Quantiles::default();
            for part in 0..16 {
                joined.merge(of((COUNT / 16 * part..COUNT / 16 * (part + 1)).map(|at| order(at) as f64)));
            }
            assert!(joined.kept <= KEPT && error(&joined, COUNT) < 0.008, "order {number}: {}", error(&joined, COUNT));
            assert_eq!(one.told(), of((0..COUNT).map(|at| order(at) as f64)).told());
        }
    }
}
