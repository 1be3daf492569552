//! Judging one job: its key from its inputs' contents, and what follows from the catalog. Asked by the plan for every job, and asked again by
//! the run when a job that was undecided becomes ready.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::standing::Standings;
use crate::catalog::{self, Current, Made, Reader, RunId, Snapshot, SnapshotId, Timestamp};
use crate::digest::{ContentHash, Key};
use crate::formula::program::{Formula, Kind, Program};
use crate::identity::{Identity, Name};
use crate::recipe;
use crate::resolve::{Graph, Instance, JobIx, NodeIx, Origin};
use crate::validity::manifest;
use crate::validity::{Facts, InputFact, Keys, Reason, Recipes};

/// Whether a snapshot's bytes are what they were; asked only of those that somebody needs.
pub trait Bytes {
    fn condition(&self, snapshot: &Snapshot) -> Condition;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Intact,
    Gone,
    Damaged,
}

/// What a node stands for once it is decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    pub content: ContentHash,
    /// `None` in a plan, for a source that was never recorded with these bytes.
    pub snapshot: Option<Snapshot>,
    /// The ending of the file's name, `csv`, `csv.gz`; empty for folders.
    pub ending: String,
}

/// What is to be done with a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Valid,
    /// The base's snapshots are the result.
    Inherited,
    Reuse {
        made: Made,
        why: Reason,
    },
    Run {
        why: Reason,
    },
}

/// How the base's snapshots serve a job that nothing of the label reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Served {
    Right,
    /// Right, and so are the label's own, which have their bytes where the base's are gone.
    Kept,
    /// The label's own are right, and the base's are not, for this reason.
    Own(Reason),
    Stale(Reason),
}

/// Whose pointers are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// The label's own.
    Own,
    /// What shows through from its base.
    Base,
    /// The label's own, else what shows through: of a label that is only read.
    Either,
}

/// A graph with all that deciding needs, and what is decided so far.
pub struct Judge<'a> {
    pub program: &'a Program,
    pub graph: &'a Graph,
    pub recipes: &'a Recipes,
    pub reader: &'a dyn Reader,
    pub bytes: &'a dyn Bytes,
    pub now: Timestamp,
    /// What the catalog said before anything was done.
    pub standings: Standings,
    /// By node: what is decided so far.
    pub settled: Vec<Option<Settled>>,
    /// By job: values that its templates read.
    reads: Vec<BTreeMap<String, serde_json::Value>>,
    conditions: RefCell<HashMap<SnapshotId, Condition>>,
    targets: HashSet<NodeIx>,
    /// Snapshots with keys that they are as good as made under.
    blessed: HashSet<(SnapshotId, Key)>,
    /// Runs whose results are not used again.
    passed_over: HashSet<RunId>,
}

impl<'a> Judge<'a> {
    pub fn new(
        program: &'a Program,
        graph: &'a Graph,
        recipes: &'a Recipes,
        reader: &'a dyn Reader,
        bytes: &'a dyn Bytes,
        now: Timestamp,
        standings: Standings,
    ) -> catalog::Result<Self> {
        let mut looked: HashMap<usize, Vec<recipe::Read>> = HashMap::new();
        let mut reads = Vec::with_capacity(graph.jobs.len());
        for job in &graph.jobs {
            let looks = looked.entry(job.formula).or_insert_with(|| recipe::reads_of(&program.formulas[job.formula]));
            reads.push(if looks.is_empty() { BTreeMap::new() } else { values_read(program, graph, job, looks) });
        }
        let settled = vec![None; graph.nodes.len()];
        let targets = graph.targets.iter().copied().collect();
        let blessed = reader.blessings()?.into_iter().map(|blessing| (blessing.snapshot, blessing.key)).collect();
        Ok(Self {
            program,
            graph,
            recipes,
            reader,
            bytes,
            now,
            standings,
            settled,
            reads,
            conditions: RefCell::default(),
            targets,
            blessed,
            passed_over: HashSet::new(),
        })
    }

    pub fn formula(&self, job: JobIx) -> &'a Formula {
        &self.program.formulas[self.graph.jobs[job.0 as usize].formula]
    }

    pub fn instance(&self, job: JobIx) -> &'a Instance {
        &self.graph.jobs[job.0 as usize]
    }

    pub fn identity(&self, node: NodeIx) -> &'a Identity {
        &self.graph.nodes[node.0 as usize].identity
    }

    pub fn outputs(&self, job: JobIx) -> Vec<Identity> {
        self.instance(job).outputs.iter().map(|n| self.identity(*n).clone()).collect()
    }

    /// The job that makes a node, if one does.
    pub fn maker(&self, node: NodeIx) -> Option<JobIx> {
        match self.graph.nodes[node.0 as usize].origin {
            Origin::Job { job, .. } => Some(job),
            _ => None,
        }
    }

    /// Whether a job's label has a base.
    pub fn is_based(&self, job: JobIx) -> bool {
        self.instance(job)
            .outputs
            .first()
            .is_some_and(|node| self.standings.based[node.0 as usize] && !self.standings.foreign[node.0 as usize])
    }

    /// Whether a job's label is one that the targets' label falls through to.
    pub fn is_foreign(&self, job: JobIx) -> bool {
        self.instance(job).outputs.first().is_some_and(|node| self.standings.foreign[node.0 as usize])
    }

    pub fn is_target(&self, job: JobIx) -> bool {
        self.instance(job).outputs.iter().any(|node| self.targets.contains(node))
    }

    fn facts(&self, job: JobIx) -> Facts<'_> {
        let instance = self.instance(job);
        Facts {
            formula: self.formula(job),
            recipe: &self.recipes.0[instance.formula],
            binding: &instance.binding,
            reads: &self.reads[job.0 as usize],
            outputs: instance.outputs.iter().map(|n| self.identity(*n)).collect(),
        }
    }

    /// The inputs with their contents; `None` while one is undecided.
    fn inputs(&self, job: JobIx) -> Option<Vec<InputFact<'_>>> {
        let formula = self.formula(job);
        let sql = matches!(formula.recipe.kind, Kind::Sql { .. });
        let mut all = Vec::new();
        for (input, parts) in formula.inputs.iter().zip(&self.instance(job).inputs) {
            for part in parts {
                let settled = self.settled[part.node.0 as usize].as_ref()?;
                all.push(InputFact {
                    name: &input.name,
                    identity: self.identity(part.node),
                    content: settled.content,
                    ending: if sql { &settled.ending } else { "" },
                });
            }
        }
        Some(all)
    }

    /// Both digests; `None` while an input is undecided.
    pub fn keys(&self, job: JobIx) -> Option<Keys> {
        Some(self.facts(job).keys(&self.inputs(job)?))
    }

    pub fn fixed(&self, job: JobIx) -> crate::digest::FixedHash {
        self.facts(job).fixed()
    }

    /// Every part of the key with its value; inputs only where all are decided.
    pub fn describe(&self, job: JobIx) -> Vec<(String, String)> {
        self.facts(job).describe(&self.inputs(job).unwrap_or_default())
    }

    pub fn variables_json(&self, job: JobIx) -> String {
        self.facts(job).variables_json()
    }

    pub fn undecided_inputs(&self, job: JobIx) -> Vec<NodeIx> {
        let parts = self.instance(job).inputs.iter().flatten();
        let mut all: Vec<NodeIx> = parts.map(|p| p.node).filter(|n| self.settled[n.0 as usize].is_none()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// A snapshot's bytes, looked at once.
    pub fn condition(&self, snapshot: &Snapshot) -> Condition {
        *self.conditions.borrow_mut().entry(snapshot.id).or_insert_with(|| self.bytes.condition(snapshot))
    }

    /// A snapshot was found changed: look again next time.
    pub fn forget(&self, snapshot: &Snapshot) {
        self.conditions.borrow_mut().remove(&snapshot.id);
    }

    /// Settles a publication or a hold by what it stands for.
    pub fn settle_leaf(&mut self, node: NodeIx) {
        let snapshot =
            self.standings.leaf(node.0 as usize, &self.graph.nodes[node.0 as usize].origin).map(|current| current.snapshot.clone());
        self.settled[node.0 as usize] = snapshot.map(Settled::of);
    }

    /// Settles a job's outputs by what their own label stands for.
    pub fn settle_valid(&mut self, job: JobIx) {
        self.settle_by(job, View::Own);
    }

    /// Settles a job's outputs by what shows through from the base.
    pub fn settle_inherited(&mut self, job: JobIx) {
        self.settle_by(job, View::Base);
    }

    /// Settles what is only read by what it stands for: a job's outputs, or a source.
    pub fn settle_as_it_stands(&mut self, nodes: &[NodeIx]) {
        for node in nodes {
            let snapshot = self.current(*node, View::Either).map(|current| current.snapshot.clone());
            self.settled[node.0 as usize] = snapshot.map(Settled::of);
        }
    }

    fn settle_by(&mut self, job: JobIx, view: View) {
        for node in &self.instance(job).outputs {
            let snapshot = self.current(*node, view).map(|current| current.snapshot.clone());
            self.settled[node.0 as usize] = snapshot.map(Settled::of);
        }
    }

    fn current(&self, node: NodeIx, view: View) -> Option<&Current> {
        let own = self.standings.own[node.0 as usize].current.as_ref();
        let beneath = self.standings.beneath[node.0 as usize].as_ref().map(|beneath| &beneath.current);
        match view {
            View::Own => own,
            View::Base => beneath,
            View::Either => own.or(beneath),
        }
    }

    /// Whether a snapshot was made under a key, or is said to be as good.
    pub fn same_key(&self, current: &Current, keys: &Keys) -> bool {
        current.key == Some(keys.key) || self.blessed.contains(&(current.snapshot.id, keys.key))
    }

    /// From here on a snapshot counts as made under a key, too.
    pub fn bless(&mut self, snapshot: SnapshotId, key: Key) {
        self.blessed.insert((snapshot, key));
    }

    /// From here on the results of a run are not used again.
    pub fn pass_over(&mut self, run: RunId) {
        self.passed_over.insert(run);
    }

    pub fn settle(&mut self, job: JobIx, snapshots: &[Snapshot]) {
        for (node, snapshot) in self.instance(job).outputs.iter().zip(snapshots) {
            self.settled[node.0 as usize] = Some(Settled::of(snapshot.clone()));
        }
    }

    /// Why what the outputs stand for is not what this key would give; `None` where it is.
    fn stale(&self, job: JobIx, keys: &Keys, view: View) -> Option<Reason> {
        let instance = self.instance(job);
        let mut run: Option<RunId> = None;
        let mut missing = None;
        for node in &instance.outputs {
            let Some(current) = self.current(*node, view) else {
                missing = missing.or(Some(*node));
                continue;
            };
            let catalog::Origin::Run(made_by) = current.snapshot.origin else {
                return Some(Reason::Missing);
            };
            if !self.same_key(current, keys) {
                return Some(Reason::Changed { differences: Vec::new() });
            }
            if *run.get_or_insert(made_by) != made_by {
                let because = Box::new(Reason::Changed { differences: Vec::new() });
                return Some(Reason::Sibling { identity: self.identity(*node).clone(), because });
            }
        }
        match (missing, run) {
            (None, _) => self.expired(job, view),
            (Some(node), Some(_)) => Some(Reason::Sibling { identity: self.identity(node).clone(), because: Box::new(self.missing(node)) }),
            (Some(node), None) => Some(self.missing(node)),
        }
    }

    /// Why a node stands for nothing.
    pub fn missing(&self, node: NodeIx) -> Reason {
        match &self.standings.own[node.0 as usize].invalidated {
            Some(because) => Reason::Invalidated { because: because.clone() },
            None => Reason::Missing,
        }
    }

    fn expired(&self, job: JobIx, view: View) -> Option<Reason> {
        let limit = self.formula(job).recipe.volatile?;
        let node = self.instance(job).outputs.first()?;
        let made = self.current(*node, view)?.snapshot.made;
        let age = (self.now - made) as f64 / 1000.0;
        (age > limit).then_some(Reason::Expired { age, limit })
    }

    /// The verdict on a job whose inputs are all decided. `forced`: it must be made again whatever its key says (its bytes are gone, and a
    /// job needs them). A target's own bytes are looked at here: it must be handed over.
    pub fn decide(&self, job: JobIx, keys: &Keys, forced: Option<&Reason>) -> catalog::Result<Decision> {
        let target = self.is_target(job);
        let own = self.stale(job, keys, View::Own);
        let base = if self.is_based(job) { Some(self.stale(job, keys, View::Base)) } else { None };
        let why = match (own, base) {
            (own, Some(None)) => {
                // The label's own serves only where the base's bytes are gone.
                if own.is_none() && self.keeps_own(job, forced.is_some()) {
                    return Ok(Decision::Valid);
                }
                let lost = if forced.is_some() { self.gone(job, View::Base) } else { self.lost(job, View::Base) };
                match lost {
                    None => return Ok(Decision::Inherited),
                    Some(lost) => lost,
                }
            }
            (None, _) => match forced.cloned().or_else(|| if target { self.lost(job, View::Own) } else { None }) {
                None => return Ok(Decision::Valid),
                Some(lost) => lost,
            },
            // Compared with the base, which is what a change is measured by.
            (Some(_), Some(Some(base))) if self.has_all(job, View::Base) => base,
            (Some(own), _) => own,
        };
        if matches!(why, Reason::Expired { .. }) {
            return Ok(Decision::Run { why });
        }
        let bytes_matter = target || forced.is_some();
        Ok(match self.reusable(job, keys, bytes_matter)? {
            Some(made) => Decision::Reuse { made, why },
            None => Decision::Run { why },
        })
    }

    /// What stands against using what a label's base stands for, where no job of the label reads it: the label's own where that is right, or
    /// why the base's is stale.
    pub fn serve(&self, job: JobIx, keys: Option<&Keys>) -> Served {
        let unknown = Reason::Changed { differences: Vec::new() };
        let Some(keys) = keys else { return Served::Stale(unknown) };
        let own_is_right = || self.stale(job, keys, View::Own).is_none();
        match self.stale(job, keys, View::Base) {
            None if own_is_right() && self.keeps_own(job, false) => Served::Kept,
            None => Served::Right,
            Some(why) if own_is_right() => Served::Own(why),
            Some(why) => Served::Stale(why),
        }
    }

    /// Whether a label's base is right, and has its bytes again, now that a job of the label made the same: they may lie at the same place.
    pub fn has_base_again(&self, job: JobIx, keys: &Keys) -> bool {
        if !self.is_based(job) || self.stale(job, keys, View::Base).is_some() {
            return false;
        }
        let outputs = self.instance(job).outputs.iter().filter_map(|node| self.current(*node, View::Base));
        outputs.for_each(|current| self.forget(&current.snapshot));
        self.gone(job, View::Base).is_none()
    }

    /// Why what is only read is not what this key would give.
    pub fn stale_as_it_stands(&self, job: JobIx, keys: Option<&Keys>) -> Option<Reason> {
        match keys {
            Some(keys) => self.stale(job, keys, View::Either),
            None => Some(Reason::Changed { differences: Vec::new() }),
        }
    }

    /// Whether what is inherited can be handed over, where it is asked for.
    pub fn lost_in_base(&self, job: JobIx) -> Option<Reason> {
        self.lost(job, View::Base)
    }

    fn has_all(&self, job: JobIx, view: View) -> bool {
        self.instance(job).outputs.iter().all(|node| self.current(*node, view).is_some())
    }

    /// Whether something shows through for all of a job's outputs.
    pub fn has_beneath(&self, job: JobIx) -> bool {
        self.has_all(job, View::Base)
    }

    /// Whether all outputs of a job that is only read stand for something.
    pub fn stands(&self, job: JobIx) -> bool {
        self.has_all(job, View::Either)
    }

    /// Which of a job's target outputs lost its bytes.
    fn lost(&self, job: JobIx, view: View) -> Option<Reason> {
        let outputs = self.instance(job).outputs.iter().filter(|node| self.targets.contains(node));
        self.first_gone(outputs.filter_map(|node| self.current(*node, view).map(|current| &current.snapshot)))
    }

    /// Which of a job's outputs lost its bytes, asked for or not.
    fn gone(&self, job: JobIx, view: View) -> Option<Reason> {
        let outputs = self.instance(job).outputs.iter();
        self.first_gone(outputs.filter_map(|node| self.current(*node, view).map(|current| &current.snapshot)))
    }

    /// Of two that are right: whether the label's own has bytes where the base's are gone, and all that are needed: those of `all` outputs, or
    /// of the targets among them.
    fn keeps_own(&self, job: JobIx, all: bool) -> bool {
        let there = |node: NodeIx, view| self.current(node, view).is_some_and(|c| self.condition(&c.snapshot) == Condition::Intact);
        let outputs = &self.instance(job).outputs;
        outputs.iter().any(|node| !there(*node, View::Base) && there(*node, View::Own))
            && outputs.iter().all(|node| !(all || self.targets.contains(node)) || there(*node, View::Own))
    }

    fn first_gone<'s>(&self, snapshots: impl Iterator<Item = &'s Snapshot>) -> Option<Reason> {
        snapshots.map(|snapshot| self.condition(snapshot)).find_map(|condition| match condition {
            Condition::Intact => None,
            Condition::Gone => Some(Reason::BytesGone),
            Condition::Damaged => Some(Reason::BytesDamaged),
        })
    }

    /// An earlier run under the same key in the same repositories: bytes that are there before bytes that are gone, then the bases' before the
    /// label's own before others', then the earliest.
    fn reusable(&self, job: JobIx, keys: &Keys, bytes_matter: bool) -> catalog::Result<Option<Made>> {
        let outputs = self.outputs(job);
        let Some(label) = outputs.first().map(|o| o.label.clone()) else { return Ok(None) };
        let chain = self.program.bases.chain(&label);
        let limit = self.formula(job).recipe.volatile;
        let mut all = self.reader.made_under(&[keys.key])?.pop().unwrap_or_default();
        all.retain(|made| {
            let same_place = made.outputs.len() == outputs.len()
                && made.outputs.iter().zip(&outputs).all(|(s, o)| s.identity.repository == o.repository && s.identity.class == o.class);
            let fresh = limit.is_none_or(|limit| made.outputs.iter().all(|s| (self.now - s.made) as f64 / 1000.0 <= limit));
            same_place && fresh && !self.passed_over.contains(&made.run) && (!made.effect || made.label == label)
        });
        let rank = |of: &Name| chain.iter().position(|base| base == of).unwrap_or(chain.len() + usize::from(*of != label));
        all.sort_by_key(|made| (!self.intact(made), rank(&made.label), made.run));
        Ok(all.into_iter().find(|made| !bytes_matter || self.intact(made)))
    }

    fn intact(&self, made: &Made) -> bool {
        made.outputs.iter().all(|s| self.condition(s) == Condition::Intact)
    }

    /// Fills in what differs, where a reason says only that something does.
    pub fn explain(&self, job: JobIx, reason: &mut Reason) -> catalog::Result<()> {
        match reason {
            Reason::Changed { differences } if differences.is_empty() => {
                let based = self.is_based(job) && self.has_all(job, View::Base);
                let view = if based { View::Base } else { View::Own };
                let made_by = self.instance(job).outputs.iter().find_map(|n| self.current(*n, view)?.snapshot.origin.run());
                if let Some(run) = made_by
                    && let Some(run) = self.reader.runs(&[run])?.first()
                {
                    *differences = manifest::differences(&manifest::recorded(run), &self.describe(job));
                    // Inputs that are not decided yet cannot be compared.
                    if self.keys(job).is_none() {
                        differences.retain(|difference| !difference.part.starts_with("input "));
                    }
                }
                Ok(())
            }
            Reason::Sibling { because, .. } => self.explain(job, because),
            _ => Ok(()),
        }
    }
}

impl Settled {
    pub fn of(snapshot: Snapshot) -> Self {
        Self { content: snapshot.content, ending: ending(&snapshot.path), snapshot: Some(snapshot) }
    }
}

/// The ending of a path's last part: `csv`, `csv.gz`; nothing for a folder or a name without one.
pub fn ending(path: &str) -> String {
    recipe::ending(path).to_string()
}

fn values_read(program: &Program, graph: &Graph, job: &Instance, looks: &[recipe::Read]) -> BTreeMap<String, serde_json::Value> {
    let formula = &program.formulas[job.formula];
    let label = job.outputs.first().map(|n| graph.nodes[n.0 as usize].identity.label.clone());
    let mut expanded = Vec::new();
    for (input, parts) in formula.inputs.iter().zip(&job.inputs) {
        for part in parts {
            expanded.extend(input.expands.iter().copied().zip(part.values.iter().cloned()));
        }
    }
    recipe::values_read(program, formula, looks, &job.binding, label.as_deref().unwrap_or(""), &expanded)
}
