//! One identity to its node: the formula that makes it, instantiated, or the source or publication it is, or why it cannot be provided.
//!
//! What is true here: *can be provided* is the least fixpoint over formulas, sources and publications, decided once per identity, depth
//! first; a choice (`?`, `|`, `latest`, `any`) is made by what can be provided and never by what was made before.

use std::collections::HashMap;
use std::sync::Arc;

use super::domain;
use super::graph::{Blocked, Cause, Graph, Instance, JobIx, Near, Node, NodeIx, Origin, Part};
use super::world::{Offer, Standing, World};
use crate::formula::program::{Choose, Domain, Formula, Input, Life, Program, Role};
use crate::identity::{Base, Binding, Identity, Name, Pattern, Period, Term, Value, Var};

/// Resolves identities against one program and one view of the outside.
pub struct Resolver<'a> {
    pub(super) program: &'a Program,
    pub(super) world: &'a dyn World,
    nodes: Vec<Node>,
    jobs: Vec<Instance>,
    known: HashMap<Identity, Known>,
    /// Identities being decided, outermost first.
    open: Vec<Identity>,
    pub(super) instances: domain::Cache,
}

#[derive(Clone, Copy)]
enum Known {
    Open,
    Done(NodeIx),
}

/// What is done with every combination of some variables' values.
type Each<'e, R> = dyn FnMut(&mut R, &Binding) -> Result<(), Arc<Blocked>> + 'e;

/// One part of an input.
enum Answer {
    Part(Part),
    /// `?`: left out, or a set's entry that does not exist then.
    LeftOut,
    Missing(Arc<Blocked>),
}

/// Who could make an identity.
pub(super) enum Maker {
    Formula(usize, Binding),
    Source(usize, Binding),
}

impl<'a> Resolver<'a> {
    pub fn new(program: &'a Program, world: &'a dyn World) -> Self {
        Self {
            program,
            world,
            nodes: Vec::new(),
            jobs: Vec::new(),
            known: HashMap::new(),
            open: Vec::new(),
            instances: domain::Cache::default(),
        }
    }

    /// The node of an identity: decided now, or before.
    pub fn node(&mut self, identity: &Identity) -> NodeIx {
        match self.known.get(identity) {
            Some(Known::Done(ix)) => return *ix,
            Some(Known::Open) => {
                let start = self.open.iter().position(|i| i == identity).unwrap_or(0);
                let cause = Cause::Cycle { through: self.open[start..].to_vec() };
                // Not remembered: the identity itself is still being decided.
                return self.push(identity, Origin::Blocked(blocked(identity, cause)));
            }
            None => {}
        }
        self.known.insert(identity.clone(), Known::Open);
        self.open.push(identity.clone());
        // Rolling tables go as deep as they are long.
        let decided = stacker::maybe_grow(128 << 10, 8 << 20, || self.decide(identity));
        self.open.pop();
        let ix = match decided {
            Ok(Decided::Job(ix)) => ix,
            Ok(Decided::Leaf(origin)) => self.push(identity, origin),
            Err(why) => self.push(identity, Origin::Blocked(why)),
        };
        self.known.insert(identity.clone(), Known::Done(ix));
        ix
    }

    pub fn is_provided(&mut self, identity: &Identity) -> bool {
        let ix = self.node(identity);
        self.blocked(ix).is_none()
    }

    /// Why a node cannot be provided; `None` where it can.
    pub fn blocked(&self, ix: NodeIx) -> Option<&Arc<Blocked>> {
        match &self.nodes[ix.0 as usize].origin {
            Origin::Blocked(why) => Some(why),
            _ => None,
        }
    }

    /// The part of what was resolved that the targets need, jobs in topological order.
    pub fn finish(self, targets: &[Identity]) -> Graph {
        let at = |identity: &Identity| match self.known.get(identity) {
            Some(Known::Done(ix)) => Some(*ix),
            _ => None,
        };
        let targets: Vec<NodeIx> = targets.iter().filter_map(at).collect();
        super::graph::reachable(self.nodes, self.jobs, &targets)
    }

    fn push(&mut self, identity: &Identity, origin: Origin) -> NodeIx {
        self.nodes.push(Node { identity: identity.clone(), origin });
        NodeIx((self.nodes.len() - 1) as u32)
    }

    fn decide(&mut self, identity: &Identity) -> Result<Decided, Arc<Blocked>> {
        match self.world.standing(identity) {
            Standing::Held => return Ok(Decided::Leaf(Origin::Held)),
            Standing::HeldEmpty { because } => return Err(blocked(identity, Cause::HeldEmpty { because })),
            Standing::Published | Standing::Nothing => {}
        }
        let (mut makers, refused) = self.makers(identity);
        if makers.len() > 1 {
            let places = makers.iter().map(|m| self.place(m)).collect();
            return Err(blocked(identity, Cause::Ambiguous { places }));
        }
        match makers.pop() {
            None if self.world.standing(identity) == Standing::Published => Ok(Decided::Leaf(Origin::Published)),
            None => Err(refused.unwrap_or_else(|| {
                // What no formula and no source has anything to say of is published by hand.
                let by_hand = !self.program.makers.contains_key(&identity.class) && !self.program.source_of.contains_key(&identity.class);
                let cause = if by_hand { Cause::NotPublished } else { Cause::NoMaker };
                Arc::new(Blocked { identity: identity.clone(), cause, near: self.near(identity) })
            })),
            Some(Maker::Source(id, binding)) => self.source_node(identity, id, &binding).map(Decided::Leaf),
            Some(Maker::Formula(id, binding)) => self.formula_node(identity, id, binding),
        }
    }

    fn source_node(&mut self, identity: &Identity, id: usize, binding: &Binding) -> Result<Origin, Arc<Blocked>> {
        let source = &self.program.sources[id];
        if source.from.is_none() {
            return match self.world.standing(identity) {
                Standing::Published => Ok(Origin::Published),
                _ => Err(blocked(identity, Cause::NotPublished)),
            };
        }
        match self.world.source(source, binding, identity) {
            Offer::There | Offer::Vanished => Ok(Origin::Source { source: id, binding: binding.clone() }),
            Offer::Missing { path } => Err(blocked(identity, Cause::NoFile { path })),
            Offer::Condemned { content } => Err(blocked(identity, Cause::Condemned { content })),
        }
    }

    fn formula_node(&mut self, identity: &Identity, id: usize, mut binding: Binding) -> Result<Decided, Arc<Blocked>> {
        let formula = &self.program.formulas[id];
        let outputs: Vec<Identity> = formula.outputs.iter().filter_map(|o| o.pattern.instantiate(&binding)).collect();
        // Another output of the same job may be held or made by hand: they are made together or not at all.
        for output in outputs.iter().filter(|o| *o != identity) {
            if let Standing::Held | Standing::HeldEmpty { .. } = self.world.standing(output) {
                let because = format!("{output}, made by the same job, is held");
                return Err(blocked(identity, Cause::HeldEmpty { because }));
            }
        }
        let inputs = self.inputs(formula, &mut binding, identity)?;
        let job = JobIx(self.jobs.len() as u32);
        let mut nodes = Vec::with_capacity(outputs.len());
        let mut own = None;
        for (output, other) in outputs.iter().enumerate() {
            let ix = self.push(other, Origin::Job { job, output });
            if other == identity {
                own = Some(ix);
            } else {
                self.known.insert(other.clone(), Known::Done(ix));
            }
            nodes.push(ix);
        }
        self.jobs.push(Instance { formula: id, binding, inputs, outputs: nodes });
        own.map(Decided::Job).ok_or_else(|| blocked(identity, Cause::NoMaker))
    }

    /// Formulas and sources that could make an identity; where none can, the nearest reason for which one was refused.
    pub(super) fn makers(&self, identity: &Identity) -> (Vec<Maker>, Option<Arc<Blocked>>) {
        let mut found = Vec::new();
        let mut refused = None;
        for id in self.program.makers.get(&identity.class).into_iter().flatten() {
            let formula = &self.program.formulas[*id];
            for output in &formula.outputs {
                let mut binding = formula.binding();
                if output.pattern.unify(identity, &mut binding).is_err() {
                    continue;
                }
                match self.allowed(formula, &binding, identity) {
                    Ok(()) => found.push(Maker::Formula(*id, binding)),
                    Err(cause) => refused = Some(blocked(identity, cause)),
                }
                break;
            }
        }
        for id in self.program.source_of.get(&identity.class).into_iter().flatten() {
            let source = &self.program.sources[*id];
            let mut binding = blank(&source.variables);
            if source.pattern.unify(identity, &mut binding).is_err() {
                continue;
            }
            match self.within(&source.variables, source.life, &binding, identity.instance.time()) {
                Ok(()) => found.push(Maker::Source(*id, binding)),
                Err(cause) => refused = Some(blocked(identity, cause)),
            }
        }
        (found, refused)
    }

    /// `since`, `until` and domains of what the outputs bind.
    pub(super) fn allowed(&self, formula: &Formula, binding: &Binding, identity: &Identity) -> Result<(), Cause> {
        self.within(&formula.variables, formula.life, binding, identity.instance.time())
    }

    fn within(
        &self,
        variables: &[crate::formula::program::Variable],
        life: Life,
        binding: &Binding,
        time: Option<Period>,
    ) -> Result<(), Cause> {
        let outside =
            |life: Life| Cause::OutsideLife { since: life.since.map(|p| p.to_string()), until: life.until.map(|p| p.to_string()) };
        for (variable, value) in variables.iter().zip(binding) {
            let (Some(value), Role::Bound { domain: Some(domain) }) = (value, &variable.role) else { continue };
            if !domain::contains(self.program, domain, value, binding) {
                return Err(Cause::NotInDomain { variable: variable.name.to_string(), value: value.clone() });
            }
            let life = domain::life(self.program, domain, value);
            if time.is_some_and(|t| !life.contains(t)) {
                return Err(outside(life));
            }
        }
        match time {
            Some(time) if !life.contains(time) => Err(outside(life)),
            _ => Ok(()),
        }
    }

    /// All inputs' parts. Chooses the values of `latest` variables and puts them into the binding.
    fn inputs(&mut self, formula: &'a Formula, binding: &mut Binding, identity: &Identity) -> Result<Vec<Vec<Part>>, Arc<Blocked>> {
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
                            Answer::Part(part) => parts.push(part),
                            Answer::LeftOut => {}
                            Answer::Missing(why) if lenient => first_missing = first_missing.take().or(Some(why)),
                            Answer::Missing(why) => {
                                return Err(blocked(identity, Cause::Input { name: input.name.to_string(), because: why }));
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
            let Some(why) = self.blocked(node).cloned() else {
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
                if self.blocked(node).is_none() {
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

    /// The place of the formula, or of the source with a path, that makes an identity.
    pub fn made_by(&self, identity: &Identity) -> Option<String> {
        let (makers, _) = self.makers(identity);
        let by_hand = |maker: &&Maker| matches!(maker, Maker::Source(id, _) if self.program.sources[*id].from.is_none());
        makers.iter().find(|maker| !by_hand(maker)).map(|maker| self.place(maker))
    }

    fn place(&self, maker: &Maker) -> String {
        match maker {
            Maker::Formula(id, _) => self.program.formulas[*id].place.clone(),
            Maker::Source(id, _) => self.program.sources[*id].place.clone(),
        }
    }

    /// Formulas and sources of the class that do not fit, the nearest first.
    fn near(&self, identity: &Identity) -> Vec<Near> {
        let try_one = |pattern: &Pattern, mut binding: Binding, title: &str, place: &str| {
            let mismatch = pattern.unify(identity, &mut binding).err()?;
            Some(Near { title: title.to_string(), place: place.to_string(), mismatch })
        };
        let mut near = Vec::new();
        for id in self.program.makers.get(&identity.class).into_iter().flatten() {
            let f = &self.program.formulas[*id];
            near.extend(
                f.outputs
                    .iter()
                    .filter(|o| o.pattern.class == identity.class)
                    .filter_map(|o| try_one(&o.pattern, f.binding(), &f.title, &f.place)),
            );
        }
        for id in self.program.source_of.get(&identity.class).into_iter().flatten() {
            let s = &self.program.sources[*id];
            near.extend(try_one(&s.pattern, blank(&s.variables), &format!("source {}", identity.class), &s.place));
        }
        near.sort_by_key(|n| std::cmp::Reverse(n.mismatch.depth()));
        near.truncate(3);
        near
    }
}

enum Decided {
    Job(NodeIx),
    Leaf(Origin),
}

pub(super) fn blank(variables: &[crate::formula::program::Variable]) -> Binding {
    variables.iter().map(|v| if let Role::Fixed(value) = &v.role { Some(value.clone()) } else { None }).collect()
}

fn blocked(identity: &Identity, cause: Cause) -> Arc<Blocked> {
    Arc::new(Blocked { identity: identity.clone(), cause, near: Vec::new() })
}

/// A mistake of the program, which no `?` or `|` may step over.
fn fatal(why: &Blocked) -> bool {
    match &why.cause {
        Cause::Cycle { .. } | Cause::Ambiguous { .. } | Cause::Unbounded { .. } => true,
        Cause::Input { because, .. } => fatal(because),
        Cause::NoPart { because, .. } => because.as_ref().is_some_and(|b| fatal(b)),
        _ => false,
    }
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
