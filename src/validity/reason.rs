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

impl Difference {
    /// Whether it is of an input's content, and not of how the recipe takes the input (`input raw at`, `input raw columns`).
    pub fn is_input(&self) -> bool {
        self.part.starts_with("input ") && !self.part.ends_with(" at") && !self.part.ends_with(" columns")
    }
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
