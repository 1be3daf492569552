//! Sketches of many values, of fixed size.
//!
//! What is true here: the number of values is estimated ([`distinct`](super::distinct)); the frequent ones are found as Misra and Gries did, in the
//! way of Anderson et al. (2017), by Apache DataSketches. Values that came close behind each other are counted together; where hardly any did and
//! none is frequent, one row in sixty-four is looked at for frequent values.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use arrow::buffer::NullBuffer;
use datasketches::frequencies::{ErrorType, FrequentItemsSketch};

use super::distinct::Distinct;

/// Slots of the sketch of frequent values, a power of two.
const SLOTS: usize = 256;
/// Values that are counted together before they go to the sketches; a power of two.
const RECENT: usize = 2048;
/// Where nothing is frequent so far, one row of so many is looked at.
const ONE_IN: usize = 64;
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
    distinct: Distinct,
    frequent: FrequentItemsSketch<Seen>,
    /// Texts of those that are frequent, and of some that were.
    texts: ByHash<String>,
    /// Rows taken in.
    rows: u64,
    /// Nothing is frequent so far.
    flat: bool,
}

/// A value by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen(u64);

impl Hash for Seen {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl Many {
    pub fn new() -> Self {
        Self {
            distinct: Distinct::new(),
            frequent: FrequentItemsSketch::new(SLOTS).expect("a power of two"),
            texts: HashMap::default(),
            rows: 0,
            flat: false,
        }
    }

    /// Takes in values with their counts, each with its number for `text`. What is not frequent among them cannot make a value frequent.
    pub fn add_all(&mut self, values: &[(u64, u64, usize)], text: &dyn Fn(usize) -> String) {
        let rows: u64 = values.iter().map(|(_, count, _)| count).sum();
        self.rows += rows;
        for (hash, count, at) in values {
            self.distinct.add(*hash);
            if count * FREQUENT >= rows {
                self.frequent.update_with_count(Seen(*hash), *count);
                if count * FREQUENT >= self.rows {
                    self.texts.entry(*hash).or_insert_with(|| text(*at));
                }
            }
        }
        self.forget();
    }

    /// Takes in a batch from a row on.
    pub fn update(&mut self, hashes: &[u64], from: usize, nulls: Option<&NullBuffer>, text: &dyn Fn(usize) -> String) {
        if self.flat {
            self.sample(hashes, from, nulls);
        } else {
            self.gather(hashes, from, nulls);
        }
        self.rows += (hashes.len() - from) as u64;
        // Where nothing is frequent, there is nothing to be written out.
        if !self.flat {
            self.write_out(hashes, from, nulls, text);
        }
    }

    /// Counts values of a batch together as far as they stand close to each other.
    fn gather(&mut self, hashes: &[u64], from: usize, nulls: Option<&NullBuffer>) {
        let mut recent = vec![(Seen(0), 0_u64); RECENT];
        let mut lone = 0_usize;
        for (at, hash) in hashes.iter().copied().enumerate().skip(from) {
            if nulls.is_some_and(|nulls| nulls.is_null(at)) {
                continue;
            }
            let slot = &mut recent[hash as usize % RECENT];
            if slot.0 == Seen(hash) {
                slot.1 += 1;
                continue;
            }
            let (seen, count) = std::mem::replace(slot, (Seen(hash), 1));
            lone += usize::from(count == 1);
            self.take(seen, count);
        }
        for (seen, count) in recent {
            lone += usize::from(count == 1);
            self.take(seen, count);
        }
        self.flat = lone * 10 > (hashes.len() - from) * 9 && self.most() * FREQUENT < self.rows && self.rows > 2 * RECENT as u64;
    }

    /// Counts all values, and looks at one row in sixty-four for what is frequent.
    fn sample(&mut self, hashes: &[u64], from: usize, nulls: Option<&NullBuffer>) {
        let is_there = |at: usize| nulls.is_none_or(|nulls| nulls.is_valid(at));
        match &nulls {
            None => hashes[from..].iter().for_each(|hash| self.distinct.add(*hash)),
            Some(nulls) => nulls.valid_indices().filter(|at| *at >= from).for_each(|at| self.distinct.add(hashes[at])),
        }
        for at in (from..hashes.len()).step_by(ONE_IN).filter(|at| is_there(*at)) {
            self.frequent.update(Seen(hashes[at]));
        }
        let most = self.most();
        self.flat = most < 8 || most * ONE_IN as u64 * FREQUENT < self.rows;
    }

    /// How often the most frequent value came, from below.
    fn most(&self) -> u64 {
        self.frequent.frequent_items(ErrorType::NoFalseNegatives).first().map_or(0, |row| row.lower_bound())
    }

    fn take(&mut self, seen: Seen, count: u64) {
        if count > 0 {
            self.distinct.add(seen.0);
            self.frequent.update_with_count(seen, count);
        }
    }

    /// What is frequent, with its count from below.
    fn tops(&self) -> Vec<(u64, u64)> {
        let rows = self.frequent.frequent_items(ErrorType::NoFalseNegatives);
        let tops = rows.iter().map(|row| (row.item().0, row.lower_bound()));
        tops.filter(|(_, count)| count * FREQUENT >= self.rows).collect()
    }

    /// Writes out those of the batch that are frequent and have no text yet.
    fn write_out(&mut self, hashes: &[u64], from: usize, nulls: Option<&NullBuffer>, text: &dyn Fn(usize) -> String) {
        let mut new: ByHash<()> = ByHash::default();
        new.extend(self.tops().into_iter().map(|(hash, _)| (hash, ())).filter(|(hash, ())| !self.texts.contains_key(hash)));
        let mut at = from;
        while !new.is_empty() && at < hashes.len() {
            if nulls.is_none_or(|nulls| nulls.is_valid(at)) && new.remove(&hashes[at]).is_some() {
                self.texts.insert(hashes[at], text(at));
            }
            at += 1;
        }
        self.forget();
    }

    /// Drops texts of values that are frequent no longer.
    fn forget(&mut self) {
        if self.texts.len() > 2 * FREQUENT as usize {
            let tops: ByHash<u64> = self.tops().into_iter().collect();
            self.texts.retain(|hash, _| tops.contains_key(hash));
        }
    }

    pub fn merge(&mut self, other: Many) {
        self.distinct.merge(&other.distinct);
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
        self.distinct.estimate().round() as u64
    }

    /// Frequent values, with counts from below; equal counts by text.
    pub fn top(&self, most: usize) -> Vec<(String, u64)> {
        let tops = self.tops().into_iter();
        let mut top: Vec<(String, u64)> = tops.filter_map(|(hash, count)| Some((self.texts.get(&hash)?.clone(), count))).collect();
        top.sort_unstable_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        top.truncate(most);
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_frequent_late_is_found() {
        let mut many = Many::new();
        for batch in 0..25_u64 {
            let hashes: Vec<u64> = (0..8192).map(|at| (batch * 8192 + at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            many.update(&hashes, 0, None, &|at| at.to_string());
        }
        assert!(many.flat);
        let error = many.distinct() as f64 / (25.0 * 8192.0) - 1.0;
        assert!(error.abs() < 0.06, "{error}");
        for _ in 0..4 {
            many.update(&[7; 8192], 0, None, &|_| "seven".into());
        }
        assert!(!many.flat);
        let top = many.top(1);
        assert!(top[0].0 == "seven" && (20_000..=4 * 8192).contains(&top[0].1), "{top:?}");
    }
}
