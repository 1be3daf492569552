//! Which values there are, and how often: exactly while they are few, then by sketches of fixed size.
//!
//! What is true here: a value is known by a 64-bit hash, and only the values that are kept for people have a text. The number of values is
//! estimated by HyperLogLog (Flajolet et al. 2007; its error here is about 1.6 %), the frequent ones are found by the Misra-Gries algorithm as
//! Anderson et al. (2017) have it; both are those of Apache DataSketches.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use arrow::buffer::NullBuffer;
use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use datasketches::hll::{Coupon, HllSketch, HllType, HllUnion};

/// So many values are counted exactly.
pub(super) const FEW: usize = 64;
/// So many frequent ones are told of where there are more.
const TOLD: usize = 32;
/// Slots of the sketch of frequent values, a power of two.
const SLOTS: usize = 256;
/// Binary logarithm of HyperLogLog's registers, one byte each.
const REGISTERS: u8 = 12;

/// A hash is its own hash.
#[derive(Clone, Copy, Default)]
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

pub(super) type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Same>>;

/// Values with their counts.
#[derive(Clone, Debug)]
pub(super) enum Bag {
    Few(ByHash<(u64, String)>),
    Many(Box<Many>),
}

#[derive(Clone, Debug)]
pub(super) struct Many {
    distinct: HllSketch,
    frequent: FrequentItemsSketch<Seen>,
    /// Texts of those that are in `frequent`, and of some that were.
    texts: ByHash<String>,
    rows: u64,
}

/// A value's hash, and the row in which it came in: only while that row's batch is there has it to be written out.
#[derive(Clone, Debug)]
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

/// What a bag tells.
pub(super) struct Told {
    pub distinct: u64,
    /// Most frequent first, equal counts by text.
    pub top: Vec<(String, u64)>,
    pub complete: bool,
}

impl Default for Bag {
    fn default() -> Self {
        Bag::Few(HashMap::default())
    }
}

impl Bag {
    /// Takes in the hashes of a batch's values; `text` writes one out.
    pub fn update(&mut self, hashes: &[u64], nulls: Option<&NullBuffer>, text: &dyn Fn(usize) -> String) {
        let mut at = 0;
        if let Bag::Few(few) = self {
            at = take_few(few, hashes, nulls, text);
        }
        if at < hashes.len() {
            self.many().update(&hashes[at..], at, nulls, text);
        }
    }

    /// Takes in one value so many times.
    pub fn add(&mut self, hash: u64, count: u64, text: String) {
        match self {
            Bag::Few(few) if few.len() < FEW || few.contains_key(&hash) => few.entry(hash).or_insert((0, text)).0 += count,
            _ => self.many().add(hash, count, text),
        }
    }

    fn many(&mut self) -> &mut Many {
        if let Bag::Few(few) = self {
            let mut many = Many::new();
            for (hash, (count, text)) in few.drain() {
                many.add(hash, count, text);
            }
            *self = Bag::Many(Box::new(many));
        }
        match self {
            Bag::Many(many) => many,
            Bag::Few(_) => unreachable!("it was just made many"),
        }
    }

    pub fn merge(&mut self, other: Bag) {
        match other {
            Bag::Few(few) => few.into_iter().for_each(|(hash, (count, text))| self.add(hash, count, text)),
            Bag::Many(other) => self.many().merge(*other),
        }
    }

    /// The same values, written another way.
    pub fn rewrite(&mut self, text: &dyn Fn(&str) -> String) {
        match self {
            Bag::Few(few) => few.values_mut().for_each(|(_, there)| *there = text(there)),
            Bag::Many(many) => many.texts.values_mut().for_each(|there| *there = text(there)),
        }
    }

    pub fn told(&self) -> Told {
        let mut told = match self {
            Bag::Few(few) => {
                Told { distinct: few.len() as u64, top: few.values().map(|(count, text)| (text.clone(), *count)).collect(), complete: true }
            }
            Bag::Many(many) => many.told(),
        };
        told.top.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        if !told.complete {
            told.top.truncate(TOLD);
        }
        told
    }
}

/// Counts until there are too many values; says how many rows were taken.
fn take_few(few: &mut ByHash<(u64, String)>, hashes: &[u64], nulls: Option<&NullBuffer>, text: &dyn Fn(usize) -> String) -> usize {
    for (at, hash) in hashes.iter().enumerate() {
        if nulls.is_some_and(|nulls| nulls.is_null(at)) {
            continue;
        }
        if let Some((count, _)) = few.get_mut(hash) {
            *count += 1;
        } else if few.len() < FEW {
            few.insert(*hash, (1, text(at)));
        } else {
            return at;
        }
    }
    hashes.len()
}

impl Many {
    fn new() -> Self {
        Self {
            distinct: HllSketch::new(REGISTERS, HllType::Hll8).expect("between 4 and 21"),
            frequent: FrequentItemsSketch::new(SLOTS).expect("a power of two"),
            texts: HashMap::default(),
            rows: 0,
        }
    }

    fn add(&mut self, hash: u64, count: u64, text: String) {
        self.distinct.update_with_coupon(Coupon::from_value(hash));
        self.frequent.update_with_count(Seen { hash, row: 0 }, count);
        self.texts.insert(hash, text);
        self.rows += count;
        self.forget();
    }

    /// Rows of the batch before `skipped` are left out.
    fn update(&mut self, hashes: &[u64], skipped: usize, nulls: Option<&NullBuffer>, text: &dyn Fn(usize) -> String) {
        let start = self.rows + 1;
        for (at, hash) in hashes.iter().enumerate() {
            if nulls.is_some_and(|nulls| nulls.is_null(skipped + at)) {
                continue;
            }
            self.distinct.update_with_coupon(Coupon::from_value(*hash));
            self.frequent.update(Seen { hash: *hash, row: start + at as u64 });
        }
        self.rows += hashes.len() as u64;
        for row in self.frequent.frequent_items(ErrorType::NoFalseNegatives) {
            let seen = row.item();
            if seen.row >= start {
                self.texts.entry(seen.hash).or_insert_with(|| text(skipped + (seen.row - start) as usize));
            }
        }
        self.forget();
    }

    /// Drops texts of values that are frequent no longer.
    fn forget(&mut self) {
        if self.texts.len() > 4 * SLOTS {
            let frequent = &self.frequent;
            self.texts.retain(|hash, _| frequent.lower_bound(&Seen { hash: *hash, row: 0 }) > 0);
        }
    }

    fn merge(&mut self, other: Many) {
        let mut union = HllUnion::new(REGISTERS).expect("between 4 and 21");
        union.update(&self.distinct);
        union.update(&other.distinct);
        self.distinct = union.to_sketch(HllType::Hll8);
        self.frequent.merge(&other.frequent);
        self.rows += other.rows;
        self.texts.extend(other.texts);
        self.forget();
    }

    fn told(&self) -> Told {
        let rows = self.frequent.frequent_items(ErrorType::NoFalseNegatives);
        let top = rows.iter().filter(|row| row.lower_bound() > 0);
        Told {
            distinct: self.distinct.estimate().round().max(FEW as f64 + 1.0) as u64,
            top: top.filter_map(|row| Some((self.texts.get(&row.item().hash)?.clone(), row.lower_bound()))).collect(),
            complete: false,
        }
    }
}
