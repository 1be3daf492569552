//! Plans: for each identity what is to be done and why; bounds and estimates. Nothing here changes anything.
//!
//! Reading order: [`action`] (a plan's values), [`standing`] (what identities stand for), [`judge`] (one job's verdict, which the run asks
//! again), [`source`] (what sources show), [`based`] (what a label with a base changed), [`estimate`] (time and bytes), [`build`] (all
//! verdicts), [`own`] (what a label has of its own), [`blessing`] (what a person can say of a changed recipe), [`explain`] (what `why` says of
//! one identity), [`compare`] (two labels or snapshots side by side), [`keep`] (what a cleaning leaves), [`promotion`] (what moves from a label
//! to its base, and back), [`breaks`] (what a label's changes do to columns, and whom that breaks), [`columns`] (which columns jobs would
//! give), [`consumers`] (who reads what went), [`review`] (what a label's changes come down to), [`witness`] (what a saved plan was decided
//! on), [`moved`] (what of that is no longer so).

pub mod action;
pub mod standing;
pub mod judge;
pub mod source;
pub mod based;
pub mod estimate;
pub mod build;
pub mod blessing;
pub mod own;
pub mod explain;
pub mod compare;
pub mod keep;
pub mod promotion;
pub mod breaks;
pub mod columns;
pub mod consumers;
pub mod review;
pub mod witness;
pub mod moved;

pub use action::*;
pub use based::Based;
pub use breaks::{Breaks, ColumnChange, Consumer, Effect, Mention, NotKnown, TableChange, Unchecked};
pub use build::{Draft, Options, Verdict};
pub use judge::{Bytes, Condition, Decision, Judge, Settled};
pub use review::{ChangedFormula, Doing, FormulaChange, Gathered, Review, Tally, Touched};
pub use source::{Observed, Recorded, Recording};
pub use standing::{Beneath, Standings};

#[cfg(test)]
pub(crate) mod tests;
