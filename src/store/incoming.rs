//! Folders for what is on its way into a repository.
//!
//! What is true here: each lies on the root's file system, under a lock that the kernel drops when its process ends, however it ends; so what
//! nobody holds is a leftover, and what somebody holds is never swept, whichever machine's process or project shares the root.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::error::StoreError;
use super::files::remove;

/// A fresh folder, removed with all that is still in it when this is dropped.
pub(super) struct Incoming {
    pub folder: PathBuf,
    lock: PathBuf,
    _held: File,
}

impl Incoming {
    /// A fresh folder below `own`, which is made where it is not there.
    pub fn new(own: &Path) -> Result<Self, StoreError> {
        let all = own.join("incoming");
        fs::create_dir_all(&all).map_err(StoreError::io(&all))?;
        loop {
            let folder = all.join(unique());
            let lock = folder.with_extension("lock");
            let file = match File::options().write(true).create_new(true).open(&lock) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other.map_err(StoreError::io(&lock))?,
            };
            // A sweep may have seen the lock's file before it was held.
            let same = |named: fs::Metadata| file.metadata().is_ok_and(|held| held.ino() == named.ino());
            if file.try_lock().is_ok() && fs::metadata(&lock).is_ok_and(same) {
                fs::create_dir(&folder).map_err(StoreError::io(&folder))?;
                return Ok(Self { folder, lock, _held: file });
            }
        }
    }

    /// What nobody holds since before a moment (milliseconds since 1970).
    pub fn left(own: &Path, before: i64) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(own.join("incoming")) else { return Vec::new() };
        let is_left = |path: &PathBuf| {
            let held = || File::options().write(true).open(path.with_extension("lock")).is_ok_and(|file| file.try_lock().is_err());
            path.extension().is_none() && since(path).is_some_and(|at| at < before) && !held()
        };
        let mut left: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_left).collect();
        left.sort();
        left
    }

    /// Removes what nobody holds. What cannot be removed is left for the next sweep.
    pub fn sweep(own: &Path) {
        let Ok(entries) = fs::read_dir(own.join("incoming")) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let lock = path.with_extension("lock");
            let Ok(file) = File::options().write(true).open(&lock) else {
                let _ = remove(&path);
                continue;
            };
            if file.try_lock().is_ok() {
                let _ = remove(&path.with_extension(""));
                let _ = fs::remove_file(&lock);
            }
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = remove(&self.folder);
        let _ = fs::remove_file(&self.lock);
    }
}

/// A name that no other process takes, on this machine or on another one that shares the disk.
#[allow(clippy::disallowed_methods)]
pub(super) fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{now:x}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// When a name was made by [`unique`], in milliseconds since 1970.
pub(super) fn since(path: &Path) -> Option<i64> {
    let nanoseconds = path.file_name()?.to_str()?.split('-').next()?;
    i64::try_from(u128::from_str_radix(nanoseconds, 16).ok()? / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_takes_leftovers_and_nothing_else() {
        let own = tempfile::tempdir().expect("a folder");
        let live = Incoming::new(own.path()).expect("made");
        fs::write(live.folder.join("x"), "x").expect("written");
        let all = own.path().join("incoming");
        for dead in ["dead", "locked"] {
            fs::create_dir(all.join(dead)).expect("made");
            fs::write(all.join(dead).join("x"), "x").expect("written");
        }
        fs::write(all.join("locked.lock"), "").expect("written");
        Incoming::sweep(own.path());
        let left = || fs::read_dir(&all).expect("listed").count();
        assert!(live.folder.join("x").exists());
        assert_eq!(left(), 2, "the live folder and its lock");
        drop(live);
        assert_eq!(left(), 0);
    }
}
