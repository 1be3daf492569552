//! The catalog: which snapshot an identity stands for now, all earlier ones, and what each was made from.
//!
//! What is true here: snapshots and runs are only added; a pointer moves only in [`Catalog::commit`], one transaction that also appends to
//! the log who moved it, when and why. Deciding code gets a [`Reader`], which cannot write. Calls are set-oriented: one call for many
//! identities, never one each.

pub mod records;
pub mod lineage;
pub mod policy;
pub mod reading;
pub mod sqlite;
pub mod gate;

pub use gate::Gate;
pub use policy::Refusal;
pub use reading::Reading;
pub use records::*;

use std::collections::HashSet;

use crate::digest::{ContentHash, Fingerprint, FixedHash, Key};
use crate::identity::{Identity, Name};

/// What went wrong in the catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("the catalog at `{path}` cannot be used: {reason}")]
    Unusable { path: String, reason: String },
    #[error("the catalog at `{path}` has schema {found}, and this formake knows schema {known}")]
    Schema { path: String, found: i64, known: i64 },
    #[error("the catalog failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// [`Change::Point`]: the pointer is not where it was `expect`ed, or the snapshot was invalidated since it was chosen.
    #[error("`{identity}` moved meanwhile, or what it was to stand for was invalidated")]
    Moved { identity: Identity },
    /// The gate let nothing of a commit through. One for each label and repository that forbids it.
    #[error("{}", refused(.0))]
    NotPermitted(Vec<Refusal>),
}

fn refused(refusals: &[Refusal]) -> String {
    refusals.iter().map(|refusal| format!("{refusal}: {}", refusal.who_may())).collect::<Vec<_>>().join("; ")
}

pub type Result<T, E = CatalogError> = std::result::Result<T, E>;

/// Reads. Vectors answer in the order asked.
pub trait Reader {
    /// What each identity stands for. One ordered scan where many are asked for.
    fn standings(&self, identities: &[Identity]) -> Result<Vec<Standing>>;
    /// The identities that stand for one of these snapshots, each with the one that it stands for; in order of identity.
    fn standing_for(&self, ids: &[SnapshotId]) -> Result<Vec<(Identity, SnapshotId)>> {
        let asked: HashSet<&SnapshotId> = ids.iter().collect();
        let listed = self.list(&Filter::default())?;
        Ok(listed.into_iter().map(|l| (l.identity, l.snapshot.id)).filter(|(_, id)| asked.contains(id)).collect())
    }
    fn snapshots(&self, ids: &[SnapshotId]) -> Result<Vec<Snapshot>>;
    /// Whole records of runs, inputs and outputs included.
    fn runs(&self, ids: &[RunId]) -> Result<Vec<Run>>;
    /// Successful runs made under each key, earliest first, those with an invalidated or quarantined output left out.
    fn made_under(&self, keys: &[Key]) -> Result<Vec<Vec<Made>>>;
    /// The same for the fixed part of a key: whether any such run exists, whatever its inputs were.
    fn fixed_known(&self, fixed: &[FixedHash]) -> Result<Vec<bool>>;
    /// Whether a run for one of these labels succeeded with a recipe.
    fn made_with(&self, recipe: Fingerprint, labels: &[Name]) -> Result<bool>;
    /// Every snapshot that stands for something (or, with `all`, ever did), in order of identity, then age.
    fn list(&self, filter: &Filter) -> Result<Vec<Listed>>;
    /// Identities that differ from this one in their time alone, which is an earlier one of the same precision, with what they stand for: the
    /// latest first, so many at most.
    fn earlier(&self, identity: &Identity, most: usize) -> Result<Vec<(Identity, Snapshot)>>;
    /// Current identities of a class that were published or held, whatever their label and repository.
    fn published(&self, class: &str) -> Result<Vec<Identity>>;
    /// Condemned bytes, each once for every identity of its class, instance and repository, whatever the label.
    fn condemned(&self) -> Result<Vec<(Identity, ContentHash)>>;
    /// All held identities, with what they stand for; `None`: held empty.
    fn holds(&self) -> Result<Vec<(Identity, Hold, Option<SnapshotId>)>>;
    /// Current identities of a class that were read from sources.
    fn sourced(&self, class: &str) -> Result<Vec<Identity>>;
    /// Snapshots by a prefix of their content hash in hexadecimal.
    fn by_content(&self, prefix: &str) -> Result<Vec<Snapshot>>;
    /// Runs that read any of these snapshots, successful ones only.
    fn readers(&self, ids: &[SnapshotId]) -> Result<Vec<RunId>>;
    /// The newest run that tried to make an identity, failed ones included.
    fn last_run(&self, identity: &Identity) -> Result<Option<RunId>>;
    /// Mean cost of a successful run, by formula title.
    fn costs(&self) -> Result<Vec<(String, Cost)>>;
    /// Every label that the log speaks of, in order of its name.
    fn labels(&self) -> Result<Vec<LabelSummary>>;
    /// Promotions and rollbacks that moved pointers of a label (of any, for `None`), oldest first.
    fn promotions(&self, to: Option<&str>) -> Result<Vec<Promotion>>;
    /// All statements that were not taken back.
    fn blessings(&self) -> Result<Vec<Blessing>>;
    /// What looks at these snapshots told: their profiles, and the latest report of each.
    fn looked(&self, ids: &[SnapshotId]) -> Result<Vec<Looked>>;
    /// All that is quarantined (with `class`: of that), oldest first.
    fn quarantined(&self, class: Option<&str>) -> Result<Vec<Quarantined>>;
    /// Every snapshot whose bytes the store keeps, with whether a cleaning said that they go.
    fn stored(&self) -> Result<Vec<(Snapshot, bool)>>;
    /// The append-only record of who did what when, oldest first.
    fn log(&self, identity: Option<&Identity>) -> Result<Vec<LogEntry>>;
    /// All classes the catalog has ever seen, for messages that suggest a spelling.
    fn classes(&self) -> Result<Vec<String>>;
}

/// Reads and writes. Whoever works on a project gets its catalog behind a [`Gate`].
pub trait Catalog: Reader {
    /// All changes or none, in one durable transaction; `now` is when. Ids of new runs and snapshots come back in the order given.
    fn commit(&self, actor: &Actor, now: Timestamp, changes: &[Change]) -> Result<Vec<Applied>>;
}

/// An empty catalog, for tests of what decides.
#[cfg(test)]
pub fn in_memory() -> Box<dyn Catalog> {
    Box::new(sqlite::SqliteCatalog::open_in_memory().expect("opened"))
}

#[cfg(test)]
mod conformance;
