//! Keys that stand in several rows.
//!
//! What is true here: a key is known by 128 bits of hash, and counted exactly but for two keys that share them. Hashes are parted by their first
//! bits; what does not fit in memory goes to a temporary file, and each part is counted by itself. A row with a null in its key is left out.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Float64Type;
use datafusion::common::hash_utils::{QualityRandomState, create_hashes};

use super::MeasureLimits;
use super::asked::Sample;
use super::many::Same;
use super::texts::Texts;
use crate::table::error::TableError;

/// So many parts.
const PARTS: usize = 256;
/// Bytes of a hash.
const WIDTH: usize = size_of::<u128>();
/// Keys that are looked for where samples are wanted.
const WANTED: usize = 1 << 16;
const SAMPLES: usize = 5;
/// So many keys are not worth their parts.
const SMALL: usize = 1 << 14;

/// Takes the second half of a key for its hash.
#[derive(Clone, Copy, Default)]
pub(super) struct Half(u64);

impl Hasher for Half {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk::<8>() {
            self.0 = u64::from_ne_bytes(*last);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

type ByKey<V> = HashMap<u128, V, BuildHasherDefault<Half>>;

/// Keys of one set of columns.
pub(super) struct Keys {
    /// By the first byte.
    parts: Vec<Vec<u128>>,
    held: usize,
    spilled: Option<Spilled>,
}

/// How many different keys stand in several rows, and some of them.
pub(super) struct Repeated {
    pub count: u64,
    pub some: Vec<u128>,
}

impl Keys {
    pub fn new() -> Self {
        Self { parts: vec![Vec::new(); PARTS], held: 0, spilled: None }
    }

    /// Takes in a batch's rows.
    ///
    /// # Errors
    /// A type that has no hash.
    pub fn update(&mut self, columns: &[ArrayRef], rows: usize) -> Result<(), TableError> {
        each(columns, rows, |_, key| {
            self.parts[(key >> 120) as usize].push(key);
            self.held += 1;
        })
    }

    /// Takes in another's keys.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn merge(&mut self, other: Self, limits: &MeasureLimits) -> Result<(), TableError> {
        for (here, there) in self.parts.iter_mut().zip(other.parts) {
            if here.is_empty() { *here = there } else { here.extend(there) }
        }
        self.held += other.held;
        self.fit(limits)
    }

    /// Writes keys to a temporary file where they are too many.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn fit(&mut self, limits: &MeasureLimits) -> Result<(), TableError> {
        // Half as much again is what growing vectors hold beyond that.
        if self.held * WIDTH * 3 / 2 <= limits.memory {
            return Ok(());
        }
        if self.spilled.is_none() {
            self.spilled = Some(Spilled::create(limits.spill.as_deref())?);
        }
        if let Some(spilled) = &mut self.spilled {
            for (part, keys) in self.parts.iter_mut().enumerate() {
                spilled.write(part, keys)?;
                keys.clear();
            }
        }
        self.held = 0;
        Ok(())
    }

    /// Counts the parts, each on one of the threads.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn repeated(self, limits: &MeasureLimits) -> Result<Repeated, TableError> {
        if self.spilled.is_none() && self.held <= SMALL {
            return Ok(count(&self.parts.concat()));
        }
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Repeated)>, TableError> {
            let mut done = Vec::new();
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                if part >= PARTS {
                    return Ok(done);
                }
                done.push((part, self.part(part, limits.memory)?));
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

    fn part(&self, part: usize, memory: usize) -> Result<Repeated, TableError> {
        let Some(spilled) = &self.spilled else { return Ok(count(&self.parts[part])) };
        let there = spilled.keys(part) + self.parts[part].len();
        // A part that is too large by itself is read several times, each time for some of its keys.
        let times = (there * WIDTH * 2 / memory.max(1 << 20) + 1).next_power_of_two();
        let mut all = Repeated { count: 0, some: Vec::new() };
        for time in 0..times {
            let mut keys = Vec::with_capacity(there / times);
            let mut take = |key: u128| {
                if (key >> 96) as usize % times == time {
                    keys.push(key);
                }
            };
            spilled.read(part, &mut take)?;
            self.parts[part].iter().for_each(|key| take(*key));
            let repeated = count(&keys);
            all.count += repeated.count;
            all.some.extend(repeated.some);
            all.some.truncate(WANTED);
        }
        Ok(all)
    }
}

/// Which of the keys are there twice or more.
fn count(keys: &[u128]) -> Repeated {
    let halves = repeated_halves(keys);
    let mut repeated = Repeated { count: 0, some: Vec::new() };
    if halves.is_empty() {
        return repeated;
    }
    let mut seen: ByKey<bool> = HashMap::default();
    for key in keys.iter().filter(|key| halves.contains(&(**key as u64))) {
        match seen.get_mut(key) {
            None => drop(seen.insert(*key, false)),
            Some(again) => {
                if !std::mem::replace(again, true) {
                    repeated.count += 1;
                    if repeated.some.len() < WANTED {
                        repeated.some.push(*key);
                    }
                }
            }
        }
    }
    repeated
}

/// Second halves that several of the keys have: most often none. A table of these alone is small, and quick.
fn repeated_halves(keys: &[u128]) -> HashSet<u64, BuildHasherDefault<Same>> {
    let mut repeated = HashSet::default();
    let mask = (keys.len() * 2).next_power_of_two() - 1;
    // 0 is free; a half that is 0 is looked at more closely.
    let mut slots = vec![0_u64; mask + 1];
    for key in keys {
        let half = *key as u64;
        let mut slot = half as usize & mask;
        while slots[slot] != 0 && slots[slot] != half {
            slot = (slot + 1) & mask;
        }
        if slots[slot] == half {
            repeated.insert(half);
        } else {
            slots[slot] = half;
        }
    }
    repeated
}

/// The hash of every row's key, where it has one. NaN is like NaN.
fn each(columns: &[ArrayRef], rows: usize, mut take: impl FnMut(usize, u128)) -> Result<(), TableError> {
    let columns: Vec<ArrayRef> = columns.iter().map(one_nan).collect();
    let hashes = |seed: u64| -> Result<Vec<u64>, TableError> {
        let mut hashes = vec![0; rows];
        create_hashes(&columns, &QualityRandomState::with_seed(seed), &mut hashes)
            .map_err(|e| TableError::Engine { why: e.strip_backtrace() })?;
        Ok(hashes)
    };
    let (high, low) = (hashes(1)?, hashes(2)?);
    let nulls = columns.iter().fold(None, |all, column| NullBuffer::union(all.as_ref(), column.logical_nulls().as_ref()));
    for at in 0..rows {
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(at)) {
            take(at, u128::from(high[at]) << 64 | u128::from(low[at]));
        }
    }
    Ok(())
}

fn one_nan(column: &ArrayRef) -> ArrayRef {
    match column.as_primitive_opt::<Float64Type>() {
        Some(floats) => Arc::new(floats.unary::<_, Float64Type>(|value| if value.is_nan() { f64::NAN } else { value })),
        None => column.clone(),
    }
}

/// Looks for rows whose key stands in an earlier row.
pub(super) struct Search {
    /// Whether it came already.
    wanted: ByKey<bool>,
    pub samples: Vec<Sample>,
}

impl Search {
    pub fn new(wanted: Vec<u128>) -> Self {
        Self { wanted: wanted.into_iter().map(|key| (key, false)).collect(), samples: Vec::new() }
    }

    pub fn is_over(&self) -> bool {
        self.samples.len() >= SAMPLES.min(self.wanted.len())
    }

    /// Looks at a batch's rows; `before` rows come before it.
    pub fn update(&mut self, columns: &[ArrayRef], rows: usize, before: u64) -> Result<(), TableError> {
        each(columns, rows, |at, key| {
            if let Some(there) = self.wanted.get_mut(&key)
                && std::mem::replace(there, true)
                && self.samples.len() < SAMPLES
            {
                let texts: Vec<String> = columns.iter().map(|column| Texts::of(column).at(at)).collect();
                self.samples.push(Sample { row: before + at as u64 + 1, value: texts.join(", ") });
            }
        })
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

    fn write(&mut self, part: usize, keys: &[u128]) -> Result<(), TableError> {
        let bytes: Vec<u8> = keys.iter().flat_map(|key| key.to_ne_bytes()).collect();
        self.file.write_all_at(&bytes, self.end).map_err(|e| TableError::write(&self.folder, e))?;
        self.blocks.push((part, self.end, keys.len()));
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn keys(&self, part: usize) -> usize {
        self.blocks.iter().filter(|block| block.0 == part).map(|block| block.2).sum()
    }

    fn read(&self, part: usize, take: &mut impl FnMut(u128)) -> Result<(), TableError> {
        for (_, start, keys) in self.blocks.iter().filter(|block| block.0 == part) {
            let mut bytes = vec![0; keys * WIDTH];
            self.file.read_exact_at(&mut bytes, *start).map_err(|e| TableError::read(&self.folder, e))?;
            bytes.as_chunks::<WIDTH>().0.iter().for_each(|key| take(u128::from_ne_bytes(*key)));
        }
        Ok(())
    }
}
