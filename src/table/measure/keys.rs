//! Keys that stand in several rows.
//!
//! What is true here: a key is known by 128 bits of hash, and counted exactly but for two keys that share them. Hashes that do not fit in memory
//! go to temporary files, parted by their first bits, and each file is counted by itself. A key with a null in it is none.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use datafusion::common::hash_utils::{QualityRandomState, create_hashes};

use super::asked::{Failing, Sample};
use super::summary::text;
use crate::table::error::TableError;

/// So many files are the hashes parted to.
const PARTS: usize = 64;
/// Bytes of a key in memory, with what a map needs around it.
const COST: usize = 40;
const SAMPLES: usize = 5;

/// Takes the second half of the key for its hash.
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

/// One set of columns.
#[derive(Default)]
pub(super) struct Keys {
    /// Each key, and whether it came again.
    seen: HashMap<u128, bool, BuildHasherDefault<Half>>,
    parts: Option<Parts>,
    repeated: u64,
    rows: u64,
    samples: Vec<Sample>,
}

impl Keys {
    /// Takes in a batch's rows; `before` rows come before it.
    ///
    /// # Errors
    /// A temporary file cannot be written.
    pub fn update(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        before: u64,
        memory: usize,
        spill: Option<&Path>,
    ) -> Result<(), TableError> {
        self.rows += rows as u64;
        let nulls = columns.iter().fold(None, |all, column| NullBuffer::union(all.as_ref(), column.logical_nulls().as_ref()));
        let (high, low) = (hashes(columns, rows, 1)?, hashes(columns, rows, 2)?);
        for at in (0..rows).filter(|at| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*at))) {
            let key = u128::from(high[at]) << 64 | u128::from(low[at]);
            if let Some(parts) = &mut self.parts {
                parts.push(key)?;
                continue;
            }
            match self.seen.get_mut(&key) {
                None => drop(self.seen.insert(key, false)),
                Some(again) => {
                    self.repeated += u64::from(!std::mem::replace(again, true));
                    if self.samples.len() < SAMPLES {
                        let texts: Vec<String> = columns.iter().map(|column| text(column, at)).collect();
                        self.samples.push(Sample { row: before + at as u64 + 1, value: texts.join(", ") });
                    }
                }
            }
        }
        if self.parts.is_none() && self.seen.len() * COST > memory {
            let folder = spill.map_or_else(std::env::temp_dir, Path::to_path_buf);
            let mut parts = Parts::create(&folder)?;
            for (key, again) in std::mem::take(&mut self.seen) {
                (0..=u8::from(again)).try_for_each(|_| parts.push(key))?;
            }
            self.repeated = 0;
            self.parts = Some(parts);
        }
        Ok(())
    }

    pub fn told(self) -> Result<Failing, TableError> {
        let count = match self.parts {
            Some(parts) => parts.repeated()?,
            None => self.repeated,
        };
        Ok(Failing { count, of: self.rows, samples: self.samples })
    }
}

fn hashes(columns: &[ArrayRef], rows: usize, seed: u64) -> Result<Vec<u64>, TableError> {
    let mut hashes = vec![0; rows];
    create_hashes(columns, &QualityRandomState::with_seed(seed), &mut hashes)
        .map_err(|e| TableError::Engine { why: e.strip_backtrace() })?;
    Ok(hashes)
}

/// Keys in temporary files, which have no name.
struct Parts {
    folder: PathBuf,
    files: Vec<BufWriter<File>>,
}

impl Parts {
    fn create(folder: &Path) -> Result<Self, TableError> {
        let fail = |e| TableError::write(folder, e);
        std::fs::create_dir_all(folder).map_err(fail)?;
        let one = |part: usize| -> std::io::Result<BufWriter<File>> {
            let path = folder.join(format!(".keys-{}-{:?}-{part}", std::process::id(), std::thread::current().id()));
            let file = File::options().read(true).write(true).create_new(true).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(BufWriter::with_capacity(1 << 16, file))
        };
        Ok(Self { folder: folder.to_path_buf(), files: (0..PARTS).map(one).collect::<Result<_, _>>().map_err(fail)? })
    }

    fn push(&mut self, key: u128) -> Result<(), TableError> {
        let part = (key >> 122) as usize;
        self.files[part].write_all(&key.to_ne_bytes()).map_err(|e| TableError::write(&self.folder, e))
    }

    fn repeated(self) -> Result<u64, TableError> {
        let folder = self.folder;
        let count = |file: BufWriter<File>| -> std::io::Result<u64> {
            let mut file = file.into_inner().map_err(|e| e.into_error())?;
            file.seek(SeekFrom::Start(0))?;
            let mut keys = Vec::new();
            let mut file = BufReader::with_capacity(1 << 16, file);
            let mut key = [0; 16];
            while file.read_exact(&mut key).is_ok() {
                keys.push(u128::from_ne_bytes(key));
            }
            keys.sort_unstable();
            Ok(keys.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).count() as u64)
        };
        self.files.into_iter().map(count).sum::<std::io::Result<u64>>().map_err(|e| TableError::write(&folder, e))
    }
}
