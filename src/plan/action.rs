//! A plan's values.

use std::collections::HashSet;
use std::sync::Arc;

use crate::catalog::{RunId, SnapshotId};
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
    pub target: bool,
}

#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Counts {
    pub valid: usize,
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
