//! Running: events, step states, scheduling, settling.

pub mod event;

pub use event::*;
