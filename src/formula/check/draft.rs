//! Formulas and sources one by one: includes read, `for` blocks unrolled, `{{ … }}` of tuples rendered, names and types still as written.

use std::rc::Rc;

use super::template::Constants;
use crate::formula::ast::{self, Span};
use crate::formula::program::Life;
use crate::identity::Name;

/// One formula or source: what makes its outputs. A source has no inputs and one output, its own tuple.
pub(super) struct Draft<'a> {
    pub origin: Origin<'a>,
    pub inputs: Vec<Input<'a>>,
    pub outputs: Vec<Tuple<'a>>,
    /// Variables of enclosing `for` blocks, and `let`s.
    pub constants: Rc<Constants>,
    /// Set variables that a template of the outputs depends on, with the entry that this draft is for.
    pub fixed: Vec<(&'a str, Name)>,
    /// Constants and the fixed variables' entries: what a source's path may name.
    pub entries: Rc<Constants>,
    /// Properties of `defaults` blocks above, innermost last.
    pub defaults: Rc<Vec<&'a ast::Property>>,
    /// `since` and `until` of the set entries it is for.
    pub life: Life,
}

#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    Formula(&'a ast::Formula),
    Source(&'a ast::Source),
}

pub(super) struct Input<'a> {
    pub ast: &'a ast::Input,
    pub alternatives: Vec<Alternative<'a>>,
}

/// One tuple, or one per entry of a set where its templates name a set variable.
pub(super) struct Alternative<'a> {
    pub ast: &'a ast::Alternative,
    pub by: Option<&'a str>,
    /// With the entry, where it is by entry.
    pub tuples: Vec<(Option<Name>, Tuple<'a>)>,
}

pub(super) struct Tuple<'a> {
    pub class: Name,
    pub components: Vec<Component<'a>>,
    pub label: Name,
    pub repository: Name,
    pub ast: &'a ast::Tuple,
}

pub(super) struct Component<'a> {
    pub key: Option<&'a str>,
    pub term: Term<'a>,
    pub span: Span,
}

pub(super) enum Term<'a> {
    Literal(String, Span),
    Wildcard,
    Variable(&'a ast::Variable),
}

impl<'a> Draft<'a> {
    /// Its head, which messages underline.
    pub fn span(&self) -> Span {
        match self.origin {
            Origin::Formula(formula) => formula.head,
            Origin::Source(source) => source.tuple.span,
        }
    }

    pub fn is_source(&self) -> bool {
        matches!(self.origin, Origin::Source(_))
    }

    pub fn properties(&self) -> &'a [ast::Property] {
        match self.origin {
            Origin::Formula(formula) => &formula.properties,
            Origin::Source(source) => &source.properties,
        }
    }

    /// All tuples, inputs first, and whether it is an output.
    pub fn tuples(&self) -> impl Iterator<Item = (&Tuple<'a>, bool)> {
        let inputs = self.inputs.iter().flat_map(|i| &i.alternatives).flat_map(|a| &a.tuples).map(|(_, tuple)| (tuple, false));
        inputs.chain(self.outputs.iter().map(|tuple| (tuple, true)))
    }

    /// The entry that a variable was fixed to.
    pub fn fixed(&self, variable: &str) -> Option<&Name> {
        self.fixed.iter().find(|(name, _)| *name == variable).map(|(_, entry)| entry)
    }
}

impl<'a> Tuple<'a> {
    /// Its variables, with the component they stand in.
    pub fn variables(&self) -> impl Iterator<Item = (usize, &'a ast::Variable)> {
        self.components.iter().enumerate().filter_map(|(i, c)| if let Term::Variable(v) = c.term { Some((i, v)) } else { None })
    }
}

/// Whether an expression's base may be a variable's name; otherwise it is a literal.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// An expression that is nothing but one word.
pub(super) fn plain(expr: &ast::Expr) -> Option<&str> {
    (expr.truncate.is_none() && expr.steps.is_empty()).then_some(expr.base.node.as_str())
}

/// The narrower of two lives.
pub(super) fn narrowed(a: Life, b: Life) -> Life {
    let start = |p: &crate::identity::Period| p.start_minutes();
    Life { since: a.since.into_iter().chain(b.since).max_by_key(start), until: a.until.into_iter().chain(b.until).min_by_key(start) }
}
