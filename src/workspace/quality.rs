//! Contracts by hand: checking what stands, writing one from what there is.

use std::path::Path;

use super::contracts::{columns, unknown};
use super::{Failure, OWN, Workspace, clock};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Catalog, Change, Filter, Looked, Quarantined, Reader, Reading};
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::formula::program::{Column, Format, Kind, Program};
use crate::identity::{Identity, Instance};
use crate::plan::{Bytes, Condition};
use crate::quality::{self, Contract, Contracts, Report};
use crate::recipe;
use crate::run::disk::Disk;
use crate::run::look::Looks;
use crate::table::measure::Asked;
use crate::table::{self, Known, KnownTable, TableInput, TablePart, dimension_columns};

/// A snapshot held to the contract of its class.
pub struct Checked {
    pub reading: Reading,
    pub report: Report,
}

/// What is checked by `formake contract check`.
pub enum Subject<'a> {
    /// What a target stands for.
    Target { text: &'a str, label: Option<&'a str> },
    /// A file that is in no catalog, as if it were of the class.
    File { path: &'a Path, class: &'a str },
}

impl Workspace {
    /// Everything that is wrong with the contracts, or to be said of them.
    pub fn check_contracts(&self) -> Result<(Contracts, Vec<Diagnostic>), Failure> {
        let (contracts, mut said) = self.read_contracts()?;
        let program = self.compile().program;
        said.extend(unknown(&contracts, &program));
        for contract in contracts.iter() {
            let known = self.result_columns(&program, &contracts, &contract.class)?;
            said.extend(quality::check(contract, known.as_deref()));
        }
        Ok((contracts, said))
    }

    /// Holds what a target stands for to the contracts as they are now, and records what was found. No pointer moves.
    ///
    /// # Errors
    /// It stands for nothing, or its class has no contract, or its bytes are gone.
    pub fn check_snapshots(&self, text: &str, label: Option<&str>) -> Result<Vec<Checked>, Failure> {
        let program = self.program()?;
        let contracts = self.contracts()?;
        let catalog = self.catalog(Mode::Write)?;
        let own = self.root.join(OWN);
        let looks = Looks { program: &program, contracts: &contracts, spill: &own, threads: clock::processors() };
        self.contract_of(&contracts, &super::request::parse(text)?.class)?;
        let mut checked = Vec::new();
        let mut changes = Vec::new();
        for reading in self.read(&catalog, text, label, None)? {
            let snapshot = &reading.pointer.snapshot;
            if self.bytes.condition(snapshot) != Condition::Intact {
                return Err(Diagnostic::error("E0814", format!("the bytes of {} are gone or damaged", reading.identity))
                    .help(format!("`formake build {}` makes them again", reading.identity))
                    .into());
            }
            let against = looks.against(&catalog, &self.bytes, &reading.identity)?;
            let (at, files) = self.bytes.data(snapshot);
            let seen = looks.look(&reading.identity, &at, &files, &against);
            // It stays what it is: only what was found is told.
            changes.push(Change::Look { snapshot: snapshot.id, looked: Looked { refused: None, ..seen.looked } });
            checked.push(Checked { reading, report: seen.report });
        }
        catalog.commit(&clock::actor(), clock::now(), &changes)?;
        Ok(checked)
    }

    /// Holds a file to the contract of a class. Nothing is recorded.
    ///
    /// # Errors
    /// The class has no contract, or there is no such file.
    pub fn check_file(&self, path: &Path, class: &str) -> Result<(Contract, Report), Failure> {
        let program = self.program()?;
        let contracts = self.contracts()?;
        let contract = self.contract_of(&contracts, class)?.clone();
        std::fs::metadata(path).map_err(|e| Diagnostic::error("E0904", format!("`{}` cannot be read: {e}", path.display())))?;
        let own = self.root.join(OWN);
        let looks = Looks { program: &program, contracts: &contracts, spill: &own, threads: clock::processors() };
        let (label, repository) = (self.label(None), "".into());
        let identity = Identity { class: class.into(), instance: Instance::new([]), label, repository };
        Ok((contract, looks.look(&identity, path, &[], &Default::default()).report))
    }

    /// A contract for the class of a target, as its newest snapshot suggests; and where it belongs.
    ///
    /// # Errors
    /// The target stands for nothing, or for nothing that is a table.
    pub fn infer_contract(&self, text: &str, label: Option<&str>) -> Result<(String, String), Failure> {
        let program = self.program()?;
        let catalog = self.catalog(Mode::Read)?;
        let readings = self.read(&catalog, text, label, None)?;
        let newest = readings
            .iter()
            .max_by_key(|reading| (reading.identity.instance.time().map(|time| time.start_minutes()), reading.pointer.snapshot.id));
        let Some(reading) = newest else { return Err(Diagnostic::error("E0616", format!("`{text}` has no snapshot")).into()) };
        let contracts = Contracts::default();
        let own = self.root.join(OWN);
        let looks = Looks { program: &program, contracts: &contracts, spill: &own, threads: clock::processors() };
        let snapshot = &reading.pointer.snapshot;
        let (at, files) = self.bytes.data(snapshot);
        // Twice: only what has about as many values as rows may be a key, and is counted exactly.
        let first = looks.measured_at(&reading.identity, &at, &files, &Asked::default());
        let asked = first.as_ref().map(|first| quality::asked_to_infer(&first.profile)).unwrap_or_default();
        let measured = first.and_then(|_| looks.measured_at(&reading.identity, &at, &files, &asked)).map_err(|error| {
            Diagnostic::error("E1062", format!("no contract can be inferred from {}: {error}", reading.identity))
                .help("contracts of data that is no table are written by hand; see `docs/language/contracts.md`")
        })?;
        let class = &reading.identity.class;
        Ok((self.contract_file(class), quality::infer(class, &measured, &asked)))
    }

    /// What is quarantined: all of it, or what a pattern picks.
    pub fn quarantined(&self, pattern: Option<&str>, label: Option<&str>) -> Result<Vec<Quarantined>, Failure> {
        let target = pattern.map(super::request::parse).transpose()?;
        let mut all = self.catalog(Mode::Read)?.quarantined(target.as_ref().map(|target| &*target.class))?;
        all.retain(|one| {
            let identity = &one.snapshot.identity;
            let named = target.as_ref().is_some_and(|target| target.label.is_some());
            target.as_ref().is_none_or(|target| target.matches(identity)) && (named || label.is_none_or(|label| *identity.label == *label))
        });
        Ok(all)
    }

    /// The columns that a class's query gives, where it has one, and its inputs' columns can be known.
    fn result_columns(&self, program: &Program, contracts: &Contracts, class: &str) -> Result<Option<Vec<Known>>, Failure> {
        let makers = program.makers.get(class).into_iter().flatten().map(|id| &program.formulas[*id]);
        let sql = makers.filter_map(|formula| match &formula.recipe.kind {
            Kind::Sql { text, .. } => Some((formula, text)),
            _ => None,
        });
        let Some((formula, text)) = sql.into_iter().next() else { return Ok(None) };
        let Some(query) = recipe::queries(program, formula, text).into_iter().next() else { return Ok(None) };
        let mut tables = Vec::new();
        for input in &formula.inputs {
            let Some(first) = input.alternatives.first() else { return Ok(None) };
            let pattern = first.pattern.all()[0];
            let Some(columns) = self.known_columns(contracts, &pattern.class, first.columns.as_deref())? else { return Ok(None) };
            let dimensions = program.classes.get(&pattern.class).map(|class| dimension_columns(&class.dimensions)).unwrap_or_default();
            tables.push(KnownTable { name: input.name.to_string(), columns }.with_dimensions(&dimensions));
        }
        let format = recipe::format_of(formula).unwrap_or(Format::Parquet);
        // What does not fit is told where the query is run.
        Ok(table::result(&query, &tables, format).ok())
    }

    /// The columns of a class: of its newest snapshot, else as its source declares, else as its contract says.
    fn known_columns(&self, contracts: &Contracts, class: &str, declared: Option<&Vec<Column>>) -> Result<Option<Vec<Known>>, Failure> {
        let filter = Filter { class: Some(class.to_string()), ..Filter::default() };
        let listed = self.catalog(Mode::Read)?.list(&filter)?;
        if let Some(newest) = listed.iter().map(|l| &l.snapshot).max_by_key(|snapshot| snapshot.id) {
            let (at, files) = self.bytes.data(newest);
            let part = TablePart { at, files, values: Vec::new() };
            let columns = declared.cloned();
            let input = TableInput { name: "data".into(), parts: vec![part], dimensions: Vec::new(), columns };
            if let Ok(known) = table::known(&input) {
                return Ok(Some(known));
            }
        }
        if let Some(columns) = declared {
            return Ok(table::columns::declared(columns).ok());
        }
        Ok(contracts
            .of(class)
            .map(|contract| columns(contract, |_| true))
            .filter(|columns| !columns.is_empty())
            .and_then(|columns| table::columns::declared(&columns).ok()))
    }

    fn contract_of<'c>(&self, contracts: &'c Contracts, class: &str) -> Result<&'c Contract, Failure> {
        contracts.of(class).ok_or_else(|| {
            let problem = Diagnostic::error("E1063", format!("the dataset class {class} has no contract"));
            let problem = match nearest(class, contracts.iter().map(|contract| &*contract.class)) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem,
            };
            problem.help(format!("`formake contract infer {class}` writes `{}` from a snapshot", self.contract_file(class))).into()
        })
    }
}

/// Whether any of it is an error.
pub fn has_errors(said: &[Diagnostic]) -> bool {
    said.iter().any(|d| d.severity == Severity::Error)
}
