//! The pass over Parquet: row groups are shares that threads take one after the other.
//!
//! What is true here: shares are cut the same way however many threads there are, and joined in their order, so that counts, samples and sums do
//! not depend on the threads.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};

use super::MeasureLimits;
use super::asked::Asked;
use super::pass::Pass;
use crate::table::error::TableError;
use crate::table::file::DataFile;
use crate::table::input::{Types, parquet_columns};
use crate::table::parquet::Opened;

/// A share has so many rows or more, where its file has.
pub(super) const ROWS: u64 = 1 << 18;
/// Rows of a batch.
const BATCH: usize = 8192;

/// Row groups of one file that follow each other.
struct Share {
    file: usize,
    groups: Vec<usize>,
    /// Rows before it, and its own.
    before: u64,
    rows: u64,
}

/// Files that are read as one table.
pub(super) struct Tables {
    files: Vec<Opened>,
    fields: Vec<Field>,
    shares: Vec<Share>,
    rows: u64,
}

impl Tables {
    pub fn open(files: &[DataFile], types: &Types, most: u64) -> Result<Self, TableError> {
        let opened = files.iter().map(Opened::open).collect::<Result<Vec<_>, _>>()?;
        let (fields, _) = parquet_columns(files, &opened, types)?;
        let (mut shares, mut rows): (Vec<Share>, u64) = Default::default();
        for (file, opened) in opened.iter().enumerate() {
            for (group, count) in opened.groups().enumerate() {
                match shares.last_mut().filter(|share| share.file == file && share.rows < most) {
                    Some(share) => {
                        share.groups.push(group);
                        share.rows += count;
                    }
                    None => shares.push(Share { file, groups: vec![group], before: rows, rows: count }),
                }
                rows += count;
            }
        }
        // A value has the same hash in all files only if it comes the same way in all of them.
        let mut numbered = opened.iter().map(Opened::numbered);
        let first = numbered.next().unwrap_or_default();
        let numbered = numbered.fold(first, |all, other| all.intersection(&other).cloned().collect());
        let files = opened.into_iter().map(|file| file.cheapest(&numbered)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { files, fields, shares, rows })
    }

    fn pass<'a>(&self, asked: &'a Asked, limits: &'a MeasureLimits, before: u64) -> Pass<'a> {
        let mut pass = Pass::new(asked, limits, before);
        self.add_columns(&mut pass);
        pass
    }

    fn add_columns(&self, pass: &mut Pass) {
        for field in &self.fields {
            pass.typed_column(field.name(), field.data_type(), self.fields.len(), self.rows);
        }
    }

    /// Counts all rows.
    pub fn measure<'a>(&self, asked: &'a Asked, limits: &'a MeasureLimits) -> Result<Pass<'a>, TableError> {
        let mut all = self.pass(asked, limits, 0);
        if self.rows == 0 {
            // Its types are there, so that its columns are.
            all.record_batch(&RecordBatch::new_empty(Schema::new(self.fields.clone()).into()))?;
        }
        let threads = limits.threads.clamp(1, self.shares.len().max(1));
        if threads == 1 {
            for share in &self.shares {
                all.merge(self.share(share, asked, limits)?)?;
            }
            return Ok(all);
        }
        let next = AtomicUsize::new(0);
        let (done, arrived) = mpsc::sync_channel(threads);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let (next, done) = (&next, done.clone());
                scope.spawn(move || {
                    while let Some((at, share)) = self.take(next) {
                        // Nobody listens where another share failed.
                        if done.send((at, self.share(share, asked, limits))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(done);
            let mut waiting = BTreeMap::new();
            let mut joined = 0;
            for (at, share) in arrived {
                waiting.insert(at, share);
                while let Some(share) = waiting.remove(&joined) {
                    all.merge(share?)?;
                    joined += 1;
                }
            }
            Ok(all)
        })
    }

    fn take(&self, next: &AtomicUsize) -> Option<(usize, &Share)> {
        let at = next.fetch_add(1, Ordering::Relaxed);
        Some((at, self.shares.get(at)?))
    }

    fn share<'a>(&self, share: &Share, asked: &'a Asked, limits: &'a MeasureLimits) -> Result<Pass<'a>, TableError> {
        let mut pass = self.pass(asked, limits, share.before);
        // A file may promise more rows than it has.
        pass.expected = share.rows.min(ROWS * 8) as usize;
        for batch in self.files[share.file].batches(share.groups.clone(), None, BATCH)? {
            pass.record_batch(&batch?)?;
        }
        pass.close();
        Ok(pass)
    }

    /// Looks for rows with some keys, from the first row on.
    pub fn search(&self, pass: &mut Pass) -> Result<(), TableError> {
        self.add_columns(pass);
        let names: HashSet<&str> = pass.asked.keys.iter().flatten().map(String::as_str).collect();
        for share in &self.shares {
            for batch in self.files[share.file].batches(share.groups.clone(), Some(&names), BATCH)? {
                if pass.is_over() {
                    return Ok(());
                }
                pass.record_batch(&batch?)?;
            }
        }
        Ok(())
    }
}
