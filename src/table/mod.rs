//! A snapshot's bytes as tables, and the embedded SQL engine.
//!
//! What is true here: the same query over the same inputs gives the same bytes. A query runs in one partition on the calling thread, unions
//! keep the order of their branches, functions that look at the clock or at chance are refused (but to a person), and writers have fixed
//! properties. A
//! query sees its inputs and nothing else: no files, no settings, no catalog of the engine.
//!
//! Reading order: [`error`] (all that can go wrong), [`quote`] (values to SQL), [`statement`] (what a query is, and which tables it names),
//! [`canonical`] (its meaning without layout), [`types`] (SQL's type names, and types read from text), [`file`](mod@file) (finding and
//! opening data), [`csv`], [`shape`] (what JSON values are), [`jsonl`], [`parquet`] (one format each), [`input`] (many files as one table), [`ordered`] (unions in order),
//! [`write`](mod@write) (batches to a file), [`engine`] (running a query), [`columns`] (what a
//! query would give, said without rows), [`show`] (a look at a file), [`question`] (a person's query), [`rowdiff`] (two tables side
//! by side), [`measure`] (what bytes hold, counted in one pass).

pub mod error;
pub mod quote;
pub mod statement;
pub mod canonical;
pub mod types;
pub mod file;
pub mod csv;
pub mod shape;
pub mod jsonl;
pub mod parquet;
pub mod input;
pub mod ordered;
pub mod write;
pub mod engine;
pub mod columns;
pub mod show;
pub mod question;
pub mod rowdiff;
pub mod measure;

pub use canonical::canonical;
pub use columns::{Known, KnownTable, known, result};
pub use engine::{Limits, Written, number, run};
pub use error::{SqlProblem, TableError};
pub use file::format_of;
pub use input::{TableInput, TablePart, dimension_columns};
pub use question::{Cells, Question, place_of, statements};
pub use quote::{identifier, literal};
pub use rowdiff::{AskedRows, RowDiff, diff_rows};
pub use show::{Shape, preview, read_schema};
pub use statement::{check, renamed, tables};

#[cfg(test)]
mod tests;
