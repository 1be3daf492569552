//! Why an identity is as it is: the values that `why` and `why-not` print. What the plan says now, what was made and from what, and each
//! earlier result that could have been taken, with what stood against it.

use super::Step;
use crate::catalog::{Hold, Run, RunId, Snapshot, Timestamp};
use crate::identity::{Identity, Name};
use crate::validity::{Difference, Reason};

/// Everything there is to say of one identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// What a plan says of it now; holds the identity, its maker, and the reason.
    pub step: Step,
    /// What it stands for now, and the run that made that; a source's or a publication's snapshot has no run.
    pub current: Option<(Snapshot, Option<Run>)>,
    pub hold: Option<Hold>,
    /// Earlier results under any label of the repository, nearest first, and why each is, or is not, what is used.
    pub earlier: Vec<Earlier>,
    /// The newest run that tried to make it, where that one did not succeed.
    pub failed: Option<Run>,
    /// Inputs chosen by `latest` that lag behind: what was used, and what would have been on time.
    pub lagging: Vec<Lagging>,
}

/// One earlier result for the same class, instance and repository.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    pub snapshot: Snapshot,
    pub run: RunId,
    pub label: Name,
    pub made: Timestamp,
    pub obstacle: Obstacle,
}

/// Why an earlier result is not taken.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "obstacle", rename_all = "snake_case")]
pub enum Obstacle {
    /// Nothing: its key is the one computed now.
    Nothing,
    /// Its key differs from the one computed now.
    Key {
        differences: Vec<Difference>,
    },
    /// Its key cannot be compared before these are made.
    Unknown {
        after: Vec<Identity>,
    },
    /// It, or another output of its run, was invalidated.
    Invalidated {
        because: String,
    },
    Quarantined,
    /// Receipts of `effect` jobs are never taken from another label.
    Effect,
    /// Its key is the same, but it must be made again for another reason.
    Other {
        reason: Reason,
    },
}

/// An input for which `latest` took an older part than the newest of its window.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Lagging {
    pub input: Name,
    pub used: Identity,
    pub on_time: Identity,
}
