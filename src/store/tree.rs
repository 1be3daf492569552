//! The files of a path: the one file, or all that a folder holds.
//!
//! What is true here: entries come sorted by path, non-empty folders are implied by what they hold, and every entry is a file or an empty folder;
//! special files, names that are not UTF-8 and links that lead astray are errors. Links are read through.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use super::error::{Astray, StoreError};

/// How far links may lead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Links {
    /// Anywhere: what comes from outside.
    Anywhere,
    /// Not out of the folder: what was made must not hang on what lies elsewhere.
    Inside,
}

/// A file, or an empty folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Below the tree's root, `/` between names; empty for the root itself.
    pub path: String,
    pub metadata: Metadata,
}

#[derive(Clone, Debug)]
pub struct Tree {
    pub is_folder: bool,
    /// Somewhere on the way there was a link.
    pub linked: bool,
    pub entries: Vec<Entry>,
}

impl Tree {
    /// What lies at a path; `None` where nothing does.
    pub fn at(root: &Path, links: Links) -> Result<Option<Self>, StoreError> {
        let found = match fs::symlink_metadata(root) {
            Ok(found) => found,
            Err(e) if is_gone(&e) => return Ok(None),
            Err(e) => return Err(StoreError::io(root)(e)),
        };
        // A file that is a link may lead to its neighbours.
        let bound = if found.is_symlink() { root.parent().unwrap_or(root) } else { root };
        let bound = (links == Links::Inside).then_some(bound);
        let mut walk = Walk { root, bound, open: Vec::new(), linked: false, entries: Vec::new() };
        let Some(metadata) = walk.through(root, found)? else { return Ok(None) };
        let is_folder = metadata.is_dir();
        walk.visit(String::new(), metadata)?;
        let Walk { linked, mut entries, .. } = walk;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Some(Self { is_folder, linked, entries }))
    }

    /// Chosen files below a folder, as one tree: a glob's.
    pub fn of(base: &Path, files: &[String]) -> Result<Self, StoreError> {
        let mut entries = Vec::with_capacity(files.len());
        for file in files {
            let path = base.join(file);
            let metadata = fs::metadata(&path).map_err(StoreError::io(&path))?;
            entries.push(Entry { path: file.clone(), metadata });
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { is_folder: true, linked: false, entries })
    }
}

/// Nothing is there, as opposed to: it cannot be seen.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

struct Walk<'a> {
    root: &'a Path,
    /// Where links may lead; resolved only when there is one.
    bound: Option<&'a Path>,
    /// Device and inode of the folders that are being read, outermost first.
    open: Vec<(u64, u64)>,
    linked: bool,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    fn visit(&mut self, path: String, metadata: Metadata) -> Result<(), StoreError> {
        let at = self.root.join(&path);
        if !metadata.is_dir() {
            let kind = metadata.file_type();
            if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
                return Err(StoreError::Special { path: at });
            }
            self.entries.push(Entry { path, metadata });
            return Ok(());
        }
        let folder = (metadata.dev(), metadata.ino());
        if self.open.contains(&folder) {
            return Err(StoreError::Link { path: at, to: Astray::Around });
        }
        self.open.push(folder);
        let mut empty = true;
        for entry in fs::read_dir(&at).map_err(StoreError::io(&at))? {
            let entry = entry.map_err(StoreError::io(&at))?;
            empty = false;
            let name = entry.file_name().into_string().map_err(|_| StoreError::Name { path: entry.path() })?;
            let found = entry.metadata().map_err(StoreError::io(&entry.path()))?;
            let below = if path.is_empty() { name } else { format!("{path}/{name}") };
            match self.through(&entry.path(), found)? {
                Some(metadata) => self.visit(below, metadata)?,
                None => return Err(StoreError::Link { path: entry.path(), to: Astray::Nowhere }),
            }
        }
        self.open.pop();
        if empty && !path.is_empty() {
            self.entries.push(Entry { path, metadata });
        }
        Ok(())
    }

    /// What a link leads to, `None` where nothing is there; other things are what they are.
    fn through(&mut self, path: &Path, found: Metadata) -> Result<Option<Metadata>, StoreError> {
        if !found.is_symlink() {
            return Ok(Some(found));
        }
        self.linked = true;
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(e) if is_gone(&e) => return Ok(None),
            Err(e) => return Err(StoreError::io(path)(e)),
        };
        let resolved = |path: &Path| path.canonicalize().map_err(StoreError::io(path));
        if let Some(bound) = self.bound
            && !resolved(path)?.starts_with(resolved(bound)?)
        {
            return Err(StoreError::Link { path: path.to_path_buf(), to: Astray::Outside });
        }
        Ok(Some(metadata))
    }
}
