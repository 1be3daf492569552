//! Where snapshots' bytes are on this machine.

use std::path::PathBuf;

use crate::catalog::Snapshot;
use crate::plan::Bytes;
use crate::store::LocalStore;

/// Where snapshots' bytes are, and whether they are right.
pub trait Disk: Bytes + Sync {
    fn store(&self) -> &LocalStore;
    fn path(&self, snapshot: &Snapshot) -> PathBuf;
    /// A glob source's files, relative to the folder returned with them.
    fn glob(&self, snapshot: &Snapshot) -> Option<(PathBuf, Vec<String>)>;

    /// Where its data is: a file or a folder; or a folder, and of a glob source the files in it that are meant.
    fn data(&self, snapshot: &Snapshot) -> (PathBuf, Vec<String>) {
        self.glob(snapshot).unwrap_or_else(|| (self.path(snapshot), Vec::new()))
    }
}
