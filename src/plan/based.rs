//! Under a label with a base: which jobs the label changed, and which of them must be judged from today's sources.
//!
//! What is true here: the answer follows from the program, the sources and what the base stands for; never from what was built for the label
//! itself, so that a plan after a build says the same as the one before it.

use std::collections::HashMap;

use super::judge::Judge;
use super::standing::Beneath;
use crate::catalog::{self, Run, RunId};
use crate::digest::Fingerprint;
use crate::identity::Identity;
use crate::resolve::{JobIx, Origin};
use crate::validity::Keys;

/// By job.
#[derive(Clone, Debug, Default)]
pub struct Based {
    /// Its recipe, its inputs or something above it is not what the base's snapshot was made with; not for the sources' sake alone.
    pub changed: Vec<bool>,
    /// Changed, or needed by one that is: no stale snapshot of the base serves it, so that no job sees two versions of one thing.
    pub today: Vec<bool>,
    /// Not there in the base since what it is made from was not there before: made only where it is needed.
    pub arrived: Vec<bool>,
    /// Right as the label has it, but read by what is stale in the base: the base's serves, so that the label shows one version of all.
    pub given_up: Vec<bool>,
}

/// Looks at every job of the graph, in topological order. Leaves must be settled. `fresh`: all is judged from today's sources.
pub fn classify(judge: &mut Judge<'_>, fresh: bool) -> catalog::Result<Based> {
    let jobs = judge.graph.jobs.len();
    let mut based = Based { changed: vec![false; jobs], today: vec![fresh; jobs], arrived: vec![false; jobs], given_up: vec![false; jobs] };
    if !judge.standings.based.contains(&true) {
        return Ok(based);
    }
    let leaves = moved_leaves(judge);
    let mut known: HashMap<Fingerprint, bool> = HashMap::new();
    for index in 0..jobs {
        let job = JobIx(index as u32);
        if judge.is_foreign(job) {
            judge.settle_as_it_stands(&judge.instance(job).outputs);
        }
        if !judge.is_based(job) {
            continue;
        }
        let above = |judge: &Judge<'_>| {
            judge.instance(job).inputs.iter().flatten().any(|part| match judge.maker(part.node) {
                Some(maker) => based.changed[maker.0 as usize],
                None => leaves[part.node.0 as usize],
            })
        };
        // For the jobs over it, as if the base's snapshot were there.
        judge.settle_inherited(job);
        if above(judge) {
            based.changed[index] = true;
        } else if judge.has_beneath(job) {
            based.changed[index] = is_changed(judge, job, judge.keys(job))?;
        } else if based.is_new(judge, job) && recipe_is_known(judge, job, &mut known)? {
            based.arrived[index] = true;
        } else {
            based.changed[index] = true;
        }
    }
    for index in (0..jobs).rev().filter(|_| !fresh) {
        let job = JobIx(index as u32);
        if based.changed[index] || (based.arrived[index] && judge.is_target(job)) {
            based.needs_today(judge, job);
        }
    }
    Ok(based)
}

impl Based {
    /// Whether something that a job reads, straight or through others, was not there when the base's jobs ran.
    fn is_new(&self, judge: &Judge<'_>, job: JobIx) -> bool {
        judge.formula(job).of.is_some()
            && judge.instance(job).inputs.iter().flatten().any(|part| match judge.maker(part.node) {
                Some(maker) => self.arrived[maker.0 as usize],
                None => judge.standings.beneath[part.node.0 as usize].is_none(),
            })
    }

    /// A job, and all that it needs.
    pub fn needs_today(&mut self, judge: &Judge<'_>, job: JobIx) {
        let mut stack = vec![job];
        self.today[job.0 as usize] = true;
        while let Some(job) = stack.pop() {
            for maker in judge.instance(job).inputs.iter().flatten().filter_map(|part| judge.maker(part.node)) {
                if !std::mem::replace(&mut self.today[maker.0 as usize], true) {
                    stack.push(maker);
                }
            }
        }
    }
}

/// Leaves that are the label's own: what it published or holds, where the base has other bytes; sources that it reads from elsewhere.
fn moved_leaves(judge: &Judge<'_>) -> Vec<bool> {
    let moved = |index: usize| {
        let beneath = &judge.standings.beneath[index];
        let content = judge.settled[index].as_ref().map(|settled| settled.content);
        let beneath = beneath.as_ref().map(|beneath| &beneath.current.snapshot);
        if !judge.standings.based[index] || content == beneath.map(|snapshot| snapshot.content) {
            return false;
        }
        match &judge.graph.nodes[index].origin {
            Origin::Published | Origin::Held => judge.standings.is_said(index, &judge.graph.nodes[index].origin),
            Origin::Source { source, binding } => {
                let source = &judge.program.sources[*source];
                let path = source.from.as_ref().and_then(|from| from.render(binding));
                source.of.is_none() || beneath.is_some_and(|there| !there.stored && path.is_some_and(|path| path != there.path))
            }
            Origin::Job { .. } | Origin::Blocked(_) => false,
        }
    };
    (0..judge.graph.nodes.len()).map(moved).collect()
}

/// Whether the base ever made something by a job's recipe.
fn recipe_is_known(judge: &Judge<'_>, job: JobIx, known: &mut HashMap<Fingerprint, bool>) -> catalog::Result<bool> {
    let instance = judge.instance(job);
    let recipe = judge.recipes.0[instance.formula].fingerprint;
    if let Some(is) = known.get(&recipe) {
        return Ok(*is);
    }
    let bases = judge.program.bases.chain(&judge.identity(instance.outputs[0]).label);
    let is = judge.reader.made_with(recipe, &bases)?;
    known.insert(recipe, is);
    Ok(is)
}

/// Whether a job is another one than that which made the base's snapshots, where nothing above it is.
fn is_changed(judge: &Judge<'_>, job: JobIx, keys: Option<Keys>) -> catalog::Result<bool> {
    let outputs = &judge.instance(job).outputs;
    let beneath: Option<Vec<&Beneath>> = outputs.iter().map(|node| judge.standings.beneath[node.0 as usize].as_ref()).collect();
    let Some(beneath) = beneath else { return Ok(true) };
    let runs: Vec<Option<RunId>> = beneath.iter().map(|b| b.current.snapshot.origin.run()).collect();
    let (Some(first), Some(Some(run))) = (beneath.first(), runs.first()) else { return Ok(true) };
    if runs.iter().any(|other| *other != Some(*run)) {
        return Ok(true);
    }
    if keys.is_some_and(|keys| judge.same_key(&first.current, &keys)) {
        return Ok(false);
    }
    if first.current.fixed != Some(judge.fixed(job)) {
        return Ok(true);
    }
    let Some(recorded) = judge.reader.runs(&[*run])?.pop() else { return Ok(true) };
    Ok(asks_for_others(judge, job, &recorded, first))
}

/// Whether a job reads other parts than a run did, and not only since other ones are there.
fn asks_for_others(judge: &Judge<'_>, job: JobIx, recorded: &Run, beneath: &Beneath) -> bool {
    let instance = judge.instance(job);
    let is = |a: &Identity, b: &Identity| a.class == b.class && a.instance == b.instance;
    let mut differs = false;
    let mut one_less = false;
    for (input, parts) in judge.formula(job).inputs.iter().zip(&instance.inputs) {
        let now: Vec<&Identity> = parts.iter().map(|part| judge.identity(part.node)).collect();
        let then: Vec<&Identity> = recorded.inputs.iter().filter(|i| i.name == input.name).map(|i| &i.identity).collect();
        if now.len() == then.len() && now.iter().zip(&then).all(|(a, b)| is(a, b)) {
            continue;
        }
        differs = true;
        let added = now.iter().any(|a| !then.iter().any(|b| is(a, b)));
        one_less |= !added;
    }
    let same_shape = beneath.current.shape == Some(judge.recipes.0[instance.formula].shape);
    differs && (!same_shape || one_less)
}
