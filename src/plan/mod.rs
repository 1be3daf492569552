//! Plans: for each identity what is to be done and why; bounds and estimates. Nothing here changes anything.
//!
//! Reading order: [`action`] (a plan's values), [`judge`] (one job's verdict, which the run asks again), [`build`] (all of them),
//! [`explain`] (what `why` says of one identity).

pub mod action;
pub mod judge;
pub mod build;
pub mod explain;

pub use action::*;
pub use build::{Draft, Observed, Options, Verdict};
pub use judge::{Bytes, Condition, Decision, Judge, Settled};
