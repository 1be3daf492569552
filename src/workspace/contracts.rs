//! The contracts of a project: one file per dataset class, below `contracts:` of `formake.yaml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Failure, Workspace};
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::formula::program::{Column, Format, Program};
use crate::identity::Name;
use crate::quality::{self, Contract, Contracts};
use crate::recipe;
use crate::table;
use crate::table::measure::Logical;

/// Endings of a contract's file, the longest first.
const ENDINGS: [&str; 4] = [".odcs.yaml", ".odcs.yml", ".yaml", ".yml"];

impl Workspace {
    /// All contracts.
    ///
    /// # Errors
    /// What is wrong in any of them.
    pub fn contracts(&self) -> Result<Arc<Contracts>, Failure> {
        if let Some(known) = self.contracts.get() {
            return Ok(known.clone());
        }
        let (contracts, diagnostics) = self.read_contracts()?;
        if diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Err(diagnostics.into());
        }
        Ok(self.contracts.get_or_init(|| Arc::new(contracts)).clone())
    }

    /// All contracts, and everything that is to be said of them.
    pub fn read_contracts(&self) -> Result<(Contracts, Vec<Diagnostic>), Failure> {
        let (mut contracts, mut diagnostics) = (Vec::new(), Vec::new());
        for (class, files) in self.contract_files()? {
            if let [first, second, ..] = files.as_slice() {
                let message = format!("the dataset class {class} has two contracts: `{first}` and `{second}`");
                diagnostics.push(Diagnostic::error("E1051", message).help("keep one of them"));
                continue;
            }
            for file in files {
                let text = fs::read_to_string(self.root.join(&file)).map_err(|e| unreadable(&file, &e))?;
                let (contract, said) = quality::read(&file, &text, &class);
                diagnostics.extend(said);
                contracts.extend(contract);
            }
        }
        Ok((Contracts::new(contracts), diagnostics))
    }

    /// Where the contract of a class is, or would be, in the project.
    pub fn contract_file(&self, class: &str) -> String {
        Path::new(&self.config.contracts).join(format!("{class}.yaml")).to_string_lossy().into_owned()
    }

    /// Project paths of contracts by the class that their names say.
    fn contract_files(&self) -> Result<BTreeMap<String, Vec<String>>, Failure> {
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let folder = self.root.join(&self.config.contracts);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(files),
            Err(e) => return Err(unreadable(&self.config.contracts, &e)),
        };
        let mut names: Vec<PathBuf> = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
        names.sort();
        for path in names {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let Some(class) = class_of(name) else { continue };
            if !class.is_empty() && !class.starts_with('.') && path.is_file() {
                let file = Path::new(&self.config.contracts).join(name).to_string_lossy().into_owned();
                files.entry(class.to_string()).or_default().push(file);
            }
        }
        Ok(files)
    }
}

/// The class whose contract a file of this name is.
pub fn class_of(name: &str) -> Option<&str> {
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))
}

/// Puts the types that contracts say where queries read CSV or JSON and no source says them.
pub(super) fn declare(program: &mut Program, contracts: &Contracts) {
    let formats = |class: &str| -> Vec<Format> {
        let sources = program.source_of.get(class).into_iter().flatten().map(|id| &program.sources[*id]);
        let sourced = sources.filter_map(|source| table::format_of(Path::new(&source.from.as_ref()?.text)));
        let makers = program.makers.get(class).into_iter().flatten().map(|id| &program.formulas[*id]);
        sourced.chain(makers.filter_map(recipe::format_of)).collect()
    };
    let typed = contracts.iter().filter_map(|contract| {
        let formats = formats(&contract.class);
        let is_text = formats.iter().any(|format| *format != Format::Parquet);
        // A column that is declared must be there, and JSON may lack one that is not required.
        let columns =
            if formats.contains(&Format::Jsonl) { columns(contract, |column| column.required) } else { columns(contract, |_| true) };
        (is_text && !columns.is_empty()).then(|| (contract.class.clone(), Arc::new(columns)))
    });
    let typed: BTreeMap<Name, Arc<Vec<Column>>> = typed.collect();
    if typed.is_empty() {
        return;
    }
    for alternative in program.formulas.iter_mut().flat_map(|formula| &mut formula.inputs).flat_map(|input| &mut input.alternatives) {
        let Some(class) = alternative.pattern.all().first().map(|pattern| pattern.class.clone()) else { continue };
        if alternative.columns.is_none() {
            alternative.columns = typed.get(&class).cloned();
        }
    }
}

/// The columns of a contract whose types it says, in SQL's words.
pub(super) fn columns(contract: &Contract, meant: fn(&quality::Column) -> bool) -> Vec<Column> {
    let typed = contract.columns.iter().filter(|column| meant(column)).filter_map(|column| {
        let ty = match column.logical? {
            Logical::Text => "text",
            Logical::Integer => "bigint",
            Logical::Number => "double",
            Logical::Boolean => "boolean",
            Logical::Date => "date",
            Logical::Timestamp => "timestamp",
            Logical::Time | Logical::Object | Logical::Array => return None,
        };
        Some(Column { name: column.name.clone(), ty: ty.into() })
    });
    typed.collect()
}

fn unreadable(file: &str, error: &std::io::Error) -> Failure {
    let problem = Diagnostic::error("E1052", format!("`{file}` cannot be read: {error}"));
    problem.help("a contract is a text in UTF-8; look at the file and its permissions").into()
}

/// Contracts of classes that the formulas do not know.
pub fn unknown(contracts: &Contracts, program: &Program) -> Vec<Diagnostic> {
    let strangers = contracts.iter().filter(|contract| !program.classes.contains_key(&contract.class));
    let said = strangers.map(|contract| {
        let message = format!("`{}` is the contract of {}, and no formula or source has that class", contract.file, contract.class);
        let warning = Diagnostic::warning("E1053", message);
        match nearest(&contract.class, program.classes.keys().map(|class| &**class)) {
            Some(near) => warning.help(format!("did you mean `{near}`? A contract's file is named like its class")),
            None => warning.help("a contract's file is named like its class"),
        }
    });
    said.collect()
}
