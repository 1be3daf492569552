//! Files that come from outside: one instance's, or all that a path pattern matches.
//!
//! What is true here: hidden files are passed over unless the pattern names them; only folders that the pattern can reach are listed, each
//! once; links are read through. A recorded path (`raw/2024-01-31/*.csv`) is itself a path pattern, without variables.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use super::content::{self, Content, Kind, Stamp, stamp_of};
use super::error::StoreError;
use super::tree::{Links, Tree, is_gone};
use crate::formula::program::Source;
use crate::identity::Binding;
use crate::identity::path::PathPattern;

/// One instance's file, folder or files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// As the catalog records it: the project's path of the file or folder, or the glob.
    pub path: String,
    /// The folder that `files` are relative to; for a single file or a whole folder the path itself.
    pub base: String,
    /// Of a glob; empty otherwise.
    pub files: Vec<String>,
    pub stamp: Stamp,
}

/// The instance's files, where they are there, ready and old enough.
pub fn lookup(root: &Path, source: &Source, binding: &Binding) -> Result<Option<Found>, StoreError> {
    let Some(pattern) = &source.from else { return Ok(None) };
    let look = match pattern.render(binding) {
        Some(path) => single(root, path, pattern.is_folder())?,
        None => glob(root, pattern, binding)?,
    };
    Ok(look.filter(|look| is_admitted(root, source, look)).map(|(found, _)| found))
}

/// All instances whose files are there, ready and old enough, by their values.
pub fn list(root: &Path, source: &Source) -> Result<Vec<(Binding, Found)>, StoreError> {
    let Some(pattern) = &source.from else { return Ok(Vec::new()) };
    let mut paths: BTreeMap<Binding, Vec<String>> = BTreeMap::new();
    search(root, pattern, pattern.start(), &mut |path| {
        if let Some(binding) = pattern.matches(&path, source.variables.len()) {
            paths.entry(binding).or_default().push(path);
        }
    })?;
    let mut all = Vec::with_capacity(paths.len());
    for (binding, mut paths) in paths {
        let look = match pattern.is_glob() {
            true => several(root, pattern, &binding, paths)?,
            false => single(root, paths.swap_remove(0), pattern.is_folder())?,
        };
        if let Some(look) = look.filter(|look| is_admitted(root, source, look)) {
            all.push((binding, look.0));
        }
    }
    Ok(all)
}

/// Hashes an instance's files.
pub fn hash(root: &Path, found: &Found) -> Result<Content, StoreError> {
    let at = root.join(&found.base);
    if !found.files.is_empty() {
        return content::of_files(&at, &found.files);
    }
    content::of_path(&at, Links::Anywhere)?.ok_or(StoreError::Changed { path: at })
}

/// What lies at a recorded source's path.
pub fn at(root: &Path, path: &str, kind: Kind) -> Result<Option<Found>, StoreError> {
    let recorded = if kind == Kind::Folder { PathPattern::parse(path, &mut |_| None).ok() } else { None };
    let look = match recorded.filter(PathPattern::is_glob) {
        Some(pattern) => glob(root, &pattern, &Vec::new())?,
        None => single(root, path.to_string(), kind == Kind::Folder)?,
    };
    Ok(look.map(|(found, _)| found))
}

type Look = Option<(Found, Tree)>;

fn single(root: &Path, path: String, is_folder: bool) -> Result<Look, StoreError> {
    let tree = Tree::at(&root.join(&path), Links::Anywhere)?.filter(|tree| tree.is_folder == is_folder);
    Ok(tree.map(|tree| (Found { base: path.clone(), path, files: Vec::new(), stamp: stamp_of(&tree.entries) }, tree)))
}

fn glob(root: &Path, pattern: &PathPattern, binding: &Binding) -> Result<Look, StoreError> {
    let Some((base, Some(_))) = pattern.fixed(binding) else { return Ok(None) };
    let mut paths = Vec::new();
    search(root, pattern, if base == "." { "" } else { &base }, &mut |path| {
        let found = pattern.matches(&path, binding.len());
        if found.is_some_and(|found| pattern.variables().all(|v| found[v.0 as usize] == binding[v.0 as usize])) {
            paths.push(path);
        }
    })?;
    several(root, pattern, binding, paths)
}

/// A glob's files as one instance.
fn several(root: &Path, pattern: &PathPattern, binding: &Binding, paths: Vec<String>) -> Result<Look, StoreError> {
    let Some((base, Some(rest))) = pattern.fixed(binding) else { return Ok(None) };
    if paths.is_empty() {
        return Ok(None);
    }
    let (below, path) = match base.as_str() {
        "." => (0, rest),
        "/" => (1, format!("/{rest}")),
        folder => (folder.len() + 1, format!("{folder}/{rest}")),
    };
    let mut files: Vec<String> = paths.into_iter().map(|path| path[below..].to_string()).collect();
    files.sort();
    let tree = Tree::of(&root.join(&base), &files)?;
    Ok(Some((Found { path, base, files, stamp: stamp_of(&tree.entries) }, tree)))
}

/// `ready` and `min_age`.
#[allow(clippy::disallowed_methods)]
fn is_admitted(root: &Path, source: &Source, (found, tree): &(Found, Tree)) -> bool {
    let base = root.join(&found.base);
    let folder = if tree.is_folder { Some(base.as_path()) } else { base.parent() };
    let is_ready = source.ready.as_ref().is_none_or(|ready| folder.is_some_and(|folder| folder.join(ready).exists()));
    let is_old = source.min_age.is_none_or(|seconds| {
        let newest = tree.entries.iter().filter_map(|entry| entry.metadata.modified().ok()).max();
        newest.is_none_or(|newest| SystemTime::now().duration_since(newest).unwrap_or_default().as_secs() >= seconds)
    });
    is_ready && is_old
}

/// Calls `each` with the project's path of every file (or folder, where the pattern means folders) that could match.
fn search(root: &Path, pattern: &PathPattern, start: &str, each: &mut dyn FnMut(String)) -> Result<(), StoreError> {
    let text = pattern.text.strip_prefix("./").unwrap_or(&pattern.text);
    let names_hidden = text.starts_with('.') || text.contains("/.");
    Search { root, pattern, names_hidden, open: Vec::new(), each }.folder(start)
}

struct Search<'a> {
    root: &'a Path,
    pattern: &'a PathPattern,
    names_hidden: bool,
    /// Device and inode of the folders that are being listed: a link back to one of them is passed over.
    open: Vec<(u64, u64)>,
    each: &'a mut dyn FnMut(String),
}

impl Search<'_> {
    fn folder(&mut self, folder: &str) -> Result<(), StoreError> {
        let at = self.root.join(folder);
        let (metadata, entries) = match fs::metadata(&at).and_then(|metadata| Ok((metadata, fs::read_dir(&at)?))) {
            Ok(found) => found,
            Err(e) if is_gone(&e) => return Ok(()),
            Err(e) => return Err(StoreError::io(&at)(e)),
        };
        let own = (metadata.dev(), metadata.ino());
        if self.open.contains(&own) {
            return Ok(());
        }
        self.open.push(own);
        for entry in entries {
            let entry = entry.map_err(StoreError::io(&at))?;
            // A name that is not UTF-8 matches no pattern.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') && !self.names_hidden {
                continue;
            }
            let mut kind = entry.file_type().map_err(StoreError::io(&at))?;
            if kind.is_symlink() {
                let Ok(target) = fs::metadata(entry.path()) else { continue };
                kind = target.file_type();
            }
            let path = match folder {
                "" | "/" => format!("{folder}{name}"),
                folder => format!("{folder}/{name}"),
            };
            if kind.is_dir() && self.pattern.reaches(&path) {
                self.folder(&path)?;
            }
            if if self.pattern.is_folder() { kind.is_dir() } else { kind.is_file() } {
                (self.each)(path);
            }
        }
        self.open.pop();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;
    use crate::formula::ast::{FileId, Span};
    use crate::formula::program::{Life, Role, Variable};
    use crate::identity::{Pattern, Precision, Type, Var};

    const VARIABLES: [(&str, Type); 2] = [("A", Type::Text), ("DATE", Type::Time(Precision::Day))];

    fn source(path: &str) -> Source {
        let variable = |name: &str| VARIABLES.iter().position(|(n, _)| *n == name).map(|i| (Var(i as u16), VARIABLES[i].1));
        Source {
            of: None,
            id: 0,
            pattern: Pattern { class: "raw".into(), terms: vec![], label: "prod".into(), repository: "dl".into() },
            variables: VARIABLES.map(|(name, ty)| Variable { name: name.into(), ty, role: Role::Bound { domain: None } }).into(),
            from: Some(PathPattern::parse(path, &mut { variable }).expect("a pattern")),
            life: Life::default(),
            copy: false,
            ready: None,
            min_age: None,
            columns: None,
            doc: None,
            owner: None,
            tags: vec![],
            span: Span { file: FileId(0), start: 0, end: 0 },
            place: "pipeline.formula:1".into(),
        }
    }

    fn project(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("below the root")).expect("made");
            fs::write(path, file).expect("written");
        }
        root
    }

    /// `A=x DATE=2024-01-31: path [files]`, and that looking up finds what listing does.
    fn listed(root: &Path, source: &Source) -> Vec<String> {
        let all = list(root, source).expect("listed");
        let line = |(binding, found): &(Binding, Found)| {
            assert_eq!(lookup(root, source, binding).expect("looked").as_ref(), Some(found));
            let content = hash(root, found).expect("hashed");
            assert_eq!(at(root, &found.path, content.kind).expect("looked").as_ref(), Some(found));
            let values: Vec<String> = binding.iter().flatten().map(ToString::to_string).collect();
            format!("{} = {} {}", values.join(" "), found.path, found.files.join(" ")).trim_end().to_string()
        };
        all.iter().map(line).collect()
    }

    #[test]
    fn what_is_listed_is_found_again() {
        let root = project(&[
            "raw/b/2024-01-31.csv",
            "raw/a/2024-02-01.csv",
            "raw/a/2024-01-31.csv",
            "raw/a/2024-01-32.csv",
            "raw/a/.2024-01-30.csv",
            "raw/.git/2024-01-31.csv",
            "raw/notes.txt",
            "days/2024/01/31/x.csv",
            "days/2024/01/31/deep/y.csv",
            "days/2024/02/01/x.csv",
            "days/2024/x/01/x.csv",
            "flat/2024-01-31-[1].csv",
            "flat/2024-01-31-{2}.csv",
            "flat/2024-02-01-1.csv",
        ]);
        for (pattern, expected) in [
            (
                "raw/<A>/<DATE>.csv",
                vec!["a 2024-01-31 = raw/a/2024-01-31.csv", "a 2024-02-01 = raw/a/2024-02-01.csv", "b 2024-01-31 = raw/b/2024-01-31.csv"],
            ),
            ("./raw/a/<DATE>.csv", vec!["2024-01-31 = raw/a/2024-01-31.csv", "2024-02-01 = raw/a/2024-02-01.csv"]),
            ("raw/a/.<DATE>.csv", vec!["2024-01-30 = raw/a/.2024-01-30.csv"]),
            ("raw/notes.txt", vec![" = raw/notes.txt"]),
            ("raw/a/", vec![" = raw/a"]),
            ("days/<DATE:%Y/%m/%d>/", vec!["2024-01-31 = days/2024/01/31", "2024-02-01 = days/2024/02/01"]),
            ("days/<DATE:%Y/%m/%d>/*.csv", vec!["2024-01-31 = days/2024/01/31/*.csv x.csv", "2024-02-01 = days/2024/02/01/*.csv x.csv"]),
            (
                "days/<DATE:%Y/%m/%d>/**",
                vec!["2024-01-31 = days/2024/01/31/**/* deep/y.csv x.csv", "2024-02-01 = days/2024/02/01/**/* x.csv"],
            ),
            (
                "flat/<DATE>-*.csv",
                vec![
                    "2024-01-31 = flat/2024-01-31-*.csv 2024-01-31-[1].csv 2024-01-31-{2}.csv",
                    "2024-02-01 = flat/2024-02-01-*.csv 2024-02-01-1.csv",
                ],
            ),
            ("none/<A>", vec![]),
        ] {
            assert_eq!(listed(root.path(), &source(pattern)), expected, "{pattern}");
        }
    }

    #[test]
    fn links_are_read_through_and_stamped_as_what_they_lead_to() {
        let root = project(&["disk/x.csv"]);
        symlink("disk", root.path().join("raw")).expect("linked");
        symlink("..", root.path().join("disk/up")).expect("linked");
        std::thread::sleep(Duration::from_millis(60));
        let source = source("raw/<A>.csv");
        let (_, found) = list(root.path(), &source).expect("listed").pop().expect("one");
        let content = hash(root.path(), &found).expect("hashed");
        assert_eq!(content.stamp, found.stamp, "so that the next look need not hash");
        assert!(content.stamp.is_settled());
        assert_eq!(listed(root.path(), &self::source("raw/**/<A>.csv")).len(), 1, "a circle of links ends");
    }

    #[test]
    #[allow(clippy::disallowed_methods)]
    fn files_wait_until_they_are_ready_and_old_enough() {
        let root = project(&["raw/2024-01-31/x.csv", "raw/2024-02-01/x.csv", "raw/2024-02-01/_SUCCESS"]);
        let mut source = source("raw/<DATE>/*.csv");
        source.ready = Some("_SUCCESS".into());
        assert_eq!(listed(root.path(), &source), ["2024-02-01 = raw/2024-02-01/*.csv x.csv"]);
        source.min_age = Some(600);
        assert!(listed(root.path(), &source).is_empty());
        let old = SystemTime::now() - Duration::from_secs(601);
        let file = fs::File::options().write(true).open(root.path().join("raw/2024-02-01/x.csv")).expect("opened");
        file.set_modified(old).expect("set");
        assert_eq!(listed(root.path(), &source).len(), 1);
    }
}
