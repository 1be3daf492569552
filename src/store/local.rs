//! Repositories as folders on this machine.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::content::{self, Content, Kind, Stamp, StoreError};
use crate::digest::ContentHash;
use crate::identity::Instance;
use crate::identity::instance::percent_encoded;

/// Formake's own folder below a root: what is on its way in, and what was found damaged.
const OWN: &str = ".formake";
/// From so many outputs on, one sync of the file system is cheaper than one of each file.
const MANY: usize = 16;

/// All repositories of a project.
#[derive(Clone, Debug)]
pub struct LocalStore {
    roots: BTreeMap<String, PathBuf>,
}

/// Something taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub content: Content,
    /// Below the repository's root.
    pub path: String,
}

/// Whether bytes are what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Intact,
    /// The right bytes under another stamp.
    Moved(Stamp),
    Gone,
    Damaged,
}

impl LocalStore {
    pub fn new(roots: BTreeMap<String, PathBuf>) -> Self {
        Self { roots }
    }

    pub fn root(&self, repository: &str) -> Result<&Path, StoreError> {
        self.roots.get(repository).map(PathBuf::as_path).ok_or_else(|| StoreError::NoRepository { repository: repository.to_string() })
    }

    /// Where a path below a repository's root is.
    pub fn path(&self, repository: &str, path: &str) -> Result<PathBuf, StoreError> {
        Ok(self.root(repository)?.join(path))
    }

    /// Checks that a repository can be written, and makes its root where only that is missing.
    pub fn ready(&self, repository: &str) -> Result<(), StoreError> {
        let root = self.root(repository)?;
        let unusable = |reason: String| StoreError::Root { repository: repository.to_string(), root: root.to_path_buf(), reason };
        match fs::metadata(root) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(unusable("it is a file".into())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => match root.parent() {
                Some(parent) if parent.is_dir() => match fs::create_dir(root) {
                    Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(e.to_string())),
                    _ => {}
                },
                _ => return Err(unusable("neither it nor the folder above it is there (not mounted?)".into())),
            },
            Err(e) => return Err(unusable(e.to_string())),
        }
        fs::create_dir_all(root.join(OWN).join("incoming")).map_err(|e| unusable(e.to_string()))
    }

    /// Hashes what lies at `from`, moves it below the repository's root, and makes it read-only. Not yet durable: see [`LocalStore::seal`].
    pub fn take_in(&self, from: &Path, repository: &str, class: &str, instance: &Instance, name: &str) -> Result<Stored, StoreError> {
        self.ready(repository)?;
        let root = self.root(repository)?;
        let incoming = Incoming::new(root)?;
        let inside = incoming.0.join(percent_encoded(name));
        move_or_copy(from, &inside)?;
        make_read_only(&inside)?;
        self.settle(incoming, &inside, root, class, instance)
    }

    /// [`LocalStore::take_in`] of a copy: what lies at `from` stays.
    pub fn take_copy(&self, from: &Path, repository: &str, class: &str, instance: &Instance, name: &str) -> Result<Stored, StoreError> {
        self.ready(repository)?;
        let root = self.root(repository)?;
        let incoming = Incoming::new(root)?;
        let inside = incoming.0.join(percent_encoded(name));
        copy_all(from, &inside)?;
        make_read_only(&inside)?;
        self.settle(incoming, &inside, root, class, instance)
    }

    fn settle(&self, incoming: Incoming, inside: &Path, root: &Path, class: &str, instance: &Instance) -> Result<Stored, StoreError> {
        let mut content = content::of_path(inside)?;
        let folder = root.join(percent_encoded(class)).join(instance.path_component());
        fs::create_dir_all(&folder).map_err(StoreError::io(&folder))?;
        let place = folder.join(content.hash.to_hex());
        let name = inside.file_name().map(PathBuf::from).unwrap_or_default();
        let mut tries = 0;
        while let Err(error) = fs::rename(&incoming.0, &place) {
            let taken = matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty);
            if !taken || tries > 3 {
                return Err(StoreError::io(&place)(error));
            }
            tries += 1;
            // The same bytes were made before: kept where they are right, put aside where they are not.
            if content::of_path(&place.join(&name)).is_ok_and(|there| there.hash == content.hash) {
                break;
            }
            let damaged = Incoming::unused(&root.join(OWN).join("damaged"))?;
            let _ = fs::rename(&place, &damaged);
        }
        let at = place.join(&name);
        // Read-only and ours: the stamp holds from now on, however young.
        content.stamp = content::stamp_of_path(&at)?.unwrap_or_default();
        let path = at.strip_prefix(root).unwrap_or(&at).to_string_lossy().into_owned();
        Ok(Stored { content, path })
    }

    /// Makes what was taken in durable, before the catalog speaks of it. `made`: repositories and paths below their roots.
    pub fn seal(&self, made: &[(&str, &str)]) -> Result<(), StoreError> {
        let mut roots: Vec<&str> = made.iter().map(|(repository, _)| *repository).collect();
        roots.sort_unstable();
        roots.dedup();
        if made.len() >= MANY {
            for repository in roots {
                let root = self.root(repository)?;
                let folder = File::open(root).map_err(StoreError::io(root))?;
                rustix::fs::syncfs(&folder).map_err(|e| StoreError::io(root)(e.into()))?;
            }
            return Ok(());
        }
        for (repository, path) in made {
            let root = self.root(repository)?;
            let at = root.join(path);
            sync_tree(&at)?;
            for folder in at.ancestors().skip(1) {
                sync(folder)?;
                if folder == root {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether what lies at a path is still what was hashed: one look at its stamp, a hash where that moved.
    pub fn look(&self, at: &Path, hash: ContentHash, stamp: Stamp) -> Look {
        match content::stamp_of_path(at) {
            Ok(None) => Look::Gone,
            Ok(Some(now)) if now == stamp && stamp.is_settled() => Look::Intact,
            Ok(Some(_)) | Err(_) => match content::of_path(at) {
                Ok(content) if content.hash == hash => Look::Moved(content::stamp_of_path(at).ok().flatten().unwrap_or_default()),
                _ => Look::Damaged,
            },
        }
    }

    /// Removes what died on its way in. Only while no other process takes anything in.
    pub fn sweep(&self) {
        for root in self.roots.values() {
            let Ok(entries) = fs::read_dir(root.join(OWN).join("incoming")) else { continue };
            for entry in entries.flatten() {
                let _ = remove(&entry.path());
            }
        }
    }
}

/// A fresh folder on a root's file system, removed unless it was moved away.
struct Incoming(PathBuf);

impl Incoming {
    fn new(root: &Path) -> Result<Self, StoreError> {
        let path = Self::unused(&root.join(OWN).join("incoming"))?;
        fs::create_dir(&path).map_err(StoreError::io(&path))?;
        Ok(Self(path))
    }

    fn unused(below: &Path) -> Result<PathBuf, StoreError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(below).map_err(StoreError::io(below))?;
        loop {
            let path = below.join(format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
            if !path.exists() {
                return Ok(path);
            }
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = remove(&self.0);
    }
}

/// Removes a tree, read-only folders in it too.
pub fn remove(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return fs::remove_file(path);
    }
    fs::set_permissions(path, Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(path)? {
        remove(&entry?.path())?;
    }
    fs::remove_dir(path)
}

/// Copies a file or folder out of the store, writable again.
pub fn copy_out(from: &Path, to: &Path) -> Result<(), StoreError> {
    copy_all(from, to)?;
    let metadata = fs::metadata(to).map_err(StoreError::io(to))?;
    make_writable(to, &metadata)
}

fn make_writable(path: &Path, metadata: &fs::Metadata) -> Result<(), StoreError> {
    let mode = if metadata.is_dir() || metadata.permissions().mode() & 0o111 != 0 { 0o755 } else { 0o644 };
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(StoreError::io(path))?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path).map_err(StoreError::io(path))? {
            let path = entry.map_err(StoreError::io(path))?.path();
            make_writable(&path, &fs::metadata(&path).map_err(StoreError::io(&path))?)?;
        }
    }
    Ok(())
}

fn move_or_copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    match fs::rename(from, to) {
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices => copy_all(from, to),
        other => other.map_err(StoreError::io(from)),
    }
}

fn copy_all(from: &Path, to: &Path) -> Result<(), StoreError> {
    let metadata = fs::metadata(from).map_err(StoreError::io(from))?;
    if metadata.is_dir() {
        fs::create_dir(to).map_err(StoreError::io(to))?;
        for entry in fs::read_dir(from).map_err(StoreError::io(from))? {
            let entry = entry.map_err(StoreError::io(from))?;
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::copy(from, to).map(|_| ()).map_err(StoreError::io(from))
}

fn make_read_only(path: &Path) -> Result<(), StoreError> {
    let metadata = fs::symlink_metadata(path).map_err(StoreError::io(path))?;
    let mode = if metadata.is_dir() {
        for entry in fs::read_dir(path).map_err(StoreError::io(path))? {
            make_read_only(&entry.map_err(StoreError::io(path))?.path())?;
        }
        0o555
    } else if metadata.is_symlink() {
        return Err(StoreError::Link { path: path.to_path_buf() });
    } else if metadata.permissions().mode() & 0o111 != 0 {
        0o555
    } else {
        0o444
    };
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(StoreError::io(path))
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|f| f.sync_all()).map_err(StoreError::io(path))
}

fn sync_tree(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(StoreError::io(path))? {
            sync_tree(&entry.map_err(StoreError::io(path))?.path())?;
        }
    }
    sync(path)
}

/// The name under which something is kept, from its name and kind: `churn_features.parquet`.
pub fn kept_name(name: &str, ending: &str, kind: Kind) -> String {
    if kind == Kind::Folder || ending.is_empty() { name.to_string() } else { format!("{name}.{ending}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, LocalStore) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = LocalStore::new(BTreeMap::from([("dl".to_string(), folder.path().join("lake"))]));
        (folder, store)
    }

    #[test]
    fn what_is_taken_in_is_read_only_and_looked_at_by_its_stamp() {
        let (folder, store) = store();
        let from = folder.path().join("x.csv");
        fs::write(&from, "a,b\n").expect("written");
        let stored = store.take_in(&from, "dl", "raw/../x", &Instance::new([]), "x.csv").expect("taken in");
        assert!(!from.exists());
        let at = store.path("dl", &stored.path).expect("a path");
        assert_eq!(stored.path, format!("raw%2F..%2Fx/_/{}/x.csv", stored.content.hash));
        assert_eq!(fs::metadata(&at).expect("there").permissions().mode() & 0o777, 0o444);
        store.seal(&[("dl", &stored.path)]).expect("sealed");
        assert_eq!(store.look(&at, stored.content.hash, stored.content.stamp), Look::Intact);
        fs::set_permissions(&at, Permissions::from_mode(0o644)).expect("set");
        assert!(matches!(store.look(&at, stored.content.hash, stored.content.stamp), Look::Moved(_)));
        fs::write(&at, "a,c\n").expect("written");
        assert_eq!(store.look(&at, stored.content.hash, stored.content.stamp), Look::Damaged);
        fs::write(&from, "a,b\n").expect("written");
        let healed = store.take_in(&from, "dl", "raw/../x", &Instance::new([]), "x.csv").expect("taken in");
        assert_eq!(store.look(&at, healed.content.hash, healed.content.stamp), Look::Intact);
        assert_eq!(fs::read(&at).expect("read"), b"a,b\n");
        remove(&at).expect("removed");
        assert_eq!(store.look(&at, healed.content.hash, healed.content.stamp), Look::Gone);
        assert_eq!(fs::read_dir(folder.path().join("lake/.formake/incoming")).expect("listed").count(), 0);
    }

    #[test]
    fn the_same_bytes_twice_are_kept_once_and_folders_whole() {
        let (folder, store) = store();
        let take = || {
            let from = folder.path().join("tree");
            fs::create_dir_all(from.join("sub")).expect("made");
            fs::write(from.join("sub/a"), "a").expect("written");
            store.take_in(&from, "dl", "t", &Instance::new([]), "tree").expect("taken in")
        };
        let (first, second) = (take(), take());
        assert_eq!(first, second);
        assert_eq!(first.content.kind, Kind::Folder);
    }

    #[test]
    fn roots_that_cannot_be_used_say_why() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("file"), "").expect("written");
        let roots = [("missing", "no/such/folder"), ("file", "file")].map(|(n, p)| (n.to_string(), folder.path().join(p)));
        let store = LocalStore::new(roots.into());
        for (repository, reason) in [("missing", "not mounted"), ("file", "it is a file"), ("other", "no root")] {
            let error = store.ready(repository).expect_err("unusable").to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
