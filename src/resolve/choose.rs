//! Choosing a job's inputs: fan-ins, windows, `latest`, `any`, `?`, `|`, `*`.
//!
//! What is true here: a choice looks at what can be provided, never at what was made before, and nothing falls through to another choice later.

use std::collections::HashMap;
use std::sync::Arc;

use super::domain;
use super::graph::{Blocked, Cause, Part};
use super::provide::{Resolver, blocked};
use crate::formula::program::{Choose, Domain, Formula, Input, Role};
use crate::identity::{Base, Binding, Identity, Name, Pattern, Period, Term, Value, Var};

/// What is done with every combination of some variables' values.
type Each<'e, R> = dyn FnMut(&mut R, &Binding) -> Result<(), Arc<Blocked>> + 'e;

/// One part of an input.
enum Answer {
    Part(Part),
    /// `?`: left out, or a set's entry that does not exist then.
    LeftOut,
    Missing(Arc<Blocked>),
}

impl<'a> Resolver<'a> {
    /// All inputs' parts. Chooses the values of `latest` variables and puts them into the binding.
    pub(super) fn inputs(
        &mut self,
        formula: &'a Formula,
        binding: &mut Binding,
        identity: &Identity,
    ) -> Result<Vec<Vec<Part>>, Arc<Blocked>> {
        let time = identity.instance.time();
        let missing = |name: &Name, because| blocked(identity, Cause::NoPart { name: name.to_string(), because });
        for (index, variable) in formula.variables.iter().enumerate() {
            let Role::Expanded { domain, choose: Choose::Latest } = &variable.role else { continue };
            let var = Var(index as u16);
            let candidates = domain::values(self.program, domain, variable.ty, binding).unwrap_or_default();
            let mut chosen = None;
            for value in candidates.into_iter().rev() {
                binding[index] = Some(value);
                if self.together(formula, var, binding, time) {
                    chosen = binding[index].clone();
                    break;
                }
            }
            binding[index] = chosen;
            if binding[index].is_none() {
                // The newest candidate's reason tells most.
                let because = self.newest_reason(formula, var, binding, time);
                let blocks = |i: &&Input| mentions(formula, i, var) && (!i.optional || self.gap_in_own_class(formula, i, var, binding));
                if let Some(input) = formula.inputs.iter().find(blocks) {
                    return Err(missing(&input.name, because));
                }
            }
        }
        let mut lists: HashMap<Var, Vec<Value>> = HashMap::new();
        for (index, variable) in formula.variables.iter().enumerate() {
            let Role::Expanded { domain, choose } = &variable.role else { continue };
            let var = Var(index as u16);
            if *choose == Choose::Latest {
                continue;
            }
            let mut all = domain::values(self.program, domain, variable.ty, binding).unwrap_or_default();
            if *choose == Choose::Any {
                let mut trial = binding.clone();
                all.retain(|value| {
                    trial[index] = Some(value.clone());
                    self.together(formula, var, &trial, time)
                });
            }
            lists.insert(var, all);
        }
        let mut inputs = Vec::with_capacity(formula.inputs.len());
        for input in &formula.inputs {
            let mut parts = Vec::new();
            let mut first_missing = None;
            let lenient = input.expands.iter().any(|var| choose_of(formula, *var) == Some(Choose::Any));
            let free: Vec<Var> = input.expands.iter().copied().filter(|v| choose_of(formula, *v) != Some(Choose::Latest)).collect();
            let undecided = input.expands.iter().any(|v| choose_of(formula, *v) == Some(Choose::Latest) && binding[v.0 as usize].is_none());
            if !undecided {
                let mut trial = binding.clone();
                self.product(&free, &lists, &mut trial, &mut |resolver, trial| {
                    for answer in resolver.answers(formula, input, trial, time) {
                        match answer {
                            // It was chosen for what it is: nothing falls through to the next one.
                            Answer::Part(part) if let Some(why) = resolver.blocked(part.node).cloned() => {
                                let cause = Cause::Input { name: input.name.to_string(), because: why, first_complete: None };
                                return Err(blocked(identity, cause));
                            }
                            Answer::Part(part) => parts.push(part),
                            Answer::LeftOut => {}
                            Answer::Missing(why) if lenient => first_missing = first_missing.take().or(Some(why)),
                            Answer::Missing(why) => {
                                return Err(blocked(
                                    identity,
                                    Cause::Input { name: input.name.to_string(), because: why, first_complete: None },
                                ));
                            }
                        }
                    }
                    Ok(())
                })?;
            }
            if parts.is_empty() && !input.optional {
                return Err(missing(&input.name, first_missing));
            }
            inputs.push(parts);
        }
        Ok(inputs)
    }

    /// Calls `each` with every combination of the free variables' values, leftmost slowest.
    fn product(
        &mut self,
        free: &[Var],
        lists: &HashMap<Var, Vec<Value>>,
        trial: &mut Binding,
        each: &mut Each<'_, Self>,
    ) -> Result<(), Arc<Blocked>> {
        let Some((var, rest)) = free.split_first() else { return each(self, trial) };
        for value in lists.get(var).into_iter().flatten() {
            trial[var.0 as usize] = Some(value.clone());
            self.product(rest, lists, trial, each)?;
        }
        trial[var.0 as usize] = None;
        Ok(())
    }

    /// Whether all needed inputs that name `var` (or, where only optional ones do, those) can be provided together under its value in `binding`.
    fn together(&mut self, formula: &'a Formula, var: Var, binding: &Binding, time: Option<Period>) -> bool {
        let naming: Vec<&Input> = formula.inputs.iter().filter(|i| mentions(formula, i, var)).collect();
        let needed = naming.iter().any(|i| !i.optional);
        naming.into_iter().filter(|i| !needed || !i.optional).all(|input| self.input_provided(formula, input, binding, time))
    }

    /// Whether an input can be provided, its unbound variables ranging over their domains.
    fn input_provided(&mut self, formula: &'a Formula, input: &'a Input, binding: &Binding, time: Option<Period>) -> bool {
        let unbound = input.expands.iter().copied().find(|v| binding[v.0 as usize].is_none());
        let Some(var) = unbound else {
            let answers = self.answers(formula, input, binding, time);
            return answers.iter().any(|a| matches!(a, Answer::Part(_))) && !answers.iter().any(|a| matches!(a, Answer::Missing(_)));
        };
        let variable = &formula.variables[var.0 as usize];
        let Role::Expanded { domain, choose } = &variable.role else { return false };
        let values = domain::values(self.program, domain, variable.ty, binding).unwrap_or_default();
        let mut trial = binding.clone();
        let mut holds = |resolver: &mut Self, value: Value| {
            trial[var.0 as usize] = Some(value.clone());
            let own = domain::life(resolver.program, domain, &value);
            let exists = resolver.part_time(input, &trial).or(time).is_none_or(|t| own.contains(t));
            (exists, exists && resolver.input_provided(formula, input, &trial, time))
        };
        match choose {
            Choose::All => {
                let mut some = false;
                for value in values {
                    let (exists, provided) = holds(self, value);
                    if exists && !provided {
                        return false;
                    }
                    some |= provided;
                }
                some
            }
            Choose::Any | Choose::Latest => values.into_iter().any(|value| holds(self, value).1),
        }
    }

    fn newest_reason(&mut self, formula: &'a Formula, var: Var, binding: &Binding, time: Option<Period>) -> Option<Arc<Blocked>> {
        let variable = &formula.variables[var.0 as usize];
        let Role::Expanded { domain, .. } = &variable.role else { return None };
        let newest = domain::values(self.program, domain, variable.ty, binding)?.pop()?;
        let mut trial = binding.clone();
        trial[var.0 as usize] = Some(newest);
        for input in formula.inputs.iter().filter(|i| !i.optional && mentions(formula, i, var)) {
            if input.expands.iter().any(|v| trial[v.0 as usize].is_none()) {
                continue;
            }
            for answer in self.answers(formula, input, &trial, time) {
                if let Answer::Missing(why) = answer {
                    return Some(why);
                }
            }
        }
        None
    }

    /// Says of a blocked target that needs a window which later instance is the first to have it whole.
    pub fn name_first_complete(&mut self, target: &Identity) {
        let ix = self.node(target);
        let Some(why) = self.blocked(ix).cloned() else { return };
        let (Cause::Input { name, because, .. }, Some((formula, binding))) = (&why.cause, self.only_formula(target)) else { return };
        let Some(input) = formula.inputs.iter().find(|i| *i.name == **name) else { return };
        let width = input.expands.iter().filter_map(|var| match &formula.variables[var.0 as usize] {
            v if matches!(v.role, Role::Expanded { domain: Domain::Time { .. }, choose: Choose::All }) => match &v.role {
                Role::Expanded { domain, .. } => domain::values(self.program, domain, v.ty, &binding).map(|all| all.len()),
                _ => None,
            },
            _ => None,
        });
        let Some(width) = width.max().filter(|width| (2..=1000).contains(width)) else { return };
        let mut later = target.clone();
        for _ in 0..width {
            let mut components = later.instance.0.to_vec();
            let Some(Value::Time(period)) = components.iter_mut().map(|c| &mut c.value).find(|v| v.period().is_some()) else { return };
            *period = period.next();
            later.instance = crate::identity::Instance::new(components);
            if self.is_provided(&later) {
                let cause = Cause::Input { name: name.clone(), because: because.clone(), first_complete: Some(later) };
                self.reword(ix, Blocked { cause, ..(*why).clone() });
                return;
            }
        }
    }

    fn part_time(&self, input: &Input, binding: &Binding) -> Option<Period> {
        input.alternatives.first()?.pattern.under(binding)?.instantiate(binding)?.instance.time()
    }

    /// The parts of an input once every variable has a value: one, or with a wildcard any number.
    fn answers(&mut self, formula: &'a Formula, input: &'a Input, binding: &Binding, time: Option<Period>) -> Vec<Answer> {
        for var in &input.expands {
            let (Role::Expanded { domain, .. }, Some(value)) = (&formula.variables[var.0 as usize].role, &binding[var.0 as usize]) else {
                continue;
            };
            let life = domain::life(self.program, domain, value);
            if self.part_time(input, binding).or(time).is_some_and(|t| !life.contains(t)) {
                return vec![Answer::LeftOut];
            }
        }
        let values: Vec<Value> = input.expands.iter().filter_map(|v| binding[v.0 as usize].clone()).collect();
        if input.wildcard {
            return self.wildcard_parts(input, binding, &values);
        }
        let mut missing = None;
        let mut own_gap = None;
        for (alternative, choice) in input.alternatives.iter().enumerate() {
            let Some(identity) = choice.pattern.under(binding).and_then(|p| p.instantiate(binding)) else { continue };
            let node = self.node(&identity);
            let why = self.blocked(node).filter(|why| !why.is_refused()).cloned();
            let Some(why) = why else {
                return vec![Answer::Part(Part { node, alternative, values })];
            };
            if choice.own_class && input.optional && !self.before_since(&identity) {
                own_gap = own_gap.or(Some(why.clone()));
            }
            if fatal(&why) {
                return vec![Answer::Missing(why)];
            }
            missing = missing.or(Some(why));
        }
        match (own_gap, missing) {
            (Some(gap), _) => vec![Answer::Missing(gap)],
            (None, _) if input.optional => vec![Answer::LeftOut],
            (None, Some(why)) => vec![Answer::Missing(why)],
            (None, None) => {
                let class = input.alternatives.iter().filter_map(|a| a.pattern.under(binding)).map(|p| p.class.clone()).next();
                let identity = Identity {
                    class: class.unwrap_or_else(|| input.name.clone()),
                    instance: crate::identity::Instance::new([]),
                    label: "?".into(),
                    repository: "?".into(),
                };
                vec![Answer::Missing(blocked(&identity, Cause::NoMaker))]
            }
        }
    }

    fn wildcard_parts(&mut self, input: &'a Input, binding: &Binding, values: &[Value]) -> Vec<Answer> {
        let mut found: Vec<(crate::identity::Instance, Part)> = Vec::new();
        for (alternative, choice) in input.alternatives.iter().enumerate() {
            let Some(pattern) = choice.pattern.under(binding) else { continue };
            let candidates = match self.candidates(&(pattern.class.clone(), pattern.label.clone(), pattern.repository.clone())) {
                Ok(candidates) => candidates,
                Err(u) => {
                    let identity = Identity {
                        class: pattern.class.clone(),
                        instance: crate::identity::Instance::new([]),
                        label: pattern.label.clone(),
                        repository: pattern.repository.clone(),
                    };
                    let cause = Cause::Unbounded { class: u.class.to_string(), formula: u.formula, variable: u.variable.to_string() };
                    return vec![Answer::Missing(blocked(&identity, cause))];
                }
            };
            for identity in candidates.iter() {
                let mut trial = binding.clone();
                if pattern.unify(identity, &mut trial).is_err() || found.iter().any(|(known, _)| *known == identity.instance) {
                    continue;
                }
                let node = self.node(identity);
                if self.blocked(node).is_none_or(|why| why.is_refused()) {
                    found.push((identity.instance.clone(), Part { node, alternative, values: values.to_vec() }));
                }
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found.into_iter().map(|(_, part)| Answer::Part(part)).collect()
    }

    /// Whether an optional input of the output's own class could have had a part since the class began: then its lack is a gap, not a beginning.
    fn gap_in_own_class(&self, formula: &Formula, input: &Input, var: Var, binding: &Binding) -> bool {
        let variable = &formula.variables[var.0 as usize];
        let Role::Expanded { domain, .. } = &variable.role else { return false };
        let mut trial = binding.clone();
        domain::values(self.program, domain, variable.ty, binding).unwrap_or_default().into_iter().any(|value| {
            trial[var.0 as usize] = Some(value);
            let own = input.alternatives.iter().filter(|a| a.own_class);
            let mut identities = own.filter_map(|a| a.pattern.under(&trial)?.instantiate(&trial));
            identities.any(|identity| !self.before_since(&identity))
        })
    }

    /// Whether an identity of the formula's own class lies before the earliest `since` of all that could make it.
    fn before_since(&self, identity: &Identity) -> bool {
        let Some(time) = identity.instance.time() else { return false };
        let mut earliest: Option<i64> = None;
        for id in self.program.makers.get(&identity.class).into_iter().flatten() {
            let formula = &self.program.formulas[*id];
            for output in &formula.outputs {
                let mut binding = formula.binding();
                if output.pattern.unify(identity, &mut binding).is_err() {
                    continue;
                }
                let mut since = formula.life.since.map(|p| p.start_minutes());
                for (variable, value) in formula.variables.iter().zip(&binding) {
                    if let (Role::Bound { domain: Some(domain) }, Some(value)) = (&variable.role, value) {
                        since = since.max(domain::life(self.program, domain, value).since.map(|p| p.start_minutes()));
                    }
                }
                earliest = Some(earliest.map_or(since.unwrap_or(i64::MIN), |e| e.min(since.unwrap_or(i64::MIN))));
            }
        }
        earliest.is_none_or(|since| time.start_minutes() < since)
    }
}

/// A mistake of the program, which no `?` or `|` may step over.
fn fatal(why: &Blocked) -> bool {
    matches!(why.root().cause, Cause::Cycle { .. } | Cause::Ambiguous { .. } | Cause::Unbounded { .. })
}

fn choose_of(formula: &Formula, var: Var) -> Option<Choose> {
    match &formula.variables[var.0 as usize].role {
        Role::Expanded { choose, .. } => Some(*choose),
        _ => None,
    }
}

/// Whether an input's parts depend on a variable: in its tuple, or in the domain of another variable that it expands.
fn mentions(formula: &Formula, input: &Input, var: Var) -> bool {
    let in_pattern = |pattern: &Pattern| {
        pattern.terms.iter().any(|(_, term)| matches!(term, Term::Expr(e) if matches!(e.base, Base::Var(v) if v == var)))
    };
    input.expands.contains(&var)
        || input.alternatives.iter().any(|a| a.pattern.all().into_iter().any(in_pattern))
        || input.expands.iter().any(|other| match &formula.variables[other.0 as usize].role {
            Role::Expanded { domain: Domain::Time { first, last }, .. } => [first, last].iter().any(|e| e.variable() == Some(var)),
            _ => false,
        })
}
