//! What a right build is, on random programs, changes and accidents:
//!
//! - after a build every target stands for what a build from nothing gives;
//! - a plan right after says that nothing is to do;
//! - what a plan calls valid is not run by the build that follows it, and its bounds hold;
//! - all of this though sources change and vanish, recipes change, bytes get lost, jobs fail.
//!
//! Jobs are functions here: what one makes follows from its recipe and its inputs' contents; a lossy one drops most of them, so that
//! early cutoff happens. No disk, no processes: the real compiler, resolver, judge, scheduler and catalog.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Mutex;

use formake::catalog::sqlite::SqliteCatalog;
use formake::catalog::{Actor, Applied, Catalog, Change, Current, Looked, NewSnapshot, Reader, Snapshot};
use formake::digest::{ContentHash, of_bytes};
use formake::executor::Cancel;
use formake::formula::program::{Kind as RecipeKind, Program, Source};
use formake::formula::{Files, Settings, compile};
use formake::identity::{Binding, Identity};
use formake::plan::{self, Bytes, Condition, Judge, Observed, Settled, SourceState, Standings};
use formake::resolve::{JobIx, NodeIx, Offer, Origin, Resolver, Standing, World};
use formake::run::{self, Event, Failure, Scheduler, Summary, Task, Workshop};
use formake::store::{Kind, Stamp};
use formake::validity::{Keys, Recipes};
use proptest::prelude::*;

const DAYS: i64 = 4;

/// How a class reads an earlier one.
#[derive(Clone, Copy, Debug)]
enum Reads {
    SameDay,
    DayBefore,
    Window,
    Latest,
    AllStores,
}

#[derive(Clone, Debug)]
struct Class {
    inputs: Vec<(usize, Reads)>,
    recipe: u8,
    lossy: bool,
    rolling: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Write { source: usize, day: i64, content: u8 },
    Remove { source: usize, day: i64 },
    Recipe { class: usize, recipe: u8 },
    LoseBytes { which: usize },
    Build { fail: Option<usize>, keep_going: bool },
}

const SOURCES: usize = 2;

fn name(at: usize) -> String {
    if at < SOURCES { format!("s{at}") } else { format!("c{}", at - SOURCES) }
}

fn text(classes: &[Class]) -> String {
    let mut all = String::new();
    for source in 0..SOURCES {
        all.push_str(&format!("source (s{source}, <DATE>, prod, dl) from \"s{source}/<DATE>\"\n"));
    }
    for (at, class) in classes.iter().enumerate() {
        let own = name(SOURCES + at);
        let mut inputs: Vec<String> = Vec::new();
        if class.rolling {
            inputs.push(format!("({own}, <DATE-1d>, prod, dl)?"));
        }
        for (slot, (from, reads)) in class.inputs.iter().enumerate() {
            let from = name(*from);
            inputs.push(match reads {
                Reads::SameDay => format!("({from}, <DATE>, prod, dl) as i{slot}"),
                Reads::DayBefore => format!("({from}, <DATE-1d>, prod, dl)? as i{slot}"),
                Reads::Window => format!("({from}, <any W{slot} in DATE-2d..DATE>, prod, dl) as i{slot}"),
                Reads::Latest => format!("({from}, <latest L{slot} in DATE-2d..DATE>, prod, dl) as i{slot}"),
                Reads::AllStores => format!("({from}, <any A{slot} in 2024-01-01..2024-01-0{DAYS}>, prod, dl) as i{slot}"),
            });
        }
        let since = if class.rolling { "\n since 2024-01-01" } else { "" };
        all.push_str(&format!(
            "{}\n -> ({own}, <DATE>, prod, dl) {{\n run \"{} {}\"{since}\n}}\n",
            inputs.join(" + "),
            class.recipe,
            if class.lossy { "lossy" } else { "all" },
        ));
    }
    all
}

struct OneFile(String);

impl Files for OneFile {
    fn read(&self, _: &str) -> io::Result<String> {
        Ok(self.0.clone())
    }
    fn hash(&self, _: &str) -> io::Result<ContentHash> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn exists(&self, path: &str) -> bool {
        path == "pipeline.formula"
    }
    fn glob(&self, pattern: &str) -> io::Result<Vec<String>> {
        Ok(vec![pattern.to_string()])
    }
}

/// Source files, and the bytes of everything that was made.
#[derive(Default)]
struct Disk {
    files: BTreeMap<String, u8>,
    bytes: Mutex<BTreeSet<(String, ContentHash)>>,
}

impl Disk {
    fn file(&self, source: &Source, binding: &Binding) -> Option<(String, u8)> {
        let path = source.from.as_ref()?.render(binding)?;
        self.files.get(&path).map(|content| (path.clone(), *content))
    }
}

impl Bytes for Disk {
    fn condition(&self, snapshot: &Snapshot) -> Condition {
        let there = if snapshot.stored {
            self.bytes.lock().expect("a lock").contains(&(snapshot.identity.to_string(), snapshot.content))
        } else {
            self.files.get(&snapshot.path).is_some_and(|content| of_bytes(&[*content]) == snapshot.content)
        };
        if there { Condition::Intact } else { Condition::Gone }
    }
}

struct Outside<'a> {
    disk: &'a Disk,
    catalog: &'a SqliteCatalog,
}

impl World for Outside<'_> {
    fn source(&self, source: &Source, binding: &Binding, identity: &Identity) -> Offer {
        if self.disk.file(source, binding).is_some() {
            Offer::There
        } else if self.catalog.sourced(&identity.class).expect("a catalog").contains(identity) {
            Offer::Vanished
        } else {
            Offer::Missing { path: String::new() }
        }
    }
    fn source_instances(&self, source: &Source) -> Vec<Binding> {
        let from = source.from.as_ref().expect("a path");
        let mut all: Vec<Binding> = self.disk.files.keys().filter_map(|path| from.matches(path, source.variables.len())).collect();
        for identity in self.catalog.sourced(&source.pattern.class).expect("a catalog") {
            let mut binding = source.pattern.blank();
            if source.pattern.unify(&identity, &mut binding).is_ok() {
                all.push(binding);
            }
        }
        all.sort();
        all.dedup();
        all
    }
    fn standing(&self, _: &Identity) -> Standing {
        Standing::Nothing
    }
    fn published(&self, _: &str) -> Vec<Identity> {
        Vec::new()
    }
}

/// Makes outputs out of thin air; what a task will make stands in its folder's name.
struct Maker<'a> {
    disk: &'a Disk,
    /// The class whose jobs fail.
    fail: Option<String>,
}

impl Workshop for Maker<'_> {
    fn prepare(&self, judge: &Judge<'_>, job: JobIx, _: &Keys, attempt: u32) -> Result<Task, Failure> {
        let RecipeKind::Run { text } = &judge.formula(job).recipe.kind else { panic!("only run") };
        let mut read = Vec::new();
        for part in judge.instance(job).inputs.iter().flatten() {
            let settled = judge.settled[part.node.0 as usize].as_ref().expect("inputs are settled");
            let snapshot = settled.snapshot.as_ref().expect("inputs are recorded");
            assert_eq!(self.disk.condition(snapshot), Condition::Intact, "a job reads bytes that are there");
            read.extend_from_slice(&settled.content.0);
        }
        if text.ends_with("lossy") {
            read = vec![of_bytes(&read).0[0] % 2];
        }
        read.extend_from_slice(text.as_bytes());
        let outputs = judge.outputs(job);
        Ok(Task {
            job,
            attempt,
            started: 0,
            folder: of_bytes(&read).to_hex(),
            work: None,
            made: None,
            reads: Vec::new(),
            outputs,
            against: Vec::new(),
        })
    }

    fn make(&self, task: &Task, _: &Cancel) -> Result<Vec<NewSnapshot>, Failure> {
        if self.fail.as_deref() == Some(&*task.outputs[0].class) {
            return Err(Failure { message: "it was told to".into(), ..Failure::default() });
        }
        let content = ContentHash::from_hex(&task.folder).expect("a hash");
        let made = task.outputs.iter().map(|identity| {
            self.disk.bytes.lock().expect("a lock").insert((identity.to_string(), content));
            snapshot(identity, content, "made", true)
        });
        Ok(made.collect())
    }

    fn seal(&self, _: &[&NewSnapshot]) -> Result<(), String> {
        Ok(())
    }

    fn clear(&self, _: &Task) {}
}

fn snapshot(identity: &Identity, content: ContentHash, path: &str, stored: bool) -> NewSnapshot {
    let identity = identity.clone();
    NewSnapshot {
        identity,
        content,
        kind: Kind::File,
        bytes: 1,
        files: 1,
        path: path.into(),
        stored,
        stamp: Stamp(1),
        looked: Looked::default(),
    }
}

fn clock() -> i64 {
    0
}

struct Built {
    summary: Summary,
    plan: plan::Plan,
    ran: BTreeSet<Identity>,
    /// By target; blocked and failed ones have none.
    contents: BTreeMap<Identity, ContentHash>,
}

/// Plans, and where `maker` is given, builds.
fn build(
    program: &Program,
    disk: &Disk,
    catalog: &SqliteCatalog,
    targets: &[Identity],
    maker: Option<&Maker<'_>>,
    keep_going: bool,
) -> Built {
    let outside = Outside { disk, catalog };
    let mut resolver = Resolver::new(program, &outside);
    for target in targets {
        resolver.node(target);
    }
    let graph = resolver.finish(targets);
    let recipes = Recipes::new(program, &BTreeMap::new());
    let standings = Standings::read(program, &graph, catalog).expect("standings");
    let mut judge = Judge::new(program, &graph, &recipes, catalog, disk, 0, standings).expect("a judge");
    let mut observed = HashMap::new();
    let mut changes = Vec::new();
    let mut nodes = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let Origin::Source { source, binding } = &node.origin else { continue };
        let recorded = judge.standings.own[index].current.as_ref().map(|c| c.snapshot.clone());
        let seen = match (disk.file(&program.sources[*source], binding), recorded) {
            (None, recorded) => Observed { state: SourceState::Vanished, settled: recorded.map(Settled::of) },
            (Some((_, content)), Some(old)) if old.content == of_bytes(&[content]) => {
                Observed { state: SourceState::Unchanged, settled: Some(Settled::of(old)) }
            }
            (Some((path, content)), old) => {
                let content = of_bytes(&[content]);
                changes.push(Change::Source(Box::new(snapshot(&node.identity, content, &path, false))));
                nodes.push(index);
                let state = if old.is_some() { SourceState::Changed } else { SourceState::New };
                Observed { state, settled: Some(Settled { content, snapshot: None, ending: String::new() }) }
            }
        };
        observed.insert(NodeIx(index as u32), seen);
    }
    let draft = plan::build::build(&mut judge, &observed, &plan::Options { jobs: 2, fresh: false }).expect("a plan");
    let plan = draft.plan.clone();
    let mut ran = BTreeSet::new();
    let mut summary = Summary::default();
    if let Some(maker) = maker {
        let actor = Actor { user: "u".into(), host: "h".into(), command: "c".into() };
        let applied = catalog.commit(&actor, 0, &changes).expect("committed");
        for (index, applied) in nodes.into_iter().zip(applied) {
            let Applied::Snapshot(id) = applied else { panic!("a snapshot") };
            let snapshot = catalog.snapshots(&[id]).expect("read").remove(0);
            judge.settled[index] = Some(Settled::of(snapshot.clone()));
            judge.standings.own[index].current = Some(Current { snapshot, key: None, fixed: None, shape: None, saw: None, since: 0 });
        }
        let options =
            run::Options { jobs: 2, keep_going, capacity: BTreeMap::from([("cpu".into(), 2)]), actor, clock, may_run: None, warnings: 0 };
        let started = RefCell::new(&mut ran);
        let mut events = |event: &Event| {
            if let Event::JobStarted { outputs, .. } = event {
                started.borrow_mut().extend(outputs.iter().cloned());
            }
        };
        let cancel = Cancel::new();
        summary = Scheduler::new(judge, draft, catalog, maker, &options, &cancel, &mut events).run().expect("a run");
    }
    let standings = catalog.standings(targets).expect("read");
    let blocked: BTreeSet<&Identity> =
        plan.steps.iter().filter(|s| matches!(s.action, plan::Action::Blocked { .. })).map(|s| &s.identity).collect();
    let contents = targets.iter().zip(standings).filter(|(t, _)| !blocked.contains(t));
    let contents = contents.filter_map(|(t, s)| Some((t.clone(), s.current?.snapshot.content))).collect();
    Built { summary, plan, ran, contents }
}

fn program(classes: &[Class]) -> Program {
    let text = text(classes);
    let compiled = compile(&OneFile(text.clone()), &Settings::default());
    assert!(compiled.diagnostics.is_empty(), "{text}\n{:#?}", compiled.diagnostics);
    compiled.program
}

fn all_targets(program: &Program, classes: &[Class], disk: &Disk, catalog: &SqliteCatalog) -> Vec<Identity> {
    let outside = Outside { disk, catalog };
    let mut resolver = Resolver::new(program, &outside);
    let mut all = Vec::new();
    for at in 0..classes.len() {
        let target = format!("{}@2024-01-01..2024-01-0{DAYS}", name(SOURCES + at));
        let target = formake::identity::target::Target::parse(&target).expect("a target");
        all.extend(resolver.select(&target, &"prod".into(), false).expect("identities").identities);
    }
    all
}

fn check(mut classes: Vec<Class>, steps: Vec<Step>) {
    let mut disk = Disk::default();
    let catalog = SqliteCatalog::open_in_memory().expect("a catalog");
    for step in steps {
        let (fail, keep_going) = match step {
            Step::Write { source, day, content } => {
                disk.files.insert(format!("s{source}/2024-01-0{day}"), content);
                continue;
            }
            Step::Remove { source, day } => {
                disk.files.remove(&format!("s{source}/2024-01-0{day}"));
                continue;
            }
            Step::Recipe { class, recipe } => {
                let count = classes.len();
                classes[class % count].recipe = recipe;
                continue;
            }
            Step::LoseBytes { which } => {
                let mut bytes = disk.bytes.lock().expect("a lock");
                let lost = (!bytes.is_empty()).then(|| bytes.iter().nth(which % bytes.len()).expect("one").clone());
                lost.map(|lost| bytes.remove(&lost));
                continue;
            }
            Step::Build { fail, keep_going } => (fail.map(|class| name(SOURCES + class % classes.len())), keep_going),
        };
        let program = program(&classes);
        let targets = all_targets(&program, &classes, &disk, &catalog);
        let maker = Maker { disk: &disk, fail };
        let built = build(&program, &disk, &catalog, &targets, Some(&maker), keep_going);
        for step in &built.plan.steps {
            if matches!(step.action, plan::Action::Valid { .. } | plan::Action::Reuse { .. }) {
                assert!(!built.ran.contains(&step.identity), "{} was called {:?}, and ran", step.identity, step.action);
            }
        }
        assert!(built.summary.ran + built.summary.failed <= built.plan.at_most, "{:?} {:?}", built.summary, built.plan);
        if built.summary.failed > 0 {
            continue;
        }
        assert!(built.summary.ran >= built.plan.at_least, "{:?} {:#?}", built.summary, built.plan);
        assert_eq!(built.summary.skipped, 0);
        let after = build(&program, &disk, &catalog, &targets, None, false);
        assert!(!after.plan.work_needed(), "a plan after a build: {:#?}", after.plan);
        assert_eq!(after.plan.counts.blocked, built.plan.counts.blocked.max(after.plan.counts.blocked));
        // From nothing: sources that vanished cannot be read any more, so only runs without them compare.
        let vanished = built.plan.steps.iter().any(|s| matches!(s.action, plan::Action::Source { state: SourceState::Vanished }));
        if !vanished {
            let fresh_disk = Disk { files: disk.files.clone(), bytes: Mutex::default() };
            let fresh = SqliteCatalog::open_in_memory().expect("a catalog");
            let maker = Maker { disk: &fresh_disk, fail: None };
            let from_nothing = build(&program, &fresh_disk, &fresh, &targets, Some(&maker), false);
            assert_eq!(built.contents, from_nothing.contents);
        }
    }
}

fn classes() -> impl Strategy<Value = Vec<Class>> {
    let reads = prop_oneof![Just(Reads::SameDay), Just(Reads::DayBefore), Just(Reads::Window), Just(Reads::Latest), Just(Reads::AllStores)];
    let class = (prop::collection::vec((any::<prop::sample::Index>(), reads), 1..3), 0..3u8, any::<bool>(), prop::bool::weighted(0.2));
    prop::collection::vec(class, 1..5).prop_map(|classes| {
        type Drawn = (Vec<(prop::sample::Index, Reads)>, u8, bool, bool);
        let class = |(at, (inputs, recipe, lossy, rolling)): (usize, Drawn)| {
            let mut inputs: Vec<(usize, Reads)> = inputs.into_iter().map(|(from, reads)| (from.index(SOURCES + at), reads)).collect();
            // Something must tell which days there are.
            if inputs.iter().all(|(_, reads)| matches!(reads, Reads::DayBefore | Reads::AllStores)) {
                inputs[0].1 = Reads::SameDay;
            }
            Class { inputs, recipe, lossy, rolling }
        };
        classes.into_iter().enumerate().map(class).collect()
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..SOURCES, 1..=DAYS, 0..3u8).prop_map(|(source, day, content)| Step::Write { source, day, content }),
        1 => (0..SOURCES, 1..=DAYS).prop_map(|(source, day)| Step::Remove { source, day }),
        2 => (any::<usize>(), 0..3u8).prop_map(|(class, recipe)| Step::Recipe { class, recipe }),
        2 => any::<usize>().prop_map(|which| Step::LoseBytes { which }),
        4 => (prop::option::weighted(0.2, any::<usize>()), any::<bool>()).prop_map(|(fail, keep_going)| Step::Build { fail, keep_going }),
    ];
    prop::collection::vec(step, 6..30).prop_map(|mut steps| {
        steps.push(Step::Build { fail: None, keep_going: false });
        steps
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_build_is_right(classes in classes(), steps in steps()) {
        check(classes, steps);
    }
}

#[test]
fn a_result_made_before_is_taken_again_and_a_failure_blocks() {
    let class = |from: usize| Class { inputs: vec![(from, Reads::SameDay)], recipe: 0, lossy: false, rolling: false };
    let mut classes = vec![class(0), class(SOURCES)];
    let disk = Disk { files: BTreeMap::from([("s0/2024-01-01".to_string(), 1)]), ..Disk::default() };
    let catalog = SqliteCatalog::open_in_memory().expect("a catalog");
    let target = |program: &Program| all_targets(program, &classes, &disk, &catalog)[4..5].to_vec();
    let maker = |fail: Option<&str>| Maker { disk: &disk, fail: fail.map(str::to_string) };
    let old = program(&classes);
    let targets = target(&old);
    assert_eq!(targets[0].to_string(), "c1@2024-01-01:prod/dl");
    let run = |program: &Program, fail| build(program, &disk, &catalog, &targets, Some(&maker(fail)), false);
    let failed = run(&old, Some("c0"));
    assert_eq!((failed.summary.failed, failed.summary.blocked, failed.summary.ran), (1, 1, 0));
    assert_eq!(run(&old, None).summary.ran, 2);
    classes[0].recipe = 1;
    let new = program(&classes);
    assert_eq!(run(&new, None).summary.ran, 2);
    let back = run(&old, None);
    assert_eq!((back.summary.ran, back.summary.reused), (0, 2));
    assert_eq!(run(&old, None).summary.valid, 2);
}
