//! Promotion: from a plan under a label to the pointers of its base that move.

use std::collections::{HashMap, HashSet};

use super::moves::{LeftOut, Moving, Refusal, Why};
use super::view::View;
use crate::catalog::{self, Current, Origin as From, Reader, Run, SnapshotId};
use crate::digest::ContentHash;
use crate::formula::program::{Formula, Program};
use crate::identity::{Identity, Name};
use crate::plan::action::{Action, Plan, SourceState};
use crate::plan::judge::{Bytes, Condition};
use crate::recipe;
use crate::resolve::{Blocked, Cause, Graph, Instance, NodeIx, Origin};

/// What is to be promoted: the targets of a graph, resolved and planned under `from`.
pub struct Asked<'a> {
    pub from: &'a Name,
    /// Its base.
    pub to: &'a Name,
    /// All that the label has of its own: what has no place under another label is left out instead of refused.
    pub whole: bool,
    pub program: &'a Program,
    pub graph: &'a Graph,
    pub plan: &'a Plan,
}

/// What a promotion would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PromotionPlan {
    pub from: Name,
    pub to: Name,
    /// In the order of their making.
    pub moves: Vec<Moving>,
    /// Identities of the label that were asked for, and do not move.
    pub left_out: Vec<(Identity, LeftOut)>,
    /// With one of these, nothing moves.
    pub refused: Vec<Refusal>,
    /// Targets for which a build under the label comes first.
    pub rebuild: Vec<Identity>,
    /// What the acting user may not do of it; whoever knows the user fills it in.
    pub not_permitted: Vec<catalog::Refusal>,
}

/// All that a label has of its own, made or published: what can be asked for, and what nothing makes any more.
pub fn everything(program: &Program, reader: &dyn Reader, label: &Name) -> catalog::Result<(Vec<Identity>, Vec<Identity>)> {
    let filter = catalog::Filter { label: Some(label.to_string()), ..catalog::Filter::default() };
    let mut listed = reader.list(&filter)?;
    listed.retain(|l| l.identity.label == *label && l.snapshot.origin != From::Source);
    let is_made = |identity: &Identity| {
        let mut makers = program.makers.get(&identity.class).into_iter().flatten().map(|id| &program.formulas[*id]);
        makers.any(|formula| formula.outputs.iter().any(|output| output.pattern.unify(identity, &mut formula.binding()).is_ok()))
    };
    let (there, gone): (Vec<_>, Vec<_>) = listed.into_iter().partition(|l| {
        let by_hand = l.hold.is_some() || l.snapshot.origin == From::Published;
        program.classes.contains_key(&l.identity.class) && (by_hand || is_made(&l.identity))
    });
    let identities = |listed: Vec<catalog::Listed>| listed.into_iter().map(|l| l.identity).collect();
    Ok((identities(there), identities(gone)))
}

/// What promoting comes down to.
pub fn promotion(asked: &Asked<'_>, reader: &dyn Reader, bytes: &dyn Bytes) -> catalog::Result<PromotionPlan> {
    let nodes = asked.graph.nodes.iter().map(|node| &node.identity).filter(|identity| identity.label == *asked.from);
    let view = View::read(reader, &asked.program.bases, asked.from, nodes.cloned().collect())?;
    let actions = asked.plan.steps.iter().map(|step| (&step.identity, &step.action)).collect();
    let mut walk = Walk {
        asked,
        view: &view,
        actions,
        wanted: HashSet::new(),
        seen: HashSet::new(),
        stack: Vec::new(),
        found: PromotionPlan { from: asked.from.clone(), to: asked.to.clone(), ..PromotionPlan::default() },
    };
    for target in &asked.graph.targets {
        walk.target(*target);
    }
    while let Some((node, why)) = walk.stack.pop() {
        let why = if walk.wanted.contains(&node) { Why::Asked } else { why };
        if walk.seen.insert(node) {
            walk.visit(node, why);
        }
    }
    let mut found = walk.found;
    for moving in &found.moves {
        // What is not in the store is a source's, and lies where it always did.
        let Some(now) = moving.now.as_ref().filter(|now| now.stored) else { continue };
        let condition = bytes.condition(now);
        if condition != Condition::Intact {
            let identity = moving.identity.under(asked.from);
            found.refused.push(Refusal::BytesGone { identity, damaged: condition == Condition::Damaged });
        }
    }
    found.sort(asked);
    found.rebuild = to_rebuild(asked, &found.refused);
    Ok(found)
}

impl PromotionPlan {
    fn sort(&mut self, asked: &Asked<'_>) {
        // What is held together may be none of the graph's; it comes last.
        let place = |identity: &Identity| asked.graph.index.get(&identity.under(asked.from)).map_or(u32::MAX, |node| node.0);
        self.moves.sort_by_key(|moving| place(&moving.identity));
        self.left_out.sort_by_key(|(identity, why)| (*why, place(identity)));
        // What may be run only since something else is, is no problem of its own.
        let follows = |refusal: &Refusal| matches!(refusal, Refusal::Stale { now: Action::MayRun { .. }, .. });
        if self.refused.iter().any(|refusal| !follows(refusal)) {
            self.refused.retain(|refusal| !follows(refusal));
        }
        let rank = |refusal: &Refusal| match refusal {
            Refusal::Unfit { .. } => 0,
            Refusal::Held { .. } => 1,
            Refusal::ReadMoved { .. } => 2,
            Refusal::Moved { .. } => 3,
            Refusal::Overtaken { .. } => 4,
            Refusal::Stale { .. } => 5,
            Refusal::BytesGone { .. } => 6,
            Refusal::Contract { .. } => 7,
        };
        self.refused.sort_by_key(|refusal| (rank(refusal), place(refusal.identity())));
        // Of several readers, one is named.
        self.refused.dedup_by(|a, b| rank(a) == rank(b) && a.identity() == b.identity());
    }
}

/// The targets that stand on what a build under the label would set right.
fn to_rebuild(asked: &Asked<'_>, refused: &[Refusal]) -> Vec<Identity> {
    let set_right = refused.iter().filter_map(|refusal| match refusal {
        // What is blocked, no build sets right.
        Refusal::Stale { now: Action::Blocked { .. }, .. } => None,
        Refusal::Stale { identity, .. } | Refusal::Moved { identity, .. } | Refusal::BytesGone { identity, .. } => Some(identity),
        Refusal::ReadMoved { reader, .. } => Some(reader),
        Refusal::Unfit { .. } | Refusal::Held { .. } | Refusal::Overtaken { .. } | Refusal::Contract { .. } => None,
    });
    let wrong: HashSet<Identity> = set_right.map(|identity| identity.under(asked.from)).collect();
    let graph = asked.graph;
    let mut touched: Vec<bool> = graph.nodes.iter().map(|node| wrong.contains(&node.identity)).collect();
    for job in &graph.jobs {
        let mut around = job.inputs.iter().flatten().map(|part| part.node).chain(job.outputs.iter().copied());
        if around.any(|node| touched[node.0 as usize]) {
            job.outputs.iter().for_each(|node| touched[node.0 as usize] = true);
        }
    }
    graph.targets.iter().filter(|target| touched[target.0 as usize]).map(|target| graph.nodes[target.0 as usize].identity.clone()).collect()
}

/// From the targets to all that they were made from, as far as it is the label's own.
struct Walk<'a> {
    asked: &'a Asked<'a>,
    view: &'a View,
    actions: HashMap<&'a Identity, &'a Action>,
    /// Targets that may move.
    wanted: HashSet<NodeIx>,
    seen: HashSet<NodeIx>,
    stack: Vec<(NodeIx, Why)>,
    found: PromotionPlan,
}

impl<'a> Walk<'a> {
    fn identity(&self, node: NodeIx) -> &'a Identity {
        &self.asked.graph.nodes[node.0 as usize].identity
    }

    fn job(&self, node: NodeIx) -> Option<(&'a Formula, &'a Instance)> {
        let Origin::Job { job, .. } = self.asked.graph.nodes[node.0 as usize].origin else { return None };
        let job = &self.asked.graph.jobs[job.0 as usize];
        Some((&self.asked.program.formulas[job.formula], job))
    }

    /// What the label has of its own, where the plan says that it is used.
    fn own(&self, node: NodeIx) -> Option<&'a Current> {
        let identity = self.identity(node);
        let own = self.view.current(identity)?;
        let is = |snapshot: &SnapshotId| *snapshot == own.snapshot.id;
        let used = match self.actions.get(identity)? {
            Action::Valid { snapshot } | Action::Published { snapshot } | Action::Held { snapshot: Some(snapshot), .. } => is(snapshot),
            Action::Source { .. } => true,
            _ => false,
        };
        used.then_some(own)
    }

    fn target(&mut self, node: NodeIx) {
        let identity = self.identity(node);
        let Some(action) = self.actions.get(identity) else { return };
        let own = self.view.current(identity);
        let left_out = match action {
            Action::Inherited { .. } => Some(LeftOut::Same),
            Action::StaleInBase { .. } => Some(LeftOut::StaleInBase),
            Action::Held { snapshot: None, .. } => Some(LeftOut::HeldEmpty),
            Action::Held { .. } | Action::Published { .. } if self.own(node).is_none() => match (own, &self.view.base[identity].hold) {
                // The base's hold shows through, over what the label has.
                (Some(own), Some(hold)) if Some(own.snapshot.id) != self.view.base[identity].id() => {
                    let identity = identity.under(self.asked.to);
                    self.found.refused.push(Refusal::Held { identity, because: hold.because.clone(), user: hold.user.clone() });
                    return;
                }
                _ => Some(LeftOut::Same),
            },
            Action::Source { .. } if own.is_none_or(|own| Some(own.snapshot.content) == self.view.base[identity].content()) => {
                Some(LeftOut::Same)
            }
            Action::Blocked { on } if self.asked.whole && is_outside(on, identity) => Some(LeftOut::NoMaker),
            _ => None,
        };
        match (left_out, self.unfit(node)) {
            (Some(why), _) => self.found.left_out.push((identity.clone(), why)),
            (None, Some(why)) if self.asked.whole => self.found.left_out.push((identity.clone(), why)),
            (None, Some(why)) => self.found.refused.push(Refusal::Unfit { identity: identity.clone(), why, needed_by: None }),
            (None, None) => {
                self.wanted.insert(node);
                self.stack.push((node, Why::Asked));
            }
        }
    }

    /// Why a result means something else under another label.
    fn unfit(&self, node: NodeIx) -> Option<LeftOut> {
        if let Origin::Source { source, .. } = &self.asked.graph.nodes[node.0 as usize].origin {
            return self.asked.program.sources[*source].of.is_none().then_some(LeftOut::NamesLabel);
        }
        match (self.job(node), self.view.run(self.identity(node))) {
            (Some((formula, _)), _) if formula.recipe.effect => Some(LeftOut::Effect),
            (Some((formula, _)), _) if formula.of.is_none() => Some(LeftOut::NamesLabel),
            (Some((formula, _)), _) if reads_label(formula) => Some(LeftOut::WritesLabel),
            (None, Some(run)) if run.effect => Some(LeftOut::Effect),
            (None, Some(run)) if run_read_label(run) => Some(LeftOut::WritesLabel),
            _ => None,
        }
    }

    fn visit(&mut self, node: NodeIx, why: Why) {
        let identity = self.identity(node);
        let Some(action) = self.actions.get(identity).copied() else { return };
        match action {
            Action::Run { .. } | Action::MayRun { .. } | Action::Reuse { .. } => {
                let Some((_, job)) = self.job(node) else { return };
                if !self.read_moved(identity) {
                    self.found.refused.push(Refusal::Stale { identity: identity.clone(), now: action.clone() });
                }
                let parts = job.inputs.iter().flatten().map(|part| (part.node, Why::NeededBy { identity: identity.clone() }));
                self.stack.extend(parts);
            }
            Action::Blocked { .. } | Action::Source { state: SourceState::Changed | SourceState::New } if self.wanted.contains(&node) => {
                self.found.refused.push(Refusal::Stale { identity: identity.clone(), now: action.clone() });
            }
            Action::Valid { .. } if self.own(node).is_some() => self.made(node, why),
            Action::Held { .. } => self.held(node, why),
            Action::Published { .. } | Action::Source { .. } => {
                if let Some(own) = self.own(node) {
                    self.take(identity, own, why);
                }
            }
            Action::Valid { .. } | Action::Inherited { .. } | Action::StaleInBase { .. } | Action::Blocked { .. } => {}
        }
    }

    /// A valid job of the label: all its outputs, and what they were made from.
    fn made(&mut self, node: NodeIx, why: Why) {
        let Some((formula, job)) = self.job(node) else { return };
        let identity = self.identity(node);
        for output in &job.outputs {
            let Some(own) = self.view.current(self.identity(*output)) else { continue };
            self.seen.insert(*output);
            let why = match *output == node {
                true => why.clone(),
                false if self.wanted.contains(output) => Why::Asked,
                false => Why::MadeWith { identity: identity.under(self.asked.to) },
            };
            self.take(self.identity(*output), own, why);
        }
        let Some(run) = self.view.run(identity) else { return };
        for (input, parts) in formula.inputs.iter().zip(&job.inputs) {
            for part in parts {
                let needed = self.identity(part.node);
                let is = |input_name: &Name, read: &Identity| {
                    *input_name == input.name && read.class == needed.class && read.instance == needed.instance
                };
                if let Some(read) = run.inputs.iter().find(|read| is(&read.name, &read.identity)) {
                    self.needed(part.node, read.content, identity);
                }
            }
        }
    }

    /// What was made from a part goes; does the part?
    fn needed(&mut self, node: NodeIx, content: ContentHash, reader: &Identity) {
        let needed = self.identity(node);
        let same_in_base = self.view.base.get(needed).is_some_and(|below| below.content() == Some(content));
        let is_source = matches!(self.asked.graph.nodes[node.0 as usize].origin, Origin::Source { .. });
        if self.own(node).is_some_and(|own| own.snapshot.content == content) {
            match self.unfit(node) {
                Some(_) if same_in_base => return,
                None if is_source && same_in_base => return,
                Some(why) => {
                    let needed_by = Some(reader.clone());
                    self.found.refused.push(Refusal::Unfit { identity: needed.clone(), why, needed_by });
                    return;
                }
                None => {}
            }
        } else if is_source {
            // What it has of its own is not what was read.
            return;
        }
        self.stack.push((node, Why::NeededBy { identity: reader.under(self.asked.to) }));
    }

    /// What is held under the label goes with its hold, and with all that its job made.
    fn held(&mut self, node: NodeIx, why: Why) {
        let identity = self.identity(node);
        let Some(own) = self.own(node).filter(|_| self.view.hold(identity).is_some()) else { return };
        self.take(identity, own, why);
        let Some(run) = self.view.run(identity) else { return };
        for (output, snapshot) in &run.outputs {
            let output = output.under(self.asked.from);
            let Some(own) = self.view.current(&output).filter(|own| Some(own.snapshot.id) == *snapshot) else { continue };
            let seen = self.asked.graph.index.get(&output).is_some_and(|node| !self.seen.insert(*node));
            if output != *identity && !seen && self.view.hold(&output).is_some() {
                self.take(&output, own, Why::MadeWith { identity: identity.under(self.asked.to) });
            }
        }
    }

    /// Whether what the label's result was made from is the base's, and moved since.
    fn read_moved(&mut self, reader: &Identity) -> bool {
        let (Some(own), Some(run)) = (self.view.current(reader), self.view.run(reader)) else { return false };
        let mut moved = false;
        for input in &run.inputs {
            let Some(below) = self.view.base.get(&input.identity) else { continue };
            let later = below.seen.as_ref().is_none_or(|seen| seen.since > own.since);
            if self.view.current(&input.identity).is_none() && below.content() != Some(input.content) && later {
                let identity = input.identity.under(self.asked.to);
                let found = below.id();
                self.found.refused.push(Refusal::ReadMoved { identity, reader: reader.clone(), saw: input.snapshot, found });
                moved = true;
            }
        }
        moved
    }

    /// One pointer of the base is to stand for what the label has.
    fn take(&mut self, identity: &Identity, own: &Current, why: Why) {
        let Some(below) = self.view.base.get(identity) else { return };
        let hold = self.view.hold(identity);
        let to = identity.under(self.asked.to);
        let same = below.id() == Some(own.snapshot.id);
        if same && (hold.is_none() || below.hold.is_some()) {
            if why == Why::Asked {
                self.found.left_out.push((identity.clone(), LeftOut::Same));
            }
            return;
        }
        if let Some(hold) = &below.hold {
            self.found.refused.push(Refusal::Held { identity: to, because: hold.because.clone(), user: hold.user.clone() });
            return;
        }
        let found = below.id();
        match own.saw {
            _ if same => {}
            Some(saw) if saw == found => {}
            // No build looks beneath what is published or held: what came before it is what was seen.
            _ if own.snapshot.origin == From::Published || hold.is_some() => {
                if below.seen.as_ref().is_some_and(|seen| seen.since > own.since) {
                    self.found.refused.push(Refusal::Overtaken { identity: to.clone(), found });
                }
            }
            saw => self.found.refused.push(Refusal::Moved { identity: to.clone(), saw, found }),
        }
        let hold = hold.map(|hold| hold.because.clone());
        self.found.moves.push(Moving { identity: to, was: below.own.clone(), now: Some(own.snapshot.clone()), hold, why });
    }
}

/// Blocked for its own sake: no formula's periods or values reach it any more.
fn is_outside(on: &Blocked, identity: &Identity) -> bool {
    on.identity == *identity
        && matches!(on.cause, Cause::NoMaker | Cause::NotPublished | Cause::OutsideLife { .. } | Cause::NotInDomain { .. })
}

fn reads_label(formula: &Formula) -> bool {
    let is_own = formula.variable("label").is_some() || formula.constants.contains_key("label");
    !is_own && recipe::reads_of(formula).iter().any(|read| read.root == "label")
}

fn run_read_label(run: &Run) -> bool {
    let parts: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&run.variables).unwrap_or_default();
    parts.contains_key("reads label")
}
