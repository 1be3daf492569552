//! Finding and opening data: which files a snapshot has, and what format each one's name says.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::error::TableError;
use crate::formula::program::Format;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// With a comma, or a tab for `.tsv`.
    Csv(u8),
    Jsonl,
    Parquet,
}

/// One file that can be read as rows.
#[derive(Clone, Debug)]
pub(crate) struct DataFile {
    pub path: PathBuf,
    pub kind: Kind,
    gzip: bool,
}

impl DataFile {
    /// `None` where the name says no format.
    pub fn at(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let (name, gzip) = match name.strip_suffix(".gz") {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        let kind = match name.rsplit_once('.')?.1 {
            "csv" => Kind::Csv(b','),
            "tsv" => Kind::Csv(b'\t'),
            "jsonl" | "ndjson" | "json" => Kind::Jsonl,
            "parquet" if !gzip => Kind::Parquet,
            _ => return None,
        };
        Some(Self { path: path.to_path_buf(), kind, gzip })
    }

    /// Its bytes, unpacked.
    pub fn open(&self) -> Result<Box<dyn BufRead + Send>, TableError> {
        let file = File::open(&self.path).map_err(|e| TableError::read(&self.path, e))?;
        let file = BufReader::with_capacity(1 << 16, file);
        Ok(if self.gzip { Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file))) } else { Box::new(file) })
    }
}

/// The format that a file's name says; `None` where it says none.
pub fn format_of(path: &Path) -> Option<Format> {
    Some(match DataFile::at(path)?.kind {
        Kind::Csv(_) => Format::Csv,
        Kind::Jsonl => Format::Jsonl,
        Kind::Parquet => Format::Parquet,
    })
}

/// The data files of a snapshot: `at` itself, or `files` below it, or (a folder) all below it whose names say a format, sorted by path.
/// Names that begin with `.` or `_` (`_SUCCESS`) are left out.
pub(crate) fn find(at: &Path, files: &[String]) -> Result<Vec<DataFile>, TableError> {
    let named = |path: PathBuf| DataFile::at(&path).ok_or(TableError::NotATable { path });
    if !files.is_empty() {
        return files.iter().map(|file| named(at.join(file))).collect();
    }
    let metadata = std::fs::metadata(at).map_err(|e| TableError::read(at, e))?;
    if !metadata.is_dir() {
        return Ok(vec![named(at.to_path_buf())?]);
    }
    let mut found = Vec::new();
    walk(at, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    if found.is_empty() { Err(TableError::NoFiles { path: at.to_path_buf() }) } else { Ok(found) }
}

fn walk(folder: &Path, found: &mut Vec<DataFile>) -> Result<(), TableError> {
    for entry in std::fs::read_dir(folder).map_err(|e| TableError::read(folder, e))? {
        let path = entry.map_err(|e| TableError::read(folder, e))?.path();
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".") || name.as_encoded_bytes().starts_with(b"_")) {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else {
            found.extend(DataFile::at(&path));
        }
    }
    Ok(())
}
