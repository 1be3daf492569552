//! What a snapshot's bytes hold, counted in one pass: a profile of every column, and how many cells fail which test.
//!
//! What is true here: every row is read once, and memory does not grow with the rows. A count says nothing of right or wrong; what may be is
//! said by contracts ([`quality`](crate::quality)).
//!
//! Reading order: [`profile`] and [`asked`] (values only), `bag` (which values, and how often), `spread` (how numbers lie), `summary` (one column),
//! `cells` and `json` (what a test looks at), `check` (tests), `keys` (duplicates), `pass` (the pass itself).

use std::path::PathBuf;

pub mod profile;
pub mod asked;
mod bag;
mod spread;
mod summary;
mod cells;
mod json;
mod check;
mod keys;
mod pass;

pub use asked::{Asked, AskedColumn, Bound, Failing, FoundColumn, Logical, Measured, PathStep, Pattern, Sample, Scalar, Test, TextFormat};
pub use profile::{ColumnProfile, Numbers, Profile};

use super::{error::TableError, input::TableInput};

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

/// Counts all that a snapshot's profile has, and the cells that fail what is asked.
///
/// # Errors
/// It is no table, or a broken one. A cell that fails a test is no error.
pub fn measure(input: &TableInput, asked: &Asked, limits: &MeasureLimits) -> Result<Measured, TableError> {
    pass::Pass::run(input, asked, limits)
}
