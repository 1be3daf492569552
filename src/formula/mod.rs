//! The formula language: text to a checked [`program::Program`].

pub mod ast;
mod mistake;
mod token;
mod outline;
pub mod parse;
pub mod format;
pub mod program;

pub use mistake::{PROPERTIES, SyntaxError};

#[cfg(test)]
mod syntax_tests;
