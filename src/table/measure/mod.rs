//! What a snapshot's bytes hold, counted in one pass: a profile of every column, and how many cells fail which test.
//!
//! What is true here: every row is read once, and memory does not grow with the rows. A count says nothing of right or wrong; what may be is
//! said by contracts ([`quality`](crate::quality)).
//!
//! Reading order: [`profile`] and [`asked`] (values only); `texts` (values for people), `written` (a batch as it is written); `distinct`, `many` and `bag` (which values, and how often),
//! `ends`, `quantiles` and `spread` (how they lie), `summary` (one column); `cells` and `json` (what a test looks at), `check` (tests), `keys` (duplicates);
//! `pass` (all of them), over `text` or over `shares` of Parquet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

pub mod profile;
pub mod asked;
mod texts;
mod written;
mod distinct;
mod many;
mod bag;
mod ends;
mod quantiles;
mod spread;
mod summary;
mod cells;
mod json;
mod check;
mod keys;
mod pass;
mod text;
mod shares;

pub use asked::{Asked, AskedColumn, Bound, Failing, FoundColumn, Logical, Measured, PathStep, Pattern, Sample, Scalar, Test, TextFormat};
pub use profile::{ColumnProfile, Numbers, Profile};

use super::columns::in_words;
use super::error::TableError;
use super::file::{DataFile, Kind};
use super::input::{TableInput, declared_types, found};
use pass::Pass;

#[cfg(test)]
mod tests;

/// What a pass may use.
#[derive(Clone, Debug)]
pub struct MeasureLimits {
    /// Bytes for the keys whose duplicates are counted; what does not fit goes to temporary files.
    pub memory: usize,
    /// Where those are; `None` is the system's temporary folder.
    pub spill: Option<PathBuf>,
    pub threads: usize,
}

impl Default for MeasureLimits {
    fn default() -> Self {
        Self { memory: 256 << 20, spill: None, threads: 1 }
    }
}

/// Counts all that a snapshot's profile has, and the cells that fail what is asked. Where keys stand in several rows, the first such rows are
/// looked for in another reading of these columns.
///
/// # Errors
/// It is no table, or a broken one. A cell that fails a test is no error.
pub fn measure(input: &TableInput, asked: &Asked, limits: &MeasureLimits) -> Result<Measured, TableError> {
    // A mistake of a library's ends this measuring, not the command.
    let measured = catch_unwind(AssertUnwindSafe(|| all(input, asked, limits, shares::ROWS)));
    measured.unwrap_or_else(|panic| Err(TableError::Engine { why: in_words(panic.as_ref()).into() }))
}

/// `share`: rows of Parquet that one thread takes at a time, or more.
fn all(input: &TableInput, asked: &Asked, limits: &MeasureLimits, share: u64) -> Result<Measured, TableError> {
    // Each set of keys has its share.
    let limits = &MeasureLimits { memory: limits.memory / asked.keys.len().max(1), ..limits.clone() };
    let files: Vec<DataFile> = found(input)?.into_iter().map(|(file, _)| file).collect();
    let types = declared_types(input.columns.as_deref().unwrap_or_default())?;
    let tables = match files.first() {
        Some(file) if file.kind == Kind::Parquet => Some(shares::Tables::open(&files, &types, share)?),
        _ => None,
    };
    let over_texts = |pass: &mut Pass| match files.first().map(|file| file.kind) {
        Some(Kind::Csv(delimiter)) => files.iter().try_for_each(|file| text::csv(pass, file, delimiter, &types)),
        Some(Kind::Jsonl) => text::jsonl(pass, &files, &types),
        _ => Ok(()),
    };
    let pass = match &tables {
        Some(tables) => tables.measure(asked, limits)?,
        None => {
            let mut pass = Pass::new(asked, limits, 0);
            over_texts(&mut pass)?;
            pass
        }
    };
    let (mut measured, wanted) = pass.told()?;
    if wanted.iter().any(|keys| !keys.is_empty()) {
        let mut search = Pass::search(asked, limits, wanted);
        match &tables {
            Some(tables) => tables.search(&mut search)?,
            None => over_texts(&mut search)?,
        }
        for (keys, (count, samples)) in measured.keys.iter_mut().zip(search.found()) {
            let Some(keys) = keys else { continue };
            keys.count = count.unwrap_or(keys.count);
            keys.samples = samples;
        }
    }
    Ok(measured)
}
