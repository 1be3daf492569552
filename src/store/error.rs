//! Why bytes cannot be read or kept.

use std::io;
use std::path::{Path, PathBuf};

/// Every variant names the path.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("`{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("`{path}` is a link that leads {to}")]
    Link { path: PathBuf, to: Astray },
    #[error("`{path}` is neither a file nor a folder")]
    Special { path: PathBuf },
    #[error("`{path}` has a name that is not UTF-8")]
    Name { path: PathBuf },
    #[error("`{path}` changed while it was read")]
    Changed { path: PathBuf },
    #[error("`{path}` is not removed: it does not lie below the root `{root}`, where data is kept")]
    Outside { path: PathBuf, root: PathBuf },
    #[error("the repository `{repository}` has no root in formake.yaml")]
    NoRepository { repository: String },
    #[error("the root `{root}` of the repository `{repository}` cannot be used: {reason}")]
    Root { repository: String, root: PathBuf, reason: String },
}

/// Where a link must not lead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Astray {
    Nowhere,
    Outside,
    Around,
}

impl std::fmt::Display for Astray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Astray::Nowhere => "nowhere",
            Astray::Outside => "out of the folder that was made",
            Astray::Around => "back to a folder above it",
        })
    }
}

impl StoreError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| StoreError::Io { path: path.to_path_buf(), source }
    }

    /// A way out, where one is known.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            StoreError::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room on that disk, and try again; what was committed stays"
                }
                io::ErrorKind::PermissionDenied => "look at the permissions of the path and of the folders above it",
                io::ErrorKind::ReadOnlyFilesystem => "it lies on a file system that is mounted read-only",
                _ => return None,
            },
            StoreError::Link { .. } => "write the bytes themselves there: `cp -L` instead of `ln -s`",
            StoreError::Special { .. } => "only files and folders can be kept",
            StoreError::Name { .. } => "rename it",
            StoreError::Changed { .. } => "wait until it is written, or let `min_age` or `ready` of its source wait for it",
            StoreError::Outside { .. } => "the catalog has a path that no store made; nothing was removed there",
            StoreError::NoRepository { .. } => "add it to `repositories:` in formake.yaml",
            StoreError::Root { .. } => "make it, mount it, or correct `root` in formake.yaml",
        })
    }
}
