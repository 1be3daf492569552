//! What a build would write, and whether the acting user may: asked before any work is done, so that nobody waits for a refusal.

use super::request::Prepared;
use super::{Failure, clock};
use crate::catalog::{Change, Gate, Refusal, Snapshot, SnapshotId};
use crate::identity::Identity;
use crate::plan::{Condition, Draft, Judge, SourceState, Verdict};
use crate::resolve::{JobIx, NodeIx, Origin};

/// For a plan: what the acting user may not do of it. `read`: by node, as for [`recording`].
pub(super) fn refusals(gate: &Gate, prepared: &Prepared, judge: &Judge<'_>, draft: &Draft, read: &[bool]) -> Vec<Refusal> {
    gate.refusals(&clock::actor().user, &written(prepared, judge, draft, read))
}

/// For a build.
///
/// # Errors
/// Something of it is not permitted; that is recorded, and nothing else was done.
pub(super) fn ask(gate: &Gate, prepared: &Prepared, judge: &Judge<'_>, draft: &Draft, read: &[bool]) -> Result<(), Failure> {
    Ok(gate.ask(&clock::actor(), clock::now(), &written(prepared, judge, draft, read))?)
}

/// Of changes that only keep a label in order, those that the acting user may make; the others wait for a build of somebody who may.
pub(super) fn permitted(gate: &Gate, mut changes: Vec<Change>) -> Result<Vec<Change>, Failure> {
    if !gate.refusals_of(&clock::actor().user, &changes)?.is_empty() {
        changes.retain(
            |change| matches!(gate.refusals_of(&clock::actor().user, std::slice::from_ref(change)), Ok(refused) if refused.is_empty()),
        );
    }
    Ok(changes)
}

/// What a build says in the catalog of a source that it has looked at.
pub(super) enum Recording {
    /// Another label's, or no job reads it, or its copy is as it was.
    Nothing,
    /// The base's snapshot serves: only its files' stamp moved.
    Stamp(SnapshotId),
    /// Its copy, which was lost, is taken again.
    Lost(Snapshot),
    /// What was read.
    Bytes,
}

/// `read`: by node, whether a job reads it that has, or may get, a result of its label's own.
pub(super) fn recording(prepared: &Prepared, judge: &Judge<'_>, node: NodeIx, read: &[bool]) -> Recording {
    let index = node.0 as usize;
    let (Some((observed, Some(_))), Origin::Source { source, .. }) = (prepared.seen.get(&node), &judge.graph.nodes[index].origin) else {
        return Recording::Nothing;
    };
    let based = judge.standings.based[index];
    if judge.standings.foreign[index] || (based && !read[index]) {
        return Recording::Nothing;
    }
    let kept = judge.settled[index].as_ref().and_then(|settled| settled.snapshot.as_ref());
    match kept {
        // The label gets no pointer of its own.
        Some(snapshot) if based && snapshot.identity.label != judge.identity(node).label => {
            if snapshot.stored {
                Recording::Nothing
            } else {
                Recording::Stamp(snapshot.id)
            }
        }
        Some(snapshot) if judge.program.sources[*source].copy && observed.state == SourceState::Unchanged => {
            if judge.condition(snapshot) == Condition::Intact { Recording::Nothing } else { Recording::Lost(snapshot.clone()) }
        }
        None if judge.program.sources[*source].copy && observed.state == SourceState::Unchanged => Recording::Nothing,
        _ => Recording::Bytes,
    }
}

/// Sources that would be recorded, and what jobs make, may make or take over.
fn written(prepared: &Prepared, judge: &Judge<'_>, draft: &Draft, read: &[bool]) -> Vec<Identity> {
    let mut sources: Vec<NodeIx> = prepared.seen.keys().copied().filter(|node| is_written(prepared, judge, *node, read)).collect();
    sources.sort_unstable_by_key(|node| node.0);
    let jobs = draft.verdicts.iter().enumerate();
    let jobs = jobs.filter(|(_, verdict)| matches!(verdict, Verdict::Run { .. } | Verdict::MayRun { .. } | Verdict::Reuse { .. }));
    let outputs = jobs.flat_map(|(job, _)| judge.outputs(JobIx(job as u32)));
    sources.into_iter().map(|node| judge.identity(node).clone()).chain(outputs).collect()
}

/// Whether recording a source says more than that its stamp moved.
fn is_written(prepared: &Prepared, judge: &Judge<'_>, node: NodeIx, read: &[bool]) -> bool {
    match recording(prepared, judge, node, read) {
        Recording::Nothing | Recording::Stamp(_) => false,
        Recording::Lost(_) => true,
        Recording::Bytes => {
            let own = judge.standings.own[node.0 as usize].current.as_ref().map(|current| &current.snapshot);
            let Some((_, Some(sight))) = prepared.seen.get(&node) else { return false };
            let is_own = |own: &Snapshot| {
                (own.content, own.kind, own.stored) == (sight.content.hash, sight.content.kind, false) && own.path == sight.found.path
            };
            !own.is_some_and(is_own)
        }
    }
}
