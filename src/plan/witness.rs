//! What a plan was decided on, as values that are written down with it, read back, and compared with those of today.
//!
//! What is true here: all of it are facts of the project and its catalog, none of the machine or the moment; a recipe stands once, however many
//! jobs it has.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::action::{Action, Plan};
use super::judge::Judge;
use crate::catalog::{Current, SnapshotId};
use crate::digest::{ContentHash, FixedHash, Key};
use crate::identity::Identity;
use crate::resolve::{JobIx, Origin};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    pub recipes: Vec<SeenRecipe>,
    pub jobs: Vec<SeenJob>,
    /// In topological order.
    pub nodes: Vec<SeenNode>,
}

/// A formula's recipe: for people its title and place, and the parts that count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenRecipe {
    pub formula: String,
    pub place: String,
    pub parts: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenJob {
    pub outputs: Vec<String>,
    /// Its place among the recipes.
    pub recipe: usize,
    /// Variables, and what templates read.
    pub values: BTreeMap<String, String>,
    pub inputs: Vec<SeenInput>,
    pub fixed: FixedHash,
    /// `None` where an input was not decided.
    pub key: Option<Key>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenInput {
    pub name: String,
    pub parts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenNode {
    pub identity: String,
    /// What its readers are judged by; `None` where that was not decided.
    pub content: Option<ContentHash>,
    /// What it stood for, of its own. Of a source its content says all.
    pub stands: Option<Stood>,
    /// What it stood for in the base of its label.
    pub base: Option<Stood>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stood {
    pub snapshot: SnapshotId,
    pub content: ContentHash,
}

/// Of a plan's step what must not differ. A written plan has more, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenStep {
    pub identity: String,
    pub action: String,
    #[serde(default)]
    pub snapshot: Option<SnapshotId>,
}

impl Witness {
    pub fn of(judge: &Judge<'_>) -> Self {
        let mut witness = Self::default();
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        for (index, instance) in judge.graph.jobs.iter().enumerate() {
            let job = JobIx(index as u32);
            let formula = judge.formula(job);
            let recipe = *numbers.entry(instance.formula).or_insert_with(|| {
                let parts = judge.recipes.0[instance.formula].parts.as_ref().clone();
                witness.recipes.push(SeenRecipe { formula: formula.title.clone(), place: formula.place.clone(), parts });
                witness.recipes.len() - 1
            });
            let inputs = formula.inputs.iter().zip(&instance.inputs).map(|(input, parts)| SeenInput {
                name: input.name.to_string(),
                parts: parts.iter().map(|part| judge.identity(part.node).to_string()).collect(),
            });
            witness.jobs.push(SeenJob {
                outputs: judge.outputs(job).iter().map(Identity::to_string).collect(),
                recipe,
                values: serde_json::from_str(&judge.variables_json(job)).unwrap_or_default(),
                inputs: inputs.collect(),
                fixed: judge.fixed(job),
                key: judge.keys(job).map(|keys| keys.key),
            });
        }
        witness.nodes = nodes(judge);
        witness
    }
}

fn nodes(judge: &Judge<'_>) -> Vec<SeenNode> {
    let stood = |current: &Current| Stood { snapshot: current.snapshot.id, content: current.snapshot.content };
    let seen = judge.graph.nodes.iter().enumerate().map(|(index, node)| {
        let source = matches!(node.origin, Origin::Source { .. });
        SeenNode {
            identity: node.identity.to_string(),
            content: judge.settled[index].as_ref().map(|settled| settled.content),
            stands: judge.standings.own[index].current.as_ref().filter(|_| !source).map(stood),
            base: judge.standings.beneath[index].as_ref().filter(|_| !source).map(|beneath| stood(&beneath.current)),
        }
    });
    seen.collect()
}

impl SeenStep {
    pub fn of(plan: &Plan) -> Vec<Self> {
        let of = |action: &Action| match action {
            Action::Valid { snapshot } => ("valid", Some(*snapshot)),
            Action::Inherited { snapshot, .. } => ("inherited", Some(*snapshot)),
            Action::StaleInBase { snapshot, .. } => ("stale_in_base", Some(*snapshot)),
            Action::Reuse { snapshot, .. } => ("reuse", Some(*snapshot)),
            Action::Run { .. } => ("run", None),
            Action::MayRun { .. } => ("may_run", None),
            Action::Blocked { .. } => ("blocked", None),
            Action::Held { snapshot, .. } => ("held", *snapshot),
            Action::Source { .. } => ("source", None),
            Action::Published { snapshot } => ("published", Some(*snapshot)),
        };
        let steps = plan.steps.iter().map(|step| {
            let (action, snapshot) = of(&step.action);
            Self { identity: step.identity.to_string(), action: action.into(), snapshot }
        });
        steps.collect()
    }

    /// Something may be run for it.
    pub fn may_run(&self) -> bool {
        matches!(self.action.as_str(), "run" | "may_run")
    }

    pub(super) fn words(&self) -> String {
        let action = self.action.replace('_', " ");
        self.snapshot.map_or(action.clone(), |snapshot| format!("{action} (snapshot {})", snapshot.0))
    }
}
