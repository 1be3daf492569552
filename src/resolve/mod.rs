//! Backward chaining: from targets through formulas to sources and publications.
//!
//! What is true here: the answer depends on formulas, sources, publications and holds alone; never on what happens to have been built, nor
//! on the order of files. Each identity is decided once. What the outside offers comes through [`World`]; nothing here touches a disk.
//!
//! Reading order: [`graph`] (the answer), [`world`] (the questions to the outside), `domain` (the values a variable may have),
//! [`provide`] (one identity to its node), `choose` (a job's inputs), `enumerate` (all instances of a class), [`target`] (what the user asked for, typed).

pub mod graph;
pub mod world;
mod domain;
pub mod provide;
mod choose;
mod enumerate;
pub mod target;

pub use graph::*;
pub use provide::Resolver;
pub use target::{ResolveError, Selection};
pub use world::{Offer, Standing, World};

#[cfg(test)]
mod tests;
