//! Promotion and rollback: which pointers of a label move at once, what is left out, and what forbids it.
//!
//! What is true here: nothing is judged again and nothing is made. A plan under the label says what is valid, inherited or to be made; what is
//! added is what the base stands for now, what a build of the label saw of it, holds, and whether a result means the same under another label.
//! All that forbids a move is found, not only the first of it.
//!
//! Reading order: [`moves`] (the values), [`view`] (what the catalog says), [`forward`] (promotion), [`back`] (rollback).

pub mod moves;
mod view;
pub mod forward;
pub mod back;

pub use back::{Back, RollbackPlan, Until, rollback};
pub use forward::{Asked, PromotionPlan, everything, promotion};
pub use moves::*;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod forward_tests;
#[cfg(test)]
mod back_tests;
