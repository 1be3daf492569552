//! The contracts of a project: one file per dataset class, below `contracts:` of `formake.yaml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Failure, Workspace};
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::formula::program::Program;
use crate::quality::{self, Contracts};

/// Endings of a contract's file, the longest first.
const ENDINGS: [&str; 4] = [".odcs.yaml", ".odcs.yml", ".yaml", ".yml"];

impl Workspace {
    /// All contracts.
    ///
    /// # Errors
    /// What is wrong in any of them.
    pub fn contracts(&self) -> Result<Contracts, Failure> {
        let (contracts, diagnostics) = self.read_contracts()?;
        if diagnostics.iter().any(|d| d.severity == Severity::Error) { Err(diagnostics.into()) } else { Ok(contracts) }
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
                let text = fs::read_to_string(self.root.join(&file))
                    .map_err(|e| Failure::from(Diagnostic::error("E1052", format!("`{file}` cannot be read: {e}"))))?;
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
            Err(e) => return Err(Diagnostic::error("E1052", format!("`{}` cannot be read: {e}", self.config.contracts)).into()),
        };
        let mut names: Vec<PathBuf> = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
        names.sort();
        for path in names {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let Some(class) = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)) else { continue };
            if !class.is_empty() && !class.starts_with('.') && path.is_file() {
                let file = Path::new(&self.config.contracts).join(name).to_string_lossy().into_owned();
                files.entry(class.to_string()).or_default().push(file);
            }
        }
        Ok(files)
    }
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
