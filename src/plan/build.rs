//! A plan: every job judged in topological order, then, backwards, the bytes that somebody needs; until nothing moves. It changes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::action::{Action, Counts, Owed, Plan, SourceState, Step};
use super::based::{self, Based};
use super::estimate;
use super::judge::{Condition, Decision, Judge, Served};
use super::source::Observed;
use crate::catalog::{self, Cost, Made, Snapshot};
use crate::digest::FixedHash;
use crate::identity::Identity;
use crate::resolve::{Blocked, Cause, JobIx, NodeIx, Origin};
use crate::validity::Reason;

/// What the plan says of a job, as the run takes it over.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Valid,
    /// What shows through from the base is the result.
    Inherited,
    /// What shows through is used though it is stale: no job of the label needs it.
    StaleInBase {
        why: Reason,
    },
    /// It is not there in the base, since what it is made from was not there before; and no job of the label needs it.
    Unneeded,
    /// Of a label that the targets' label falls through to: read as it stands; stale, where there is a reason.
    AsItStands {
        stale: Option<Reason>,
    },
    Reuse {
        made: Made,
        why: Reason,
    },
    Run {
        why: Reason,
    },
    /// Decided once these jobs are done.
    MayRun {
        after: Vec<JobIx>,
    },
    Blocked(Arc<Blocked>),
}

impl Verdict {
    /// Nothing is made or moved for it.
    pub fn is_settled(&self) -> bool {
        matches!(self, Verdict::Valid | Verdict::Inherited | Verdict::StaleInBase { .. } | Verdict::Unneeded | Verdict::AsItStands { .. })
    }
}

/// A plan with what the run needs of it.
pub struct Draft {
    pub plan: Plan,
    /// By job.
    pub verdicts: Vec<Verdict>,
    /// Jobs whose results' bytes are gone, and needed: results without bytes do not serve them.
    pub forced: BTreeMap<JobIx, Reason>,
    /// What the label changed, where it has a base.
    pub based: Based,
}

/// Options that change what a plan counts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Parallel jobs, for estimates.
    pub jobs: usize,
    /// Nothing stale of a base is used.
    pub fresh: bool,
}

/// Judges every job of the graph. `sources`: by node, for every source of the graph.
pub fn build(judge: &mut Judge<'_>, sources: &HashMap<NodeIx, Observed>, options: &Options) -> catalog::Result<Draft> {
    settle_leaves(judge, sources);
    let foreign = as_they_stand(judge);
    let mut based = based::classify(judge, options.fresh)?;
    let mut found = Found::default();
    let mut verdicts;
    loop {
        verdicts = forward(judge, &foreign, &found, &based)?;
        let before = found.size();
        backward(judge, sources, &verdicts, &mut found);
        // A target whose snapshot in the base cannot be handed over is made, from today's sources like all that is made.
        let lost = |job: &usize| {
            let from_base = matches!(verdicts[*job], Verdict::StaleInBase { .. } | Verdict::Inherited);
            from_base && !based.today[*job] && judge.lost_in_base(JobIx(*job as u32)).is_some()
        };
        let lost: Vec<usize> = (0..verdicts.len()).filter(lost).collect();
        lost.iter().for_each(|job| based.needs_today(judge, JobIx(*job as u32)));
        let torn = give_up(judge, &verdicts, &mut based);
        if before == found.size() && lost.is_empty() && !torn {
            break;
        }
    }
    let forced = found.forced;
    for (job, verdict) in verdicts.iter_mut().enumerate() {
        if let Verdict::Run { why } | Verdict::Reuse { why, .. } | Verdict::StaleInBase { why } | Verdict::AsItStands { stale: Some(why) } =
            verdict
        {
            judge.explain(JobIx(job as u32), why)?;
        }
    }
    let plan = assemble(judge, sources, &verdicts, &based, options)?;
    Ok(Draft { plan, verdicts, forced, based })
}

/// What looking at bytes found. Only grows.
#[derive(Default)]
struct Found {
    forced: BTreeMap<JobIx, Reason>,
    /// Valid jobs whose bytes are gone, where only jobs that may run (the one named, for one) would read them.
    perhaps: HashMap<JobIx, JobIx>,
    /// Jobs that run and cannot read what they must.
    stuck: BTreeMap<JobIx, Arc<Blocked>>,
    /// Jobs that may run, and would be blocked then: nothing over them is certain.
    risky: HashSet<JobIx>,
}

impl Found {
    fn size(&self) -> (usize, usize, usize, usize) {
        (self.forced.len(), self.perhaps.len(), self.stuck.len(), self.risky.len())
    }
}

/// Contents of all that no job makes.
fn settle_leaves(judge: &mut Judge<'_>, sources: &HashMap<NodeIx, Observed>) {
    for (index, node) in judge.graph.nodes.iter().enumerate() {
        let ix = NodeIx(index as u32);
        match &node.origin {
            Origin::Source { .. } => judge.settled[index] = sources.get(&ix).and_then(|o| o.settled.clone()),
            Origin::Published | Origin::Held => judge.settle_leaf(ix),
            Origin::Job { .. } | Origin::Blocked(_) => {}
        }
    }
}

fn forward(judge: &mut Judge<'_>, foreign: &HashMap<JobIx, Verdict>, found: &Found, based: &Based) -> catalog::Result<Vec<Verdict>> {
    let Found { forced, perhaps, stuck, risky } = found;
    let mut risky = risky.clone();
    let jobs = judge.graph.jobs.len();
    let fixed: Vec<FixedHash> = (0..jobs).map(|j| judge.fixed(JobIx(j as u32))).collect();
    let known = unknown_fixed(judge, &fixed)?;
    // Under one label what another label's job of this very plan makes: it is made once.
    let mut first_with: HashMap<(FixedHash, Vec<crate::identity::Name>), JobIx> = HashMap::new();
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(jobs);
    for (index, fixed_hash) in fixed.iter().enumerate() {
        let job = JobIx(index as u32);
        for node in &judge.instance(job).outputs {
            judge.settled[node.0 as usize] = None;
        }
        let verdict = if let Some(why) = stuck.get(&job) {
            Verdict::Blocked(why.clone())
        } else if let Some(verdict) = foreign.get(&job) {
            judge.settle_as_it_stands(&judge.instance(job).outputs);
            verdict.clone()
        } else if let Some(why) = inherited_block(judge, job, &verdicts) {
            Verdict::Blocked(why)
        } else if judge.is_based(job) && !based.today[index] {
            serve(judge, job, &verdicts, based.given_up[index])
        } else if let Some(keys) = judge.keys(job) {
            match judge.decide(job, &keys, forced.get(&job))? {
                Decision::Valid => match perhaps.get(&job) {
                    Some(reader) => Verdict::MayRun { after: vec![*reader] },
                    None => {
                        judge.settle_valid(job);
                        Verdict::Valid
                    }
                },
                Decision::Inherited => match perhaps.get(&job) {
                    Some(reader) => Verdict::MayRun { after: vec![*reader] },
                    None => {
                        judge.settle_inherited(job);
                        Verdict::Inherited
                    }
                },
                Decision::Reuse { made, why } => {
                    judge.settle(job, &made.outputs);
                    Verdict::Reuse { made, why }
                }
                Decision::Run { why } => Verdict::Run { why },
            }
        } else {
            let after: HashSet<JobIx> = judge.undecided_inputs(job).into_iter().filter_map(|n| judge.maker(n)).collect();
            if after.iter().any(|maker| risky.contains(maker)) {
                risky.insert(job);
            }
            if (!known.contains(fixed_hash) || forced.contains_key(&job)) && !risky.contains(&job) {
                Verdict::Run { why: undecided_reason(judge, job, forced.get(&job)) }
            } else {
                let mut after: Vec<JobIx> = after.into_iter().collect();
                after.sort();
                Verdict::MayRun { after }
            }
        };
        let verdict = match verdict {
            Verdict::Run { why } if !forced.contains_key(&job) => {
                let repositories = judge.outputs(job).into_iter().map(|o| o.repository).collect();
                match first_with.entry((*fixed_hash, repositories)) {
                    std::collections::hash_map::Entry::Occupied(first) if !judge.formula(job).recipe.effect => {
                        Verdict::MayRun { after: vec![*first.get()] }
                    }
                    std::collections::hash_map::Entry::Occupied(_) => Verdict::Run { why },
                    std::collections::hash_map::Entry::Vacant(empty) => {
                        empty.insert(job);
                        Verdict::Run { why }
                    }
                }
            }
            other => other,
        };
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// Jobs of labels that are only read: what they stand for is used, whatever their formulas would make now; so are their sources.
fn as_they_stand(judge: &mut Judge<'_>) -> HashMap<JobIx, Verdict> {
    let mut verdicts = HashMap::new();
    for job in (0..judge.graph.jobs.len()).map(|job| JobIx(job as u32)).filter(|job| judge.is_foreign(*job)).collect::<Vec<_>>() {
        let verdict = if judge.stands(job) {
            Verdict::AsItStands { stale: judge.stale_as_it_stands(job, judge.keys(job).as_ref()) }
        } else {
            Verdict::Blocked(blocked(judge, job, not_made(judge)))
        };
        judge.settle_as_it_stands(&judge.instance(job).outputs);
        verdicts.insert(job, verdict);
    }
    let is_read = |node: &NodeIx| {
        let origin = &judge.graph.nodes[node.0 as usize].origin;
        judge.standings.foreign[node.0 as usize] && matches!(origin, Origin::Source { .. })
    };
    let sources: Vec<NodeIx> = (0..judge.graph.nodes.len()).map(|node| NodeIx(node as u32)).filter(is_read).collect();
    judge.settle_as_it_stands(&sources);
    verdicts
}

fn not_made(judge: &Judge<'_>) -> Cause {
    let label = judge.graph.targets.first().map_or_else(String::new, |target| judge.identity(*target).label.to_string());
    Cause::NotMadeInBase { label }
}

/// A job that no changed one needs: what shows through from the base serves.
fn serve(judge: &mut Judge<'_>, job: JobIx, verdicts: &[Verdict], given_up: bool) -> Verdict {
    let keys = judge.keys(job);
    let served = judge.serve(job, keys.as_ref());
    let over_stale = || {
        let mut makers = judge.instance(job).inputs.iter().flatten().filter_map(|part| judge.maker(part.node));
        makers.any(|maker| matches!(verdicts[maker.0 as usize], Verdict::StaleInBase { .. }))
    };
    match served {
        // Over what is stale, its own would be a result of the label that was made from that.
        Served::Own(_) | Served::Kept if !given_up && !over_stale() => {
            judge.settle_valid(job);
            Verdict::Valid
        }
        Served::Own(_) | Served::Stale(_) if !judge.has_beneath(job) => Verdict::Unneeded,
        Served::Right | Served::Kept if !over_stale() => {
            judge.settle_inherited(job);
            Verdict::Inherited
        }
        Served::Right | Served::Kept => {
            judge.settle_inherited(job);
            Verdict::StaleInBase { why: Reason::Changed { differences: Vec::new() } }
        }
        Served::Own(why) | Served::Stale(why) => {
            judge.settle_inherited(job);
            Verdict::StaleInBase { why }
        }
    }
}

/// Finds results of the label's own that something stale in the base was not made from; whether there are any.
fn give_up(judge: &Judge<'_>, verdicts: &[Verdict], based: &mut Based) -> bool {
    let mut torn = false;
    for (index, _) in verdicts.iter().enumerate().filter(|(_, verdict)| matches!(verdict, Verdict::StaleInBase { .. } | Verdict::Unneeded))
    {
        for maker in judge.instance(JobIx(index as u32)).inputs.iter().flatten().filter_map(|part| judge.maker(part.node)) {
            let own = verdicts[maker.0 as usize] == Verdict::Valid && judge.is_based(maker) && !based.today[maker.0 as usize];
            torn |= own && !std::mem::replace(&mut based.given_up[maker.0 as usize], true);
        }
    }
    torn
}

/// The fixed digests under which something was made before.
fn unknown_fixed(judge: &Judge<'_>, fixed: &[FixedHash]) -> catalog::Result<HashSet<FixedHash>> {
    let answers = judge.reader.fixed_known(fixed)?;
    Ok(fixed.iter().zip(answers).filter(|(_, known)| *known).map(|(hash, _)| *hash).collect())
}

/// Why a job with undecided inputs runs for certain: nothing was ever made under its recipe and variables.
fn undecided_reason(judge: &Judge<'_>, job: JobIx, forced: Option<&Reason>) -> Reason {
    if let Some(forced) = forced {
        return forced.clone();
    }
    let outputs = &judge.instance(job).outputs;
    let stands = |n: &&NodeIx| judge.standings.own[n.0 as usize].current.is_some() || judge.standings.beneath[n.0 as usize].is_some();
    match outputs.iter().find(|n| !stands(n)) {
        Some(node) => judge.missing(*node),
        None => Reason::Changed { differences: Vec::new() },
    }
}

/// A job whose input's job is blocked is blocked; so is one whose input is only read, and was not read before.
fn inherited_block(judge: &Judge<'_>, job: JobIx, verdicts: &[Verdict]) -> Option<Arc<Blocked>> {
    let formula = judge.formula(job);
    for (input, parts) in formula.inputs.iter().zip(&judge.instance(job).inputs) {
        for part in parts {
            let because = match judge.maker(part.node).map(|maker| verdicts.get(maker.0 as usize)) {
                Some(Some(Verdict::Blocked(why))) => why.clone(),
                None if judge.standings.foreign[part.node.0 as usize] && judge.settled[part.node.0 as usize].is_none() => {
                    Arc::new(Blocked::new(judge.identity(part.node).clone(), not_made(judge)))
                }
                _ => continue,
            };
            return Some(blocked(judge, job, Cause::Input { name: input.name.to_string(), because, first_complete: None }));
        }
    }
    None
}

fn blocked(judge: &Judge<'_>, job: JobIx, cause: Cause) -> Arc<Blocked> {
    let identity = judge.identity(judge.instance(job).outputs[0]).clone();
    Arc::new(Blocked::new(identity, cause))
}

/// Looks at bytes that a job reads: what is gone is made again, or blocks where nothing makes it.
fn backward(judge: &Judge<'_>, sources: &HashMap<NodeIx, Observed>, verdicts: &[Verdict], found: &mut Found) {
    let Found { forced, perhaps, stuck, risky } = found;
    for index in (0..verdicts.len()).rev() {
        let job = JobIx(index as u32);
        let certain = match &verdicts[index] {
            Verdict::Run { .. } => true,
            Verdict::MayRun { .. } => false,
            _ if forced.contains_key(&job) => true,
            _ => continue,
        };
        for (input, parts) in judge.formula(job).inputs.iter().zip(&judge.instance(job).inputs) {
            for part in parts {
                let foreign = judge.standings.foreign[part.node.0 as usize];
                let why = match sources.get(&part.node) {
                    _ if foreign => gone(judge, part.node),
                    // A copied source outlives its file.
                    Some(observed) if observed.state != SourceState::Vanished => None,
                    Some(observed) if !observed.is_kept() => Some(Reason::BytesGone),
                    _ => gone(judge, part.node),
                };
                let Some(why) = why else { continue };
                match judge.maker(part.node).filter(|maker| !judge.is_foreign(*maker)) {
                    Some(maker) if certain => {
                        forced.entry(maker).or_insert(why);
                    }
                    Some(maker) => {
                        perhaps.entry(maker).or_insert(job);
                    }
                    None if certain => {
                        let identity = judge.identity(part.node).clone();
                        let cause = if foreign { not_made(judge) } else { Cause::BytesGone };
                        let because = Arc::new(Blocked::new(identity, cause));
                        let cause = Cause::Input { name: input.name.to_string(), because, first_complete: None };
                        stuck.entry(job).or_insert_with(|| blocked(judge, job, cause));
                    }
                    None => {
                        risky.insert(job);
                    }
                }
            }
        }
    }
}

/// Whether the bytes that a decided node stands for are gone or damaged.
fn gone(judge: &Judge<'_>, node: NodeIx) -> Option<Reason> {
    let snapshot = judge.settled[node.0 as usize].as_ref()?.snapshot.as_ref()?;
    match judge.condition(snapshot) {
        Condition::Intact => None,
        Condition::Gone => Some(Reason::BytesGone),
        Condition::Damaged => Some(Reason::BytesDamaged),
    }
}

fn assemble(
    judge: &Judge<'_>,
    sources: &HashMap<NodeIx, Observed>,
    verdicts: &[Verdict],
    based: &Based,
    options: &Options,
) -> catalog::Result<Plan> {
    let costs: HashMap<String, Cost> = judge.reader.costs()?.into_iter().collect();
    let targets: HashSet<NodeIx> = judge.graph.targets.iter().copied().collect();
    let mut plan = Plan::default();
    for (index, node) in judge.graph.nodes.iter().enumerate() {
        let ix = NodeIx(index as u32);
        let mut step = Step {
            identity: node.identity.clone(),
            action: Action::Valid { snapshot: catalog::SnapshotId(0) },
            job: None,
            maker: None,
            place: None,
            estimate: None,
            bytes: None,
            owed: None,
            target: targets.contains(&ix),
        };
        let beneath = judge.standings.beneath[index].as_ref().map(|beneath| (&beneath.from, beneath.current.snapshot.id));
        let own = judge.standings.own[index].current.as_ref().map(|c| c.snapshot.id);
        let current = judge.standings.leaf(index, &node.origin).map(|c| c.snapshot.id);
        let stands = own.or(beneath.map(|(_, snapshot)| snapshot));
        step.action = match &node.origin {
            Origin::Blocked(why) => Action::Blocked { on: why.clone() },
            Origin::Held => {
                let because = judge.standings.own[index].hold.as_ref().map(|h| h.because.clone());
                let because = because.or_else(|| beneath.map(|(from, _)| format!("as {from}"))).unwrap_or_default();
                Action::Held { snapshot: current, because }
            }
            Origin::Published => match current {
                Some(snapshot) => Action::Published { snapshot },
                None => continue,
            },
            Origin::Source { source, .. } => {
                let source = &judge.program.sources[*source];
                step.maker = source.from.as_ref().map(|p| p.text.clone());
                step.place = Some(source.place.clone());
                Action::Source { state: sources.get(&ix).map_or(SourceState::Vanished, |o| o.state) }
            }
            Origin::Job { job, output } => {
                let formula = judge.formula(*job);
                step.job = Some(job.0);
                step.maker = Some(formula.title.clone());
                step.place = Some(formula.place.clone());
                let cost = costs.get(&formula.title);
                step.estimate = cost.map(|cost| cost.seconds);
                step.bytes = cost.map(|cost| cost.bytes);
                let verdict = &verdicts[job.0 as usize];
                if *verdict == Verdict::Unneeded {
                    continue;
                }
                if judge.is_based(*job) && matches!(verdict, Verdict::Run { .. } | Verdict::MayRun { .. } | Verdict::Reuse { .. }) {
                    step.owed = Some(if based.changed[job.0 as usize] { Owed::Change } else { Owed::StaleBase });
                }
                action(judge, verdict, *output, &node.identity, if judge.is_foreign(*job) { stands } else { own }, beneath)
            }
        };
        match &step.action {
            Action::Blocked { .. } if step.job.is_none() => plan.counts.blocked += 1,
            Action::Held { .. } => plan.counts.held += 1,
            Action::Source { .. } | Action::Published { .. } => plan.counts.sources += 1,
            _ => {}
        }
        plan.steps.push(step);
    }
    count(&mut plan.counts, verdicts);
    plan.at_least = plan.counts.run;
    plan.at_most = plan.counts.run + plan.counts.may_run;
    let running = |index: usize, most: bool| match &verdicts[index] {
        Verdict::Run { .. } => true,
        Verdict::MayRun { .. } => most,
        _ => false,
    };
    plan.seconds = estimate::seconds(judge, &running, &costs, options.jobs);
    plan.bytes = estimate::bytes(judge, &running, &costs);
    Ok(plan)
}

fn action(
    judge: &Judge<'_>,
    verdict: &Verdict,
    output: usize,
    identity: &Identity,
    own: Option<catalog::SnapshotId>,
    beneath: Option<(&Identity, catalog::SnapshotId)>,
) -> Action {
    let outputs_of = |job: &JobIx| judge.outputs(*job);
    let nothing = || Action::Run { why: Reason::Missing };
    match verdict {
        Verdict::Valid => own.map_or_else(nothing, |snapshot| Action::Valid { snapshot }),
        Verdict::Inherited => beneath.map_or_else(nothing, |(from, snapshot)| Action::Inherited { snapshot, from: from.clone() }),
        Verdict::StaleInBase { why } => {
            beneath.map_or_else(nothing, |(from, snapshot)| Action::StaleInBase { snapshot, from: from.clone(), why: why.clone() })
        }
        Verdict::AsItStands { stale: None } => own.map_or_else(nothing, |snapshot| Action::Inherited { snapshot, from: identity.clone() }),
        Verdict::AsItStands { stale: Some(why) } => {
            own.map_or_else(nothing, |snapshot| Action::StaleInBase { snapshot, from: identity.clone(), why: why.clone() })
        }
        Verdict::Reuse { made, why } => {
            let snapshot: &Snapshot = &made.outputs[output];
            Action::Reuse { snapshot: snapshot.id, run: made.run, from: snapshot.identity.clone(), why: why.clone() }
        }
        Verdict::Unneeded => nothing(),
        Verdict::Run { why } => Action::Run { why: why.clone() },
        Verdict::MayRun { after } => {
            let after: Vec<Identity> = after.iter().flat_map(outputs_of).collect();
            Action::MayRun { after }
        }
        Verdict::Blocked(on) => Action::Blocked { on: on.clone() },
    }
}

fn count(counts: &mut Counts, verdicts: &[Verdict]) {
    for verdict in verdicts {
        *match verdict {
            Verdict::Valid => &mut counts.valid,
            Verdict::Unneeded => continue,
            Verdict::Inherited | Verdict::AsItStands { stale: None } => &mut counts.inherited,
            Verdict::StaleInBase { .. } | Verdict::AsItStands { stale: Some(_) } => &mut counts.stale_in_base,
            Verdict::Reuse { .. } => &mut counts.reuse,
            Verdict::Run { .. } => &mut counts.run,
            Verdict::MayRun { .. } => &mut counts.may_run,
            Verdict::Blocked(_) => &mut counts.blocked,
        } += 1;
    }
}
