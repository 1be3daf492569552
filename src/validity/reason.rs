//! Why something must be made: a closed list, each with what was and what is.

use crate::identity::Identity;

/// One part of a key that differs.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Difference {
    /// `recipe`, `params.threshold`, `env.TZ`, `tool python3 --version`, `code jobs/x.py`, `variable DATE`, `input raw@2024-01-01`
    pub part: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// It stands for nothing yet.
    Missing,
    /// One of the job's other outputs must be made.
    Sibling { identity: Identity, because: Box<Reason> },
    /// The key moved.
    Changed { differences: Vec<Difference> },
    /// Its bytes are gone, and something needs them.
    BytesGone,
    /// Its bytes are not those that were hashed.
    BytesDamaged,
    /// `volatile`, and older than that.
    Expired { age: f64, limit: f64 },
    /// Its last snapshot was invalidated.
    Invalidated { because: String },
}
