//! Immutable bytes: hashing, taking in, checking, sweeping.
//!
//! What is true here: data lies under its repository's root as `<class>/<instance>/<hash>/<name>` (percent-encoded, so that no value leaves
//! the root), files read-only; it gets there by one rename of something written, synced and hashed elsewhere on the same file system; nothing
//! that is there is ever written again. A [`Stamp`] lets a later look be one `stat` instead of a hash.

/// A plain file, an executable one, or a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    File,
    Executable,
    Folder,
}

/// Sizes, times and inodes of a snapshot's files, digested: equal stamps mean that nobody touched them since they were hashed. `0` is never equal to a look.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Stamp(pub u128);
