//! Keys that stand in several rows.
//!
//! What is true here: a key is known by 64 bits of hash while keys are counted. Few that seem to stand in several rows are doubted: in another
//! reading, they are compared by 128 bits more, so that nothing is said to be twice since two keys share a hash. Hashes are parted by their first
//! bits; what does not fit in memory goes to a temporary file, and each part is counted by itself. A row with a null in its key is left out.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::BuildHasherDefault;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::hash_utils::{QualityRandomState, create_hashes};

use super::MeasureLimits;
use super::asked::Sample;
use super::cells::Cells;
use super::many::Same;
use super::summary::HASH;
use super::texts::Texts;
use crate::table::error::TableError;

/// So many parts.
const PARTS: usize = 256;
/// Bytes of a hash.
const WIDTH: usize = size_of::<u64>();
/// Keys that are looked for where samples are wanted.
const WANTED: usize = 1 << 16;
/// So many keys that seem to stand in several rows are doubted; more are not all wrong.
const DOUBTED: usize = 1 << 10;
const SAMPLES: usize = 5;
/// So many keys are not worth their parts.
const SMALL: usize = 1 << 14;

type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Same>>;

/// The columns of a key in one batch.
pub(super) struct KeyColumns<'a> {
    columns: Vec<ArrayRef>,
    /// Of each column, where its values' hashes are known.
    hashes: Option<Vec<&'a [u64]>>,
    nulls: Option<NullBuffer>,
    rows: usize,
}

impl<'a> KeyColumns<'a> {
    /// `None` for a column that the batch has not.
    pub fn new(cells: &[Option<&'a Cells>], missing: &ArrayRef) -> Self {
        let column =
            |cells: &Option<&Cells>| cells.map_or_else(|| missing.clone(), |cells| cells.key.as_ref().unwrap_or(&cells.values).clone());
        // NaN is like NaN in a key alone.
        let known = |cells: &&'a Cells| cells.key.is_none() && cells.values.data_type() != &DataType::Float64;
        let hashes = cells.iter().map(|cells| cells.filter(known).map(Cells::hashes)).collect();
        let columns: Vec<ArrayRef> = cells.iter().map(column).collect();
        let nulls = columns.iter().fold(None, |all, column| NullBuffer::union(all.as_ref(), column.logical_nulls().as_ref()));
        Self { rows: missing.len(), columns: columns.iter().map(one_nan).collect(), hashes, nulls }
    }

    /// Of every row; what stands at nulls means nothing.
    fn hashes(&self) -> Result<Cow<'a, [u64]>, TableError> {
        match self.hashes.as_deref() {
            Some([one]) => return Ok((*one).into()),
            Some([first, others @ ..]) => {
                let mut hashes = first.to_vec();
                for other in others {
                    hashes
                        .iter_mut()
                        .zip(*other)
                        .for_each(|(all, one)| *all = (all.rotate_left(26) ^ one).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                }
                return Ok(hashes.into());
            }
            _ => {}
        }
        let mut hashes = vec![0; self.rows];
        create_hashes(&self.columns, &HASH, &mut hashes).map_err(|e| TableError::Engine { why: e.strip_backtrace() })?;
        Ok(hashes.into())
    }

    /// Other hashes than those, which no two keys share.
    fn exact(&self) -> Result<Vec<u128>, TableError> {
        let hashes = |seed: u64| -> Result<Vec<u64>, TableError> {
            let mut hashes = vec![0; self.rows];
            create_hashes(&self.columns, &QualityRandomState::with_seed(seed), &mut hashes)
                .map_err(|e| TableError::Engine { why: e.strip_backtrace() })?;
            Ok(hashes)
        };
        Ok(hashes(1)?.into_iter().zip(hashes(2)?).map(|(high, low)| u128::from(high) << 64 | u128::from(low)).collect())
    }

    fn is_whole(&self, at: usize) -> bool {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(at))
    }
}

fn one_nan(column: &ArrayRef) -> ArrayRef {
    match column.as_primitive_opt::<Float64Type>() {
        Some(floats) => Arc::new(floats.unary::<_, Float64Type>(|value| if value.is_nan() { f64::NAN } else { value })),
        None => column.clone(),
    }
}

/// Keys of one set of columns.
#[derive(Default)]
pub(super) struct Keys {
    /// As they come.
    new: Vec<u64>,
    /// Those of shares of the rows that are over.
    shares: Vec<Parted>,
    held: usize,
    spilled: Option<Spilled>,
}

/// Keys in the order of their parts.
struct Parted {
    keys: Vec<u64>,
    /// Where each part ends.
    ends: [usize; PARTS],
}

impl Parted {
    fn of(keys: &[u64]) -> Self {
        let part = |key: u64| (key >> 56) as usize;
        let mut ends = [0; PARTS];
        keys.iter().for_each(|key| ends[part(*key)] += 1);
        let mut all = 0;
        for end in &mut ends {
            all += std::mem::replace(end, all);
        }
        let mut parted = vec![0; keys.len()];
        for key in keys {
            let next = &mut ends[part(*key)];
            parted[*next] = *key;
            *next += 1;
        }
        Self { keys: parted, ends }
    }

    fn part(&self, part: usize) -> &[u64] {
        let start = if part == 0 { 0 } else { self.ends[part - 1] };
        &self.keys[start..self.ends[part]]
    }
}

/// How many different keys stand in several rows, and some of them.
#[derive(Default)]
pub(super) struct Repeated {
    pub count: u64,
    pub some: Vec<u64>,
}

impl Keys {
    /// Takes in a batch's rows, of which so many are to come where it is known.
    ///
    /// # Errors
    /// A type that has no hash.
    pub fn update(&mut self, columns: &KeyColumns<'_>, rows: usize) -> Result<(), TableError> {
        self.new.reserve(rows.saturating_sub(self.new.len()));
        let (hashes, before) = (columns.hashes()?, self.new.len());
        match &columns.nulls {
            None => self.new.extend_from_slice(&hashes),
            Some(nulls) => self.new.extend(nulls.valid_indices().map(|at| hashes[at])),
        }
        self.held += self.new.len() - before;
        Ok(())
    }

    /// A share of the rows is over.
    pub fn close(&mut self) {
        if !self.new.is_empty() {
            self.shares.push(Parted::of(&std::mem::take(&mut self.new)));
        }
    }

    /// Takes in another's keys.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn merge(&mut self, mut other: Self, limits: &MeasureLimits) -> Result<(), TableError> {
        other.close();
        self.shares.extend(other.shares);
        self.held += other.held;
        self.fit(limits)
    }

    /// Writes keys to a temporary file where they are too many.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn fit(&mut self, limits: &MeasureLimits) -> Result<(), TableError> {
        // A quarter as much again is what growing vectors hold beyond that.
        if self.held * WIDTH * 5 / 4 <= limits.memory {
            return Ok(());
        }
        self.close();
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => none.insert(Spilled::create(limits.spill.as_deref())?),
        };
        for part in 0..PARTS {
            spilled.write(part, self.shares.iter().map(|share| share.part(part)))?;
        }
        self.shares.clear();
        self.held = 0;
        Ok(())
    }

    /// Counts the parts, each on one of the threads.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn repeated(mut self, limits: &MeasureLimits) -> Result<Repeated, TableError> {
        if self.spilled.is_none() && self.shares.is_empty() && self.held <= SMALL {
            return Ok(count(&[&self.new], &mut Vec::new()));
        }
        self.close();
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Repeated)>, TableError> {
            let (mut done, mut slots) = (Vec::new(), Vec::new());
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= PARTS {
                    return Ok(done);
                }
                done.push((part, self.part(part, limits.memory, &mut slots)?));
            }
        };
        let mut found = Vec::new();
        std::thread::scope(|scope| -> Result<(), TableError> {
            let others: Vec<_> = (1..limits.threads.max(1)).map(|_| scope.spawn(work)).collect();
            found.extend(work()?);
            for other in others {
                found.extend(other.join().map_err(|_| TableError::Engine { why: "a thread that counted keys ended".into() })??);
            }
            Ok(())
        })?;
        found.sort_by_key(|(part, _)| *part);
        let count = found.iter().map(|(_, repeated)| repeated.count).sum();
        let some = found.into_iter().flat_map(|(_, repeated)| repeated.some).take(WANTED).collect();
        Ok(Repeated { count, some })
    }

    fn part(&self, part: usize, memory: usize, slots: &mut Vec<u64>) -> Result<Repeated, TableError> {
        let held: Vec<&[u64]> = self.shares.iter().map(|share| share.part(part)).collect();
        let Some(spilled) = &self.spilled else { return Ok(count(&held, slots)) };
        let there = spilled.keys(part) + held.iter().map(|keys| keys.len()).sum::<usize>();
        // A part that is too large by itself is read several times, each time for some of its keys.
        let times = (there * WIDTH * 4 / memory.max(1 << 20) + 1).next_power_of_two();
        let mut all = Repeated::default();
        for time in 0..times {
            let mut keys = Vec::with_capacity(there / times);
            let mut take = |key: u64| {
                if (key >> 40) as usize % times == time {
                    keys.push(key);
                }
            };
            spilled.read(part, &mut take)?;
            held.iter().copied().flatten().for_each(|key| take(*key));
            let repeated = count(&[&keys], slots);
            all.count += repeated.count;
            all.some.extend(repeated.some);
            all.some.truncate(WANTED);
        }
        Ok(all)
    }
}

/// Which of the keys are there twice or more. `slots` are memory to work in, whatever is there.
fn count(keys: &[&[u64]], slots: &mut Vec<u64>) -> Repeated {
    let many: usize = keys.iter().map(|keys| keys.len()).sum();
    let mut repeated: HashSet<u64, BuildHasherDefault<Same>> = HashSet::default();
    let mask = (many * 2).next_power_of_two() - 1;
    // 0 is free.
    slots.clear();
    slots.resize(mask + 1, 0);
    let mut zeros = 0;
    for key in keys.iter().copied().flatten().copied() {
        if key == 0 {
            zeros += 1;
            continue;
        }
        let mut slot = key as usize & mask;
        while slots[slot] != 0 && slots[slot] != key {
            slot = (slot + 1) & mask;
        }
        if slots[slot] == key {
            repeated.insert(key);
        } else {
            slots[slot] = key;
        }
    }
    if zeros > 1 {
        repeated.insert(0);
    }
    Repeated { count: repeated.len() as u64, some: repeated.into_iter().take(WANTED).collect() }
}

/// Looks for rows whose key stands in an earlier row.
pub(super) struct Search {
    /// By hash: the keys that have it, and whether each came again.
    wanted: ByHash<Vec<(u128, bool)>>,
    /// Hashes of which no key came again so far.
    open: usize,
    /// Keys that came again.
    repeated: u64,
    samples: Vec<Sample>,
}

impl Search {
    pub fn new(wanted: Vec<u64>) -> Self {
        let wanted: ByHash<_> = wanted.into_iter().map(|key| (key, Vec::new())).collect();
        Self { open: wanted.len(), wanted, repeated: 0, samples: Vec::new() }
    }

    fn doubts(&self) -> bool {
        self.wanted.len() <= DOUBTED
    }

    pub fn is_over(&self) -> bool {
        self.open == 0 || !self.doubts() && self.samples.len() >= SAMPLES
    }

    /// How many keys stand in several rows, where that was doubted; and the first rows that have one from before.
    pub fn found(self) -> (Option<u64>, Vec<Sample>) {
        (self.doubts().then_some(self.repeated), self.samples)
    }

    /// Looks at a batch's rows; `before` rows come before it.
    pub fn update(&mut self, columns: &KeyColumns<'_>, before: u64) -> Result<(), TableError> {
        let hashes = columns.hashes()?;
        let rows: Vec<usize> = (0..columns.rows).filter(|at| columns.is_whole(*at) && self.wanted.contains_key(&hashes[*at])).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let exact = columns.exact()?;
        for at in rows {
            let Some(keys) = self.wanted.get_mut(&hashes[at]) else { continue };
            let Some(key) = keys.iter().position(|(key, _)| *key == exact[at]) else {
                keys.push((exact[at], false));
                continue;
            };
            if !std::mem::replace(&mut keys[key].1, true) {
                self.repeated += 1;
                self.open -= usize::from(keys.iter().filter(|(_, again)| *again).count() == 1);
            }
            if self.samples.len() < SAMPLES {
                let texts: Vec<String> = columns.columns.iter().map(|column| Texts::of(column).at(at)).collect();
                self.samples.push(Sample { row: before + at as u64 + 1, value: texts.join(", ") });
            }
        }
        Ok(())
    }
}

/// Keys in a temporary file, which has no name.
struct Spilled {
    folder: PathBuf,
    file: File,
    end: u64,
    /// Part, place in bytes, and number of keys.
    blocks: Vec<(usize, u64, usize)>,
}

impl Spilled {
    fn create(folder: Option<&Path>) -> Result<Self, TableError> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let folder = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let name = format!(".formake-keys-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let create = || -> std::io::Result<File> {
            std::fs::create_dir_all(&folder)?;
            let path = folder.join(name);
            let file = File::options().read(true).write(true).create_new(true).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        };
        let file = create().map_err(|e| TableError::write(&folder, e))?;
        Ok(Self { folder, file, end: 0, blocks: Vec::new() })
    }

    fn write<'k>(&mut self, part: usize, keys: impl Iterator<Item = &'k [u64]>) -> Result<(), TableError> {
        let bytes: Vec<u8> = keys.flatten().flat_map(|key| key.to_ne_bytes()).collect();
        self.file.write_all_at(&bytes, self.end).map_err(|e| TableError::write(&self.folder, e))?;
        self.blocks.push((part, self.end, bytes.len() / WIDTH));
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn keys(&self, part: usize) -> usize {
        self.blocks.iter().filter(|block| block.0 == part).map(|block| block.2).sum()
    }

    fn read(&self, part: usize, take: &mut impl FnMut(u64)) -> Result<(), TableError> {
        for (_, start, keys) in self.blocks.iter().filter(|block| block.0 == part) {
            let mut bytes = vec![0; keys * WIDTH];
            self.file.read_exact_at(&mut bytes, *start).map_err(|e| TableError::read(&self.folder, e))?;
            bytes.as_chunks::<WIDTH>().0.iter().for_each(|key| take(u64::from_ne_bytes(*key)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn a_key_that_only_seems_to_come_twice_is_not_counted() {
        let missing: ArrayRef = Arc::new(Int64Array::new_null(4));
        let cells = Cells::typed(Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(2)])));
        let columns = KeyColumns::new(&[Some(&cells)], &missing);
        let hashes = columns.hashes().expect("hashes");
        // As if 1 had the hash of another key.
        let mut search = Search::new(vec![hashes[0], hashes[1]]);
        search.update(&columns, 10).expect("looked at");
        assert!(!search.is_over());
        let (count, samples) = search.found();
        let samples: Vec<(u64, &str)> = samples.iter().map(|sample| (sample.row, &*sample.value)).collect();
        assert_eq!((count, samples), (Some(1), vec![(14, "2")]));
    }
}
