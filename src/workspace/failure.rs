//! What a request ends with where it cannot be met: diagnostics, and the exit code that follows from them.

use crate::diagnostic::{Diagnostic, Severity, codes};

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
