//! One identity, one maker: which formulas and sources could make the same, and which paths two sources claim.

use std::collections::BTreeMap;

use super::problems::Problems;
use crate::diagnostic::Diagnostic;
use crate::formula::ast::Span;
use crate::formula::program::{Domain, Life, Program, Role, Set, Variable};
use crate::identity::path::PathPattern;
use crate::identity::{Name, Pattern, Period, Term, Value};

type Sets = BTreeMap<Name, Set>;

/// A pattern, and what its variables may be.
#[derive(Clone, Copy)]
pub(super) struct Side<'p> {
    pub pattern: &'p Pattern,
    pub variables: &'p [Variable],
    pub life: Life,
}

impl<'p> Side<'p> {
    /// Whether some identity may match both. "No" is certain.
    pub fn may_meet(&self, other: &Side<'_>, sets: &Sets) -> bool {
        let (a, b) = (self.pattern, other.pattern);
        a.class == b.class
            && a.label == b.label
            && a.repository == b.repository
            && a.terms.len() == b.terms.len()
            && a.terms.iter().zip(&b.terms).all(|((_, x), (_, y))| self.values(x).may_share(&other.values(y), sets))
            && lives_meet(self.life, other.life)
            && [self, other].iter().all(|side| side.literal_time().is_none_or(|time| self.life.contains(time) && other.life.contains(time)))
    }

    fn values(&self, term: &'p Term) -> Values<'p> {
        let expr = match term {
            Term::Literal(value) => return Values::One(value),
            Term::Wildcard => return Values::Any,
            Term::Expr(expr) => expr,
        };
        let Some(var) = expr.bare() else { return Values::Any };
        match &self.variables[var.0 as usize].role {
            Role::Fixed(value) => Values::One(value),
            Role::Bound { domain: Some(domain) } | Role::Expanded { domain, .. } => Values::In(domain),
            Role::Bound { domain: None } => Values::Any,
        }
    }

    /// The literal of the first time component, which `since` and `until` judge.
    fn literal_time(&self) -> Option<Period> {
        let times = self.pattern.terms.iter().filter_map(|(_, term)| match term {
            Term::Literal(Value::Time(period)) => Some(Some(*period)),
            Term::Expr(expr)
                if expr.variable().is_some_and(|v| matches!(self.variables[v.0 as usize].ty, crate::identity::Type::Time(_))) =>
            {
                Some(None)
            }
            _ => None,
        });
        times.into_iter().next().flatten()
    }
}

/// What one component may be.
enum Values<'p> {
    One(&'p Value),
    In(&'p Domain),
    Any,
}

impl Values<'_> {
    fn may_share(&self, other: &Values<'_>, sets: &Sets) -> bool {
        match (self, other) {
            (Values::Any, _) | (_, Values::Any) => true,
            (Values::One(a), Values::One(b)) => a == b,
            (Values::One(value), Values::In(domain)) | (Values::In(domain), Values::One(value)) => may_contain(domain, value, sets),
            (Values::In(a), Values::In(b)) => may_intersect(a, b, sets),
        }
    }
}

fn may_contain(domain: &Domain, value: &Value, sets: &Sets) -> bool {
    match (domain, value) {
        (Domain::Set(name), value) => {
            let text = value.to_string();
            sets.get(name).is_some_and(|set| set.entries.iter().any(|entry| *entry.id == *text))
        }
        (Domain::Ints { first, last }, Value::Int(n)) => (first..=last).contains(&n),
        (Domain::Ints { .. }, _) => false,
        (Domain::Time { .. }, _) => true,
        (Domain::Union(parts), value) => parts.iter().any(|part| may_contain(part, value, sets)),
    }
}

fn may_intersect(a: &Domain, b: &Domain, sets: &Sets) -> bool {
    match (a, b) {
        (Domain::Union(parts), other) | (other, Domain::Union(parts)) => parts.iter().any(|part| may_intersect(part, other, sets)),
        (Domain::Set(a), Domain::Set(b)) => {
            let (Some(a), Some(b)) = (sets.get(a), sets.get(b)) else { return true };
            a.name == b.name || a.entries.iter().any(|x| b.entries.iter().any(|y| x.id == y.id))
        }
        (Domain::Ints { first: a, last: b }, Domain::Ints { first: c, last: d }) => a <= d && c <= b,
        _ => true,
    }
}

fn lives_meet(a: Life, b: Life) -> bool {
    let before = |until: Option<Period>, since: Option<Period>| match (until, since) {
        (Some(until), Some(since)) => until.start_minutes() <= since.start_minutes(),
        _ => false,
    };
    !before(a.until, b.since) && !before(b.until, a.since)
}

struct Maker<'p> {
    side: Side<'p>,
    span: Span,
    what: &'static str,
}

/// Reports every pair of makers that could make the same identity.
pub(super) fn makers(program: &Program, problems: &mut Problems) {
    let mut makers: Vec<Maker<'_>> = Vec::new();
    for formula in &program.formulas {
        for output in &formula.outputs {
            let side = Side { pattern: &output.pattern, variables: &formula.variables, life: formula.life };
            makers.push(Maker { side, span: output.span, what: "formula" });
        }
    }
    for source in &program.sources {
        let side = Side { pattern: &source.pattern, variables: &source.variables, life: source.life };
        makers.push(Maker { side, span: source.span, what: "source" });
    }
    let mut classes: BTreeMap<(&Name, &Name, &Name), Vec<&Maker<'_>>> = BTreeMap::new();
    for maker in &makers {
        let Pattern { class, label, repository, .. } = maker.side.pattern;
        classes.entry((class, label, repository)).or_default().push(maker);
    }
    for makers in classes.into_values() {
        apart(makers, program, problems);
    }
}

/// Compares makers pair by pair, but only those that agree in the literals that all of them have.
fn apart(makers: Vec<&Maker<'_>>, program: &Program, problems: &mut Problems) {
    let literal = |maker: &Maker<'_>, i: usize| match maker.side.pattern.terms.get(i) {
        Some((_, Term::Literal(value))) => Some(value.clone()),
        _ => None,
    };
    let terms = makers.first().map_or(0, |maker| maker.side.pattern.terms.len());
    for i in 0..terms {
        let mut buckets: BTreeMap<Option<Value>, Vec<&Maker<'_>>> = BTreeMap::new();
        for maker in &makers {
            buckets.entry(literal(maker, i)).or_default().push(maker);
        }
        if buckets.len() > 1 && !buckets.contains_key(&None) {
            buckets.into_values().for_each(|bucket| apart(bucket, program, problems));
            return;
        }
    }
    for (i, a) in makers.iter().enumerate() {
        for b in makers[..i].iter().filter(|b| a.side.may_meet(&b.side, &program.sets)) {
            let class = &a.side.pattern.class;
            let both = match (a.what, b.what) {
                ("formula", "formula") => "two formulas".to_string(),
                ("source", "source") => "two sources".to_string(),
                _ => "a formula and a source".to_string(),
            };
            let error = Diagnostic::error("E0310", format!("{both} can make the same `{class}`"))
                .at(problems.place(a.span), "made here too")
                .at(problems.place(b.span), "made here")
                .note("an identity has one maker: which of several is right cannot depend on their order")
                .help("tell them apart: by class, by a literal (`store=nyc`), by label, or by periods (`until 2024-01-01` here, `since 2024-01-01` there)");
            problems.report(error);
        }
    }
}

/// Reports paths that two sources claim.
pub(super) fn paths(program: &Program, problems: &mut Problems) {
    let mut claims: Vec<(String, &PathPattern, Span)> =
        program.sources.iter().filter_map(|s| Some((fixed_start(s.from.as_ref()?), s.from.as_ref()?, s.span))).collect();
    claims.sort_by(|a, b| a.0.cmp(&b.0));
    for (i, (start, path, span)) in claims.iter().enumerate() {
        // Paths can only be the same where one fixed start begins with the other; sorted, those follow.
        for (_, other, place) in claims[i + 1..].iter().take_while(|(next, ..)| next.starts_with(start.as_str())) {
            if path.overlaps(other) {
                let (first, second) = if span < place { (*span, *place) } else { (*place, *span) };
                let error = Diagnostic::error("E0311", "two sources claim the same files")
                    .at(problems.place(second), format!("`{}`", if first == *span { &other.text } else { &path.text }))
                    .at(problems.place(first), format!("`{}`", if first == *span { &path.text } else { &other.text }))
                    .note("a file belongs to one source, so that its path tells its identity")
                    .help("make the paths differ in a fixed part, such as the folder or the extension");
                problems.report(error);
            }
        }
    }
}

/// The text before a pattern's first variable or star.
fn fixed_start(path: &PathPattern) -> String {
    path.text.strip_prefix("./").unwrap_or(&path.text).split(['<', '*']).next().unwrap_or_default().to_string()
}
