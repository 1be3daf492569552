//! Plans: for each identity what is to be done and why; bounds and estimates. Nothing here changes anything.

pub mod action;
pub mod explain;

pub use action::*;
