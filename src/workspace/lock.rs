//! One build at a time: an advisory lock beside the catalog, which the kernel drops when its holder ends, however it ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Held while a build runs.
pub struct Lock(#[allow(dead_code)] File);

impl Lock {
    /// Takes the lock; while another process holds it, says so once through `waiting` (with what that process wrote of itself) and waits.
    pub fn take(path: &Path, waiting: &mut dyn FnMut(&str)) -> std::io::Result<Self> {
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            let _ = (&file).take(200).read_to_string(&mut holder);
            waiting(holder.trim());
            flock(&file, FlockOperation::LockExclusive)?;
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "process {}", std::process::id())?;
        Ok(Self(file))
    }
}
