//! Configuration, backends, and the outline of a request.
//!
//! What is true here: this is the only place that picks backends. A request goes like this, and nothing before number 7 changes anything:
//!
//! 1. find the project and read `formake.yaml` ([`Workspace::open`]);
//! 2. compile the formulas ([`Workspace::compile`]), and check templates and SQL;
//! 3. open the catalog, and look at the outside ([`outside`]): holds, publications, source files where they are asked for;
//! 4. resolve the targets to a graph ([`request`]);
//! 5. ask the tools, hash the sources that changed;
//! 6. judge every job: the plan. Deciding ends here;
//! 7. (build) record the sources that were read, and run.

pub mod config;
mod sets;
pub mod failure;
pub mod clock;
pub mod moment;
pub mod lock;
pub mod files;
pub mod tools;
pub mod bytes;
pub mod contracts;
pub mod outside;
pub mod request;
pub mod saved;
mod permit;
mod breaks;
mod review;
pub mod build;
mod reading;
pub mod inspect;
pub mod scratch;
pub mod query;
pub mod compare;
mod rows;
pub mod change;
pub mod bless;
pub mod verify;
pub mod restate;
pub mod quality;
pub mod label;
pub mod clean;
pub mod promote;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::catalog::Gate;
use crate::catalog::sqlite::Mode;
use crate::diagnostic::{Diagnostic, Severity};
use crate::formula::program::{Kind, Program};
use crate::formula::{Compiled, compile};
use crate::quality::Contracts;
use crate::recipe;
use crate::store::LocalStore;

use bytes::DiskBytes;
use config::Config;
pub use failure::Failure;
pub use request::Request;

/// Formake's own folder in a project.
pub const OWN: &str = ".formake";

/// A project: its root, its settings, its stores.
pub struct Workspace {
    pub root: PathBuf,
    pub config: Config,
    pub(self) bytes: DiskBytes,
    /// Warnings about the configuration.
    pub warnings: Vec<Diagnostic>,
    /// Read when they are asked for.
    contracts: OnceLock<Arc<Contracts>>,
}

impl Workspace {
    /// Reads the project at `root`, the folder with `formake.yaml` or `pipeline.formula`.
    ///
    /// # Errors
    /// What is wrong in `formake.yaml`, all of it.
    pub fn open(root: &Path) -> Result<Self, Failure> {
        let root = std::path::absolute(root)?;
        let text = match fs::read_to_string(root.join(config::FILE)) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(Diagnostic::error("E0810", format!("`{}` cannot be read: {e}", config::FILE)).into()),
        };
        let (config, diagnostics) = config::read(&text);
        if diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Err(diagnostics.into());
        }
        let roots: BTreeMap<String, PathBuf> = config.repositories.iter().map(|(name, r)| (name.to_string(), root.join(&r.root))).collect();
        let bytes = DiskBytes::new(root.clone(), LocalStore::new(roots).of_project(root.clone()));
        Ok(Self { root, config, bytes, warnings: diagnostics, contracts: OnceLock::new() })
    }

    /// The program and everything that is wrong with it: formulas, templates, SQL.
    pub fn compile(&self) -> Compiled {
        let files = files::ProjectFiles { root: self.root.clone() };
        let mut compiled = compile(&files, &self.config.settings);
        let checked = recipe::check(&compiled.program, &|span| compiled.place(span));
        compiled.diagnostics.extend(checked);
        compiled
    }

    /// The program, where nothing is wrong with it, with the types that contracts say. Templates and SQL are checked where they are rendered.
    pub fn program(&self) -> Result<Program, Failure> {
        let files = files::ProjectFiles { root: self.root.clone() };
        let compiled = compile(&files, &self.config.settings);
        if compiled.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            return Err(self.compile().diagnostics.into());
        }
        let mut program = compiled.program;
        contracts::declare(&mut program, &*self.contracts()?);
        Ok(program)
    }

    /// Project paths of the files that formulas are read from, with what they include.
    pub fn formula_files(&self) -> Vec<String> {
        let compiled = self.compile();
        let queries: BTreeSet<&str> = (compiled.program.formulas.iter())
            .filter_map(|formula| if let Kind::Sql { origin: Some(file), .. } = &formula.recipe.kind { Some(&**file) } else { None })
            .collect();
        compiled.texts.iter().map(|(name, _)| name.to_string()).filter(|name| !queries.contains(&**name)).collect()
    }

    pub fn catalog_path(&self) -> PathBuf {
        self.root.join(&self.config.catalog)
    }

    /// The catalog, behind the gate: the only way to it.
    pub(self) fn catalog(&self, mode: Mode) -> Result<Gate, Failure> {
        Ok(Gate::open(&self.catalog_path(), mode, self.config.policy(), clock::groups)?)
    }
}
