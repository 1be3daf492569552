//! What was found wrong so far, and the texts that places refer to.

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::formula::ast::Span;
use crate::identity::Name;

#[derive(Default)]
pub(super) struct Problems {
    /// By [`crate::formula::ast::FileId`].
    pub texts: Vec<(Name, String)>,
    found: Vec<Diagnostic>,
    /// Code and place of what was found: each entry of a `for` block finds the same mistake again.
    seen: HashSet<(&'static str, Name, usize, usize)>,
    /// Some formulas could not be read or expanded, so what they would have said of classes is not known.
    pub incomplete: bool,
}

impl Problems {
    pub fn place(&self, span: Span) -> Place {
        Place { file: self.texts[span.file.0 as usize].0.clone(), start: span.start, end: span.end }
    }

    /// `file:line`, for people.
    pub fn line(&self, span: Span) -> String {
        let (name, text) = &self.texts[span.file.0 as usize];
        let line = text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1;
        format!("{name}:{line}")
    }

    /// Adds a problem, unless the same was found at the same place before.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        if let Some((place, _)) = diagnostic.labels.first()
            && !self.seen.insert((diagnostic.code, place.file.clone(), place.start, place.end))
        {
            return;
        }
        self.found.push(diagnostic);
    }

    /// A problem at one place, without more to say.
    pub fn error(&mut self, code: &'static str, message: impl Into<String>, span: Span, label: impl Into<String>, help: impl Into<String>) {
        let mut diagnostic = Diagnostic::error(code, message).at(self.place(span), label);
        let help = help.into();
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        self.report(diagnostic);
    }

    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// All problems in the order of the texts, and the texts.
    pub fn finish(self) -> (Vec<Diagnostic>, Vec<(Name, String)>) {
        let order = |place: &Place| self.texts.iter().position(|(name, _)| *name == place.file).unwrap_or(usize::MAX);
        let mut found = self.found;
        found.sort_by_key(|d| d.labels.first().map(|(place, _)| (order(place), place.start, place.end)));
        (found, self.texts)
    }
}

/// ``did you mean `x`?``, or what there is, where it is little.
pub(super) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() || known.len() > 12 => String::new(),
        None => format!("there is {}", list(&known)),
    }
}

/// `` `a`, `b` and `c` ``
pub(super) fn list<T: AsRef<str>>(words: &[T]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("`{}`", w.as_ref())).collect();
    match quoted.as_slice() {
        [] => "nothing".into(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}
