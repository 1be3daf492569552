//! The checked program: what formulas mean, every name resolved, every type known, `for` blocks and `{{ … }}` of tuples expanded.
//!
//! What is true here: every [`Pattern`] has the dimensions of its class; an output's terms are literals or bare variables, and bind every
//! variable of role [`Role::Bound`]; every other variable has a domain; code files are read. Only `check` makes these.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ast::Span;
use crate::digest::ContentHash;
use crate::identity::path::PathPattern;
use crate::identity::{Binding, Dimension, Expr, Name, Pattern, Period, Precision, Type, Value, Var};

/// A whole compiled project.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub classes: BTreeMap<Name, Class>,
    /// In the order written; an expansion of a `for` block gives one formula per entry.
    pub formulas: Vec<Formula>,
    pub sources: Vec<Source>,
    pub sets: BTreeMap<Name, Set>,
    /// Formulas by the classes of their outputs: indices into `formulas`.
    pub makers: BTreeMap<Name, Vec<usize>>,
    /// Sources by class: indices into `sources`.
    pub source_of: BTreeMap<Name, Vec<usize>>,
    /// Formulas and sources... that name a class as input: indices into `formulas`.
    pub readers: BTreeMap<Name, Vec<usize>>,
    /// Which label falls through to which.
    pub bases: Bases,
    /// Labels for which formulas and sources of their bases were taken over (`Program::under`).
    pub taken: BTreeSet<Name>,
}

impl Program {
    /// The types of CSV and JSON columns that a class's source declares.
    pub fn columns_of(&self, class: &str) -> Option<Vec<Column>> {
        let sources = self.source_of.get(class).into_iter().flatten();
        sources.map(|id| &self.sources[*id]).find_map(|source| source.columns.as_ref().map(|columns| columns.as_ref().clone()))
    }
}

/// Bases of labels, as `labels:` of `formake.yaml` says: by name, or by a pattern such as `pr-*`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bases(pub Vec<(Name, Option<Name>)>);

impl Bases {
    /// What a label falls through to: as its own entry says, else the one whose pattern says most of it.
    pub fn of(&self, label: &str) -> Option<Name> {
        let (_, base) = entry_of(&self.0, label)?;
        base.clone().filter(|base| **base != *label)
    }

    /// A label's base, that one's base, and so on.
    pub fn chain(&self, label: &str) -> Vec<Name> {
        let mut chain: Vec<Name> = Vec::new();
        let mut next = self.of(label);
        while let Some(base) = next.filter(|base| **base != *label && !chain.contains(base)) {
            next = self.of(&base);
            chain.push(base);
        }
        chain
    }
}

/// The entry of `labels:` that holds for a label: its own, else the one whose pattern says most of it.
pub fn entry_of<'e, T>(entries: &'e [(Name, T)], label: &str) -> Option<&'e (Name, T)> {
    let meant = entries.iter().filter(|(pattern, _)| label_matches(pattern, label));
    meant.max_by_key(|(pattern, _)| (**pattern == *label, pattern.chars().filter(|c| *c != '*').count()))
}

/// Whether a label is meant by a pattern of `labels:`, in which `*` stands for any text.
pub fn label_matches(pattern: &str, label: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = label.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// A dataset class: its dimensions, and where they were first seen.
#[derive(Clone, Debug)]
pub struct Class {
    pub name: Name,
    pub dimensions: Vec<Dimension>,
    pub span: Span,
}

/// A set of `formake.yaml`, its entries in the order written.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    pub name: Name,
    pub entries: Vec<Entry>,
}

/// One entry of a set: its value as text, and its fields where it is an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: Name,
    /// `id` included; empty for a plain value.
    pub fields: BTreeMap<String, serde_json::Value>,
    /// The entry exists from the period that starts at this day (included) …
    pub since: Option<Period>,
    /// … until this one (not included).
    pub until: Option<Period>,
}

impl Entry {
    /// As templates see it: its text, or an object whose `id` is its value.
    pub fn value(&self) -> serde_json::Value {
        if self.fields.is_empty() {
            serde_json::Value::String(self.id.to_string())
        } else {
            self.fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        }
    }
}

#[derive(Clone, Debug)]
pub struct Formula {
    /// Its index in [`Program::formulas`].
    pub id: usize,
    /// The formula of the base that it is taken over from; `None` for what was written.
    pub of: Option<usize>,
    /// For people: `Customers + Billing -> churn_features`.
    pub title: String,
    /// `file:line` of its head, for people.
    pub place: String,
    /// Its head: inputs, arrow and outputs.
    pub span: Span,
    pub variables: Vec<Variable>,
    pub inputs: Vec<Input>,
    pub outputs: Vec<Output>,
    pub recipe: Recipe,
    /// The text of the recipe: in the formula file, or the whole of the SQL file it names.
    pub recipe_span: Span,
    pub life: Life,
    /// Variables of enclosing `for` blocks and `let`s, and the entries of fixed variables, for templates.
    pub constants: BTreeMap<String, serde_json::Value>,
    pub doc: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Variable {
    pub name: Name,
    pub ty: Type,
    pub role: Role,
}

/// Where a variable's values come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// The outputs bind it; with a domain, only these values exist.
    Bound { domain: Option<Domain> },
    /// One entry of a set, put in by the compiler where a tuple's `{{ S.field }}` depends on it; a literal of the outputs.
    Fixed(Value),
    /// The job takes a list (or, for `latest`, one) of values.
    Expanded { domain: Domain, choose: Choose },
}

pub use super::ast::Choose;

#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    Set(Name),
    Ints {
        first: i64,
        last: i64,
    },
    /// All periods of the variable's precision from the first that starts in `first` to the last that starts in `last`.
    Time {
        first: Expr,
        last: Expr,
    },
    /// What all makers of a class say of one dimension, where the input says nothing: the union of sets and integer ranges.
    Union(Vec<Domain>),
}

#[derive(Clone, Debug)]
pub struct Input {
    pub name: Name,
    /// Tried in order, per part.
    pub alternatives: Vec<Alternative>,
    /// Parts that cannot be provided are left out.
    pub optional: bool,
    pub at: Option<String>,
    /// Variables of role `Expanded` that this input names, leftmost first; parts are their product, leftmost slowest.
    pub expands: Vec<Var>,
    /// Whether any alternative has a wildcard: parts are found by enumeration.
    pub wildcard: bool,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Alternative {
    pub pattern: PatternChoice,
    /// How SQL reads snapshots of this class: declared by its source.
    pub columns: Option<Arc<Vec<Column>>>,
    /// The class is one of the formula's own outputs, or feeds it through others: what lies before its `since` is left out by `?`.
    pub own_class: bool,
    pub span: Span,
}

/// A pattern, or one per entry of a set where `{{ S.field }}` in the tuple makes them differ.
#[derive(Clone, Debug)]
pub enum PatternChoice {
    One(Pattern),
    ByEntry { var: Var, patterns: BTreeMap<Value, Pattern> },
}

impl PatternChoice {
    /// The pattern under a binding; `None` where the entry is unknown or its variable unbound.
    pub fn under(&self, binding: &Binding) -> Option<&Pattern> {
        match self {
            PatternChoice::One(pattern) => Some(pattern),
            PatternChoice::ByEntry { var, patterns } => patterns.get(binding.get(var.0 as usize)?.as_ref()?),
        }
    }

    pub fn all(&self) -> Vec<&Pattern> {
        match self {
            PatternChoice::One(pattern) => vec![pattern],
            PatternChoice::ByEntry { patterns, .. } => patterns.values().collect(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Output {
    pub name: Name,
    pub pattern: Pattern,
    /// `at "…"`: where the job leaves it; a template.
    pub at: Option<String>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Source {
    /// Its index in [`Program::sources`].
    pub id: usize,
    /// The source of the base that it is taken over from; `None` for what was written.
    pub of: Option<usize>,
    pub pattern: Pattern,
    pub variables: Vec<Variable>,
    /// `None`: published by hand.
    pub from: Option<PathPattern>,
    pub life: Life,
    /// Keep the bytes in the store.
    pub copy: bool,
    /// A file that must stand in the instance's folder before it counts as there.
    pub ready: Option<String>,
    /// Seconds that must have passed since the last change.
    pub min_age: Option<u64>,
    pub columns: Option<Arc<Vec<Column>>>,
    pub doc: Option<String>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
    pub span: Span,
    pub place: String,
}

/// `columns (id int, name text)`: a column's name and its SQL type, as written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Column {
    pub name: String,
    pub ty: String,
}

/// `since` (included) and `until` (not): the instances that exist, judged by a period's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Life {
    pub since: Option<Period>,
    pub until: Option<Period>,
}

impl Life {
    pub fn contains(&self, period: Period) -> bool {
        let start = period.start_minutes();
        self.since.is_none_or(|since| start >= since.start_minutes()) && self.until.is_none_or(|until| start < until.start_minutes())
    }
}

/// How outputs are made, and everything that counts or steers it.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub kind: Kind,
    /// Code files by project path, sorted: `uses`, and the words of `run` that name a file.
    pub uses: Vec<CodeFile>,
    pub tools: Vec<String>,
    pub params: BTreeMap<String, serde_json::Value>,
    pub env: BTreeMap<String, String>,
    pub secrets: Vec<String>,
    pub effect: bool,
    pub format: Option<Format>,
    /// `file "x.bam"`: the output's name.
    pub file: Option<String>,
    pub folder: bool,
    /// Does not count:
    pub needs: BTreeMap<String, u64>,
    pub retries: u32,
    /// Seconds between tries.
    pub retry_delay: f64,
    /// Seconds; `None`: no limit.
    pub timeout: Option<f64>,
    /// Seconds after which the result is made again.
    pub volatile: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// SQL text with template tags; `origin` names the file it came from.
    Sql { text: String, origin: Option<String> },
    /// A shell script with template tags.
    Run { text: String },
    /// Hand the one input on.
    Copy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Parquet,
    Csv,
    Jsonl,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
        }
    }
}

/// A file of the project that is part of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeFile {
    /// Relative to the project's root, `/` between parts.
    pub path: String,
    pub hash: ContentHash,
}

impl Formula {
    pub fn variable(&self, name: &str) -> Option<Var> {
        self.variables.iter().position(|v| &*v.name == name).map(|i| Var(i as u16))
    }

    /// An empty binding for this formula, `Fixed` variables filled in.
    pub fn binding(&self) -> Binding {
        self.variables.iter().map(|v| if let Role::Fixed(value) = &v.role { Some(value.clone()) } else { None }).collect()
    }

    /// The precision of a time variable.
    pub fn precision(&self, var: Var) -> Option<Precision> {
        match self.variables[var.0 as usize].ty {
            Type::Time(precision) => Some(precision),
            _ => None,
        }
    }
}
