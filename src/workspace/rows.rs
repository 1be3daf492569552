//! Two snapshots row by row.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::compare::Sides;
use super::query::gone;
use super::scratch::Scratch;
use super::{Failure, Workspace};
use crate::catalog::{Reading, SnapshotId};
use crate::diagnostic::Diagnostic;
use crate::formula::program::Program;
use crate::identity::{Identity, Name};
use crate::plan::compare::{Change, Comparison, RowDiffs};
use crate::plan::{Bytes, Condition};
use crate::quality::{Contract, Contracts};
use crate::run::disk::Disk;
use crate::table::rowdiff::{AskedRows, Compared, RowDiff, diff_rows};
use crate::table::{Limits, TableError, TableInput, TablePart};

/// Tables up to so many bytes, both sides together, are looked into without being asked to.
const SMALL: u64 = 64_000_000;
/// In a review, the tables of so many classes are looked into.
const CLASSES: usize = 5;

/// What the project says of classes, as far as it can be read: the types of their columns, and their keys.
struct Known {
    program: Option<Program>,
    contracts: Option<Arc<Contracts>>,
}

impl Workspace {
    /// Compares what two identities stand for, row by row; where no key is asked for, by the primary key of the class's contract.
    ///
    /// # Errors
    /// The key is no column of both. That one of them is no table, or that its bytes are gone, is an answer.
    pub fn compare_rows(&self, was: &Reading, now: &Reading, asked: &AskedRows, limits: &Limits) -> Result<Compared, Failure> {
        self.compare_known(&self.known(), was, now, asked, limits)
    }

    fn known(&self) -> Known {
        Known { program: self.program().ok(), contracts: self.contracts().ok() }
    }

    fn compare_known(&self, known: &Known, was: &Reading, now: &Reading, asked: &AskedRows, limits: &Limits) -> Result<Compared, Failure> {
        let class = &*now.identity.class;
        let input = |reading: &Reading| -> Result<TableInput, Diagnostic> {
            let snapshot = &reading.pointer.snapshot;
            if self.bytes.condition(snapshot) != Condition::Intact {
                return Err(gone(reading));
            }
            let (at, files) = self.bytes.data(snapshot);
            let columns = known.program.as_ref().and_then(|program| program.columns_of(&reading.identity.class));
            let part = TablePart { at, files, values: Vec::new() };
            Ok(TableInput { name: "rows".into(), parts: vec![part], dimensions: Vec::new(), columns })
        };
        let inputs = input(was).and_then(|was| Ok((was, input(now)?)));
        let (was, now) = match inputs {
            Ok(inputs) => inputs,
            Err(gone) => return Ok(Compared::Not { because: gone.message }),
        };
        let own = known.contracts.as_ref().and_then(|contracts| contracts.of(class).map(Contract::primary_key)).unwrap_or_default();
        let by_contract = AskedRows { key: own, ..asked.clone() };
        if asked.key.is_empty() && !by_contract.key.is_empty() {
            // A contract may name what one side had not yet.
            if let Ok(diff) = diff_rows(&was, &now, &by_contract, limits) {
                return Ok(Compared::Tables(Box::new(diff)));
            }
        }
        match diff_rows(&was, &now, asked, limits) {
            Ok(diff) => Ok(Compared::Tables(Box::new(diff))),
            Err(error @ (TableError::UnknownColumn { .. } | TableError::Stopped)) => {
                Err(Diagnostic::error("E0926", format!("rows cannot be paired: {error}")).into())
            }
            Err(error) => Ok(Compared::Not { because: error.to_string().replace(&format!("{}/", self.root.display()), "") }),
        }
    }

    /// Adds what differs in the rows of all pairs that have other bytes.
    ///
    /// # Errors
    /// The key is no column of any of them.
    pub fn add_rows(&self, comparison: &mut Comparison, asked: &AskedRows, scratch: &Scratch) -> Result<(), Failure> {
        let known = self.known();
        let found: Vec<_> = pairs(comparison).collect();
        // They share the memory that one may have.
        let threads = rayon::current_num_threads().min(found.len()).max(1);
        let limits = scratch.limits();
        let limits = Limits { memory: limits.memory / threads, ..limits };
        let compared = found.par_iter().map(|(ids, was, now)| {
            let compare = |asked: &AskedRows| self.compare_known(&known, was, now, asked, &limits);
            match compare(asked) {
                // Classes have other keys; of those that lack this one, rows are counted.
                Err(refused) => Ok((*ids, compare(&AskedRows { key: Vec::new(), ..asked.clone() })?, Some(refused))),
                Ok(compared) => Ok((*ids, compared, None)),
            }
        });
        let mut rows = RowDiffs { in_full: true, ..RowDiffs::default() };
        let mut refused = None;
        for (ids, compared, failure) in compared.collect::<Result<Vec<_>, Failure>>()? {
            rows.of.insert(ids, compared);
            refused = refused.or(failure);
        }
        let paired = |compared: &Compared| matches!(compared, Compared::Tables(diff) if !diff.key.is_empty() || diff.repeated.is_some());
        match refused {
            Some(failure) if !rows.of.values().any(paired) => Err(failure),
            _ => {
                comparison.rows = rows;
                Ok(())
            }
        }
    }

    /// In what the tables that a label made already differ from its base's: of each class the newest, of a few classes.
    pub fn rows_against_base(&self, label: &str, base: &str) -> Vec<(Identity, RowDiff)> {
        let sides = Sides { a: base, b: Some(label), label: None, as_of: None, class: None };
        let Ok(comparison) = self.compare(&sides) else { return Vec::new() };
        let mut newest: BTreeMap<Name, (&Reading, &Reading)> = BTreeMap::new();
        for (_, was, now) in pairs(&comparison) {
            let known = newest.entry(now.identity.class.clone()).or_insert((was, now));
            if known.1.identity.instance < now.identity.instance {
                *known = (was, now);
            }
        }
        let (scratch, known) = (self.scratch(), self.known());
        let small = |(was, now): &(&Reading, &Reading)| was.pointer.snapshot.bytes + now.pointer.snapshot.bytes <= SMALL;
        let compared = newest.into_values().filter(small).take(CLASSES).filter_map(|(was, now)| {
            match self.compare_known(&known, was, now, &AskedRows::default(), &scratch.limits()) {
                Ok(Compared::Tables(diff)) => Some((now.identity.clone(), *diff)),
                _ => None,
            }
        });
        compared.collect()
    }

    /// Where one identity alone differs, and its tables are small, what differs in them in short.
    pub fn add_rows_of_one(&self, comparison: &mut Comparison, scratch: &Scratch) {
        let differing = comparison.entries.iter().filter(|entry| entry.change != Change::MadeOtherwise).count();
        let found: Vec<_> = pairs(comparison).collect();
        let [(ids, was, now)] = found.as_slice() else { return };
        if differing != 1 || was.pointer.snapshot.bytes + now.pointer.snapshot.bytes > SMALL {
            return;
        }
        // A summary that cannot be had is none.
        if let Ok(compared) = self.compare_rows(was, now, &AskedRows::default(), &scratch.limits()) {
            comparison.rows = RowDiffs { of: [(*ids, compared)].into(), in_full: false };
        }
    }
}

fn pairs(comparison: &Comparison) -> impl Iterator<Item = ((SnapshotId, SnapshotId), &Reading, &Reading)> {
    comparison.entries.iter().filter(|entry| entry.change == Change::Bytes).filter_map(|entry| {
        let (was, now) = (entry.pair.a.as_ref()?, entry.pair.b.as_ref()?);
        Some(((was.pointer.snapshot.id, now.pointer.snapshot.id), was, now))
    })
}
