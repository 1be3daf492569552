//! What moves, what does not, and why.

use crate::catalog::{NewMove, PromotionId, Saw, Snapshot, SnapshotId, Timestamp};
use crate::identity::Identity;
use crate::plan::action::Action;
use crate::quality::Verdict;

/// One pointer's move.
#[derive(Clone, Debug, PartialEq)]
pub struct Moving {
    pub identity: Identity,
    /// The identity's own pointer before.
    pub was: Option<Snapshot>,
    pub now: Option<Snapshot>,
    /// Held from then on, and why.
    pub hold: Option<String>,
    pub why: Why,
}

/// Why something moves.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Why {
    Asked,
    /// Another output of the job that made this one, which moves.
    MadeWith {
        identity: Identity,
    },
    /// This one, which moves, was made from it.
    NeededBy {
        identity: Identity,
    },
    /// Of a rollback: a promotion moved it.
    Promoted,
    /// Of a rollback: it was made from something that goes.
    MadeFrom {
        identity: Identity,
    },
    /// Of a rollback: it stays where it is, and is held since another output of its job is.
    HeldWith {
        identity: Identity,
    },
}

/// Why something that was asked for does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// The base stands for the very same, or the label has nothing of its own.
    Same,
    /// The label uses the base's snapshot, which is stale; it stays so.
    StaleInBase,
    HeldEmpty,
    /// Nothing makes it under the label any more.
    NoMaker,
    /// It is the receipt of an `effect`.
    Effect,
    /// Its recipe writes `{{ label }}`.
    WritesLabel,
    /// Its formula or source names the label.
    NamesLabel,
}

/// What forbids a promotion. The label's identities, but for `Held`, `Moved`, `Overtaken` and what `ReadMoved` was read from: the base's.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Refusal {
    /// It means something else under another label; `needed_by`: what was asked for was made from it.
    Unfit {
        identity: Identity,
        why: LeftOut,
        needed_by: Option<Identity>,
    },
    Held {
        identity: Identity,
        because: String,
        user: String,
    },
    /// `reader` was made from another snapshot of the base than the base stands for now.
    ReadMoved {
        identity: Identity,
        reader: Identity,
        saw: SnapshotId,
        found: Option<SnapshotId>,
    },
    /// What would be written over is not what the label's build saw; `saw` is null where no build said what it saw.
    Moved {
        identity: Identity,
        saw: Option<Saw>,
        found: Option<SnapshotId>,
    },
    /// It moved since the label's was published, or held.
    Overtaken {
        identity: Identity,
        found: Option<SnapshotId>,
    },
    /// It is not what a build under the label would give now.
    Stale {
        identity: Identity,
        now: Action,
    },
    BytesGone {
        identity: Identity,
        damaged: bool,
    },
    /// It breaks the contract of its class as that is now, or as it compares with the base.
    Contract {
        identity: Identity,
        file: String,
        verdicts: Vec<Verdict>,
    },
}

/// What forbids a rollback.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Stuck {
    /// There is no such promotion of the label.
    Unknown { promotion: PromotionId },
    /// It is a rollback itself.
    IsRollback { promotion: PromotionId },
    /// It was taken back already.
    Undone { promotion: PromotionId, by: PromotionId },
    /// It moved since, to `found`, from what the promotion left it at.
    Moved { identity: Identity, expected: Option<SnapshotId>, found: Option<SnapshotId>, promotion: PromotionId },
    /// What it would go back to was invalidated.
    Invalidated { identity: Identity, snapshot: SnapshotId },
    /// The bytes of what it would go back to.
    BytesGone { identity: Identity, snapshot: SnapshotId, damaged: bool },
    /// It was made since from something that goes.
    MadeFrom { identity: Identity, from: Identity, since: Timestamp },
}

impl Moving {
    /// As the catalog takes it: refused there, where the identity moved meanwhile.
    pub fn change(&self) -> NewMove {
        let id = |snapshot: &Option<Snapshot>| snapshot.as_ref().map(|s| s.id);
        NewMove { identity: self.identity.clone(), expect: id(&self.was), snapshot: id(&self.now), hold: self.hold.clone() }
    }
}

impl Refusal {
    pub fn identity(&self) -> &Identity {
        match self {
            Refusal::Unfit { identity, .. }
            | Refusal::Held { identity, .. }
            | Refusal::ReadMoved { identity, .. }
            | Refusal::Moved { identity, .. }
            | Refusal::Overtaken { identity, .. }
            | Refusal::Stale { identity, .. }
            | Refusal::BytesGone { identity, .. }
            | Refusal::Contract { identity, .. } => identity,
        }
    }
}
