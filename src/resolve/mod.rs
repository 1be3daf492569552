//! Backward chaining: from targets through formulas to sources and publications.
//!
//! What is true here: the answer depends on formulas, sources, publications and holds alone; never on what happens to have been built, nor
//! on the order of files. Each identity is decided once.

pub mod graph;

pub use graph::*;
