//! Validity: what counts, whether a snapshot is valid, and why not.
//!
//! What counts, and in which digest it does:
//!
//! | part | fingerprint | fixed | key | stored in |
//! |---|---|---|---|---|
//! | kind of recipe; text of `run` as written; SQL without comments and layout | x | x | x | recipe |
//! | bytes of `uses` and of files named in `run`; what `tool`s print | x | x | x | recipe |
//! | `param`, `env`; names of inputs and outputs and their `at`; `file`, `folder`, `format`, `effect` | x | x | x | recipe |
//! | `columns` of CSV and JSON sources, for `sql` | x | x | x | recipe |
//! | variables that have one value; what templates read of sets, constants and `label` | | x | x | run |
//! | the outputs' classes and instances | | x | x | run |
//! | for each input part, in order: name, class, instance, content hash; for `sql` its file's ending too, which says how it is read | | | x | run |
//!
//! What does not count: label, repository and paths (of sources, of roots, of links); `needs`, `retry`, `timeout`, `volatile`, `since`, `until`,
//! `doc`, `owner`, `tags`, secrets' values; comments and layout of formulas and SQL; which alternative a part came from (its class tells); the
//! order of files and of formulas.
//!
//! The manifest is walked once, by two visitors: one hashes, one describes. They cannot drift apart.

pub mod reason;
mod shape;
pub mod manifest;

pub use manifest::{Facts, InputFact, Keys, Recipes};
pub use reason::*;
