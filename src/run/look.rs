//! A look at bytes: what they hold, and whether the contract of their class allows it.
//!
//! What is true here: it is the same look wherever bytes come from: a job, a source, a publication, or a check by hand. It reads, and writes
//! nothing; who asked for it tells the catalog. What is no table has no profile, and is only held to rules that are not about tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use crate::catalog::{self, Looked, Reader};
use crate::formula::program::Program;
use crate::identity::{Identity, Name};
use crate::quality::{Contract, Contracts, Evidence, Report, SNAPSHOT, Verdict, judge};
use crate::table::measure::{Asked, MeasureLimits, Measured, Profile, measure};
use crate::table::{self, Limits, TableError, TableInput, TablePart};

/// So many broken rules are named in one line.
const SAID: usize = 3;

/// What looks at bytes need to know of a project.
#[derive(Clone, Copy)]
pub struct Looks<'a> {
    pub program: &'a Program,
    pub contracts: &'a Contracts,
    /// Where to spill what does not fit in memory: below formake's own folder.
    pub spill: &'a Path,
    /// For one look at much data.
    pub threads: usize,
}

/// What a snapshot is compared with, gathered before its bytes are read.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// Profiles of earlier instances, the latest first.
    pub history: Vec<Profile>,
    /// Of rules that compare numbers of JSON files: the files of the previous instance (`None`) and of the identity under labels.
    pub documents: BTreeMap<Option<Name>, PathBuf>,
}

/// What a look told.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub looked: Looked,
    /// Empty where the class has no contract.
    pub report: Report,
}

impl Looks<'_> {
    /// What the contract of an identity's class wants to compare it with, as things stand.
    ///
    /// # Errors
    /// The catalog's.
    pub fn against(&self, reader: &dyn Reader, disk: &dyn Disk, identity: &Identity) -> catalog::Result<Against> {
        let Some(contract) = self.contracts.of(&identity.class) else { return Ok(Against::default()) };
        let mut against = Against::default();
        let compared = contract.compared_with();
        if contract.window() > 0 || compared.contains(&None) {
            let bases = self.program.bases.chain(&identity.label);
            let earlier = catalog::reading::earlier(reader, identity, &bases, contract.window().max(1))?;
            let latest: Vec<_> = earlier.iter().take(contract.window()).map(|snapshot| snapshot.id).collect();
            let profiles = reader.looked(&latest)?.into_iter().filter_map(|looked| looked.profile);
            against.history = profiles.filter_map(|text| serde_json::from_str(&text).ok()).collect();
            against.documents.extend(earlier.first().map(|previous| (None, disk.path(previous))));
        }
        for label in compared.into_iter().flatten() {
            let mut chain = vec![identity.under(&label)];
            chain.extend(self.program.bases.chain(&label).iter().map(|base| identity.under(base)));
            let current = reader.standings(&chain)?.into_iter().find_map(|standing| standing.current);
            against.documents.extend(current.map(|current| (Some(label), disk.path(&current.snapshot))));
        }
        Ok(against)
    }

    /// What the contract of a class says of bytes that were looked at; `None` where it did not speak of them yet, or would compare them anew.
    pub fn known(&self, class: &str, looked: &Looked) -> Option<bool> {
        let Some(contract) = self.contracts.of(class) else { return Some(true) };
        let compares = contract.window() > 0 || !contract.compared_with().is_empty();
        let (_, text) = looked.report.as_ref().filter(|(meaning, _)| *meaning == contract.meaning && !compares)?;
        Some(!serde_json::from_str::<Report>(text).ok()?.blocks())
    }

    /// Reads the bytes at a place (of a glob source: these files below it): once, and for each rule that is a query.
    pub fn look(&self, identity: &Identity, at: &Path, files: &[String], against: &Against) -> Seen {
        let contract = self.contracts.of(&identity.class);
        let input = self.input(identity, at, files);
        let asked = contract.map(Contract::asked).unwrap_or_default();
        let measured = self.measured(&input, &asked);
        let profile = measured.as_ref().ok().and_then(|measured| serde_json::to_string(&measured.profile).ok());
        let Some(contract) = contract else {
            return Seen { looked: Looked { profile, ..Looked::default() }, report: Report::default() };
        };
        let queries = if measured.is_ok() { contract.queries() } else { Vec::new() };
        let limits = Limits { spill: Some(self.spill.to_path_buf()), ..Limits::default() };
        let answer = |sql: &str| table::number(sql, &input, &limits).map_err(|error| error.to_string());
        let document = if contract.needs_document() { json(at) } else { None };
        let evidence = Evidence {
            measured: measured.as_ref(),
            answers: queries.into_iter().map(|(rule, sql)| (rule, answer(sql))).collect(),
            history: &against.history,
            document: document.as_ref(),
            documents: against.documents.iter().filter_map(|(label, path)| Some((label.clone(), json(path)?))).collect(),
            end: identity.instance.time().map(|time| time.next().start_minutes() as f64 * 60.0),
        };
        let report = judge(contract, &evidence);
        let refused = report.blocks().then(|| said(contract, &report));
        let text = serde_json::to_string(&report).unwrap_or_default();
        Seen { looked: Looked { profile, report: Some((contract.meaning, text)), refused }, report }
    }

    /// What a table's bytes hold, without a contract.
    ///
    /// # Errors
    /// It is no table, or a broken one.
    pub fn measured_at(&self, identity: &Identity, at: &Path, files: &[String], asked: &Asked) -> Result<Measured, TableError> {
        self.measured(&self.input(identity, at, files), asked)
    }

    fn measured(&self, input: &TableInput, asked: &Asked) -> Result<Measured, TableError> {
        let limits = MeasureLimits { spill: Some(self.spill.to_path_buf()), threads: self.threads, ..MeasureLimits::default() };
        measure(input, asked, &limits)
    }

    /// The bytes as one table; the types of CSV and JSON are those that a source of the class declares.
    fn input(&self, identity: &Identity, at: &Path, files: &[String]) -> TableInput {
        TableInput {
            name: SNAPSHOT.into(),
            parts: vec![TablePart { at: at.to_path_buf(), files: files.to_vec(), values: Vec::new() }],
            dimensions: Vec::new(),
            columns: self.program.columns_of(&identity.class),
        }
    }
}

/// A file as JSON, where it is.
fn json(at: &Path) -> Option<serde_json::Value> {
    serde_json::from_slice(&std::fs::read(at).ok()?).ok()
}

/// In one line, why nobody may read it.
fn said(contract: &Contract, report: &Report) -> String {
    let errors: Vec<String> = report.errors().map(|verdict| format!("{}: {}", verdict.rule, verdict.message)).collect();
    let shown = errors.iter().take(SAID).cloned().collect::<Vec<_>>().join("; ");
    match errors.len().saturating_sub(SAID) {
        0 => format!("it breaks {}: {shown}", contract.file),
        more => format!("it breaks {}: {shown}; and {more} more", contract.file),
    }
}

/// The report that the catalog keeps.
fn report(looked: &Looked) -> Report {
    looked.report.as_ref().and_then(|(_, text)| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The rules that only warned, from what the catalog keeps.
pub fn warnings(looked: &Looked) -> Vec<Verdict> {
    report(looked).warnings().cloned().collect()
}

/// The rules that were broken, from what the catalog keeps.
pub fn errors(looked: &Looked) -> Vec<Verdict> {
    report(looked).errors().cloned().collect()
}
