//! All instances of a class: found backwards through its formulas to sources, publications and sets.
//!
//! What is true here: candidates are a superset; whether one can be provided is decided by the resolver as for any other identity.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::domain::{self, Candidates, Shelf, Unbounded};
use super::provide::Resolver;
use crate::formula::program::{Domain, Formula, Input, PatternChoice, Role};
use crate::identity::{Binding, Identity, Name, Pattern, Period, Term, Type, Value, Var};

impl<'a> Resolver<'a> {
    /// Every identity on a shelf that might be providable, sorted.
    pub fn candidates(&mut self, shelf: &Shelf) -> Candidates {
        match self.instances.0.get(shelf) {
            Some(Some(found)) => return found.clone(),
            // Asked for while being found: a rolling table reads itself, and some other input must tell its instances.
            Some(None) => {
                let (class, formula) = (shelf.0.clone(), shelf.0.to_string());
                return Err(Unbounded { class, formula, place: String::new(), variable: "".into() });
            }
            None => {}
        }
        self.instances.0.insert(shelf.clone(), None);
        let found = self.find(shelf).map(Rc::new);
        self.instances.0.insert(shelf.clone(), Some(found.clone()));
        found
    }

    /// The shelves on which a class stands under a label, sorted.
    pub fn shelves(&self, class: &Name, label: &Name) -> Vec<Shelf> {
        let outputs =
            self.program.makers.get(class).into_iter().flatten().flat_map(|id| &self.program.formulas[*id].outputs).map(|o| &o.pattern);
        let sources = self.program.source_of.get(class).into_iter().flatten().map(|id| &self.program.sources[*id].pattern);
        let mut repositories: Vec<Name> =
            outputs.chain(sources).filter(|p| p.class == *class && p.label == *label).map(|p| p.repository.clone()).collect();
        repositories.extend(self.published(class, label).into_iter().map(|i| i.repository));
        repositories.sort();
        repositories.dedup();
        repositories.into_iter().map(|repository| (class.clone(), label.clone(), repository)).collect()
    }

    /// Published and held identities of a class under a label, its bases' among them.
    pub(super) fn published(&self, class: &Name, label: &Name) -> Vec<Identity> {
        let mut all = self.world.published(class);
        let bases = if all.is_empty() { Vec::new() } else { self.program.bases.chain(label) };
        all.retain(|identity| identity.label == *label || bases.contains(&identity.label));
        all.into_iter().map(|identity| identity.under(label)).collect()
    }

    fn find(&mut self, shelf: &Shelf) -> Result<Vec<Identity>, Unbounded> {
        let (class, label, repository) = shelf;
        let stands_on = |pattern: &Pattern| pattern.class == *class && pattern.label == *label && pattern.repository == *repository;
        let mut all = self.published(class, label);
        all.retain(|i| i.repository == *repository);
        for id in self.program.source_of.get(class).into_iter().flatten() {
            let source = &self.program.sources[*id];
            if source.from.is_some() && stands_on(&source.pattern) {
                all.extend(self.world.source_instances(source).iter().filter_map(|b| source.pattern.instantiate(b)));
            }
        }
        for id in self.program.makers.get(class).into_iter().flatten() {
            let formula = &self.program.formulas[*id];
            if !formula.outputs.iter().any(|o| stands_on(&o.pattern)) {
                continue;
            }
            for binding in self.bindings(class, formula)? {
                for output in formula.outputs.iter().filter(|o| stands_on(&o.pattern)) {
                    if let Some(identity) = output.pattern.instantiate(&binding)
                        && self.allowed(formula, &binding, &identity).is_ok()
                    {
                        all.push(identity);
                    }
                }
            }
        }
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// Values that a formula's outputs may bind: a superset.
    fn bindings(&mut self, class: &Name, formula: &'a Formula) -> Result<Vec<Binding>, Unbounded> {
        let mut partial = vec![formula.binding()];
        for (index, variable) in formula.variables.iter().enumerate() {
            let Role::Bound { domain: Some(domain) } = &variable.role else { continue };
            if let Some(values) = domain::values(self.program, domain, variable.ty, &formula.binding()) {
                partial = product(partial, Var(index as u16), &values);
            }
        }
        let mut blocked_by = None;
        for input in &formula.inputs {
            if first_unbound(formula, &partial).is_none() {
                break;
            }
            if input.optional {
                continue;
            }
            match self.proposals(formula, input) {
                Ok(proposed) => partial = join(partial, &proposed),
                Err(unbounded) => blocked_by = Some(unbounded),
            }
        }
        for (index, variable) in formula.variables.iter().enumerate() {
            let open = partial.first().is_some_and(|b| b[index].is_none() && matches!(variable.role, Role::Bound { .. }));
            if !open {
                continue;
            }
            let (Type::Time(precision), Some(since), Some(until)) = (variable.ty, formula.life.since, formula.life.until) else {
                return Err(blocked_by.filter(|b| !b.place.is_empty()).unwrap_or_else(|| Unbounded {
                    class: class.clone(),
                    formula: formula.title.clone(),
                    place: formula.place.clone(),
                    variable: variable.name.clone(),
                }));
            };
            let first = Period::containing_minute(precision, since.start_minutes());
            let last = Period::containing_minute(precision, until.start_minutes() - 1);
            let values: Vec<Value> = (first.index..=last.index).map(|i| Value::Time(Period::new(precision, i))).collect();
            partial = product(partial, Var(index as u16), &values);
        }
        Ok(partial)
    }

    /// What the instances of an input's classes say of the variables that the outputs bind.
    fn proposals(&mut self, formula: &'a Formula, input: &'a Input) -> Result<HashSet<Binding>, Unbounded> {
        let mut proposed = HashSet::new();
        for alternative in &input.alternatives {
            let patterns: Vec<(Option<(Var, Value)>, &Pattern)> = match &alternative.pattern {
                PatternChoice::One(pattern) => vec![(None, pattern)],
                PatternChoice::ByEntry { var, patterns } => patterns.iter().map(|(value, p)| (Some((*var, value.clone())), p)).collect(),
            };
            for (entry, pattern) in patterns {
                let mut start: Binding = vec![None; formula.variables.len()];
                if let Some((var, value)) = entry
                    && is_bound(formula, var)
                {
                    start[var.0 as usize] = Some(value);
                }
                let shelf = (pattern.class.clone(), pattern.label.clone(), pattern.repository.clone());
                for identity in self.candidates(&shelf)?.iter() {
                    proposed.extend(read_back(formula, pattern, identity, &start));
                }
            }
        }
        Ok(proposed)
    }
}

/// Bindings of the bound variables under which a pattern may stand for an identity.
fn read_back(formula: &Formula, pattern: &Pattern, identity: &Identity, start: &Binding) -> Vec<Binding> {
    let mut all = vec![start.clone()];
    for ((_, term), component) in pattern.terms.iter().zip(identity.instance.0.iter()) {
        let expr = match term {
            Term::Literal(value) if *value != component.value => return vec![],
            Term::Literal(_) | Term::Wildcard => continue,
            Term::Expr(expr) => expr,
        };
        let Some(var) = expr.variable() else { continue };
        let values = expr.invert(&component.value, formula.precision(var));
        match &formula.variables[var.0 as usize].role {
            Role::Bound { .. } => all = narrow(all, var, &values),
            Role::Fixed(fixed) if !values.contains(fixed) => return vec![],
            Role::Expanded { domain: Domain::Time { first, last }, .. } => {
                let (Some(low), Some(high)) = (first.variable(), last.variable()) else { continue };
                if low != high || !is_bound(formula, low) {
                    continue;
                }
                let precision = formula.precision(low);
                let mut window = Vec::new();
                for value in &values {
                    // `first <= value <= last`: the variable lies between what `last` and what `first` give for it.
                    let from = last.invert(value, precision).into_iter().min();
                    let to = first.invert(value, precision).into_iter().max();
                    if let (Some(Value::Time(from)), Some(Value::Time(to))) = (from, to) {
                        window.extend((from.index..=to.index).map(|i| Value::Time(Period::new(from.precision, i))));
                    }
                }
                all = narrow(all, low, &window);
            }
            Role::Fixed(_) | Role::Expanded { .. } => {}
        }
    }
    all
}

fn is_bound(formula: &Formula, var: Var) -> bool {
    matches!(formula.variables[var.0 as usize].role, Role::Bound { .. })
}

fn first_unbound(formula: &Formula, partial: &[Binding]) -> Option<usize> {
    let first = partial.first()?;
    (0..formula.variables.len()).find(|i| first[*i].is_none() && is_bound(formula, Var(*i as u16)))
}

fn product(partial: Vec<Binding>, var: Var, values: &[Value]) -> Vec<Binding> {
    let with = |binding: &Binding, value: &Value| {
        let mut binding = binding.clone();
        binding[var.0 as usize] = Some(value.clone());
        binding
    };
    partial.iter().flat_map(|binding| values.iter().map(move |value| with(binding, value))).collect()
}

/// Sets a variable to each of the values, or keeps those bindings whose value is among them.
fn narrow(all: Vec<Binding>, var: Var, values: &[Value]) -> Vec<Binding> {
    let (set, open): (Vec<_>, Vec<_>) = all.into_iter().partition(|b| b[var.0 as usize].is_some());
    let mut kept: Vec<Binding> = set.into_iter().filter(|b| b[var.0 as usize].as_ref().is_some_and(|v| values.contains(v))).collect();
    kept.extend(product(open, var, values));
    kept
}

/// Every pair that agrees on the variables both sides have.
fn join(partial: Vec<Binding>, proposed: &HashSet<Binding>) -> Vec<Binding> {
    let Some(shape) = partial.first() else { return partial };
    let Some(other) = proposed.iter().next() else { return Vec::new() };
    let shared: Vec<usize> = (0..shape.len()).filter(|i| shape[*i].is_some() && other[*i].is_some()).collect();
    let key = |binding: &Binding| shared.iter().map(|i| binding[*i].clone()).collect::<Vec<_>>();
    let mut by_key: HashMap<Vec<Option<Value>>, Vec<&Binding>> = HashMap::new();
    for binding in proposed {
        by_key.entry(key(binding)).or_default().push(binding);
    }
    let mut joined = Vec::new();
    for binding in &partial {
        for other in by_key.get(&key(binding)).into_iter().flatten() {
            joined.push(binding.iter().zip(other.iter()).map(|(a, b)| a.clone().or_else(|| b.clone())).collect());
        }
    }
    joined
}
