//! What the catalog keeps, as values.

use crate::digest::{ContentHash, Fingerprint, FixedHash, Key};
use crate::identity::{Identity, Name};
use crate::store::{Kind, Stamp};

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct SnapshotId(pub i64);

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct RunId(pub i64);

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Timestamp = i64;

/// Where a snapshot comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Run(RunId),
    Published,
    /// Read from a source's files, which are referenced (or, with `copy`, kept).
    Source,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Good,
    Invalidated,
    Quarantined,
}

/// One immutable piece of data.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    pub id: SnapshotId,
    /// The identity it was first made for. Others (another label) may stand for it too.
    pub identity: Identity,
    pub content: ContentHash,
    pub kind: Kind,
    /// Total bytes, and number of files.
    pub bytes: u64,
    pub files: u64,
    /// In the store: below the repository's root, `class/instance/hash/name`. Referenced: the project's path of the source's file, folder or glob.
    pub path: String,
    pub stored: bool,
    pub stamp: Stamp,
    pub origin: Origin,
    pub state: State,
    pub made: Timestamp,
}

/// What an identity stands for now.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Standing {
    pub current: Option<Current>,
    pub hold: Option<Hold>,
    /// Contents of this class, instance and repository that were invalidated: refused if a source shows them again.
    pub condemned: Vec<ContentHash>,
    /// It stands for nothing since what it stood for was invalidated: why.
    pub invalidated: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Current {
    pub snapshot: Snapshot,
    /// Of the run that made it; `None` for sources and publications.
    pub key: Option<Key>,
    pub fixed: Option<FixedHash>,
    pub since: Timestamp,
}

/// A held identity stays as it is until `release`. Without a current snapshot it is held empty.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Hold {
    pub because: String,
    pub user: String,
    pub at: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
    Interrupted,
}

/// One input part that a run read.
#[derive(Clone, PartialEq, Debug)]
pub struct RunInput {
    /// The input's name in the formula.
    pub name: Name,
    pub identity: Identity,
    pub snapshot: SnapshotId,
    pub content: ContentHash,
}

/// One try to make a job's outputs, whole.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    pub id: RunId,
    /// For people: the formula's title and place.
    pub formula: String,
    pub place: String,
    pub label: Name,
    pub key: Key,
    pub fixed: FixedHash,
    pub fingerprint: Fingerprint,
    /// The recipe's parts by name, as JSON: what the fingerprint was made of.
    pub recipe: String,
    /// The variables and the values that templates read, as JSON.
    pub variables: String,
    pub effect: bool,
    pub inputs: Vec<RunInput>,
    pub outputs: Vec<(Identity, Option<SnapshotId>)>,
    pub started: Timestamp,
    pub seconds: f64,
    pub outcome: Outcome,
    /// Why it failed, one line.
    pub message: Option<String>,
    pub attempts: u32,
    /// The job's folder name below `.formake/jobs`, where its log is kept.
    pub folder: String,
    pub user: String,
}

/// A successful run with its outputs, as reuse needs it.
#[derive(Clone, PartialEq, Debug)]
pub struct Made {
    pub run: RunId,
    pub label: Name,
    pub effect: bool,
    pub outputs: Vec<Snapshot>,
}

/// A snapshot to be added.
#[derive(Clone, PartialEq, Debug)]
pub struct NewSnapshot {
    pub identity: Identity,
    pub content: ContentHash,
    pub kind: Kind,
    pub bytes: u64,
    pub files: u64,
    pub path: String,
    pub stored: bool,
    pub stamp: Stamp,
}

/// A run to be added; successful ones with their outputs, which become current.
#[derive(Clone, PartialEq, Debug)]
pub struct NewRun {
    pub formula: String,
    pub place: String,
    pub label: Name,
    pub key: Key,
    pub fixed: FixedHash,
    pub fingerprint: Fingerprint,
    pub recipe: String,
    pub variables: String,
    pub effect: bool,
    /// In the order of the key.
    pub inputs: Vec<(Name, Identity, SnapshotId)>,
    /// What it was to make.
    pub targets: Vec<Identity>,
    /// What it made: as many as `targets` where it succeeded, else none.
    pub outputs: Vec<NewSnapshot>,
    pub started: Timestamp,
    pub seconds: f64,
    pub outcome: Outcome,
    pub message: Option<String>,
    pub attempts: u32,
    pub folder: String,
}

/// One change of a transaction.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// Adds a run; where it succeeded, its snapshots too, and points its targets at them.
    Run(Box<NewRun>),
    /// A source's bytes were read: adds the snapshot (unless the identity stands for this content, of this kind, at this path already: then only
    /// its stamp is brought up to date) and points at it.
    Source(Box<NewSnapshot>),
    Publish {
        snapshot: Box<NewSnapshot>,
        hold: Option<String>,
    },
    /// Points at a snapshot that exists: reuse, promotion, rollback. Refused where that is invalidated, and with `expect` where the identity
    /// stands for another one than expected.
    Point {
        identity: Identity,
        snapshot: SnapshotId,
        expect: Option<Option<SnapshotId>>,
        because: String,
    },
    Hold {
        identity: Identity,
        because: String,
    },
    Release {
        identity: Identity,
    },
    /// Marks a snapshot, takes its pointers away under every label, and condemns its content where it came from a source.
    Invalidate {
        snapshot: SnapshotId,
        because: String,
    },
    /// The same bytes, seen with another stamp.
    Restamp {
        snapshot: SnapshotId,
        stamp: Stamp,
    },
}

/// The id of what a change added or pointed at.
#[derive(Clone, PartialEq, Debug)]
pub enum Applied {
    Run { run: RunId, outputs: Vec<SnapshotId> },
    Snapshot(SnapshotId),
    Nothing,
}

/// Who acts.
#[derive(Clone, PartialEq, Debug)]
pub struct Actor {
    pub user: String,
    pub host: String,
    /// The command line, for the log.
    pub command: String,
}

/// What `ls` asks for. Empty fields ask for all.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    pub class: Option<String>,
    pub label: Option<String>,
    pub repository: Option<String>,
    /// Also what an identity stood for before.
    pub all: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    pub identity: Identity,
    pub snapshot: Snapshot,
    pub current: bool,
    pub hold: Option<Hold>,
    /// When it became what the identity stands for, and when it ceased to be.
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

/// One line of the append-only record.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct LogEntry {
    pub at: Timestamp,
    pub user: String,
    pub command: String,
    /// `run`, `source`, `publish`, `point`, `hold`, `release`, `invalidate`
    pub what: String,
    pub identity: Option<Identity>,
    pub from: Option<SnapshotId>,
    pub to: Option<SnapshotId>,
    pub because: Option<String>,
}
