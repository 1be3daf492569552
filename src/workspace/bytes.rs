//! Whether a snapshot's bytes are what they were: in the store, or where a source lies.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::catalog::{Snapshot, SnapshotId};
use crate::plan::{Bytes, Condition};
use crate::run::disk::Disk;
use crate::store::local::Look;
use crate::store::{LocalStore, Stamp, sources};

/// Looks at the disk, and remembers stamps that moved though the bytes did not.
pub struct DiskBytes {
    pub root: PathBuf,
    pub store: LocalStore,
    moved: Mutex<Vec<(SnapshotId, Stamp)>>,
}

impl DiskBytes {
    pub fn new(root: PathBuf, store: LocalStore) -> Self {
        Self { root, store, moved: Mutex::default() }
    }

    /// New stamps of unchanged bytes, to be recorded so that the next look is cheap.
    pub fn take_moved(&self) -> Vec<(SnapshotId, Stamp)> {
        std::mem::take(&mut self.moved.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Disk for DiskBytes {
    fn store(&self) -> &LocalStore {
        &self.store
    }

    fn path(&self, snapshot: &Snapshot) -> PathBuf {
        if snapshot.stored {
            self.store.path(&snapshot.identity.repository, &snapshot.path).unwrap_or_else(|_| PathBuf::from(&snapshot.path))
        } else {
            self.root.join(&snapshot.path)
        }
    }

    fn glob(&self, snapshot: &Snapshot) -> Option<(PathBuf, Vec<String>)> {
        if snapshot.stored {
            return None;
        }
        let found = sources::at(&self.root, &snapshot.path, snapshot.kind).ok().flatten()?;
        (!found.files.is_empty()).then(|| (self.root.join(&found.base), found.files))
    }
}

impl Bytes for DiskBytes {
    fn condition(&self, snapshot: &Snapshot) -> Condition {
        if snapshot.stored {
            return match self.store.look(&self.path(snapshot), snapshot.content, snapshot.stamp) {
                Look::Intact => Condition::Intact,
                Look::Moved(stamp) => {
                    if stamp.is_settled() {
                        self.moved.lock().unwrap_or_else(PoisonError::into_inner).push((snapshot.id, stamp));
                    }
                    Condition::Intact
                }
                Look::Gone => Condition::Gone,
                Look::Damaged => Condition::Damaged,
            };
        }
        match sources::at(&self.root, &snapshot.path, snapshot.kind) {
            Ok(None) => Condition::Gone,
            Ok(Some(found)) if found.stamp == snapshot.stamp && found.stamp.is_settled() => Condition::Intact,
            Ok(Some(found)) => match sources::hash(&self.root, &found) {
                Ok(content) if content.hash == snapshot.content => Condition::Intact,
                _ => Condition::Damaged,
            },
            Err(_) => Condition::Damaged,
        }
    }
}
