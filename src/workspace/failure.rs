//! What a request ends with where it cannot be met: diagnostics, and the exit code that follows from them.

use crate::catalog::{CatalogError, Refusal};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::report::gather;
use crate::run::RunError;
use crate::store::StoreError;

/// One or more problems, at least one of them an error.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// The kind that decides the exit code: of several, in the order 2, 4, 5, 1.
    pub fn kind(&self) -> codes::Kind {
        use codes::Kind;
        let rank = |kind: &Kind| match kind {
            Kind::Usage => 0,
            Kind::Permission => 1,
            Kind::Blocked => 2,
            Kind::Failed => 3,
            Kind::World => 4,
            Kind::Bug => 5,
        };
        let errors = self.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        let kinds = errors.filter_map(|d| codes::CODES.iter().find(|(code, ..)| *code == d.code).map(|(_, kind, _)| *kind));
        kinds.min_by_key(rank).unwrap_or(Kind::Bug)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        let message = error.to_string();
        Self::from(match error {
            CatalogError::NotPermitted(refusals) => return Self { diagnostics: refusals.iter().map(not_permitted).collect() },
            CatalogError::Unusable { .. } => Diagnostic::error("E0802", message)
                .help("look at the path and its permissions, or say another one: `catalog:` in formake.yaml"),
            CatalogError::Schema { .. } => Diagnostic::error("E0803", message).help("use the formake that wrote it, or a newer one"),
            CatalogError::Sqlite(_) => Diagnostic::error("E0804", message)
                .help("nothing that was committed is lost; look at free space and permissions, and try again"),
            CatalogError::Moved { .. } => Diagnostic::error("E0805", message).help("look at what it stands for now, and try again"),
        })
    }
}

/// A refusal as a diagnostic.
fn not_permitted(refusal: &Refusal) -> Diagnostic {
    let mut diagnostic = Diagnostic::error("E0820", refusal.to_string());
    if !refusal.identities.is_empty() {
        diagnostic = diagnostic.note(format!("this would change {}", gather::in_short(&refusal.identities)));
    }
    if let Some(unknown) = &refusal.groups_unknown {
        diagnostic = diagnostic.note(format!("the groups of {} are not known: {unknown}", refusal.user));
    }
    diagnostic = diagnostic.note(format!("formake.yaml says so: `{}`", refusal.place()));
    if refusal.writers.is_empty() {
        return diagnostic.help("nobody may: it is `protected`, and its entry names no `writers`");
    }
    diagnostic.help(refusal.who_may())
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::NoRepository { .. } => "E0811",
            StoreError::Root { .. } => "E0812",
            _ => "E0810",
        };
        let diagnostic = Diagnostic::error(code, error.to_string());
        Self::from(match error.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        })
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Catalog(error) => error.into(),
            RunError::Store(reason) => Diagnostic::error("E0813", format!("what was made could not be kept: {reason}"))
                .help("nothing that was committed is lost; look at free space and permissions, and build again")
                .into(),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Diagnostic::error("E0810", error.to_string()).into()
    }
}
