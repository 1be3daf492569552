//! Which values there are, and how often: exactly while they are few, then by sketches.
//!
//! What is true here: a value is known by a 64-bit hash, and only values that are kept for people have a text.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;

use super::many::Many;
use super::texts::Texts;

/// So many values are told of with all their counts.
const COMPLETE: usize = 64;
/// So many frequent ones are told of where there are more.
const TOLD: usize = 32;
/// So many values are counted exactly, where there are not too many columns.
const FEW: usize = 1024;
/// The same for all columns together.
const FEW_IN_ALL: usize = 1 << 18;

/// A batch's values, as they are written out.
pub(super) trait Values {
    fn text(&self, at: usize) -> String;

    /// Some rows of it, to be written out later; `None` where their texts are kept at once.
    fn keep(&self, rows: &[u32]) -> Option<ArrayRef>;
}

/// Values with their counts.
#[derive(Clone, Debug)]
pub(super) struct Bag {
    /// So many are counted exactly.
    most: usize,
    few: Few,
    many: Option<Box<Many>>,
    /// Least and greatest text of those that were few.
    ends: Option<(String, String)>,
}

/// Values that are counted exactly: a hash table with open addressing. Most tables are small, and this is what an unoptimised build does quickly.
#[derive(Clone, Debug, Default)]
struct Few {
    /// From 1, an entry; 0 is free. Twice as many as entries, or more, and a power of two.
    slots: Vec<u32>,
    hashes: Vec<u64>,
    counts: Vec<u64>,
    /// Of all entries; or of those before the first of `kept`.
    texts: Vec<String>,
    /// Entries that have no text yet.
    kept: Vec<ArrayRef>,
}

/// What a bag tells.
pub(super) struct Told {
    pub distinct: u64,
    /// Most frequent first, of equal ones that which came first.
    pub top: Vec<(String, u64)>,
    pub complete: bool,
}

impl Values for Texts<'_> {
    fn text(&self, at: usize) -> String {
        self.at(at)
    }

    fn keep(&self, rows: &[u32]) -> Option<ArrayRef> {
        self.taken(rows)
    }
}

impl Bag {
    /// For a table of so many columns.
    pub fn new(columns: usize) -> Self {
        Self { most: (FEW_IN_ALL / columns.max(1)).clamp(COMPLETE, FEW), few: Few::default(), many: None, ends: None }
    }

    /// Takes in the hashes of a batch's values.
    pub fn update(&mut self, hashes: &[u64], nulls: Option<&NullBuffer>, values: &dyn Values) {
        let mut at = 0;
        if self.many.is_none() {
            let mut new = Vec::new();
            at = self.few.update(hashes, nulls, self.most, &mut new);
            match values.keep(&new) {
                Some(array) => self.few.kept.push(array),
                None => {
                    self.few.write_out();
                    self.few.texts.extend(new.iter().map(|at| values.text(*at as usize)));
                }
            }
        }
        if at < hashes.len() {
            self.many().update(hashes, at, nulls, &|at| values.text(at));
        }
    }

    /// Takes in one value so many times.
    pub fn add(&mut self, hash: u64, count: u64, text: &dyn Fn() -> String) {
        if let Some(many) = &mut self.many {
            return many.add_all(&[(hash, count, 0)], &|_| text());
        }
        self.few.write_out();
        let (slot, found) = self.few.find(hash);
        match found {
            Some(entry) => self.few.counts[entry] += count,
            None if self.few.hashes.len() < self.most => {
                self.few.insert(slot, hash, count);
                self.few.texts.push(text());
            }
            None => self.many().add_all(&[(hash, count, 0)], &|_| text()),
        }
    }

    /// Takes in values with their counts, each with its number for `text`.
    pub fn add_all(&mut self, values: &[(u64, u64, usize)], text: &dyn Fn(usize) -> String) {
        let mut rest = values.iter();
        while self.many.is_none() {
            let Some((hash, count, at)) = rest.next() else { return };
            self.add(*hash, *count, &|| text(*at));
        }
        self.many().add_all(rest.as_slice(), text);
    }

    fn many(&mut self) -> &mut Many {
        let mut few = std::mem::take(&mut self.few);
        self.many.get_or_insert_with(|| {
            few.write_out();
            self.ends = few.texts.iter().min().cloned().zip(few.texts.iter().max().cloned());
            let mut many = Box::new(Many::new());
            many.add_all(&few.counted(), &|at| few.texts[at].clone());
            many
        })
    }

    pub fn merge(&mut self, mut other: Bag) {
        other.few.write_out();
        let few = &other.few;
        self.add_all(&few.counted(), &|at| few.texts[at].clone());
        if let Some(many) = other.many {
            self.many().merge(*many);
        }
    }

    /// The same values, written another way.
    pub fn rewrite(&mut self, text: &dyn Fn(&str) -> String) {
        self.few.write_out();
        self.few.texts.iter_mut().for_each(|there| *there = text(there));
        if let Some(many) = &mut self.many {
            many.rewrite(text);
        }
    }

    /// Whether all values are still known.
    pub fn is_few(&self) -> bool {
        self.many.is_none()
    }

    /// Least and greatest of the texts that were known before there were too many.
    pub fn text_ends(&self) -> Option<(&str, &str)> {
        let few = || self.few.texts.iter().map(String::as_str);
        match &self.ends {
            Some((least, most)) => Some((least, most)),
            None => few().min().zip(few().max()),
        }
    }

    pub fn told(&self) -> Told {
        let (distinct, top) = match &self.many {
            Some(many) => (many.distinct().max(self.most as u64 + 1), many.top(TOLD)),
            None => (self.few.hashes.len() as u64, self.few.top()),
        };
        Told { distinct, complete: self.many.is_none() && top.len() as u64 == distinct, top }
    }
}

impl Few {
    /// Counts until there are too many values; says how many rows were taken. `new`: the rows of values that came first.
    fn update(&mut self, hashes: &[u64], nulls: Option<&NullBuffer>, most: usize, new: &mut Vec<u32>) -> usize {
        let mut at = 0;
        while at < hashes.len() {
            if nulls.is_none_or(|nulls| nulls.is_valid(at)) {
                let (slot, found) = self.find(hashes[at]);
                match found {
                    Some(entry) => self.counts[entry] += 1,
                    None if self.hashes.len() < most => {
                        self.insert(slot, hashes[at], 1);
                        new.push(at as u32);
                    }
                    None => return at,
                }
            }
            at += 1;
        }
        at
    }

    /// The entry, or the slot where it would be.
    fn find(&self, hash: u64) -> (usize, Option<usize>) {
        if self.slots.is_empty() {
            return (0, None);
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let entry = self.slots[slot] as usize;
            if entry == 0 {
                return (slot, None);
            }
            if self.hashes[entry - 1] == hash {
                return (slot, Some(entry - 1));
            }
            slot = (slot + 1) & mask;
        }
    }

    fn insert(&mut self, slot: usize, hash: u64, count: u64) {
        self.hashes.push(hash);
        self.counts.push(count);
        if self.hashes.len() * 2 <= self.slots.len() {
            self.slots[slot] = self.hashes.len() as u32;
            return;
        }
        let size = (self.slots.len() * 4).max(32);
        self.slots = vec![0; size];
        for entry in 0..self.hashes.len() {
            let (slot, _) = self.find(self.hashes[entry]);
            self.slots[slot] = entry as u32 + 1;
        }
    }

    /// Gives all entries a text.
    fn write_out(&mut self) {
        for array in std::mem::take(&mut self.kept) {
            let texts = Texts::of(&array);
            self.texts.extend((0..array.len()).map(|at| texts.at(at)));
        }
    }

    /// Hash, count and place of all.
    fn counted(&self) -> Vec<(u64, u64, usize)> {
        self.hashes.iter().zip(&self.counts).enumerate().map(|(at, (hash, count))| (*hash, *count, at)).collect()
    }

    /// All, or the most frequent where there are too many to be told of.
    fn top(&self) -> Vec<(String, u64)> {
        // As one number, most frequent first, then by place: there are few places, and no table has 2^44 rows.
        let mut order: Vec<u64> =
            self.counts.iter().enumerate().map(|(at, count)| ((1 << 44) - (*count).min(1 << 44)) << 20 | at as u64).collect();
        if order.len() > COMPLETE {
            order.select_nth_unstable(TOLD);
            order.truncate(TOLD);
        }
        order.sort_unstable();
        let text = |at: usize| -> String {
            if let Some(text) = self.texts.get(at) {
                return text.clone();
            }
            let mut at = at - self.texts.len();
            for array in &self.kept {
                if at < array.len() {
                    return Texts::of(array).at(at);
                }
                at -= array.len();
            }
            String::new()
        };
        order.into_iter().map(|key| (key & 0xf_ffff) as usize).map(|at| (text(at), self.counts[at])).collect()
    }
}
