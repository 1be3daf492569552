//! Repositories as folders on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::content::{self, Content, Kind, Stamp};
use super::error::StoreError;
pub use super::files::{copy_out, remove};
use super::files::{copy_tree, make_read_only, move_tree, set_mode, sync, sync_tree};
use super::incoming::{Incoming, since, unique};
use super::tree::{Links, Tree, is_gone};
use crate::digest::{ContentHash, of_bytes};
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
    project: Option<PathBuf>,
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
        Self { roots, project: None }
    }

    /// Roots below this folder are made with all folders above them: nothing is mounted there.
    #[must_use]
    pub fn of_project(self, project: PathBuf) -> Self {
        Self { project: Some(project), ..self }
    }

    fn below_project(&self, root: &Path) -> bool {
        let below = self.project.as_ref().and_then(|project| root.strip_prefix(project).ok());
        below.is_some_and(|below| below.components().all(|part| matches!(part, Component::Normal(_))))
    }

    pub fn root(&self, repository: &str) -> Result<&Path, StoreError> {
        self.roots.get(repository).map(PathBuf::as_path).ok_or_else(|| StoreError::NoRepository { repository: repository.to_string() })
    }

    /// Where a path below a repository's root is.
    pub fn path(&self, repository: &str, path: &str) -> Result<PathBuf, StoreError> {
        Ok(self.root(repository)?.join(path))
    }

    /// Checks that a repository can be written, and makes its root where only that is missing, or where it is a folder of the project.
    pub fn ready(&self, repository: &str) -> Result<(), StoreError> {
        let root = self.root(repository)?;
        let unusable = |reason: String| StoreError::Root { repository: repository.to_string(), root: root.to_path_buf(), reason };
        match fs::metadata(root) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(unusable("it is a file".into())),
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.below_project(root) => {
                fs::create_dir_all(root).map_err(|e| unusable(e.to_string()))?;
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => match root.parent() {
                Some(parent) if parent.is_dir() => match fs::create_dir(root) {
                    Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(e.to_string())),
                    _ => {}
                },
                _ => return Err(unusable("neither it nor the folder above it is there (not mounted?)".into())),
            },
            Err(e) => return Err(unusable(e.to_string())),
        }
        fs::create_dir_all(root.join(OWN)).map_err(|e| unusable(e.to_string()))
    }

    /// Hashes what lies at `from`, moves it below the repository's root, and makes it read-only. Not yet durable: see [`LocalStore::seal`].
    pub fn take_in(&self, from: &Path, repository: &str, class: &str, instance: &Instance, name: &str) -> Result<Stored, StoreError> {
        let (_incoming, inside) = self.incoming(repository, name)?;
        match Tree::at(from, Links::Inside)? {
            // A link's bytes lie elsewhere in the tree: each place gets its own.
            Some(tree) if tree.linked => copy_tree(from, &inside, Links::Inside)?,
            _ => move_tree(from, &inside)?,
        }
        self.settle(&inside, repository, class, instance)
    }

    /// [`LocalStore::take_in`] of a copy: what lies at `from` stays.
    pub fn take_copy(&self, from: &Path, repository: &str, class: &str, instance: &Instance, name: &str) -> Result<Stored, StoreError> {
        let (_incoming, inside) = self.incoming(repository, name)?;
        copy_tree(from, &inside, Links::Anywhere)?;
        self.settle(&inside, repository, class, instance)
    }

    /// A place on the repository's file system, and the path in it under which something is to arrive.
    fn incoming(&self, repository: &str, name: &str) -> Result<(Incoming, PathBuf), StoreError> {
        self.ready(repository)?;
        let incoming = Incoming::new(&self.root(repository)?.join(OWN))?;
        let inside = incoming.folder.join(component(percent_encoded(name)));
        Ok((incoming, inside))
    }

    fn settle(&self, inside: &Path, repository: &str, class: &str, instance: &Instance) -> Result<Stored, StoreError> {
        make_read_only(inside)?;
        let gone = || StoreError::io(inside)(io::ErrorKind::NotFound.into());
        let mut content = content::of_path(inside, Links::Inside)?.ok_or_else(gone)?;
        let root = self.root(repository)?;
        let path = Path::new(&component(percent_encoded(class)))
            .join(component(instance.path_component()))
            .join(content.hash.to_hex())
            .join(inside.file_name().unwrap_or_default());
        let at = root.join(&path);
        if let Some(folder) = at.parent() {
            fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        }
        match content::of_path(&at, Links::Inside) {
            // The same bytes were kept before.
            Ok(Some(there)) if there.hash == content.hash => {}
            Ok(None) => place(inside, &at, content.kind)?,
            Ok(Some(_)) | Err(_) => heal(inside, &at, content.kind, &root.join(OWN).join("damaged"))?,
        }
        // Read-only and ours: the stamp holds from now on, however young.
        content.stamp = content::stamp_of_path(&at, Links::Inside)?.unwrap_or_default();
        Ok(Stored { content, path: path.to_string_lossy().into_owned() })
    }

    /// Makes what was taken in durable, before the catalog speaks of it. `made`: repositories and paths below their roots.
    pub fn seal(&self, made: &[(&str, &str)]) -> Result<(), StoreError> {
        if made.len() >= MANY {
            let repositories: BTreeSet<&str> = made.iter().map(|(repository, _)| *repository).collect();
            for repository in repositories {
                let root = self.root(repository)?;
                let folder = File::open(root).map_err(StoreError::io(root))?;
                rustix::fs::syncfs(&folder).map_err(|e| StoreError::io(root)(e.into()))?;
            }
            return Ok(());
        }
        let mut folders = BTreeSet::new();
        let mut files = Vec::with_capacity(made.len());
        for (repository, path) in made {
            let root = self.root(repository)?;
            let at = root.join(path);
            folders.extend(at.ancestors().skip(1).take_while(|folder| folder.starts_with(root)).map(Path::to_path_buf));
            files.push(at);
        }
        // At the same time: the file system writes its journal once for those that come together.
        files.par_iter().try_for_each(|file| sync_tree(file))?;
        folders.par_iter().try_for_each(|folder| sync(folder))
    }

    /// Whether what lies at a path is still what was hashed: one look at its stamp, a hash where that moved.
    pub fn look(&self, at: &Path, hash: ContentHash, stamp: Stamp) -> Look {
        if stamp.is_settled() && content::stamp_of_path(at, Links::Inside).is_ok_and(|now| now == Some(stamp)) {
            return Look::Intact;
        }
        match content::of_path(at, Links::Inside) {
            Ok(None) => Look::Gone,
            Ok(Some(content)) if content.hash == hash => Look::Moved(content.stamp),
            Ok(Some(_)) | Err(_) => Look::Damaged,
        }
    }

    /// Removes what lies at one path below a repository's root, and the folders above it that are empty then, but never the root. What is
    /// removed is gone at once: no half of it is ever seen at its path. Nothing there is no error.
    ///
    /// # Errors
    /// The path does not lead below the root, or into what is Formake's own there; or it cannot be removed.
    pub fn discard(&self, repository: &str, path: &str) -> Result<(), StoreError> {
        let root = self.root(repository)?;
        let at = root.join(path);
        let outside = || StoreError::Outside { path: at.clone(), root: root.to_path_buf() };
        let parts: Vec<Component<'_>> = Path::new(path).components().collect();
        let is_below = parts.len() > 1 && parts.iter().all(|part| matches!(part, Component::Normal(_)));
        if !is_below || parts.first().is_some_and(|first| first.as_os_str() == OWN) {
            return Err(outside());
        }
        let Some(above) = at.parent() else { return Err(outside()) };
        match (above.canonicalize(), root.canonicalize()) {
            (Ok(above), Ok(root)) if above.starts_with(&root) && above != root => {}
            (Err(e), _) | (_, Err(e)) if is_gone(&e) => return Ok(()),
            (Err(e), _) | (_, Err(e)) => return Err(StoreError::io(above)(e)),
            _ => return Err(outside()),
        }
        match fs::symlink_metadata(&at) {
            Err(e) if is_gone(&e) => {}
            Err(e) => return Err(StoreError::io(&at)(e)),
            Ok(metadata) => {
                let incoming = Incoming::new(&root.join(OWN))?;
                if metadata.is_dir() {
                    // A folder can be moved only while it is writable.
                    set_mode(&at, 0o755)?;
                }
                let aside = incoming.folder.join("removed");
                fs::rename(&at, &aside).map_err(StoreError::io(&at))?;
                remove(&aside).map_err(StoreError::io(&at))?;
            }
        }
        for folder in at.ancestors().skip(1).take_while(|folder| *folder != root) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// What lies aside since before a moment (milliseconds since 1970): left on its way in by what died, or found damaged.
    pub fn leftovers(&self, before: i64) -> Vec<PathBuf> {
        let own = self.roots.values().map(|root| root.join(OWN));
        own.flat_map(|own| [Incoming::left(&own, before), set_aside(&own.join("damaged"), before)].concat()).collect()
    }

    /// Removes what died on its way in. What a living process brings in is left alone.
    pub fn sweep(&self) {
        for root in self.roots.values() {
            Incoming::sweep(&root.join(OWN));
        }
    }
}

/// What lies in a folder under a name of [`unique`] since before a moment.
fn set_aside(folder: &Path, before: i64) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| since(path).is_some_and(|at| at < before)).collect();
    found.sort();
    found
}

/// Moves what is complete to where nothing is. A folder can be moved only while it is writable.
fn place(inside: &Path, at: &Path, kind: Kind) -> Result<(), StoreError> {
    if kind == Kind::Folder {
        set_mode(inside, 0o755)?;
    }
    match fs::rename(inside, at) {
        // Another process was first with the same bytes.
        Err(e) if matches!(e.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty) => Ok(()),
        Err(e) => Err(StoreError::io(at)(e)),
        Ok(()) if kind == Kind::Folder => set_mode(at, 0o555),
        Ok(()) => Ok(()),
    }
}

/// Puts what is complete in the place of what is damaged, at once where the file system can exchange the two; the damaged is kept aside.
fn heal(inside: &Path, at: &Path, kind: Kind, damaged: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(damaged).map_err(StoreError::io(damaged))?;
    let aside = damaged.join(unique());
    for folder in [inside, at].into_iter().filter(|path| path.is_dir()) {
        set_mode(folder, 0o755)?;
    }
    if renameat_with(CWD, inside, CWD, at, RenameFlags::EXCHANGE).is_err() {
        fs::rename(at, &aside).map_err(StoreError::io(at))?;
        return place(inside, at, kind);
    }
    if kind == Kind::Folder {
        set_mode(at, 0o555)?;
    }
    fs::rename(inside, &aside).map_err(StoreError::io(inside))
}

/// A name that every file system takes (255 bytes); a longer one is cut, and told apart by its hash.
fn component(name: String) -> String {
    const LONGEST: usize = 200;
    if name.len() <= LONGEST {
        return name;
    }
    // Encoded names are ASCII: they can be cut anywhere.
    format!("{}%{}", &name[..LONGEST - 33], &of_bytes(name.as_bytes()).to_hex()[..32])
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

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
    fn a_damaged_folder_is_healed_and_the_damage_put_aside() {
        let (folder, store) = store();
        let take = || {
            let from = folder.path().join("tree");
            fs::create_dir_all(from.join("sub")).expect("made");
            fs::write(from.join("sub/a"), "a").expect("written");
            std::os::unix::fs::symlink("sub/a", from.join("b")).expect("linked");
            let stored = store.take_in(&from, "dl", "t", &Instance::new([]), "tree").expect("taken in");
            let _ = remove(&from);
            stored
        };
        let stored = take();
        let at = store.path("dl", &stored.path).expect("a path");
        assert!(!fs::symlink_metadata(at.join("b")).expect("there").is_symlink(), "a link became what it led to");
        set_mode(&at, 0o755).expect("set");
        fs::remove_file(at.join("b")).expect("removed");
        assert_eq!(store.look(&at, stored.content.hash, stored.content.stamp), Look::Damaged);
        assert_eq!(take().path, stored.path);
        assert_eq!(store.look(&at, stored.content.hash, take().content.stamp), Look::Intact);
        assert_eq!(fs::metadata(&at).expect("there").permissions().mode() & 0o777, 0o555);
        assert_eq!(fs::read_dir(folder.path().join("lake/.formake/damaged")).expect("listed").count(), 1);
    }

    #[test]
    fn the_same_bytes_under_two_names_both_stay() {
        let (folder, store) = store();
        let take = |name: &str| {
            let from = folder.path().join("x");
            fs::write(&from, "x").expect("written");
            store.take_copy(&from, "dl", "t", &Instance::new([]), name).expect("taken in")
        };
        for stored in [take("a.csv"), take("b.csv"), take("a.csv"), take(&"long".repeat(100))] {
            let at = store.path("dl", &stored.path).expect("a path");
            assert_eq!(store.look(&at, stored.content.hash, stored.content.stamp), Look::Intact);
        }
    }

    #[test]
    fn one_path_is_discarded_and_nothing_outside_the_root() {
        let (folder, store) = store();
        let lake = folder.path().join("lake");
        let take = |class: &str, bytes: &str| {
            let from = folder.path().join("tree");
            fs::create_dir_all(from.join("sub")).expect("made");
            fs::write(from.join("sub/a"), bytes).expect("written");
            store.take_in(&from, "dl", class, &Instance::new([]), "tree").expect("taken in")
        };
        let (first, second) = (take("t", "a"), take("t", "b"));
        for _ in 0..2 {
            store.discard("dl", &first.path).expect("discarded, or gone");
        }
        assert!(!lake.join(&first.path).exists() && lake.join(&second.path).exists());
        assert!(!lake.join(&first.path).parent().expect("a folder").exists(), "the folder of the hash goes too");
        store.discard("dl", &second.path).expect("discarded");
        assert!(lake.exists() && !lake.join("t").exists(), "all folders but the root");
        assert_eq!(fs::read_dir(lake.join(".formake/incoming")).expect("listed").count(), 0);
        let third = take("t", "c");
        fs::create_dir_all(folder.path().join("elsewhere/x")).expect("made");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), lake.join("link")).expect("linked");
        for wrong in ["../elsewhere/x", "link/x", "t", ".formake/incoming/x", "/etc/hostname", "", ".", "t/../../elsewhere/x"] {
            let error = store.discard("dl", wrong).expect_err(wrong);
            assert!(matches!(error, StoreError::Outside { .. }), "{wrong}: {error}");
        }
        assert!(lake.join(third.path).exists() && folder.path().join("elsewhere/x").exists());
    }

    #[test]
    fn what_lies_aside_is_told_by_its_age() {
        let (folder, store) = store();
        let own = folder.path().join("lake/.formake");
        let name = |milliseconds: i64| format!("{:x}-7-0", i128::from(milliseconds) * 1_000_000);
        for kind in ["incoming", "damaged"] {
            for age in [1_000, 5_000] {
                fs::create_dir_all(own.join(kind).join(name(age))).expect("made");
            }
            fs::create_dir_all(own.join(kind).join("of-somebody-else")).expect("made");
        }
        let _living = Incoming::new(&own).expect("made");
        let left =
            |before| store.leftovers(before).iter().map(|path| path.strip_prefix(&own).expect("below").to_path_buf()).collect::<Vec<_>>();
        assert_eq!(left(5_000), ["incoming", "damaged"].map(|kind| Path::new(kind).join(name(1_000))));
        assert_eq!(left(i64::MAX).len(), 4);
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
        let store = store.of_project(folder.path().to_path_buf());
        store.ready("missing").expect("a folder of the project is made, however deep");
    }
}
