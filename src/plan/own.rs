//! What a build of a label with a base brings in order before its jobs run: which sources count as read, and which pointers stay.

use super::build::{Draft, Verdict};
use super::judge::Judge;
use crate::catalog::{Change, Current};
use crate::resolve::{JobIx, Origin};

/// By node: whether a job of the label reads it that has, or may get, a result of the label's own; or whose result in the base is right with
/// it; or it is asked for itself. For labels without a base: all.
pub fn read_by_jobs(judge: &Judge<'_>, draft: &Draft) -> Vec<bool> {
    let mut read: Vec<bool> = judge.standings.based.iter().map(|based| !based).collect();
    judge.graph.targets.iter().for_each(|target| read[target.0 as usize] = true);
    for (job, verdict) in draft.verdicts.iter().enumerate() {
        if !draft.based.today[job] && !matches!(verdict, Verdict::Valid | Verdict::Inherited) {
            continue;
        }
        for part in judge.instance(JobIx(job as u32)).inputs.iter().flatten() {
            read[part.node.0 as usize] = true;
        }
    }
    read
}

const SAME: &str = "the base stands for the very same";

/// What a label with a base has of its own, brought in order: pointers go where what the base stands for serves, and those that stay remember
/// what the base stands for now. Asked once the sources that were read are recorded.
pub fn keep_label(judge: &Judge<'_>, draft: &Draft, read: &[bool]) -> Vec<Change> {
    let mut changes = Vec::new();
    for (index, node) in judge.graph.nodes.iter().enumerate() {
        let Some(own) = judge.standings.own[index].current.as_ref() else { continue };
        if !judge.standings.based[index] || judge.standings.foreign[index] {
            continue;
        }
        let (stays, because) = match &node.origin {
            Origin::Job { job, .. } => match &draft.verdicts[job.0 as usize] {
                Verdict::Valid => (true, ""),
                Verdict::Inherited => (false, "the result is the base's"),
                Verdict::Blocked(_) if shows_through(judge, index, own) => (false, SAME),
                Verdict::StaleInBase { .. } | Verdict::Unneeded => (false, "no job of the label needs it"),
                _ => continue,
            },
            // Promoted, as a rule.
            Origin::Source { .. } | Origin::Published | Origin::Held | Origin::Blocked(_) if shows_through(judge, index, own) => {
                (false, SAME)
            }
            Origin::Source { .. } => {
                let settled = judge.settled[index].as_ref().and_then(|settled| settled.snapshot.as_ref());
                match settled {
                    Some(snapshot) if snapshot.id != own.snapshot.id && read[index] => {
                        (false, "its bytes are those that the base has read")
                    }
                    _ if !read[index] => (false, "no job of the label needs it"),
                    _ => (true, ""),
                }
            }
            Origin::Held if judge.standings.own[index].hold.is_none() => (false, "it is held in the base"),
            Origin::Published | Origin::Held | Origin::Blocked(_) => continue,
        };
        let (identity, base) = (node.identity.clone(), judge.standings.saw(index));
        if !stays {
            changes.push(Change::Withdraw { identity, because: because.into() });
        } else if own.saw != Some(base) {
            changes.push(Change::Saw { identity, base });
        }
    }
    changes
}

/// Whether a pointer says nothing that the base does not say, and no hold of the label keeps it.
fn shows_through(judge: &Judge<'_>, index: usize, own: &Current) -> bool {
    judge.standings.own[index].hold.is_none() && judge.standings.saw(index) == Some(own.snapshot.id)
}
