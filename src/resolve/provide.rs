//! One identity to its node: the formula that makes it, instantiated, or the source or publication it is, or why it cannot be provided.
//!
//! What is true here: *can be provided* is the least fixpoint over formulas, sources and publications, decided once per identity, depth
//! first; a choice (`?`, `|`, `latest`, `any`) is made by what can be provided and never by what was made before. Under a label with a base, who
//! names the label comes first; then what the base holds; then what the base makes, made for the label; then what was published in the base.

use std::collections::HashMap;
use std::sync::Arc;

use super::domain;
use super::graph::{Blocked, Cause, Graph, Instance, JobIx, Near, Node, NodeIx, Origin};
use super::world::{Offer, Standing, World};
use crate::formula::program::{Formula, Life, Program, Role};
use crate::identity::{Binding, Identity, Pattern, Period};

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

    /// Whether an identity can be provided, as far as choices ask: what is quarantined counts, so that it is never left out silently.
    pub fn is_provided(&mut self, identity: &Identity) -> bool {
        let ix = self.node(identity);
        self.blocked(ix).is_none_or(|why| why.is_refused())
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
        let own = self.world.standing(identity);
        match &own {
            Standing::Held => return Ok(Decided::Leaf(Origin::Held)),
            Standing::HeldEmpty { because } => return Err(blocked(identity, Cause::HeldEmpty { because: because.clone() })),
            Standing::Published | Standing::Nothing => {}
        }
        let (mut makers, refused) = self.makers(identity);
        // What was published for an identity that is made is no word on it.
        let said = own == Standing::Published && makers.iter().all(|maker| self.is_by_hand(maker));
        let beneath = if said { Standing::Nothing } else { self.standing_beneath(identity) };
        // What names the label itself comes before what its base holds.
        if beneath == Standing::Held && !makers.iter().any(|maker| self.is_written(maker)) {
            return Ok(Decided::Leaf(Origin::Held));
        }
        if makers.len() > 1 {
            let places = makers.iter().map(|m| self.place(m)).collect();
            return Err(blocked(identity, Cause::Ambiguous { places }));
        }
        match makers.pop() {
            None if own == Standing::Published || beneath == Standing::Published => Ok(Decided::Leaf(Origin::Published)),
            None => Err(refused.unwrap_or_else(|| {
                // What no formula and no source has anything to say of is published by hand.
                let by_hand = !self.program.makers.contains_key(&identity.class) && !self.program.source_of.contains_key(&identity.class);
                let cause = if by_hand { Cause::NotPublished } else { Cause::NoMaker };
                Arc::new(Blocked { near: self.near(identity), ..Blocked::new(identity.clone(), cause) })
            })),
            Some(Maker::Source(id, binding)) => self.source_node(identity, id, &binding).map(Decided::Leaf),
            Some(Maker::Formula(id, binding)) => self.formula_node(identity, id, binding),
        }
    }

    fn source_node(&mut self, identity: &Identity, id: usize, binding: &Binding) -> Result<Origin, Arc<Blocked>> {
        let source = &self.program.sources[id];
        if source.from.is_none() {
            let is_published =
                self.world.standing(identity) == Standing::Published || self.standing_beneath(identity) == Standing::Published;
            return if is_published { Ok(Origin::Published) } else { Err(blocked(identity, Cause::NotPublished)) };
        }
        match self.world.source(source, binding, identity) {
            Offer::There | Offer::Vanished => Ok(Origin::Source { source: id, binding: binding.clone() }),
            Offer::Missing { path } => Err(blocked(identity, Cause::NoFile { path })),
            Offer::Condemned { content } => Err(blocked(identity, Cause::Condemned { content })),
            Offer::Quarantined { because } => Err(blocked(identity, Cause::Quarantined { because })),
        }
    }

    fn formula_node(&mut self, identity: &Identity, id: usize, mut binding: Binding) -> Result<Decided, Arc<Blocked>> {
        let formula = &self.program.formulas[id];
        let outputs: Vec<Identity> = formula.outputs.iter().filter_map(|o| o.pattern.instantiate(&binding)).collect();
        // Another output of the same job may be held or made by hand: they are made together or not at all.
        for output in outputs.iter().filter(|o| *o != identity) {
            let own = self.world.standing(output);
            let shown_through = formula.of.is_some() && self.standing_beneath(output) == Standing::Held;
            if shown_through || matches!(own, Standing::Held | Standing::HeldEmpty { .. }) {
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

    /// What shows through from the bases of an identity's label: the nearest hold with a snapshot, or publication.
    fn standing_beneath(&self, identity: &Identity) -> Standing {
        let chain = self.program.bases.chain(&identity.label);
        let standings = chain.iter().map(|base| self.world.standing(&identity.under(base)));
        standings.into_iter().find(|standing| matches!(standing, Standing::Held | Standing::Published)).unwrap_or(Standing::Nothing)
    }

    fn is_written(&self, maker: &Maker) -> bool {
        match maker {
            Maker::Formula(id, _) => self.program.formulas[*id].of.is_none(),
            Maker::Source(id, _) => self.program.sources[*id].of.is_none(),
        }
    }

    fn is_by_hand(&self, maker: &Maker) -> bool {
        matches!(maker, Maker::Source(id, _) if self.program.sources[*id].from.is_none())
    }

    fn distance(&self, maker: &Maker) -> usize {
        match maker {
            Maker::Formula(id, _) => self.program.distance(*id),
            Maker::Source(id, _) => self.program.source_distance(*id),
        }
    }

    /// Formulas and sources that could make an identity, those that are nearest to its label; where none can, the nearest reason for which
    /// one was refused.
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
        if found.len() > 1 {
            let nearest = found.iter().map(|maker| self.distance(maker)).min().unwrap_or(0);
            found.retain(|maker| self.distance(maker) == nearest);
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

    /// The place of the formula, or of the source with a path, that makes an identity.
    pub fn made_by(&self, identity: &Identity) -> Option<String> {
        let (makers, _) = self.makers(identity);
        makers.iter().find(|maker| !self.is_by_hand(maker)).map(|maker| self.place(maker))
    }

    /// Whether making an identity acts on the outside.
    pub fn is_effect(&self, identity: &Identity) -> bool {
        self.only_formula(identity).is_some_and(|(formula, _)| formula.recipe.effect)
    }

    /// The one formula that makes an identity, with its binding.
    pub(super) fn only_formula(&self, identity: &Identity) -> Option<(&'a Formula, Binding)> {
        match self.makers(identity).0.pop() {
            Some(Maker::Formula(id, binding)) => Some((&self.program.formulas[id], binding)),
            _ => None,
        }
    }

    /// Says more of why a node is blocked.
    pub(super) fn reword(&mut self, ix: NodeIx, why: Blocked) {
        self.nodes[ix.0 as usize].origin = Origin::Blocked(Arc::new(why));
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

pub(super) fn blocked(identity: &Identity, cause: Cause) -> Arc<Blocked> {
    Arc::new(Blocked::new(identity.clone(), cause))
}
