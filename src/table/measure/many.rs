//! Sketches of many values, of fixed size.
//!
//! What is true here: the number of values is estimated by HyperLogLog (Flajolet et al. 2007), the frequent ones are found as Misra and Gries did,
//! in the way of Anderson et al. (2017); both are those of Apache DataSketches. Once there are very many values, only those whose hash begins
//! with four zeros are taken to HyperLogLog, and their number is multiplied: the error stays below 2 %. Values that came close behind each
//! other are counted together; where hardly any did and none is frequent, one row in sixteen is looked at for frequent values.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use arrow::buffer::NullBuffer;
use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use datasketches::hll::{Coupon, HllSketch, HllType, HllUnion};

/// Slots of the sketch of frequent values, a power of two.
const SLOTS: usize = 256;
/// Binary logarithm of HyperLogLog's registers, one byte each: an error of 1.6 %, or of 1.3 % where nothing was joined.
const REGISTERS: u8 = 12;
/// With more values than this, a sixteenth of them is estimated: its error of 1.1 % comes on top.
const VERY_MANY: f64 = 131_072.0;
/// Values that are counted together before they go to the sketches; a power of two.
const RECENT: usize = 2048;
/// Nothing is frequent that is less than this part of the rows.
const FREQUENT: u64 = 1000;

/// A hash is its own hash.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Same>>;

#[derive(Clone, Debug)]
pub(super) struct Many {
    /// Of all values, while they are not very many.
    all: Option<HllSketch>,
    /// Of those whose hash begins with four zeros.
    sixteenth: HllSketch,
    frequent: FrequentItemsSketch<Seen>,
    /// Texts of those that are in `frequent`, and of some that were.
    texts: ByHash<String>,
    /// Rows taken in.
    rows: u64,
    /// Nothing is frequent so far.
    flat: bool,
}

/// A value's hash, and the row in which it came in: while that row's batch is there, it has to be written out.
#[derive(Clone, Copy, Debug)]
struct Seen {
    hash: u64,
    row: u64,
}

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for Seen {}

impl Hash for Seen {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

fn registers() -> HllSketch {
    HllSketch::new(REGISTERS, HllType::Hll8).expect("between 4 and 21")
}

fn union(a: &HllSketch, b: &HllSketch) -> HllSketch {
    let mut union = HllUnion::new(REGISTERS).expect("between 4 and 21");
    union.update(a);
    union.update(b);
    union.to_sketch(HllType::Hll8)
}

impl Many {
    pub fn new() -> Self {
        Self {
            all: Some(registers()),
            sixteenth: registers(),
            frequent: FrequentItemsSketch::new(SLOTS).expect("a power of two"),
            texts: HashMap::default(),
            rows: 0,
            flat: false,
        }
    }

    /// Takes in one value so many times.
    pub fn add(&mut self, hash: u64, count: u64, text: &dyn Fn() -> String) {
        self.count(hash);
        self.frequent.update_with_count(Seen { hash, row: 0 }, count);
        self.rows += count;
        self.texts.entry(hash).or_insert_with(text);
        self.forget();
    }

    fn count(&mut self, hash: u64) {
        if let Some(all) = &mut self.all {
            all.update_with_coupon(Coupon::from_value(hash));
        }
        if hash >> 60 == 0 {
            self.sixteenth.update_with_coupon(Coupon::from_value(hash));
        }
    }

    /// Takes in a batch from a row on.
    pub fn update(&mut self, hashes: &[u64], from: usize, nulls: Option<&NullBuffer>, text: &dyn Fn(usize) -> String) {
        // Row numbers only grow, so that those of this batch are told from earlier ones.
        let start = self.rows + 1;
        if self.flat {
            self.sample(hashes, from, nulls, start);
        } else {
            self.gather(hashes, from, nulls, start);
        }
        self.rows += hashes.len() as u64;
        self.write_out(start, text);
        if self.all.as_ref().is_some_and(|all| all.estimate() > VERY_MANY) {
            self.all = None;
        }
    }

    /// Counts values of a batch together as far as they stand close to each other.
    fn gather(&mut self, hashes: &[u64], from: usize, nulls: Option<&NullBuffer>, start: u64) {
        let mut recent = vec![(Seen { hash: 0, row: 0 }, 0_u64); RECENT];
        let mut lone = 0_usize;
        for (at, hash) in hashes.iter().copied().enumerate().skip(from) {
            if nulls.is_some_and(|nulls| nulls.is_null(at)) {
                continue;
            }
            let slot = &mut recent[hash as usize % RECENT];
            if slot.0.hash == hash {
                slot.1 += 1;
                continue;
            }
            let (seen, count) = std::mem::replace(slot, (Seen { hash, row: start + at as u64 }, 1));
            lone += usize::from(count == 1);
            self.take(seen, count);
        }
        for (seen, count) in recent {
            lone += usize::from(count == 1);
            self.take(seen, count);
        }
        self.flat = lone * 10 > (hashes.len() - from) * 9 && self.most() * FREQUENT < self.rows && self.rows > 8 * RECENT as u64;
    }

    /// Counts all values, and looks at one row in sixteen for what is frequent.
    fn sample(&mut self, hashes: &[u64], from: usize, nulls: Option<&NullBuffer>, start: u64) {
        for (at, hash) in hashes.iter().copied().enumerate().skip(from) {
            if nulls.is_none_or(|nulls| nulls.is_valid(at)) {
                self.count(hash);
                if at % 16 == 0 {
                    self.frequent.update(Seen { hash, row: start + at as u64 });
                }
            }
        }
        let most = self.most();
        self.flat = most < 8 || most * 16 * FREQUENT < self.rows;
    }

    /// How often the most frequent value came, from below.
    fn most(&self) -> u64 {
        self.frequent.frequent_items(ErrorType::NoFalseNegatives).first().map_or(0, |row| row.lower_bound())
    }

    fn take(&mut self, seen: Seen, count: u64) {
        if count > 0 {
            self.count(seen.hash);
            self.frequent.update_with_count(seen, count);
        }
    }

    /// Writes out those of the batch that are counted now.
    fn write_out(&mut self, start: u64, text: &dyn Fn(usize) -> String) {
        for row in self.frequent.frequent_items(ErrorType::NoFalseNegatives) {
            let seen = row.item();
            if seen.row >= start {
                self.texts.entry(seen.hash).or_insert_with(|| text((seen.row - start) as usize));
            }
        }
        self.forget();
    }

    /// Drops texts of values that are frequent no longer.
    fn forget(&mut self) {
        if self.texts.len() > 2 * SLOTS {
            let frequent = &self.frequent;
            self.texts.retain(|hash, _| frequent.lower_bound(&Seen { hash: *hash, row: 0 }) > 0);
        }
    }

    pub fn merge(&mut self, other: Many) {
        self.all = self.all.as_ref().zip(other.all.as_ref()).map(|(a, b)| union(a, b));
        self.sixteenth = union(&self.sixteenth, &other.sixteenth);
        self.frequent.merge(&other.frequent);
        self.rows += other.rows;
        self.texts.extend(other.texts);
        self.flat = false;
        self.forget();
    }

    pub fn rewrite(&mut self, text: &dyn Fn(&str) -> String) {
        self.texts.values_mut().for_each(|there| *there = text(there));
    }

    /// How many values there are, about.
    pub fn distinct(&self) -> u64 {
        let estimate = self.all.as_ref().map_or_else(|| 16.0 * self.sixteenth.estimate(), HllSketch::estimate);
        estimate.round() as u64
    }

    /// Frequent values, with counts from below; equal counts by text.
    pub fn top(&self, most: usize) -> Vec<(String, u64)> {
        let rows = self.frequent.frequent_items(ErrorType::NoFalseNegatives);
        let top = rows.iter().filter(|row| row.lower_bound() > 0);
        let mut top: Vec<(String, u64)> =
            top.filter_map(|row| Some((self.texts.get(&row.item().hash)?.clone(), row.lower_bound()))).collect();
        top.sort_unstable_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        top.truncate(most);
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_many_values_are_estimated_by_a_sixteenth_of_them() {
        let mut many = Many::new();
        for batch in 0..25_u64 {
            let hashes: Vec<u64> = (0..8192).map(|at| (batch * 8192 + at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            many.update(&hashes, 0, None, &|at| at.to_string());
        }
        assert!(many.all.is_none() && many.flat);
        let error = many.distinct() as f64 / (25.0 * 8192.0) - 1.0;
        assert!(error.abs() < 0.06, "{error}");
        // What becomes frequent late is found all the same.
        for _ in 0..4 {
            many.update(&[7; 8192], 0, None, &|_| "seven".into());
        }
        assert!(!many.flat);
        let top = many.top(1);
        assert!(top[0].0 == "seven" && (20_000..=4 * 8192).contains(&top[0].1), "{top:?}");
    }
}
