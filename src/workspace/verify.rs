//! Verifying: results are made again, aside, by the recipes as they are now from what their inputs stand for now, and compared.
//!
//! What is true here: nothing enters the store or the catalog. It holds the lock of a build, so that the jobs' folders are its own, and no
//! cleaning takes away what a job reads.

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use super::build::{environment, unwritable};
use super::lock::Lock;
use super::request::{Prepared, Request};
use super::{Failure, OWN, Workspace, clock};
use crate::catalog::sqlite::Mode;
use crate::catalog::{self, Current, Snapshot, SnapshotId, State};
use crate::diagnostic::Diagnostic;
use crate::executor::{Cancel, LocalExecutor};
use crate::plan::blessing::{beneath, blessed, own};
use crate::plan::{Condition, Judge, Settled, Verdict};
use crate::report::verify::{Failed, Output, Verified};
use crate::resolve::{JobIx, NodeIx, Origin};
use crate::run::Workshop;
use crate::run::local::LocalWorkshop;
use crate::validity::manifest;

const NO_SNAPSHOT: &str = "E0616";
/// More problems than this say no more.
const TOLD: usize = 20;

impl Workspace {
    /// Makes what the targets stand for again, job by job, and compares. Ends early where it is interrupted.
    ///
    /// # Errors
    /// A target has no job that may run again, or stands for nothing, or what a job reads is not there. Nothing was run then.
    pub fn verify(&self, request: &Request, cancel: &Cancel, waiting: &mut dyn FnMut(&str)) -> Result<Vec<Verified>, Failure> {
        let program = self.program_for(request)?;
        let place = self.root.join(OWN);
        fs::create_dir_all(&place).map_err(|e| unwritable(&place, &e))?;
        let _lock = Lock::take(&place.join("lock"), waiting).map_err(|e| unwritable(&place.join("lock"), &e))?;
        let catalog = self.catalog(Mode::Read)?;
        let (prepared, standings) = self.prepare(request, &program, &catalog)?;
        let (mut judge, draft) = self.draft(request, &program, &prepared, standings, &catalog)?;
        let mut jobs = BTreeSet::new();
        let mut problems = Vec::new();
        for target in &prepared.graph.targets {
            match to_be_run(&judge, *target) {
                Ok(job) => drop(jobs.insert(job)),
                Err(problem) => problems.push(*problem),
            }
        }
        for job in &jobs {
            problems.extend(settle_inputs(&mut judge, &prepared, *job));
        }
        // Among many, some may not be made yet.
        if jobs.is_empty() || problems.iter().any(|problem| problem.code != NO_SNAPSHOT) {
            problems.truncate(TOLD);
            return Err(problems.into());
        }
        let workshop = LocalWorkshop::new(
            &program,
            &self.bytes,
            LocalExecutor::new(environment),
            &self.root,
            place.clone(),
            &prepared.contracts,
            clock::now,
        )
        .map_err(|e| unwritable(&place, &e))?;
        let mut all = Vec::with_capacity(jobs.len());
        for job in jobs {
            let inherited = matches!(draft.verdicts[job.0 as usize], Verdict::Inherited | Verdict::StaleInBase { .. });
            all.push(verify_one(&judge, &workshop, job, inherited, cancel)?);
            if cancel.is_cancelled() {
                all.pop();
                break;
            }
        }
        Ok(all)
    }
}

/// The job of a target, where it can be run aside and there is something to compare with.
fn to_be_run(judge: &Judge<'_>, target: NodeIx) -> Result<JobIx, Box<Diagnostic>> {
    let identity = judge.identity(target);
    let refused = |why: &str| Box::new(Diagnostic::error("E0852", format!("{identity} cannot be verified")).note(why));
    let Some(job) = judge.maker(target) else {
        return Err(refused(match &judge.graph.nodes[target.0 as usize].origin {
            Origin::Source { .. } => "it is a source: no job makes it",
            Origin::Published => "it was published by hand: no job makes it",
            Origin::Held => "it is held: what its formula would make is not what it stands for",
            _ => "nothing makes it",
        }));
    };
    if judge.formula(job).recipe.effect {
        return Err(refused("its job is an `effect`: run again, it would act again on the outside"));
    }
    if own(judge, job).is_none() && beneath(judge, job).is_none() {
        let problem = Diagnostic::error(NO_SNAPSHOT, format!("{identity} has no snapshot that could be compared"));
        return Err(Box::new(problem.help(format!("`formake build {identity}` makes it"))));
    }
    Ok(job)
}

/// Settles all that a job reads by what it stands for now; what cannot be read is a problem.
fn settle_inputs(judge: &mut Judge<'_>, prepared: &Prepared, job: JobIx) -> Vec<Diagnostic> {
    let parts: BTreeSet<NodeIx> = judge.instance(job).inputs.iter().flatten().map(|part| part.node).collect();
    let mut problems = Vec::new();
    for node in parts {
        let index = node.0 as usize;
        if judge.settled[index].is_none() {
            let shown = judge.standings.beneath[index].as_ref().map(|beneath| &beneath.current);
            let shown = judge.standings.own[index].current.as_ref().or(shown).map(|current| current.snapshot.clone());
            judge.settled[index] = shown.map(Settled::of);
        }
        if judge.settled[index].as_ref().is_some_and(|settled| settled.snapshot.is_none())
            && let Some(unrecorded) = unrecorded(judge, prepared, node)
        {
            judge.settled[index] = Some(Settled::of(unrecorded));
        }
        let snapshot = judge.settled[index].as_ref().and_then(|settled| settled.snapshot.as_ref());
        let why = match snapshot.map(|snapshot| judge.condition(snapshot)) {
            Some(Condition::Intact) => continue,
            None => "it was never made",
            Some(Condition::Gone) => "its bytes are gone",
            Some(Condition::Damaged) => "its bytes are damaged: not those that were recorded",
        };
        let reader = judge.outputs(job).first().map(ToString::to_string).unwrap_or_default();
        let identity = judge.identity(node);
        let problem = Diagnostic::error("E0853", format!("{reader} cannot be verified: what it reads is not there"));
        problems.push(problem.note(format!("{identity}: {why}")).help(format!("`formake build {identity}` makes it, where something can")));
    }
    problems
}

/// A source's file of which no build has read these bytes yet, as a snapshot that no catalog knows.
fn unrecorded(judge: &Judge<'_>, prepared: &Prepared, node: NodeIx) -> Option<Snapshot> {
    let (_, sight) = prepared.seen.get(&node)?;
    let sight = sight.as_ref()?;
    Some(Snapshot {
        // Known to nobody else, and one of its own for each.
        id: SnapshotId(-1 - i64::from(node.0)),
        identity: judge.identity(node).clone(),
        content: sight.content.hash,
        kind: sight.content.kind,
        bytes: sight.content.bytes,
        files: sight.content.files,
        path: sight.found.path.clone(),
        stored: false,
        stamp: sight.content.stamp,
        origin: catalog::Origin::Source,
        state: State::Good,
        made: judge.now,
    })
}

fn verify_one(
    judge: &Judge<'_>,
    workshop: &LocalWorkshop<'_, LocalExecutor>,
    job: JobIx,
    inherited: bool,
    cancel: &Cancel,
) -> Result<Verified, Failure> {
    let (mine, shown) = (own(judge, job), beneath(judge, job));
    let currents: Vec<&Current> = if inherited { shown.or(mine) } else { mine.or(shown) }.unwrap_or_default();
    let runs: Vec<_> = currents.iter().filter_map(|current| current.snapshot.origin.run()).take(1).collect();
    let recorded = judge.reader.runs(&runs)?.pop();
    let keys = judge.keys(job);
    let same_key = recorded.as_ref().zip(keys).is_some_and(|(run, keys)| run.key == keys.key);
    let differences = recorded.map(|run| manifest::differences(&manifest::recorded(&run), &judge.describe(job))).unwrap_or_default();
    let node = judge.instance(job).outputs.first().copied();
    let blessed = match (node, currents.first()) {
        (Some(node), Some(current)) => blessed(judge, node, current)?,
        _ => None,
    };
    let start = Instant::now();
    let made = match keys {
        Some(keys) => workshop.prepare(judge, job, &keys, 1).and_then(|task| workshop.make_aside(&task, cancel)),
        None => Err(crate::run::Failure::bug("an input was not settled")),
    };
    let seconds = start.elapsed().as_secs_f64();
    let (made, failed) = match made {
        Ok(made) => (made, None),
        Err(failure) => (Vec::new(), Some(Failed { message: failure.message, tail: failure.tail })),
    };
    let outputs = judge.outputs(job).into_iter().zip(&currents).enumerate();
    let outputs =
        outputs.map(|(index, (identity, current))| Output { identity, was: current.snapshot.clone(), made: made.get(index).copied() });
    Ok(Verified { outputs: outputs.collect(), failed, blessed, same_key, differences, seconds })
}
