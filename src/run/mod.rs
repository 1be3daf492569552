//! Running: events, step states, scheduling, settling.
//!
//! Reading order: [`event`] (what a run tells), [`state`] (what is known of each job), [`resources`], [`disk`] (where bytes are), [`look`] (what the bytes that were made hold,
//! and whether their contracts allow it), [`workshop`] (what is asked of the world), `workers` (threads), [`schedule`] (the loop), `local` (the workshop on this machine).

pub mod event;
pub mod state;
pub mod resources;
pub mod disk;
pub mod look;
pub mod workshop;
mod workers;
pub mod schedule;
pub mod local;

pub use event::*;
pub use schedule::{Options, RunError, Scheduler};
pub use workshop::{Failure, Held, Task, Workshop};
