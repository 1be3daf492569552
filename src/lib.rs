//! Formake: Make for immutable data.
//!
//! The modules below stand in reading order, and a module uses only modules above it (a test holds this law). The data's way:
//! text is compiled to a [`formula::program::Program`], targets are resolved to a graph of identities, each job is judged valid or not,
//! the plan says what to do, and the run does it; what is made becomes visible in one catalog transaction.

// Typed digests and the byte encoding that is hashed.
pub mod digest;
// Identities, periods, patterns, unification.
pub mod identity;
// A problem with its place, its reason and a way out; and the one place that draws it.
pub mod diagnostic;
// YAML as a tree of texts with places.
pub mod yaml;
// Text to a checked program.
pub mod formula;
// Immutable bytes: hashing, taking in, checking, sweeping.
pub mod store;
// Which snapshot an identity stands for, and what each was made from.
pub mod catalog;
// A snapshot's bytes as tables, and the embedded SQL engine.
pub mod table;
// From targets back to sources: the graph of identities, or the derivation that failed.
pub mod resolve;
// Templates to jobs.
pub mod recipe;
// What counts, whether a snapshot is valid, and why not.
pub mod validity;
// Contracts, rules and verdicts.
pub mod quality;
// Graph and verdicts to typed actions, bounds and estimates.
pub mod plan;
// Starting, waiting for and ending jobs.
pub mod executor;
// Events, step states, scheduling, settling.
pub mod run;
// Values to text, JSON and pictures.
pub mod report;
// Configuration, backends, and the outline of a request.
pub mod workspace;
// One thin file per command.
pub mod cli;
