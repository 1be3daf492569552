//! What a file or a folder is: its content hash, and the stamp that tells whether it was touched since.
//!
//! The encoding that is hashed: a plain file is the BLAKE3 of its bytes; an executable one is `("executable", hash of its bytes)`; a folder, and
//! the files of a glob, is `("folder", then for each entry sorted by path: path, kind, hash)`, where kind is 0 for a file, 1 for an executable, 2
//! for an empty folder (with no hash). Links and special files are refused: what they mean depends on what lies elsewhere.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::digest::{ContentHash, Encoder, of_bytes};

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

impl Stamp {
    /// Whether an equal stamp later on proves anything.
    pub fn is_settled(self) -> bool {
        self.0 != 0
    }
}

/// What lies at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Content {
    pub hash: ContentHash,
    pub kind: Kind,
    /// Total bytes, and number of files.
    pub bytes: u64,
    pub files: u64,
    pub stamp: Stamp,
}

/// Why bytes cannot be read or kept. Every variant names the path.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("`{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("`{path}` is a link, and data must stand for itself: write the bytes there")]
    Link { path: PathBuf },
    #[error("`{path}` is neither a file nor a folder")]
    Special { path: PathBuf },
    #[error("`{path}` has a name that is not UTF-8")]
    Name { path: PathBuf },
    #[error("`{path}` changed while it was read")]
    Changed { path: PathBuf },
    #[error("the repository `{repository}` has no root in formake.yaml")]
    NoRepository { repository: String },
    #[error("the root `{root}` of the repository `{repository}` cannot be used: {reason}")]
    Root { repository: String, root: PathBuf, reason: String },
}

impl StoreError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| StoreError::Io { path: path.to_path_buf(), source }
    }
}

/// Files at least this large are mapped and hashed on all processors.
const LARGE: u64 = 4 << 20;
/// A file changed so shortly before it was hashed may change again without its times showing it (as in git's index).
const RACY: Duration = Duration::from_millis(50);

/// Hashes the file or folder at a path.
pub fn of_path(path: &Path) -> Result<Content, StoreError> {
    let metadata = fs::symlink_metadata(path).map_err(StoreError::io(path))?;
    if metadata.is_dir() {
        let mut entries = Vec::new();
        walk(path, "", &mut entries)?;
        return of_entries(path, entries);
    }
    check_plain(path, &metadata)?;
    let (hash, executable) = of_file(path, &metadata)?;
    let stamp = settled(stamp_of(&[(String::new(), metadata.clone())]), newest(&[&metadata]));
    let after = fs::symlink_metadata(path).map_err(StoreError::io(path))?;
    if stamp_of(&[(String::new(), after)]) != stamp_of(&[(String::new(), metadata.clone())]) {
        return Err(StoreError::Changed { path: path.to_path_buf() });
    }
    let kind = if executable { Kind::Executable } else { Kind::File };
    Ok(Content { hash, kind, bytes: metadata.len(), files: 1, stamp })
}

/// Hashes several files below a folder as one content: a glob's.
pub fn of_files(base: &Path, files: &[String]) -> Result<Content, StoreError> {
    let mut entries = Vec::with_capacity(files.len());
    for file in files {
        let path = base.join(file);
        let metadata = fs::metadata(&path).map_err(StoreError::io(&path))?;
        entries.push((file.clone(), metadata));
    }
    of_entries(base, entries)
}

/// The stamp of what lies at a path; `None` where nothing does.
pub fn stamp_of_path(path: &Path) -> Result<Option<Stamp>, StoreError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(StoreError::io(path)(e)),
    };
    if !metadata.is_dir() {
        return Ok(Some(stamp_of(&[(String::new(), metadata)])));
    }
    let mut entries = Vec::new();
    walk(path, "", &mut entries)?;
    Ok(Some(stamp_of(&entries)))
}

fn of_entries(base: &Path, mut entries: Vec<(String, Metadata)>) -> Result<Content, StoreError> {
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let mut encoder = Encoder::new("folder");
    let (mut bytes, mut files) = (0, 0);
    for (name, metadata) in &entries {
        encoder.text(name);
        if metadata.is_dir() {
            encoder.number(2);
            continue;
        }
        let path = base.join(name);
        let hash = raw_hash(&path, metadata.len())?;
        encoder.number(u64::from(is_executable(metadata))).bytes(&hash.0);
        bytes += metadata.len();
        files += 1;
    }
    let before = stamp_of(&entries);
    let newest = newest(&entries.iter().map(|(_, m)| m).collect::<Vec<_>>());
    let mut after = Vec::with_capacity(entries.len());
    for (name, _) in entries {
        let path = base.join(&name);
        after.push((name, fs::metadata(&path).map_err(StoreError::io(&path))?));
    }
    if stamp_of(&after) != before {
        return Err(StoreError::Changed { path: base.to_path_buf() });
    }
    Ok(Content { hash: ContentHash(encoder.finish()), kind: Kind::Folder, bytes, files, stamp: settled(before, newest) })
}

/// All files below a folder, and its empty folders.
pub(super) fn walk(base: &Path, below: &str, entries: &mut Vec<(String, Metadata)>) -> Result<(), StoreError> {
    let folder = base.join(below);
    let mut empty = true;
    for entry in fs::read_dir(&folder).map_err(StoreError::io(&folder))? {
        let entry = entry.map_err(StoreError::io(&folder))?;
        empty = false;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|_| StoreError::Name { path: path.clone() })?;
        let relative = if below.is_empty() { name } else { format!("{below}/{name}") };
        let metadata = fs::symlink_metadata(&path).map_err(StoreError::io(&path))?;
        if metadata.is_dir() {
            walk(base, &relative, entries)?;
        } else {
            check_plain(&path, &metadata)?;
            entries.push((relative, metadata));
        }
    }
    if empty && !below.is_empty() {
        entries.push((below.to_string(), fs::symlink_metadata(&folder).map_err(StoreError::io(&folder))?));
    }
    Ok(())
}

fn check_plain(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return Err(StoreError::Link { path: path.to_path_buf() });
    }
    if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        return Err(StoreError::Special { path: path.to_path_buf() });
    }
    Ok(())
}

fn is_executable(metadata: &Metadata) -> bool {
    metadata.mode() & 0o111 != 0
}

fn of_file(path: &Path, metadata: &Metadata) -> Result<(ContentHash, bool), StoreError> {
    let raw = raw_hash(path, metadata.len())?;
    if !is_executable(metadata) {
        return Ok((raw, false));
    }
    let mut encoder = Encoder::new("executable");
    encoder.bytes(&raw.0);
    Ok((ContentHash(encoder.finish()), true))
}

fn raw_hash(path: &Path, length: u64) -> Result<ContentHash, StoreError> {
    if length < LARGE {
        return Ok(of_bytes(&fs::read(path).map_err(StoreError::io(path))?));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_mmap_rayon(path).map_err(StoreError::io(path))?;
    Ok(ContentHash(*hasher.finalize().as_bytes()))
}

/// Digests what `stat` says of some files.
pub(super) fn stamp_of(entries: &[(String, Metadata)]) -> Stamp {
    let mut sorted: Vec<&(String, Metadata)> = entries.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut encoder = Encoder::new("stamp");
    for (name, m) in sorted {
        encoder.text(name).number(u64::from(m.is_dir()));
        if !m.is_dir() {
            encoder.number(m.len()).number(m.ino()).number(u64::from(is_executable(m)));
            encoder.number(m.mtime() as u64).number(m.mtime_nsec() as u64).number(m.ctime() as u64).number(m.ctime_nsec() as u64);
        }
    }
    let digest = encoder.finish();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    Stamp(u128::from_le_bytes(half))
}

fn newest(all: &[&Metadata]) -> Option<SystemTime> {
    all.iter().filter_map(|m| m.modified().ok()).max()
}

/// A stamp taken right after a change proves nothing later.
#[allow(clippy::disallowed_methods)]
fn settled(stamp: Stamp, newest: Option<SystemTime>) -> Stamp {
    let young = newest.is_some_and(|newest| SystemTime::now().duration_since(newest).unwrap_or_default() < RACY);
    if young { Stamp(0) } else { stamp }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn known_contents_pin_the_encoding() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("tree/sub/empty")).expect("made");
        fs::write(at("tree/sub/b"), "b").expect("written");
        fs::write(at("tree/a"), "a").expect("written");
        fs::write(at("x"), "abc").expect("written");
        let file = of_path(&at("x")).expect("hashed");
        assert_eq!((file.hash, file.kind, file.bytes), (of_bytes(b"abc"), Kind::File, 3));
        fs::set_permissions(at("x"), fs::Permissions::from_mode(0o755)).expect("set");
        let executable = of_path(&at("x")).expect("hashed");
        assert_eq!(executable.kind, Kind::Executable);
        assert_ne!(executable.hash, file.hash, "the executable bit is content");
        let mut encoder = Encoder::new("folder");
        encoder.text("a").number(0).bytes(&of_bytes(b"a").0);
        encoder.text("sub/b").number(0).bytes(&of_bytes(b"b").0);
        encoder.text("sub/empty").number(2);
        let tree = of_path(&at("tree")).expect("hashed");
        assert_eq!((tree.hash, tree.kind, tree.bytes, tree.files), (ContentHash(encoder.finish()), Kind::Folder, 2, 2));
        assert_eq!(of_files(&at("tree"), &["sub/b".into(), "a".into()]).expect("hashed").files, 2);
        std::os::unix::fs::symlink("a", at("tree/link")).expect("linked");
        assert!(matches!(of_path(&at("tree")), Err(StoreError::Link { .. })));
    }

    #[test]
    fn stamps_move_with_every_touch() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        fs::write(&path, "abc").expect("written");
        let before = stamp_of_path(&path).expect("looked");
        assert_eq!(of_path(&path).expect("hashed").stamp, Stamp(0), "just written: proves nothing");
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(Some(of_path(&path).expect("hashed").stamp), before);
        fs::write(&path, "abd").expect("written");
        assert_ne!(stamp_of_path(&path).expect("looked"), before);
        assert_eq!(stamp_of_path(&folder.path().join("none")).expect("looked"), None);
    }
}
