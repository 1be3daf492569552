//! Files that come from outside: one instance's, or all that a path pattern matches.
//!
//! What is true here: hidden files are passed over unless the pattern names them; only folders that the pattern can reach are listed.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use globset::GlobBuilder;

use super::content::{self, Content, Kind, Stamp, StoreError, stamp_of};
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
    let Some((base, rest)) = pattern.fixed(binding) else { return Ok(None) };
    let (found, entries) = match rest {
        None => {
            let base = base.trim_end_matches('/').to_string();
            let at = root.join(&base);
            let Ok(metadata) = fs::metadata(&at) else { return Ok(None) };
            if pattern.is_folder() != metadata.is_dir() {
                return Ok(None);
            }
            let mut entries = Vec::new();
            if metadata.is_dir() {
                content::walk(&at, "", &mut entries)?;
            } else {
                entries.push((String::new(), metadata));
            }
            (Found { path: base.clone(), base, files: Vec::new(), stamp: stamp_of(&entries) }, entries)
        }
        Some(rest) => {
            let path = if base == "." { rest.clone() } else { format!("{base}/{rest}") };
            let Some((files, entries)) = expand(root, &base, &rest)? else { return Ok(None) };
            (Found { path, base, files, stamp: stamp_of(&entries) }, entries)
        }
    };
    let folder = if pattern.is_folder() || !found.files.is_empty() { root.join(&found.base) } else { parent(&root.join(&found.base)) };
    if source.ready.as_ref().is_some_and(|ready| !folder.join(ready).exists()) {
        return Ok(None);
    }
    if let Some(age) = source.min_age
        && too_young(&entries, age)
    {
        return Ok(None);
    }
    Ok(Some(found))
}

/// All instances whose files are there.
pub fn list(root: &Path, source: &Source) -> Result<Vec<(Binding, Found)>, StoreError> {
    let Some(pattern) = &source.from else { return Ok(Vec::new()) };
    let fixed = pattern.text.split(['<', '*']).next().unwrap_or_default();
    let start = fixed.rfind('/').map_or("", |end| if end == 0 { "/" } else { &fixed[..end] });
    let mut bindings = BTreeMap::new();
    search(root, start, pattern, source.variables.len(), &mut bindings)?;
    let mut all = Vec::with_capacity(bindings.len());
    for (binding, ()) in bindings {
        if let Some(found) = lookup(root, source, &binding)? {
            all.push((binding, found));
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
    // A source may be a link: it is read through.
    match fs::canonicalize(&at) {
        Ok(real) => content::of_path(&real).map(|content| if real == at { content } else { Content { stamp: Stamp(0), ..content } }),
        Err(error) => Err(StoreError::io(&at)(error)),
    }
}

/// The content of a recorded source's path now, or `None` where it is not there: what was read is compared with it.
pub fn content_at(root: &Path, path: &str, kind: Kind) -> Result<Option<Content>, StoreError> {
    let found = match at(root, path, kind)? {
        Some(found) => found,
        None => return Ok(None),
    };
    hash(root, &found).map(Some)
}

/// What lies at a recorded source's path.
pub fn at(root: &Path, path: &str, kind: Kind) -> Result<Option<Found>, StoreError> {
    if kind == Kind::Folder
        && let Some(star) = path.find('*')
    {
        let (base, rest) = path[..star].rfind('/').map_or((".", path), |end| (&path[..end], &path[end + 1..]));
        return Ok(expand(root, base, rest)?.map(|(files, entries)| Found {
            path: path.to_string(),
            base: base.to_string(),
            files,
            stamp: stamp_of(&entries),
        }));
    }
    let Ok(metadata) = fs::metadata(root.join(path)) else { return Ok(None) };
    let mut entries = Vec::new();
    if metadata.is_dir() {
        content::walk(&root.join(path), "", &mut entries)?;
    } else {
        entries.push((String::new(), metadata));
    }
    Ok(Some(Found { path: path.to_string(), base: path.to_string(), files: Vec::new(), stamp: stamp_of(&entries) }))
}

type Expanded = (Vec<String>, Vec<(String, Metadata)>);

/// A glob's files below a folder, sorted; `None` where there are none.
fn expand(root: &Path, base: &str, rest: &str) -> Result<Option<Expanded>, StoreError> {
    let folder = root.join(base);
    let escaped = rest.replace(['[', ']', '{', '}', '?'], "?");
    let Ok(glob) = GlobBuilder::new(&escaped).literal_separator(true).build() else { return Ok(None) };
    let glob = glob.compile_matcher();
    let mut entries = Vec::new();
    if !folder.is_dir() {
        return Ok(None);
    }
    below(&folder, "", rest.contains("**") || rest.contains('/'), &mut entries)?;
    entries.retain(|(name, _)| glob.is_match(name));
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let files: Vec<String> = entries.iter().map(|(name, _)| name.clone()).collect();
    Ok(if files.is_empty() { None } else { Some((files, entries)) })
}

fn below(base: &Path, at: &str, deep: bool, found: &mut Vec<(String, Metadata)>) -> Result<(), StoreError> {
    let folder = base.join(at);
    for entry in fs::read_dir(&folder).map_err(StoreError::io(&folder))? {
        let entry = entry.map_err(StoreError::io(&folder))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        let path = if at.is_empty() { name } else { format!("{at}/{name}") };
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        if metadata.is_dir() {
            if deep {
                below(base, &path, deep, found)?;
            }
        } else {
            found.push((path, metadata));
        }
    }
    Ok(())
}

fn search(
    root: &Path,
    folder: &str,
    pattern: &PathPattern,
    variables: usize,
    bindings: &mut BTreeMap<Binding, ()>,
) -> Result<(), StoreError> {
    let at = root.join(folder);
    let entries = match fs::read_dir(&at) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(()),
        Err(e) => return Err(StoreError::io(&at)(e)),
    };
    for entry in entries {
        let entry = entry.map_err(StoreError::io(&at))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = match folder {
            "" => name.clone(),
            "/" => format!("/{name}"),
            folder => format!("{folder}/{name}"),
        };
        if name.starts_with('.') && !pattern.text.contains("/.") && !pattern.text.starts_with('.') {
            continue;
        }
        let kind = entry.file_type().map_err(StoreError::io(&at))?;
        let is_folder = kind.is_dir() || (kind.is_symlink() && entry.path().is_dir());
        if is_folder == pattern.is_folder()
            && let Some(binding) = pattern.matches(&path, variables)
        {
            bindings.insert(binding, ());
        }
        if is_folder && pattern.reaches(&path) {
            search(root, &path, pattern, variables, bindings)?;
        }
    }
    Ok(())
}

fn parent(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

#[allow(clippy::disallowed_methods)]
fn too_young(entries: &[(String, Metadata)], seconds: u64) -> bool {
    let newest = entries.iter().filter_map(|(_, m)| m.modified().ok()).max();
    newest.is_some_and(|newest| SystemTime::now().duration_since(newest).unwrap_or_default().as_secs() < seconds)
}
