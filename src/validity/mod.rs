//! Validity: what counts, whether a snapshot is valid, and why not.

pub mod reason;

pub use reason::*;
