//! Diagnostics: what was found, where, why, and what to write instead.
//!
//! What is true here: a diagnostic is data, and [`render`] is the only place that draws one. Every code stands once in [`codes`], which says
//! what kind of failure it is, and so which exit code it gives.

pub mod codes;
pub mod render;

use crate::identity::Name;

/// A place in a named text, in bytes, half open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As shown to people: relative to the project's root.
    pub file: Name,
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `E0203`; listed in [`codes`].
    pub code: &'static str,
    pub severity: Severity,
    /// One line: what was found.
    pub message: String,
    /// The first is where the problem is; others are places that explain it.
    pub labels: Vec<(Place, String)>,
    /// Reasons.
    pub notes: Vec<String>,
    /// Ways out.
    pub help: Vec<String>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), labels: vec![], notes: vec![], help: vec![] }
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    #[must_use]
    pub fn at(mut self, place: Place, text: impl Into<String>) -> Self {
        self.labels.push((place, text.into()));
        self
    }

    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}

/// The candidate spelled most like `word`, where one is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let (a, b) = (candidate.chars().count(), word.chars().count());
            *distance <= 1 + a.min(b) / 4 && *distance < a.max(b)
        })
        .min()
        .map(|(_, candidate)| candidate)
}
