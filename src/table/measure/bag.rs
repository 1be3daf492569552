//! Which values there are, and how often: exactly while they are few, then by sketches.
//!
//! What is true here: a value is known by a 64-bit hash, and only values that are kept for people have a text.

use arrow::buffer::NullBuffer;

use super::many::Many;

/// So many values are told of with all their counts.
const COMPLETE: usize = 64;
/// So many frequent ones are told of where there are more.
const TOLD: usize = 32;
/// So many values are counted exactly, where there are not too many columns.
const FEW: usize = 1024;
/// The same for all columns together.
const FEW_IN_ALL: usize = 1 << 18;

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
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    hash: u64,
    count: u64,
    text: String,
}

/// What a bag tells.
pub(super) struct Told {
    pub distinct: u64,
    /// Most frequent first, equal counts by text.
    pub top: Vec<(String, u64)>,
    pub complete: bool,
}

impl Bag {
    /// For a table of so many columns.
    pub fn new(columns: usize) -> Self {
        Self { most: (FEW_IN_ALL / columns.max(1)).clamp(COMPLETE, FEW), few: Few::default(), many: None, ends: None }
    }

    /// Takes in the hashes of a batch's values; `text` writes one out.
    pub fn update(&mut self, hashes: &[u64], nulls: Option<&NullBuffer>, text: &dyn Fn(usize) -> String) {
        let mut at = 0;
        while self.many.is_none() && at < hashes.len() {
            if nulls.is_none_or(|nulls| nulls.is_valid(at)) {
                self.add(hashes[at], 1, &|| text(at));
            }
            at += 1;
        }
        if let Some(many) = &mut self.many {
            many.update(hashes, at, nulls, text);
        }
    }

    /// Takes in one value so many times.
    pub fn add(&mut self, hash: u64, count: u64, text: &dyn Fn() -> String) {
        if let Some(many) = &mut self.many {
            return many.add(hash, count, text);
        }
        let (slot, found) = self.few.find(hash);
        match found {
            Some(entry) => self.few.entries[entry].count += count,
            None if self.few.entries.len() < self.most => self.few.insert(slot, Entry { hash, count, text: text() }),
            None => self.many().add(hash, count, text),
        }
    }

    fn many(&mut self) -> &mut Many {
        let few = std::mem::take(&mut self.few);
        let texts = || few.entries.iter().map(|entry| &entry.text);
        if let (Some(least), Some(most)) = (texts().min(), texts().max()) {
            self.ends = Some((least.clone(), most.clone()));
        }
        self.many.get_or_insert_with(|| {
            let mut many = Box::new(Many::new());
            few.entries.into_iter().for_each(|entry| many.add(entry.hash, entry.count, &|| entry.text.clone()));
            many
        })
    }

    pub fn merge(&mut self, other: Bag) {
        for entry in other.few.entries {
            self.add(entry.hash, entry.count, &|| entry.text.clone());
        }
        if let Some(many) = other.many {
            self.many().merge(*many);
        }
    }

    /// The same values, written another way.
    pub fn rewrite(&mut self, text: &dyn Fn(&str) -> String) {
        for entry in &mut self.few.entries {
            entry.text = text(&entry.text);
        }
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
        let few = || self.few.entries.iter().map(|entry| entry.text.as_str());
        match &self.ends {
            Some((least, most)) => Some((least, most)),
            None => few().min().zip(few().max()),
        }
    }

    pub fn told(&self) -> Told {
        let (distinct, mut top) = match &self.many {
            Some(many) => (many.distinct().max(self.most as u64 + 1), many.top()),
            None => {
                let top = self.few.entries.iter().map(|entry| (entry.text.as_str(), entry.count)).collect();
                (self.few.entries.len() as u64, top)
            }
        };
        let complete = self.many.is_none() && top.len() <= COMPLETE;
        let order = |(a, n): &(&str, u64), (b, m): &(&str, u64)| m.cmp(n).then_with(|| a.cmp(b));
        if !complete && top.len() > TOLD {
            top.select_nth_unstable_by(TOLD, order);
            top.truncate(TOLD);
        }
        top.sort_unstable_by(order);
        Told { distinct, top: top.into_iter().map(|(text, count)| (text.to_string(), count)).collect(), complete }
    }
}

impl Few {
    /// The entry, or the slot where it would be.
    fn find(&self, hash: u64) -> (usize, Option<usize>) {
        let mask = self.slots.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        while let Some(entry) = self.slots.get(slot).and_then(|entry| (*entry as usize).checked_sub(1)) {
            if self.entries[entry].hash == hash {
                return (slot, Some(entry));
            }
            slot = (slot + 1) & mask;
        }
        (slot, None)
    }

    fn insert(&mut self, slot: usize, entry: Entry) {
        self.entries.push(entry);
        if self.entries.len() * 2 <= self.slots.len() {
            self.slots[slot] = self.entries.len() as u32;
            return;
        }
        let size = (self.slots.len() * 4).max(32);
        self.slots = vec![0; size];
        for at in 0..self.entries.len() {
            let (slot, _) = self.find(self.entries[at].hash);
            self.slots[slot] = at as u32 + 1;
        }
    }
}
