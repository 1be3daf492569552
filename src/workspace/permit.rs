//! What a build would write, and whether the acting user may: asked before any work is done, so that nobody waits for a refusal.

use super::request::Prepared;
use super::{Failure, clock};
use crate::catalog::{Change, Gate, Refusal, Snapshot};
use crate::identity::Identity;
use crate::plan::{Draft, Judge, Recording, Verdict};
use crate::resolve::{JobIx, NodeIx};

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

/// `read`: by node, whether a job reads it that has, or may get, a result of its label's own.
pub(super) fn recording(prepared: &Prepared, judge: &Judge<'_>, node: NodeIx, read: &[bool]) -> Recording {
    match prepared.seen.get(&node) {
        Some((observed, Some(_))) => Recording::of(judge, node, observed.state, read),
        _ => Recording::Nothing,
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
