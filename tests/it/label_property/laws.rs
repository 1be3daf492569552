//! The laws, one function each.

use std::collections::{BTreeSet, HashMap};

use formake::catalog::{Reader, SnapshotId};
use formake::identity::Identity;
use formake::plan::{Action, Step};
use formake::resolve::{NodeIx, Origin};

use super::project::{Built, Planned, Pointers, Project};
use super::text::LABELS;

/// Pointers and holds of every label but one.
pub fn of_others(pointers: &Pointers, label: &str) -> Vec<String> {
    let current = pointers.current.iter().filter(|(identity, _)| *identity.label != *label);
    let mut all: Vec<String> = current.map(|(identity, snapshot)| format!("{identity} {}", snapshot.id.0)).collect();
    all.extend(pointers.held.iter().filter(|identity| *identity.label != *label).map(|identity| format!("{identity} held")));
    all.sort();
    all
}

pub fn actions(planned: &Planned) -> HashMap<&Identity, &Action> {
    planned.plan.steps.iter().map(|step| (&step.identity, &step.action)).collect()
}

/// What a plan says is settled, or left alone, is not run; its bounds hold, and its build says no other thing.
pub fn the_build_is_the_plan(built: &Built) {
    let actions = actions(&built.planned);
    for ran in &built.ran {
        let action = actions.get(ran);
        assert!(matches!(action, Some(Action::Run { .. } | Action::MayRun { .. })), "{ran} was called {action:?}, and ran");
    }
    let Ok(summary) = &built.outcome else { return };
    let plan = &built.planned.plan;
    assert!(summary.ran + summary.failed <= plan.at_most, "{summary:?} {plan:#?}");
    if summary.failed == 0 {
        assert!(summary.ran >= plan.at_least, "{summary:?} {plan:#?}");
        assert_eq!(summary.skipped, 0);
    }
}

pub fn nothing_is_to_do(built: &Built, after: &Planned) {
    assert!(!after.plan.work_needed(), "a plan after a build: {:#?}", worked(after));
    let blocked = |planned: &Planned| -> BTreeSet<Identity> {
        let steps = planned.plan.steps.iter().filter(|step| matches!(step.action, Action::Blocked { .. }));
        steps.map(|step| step.identity.clone()).collect()
    };
    let before = blocked(&built.planned);
    let may_block = built.planned.plan.steps.iter().any(|step| matches!(step.action, Action::MayRun { .. }));
    for identity in blocked(after).iter().filter(|_| !may_block) {
        assert!(before.contains(identity), "{identity} was not said to be blocked");
    }
}

fn worked(planned: &Planned) -> Vec<&Step> {
    let quiet = |step: &&Step| matches!(step.action, Action::Run { .. } | Action::MayRun { .. } | Action::Reuse { .. });
    planned.plan.steps.iter().filter(quiet).collect()
}

/// Whether a source's file holds, at each of the plan's instances that it is, what reading it through the label gives anyway.
pub fn is_recorded(project: &Project, planned: &Planned, path: &str) -> bool {
    let pointers = project.pointers();
    planned.graph.nodes.iter().all(|node| {
        let Origin::Source { source, binding } = &node.origin else { return true };
        let Some((at, content)) = project.disk.file(&planned.program.sources[*source], binding).filter(|(at, _)| at == path) else {
            return true;
        };
        let recorded = pointers.through(&node.identity, &project.bases);
        recorded.is_some_and(|(_, snapshot)| snapshot.content == content && snapshot.path == at)
    })
}

/// What vanished, was lost or cleaned away, and is not needed, changes nothing that is right.
pub fn stays_as_it_was(project: &Project, before: &Planned, after: &Planned, lost: &BTreeSet<String>) {
    let targets = before.plan.steps.iter().filter(|step| step.target);
    let given: Vec<_> = targets.filter_map(|step| used(&step.action)).collect();
    let handed_over = project.catalog.snapshots(&given).expect("read").iter().any(|snapshot| lost.contains(&snapshot.path));
    if before.plan.work_needed() || handed_over {
        return;
    }
    let now = actions(after);
    for step in &before.plan.steps {
        let right = used(&step.action).is_some();
        assert!(
            !right || now.get(&step.identity) == Some(&&step.action),
            "{} was {:?}, and is {:?}",
            step.identity,
            step.action,
            now.get(&step.identity)
        );
    }
}

fn used(action: &Action) -> Option<SnapshotId> {
    match action {
        Action::Valid { snapshot } | Action::Inherited { snapshot, .. } | Action::StaleInBase { snapshot, .. } => Some(*snapshot),
        _ => None,
    }
}

/// A look at a label after a build: what its cone stands for.
pub struct View<'a> {
    project: &'a Project,
    planned: &'a Planned,
    pointers: Pointers,
    actions: HashMap<&'a Identity, &'a Action>,
}

impl<'a> View<'a> {
    pub fn new(project: &'a Project, planned: &'a Planned) -> Self {
        Self { project, planned, pointers: project.pointers(), actions: actions(planned) }
    }

    fn identity(&self, node: NodeIx) -> &'a Identity {
        &self.planned.graph.nodes[node.0 as usize].identity
    }

    fn action(&self, node: NodeIx) -> Option<&'a Action> {
        self.actions.get(self.identity(node)).copied()
    }

    fn read(&self, node: NodeIx) -> Option<(Identity, &formake::catalog::Snapshot)> {
        self.pointers.through(self.identity(node), &self.project.bases)
    }

    /// Nodes of the label itself.
    fn own_nodes(&self) -> impl Iterator<Item = NodeIx> {
        (0..self.planned.graph.nodes.len()).filter(|node| !self.planned.foreign[*node]).map(|node| NodeIx(node as u32))
    }

    fn is_stale(&self, node: NodeIx) -> bool {
        matches!(self.action(node), Some(Action::StaleInBase { .. }))
    }

    fn is_settled(&self, node: NodeIx) -> bool {
        matches!(self.action(node), Some(Action::Valid { .. } | Action::Inherited { .. }))
    }

    /// What is not said to be stale is what a build from nothing gives.
    pub fn equals_a_build_from_nothing(&self) {
        for node in self.own_nodes().filter(|node| self.is_settled(*node)) {
            let content = self.read(node).map(|(_, snapshot)| snapshot.content);
            assert_eq!(content, self.planned.model[node.0 as usize], "{} is {:?}", self.identity(node), self.action(node));
        }
        if self.planned.ask.fresh {
            assert!(self.own_nodes().all(|node| !self.is_stale(node)), "nothing stale is used: {:#?}", self.planned.plan);
        }
    }

    /// Every result was made from the very contents that reading its inputs through the label gives now.
    pub fn is_no_mixture(&self) {
        let graph = &self.planned.graph;
        for node in self.own_nodes() {
            let Origin::Job { job, .. } = graph.nodes[node.0 as usize].origin else { continue };
            let identity = self.identity(node);
            let parts =
                || self.planned.program.formulas[graph.jobs[job.0 as usize].formula].inputs.iter().zip(&graph.jobs[job.0 as usize].inputs);
            if !self.is_settled(node) && !self.is_stale(node) {
                continue;
            }
            let (_, snapshot) = self.read(node).unwrap_or_else(|| panic!("{identity} stands for something"));
            let run = snapshot.origin.run().unwrap_or_else(|| panic!("{identity} was made"));
            let run = self.project.catalog.runs(&[run]).expect("read").remove(0);
            let read: Vec<_> = parts().flat_map(|(input, parts)| parts.iter().map(|part| (&input.name, part.node))).collect();
            if self.is_settled(node) {
                assert_eq!(read.len(), run.inputs.len(), "{identity} reads what it did");
                for ((name, part), then) in read.iter().zip(&run.inputs) {
                    let now = self.identity(*part);
                    assert_eq!((*name, &now.class, &now.instance), (&then.name, &then.identity.class, &then.identity.instance));
                    let content = self.read(*part).map(|(_, snapshot)| snapshot.content);
                    assert_eq!(content, Some(then.content), "{identity} ({:?}) was made from another {now}", self.action(node));
                    let own = matches!(self.action(node), Some(Action::Valid { .. }));
                    assert!(
                        !own || !self.is_stale(*part) || self.planned.foreign[part.0 as usize],
                        "{identity} was made from {now}, which is stale in the base"
                    );
                }
                continue;
            }
            // Stale in the base: of what the label made for itself it shows only what a changed job needs.
            for (name, part) in read {
                let now = self.identity(part);
                let Origin::Job { job: maker, .. } = graph.nodes[part.0 as usize].origin else { continue };
                let Some((from, snapshot)) = self.read(part) else { continue };
                let then = run
                    .inputs
                    .iter()
                    .find(|then| then.name == *name && then.identity.class == now.class && then.identity.instance == now.instance);
                let same = then.is_none_or(|then| then.content == snapshot.content);
                assert!(
                    from != *now || same || self.planned.based.today[maker.0 as usize],
                    "{identity} is stale, and was made from another {now}"
                );
                assert!(!self.planned.based.changed[maker.0 as usize], "{identity} is stale, and {now} is changed");
            }
            let beneath = self
                .project
                .catalog
                .standings(&[self.from(node).unwrap_or_else(|| panic!("{identity} is of a base"))])
                .expect("read")
                .remove(0);
            assert_eq!(
                beneath.current.and_then(|current| current.fixed),
                Some(self.planned.fixed[job.0 as usize]),
                "{identity} is stale, and its recipe is another"
            );
        }
    }

    /// The base's identity whose pointer is read, where it is not the label's own.
    fn from(&self, node: NodeIx) -> Option<Identity> {
        self.read(node).map(|(from, _)| from).filter(|from| from != self.identity(node))
    }

    /// What is the base's has no pointer of the label's own, and no pointer of its own stands for the base's very snapshot.
    pub fn has_no_row_that_pretends(&self) {
        for node in self.own_nodes() {
            let identity = self.identity(node);
            let Some(own) = self.pointers.current.get(identity).filter(|_| !self.pointers.held.contains(identity)) else { continue };
            let Some(base) = self.project.bases.of(LABELS[self.planned.ask.label]) else { continue };
            if let Some(Action::Inherited { .. } | Action::StaleInBase { .. }) | None = self.action(node) {
                panic!("{identity} has a pointer of its own, and is {:?}", self.action(node));
            }
            let beneath = self.pointers.through(&identity.under(&base), &self.project.bases).map(|(_, snapshot)| snapshot.id);
            let alone = match &self.planned.graph.nodes[node.0 as usize].origin {
                Origin::Job { job, .. } => self.planned.graph.jobs[job.0 as usize].outputs.len() == 1,
                _ => true,
            };
            assert!(!alone || beneath != Some(own.id), "{identity} has a pointer to what shows through anyway: {:?}", self.action(node));
        }
    }
}
