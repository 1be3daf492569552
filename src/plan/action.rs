//! A plan's values.

use std::collections::HashSet;
use std::sync::Arc;

use crate::catalog::{Refusal, RunId, SnapshotId};
use crate::identity::Identity;
use crate::resolve::Blocked;
use crate::validity::Reason;

/// What a plan says of one identity.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    Valid {
        snapshot: SnapshotId,
    },
    /// Under a label with a base: the result would be the base's, so that its snapshot is used as it is.
    Inherited {
        snapshot: SnapshotId,
        /// The base's identity.
        from: Identity,
    },
    /// The base's snapshot is used, though it is stale: only sources moved since, and no job of the label needs it.
    StaleInBase {
        snapshot: SnapshotId,
        from: Identity,
        why: Reason,
    },
    /// Another run made it under the same key: its snapshot is taken.
    Reuse {
        snapshot: SnapshotId,
        run: RunId,
        from: Identity,
        why: Reason,
    },
    Run {
        why: Reason,
    },
    /// Decided when these are ready.
    MayRun {
        after: Vec<Identity>,
    },
    Blocked {
        #[serde(serialize_with = "Blocked::write_shortened")]
        on: Arc<Blocked>,
    },
    Held {
        snapshot: Option<SnapshotId>,
        because: String,
    },
    /// A source: there, or recorded and vanished.
    Source {
        state: SourceState,
    },
    Published {
        snapshot: SnapshotId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// As recorded.
    Unchanged,
    /// Never read before.
    New,
    /// Other bytes than recorded.
    Changed,
    /// Recorded, and no longer there.
    Vanished,
}

/// What a job of a label with a base is owed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owed {
    /// The label's formulas, code or data differ from what the base's snapshot was made with, here or above.
    Change,
    /// Only sources moved since the base's snapshot was made, and a job of the label needs today's.
    StaleBase,
}

/// One line of a plan: an identity with the formula or source that stands behind it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Step {
    pub identity: Identity,
    #[serde(flatten)]
    pub action: Action,
    /// Number of the job in the plan; outputs of one job share it. `None`: no job makes it.
    pub job: Option<u32>,
    /// For people: the formula's title and `file:line`; for a source its path pattern.
    pub maker: Option<String>,
    pub place: Option<String>,
    /// Seconds, from recorded runs of the same formula.
    pub estimate: Option<f64>,
    /// Bytes of all outputs of its job, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<f64>,
    /// Of what is to be made or reused under a label with a base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed: Option<Owed>,
    pub target: bool,
}

#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Counts {
    pub valid: usize,
    /// The base's, used as they are.
    pub inherited: usize,
    /// The base's, used though sources moved since.
    pub stale_in_base: usize,
    pub reuse: usize,
    pub run: usize,
    pub may_run: usize,
    pub blocked: usize,
    pub held: usize,
    pub sources: usize,
}

/// Steps in topological order: what something needs stands before it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// Jobs (not identities) by action.
    pub counts: Counts,
    /// Jobs that will run at least, and at most.
    pub at_least: usize,
    pub at_most: usize,
    /// Seconds with the given number of parallel jobs, for `at_least` and `at_most`; `None` where no run of a formula was recorded.
    pub seconds: Option<(f64, f64)>,
    /// Bytes that `at_least` and `at_most` so many jobs write, likewise.
    pub bytes: Option<(f64, f64)>,
    /// What of it the acting user may not do. Filled in by who knows the user.
    pub not_permitted: Vec<Refusal>,
}

impl Plan {
    /// The derivations of what is blocked, but for those that are part of another's.
    pub fn derivations(&self) -> Vec<&Arc<Blocked>> {
        let blocked = || self.steps.iter().filter_map(|step| if let Action::Blocked { on } = &step.action { Some(on) } else { None });
        let inner: HashSet<&Identity> = blocked().flat_map(|on| on.chain().into_iter().skip(1)).map(|on| &on.identity).collect();
        blocked().filter(|on| !inner.contains(&on.identity)).collect()
    }

    /// Something would run, may run or be reused.
    pub fn work_needed(&self) -> bool {
        self.counts.run + self.counts.may_run + self.counts.reuse > 0
    }
}
