//! What a file or a folder is: its content hash, and the stamp that tells whether it was touched since.
//!
//! The encoding that is hashed: a plain file is the BLAKE3 of its bytes; an executable one is `("executable", hash of its bytes)`; a folder, and
//! the files of a glob, is `("folder", then for each entry sorted by path: path, kind, hash)`, where kind is 0 for a file, 1 for an executable, 2
//! for an empty folder (with no hash). A link is what it leads to.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use super::error::StoreError;
use super::tree::{Entry, Links, Tree};
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

/// Files at least this large are hashed in pieces of this size, each on all processors. They are read, not mapped: whoever cuts a mapped file
/// short ends the process that reads it.
const LARGE: u64 = 8 << 20;
/// A file changed so shortly before it was hashed may change again without its times showing it (as in git's index).
const RACY: Duration = Duration::from_millis(50);

/// Hashes the file or folder at a path; `None` where nothing is there.
///
/// # Errors
/// It cannot be read, changes meanwhile, or holds what cannot be kept.
pub fn of_path(path: &Path, links: Links) -> Result<Option<Content>, StoreError> {
    let Some(tree) = Tree::at(path, links)? else { return Ok(None) };
    let content = of_tree(path, &tree)?;
    match stamp_of_path(path, links)? {
        Some(after) if after == stamp_of(&tree.entries) => Ok(Some(content)),
        _ => Err(StoreError::Changed { path: path.to_path_buf() }),
    }
}

/// Hashes several files below a folder as one content: a glob's.
pub fn of_files(base: &Path, files: &[String]) -> Result<Content, StoreError> {
    let tree = Tree::of(base, files)?;
    let content = of_tree(base, &tree)?;
    if stamp_of(&Tree::of(base, files)?.entries) != stamp_of(&tree.entries) {
        return Err(StoreError::Changed { path: base.to_path_buf() });
    }
    Ok(content)
}

/// The stamp of what lies at a path; `None` where nothing does.
pub fn stamp_of_path(path: &Path, links: Links) -> Result<Option<Stamp>, StoreError> {
    Ok(Tree::at(path, links)?.map(|tree| stamp_of(&tree.entries)))
}

fn of_tree(root: &Path, tree: &Tree) -> Result<Content, StoreError> {
    let hashes = tree.entries.par_iter().map(|entry| of_entry(root, entry)).collect::<Result<Vec<_>, _>>()?;
    let (hash, kind) = match (tree.is_folder, tree.entries.as_slice(), hashes.as_slice()) {
        (false, [file], [Some(hash)]) if is_executable(&file.metadata) => {
            let mut encoder = Encoder::new("executable");
            encoder.bytes(&hash.0);
            (ContentHash(encoder.finish()), Kind::Executable)
        }
        (false, _, [Some(hash)]) => (*hash, Kind::File),
        _ => {
            let mut encoder = Encoder::new("folder");
            for (entry, hash) in tree.entries.iter().zip(&hashes) {
                encoder.text(&entry.path);
                match hash {
                    Some(hash) => encoder.number(u64::from(is_executable(&entry.metadata))).bytes(&hash.0),
                    None => encoder.number(2),
                };
            }
            (ContentHash(encoder.finish()), Kind::Folder)
        }
    };
    let files = tree.entries.iter().filter(|entry| !entry.metadata.is_dir());
    Ok(Content {
        hash,
        kind,
        bytes: files.clone().map(|entry| entry.metadata.len()).sum(),
        files: files.count() as u64,
        stamp: settled(stamp_of(&tree.entries), &tree.entries),
    })
}

/// The hash of a file's bytes; nothing for an empty folder.
fn of_entry(root: &Path, entry: &Entry) -> Result<Option<ContentHash>, StoreError> {
    if entry.metadata.is_dir() {
        return Ok(None);
    }
    let path = if entry.path.is_empty() { root.to_path_buf() } else { root.join(&entry.path) };
    let io = StoreError::io(&path);
    if entry.metadata.len() < LARGE {
        return fs::read(&path).map(|bytes| Some(of_bytes(&bytes))).map_err(io);
    }
    let mut hasher = blake3::Hasher::new();
    let mut piece = Vec::with_capacity(LARGE as usize);
    let mut pieces = || -> std::io::Result<()> {
        let mut file = File::open(&path)?;
        while (&mut file).take(LARGE).read_to_end(&mut piece)? > 0 {
            hasher.update_rayon(&piece);
            piece.clear();
        }
        Ok(())
    };
    pieces().map_err(io)?;
    Ok(Some(ContentHash(*hasher.finalize().as_bytes())))
}

fn is_executable(metadata: &Metadata) -> bool {
    metadata.mode() & 0o111 != 0
}

/// Digests what `stat` says of some files, sorted by path.
pub(super) fn stamp_of(entries: &[Entry]) -> Stamp {
    let mut encoder = Encoder::new("stamp");
    for Entry { path, metadata: m } in entries {
        encoder.text(path).number(u64::from(m.is_dir()));
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

/// A stamp taken right after a change proves nothing later.
#[allow(clippy::disallowed_methods)]
fn settled(stamp: Stamp, entries: &[Entry]) -> Stamp {
    let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    let times = |m: &Metadata| nanoseconds(m.mtime(), m.mtime_nsec()).max(nanoseconds(m.ctime(), m.ctime_nsec()));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as i128;
    let young = entries.iter().any(|entry| times(&entry.metadata) > now - RACY.as_nanos() as i128);
    if young { Stamp(0) } else { stamp }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::store::error::Astray;

    fn hashed(path: &Path) -> Content {
        of_path(path, Links::Inside).expect("hashed").expect("there")
    }

    #[test]
    fn known_contents_pin_the_encoding() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("tree/sub/empty")).expect("made");
        fs::write(at("tree/sub/b"), "b").expect("written");
        fs::write(at("tree/a"), "a").expect("written");
        fs::write(at("x"), "abc").expect("written");
        let file = hashed(&at("x"));
        assert_eq!((file.hash, file.kind, file.bytes, file.files), (of_bytes(b"abc"), Kind::File, 3, 1));
        fs::set_permissions(at("x"), fs::Permissions::from_mode(0o755)).expect("set");
        let executable = hashed(&at("x"));
        assert_eq!(
            (executable.hash.short().as_str(), executable.kind),
            ("fde6274ff511", Kind::Executable),
            "the executable bit is content"
        );
        let tree = hashed(&at("tree"));
        assert_eq!((tree.hash.short().as_str(), tree.kind, tree.bytes, tree.files), ("3b43313c46e8", Kind::Folder, 2, 2));
        let mut encoder = Encoder::new("folder");
        encoder.text("a").number(0).bytes(&of_bytes(b"a").0);
        encoder.text("sub/b").number(0).bytes(&of_bytes(b"b").0);
        assert_eq!(of_files(&at("tree"), &["sub/b".into(), "a".into()]).expect("hashed").hash, ContentHash(encoder.finish()));
        encoder.text("sub/empty").number(2);
        assert_eq!(tree.hash, ContentHash(encoder.finish()));
    }

    #[test]
    fn large_files_hash_as_small_ones_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes: Vec<u8> = (0..LARGE as usize * 2 + 17).map(|i| (i * i % 251) as u8).collect();
        fs::write(folder.path().join("x"), &bytes).expect("written");
        assert_eq!(hashed(&folder.path().join("x")).hash, of_bytes(&bytes));
    }

    #[test]
    fn links_are_read_through_unless_they_lead_astray() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for tree in ["plain/sub", "linked"] {
            fs::create_dir_all(at(tree)).expect("made");
        }
        for file in ["plain/a", "plain/sub/a", "linked/a", "elsewhere"] {
            fs::write(at(file), "a").expect("written");
        }
        fs::create_dir(at("linked/sub")).expect("made");
        symlink("../a", at("linked/sub/a")).expect("linked");
        assert_eq!(hashed(&at("plain")).hash, hashed(&at("linked")).hash);
        for (target, to) in [("../../elsewhere", Astray::Outside), ("none", Astray::Nowhere), ("..", Astray::Around)] {
            symlink(target, at("linked/sub/astray")).expect("linked");
            match of_path(&at("linked"), Links::Inside) {
                Err(StoreError::Link { path, to: found }) => assert_eq!((path, found), (at("linked/sub/astray"), to)),
                other => panic!("{target}: {other:?}"),
            }
            fs::remove_file(at("linked/sub/astray")).expect("removed");
        }
        symlink(at("elsewhere"), at("plain/b")).expect("linked");
        assert_eq!(of_path(&at("plain"), Links::Anywhere).expect("hashed").expect("there").files, 3);
        assert_eq!(of_path(&at("none"), Links::Anywhere).expect("looked"), None);
    }

    #[test]
    fn stamps_move_with_every_touch() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        let stamp = || stamp_of_path(&path, Links::Inside).expect("looked");
        fs::write(&path, "abc").expect("written");
        assert_eq!(hashed(&path).stamp, Stamp(0), "just written: proves nothing");
        std::thread::sleep(RACY + Duration::from_millis(10));
        let before = stamp();
        assert_eq!(Some(hashed(&path).stamp), before);
        fs::write(&path, "abd").expect("written");
        assert_ne!(stamp(), before);
        fs::remove_file(&path).expect("removed");
        assert_eq!(stamp(), None);
    }
}
