//! The project's files, as the compiler reads them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::digest::{self, ContentHash};
use crate::formula::settings::Files;

/// Files below the project's root. `.formake` and version control's folders are not part of it.
pub struct ProjectFiles {
    pub root: PathBuf,
}

impl Files for ProjectFiles {
    fn read(&self, path: &str) -> io::Result<String> {
        fs::read_to_string(self.root.join(path))
    }

    fn hash(&self, path: &str) -> io::Result<ContentHash> {
        Ok(digest::of_bytes(&fs::read(self.root.join(path))?))
    }

    fn exists(&self, path: &str) -> bool {
        self.root.join(path).is_file()
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<String>> {
        if !pattern.contains(['*', '?', '[', '{']) {
            return Ok(if self.exists(pattern) { vec![pattern.to_string()] } else { Vec::new() });
        }
        let glob = GlobBuilder::new(pattern).literal_separator(true).build().map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        // Only the folder before the first wildcard is walked.
        let fixed = pattern.split(['*', '?', '[', '{']).next().unwrap_or_default();
        let base = fixed.rfind('/').map_or("", |end| &fixed[..end]);
        let mut found = Vec::new();
        walk(&self.root, base, &glob.compile_matcher(), &mut found)?;
        found.sort();
        Ok(found)
    }
}

fn walk(root: &Path, folder: &str, glob: &GlobMatcher, found: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !matches!(name.as_str(), ".formake" | ".git") {
                walk(root, &path, glob, found)?;
            }
        } else if glob.is_match(&path) {
            found.push(path);
        }
    }
    Ok(())
}
