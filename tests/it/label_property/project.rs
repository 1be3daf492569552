//! A made-up project: what a plan and a build do in a workspace, without a disk; and the model, which knows what everything should be.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use formake::catalog::sqlite::SqliteCatalog;
use formake::catalog::{Actor, Applied, Catalog, Change, Filter, Reader, Snapshot, SnapshotId};
use formake::digest::ContentHash;
use formake::executor::Cancel;
use formake::formula::program::{Bases, Program};
use formake::formula::{Settings, compile};
use formake::identity::Identity;
use formake::identity::target::Target;
use formake::plan::own::{keep_label, read_by_jobs};
use formake::plan::{self, Based, Draft, Judge, Observed, Recorded, Recording, Standings};
use formake::resolve::{Graph, JobIx, NodeIx, Origin, Resolver};
use formake::run::{self, Event, RunError, Scheduler, Summary};
use formake::validity::Recipes;

use super::text::{Branch, DAYS, LABELS, OneFile, SOURCES, name};
use super::world::{Disk, Maker, Mortal, Outside, made, new_snapshot};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub label: usize,
    /// Whose formulas.
    pub branch: usize,
    /// Which classes, all their days.
    pub classes: u8,
    pub fresh: bool,
}

/// How a build goes.
#[derive(Clone, Copy, Debug)]
pub struct How {
    pub fail: Option<usize>,
    pub keep_going: bool,
    /// Killed at this commit.
    pub killed: Option<usize>,
}

pub struct Project {
    pub disk: Disk,
    pub catalog: SqliteCatalog,
    /// By label.
    pub branches: Vec<Branch>,
    pub bases: Bases,
    /// What the last step built, if that is what it did.
    pub built: Option<Ask>,
    /// By text and label.
    pub compiled: RefCell<HashMap<(String, usize), Program>>,
}

/// A plan with what it was made from, and with the model's answers.
pub struct Planned {
    pub ask: Ask,
    pub program: Program,
    pub graph: Graph,
    pub plan: plan::Plan,
    pub based: Based,
    /// By node: whose label is only read.
    pub foreign: Vec<bool>,
    /// By job: what is known of its key before its inputs are.
    pub fixed: Vec<formake::digest::FixedHash>,
    /// By node: what a build from nothing gives.
    pub model: Vec<Option<ContentHash>>,
}

pub struct Built {
    pub planned: Planned,
    pub outcome: Result<Summary, RunError>,
    pub ran: BTreeSet<Identity>,
}

/// All pointers and holds.
pub struct Pointers {
    pub current: HashMap<Identity, Snapshot>,
    pub held: BTreeSet<Identity>,
}

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// Every moment is another one.
pub fn clock() -> i64 {
    NOW.with(|now| {
        now.set(now.get() + 1);
        now.get()
    })
}

pub fn actor() -> Actor {
    Actor { user: "u".into(), host: "h".into(), command: "c".into() }
}

impl Project {
    pub fn pointers(&self) -> Pointers {
        let listed = self.catalog.list(&Filter::default()).expect("read");
        let current = listed.into_iter().map(|l| (l.identity, l.snapshot)).collect();
        Pointers { current, held: self.catalog.holds().expect("read").into_iter().map(|(identity, ..)| identity).collect() }
    }

    pub fn base(&self, label: usize) -> Option<formake::identity::Name> {
        self.bases.of(LABELS[label])
    }

    pub fn program(&self, ask: &Ask) -> Program {
        let label = LABELS[ask.branch];
        let text = self.branches[ask.branch].text(label, self.base(ask.branch).as_deref().unwrap_or(label));
        let key = (text, ask.label);
        if let Some(known) = self.compiled.borrow().get(&key) {
            return known.clone();
        }
        let text = key.0.clone();
        let compiled = compile(&OneFile(text.clone()), &Settings { bases: self.bases.clone(), ..Settings::default() });
        assert!(compiled.diagnostics.is_empty(), "{text}\n{:#?}", compiled.diagnostics);
        let program = compiled.program.under([&LABELS[ask.label].into()]);
        self.compiled.borrow_mut().insert(key, program.clone());
        program
    }

    pub fn plan(&self, ask: &Ask) -> Planned {
        self.work(ask, &[], None).planned
    }

    /// The same for some identities.
    pub fn plan_of(&self, ask: &Ask, targets: &[Identity]) -> Planned {
        self.work(ask, targets, None).planned
    }

    pub fn build(&self, ask: &Ask, how: &How) -> Built {
        self.work(ask, &[], Some(how))
    }

    fn targets(&self, ask: &Ask, resolver: &mut Resolver<'_>) -> Vec<Identity> {
        let count = self.branches[ask.branch].classes.len();
        let mut classes: Vec<usize> = (0..count).filter(|class| ask.classes & (1 << class) != 0).collect();
        if classes.is_empty() {
            classes.extend(0..count);
        }
        let mut all = Vec::new();
        for class in classes {
            let target = format!("{}@2024-01-01..2024-01-0{DAYS}", name(SOURCES + class));
            let target = Target::parse(&target).expect("a target");
            all.extend(resolver.select(&target, &LABELS[ask.label].into(), false).expect("identities").identities);
        }
        all
    }

    fn work(&self, ask: &Ask, targets: &[Identity], how: Option<&How>) -> Built {
        let program = self.program(ask);
        let outside = Outside::new(&self.disk, &self.catalog, &self.bases);
        let mut resolver = Resolver::new(&program, &outside);
        let targets = if targets.is_empty() { self.targets(ask, &mut resolver) } else { targets.to_vec() };
        for target in &targets {
            resolver.node(target);
        }
        let graph = resolver.finish(&targets);
        let recipes = Recipes::new(&program, &BTreeMap::new());
        let standings = Standings::read(&program, &graph, &self.catalog).expect("standings");
        let seen = self.observe(&program, &graph, &standings);
        let foreign = standings.foreign.clone();
        let model = self.model(&program, &graph, &standings);
        let mut judge = Judge::new(&program, &graph, &recipes, &self.catalog, &self.disk, 0, standings).expect("a judge");
        let draft = plan::build::build(&mut judge, &seen, &plan::Options { jobs: 1, fresh: ask.fresh }).expect("a plan");
        let (plan, based) = (draft.plan.clone(), draft.based.clone());
        let fixed = (0..graph.jobs.len()).map(|job| judge.fixed(JobIx(job as u32))).collect();
        let mut ran = BTreeSet::new();
        let outcome = match how {
            Some(how) => self.run(judge, draft, &seen, how, &mut ran),
            None => Ok(Summary::default()),
        };
        Built { planned: Planned { ask: *ask, program, graph, plan, based, foreign, fixed, model }, outcome, ran }
    }

    fn observe(&self, program: &Program, graph: &Graph, standings: &Standings) -> HashMap<NodeIx, Observed> {
        let mut seen = HashMap::new();
        for (index, node) in graph.nodes.iter().enumerate() {
            let Origin::Source { source, binding } = &node.origin else { continue };
            let node = NodeIx(index as u32);
            let recorded = Recorded::of(standings, node);
            let observed = match self.disk.file(&program.sources[*source], binding) {
                None => Observed::vanished(&recorded),
                Some((path, content)) => Observed::now(&recorded, content, &path),
            };
            seen.insert(node, observed);
        }
        seen
    }

    /// What everything would be, made from nothing with today's sources: what vanished counts as it was recorded, what is held or published
    /// as it is, what is only read as it stands.
    fn model(&self, program: &Program, graph: &Graph, standings: &Standings) -> Vec<Option<ContentHash>> {
        let mut model: Vec<Option<ContentHash>> = Vec::new();
        for (index, node) in graph.nodes.iter().enumerate() {
            let stands = || {
                let (own, beneath) = (&standings.own[index].current, &standings.beneath[index]);
                let through = own.as_ref().or(beneath.as_ref().map(|beneath| &beneath.current));
                through.map(|current| current.snapshot.content)
            };
            model.push(match &node.origin {
                _ if standings.foreign[index] => stands(),
                Origin::Source { source, binding } => {
                    self.disk.file(&program.sources[*source], binding).map(|(_, content)| content).or_else(stands)
                }
                Origin::Published | Origin::Held => standings.leaf(index, &node.origin).map(|current| current.snapshot.content),
                Origin::Job { .. } | Origin::Blocked(_) => None,
            });
        }
        for job in &graph.jobs {
            let read: Option<Vec<ContentHash>> = job.inputs.iter().flatten().map(|part| model[part.node.0 as usize]).collect();
            let Some(read) = read else { continue };
            let recipe = &program.formulas[job.formula].recipe.kind;
            for output in &job.outputs {
                if model[output.0 as usize].is_none() {
                    let label = &graph.nodes[output.0 as usize].identity.label;
                    model[output.0 as usize] = Some(made(recipe, label, read.iter().copied()));
                }
            }
        }
        model
    }

    /// What a workspace does once it has a plan.
    fn run(
        &self,
        mut judge: Judge<'_>,
        draft: Draft,
        seen: &HashMap<NodeIx, Observed>,
        how: &How,
        ran: &mut BTreeSet<Identity>,
    ) -> Result<Summary, RunError> {
        let catalog = Mortal { catalog: &self.catalog, left: Cell::new(how.killed.unwrap_or(usize::MAX)) };
        let read = read_by_jobs(&judge, &draft);
        let mut nodes: Vec<NodeIx> = seen.keys().copied().filter(|node| self.file_of(&judge, *node).is_some()).collect();
        nodes.retain(|node| Recording::of(&judge, *node, seen[node].state, &read) == Recording::Bytes);
        nodes.sort();
        let mut changes: Vec<Change> = Vec::new();
        for node in &nodes {
            let Some((path, content)) = self.file_of(&judge, *node) else { continue };
            changes.push(Change::Source(Box::new(new_snapshot(judge.identity(*node), content, &path, false))));
        }
        changes.extend(judge.saw(&nodes));
        if !changes.is_empty() {
            let applied = catalog.commit(&actor(), clock(), &changes)?;
            for (node, applied) in nodes.into_iter().zip(applied) {
                let Applied::Snapshot(id) = applied else { panic!("a snapshot") };
                let snapshot = catalog.snapshots(&[id])?.remove(0);
                judge.recorded(node, snapshot);
            }
        }
        let moves = keep_label(&judge, &draft, &read);
        if !moves.is_empty() {
            catalog.commit(&actor(), clock(), &moves)?;
        }
        let capacity = BTreeMap::from([("cpu".into(), 1)]);
        let options = run::Options { jobs: 1, keep_going: how.keep_going, capacity, actor: actor(), clock, may_run: None, warnings: 0 };
        let started = RefCell::new(ran);
        let mut events = |event: &Event| {
            if let Event::JobStarted { outputs, .. } = event {
                started.borrow_mut().extend(outputs.iter().cloned());
            }
        };
        let maker = Maker { disk: &self.disk, fail: how.fail.map(|class| name(SOURCES + class)) };
        let cancel = Cancel::new();
        Scheduler::new(judge, draft, &catalog, &maker, &options, &cancel, &mut events).run()
    }

    fn file_of(&self, judge: &Judge<'_>, node: NodeIx) -> Option<(String, ContentHash)> {
        let Origin::Source { source, binding } = &judge.graph.nodes[node.0 as usize].origin else { return None };
        self.disk.file(&judge.program.sources[*source], binding)
    }

    /// Takes something in by hand.
    pub fn publish(&self, identity: &Identity, content: ContentHash, hold: bool) -> SnapshotId {
        let snapshot = Box::new(self.disk.keep(identity, content));
        let mut changes = vec![Change::Publish { snapshot, hold: hold.then(|| "by hand".to_string()) }];
        let chain = self.bases.chain(&identity.label);
        if !chain.is_empty() {
            let base = self.pointers().through(&identity.under(&chain[0]), &self.bases).map(|(_, snapshot)| snapshot.id);
            changes.push(Change::Saw { identity: identity.clone(), base });
        }
        match self.catalog.commit(&actor(), clock(), &changes).expect("committed").remove(0) {
            Applied::Snapshot(id) => id,
            other => panic!("{other:?}"),
        }
    }
}

impl Pointers {
    /// What an identity stands for, and whose pointer says so.
    pub fn through(&self, identity: &Identity, bases: &Bases) -> Option<(Identity, &Snapshot)> {
        let own = std::iter::once(identity.clone());
        for identity in own.chain(bases.chain(&identity.label).into_iter().map(|base| identity.under(&base))) {
            if let Some(snapshot) = self.current.get(&identity) {
                return Some((identity, snapshot));
            }
            if self.held.contains(&identity) {
                return None;
            }
        }
        None
    }
}
