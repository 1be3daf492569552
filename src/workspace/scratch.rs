//! What a query leaves on the disk while it runs: where it spills, and a file that is not whole yet. None of it stays, however the query ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, test_kill_process};

use super::{OWN, Workspace};
use crate::table::Limits;

/// Goes away with what lies in it.
pub struct Scratch {
    /// This process's own; the system's folder for temporary files is used where it cannot be made.
    folder: PathBuf,
    aside: Mutex<Option<PathBuf>>,
    /// Set, it ends what runs.
    pub stop: Arc<AtomicBool>,
}

impl Workspace {
    /// A place for this process's queries. What processes left there that were killed is removed.
    pub fn scratch(&self) -> Scratch {
        let all = self.root.join(OWN).join("query");
        for folder in fs::read_dir(&all).into_iter().flatten().flatten() {
            let id = folder.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
            if id.is_some_and(|id| test_kill_process(id) == Err(rustix::io::Errno::SRCH)) {
                let _ = fs::remove_dir_all(folder.path());
            }
        }
        Scratch { folder: all.join(std::process::id().to_string()), aside: Mutex::default(), stop: Arc::default() }
    }
}

impl Scratch {
    pub fn limits(&self) -> Limits {
        let spill = fs::create_dir_all(&self.folder).is_ok().then(|| self.folder.clone());
        Limits { spill, stop: Some(self.stop.clone()), ..Limits::default() }
    }

    /// Where a file is written before it takes its place: beside it, so that renaming it is enough.
    pub fn beside(&self, file: &Path) -> PathBuf {
        let mut beside = file.as_os_str().to_os_string();
        beside.push(format!(".{}", std::process::id()));
        let beside = PathBuf::from(beside);
        *self.aside.lock().unwrap_or_else(PoisonError::into_inner) = Some(beside.clone());
        beside
    }

    /// Removes everything. What runs goes on, and fails where it needs some of it.
    pub fn clear(&self) {
        if let Some(aside) = self.aside.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = fs::remove_file(aside);
        }
        let _ = fs::remove_dir_all(&self.folder);
        // Stays where another query is in it.
        let _ = self.folder.parent().map(fs::remove_dir);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.clear();
    }
}
