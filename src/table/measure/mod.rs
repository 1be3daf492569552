//! What a snapshot's bytes hold, counted in one pass: a profile of every column, and how many cells fail which test.
//!
//! What is true here: every row is read once, and memory does not grow with the rows. A count says nothing of right or wrong; what may be is
//! said by contracts ([`quality`](crate::quality)).

pub mod profile;
pub mod asked;

pub use asked::{
    Asked, AskedColumn, Bound, Failing, FoundColumn, Logical, Measured, PathStep, Pattern, Repeated, Sample, Scalar, Test, TextFormat,
};
pub use profile::{ColumnProfile, Numbers, Profile};
