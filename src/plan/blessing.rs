//! Blessings: whether it can be said of what an identity stands for that it is as good as made by today's recipe, and what is said then.
//!
//! What is true here: the recipe alone may differ. Whoever blesses answers for a change of code, never for other data.

use super::build::Verdict;
use super::judge::{Condition, Judge};
use crate::catalog::{self, Blessing, Current, Run, Snapshot};
use crate::digest::{ContentHash, Key};
use crate::identity::{Identity, Instance, Name};
use crate::resolve::{JobIx, NodeIx};
use crate::validity::{Difference, Keys, Reason, manifest};

/// What would be said of one output of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub identity: Identity,
    pub snapshot: Snapshot,
    /// Under which its job would run now.
    pub key: Key,
    /// What the recipe is now, and was when the snapshot was made.
    pub differences: Vec<Difference>,
}

/// Why nothing can be said.
#[derive(Clone, Debug, PartialEq)]
pub enum Objection {
    /// No job makes it.
    NotMade,
    /// Receipts of `effect` jobs stand for what was done, not for what a recipe gives.
    Effect,
    Valid,
    /// It stands for nothing.
    Nothing,
    /// These must be made first, or cannot be.
    Undecided {
        after: Vec<Identity>,
    },
    /// It was made from other data.
    Inputs {
        differences: Vec<Difference>,
    },
    /// The recipe writes its label, which is another one.
    Label,
    /// The outputs of its job were not made together.
    Apart,
    /// Its key is right, and it must be made again all the same.
    Other {
        reason: Reason,
    },
    /// Its bytes are gone or damaged.
    Lost {
        reason: Reason,
    },
    /// How its input's files are read, by their names' ending, is another way.
    Ending,
}

/// A statement that makes something valid, with what it speaks of.
#[derive(Clone, Debug, PartialEq)]
pub struct Blessed {
    pub blessing: Blessing,
    pub differences: Vec<Difference>,
}

/// What can be said of a job's outputs: of what they stand for themselves, else of what shows through from their label's base.
pub fn statements(judge: &Judge<'_>, verdict: &Verdict, job: JobIx) -> catalog::Result<Result<Vec<Statement>, Objection>> {
    if judge.formula(job).recipe.effect {
        return Ok(Err(Objection::Effect));
    }
    if matches!(verdict, Verdict::Valid | Verdict::Inherited | Verdict::AsItStands { stale: None }) {
        return Ok(Err(Objection::Valid));
    }
    let Some(keys) = judge.keys(job) else {
        let after = judge.undecided_inputs(job).into_iter().map(|node| judge.identity(node).clone());
        return Ok(Err(Objection::Undecided { after: after.collect() }));
    };
    let mut objection = None;
    for currents in [own(judge, job), beneath(judge, job)].into_iter().flatten() {
        match of_these(judge, verdict, job, &keys, &currents)? {
            Ok(statements) => return Ok(Ok(statements)),
            Err(why) => objection = objection.or(Some(why)),
        }
    }
    Ok(Err(objection.unwrap_or(Objection::Nothing)))
}

/// What all outputs of a job stand for themselves.
pub fn own<'j>(judge: &'j Judge<'_>, job: JobIx) -> Option<Vec<&'j Current>> {
    judge.instance(job).outputs.iter().map(|node| judge.standings.own[node.0 as usize].current.as_ref()).collect()
}

/// What shows through for all outputs of a job.
pub fn beneath<'j>(judge: &'j Judge<'_>, job: JobIx) -> Option<Vec<&'j Current>> {
    let beneath = |node: &NodeIx| judge.standings.beneath[node.0 as usize].as_ref().map(|beneath| &beneath.current);
    judge.instance(job).outputs.iter().map(beneath).collect()
}

fn of_these(
    judge: &Judge<'_>,
    verdict: &Verdict,
    job: JobIx,
    keys: &Keys,
    currents: &[&Current],
) -> catalog::Result<Result<Vec<Statement>, Objection>> {
    let runs: Vec<_> = currents.iter().map(|current| current.snapshot.origin.run()).collect();
    let Some(Some(run)) = runs.first().filter(|first| runs.iter().all(|run| run == *first)) else { return Ok(Err(Objection::Apart)) };
    if currents.iter().all(|current| judge.same_key(current, keys)) {
        return Ok(Err(match verdict {
            Verdict::Run { why } | Verdict::Reuse { why, .. } | Verdict::StaleInBase { why } => Objection::Other { reason: why.clone() },
            _ => Objection::Valid,
        }));
    }
    let Some(run) = judge.reader.runs(&[*run])?.pop() else { return Ok(Err(Objection::Nothing)) };
    let differences = manifest::differences(&manifest::recorded(&run), &judge.describe(job));
    if !same_inputs(judge, job, &run) {
        let differences = differences.into_iter().filter(Difference::is_input).collect();
        return Ok(Err(Objection::Inputs { differences }));
    }
    if differences.iter().any(|difference| difference.part == "reads label") {
        return Ok(Err(Objection::Label));
    }
    if differences.is_empty() {
        return Ok(Err(Objection::Ending));
    }
    for current in currents {
        let reason = match judge.condition(&current.snapshot) {
            Condition::Intact => continue,
            Condition::Gone => Reason::BytesGone,
            Condition::Damaged => Reason::BytesDamaged,
        };
        return Ok(Err(Objection::Lost { reason }));
    }
    let outputs = judge.outputs(job).into_iter().zip(currents);
    Ok(Ok(outputs
        .map(|(identity, current)| Statement {
            identity,
            snapshot: current.snapshot.clone(),
            key: keys.key,
            differences: differences.clone(),
        })
        .collect()))
}

/// Whether a job would read now just what a run read, under whatever names.
pub fn same_inputs(judge: &Judge<'_>, job: JobIx, run: &Run) -> bool {
    let mut was: Vec<(&Name, &Instance, ContentHash)> =
        run.inputs.iter().map(|input| (&input.identity.class, &input.identity.instance, input.content)).collect();
    let parts = judge.instance(job).inputs.iter().flatten();
    let is: Option<Vec<(&Name, &Instance, ContentHash)>> = parts
        .map(|part| {
            let identity = judge.identity(part.node);
            Some((&identity.class, &identity.instance, judge.settled[part.node.0 as usize].as_ref()?.content))
        })
        .collect();
    let Some(mut is) = is else { return false };
    was.sort();
    is.sort();
    was == is
}

/// The statement by which what a node stands for is as good as made under the key of now; `None` where it was made under it.
pub fn blessed(judge: &Judge<'_>, node: NodeIx, current: &Current) -> catalog::Result<Option<Blessed>> {
    let Some(job) = judge.maker(node) else { return Ok(None) };
    let Some(keys) = judge.keys(job).filter(|keys| current.key != Some(keys.key)) else { return Ok(None) };
    let said = judge.reader.blessings()?.into_iter().find(|one| one.snapshot == current.snapshot.id && one.key == keys.key);
    let (Some(blessing), Some(run)) = (said, current.snapshot.origin.run()) else { return Ok(None) };
    let Some(run) = judge.reader.runs(&[run])?.pop() else { return Ok(None) };
    let differences = manifest::differences(&manifest::recorded(&run), &judge.describe(job));
    Ok(Some(Blessed { blessing, differences }))
}
