//! The formula language: text to a checked [`program::Program`].

pub mod ast;
mod mistake;
mod token;
mod outline;
pub mod parse;
pub mod format;
pub mod program;
pub mod settings;
mod check;

pub use check::{Compiled, compile, duration};
pub use mistake::{PROPERTIES, SyntaxError};
pub use settings::{Files, Settings};

#[cfg(test)]
mod syntax_tests;
