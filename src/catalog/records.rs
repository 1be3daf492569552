//! What the catalog keeps, as values.

use crate::digest::{ContentHash, Fingerprint, FixedHash, Key, Shape};
use crate::identity::{Identity, Name};
use crate::store::{Kind, Stamp};

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
pub struct SnapshotId(pub i64);

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct RunId(pub i64);

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct PromotionId(pub i64);

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

impl Origin {
    /// The run that made it, if one did.
    pub fn run(self) -> Option<RunId> {
        match self {
            Origin::Run(run) => Some(run),
            Origin::Published | Origin::Source => None,
        }
    }
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
    pub shape: Option<Shape>,
    pub since: Timestamp,
    /// Of a label with a base: what the base stood for when a build of the label last looked; `None` where no build said.
    pub saw: Option<Saw>,
}

/// What a base stood for when a build of one of its labels looked; `None`: nothing.
pub type Saw = Option<SnapshotId>;

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
    /// What its formula's head asked of the inputs; `None` in records of an earlier schema.
    pub shape: Option<Shape>,
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
    pub looked: Looked,
}

/// What a look at a snapshot's bytes told: texts that the catalog keeps and does not read.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Looked {
    /// The profile of a table, as JSON.
    pub profile: Option<String>,
    /// The verdicts of a contract, as JSON, under the hash of what that contract means.
    pub report: Option<(ContentHash, String)>,
    /// Why nobody may read it: it is quarantined.
    pub refused: Option<String>,
}

/// A snapshot that was made or read, and that nobody may read.
#[derive(Clone, PartialEq, Debug)]
pub struct Quarantined {
    pub snapshot: Snapshot,
    /// The contract that it broke, by what that meant; `None` where another output of its job broke one.
    pub contract: Option<ContentHash>,
    pub because: String,
    pub at: Timestamp,
}

impl NewSnapshot {
    /// Recording it as a source's, where the identity stands for `snapshot`, would bring nothing but its stamp up to date.
    pub fn is_as(&self, snapshot: &Snapshot) -> bool {
        (self.content, self.kind, &self.path, self.stored) == (snapshot.content, snapshot.kind, &snapshot.path, snapshot.stored)
    }
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
    pub shape: Shape,
    pub recipe: String,
    pub variables: String,
    pub effect: bool,
    /// In the order of the key.
    pub inputs: Vec<(Name, Identity, SnapshotId)>,
    /// What it was to make.
    pub targets: Vec<Identity>,
    /// What it made: as many as `targets` where it succeeded, or where one of them is refused (then all are quarantined); else none.
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
    /// its stamp is brought up to date) and points at it. What is refused is quarantined, and its identity stands for what it stood for.
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
    /// The bytes of a snapshot were looked at again; it stays what it is.
    Look {
        snapshot: SnapshotId,
        looked: Looked,
    },
    /// The same bytes, seen with another stamp.
    Restamp {
        snapshot: SnapshotId,
        stamp: Stamp,
    },
    /// What the base of an identity's label stood for when the label's build decided; kept with the identity's own pointer until that moves.
    Saw {
        identity: Identity,
        base: Saw,
    },
    /// Takes a label's own pointer away, so that reading falls through to its base (or finds nothing). The history stays.
    Withdraw {
        identity: Identity,
        because: String,
    },
    /// Moves many pointers of one label at once, and remembers them as one move.
    Promote(Box<NewPromotion>),
    /// States that a snapshot is as good as one made under `key`: of the identity's own recipe as it is now, from the same inputs.
    Bless {
        identity: Identity,
        snapshot: SnapshotId,
        key: Key,
        because: String,
    },
    /// Takes such a statement back.
    Unbless {
        identity: Identity,
        snapshot: SnapshotId,
        key: Key,
    },
    /// The bytes of a snapshot are about to be removed from the store: nothing needs them. Refused where something stands for it.
    Clean {
        snapshot: SnapshotId,
    },
    /// Somebody was not permitted to do something.
    Refuse {
        identity: Option<Identity>,
        because: String,
    },
}

/// A promotion, or the rollback of earlier ones.
#[derive(Clone, PartialEq, Debug)]
pub struct NewPromotion {
    pub kind: PromotionKind,
    /// The label whose results are taken; `None` for a rollback.
    pub from: Option<Name>,
    /// The label whose pointers move.
    pub to: Name,
    /// What a rollback takes back.
    pub undoes: Vec<PromotionId>,
    pub because: Option<String>,
    pub moves: Vec<NewMove>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PromotionKind {
    Promotion,
    Rollback,
}

/// One pointer's move. Refused ([`CatalogError::Moved`](super::CatalogError::Moved)) where the identity does not stand for `expect`, or where
/// `snapshot` was invalidated.
#[derive(Clone, PartialEq, Debug)]
pub struct NewMove {
    pub identity: Identity,
    pub expect: Option<SnapshotId>,
    /// `None`: it stands for nothing afterwards.
    pub snapshot: Option<SnapshotId>,
    /// Held from then on, and why.
    pub hold: Option<String>,
}

/// A promotion or rollback as it was done.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Promotion {
    pub id: PromotionId,
    pub kind: PromotionKind,
    pub at: Timestamp,
    pub user: String,
    pub from: Option<Name>,
    pub to: Name,
    pub undoes: Vec<PromotionId>,
    pub because: Option<String>,
    pub moves: Vec<Move>,
}

#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Move {
    pub identity: Identity,
    pub was: Option<SnapshotId>,
    pub now: Option<SnapshotId>,
}

/// A statement that a change of a recipe left the meaning of a snapshot as it was.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Blessing {
    /// For whom it was said; it holds wherever the snapshot is looked at.
    pub identity: Identity,
    pub snapshot: SnapshotId,
    pub key: Key,
    pub because: String,
    pub user: String,
    pub at: Timestamp,
}

/// What a label has of its own.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct LabelSummary {
    pub label: Name,
    /// Identities with a pointer of their own.
    pub identities: usize,
    /// Bytes that the store keeps of their snapshots, those counted that were first made for this label.
    pub bytes: u64,
    pub holds: usize,
    /// When the log first and last tells of something done to it; refusals and cleanings do not count.
    pub first: Timestamp,
    pub last: Timestamp,
}

/// Means over the successful runs of a formula.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Cost {
    pub seconds: f64,
    pub bytes: f64,
}

/// The id of what a change added or pointed at.
#[derive(Clone, PartialEq, Debug)]
pub enum Applied {
    Run { run: RunId, outputs: Vec<SnapshotId> },
    Snapshot(SnapshotId),
    Promotion(PromotionId),
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
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Filter {
    pub class: Option<String>,
    pub label: Option<String>,
    pub repository: Option<String>,
    /// Also what an identity stood for before.
    pub all: bool,
    /// What they stood for at that moment; `all` is then not looked at.
    pub as_of: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    pub identity: Identity,
    pub snapshot: Snapshot,
    /// Whether it stands for it still.
    pub current: bool,
    /// Now, or as of the moment that was asked for.
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
    /// `run`, `source`, `publish`, `point`, `hold`, `release`, `invalidate`, `quarantine`, `withdraw`, `promote`, `rollback`, `bless`, `unbless`, `clean`, `refuse`
    pub what: String,
    pub identity: Option<Identity>,
    pub from: Option<SnapshotId>,
    pub to: Option<SnapshotId>,
    pub because: Option<String>,
}
