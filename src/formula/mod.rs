//! The formula language: text to a checked [`program::Program`].

pub mod ast;
pub mod program;
