//! Why an identity is as it is: the values that `why` and `why-not` print. What the plan says now, what was made and from what, and each
//! earlier result that could have been taken, with what stood against it.

use super::action::{Action, SourceState, Step};
use super::blessing::{Blessed, blessed};
use super::build::Draft;
use super::judge::Judge;
use crate::catalog::{self, Hold, Run, RunId, Snapshot, Timestamp};
use crate::formula::program::{Choose, Domain, Role};
use crate::identity::{Identity, Name, Var};
use crate::resolve::NodeIx;
use crate::validity::{Difference, Reason, manifest};

/// Everything there is to say of one identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// What a plan says of it now; holds the identity, its maker, and the reason.
    pub step: Step,
    /// What it stands for now, and the run that made that; a source's or a publication's snapshot has no run.
    pub current: Option<(Snapshot, Option<Run>)>,
    pub hold: Option<Hold>,
    /// It is valid since somebody said so, though it was made by another recipe.
    pub blessed: Option<Blessed>,
    /// Earlier results under any label of the repository, nearest first, and why each is, or is not, what is used.
    pub earlier: Vec<Earlier>,
    /// The newest run that tried to make it, where that one did not succeed.
    pub failed: Option<Run>,
    /// Steps above it at which something is to be done, or whose source changed: the chain that leads here, farthest first.
    pub above: Vec<Step>,
    /// Inputs chosen by `latest` that lag behind: what was used, and what would have been on time.
    pub lagging: Vec<Lagging>,
}

/// One earlier result for the same class, instance and repository.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    pub snapshot: Snapshot,
    pub run: RunId,
    pub label: Name,
    pub made: Timestamp,
    pub obstacle: Obstacle,
}

/// Why an earlier result is not taken.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Obstacle {
    /// Nothing: its key is the one computed now.
    Nothing,
    /// Its key differs from the one computed now.
    Key {
        differences: Vec<Difference>,
    },
    /// Its key cannot be compared before these are made.
    Unknown {
        after: Vec<Identity>,
    },
    /// It, or another output of its run, was invalidated.
    Invalidated {
        because: String,
    },
    Quarantined,
    /// Receipts of `effect` jobs are never taken from another label.
    Effect,
    /// Its key is the same, but it must be made again for another reason.
    Other {
        reason: Reason,
    },
}

/// An input for which `latest` took an older part than the newest of its window.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Lagging {
    pub input: Name,
    pub used: Identity,
    pub on_time: Identity,
}

/// Explains a node of a drafted plan.
pub fn explain(judge: &Judge<'_>, draft: &Draft, node: NodeIx) -> catalog::Result<Option<Explanation>> {
    let identity = judge.identity(node);
    let Some(step) = draft.plan.steps.iter().find(|step| step.identity == *identity).cloned() else { return Ok(None) };
    let standing = &judge.standings.own[node.0 as usize];
    let mut current = None;
    let beneath = judge.standings.beneath[node.0 as usize].as_ref().map(|beneath| &beneath.current);
    let shown = match &step.action {
        Action::Inherited { .. } | Action::StaleInBase { .. } => beneath.or(standing.current.as_ref()),
        _ => standing.current.as_ref().or(beneath),
    };
    let blessed = match (&step.action, shown) {
        (Action::Valid { .. } | Action::Inherited { .. }, Some(current)) => blessed(judge, node, current)?,
        _ => None,
    };
    if let Some(snapshot) = shown.map(|c| c.snapshot.clone()) {
        let run = match snapshot.origin {
            catalog::Origin::Run(run) => judge.reader.runs(&[run])?.pop(),
            _ => None,
        };
        current = Some((snapshot, run));
    }
    let job = judge.maker(node);
    let failed = match judge.reader.last_run(identity)? {
        Some(run) => judge.reader.runs(&[run])?.pop().filter(|run| run.outcome != catalog::Outcome::Succeeded),
        None => None,
    };
    Ok(Some(Explanation {
        above: above(judge, draft, node),
        earlier: match job {
            Some(job) => earlier(judge, identity, job, current.as_ref().map(|(s, _)| s.id), &step)?,
            None => Vec::new(),
        },
        lagging: job.map(|job| lagging(judge, job)).unwrap_or_default(),
        hold: standing.hold.clone(),
        blessed,
        step,
        current,
        failed,
    }))
}

/// Steps above a node at which something is to be done, or has changed: nearest last.
fn above(judge: &Judge<'_>, draft: &Draft, node: NodeIx) -> Vec<Step> {
    let mut reached = std::collections::BTreeSet::new();
    let mut stack = vec![node];
    while let Some(at) = stack.pop() {
        let Some(job) = judge.maker(at) else { continue };
        for part in judge.instance(job).inputs.iter().flatten() {
            if reached.insert(part.node) {
                stack.push(part.node);
            }
        }
    }
    let moves = |step: &&Step| match &step.action {
        Action::Run { .. } | Action::Reuse { .. } | Action::MayRun { .. } | Action::Blocked { .. } => true,
        Action::Source { state } => *state != SourceState::Unchanged,
        Action::Valid { .. } | Action::Inherited { .. } | Action::StaleInBase { .. } | Action::Held { .. } | Action::Published { .. } => {
            false
        }
    };
    let identities: std::collections::HashSet<&Identity> = reached.iter().map(|n| judge.identity(*n)).collect();
    draft.plan.steps.iter().filter(|step| identities.contains(&step.identity)).filter(moves).cloned().collect()
}

/// What was made before for the same class, instance and repository, newest first.
fn earlier(
    judge: &Judge<'_>,
    identity: &Identity,
    job: crate::resolve::JobIx,
    current: Option<catalog::SnapshotId>,
    step: &Step,
) -> catalog::Result<Vec<Earlier>> {
    let filter = catalog::Filter {
        class: Some(identity.class.to_string()),
        label: None,
        repository: Some(identity.repository.to_string()),
        all: true,
        as_of: None,
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut all = Vec::new();
    let keys = judge.keys(job);
    let now = judge.describe(job);
    let mut listed = judge.reader.list(&filter)?;
    listed.retain(|l| l.identity.instance == identity.instance && Some(l.snapshot.id) != current);
    listed.sort_by_key(|l| (l.identity.label != identity.label, std::cmp::Reverse(l.snapshot.made)));
    for row in listed {
        let catalog::Origin::Run(run_id) = row.snapshot.origin else { continue };
        if !seen.insert(row.snapshot.id) {
            continue;
        }
        let Some(run) = judge.reader.runs(&[run_id])?.pop() else { continue };
        let obstacle = match (row.snapshot.state, keys) {
            (catalog::State::Invalidated, _) => Obstacle::Invalidated { because: String::new() },
            (catalog::State::Quarantined, _) => Obstacle::Quarantined,
            (_, None) => Obstacle::Unknown { after: judge.undecided_inputs(job).into_iter().map(|n| judge.identity(n).clone()).collect() },
            (_, Some(keys)) if keys.key != run.key => Obstacle::Key { differences: manifest::differences(&manifest::recorded(&run), &now) },
            _ if run.effect && run.label != identity.label => Obstacle::Effect,
            _ => match &step.action {
                Action::Run { why } => Obstacle::Other { reason: why.clone() },
                _ => Obstacle::Nothing,
            },
        };
        all.push(Earlier { run: run_id, label: run.label.clone(), made: row.snapshot.made, snapshot: row.snapshot, obstacle });
    }
    Ok(all)
}

/// Inputs of `latest` variables that are not the newest of their windows.
fn lagging(judge: &Judge<'_>, job: crate::resolve::JobIx) -> Vec<Lagging> {
    let (formula, instance) = (judge.formula(job), judge.instance(job));
    let mut all = Vec::new();
    for (index, variable) in formula.variables.iter().enumerate() {
        let Role::Expanded { domain: Domain::Time { last, .. }, choose: Choose::Latest } = &variable.role else { continue };
        let Some(crate::identity::Value::Time(bound)) = last.eval(&instance.binding) else { continue };
        let crate::identity::Type::Time(precision) = variable.ty else { continue };
        let mut binding = instance.binding.clone();
        binding[index] = Some(crate::identity::Value::Time(bound.range_of(precision).1));
        for (input, parts) in formula.inputs.iter().zip(&instance.inputs) {
            if !input.expands.contains(&Var(index as u16)) {
                continue;
            }
            let Some(part) = parts.first() else { continue };
            let pattern = input.alternatives[part.alternative].pattern.under(&binding);
            if let Some(on_time) = pattern.and_then(|p| p.instantiate(&binding))
                && on_time != *judge.identity(part.node)
            {
                all.push(Lagging { input: input.name.clone(), used: judge.identity(part.node).clone(), on_time });
            }
        }
    }
    all
}
