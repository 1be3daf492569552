//! The columns of what lies on this machine, for the check of a label's changes: footers and headers, and the texts of code files.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::Workspace;
use super::request::Prepared;
use crate::catalog::{Run, Snapshot, SnapshotId};
use crate::formula::program::Column;
use crate::identity::{Identity, Name};
use crate::plan::columns::{Columns, Tables};
use crate::plan::{Judge, NotKnown};
use crate::run::disk::Disk;
use crate::table::{self, TableInput, TablePart};
use crate::validity::manifest;

/// A code file longer than this is not searched.
const TEXT: u64 = 1 << 20;

/// One request's view. Nothing is read twice.
pub(super) struct Looks<'a> {
    pub workspace: &'a Workspace,
    pub prepared: &'a Prepared,
    pub judge: &'a Judge<'a>,
    pub label: &'a Name,
    /// The newest snapshot of each class, label and repository.
    pub newest: HashMap<(Name, Name, Name), SnapshotId>,
    pub seen: RefCell<HashMap<(SnapshotId, bool), Columns>>,
}

impl Looks<'_> {
    fn record(&self, id: SnapshotId) -> Option<Snapshot> {
        self.judge.reader.snapshots(&[id]).ok()?.pop()
    }

    fn run(&self, id: SnapshotId) -> Option<Run> {
        self.judge.reader.runs(&[self.record(id)?.origin.run()?]).ok()?.pop()
    }

    fn bytes(&self, snapshot: &Snapshot, declared: Option<&Arc<Vec<Column>>>) -> Columns {
        let disk = &self.workspace.bytes;
        let (at, files) = disk.data(snapshot);
        self.columns(at, files, declared)
    }

    fn columns(&self, at: PathBuf, files: Vec<String>, declared: Option<&Arc<Vec<Column>>>) -> Columns {
        if !at.exists() {
            return Err(NotKnown::BytesGone);
        }
        let columns = declared.map(|columns| columns.as_ref().clone());
        let part = TablePart { at, files, values: Vec::new() };
        table::known(&TableInput { name: "data".into(), parts: vec![part], dimensions: Vec::new(), columns }).map_err(|error| {
            // Paths as people know them.
            let own = format!("{}/", self.workspace.root.display());
            let short = |why: String| why.replace(&own, "");
            match NotKnown::of(&error) {
                NotKnown::NoTable { why } => NotKnown::NoTable { why: short(why) },
                NotKnown::Unreadable { why } => NotKnown::Unreadable { why: short(why) },
                other => other,
            }
        })
    }
}

impl Tables for Looks<'_> {
    fn snapshot(&self, id: SnapshotId, declared: Option<&Arc<Vec<Column>>>) -> Columns {
        let key = (id, declared.is_some());
        if let Some(known) = self.seen.borrow().get(&key) {
            return known.clone();
        }
        let columns = self.record(id).ok_or(NotKnown::Nothing).and_then(|snapshot| self.bytes(&snapshot, declared));
        self.seen.borrow_mut().insert(key, columns.clone());
        columns
    }

    fn source(&self, identity: &Identity, declared: Option<&Arc<Vec<Column>>>) -> Columns {
        let node = self.prepared.graph.index.get(identity).ok_or(NotKnown::Nothing)?;
        match self.prepared.seen.get(node) {
            Some((_, Some(sight))) => self.columns(self.workspace.root.join(&sight.found.base), sight.found.files.clone(), declared),
            Some((observed, None)) => {
                let snapshot = observed.settled.as_ref().and_then(|settled| settled.snapshot.as_ref());
                self.snapshot(snapshot.ok_or(NotKnown::BytesGone)?.id, declared)
            }
            None => Err(NotKnown::Nothing),
        }
    }

    fn base(&self, identity: &Identity) -> Option<SnapshotId> {
        if identity.label != *self.label {
            return None;
        }
        let node = self.prepared.graph.index.get(identity)?;
        self.judge.standings.beneath[node.0 as usize].as_ref().map(|beneath| beneath.current.snapshot.id)
    }

    fn newest(&self, class: &Name, label: &Name, repository: &Name) -> Option<SnapshotId> {
        self.newest.get(&(class.clone(), label.clone(), repository.clone())).copied()
    }

    fn query(&self, id: SnapshotId) -> Option<(String, BTreeMap<String, serde_json::Value>)> {
        let parts = manifest::parts(&self.run(id)?.recipe);
        let query = parts.iter().find(|(name, _)| name == "sql")?.1.clone();
        let param = |(name, value): &(String, String)| Some((name.strip_prefix("param ")?.to_string(), serde_json::from_str(value).ok()?));
        Some((query, parts.iter().filter_map(param).collect()))
    }

    fn text(&self, path: &str) -> Option<String> {
        let path = self.workspace.root.join(path);
        if fs::metadata(&path).ok()?.len() > TEXT {
            return None;
        }
        fs::read_to_string(path).ok()
    }
}
