//! Identities and patterns: what is addressed, and how patterns with variables match it. No I/O.
//!
//! Reading order: [`time`] (periods), [`value`] (what a component holds), [`instance`] (the four-part identity and its text),
//! [`pattern`] (terms, expressions, unification), [`format`] (periods as file names write them), [`shape`] (which paths could be meant),
//! [`path`] (path patterns, read both ways), [`target`] (what a user asks for), `select` (which of given identities that is).

pub mod time;
pub mod value;
#[allow(clippy::module_inception)]
pub mod instance;
pub mod pattern;
pub mod format;
pub mod shape;
pub mod path;
pub mod target;
mod select;

pub use instance::{Component, Identity, Instance};
pub use pattern::{Base, Binding, Expr, Pattern, Term, Var};
pub use time::{Period, Precision, Step};
pub use value::{Dimension, Type, Value};

/// A shared, immutable name: of a class, a label, a repository, a variable.
pub type Name = std::sync::Arc<str>;
