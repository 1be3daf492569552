//! Contracts, rules and verdicts: what a dataset class promises, and whether a snapshot keeps it.
//!
//! What is true here: nothing is read from disk. A contract's text is compiled to rules; what is to be counted for them is asked of
//! [`table::measure`](crate::table::measure); what was counted is judged.
//!
//! Reading order: [`contract`] and [`verdict`] (the values), `standard` (the standard as tables), `shape` (whether a file has that
//! shape), `lower` with `property`, `options`, `library` and `own` (text to rules), `read` (a whole file); `ask` (what is to be counted),
//! `evidence`, `document`, `drift` and `judge` (what was found to verdicts, in the words of `words`); `check` (what is wrong
//! before there is a snapshot); `infer` (a first contract from a snapshot).

pub mod contract;
pub mod contracts;
pub mod verdict;
mod standard;
mod shape;
mod lower;
mod property;
mod options;
mod library;
mod own;
mod read;
mod words;
mod ask;
mod evidence;
mod document;
mod drift;
mod judge;
mod check;
mod infer;

pub use check::check;
pub use contract::{Column, Compare, Contract, Drift, Limit, Over, Rule, SNAPSHOT, Severity, Unit, What};
pub use contracts::Contracts;
pub use evidence::Evidence;
pub use infer::{asked_to_infer, infer};
pub use judge::judge;
pub use read::read;
pub use verdict::{Outcome, Report, Verdict};

#[cfg(test)]
mod tests;
