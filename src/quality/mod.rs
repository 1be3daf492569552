//! Contracts, rules and verdicts: what a dataset class promises, and whether a snapshot keeps it.
//!
//! What is true here: nothing is read from disk. A contract's text is compiled to rules; what is to be counted for them is asked of
//! [`table::measure`](crate::table::measure); what was counted is judged.

pub mod contract;
pub mod contracts;
pub mod verdict;

pub use contract::{Column, Compare, Contract, Drift, Limit, Over, Rule, Severity, Unit, What};
pub use contracts::Contracts;
pub use verdict::{Outcome, Report, Verdict};
