//! Syntax errors, in the words of the language: what was found, where, what was expected, and what to write instead.
//!
//! What is true here: an error is data until [`SyntaxError::diagnostic`] turns it into a diagnostic; nothing here knows the grammar's rules.

use std::ops::Range;

use super::ast::{FileId, Span};
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::identity::Name;

/// Why a piece of text is not in the language.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// `E01…`
    pub code: &'static str,
    pub message: String,
    /// The first is where the problem is; others explain it.
    pub places: Vec<(Span, String)>,
    pub notes: Vec<String>,
    pub help: Vec<String>,
}

impl SyntaxError {
    pub(super) fn new(code: &'static str, message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self { code, message: message.into(), places: vec![(span, label.into())], notes: vec![], help: vec![] }
    }

    pub(super) fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.places.push((span, label.into()));
        self
    }

    pub(super) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Where the problem is.
    pub fn span(&self) -> Span {
        self.places[0].0
    }

    /// The diagnostic, its places named by the file's name as people know it.
    pub fn diagnostic(&self, file: &Name) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.code, &self.message);
        for (span, label) in &self.places {
            diagnostic = diagnostic.at(Place { file: file.clone(), start: span.start, end: span.end }, label);
        }
        diagnostic.notes.clone_from(&self.notes);
        diagnostic.help.clone_from(&self.help);
        diagnostic
    }
}

/// Words that are no names.
pub(super) const RESERVED: [&str; 4] = ["latest", "any", "in", "as"];

/// What the statements begin with.
pub(super) const STATEMENTS: [&str; 5] = ["source", "for", "defaults", "include", "let"];

/// Every property that a block may have.
pub const PROPERTIES: [&str; 27] = [
    "after", "columns", "copy", "doc", "effect", "env", "every", "file", "folder", "format", "min_age", "needs", "on", "owner", "param",
    "ready", "retry", "run", "secret", "since", "sql", "tags", "timeout", "tool", "until", "uses", "volatile",
];

/// What kind of piece was being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    Formula,
    Source,
    For,
    Defaults,
    Include,
    Let,
    Property,
}

impl Piece {
    fn noun(self) -> &'static str {
        match self {
            Piece::Formula => "formula",
            Piece::Source => "source",
            Piece::For => "`for`",
            Piece::Defaults => "`defaults`",
            Piece::Include => "`include`",
            Piece::Let => "`let`",
            Piece::Property => "property",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Piece::Formula => {
                "a formula is written `(orders, <DATE>, prod, dl) + (prices, <DATE>, prod, dl) -> (revenue, <DATE>, prod, dl) { sql \"revenue.sql\" }`"
            }
            Piece::Source => "a source is written `source (orders, <DATE>, prod, dl) from \"raw/orders/<DATE>.csv\"`",
            Piece::For => "it is written `for store in stores { … }`",
            Piece::Defaults => "it is written `defaults { … }`",
            Piece::Include => "it is written `include \"teams/*.formula\"`",
            Piece::Let => "it is written `let name = \"value\"`",
            Piece::Property => "a property is written `name value`, one a line: `sql \"revenue.sql\"`, `param threshold = 0.5`",
        }
    }
}

/// A piece that could not be read: its text, where that begins in the file, and where reading stopped (in the piece).
pub(super) struct Stop<'a> {
    pub piece: Piece,
    pub file: FileId,
    pub text: &'a str,
    pub base: usize,
    pub at: usize,
    /// What could have stood there, in words of the language.
    pub expected: Vec<&'static str>,
}

/// Where in a piece reading stopped, by the bracket that is open there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Paren,
    List,
    Variable,
}

impl Stop<'_> {
    /// The error for it: a typical mistake by its name, anything else by what was expected.
    pub(super) fn explain(&self) -> SyntaxError {
        let typical = match self.inside() {
            Inside::Variable => self.in_variable(),
            Inside::Paren | Inside::List => self.in_list(),
            Inside::Nothing if self.piece == Piece::Property => self.in_property(),
            Inside::Nothing => self.in_head(),
        };
        typical.unwrap_or_else(|| {
            let expected = listed(&self.expected);
            let message = format!("found {}, expected {expected}", self.found());
            self.error("E0101", message, format!("expected {expected}")).help(self.piece.example())
        })
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn before(&self) -> &str {
        self.text[..self.at].trim_end()
    }

    fn after(&self, text: &str) -> bool {
        self.before().ends_with(text)
    }

    fn expects(&self, word: &str) -> bool {
        self.expected.contains(&word)
    }

    /// The word or the character at the stop.
    fn token(&self) -> &str {
        let rest = self.rest();
        if rest.starts_with("->") {
            return &rest[..2];
        }
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let length = match rest.find(|c| !word(c)) {
            Some(0) => rest.chars().next().map_or(0, char::len_utf8),
            Some(length) => length,
            None => rest.len(),
        };
        &rest[..length]
    }

    fn found(&self) -> String {
        match self.token() {
            "" => format!("the end of the {}", self.piece.noun()),
            "\"" => "a quoted text".into(),
            token => format!("`{}`", shown(token)),
        }
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span { file: self.file, start: self.base + range.start, end: self.base + range.end }
    }

    /// An error at the token where reading stopped; at the end of a piece, just behind its last word.
    fn error(&self, code: &'static str, message: impl Into<String>, label: impl Into<String>) -> SyntaxError {
        let span = match self.token().len() {
            0 => self.span(self.before().len()..self.before().len()),
            length => self.span(self.at..self.at + length),
        };
        SyntaxError::new(code, message, span, label)
    }

    /// Which bracket is open at the stop; quoted texts and comments do not count.
    fn inside(&self) -> Inside {
        let mut open = Vec::new();
        let mut chars = self.before().chars().peekable();
        let mut last = ' ';
        while let Some(c) = chars.next() {
            match c {
                '(' => open.push(Inside::Paren),
                '[' => open.push(Inside::List),
                '<' => open.push(Inside::Variable),
                ')' | ']' => drop(open.pop()),
                '>' if last != '-' => drop(open.pop()),
                '"' => while !matches!(chars.next(), None | Some('"')) {},
                '#' => while !matches!(chars.next(), None | Some('\n')) {},
                _ => {}
            }
            last = c;
        }
        open.last().copied().unwrap_or(Inside::Nothing)
    }

    fn in_variable(&self) -> Option<SyntaxError> {
        let rest = self.rest();
        if rest.starts_with('%') || (self.after(":") && !rest.starts_with(char::is_alphabetic)) {
            return Some(
                self.error("E0104", "a format in a tuple", "formats belong to the path of a source")
                    .help("here, say the variable's type (`<H: hour>`) or nothing (`<DATE>`); write the format in the path: `from \"raw/<DATE:%Y/%m/%d>.csv\"`"),
            );
        }
        if rest.starts_with(['*', '/']) {
            return Some(
                self.error("E0101", format!("found {} in a variable", self.found()), "only `+` and `-` count in variables")
                    .help("write a number of periods: `<DATE - 7d>`, `<M + 1mo>`"),
            );
        }
        let reserved = RESERVED.contains(&self.token());
        reserved.then(|| reserved_name(self.token(), self.span(self.at..self.at + self.token().len())))
    }

    fn in_list(&self) -> Option<SyntaxError> {
        let rest = self.rest();
        if rest.starts_with([')', ']']) && self.after(",") {
            let comma = self.before().len() - 1;
            return Some(SyntaxError::new("E0105", "a comma with nothing behind it", self.span(comma..comma + 1), "remove this comma"));
        }
        if rest.starts_with([',', ')']) && (self.after(",") || self.after("(")) {
            return Some(
                self.error("E0105", "an empty part", "something is missing before this")
                    .help("a tuple is `(class, instance, label, repository)`; a class with a single instance is `(airlines, prod, dl)`"),
            );
        }
        if !self.expects("`,`") {
            return None;
        }
        if rest.starts_with(|c: char| c.is_alphanumeric() || "_\"<{*[".contains(c)) {
            let end = self.before().len();
            return Some(
                SyntaxError::new(
                    "E0105",
                    format!("a comma is missing before {}", self.found()),
                    self.span(end..self.at.max(end)),
                    "write `,` here",
                )
                .also(self.span(self.at..self.at + self.token().len()), "so that this is a part of its own"),
            );
        }
        if rest.starts_with([':', '@']) {
            return Some(self.error("E0105", format!("found {} in a tuple", self.found()), "the parts of a tuple are separated by commas")
                .help("write `(class, instance, label, repository)`; `class@instance:label/repository` is how identities are written on the command line"));
        }
        if rest.starts_with(['(', ')', ']', '}', '=', '+', '|', '>']) {
            return None;
        }
        Some(self.must_quote())
    }

    fn must_quote(&self) -> SyntaxError {
        self.error("E0107", format!("{} needs quotes", self.found()), "not allowed in a bare word")
            .help("texts with other characters than letters, digits, `_`, `.` and `-` are written in double quotes: `\"United Kingdom\"`")
    }

    fn in_property(&self) -> Option<SyntaxError> {
        let (before, rest) = (self.before(), self.rest());
        let only_name = before.chars().all(|c| c.is_alphanumeric() || c == '_') && !before.is_empty();
        if only_name && rest.starts_with([':', '=']) {
            let value = rest[1..].trim();
            let value = if value.is_empty() { "…" } else { value.lines().next().unwrap_or(value) };
            let known = PROPERTIES.contains(&before);
            let right = if known { format!("{before} {value}") } else { format!("param {before} = {value}") };
            return Some(
                self.error("E0106", format!("found {} after the name of a property", self.found()), "not needed here")
                    .help(format!("write `{right}`")),
            );
        }
        if rest.is_empty() && before.ends_with(',') {
            let comma = before.len() - 1;
            return Some(SyntaxError::new(
                "E0105",
                "a comma with nothing behind it",
                self.span(comma..comma + 1),
                "remove this comma, or write a value behind it",
            ));
        }
        if rest.is_empty() && before.ends_with('=') {
            return Some(
                self.error("E0106", "a value is missing", "expected a value after `=`")
                    .help("write `param threshold = 0.5` or `env TZ = \"UTC\"`"),
            );
        }
        if before.is_empty() {
            return Some(
                self.error("E0106", format!("found {} where a property should begin", self.found()), "expected the name of a property")
                    .help(Piece::Property.example()),
            );
        }
        if rest.starts_with(',') && (only_name || before.ends_with(',')) {
            return Some(self.error("E0105", "a value is missing before the comma", "nothing stands before this"));
        }
        if self.expects("`,`") && before.contains('=') && rest.starts_with(|c: char| c.is_alphabetic()) {
            return Some(
                SyntaxError::new(
                    "E0105",
                    format!("a comma is missing before {}", self.found()),
                    self.span(before.len()..self.at),
                    "write `,` here",
                )
                .help("several are separated by commas, `param a = 1, b = 2`; or written on lines of their own"),
            );
        }
        if rest.starts_with("->") || rest.starts_with([')', ']', '(', '=', '+', ',', '?', '|']) {
            return None;
        }
        (!rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '"')).then(|| self.must_quote())
    }

    fn in_head(&self) -> Option<SyntaxError> {
        let rest = self.rest();
        if let Some(wrong) = ["==>", "=>", "-->", "--", "→", "⇒", ">", "<-", "=", ":"].into_iter().find(|wrong| rest.starts_with(wrong))
            && self.piece == Piece::Formula
        {
            let span = self.span(self.at..self.at + wrong.len());
            return Some(
                SyntaxError::new("E0103", format!("`{wrong}` is not the arrow"), span, "write `->` here")
                    .help("a formula is written `inputs -> outputs`"),
            );
        }
        if let Some(error) = self.in_name() {
            return Some(error);
        }
        match self.piece {
            Piece::Formula => self.in_formula_head(),
            Piece::Source if rest.starts_with("->") || rest.starts_with('+') => Some(
                self.error("E0103", "a source has one tuple and nothing to be made from", "expected `from \"path\"`, a block or the end")
                    .help("where one dataset is made from another, leave out the word `source`: `(a, prod, dl) -> (b, prod, dl)`"),
            ),
            Piece::Source if self.after("from") => Some(self.path_needs_quotes()),
            Piece::Include => Some(self.path_needs_quotes()),
            _ => None,
        }
    }

    fn path_needs_quotes(&self) -> SyntaxError {
        self.error("E0107", format!("found {} where a path should be", self.found()), "expected a path in double quotes")
            .help(self.piece.example())
    }

    /// What follows `as`, `for`, `in` and `let`: an identifier.
    fn in_name(&self) -> Option<SyntaxError> {
        if self.expects("a name") && RESERVED.contains(&self.token()) {
            return Some(reserved_name(self.token(), self.span(self.at..self.at + self.token().len())));
        }
        let behind_word = self.before().len() == self.at && self.before().ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        (behind_word && self.rest().starts_with(['-', '.']) && !self.rest().starts_with("->")).then(|| {
            self.error("E0104", format!("found {} in a name", self.found()), "not allowed here")
                .help("names are made of letters, digits and `_`")
        })
    }

    fn in_formula_head(&self) -> Option<SyntaxError> {
        let rest = self.rest();
        let has_arrow = self.before().contains("->");
        let side = if has_arrow { "output" } else { "input" };
        if (rest.is_empty() || rest.starts_with("->")) && (self.after("+") || self.after("|")) {
            let sign = self.before().len() - 1;
            return Some(SyntaxError::new(
                "E0103",
                format!("no {side} follows `{}`", &self.before()[sign..]),
                self.span(sign..sign + 1),
                format!("expected one more {side} behind this"),
            ));
        }
        if rest.is_empty() && self.after("->") {
            return Some(
                self.error("E0103", "a formula without outputs", "expected an output behind the arrow").help(Piece::Formula.example()),
            );
        }
        if rest.is_empty() && !has_arrow {
            return Some(
                self.error("E0103", "a formula without an arrow", "expected `->` and the outputs")
                    .help("if the next line goes on with inputs, end this one with ` +`")
                    .help("data from outside is declared with `source (…) from \"path\"`"),
            );
        }
        if rest.starts_with("->") && has_arrow {
            return Some(
                self.error("E0103", "a second arrow", "a formula has one arrow")
                    .help("write two formulas, the second with the first one's output as its input"),
            );
        }
        if rest.starts_with(['(', ',', '&', ';']) && (self.after(")") || self.after("?") || self.expects("`+`")) {
            let end = self.before().len();
            let (span, label) = if rest.starts_with('(') {
                (self.span(end..self.at), "write ` + ` here")
            } else {
                (self.span(self.at..self.at + 1), "write ` +` instead")
            };
            return Some(
                SyntaxError::new("E0103", format!("two {side}s without `+` between them"), span, label)
                    .help(format!("all {side}s are joined by `+`")),
            );
        }
        if has_arrow && rest.starts_with(['?', '|']) {
            return Some(self.error(
                "E0103",
                format!("found {} in an output", self.found()),
                "only inputs can be optional or have alternatives",
            ));
        }
        if self.token() == "as" {
            return Some(
                self.error("E0103", "`as` in the wrong place", "`as` comes once, before `at`")
                    .help("write `(class, …) as name at \"path\"`"),
            );
        }
        if self.after("at") {
            return Some(self.path_needs_quotes());
        }
        if self.token() == "from" {
            return Some(self.error("E0103", "`from` in a formula", "only a source has `from`").help(Piece::Source.example()));
        }
        None
    }
}

/// A line that begins like no statement: its first word (or sign), its place, and what stands behind it.
pub(super) fn unknown_statement(word: &str, span: Span, rest: &str) -> SyntaxError {
    let label = "no statement begins with this";
    let error = SyntaxError::new("E0102", format!("`{}` begins no statement", shown(word)), span, label);
    if PROPERTIES.contains(&word) {
        return error.help(format!("`{word}` is a property: write it inside a formula's block, `(…) -> (…) {{ {word} … }}`"));
    }
    match nearest(word, STATEMENTS) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None if rest.trim_start().starts_with('(') && rest.contains("->") => {
            error.help("a formula begins with its first tuple: remove this word")
        }
        None => error.help("a file holds formulas `(…) -> (…) { … }` and the statements `source`, `for`, `defaults`, `include` and `let`"),
    }
}

/// A word that the language keeps for itself, where a name should be.
pub(super) fn reserved_name(word: &str, span: Span) -> SyntaxError {
    SyntaxError::new("E0104", format!("`{word}` is a reserved word"), span, "cannot be a name")
        .help("`latest`, `any`, `in` and `as` have a meaning of their own; choose another name, or write a text in double quotes")
}

/// A text for a message: what a terminal would take for a command is spelled out.
pub(super) fn shown(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// `a`, `a or b`, `a, b or c`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => "something else".into(),
        [one] => (*one).into(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
