//! The formula language: text to a checked [`program::Program`].
//!
//! Reading order: [`ast`] (what was written), `mistake` (why something cannot be read), `token` and `outline` (where statements and
//! properties begin and end), [`parse`] (text to the tree), `spell` and [`format`] (the tree to canonical text), [`program`] (what it means),
//! `under` (what it means under a label with a base).

pub mod ast;
mod mistake;
mod token;
mod outline;
pub mod parse;
mod spell;
pub mod format;
pub mod program;
pub mod settings;
mod under;
mod check;

pub use check::{Compiled, compile, duration};
pub use mistake::{PROPERTIES, SyntaxError};
pub use settings::{Files, Settings};

#[cfg(test)]
mod syntax_tests;
