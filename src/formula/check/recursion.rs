//! Formulas that need their own results: which inputs those are, and whether it ends.
//!
//! What is true here: a formula feeds another where an output may be what an input names. Every circle of feeding needs a formula with
//! `since` (where it begins) and a step back in time (so that no identity needs itself).

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::overlap::Side;
use super::problems::Problems;
use crate::diagnostic::Diagnostic;
use crate::formula::program::{Domain, Formula, Life, Program, Role};
use crate::identity::{Expr, Name, Pattern, Term, Value};

/// Formula `from` may make what alternative `alternative` of input `input` of formula `to` names.
struct Feed {
    from: usize,
    to: usize,
    input: usize,
    alternative: usize,
    back: bool,
}

/// Marks inputs through which a formula feeds itself, and reports circles that do not end.
pub(super) fn check(program: &mut Program, problems: &mut Problems) {
    let feeds = feeds(program);
    let part = circles(&feeds, program.formulas.len());
    let inside: Vec<&Feed> = feeds.iter().filter(|feed| part[feed.from].is_some() && part[feed.from] == part[feed.to]).collect();
    for feed in &inside {
        program.formulas[feed.to].inputs[feed.input].alternatives[feed.alternative].own_class = true;
    }
    let begins = |formula: &Formula| {
        let counted = |role: &Role| matches!(role, Role::Bound { domain: Some(Domain::Ints { .. }) });
        formula.life.since.is_some() || formula.variables.iter().any(|v| counted(&v.role))
    };
    let endless: Vec<&Feed> =
        inside.iter().copied().filter(|f| !begins(&program.formulas[f.from]) && !begins(&program.formulas[f.to])).collect();
    for chain in chains(&endless) {
        let error = circle(program, &chain, "E0312", "needs its own results without end", problems)
            .note("each instance needs an earlier one, and nothing says which is the first")
            .help("say where it begins: `since 2024-01-01`, and make the earlier result optional: `(…, <DATE-1d>, …)?`");
        problems.report(error);
    }
    let unmoved: Vec<&Feed> = inside.iter().copied().filter(|feed| !feed.back).collect();
    for chain in chains(&unmoved) {
        let error = circle(program, &chain, "E0313", "needs itself", problems)
            .note("no step goes back in time, so that an instance would be made from itself")
            .help("read an earlier instance: `<DATE-1d>`, or another class");
        problems.report(error);
    }
}

fn circle(program: &Program, chain: &[usize], code: &'static str, what: &str, problems: &Problems) -> Diagnostic {
    let name = |formula: usize| program.formulas[formula].outputs.first().map_or("?", |o| &o.pattern.class);
    let mut names: Vec<&str> = chain.iter().map(|f| name(*f)).collect();
    names.push(name(chain[0]));
    let mut error = Diagnostic::error(code, format!("`{}` {what}: {}", name(chain[0]), names.join(" → ")));
    for (i, formula) in chain.iter().enumerate() {
        let next = name(chain[(i + 1) % chain.len()]);
        let label =
            if chain.len() == 1 { "reads what it makes".into() } else { format!("makes `{}`, which feeds `{next}`", name(*formula)) };
        error = error.at(problems.place(program.formulas[*formula].span), label);
    }
    error
}

fn feeds(program: &Program) -> Vec<Feed> {
    let makers = Makers::new(program);
    let mut feeds = Vec::new();
    for (to, reader) in program.formulas.iter().enumerate() {
        for (i, input) in reader.inputs.iter().enumerate() {
            for (j, alternative) in input.alternatives.iter().enumerate() {
                for pattern in alternative.pattern.all() {
                    let read = Side { pattern, variables: &reader.variables, life: Life::default() };
                    for from in makers.of(pattern) {
                        let maker = &program.formulas[from];
                        let made = |p| Side { pattern: p, variables: &maker.variables, life: maker.life };
                        if maker.outputs.iter().any(|o| made(&o.pattern).may_meet(&read, &program.sets)) {
                            feeds.push(Feed { from, to, input: i, alternative: j, back: goes_back(pattern, reader) });
                        }
                    }
                }
            }
        }
    }
    feeds
}

/// Formulas by what they make, so that a project of many expanded formulas is not compared pair by pair.
struct Makers<'p> {
    program: &'p Program,
    /// By class, component and its literal; `None`: no literal there.
    by_literal: HashMap<(&'p Name, usize, Option<&'p Value>), BTreeSet<usize>>,
}

impl<'p> Makers<'p> {
    fn new(program: &'p Program) -> Self {
        let mut by_literal: HashMap<_, BTreeSet<usize>> = HashMap::new();
        for (id, output) in program.formulas.iter().flat_map(|f| f.outputs.iter().map(|o| (f.id, o))) {
            for (i, (_, term)) in output.pattern.terms.iter().enumerate() {
                by_literal.entry((&output.pattern.class, i, literal(term))).or_default().insert(id);
            }
        }
        Self { program, by_literal }
    }

    /// Formulas that may make what a pattern names: some more than those that do.
    fn of(&self, pattern: &Pattern) -> Vec<usize> {
        let literals = pattern.terms.iter().enumerate().filter_map(|(i, (_, term))| Some((i, literal(term)?)));
        match literals.into_iter().next() {
            None => self.program.makers.get(&pattern.class).cloned().unwrap_or_default(),
            Some((i, value)) => {
                let found = [Some(value), None].into_iter().filter_map(|value| self.by_literal.get(&(&pattern.class, i, value)));
                found.flatten().copied().collect()
            }
        }
    }
}

fn literal(term: &Term) -> Option<&Value> {
    if let Term::Literal(value) = term { Some(value) } else { None }
}

/// Whether a component lies strictly before the output's: `<DATE-1d>`, `<D in DATE-6d..DATE-1d>`, `<N-1>`.
fn goes_back(pattern: &Pattern, reader: &Formula) -> bool {
    let earlier = |expr: &Expr| {
        let steps_back = !expr.steps.is_empty() && expr.steps.iter().all(|step| step.count < 0);
        expr.variable().is_some() && (steps_back || expr.number < 0)
    };
    pattern.terms.iter().any(|(_, term)| {
        let Term::Expr(expr) = term else { return false };
        let Some(var) = expr.variable() else { return false };
        match &reader.variables[var.0 as usize].role {
            Role::Expanded { domain: Domain::Time { last, .. }, .. } => {
                earlier(last) && (expr.bare().is_some() || earlier(expr)) || earlier(expr) && last.bare().is_some()
            }
            Role::Expanded { .. } => false,
            Role::Bound { .. } | Role::Fixed(_) => earlier(expr),
        }
    })
}

/// The circle that each formula is part of, if it is part of one.
fn circles(feeds: &[Feed], formulas: usize) -> Vec<Option<usize>> {
    let mut part = vec![None; formulas];
    let by_themselves: BTreeSet<usize> = feeds.iter().filter(|feed| feed.from == feed.to).map(|feed| feed.from).collect();
    for (number, members) in tarjan_scc(&graph(feeds.iter())).into_iter().enumerate() {
        let circular = members.len() > 1 || by_themselves.contains(&members[0]);
        for member in members.into_iter().filter(|_| circular) {
            part[member] = Some(number);
        }
    }
    part
}

fn graph<'f>(feeds: impl Iterator<Item = &'f Feed>) -> DiGraphMap<usize, ()> {
    DiGraphMap::from_edges(feeds.map(|feed| (feed.from, feed.to)))
}

/// One circle of each group of formulas that feed each other, as a chain of formulas, in the order written.
fn chains(feeds: &[&Feed]) -> Vec<Vec<usize>> {
    let mut groups = tarjan_scc(&graph(feeds.iter().copied()));
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_unstable();
    groups.into_iter().filter_map(|group| shortest_circle(group[0], feeds)).collect()
}

/// Breadth first from a formula back to itself.
fn shortest_circle(start: usize, feeds: &[&Feed]) -> Option<Vec<usize>> {
    let mut came_from: HashMap<usize, usize> = HashMap::new();
    let mut wave = vec![start];
    while !wave.is_empty() {
        let mut next = Vec::new();
        for at in wave {
            for feed in feeds.iter().filter(|feed| feed.from == at) {
                if feed.to == start {
                    let mut chain = vec![at];
                    while let Some(before) = chain.last().filter(|f| **f != start).and_then(|f| came_from.get(f)) {
                        chain.push(*before);
                    }
                    chain.reverse();
                    return Some(chain);
                }
                if let Entry::Vacant(first) = came_from.entry(feed.to) {
                    first.insert(at);
                    next.push(feed.to);
                }
            }
        }
        wave = next;
    }
    None
}
