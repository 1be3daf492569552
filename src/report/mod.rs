//! Values to text, JSON and pictures.
//!
//! What is true here: functions from values to text. Colour, width and time zone come in as a [`look::Look`]; nothing here reads the
//! environment, the disk or the clock, except that [`progress`] draws what it is told while time goes by. Every JSON document names its
//! schema (`docs/json.md`).

pub mod look;
pub mod units;
pub mod gather;
mod hunk;
pub mod markdown;
pub mod reason;
pub mod plan;
pub mod review;
pub mod saved;
pub mod verdicts;
pub mod profile;
mod bars;
pub mod progress;
pub mod snapshots;
pub mod query;
pub mod lineage;
pub mod restate;
pub mod history;
pub mod explain;
pub mod bless;
pub mod verify;
pub mod diff;
pub mod label;
pub mod clean;
pub mod promotion;
pub mod rollback;
pub mod picture;
pub mod comment;
