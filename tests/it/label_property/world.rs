//! The outside of a made-up project: source files, the bytes of what was made, jobs that are functions, a catalog that a kill cuts off.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Mutex;

use formake::catalog::sqlite::SqliteCatalog;
use formake::catalog::*;
use formake::digest::{ContentHash, Fingerprint, FixedHash, Key, of_bytes};
use formake::executor::Cancel;
use formake::formula::program::{Bases, Kind as RecipeKind, Source};
use formake::identity::{Binding, Identity, Name};
use formake::plan::{Bytes, Condition, Judge};
use formake::resolve::{JobIx, Offer, Standing as Said, World};
use formake::run::{Failure, Task, Workshop};
use formake::store::{Kind, Stamp};
use formake::validity::Keys;

/// Source files, and the bytes of everything that was made or taken in, by their path in the store.
#[derive(Default)]
pub struct Disk {
    pub files: BTreeMap<String, u8>,
    pub bytes: Mutex<BTreeSet<String>>,
    /// Whether every label keeps its own bytes.
    pub apart: bool,
}

impl Disk {
    pub fn file(&self, source: &Source, binding: &Binding) -> Option<(String, ContentHash)> {
        let path = source.from.as_ref()?.render(binding)?;
        self.files.get(&path).map(|content| (path.clone(), of_bytes(&[*content])))
    }

    /// Takes bytes into the store.
    pub fn keep(&self, identity: &Identity, content: ContentHash) -> NewSnapshot {
        let label = if self.apart { &*identity.label } else { "" };
        let path = format!("{}/{}/{}{label}", identity.class, identity.instance, content.to_hex());
        self.bytes.lock().expect("a lock").insert(path.clone());
        new_snapshot(identity, content, &path, true)
    }
}

pub fn new_snapshot(identity: &Identity, content: ContentHash, path: &str, stored: bool) -> NewSnapshot {
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

impl Bytes for Disk {
    fn condition(&self, snapshot: &Snapshot) -> Condition {
        if snapshot.stored {
            let there = self.bytes.lock().expect("a lock").contains(&snapshot.path);
            return if there { Condition::Intact } else { Condition::Gone };
        }
        match self.files.get(&snapshot.path) {
            None => Condition::Gone,
            Some(content) if of_bytes(&[*content]) == snapshot.content => Condition::Intact,
            Some(_) => Condition::Damaged,
        }
    }
}

/// What resolving sees.
pub struct Outside<'a> {
    disk: &'a Disk,
    catalog: &'a SqliteCatalog,
    bases: &'a Bases,
    holds: HashMap<Identity, bool>,
    published: RefCell<HashMap<String, Rc<HashSet<Identity>>>>,
    sourced: RefCell<HashMap<String, Rc<HashSet<Identity>>>>,
}

impl<'a> Outside<'a> {
    pub fn new(disk: &'a Disk, catalog: &'a SqliteCatalog, bases: &'a Bases) -> Self {
        let holds = catalog.holds().expect("read").into_iter().map(|(identity, _, current)| (identity, current.is_some())).collect();
        Self { disk, catalog, bases, holds, published: RefCell::default(), sourced: RefCell::default() }
    }

    fn sourced(&self, class: &str) -> Rc<HashSet<Identity>> {
        let read = || Rc::new(self.catalog.sourced(class).expect("read").into_iter().collect());
        self.sourced.borrow_mut().entry(class.into()).or_insert_with(read).clone()
    }

    fn by_hand(&self, class: &str) -> Rc<HashSet<Identity>> {
        let read = || Rc::new(self.catalog.published(class).expect("read").into_iter().collect());
        self.published.borrow_mut().entry(class.into()).or_insert_with(read).clone()
    }
}

impl World for Outside<'_> {
    fn source(&self, source: &Source, binding: &Binding, identity: &Identity) -> Offer {
        let recorded = self.sourced(&identity.class);
        if self.disk.file(source, binding).is_some() {
            Offer::There
        } else if recorded.contains(identity)
            || self.bases.chain(&identity.label).iter().any(|base| recorded.contains(&identity.under(base)))
        {
            Offer::Vanished
        } else {
            Offer::Missing { path: String::new() }
        }
    }

    fn source_instances(&self, source: &Source) -> Vec<Binding> {
        let from = source.from.as_ref().expect("a path");
        let mut all: Vec<Binding> = self.disk.files.keys().filter_map(|path| from.matches(path, source.variables.len())).collect();
        let chain = self.bases.chain(&source.pattern.label);
        for identity in self.sourced(&source.pattern.class).iter() {
            let mut binding = source.pattern.blank();
            let shows_through = if chain.contains(&identity.label) { identity.under(&source.pattern.label) } else { identity.clone() };
            if source.pattern.unify(&shows_through, &mut binding).is_ok() {
                all.push(binding);
            }
        }
        all.sort();
        all.dedup();
        all
    }

    fn standing(&self, identity: &Identity) -> Said {
        match self.holds.get(identity) {
            Some(true) => Said::Held,
            Some(false) => Said::HeldEmpty { because: "rolled back".into() },
            None if self.by_hand(&identity.class).contains(identity) => Said::Published,
            None => Said::Nothing,
        }
    }

    fn published(&self, class: &str) -> Vec<Identity> {
        self.catalog.published(class).expect("read")
    }
}

/// What a job makes: it follows from its recipe and from what it reads. A lossy one drops most of that.
pub fn made(recipe: &RecipeKind, label: &str, read: impl Iterator<Item = ContentHash>) -> ContentHash {
    let RecipeKind::Run { text } = recipe else { panic!("only run") };
    let mut all: Vec<u8> = read.flat_map(|content| content.0).collect();
    if text.contains("lossy") {
        all = vec![of_bytes(&all).0[0] % 2];
    }
    all.extend_from_slice(text.as_bytes());
    if text.contains("label") {
        all.extend_from_slice(label.as_bytes());
    }
    of_bytes(&all)
}

/// Makes outputs out of thin air; what a task will make stands in its folder's name.
pub struct Maker<'a> {
    pub disk: &'a Disk,
    /// The class whose jobs fail.
    pub fail: Option<String>,
}

impl Workshop for Maker<'_> {
    fn prepare(&self, judge: &Judge<'_>, job: JobIx, _: &Keys, attempt: u32) -> Result<Task, Failure> {
        let mut read = Vec::new();
        for part in judge.instance(job).inputs.iter().flatten() {
            let settled = judge.settled[part.node.0 as usize].as_ref().expect("inputs are settled");
            let snapshot = settled.snapshot.as_ref().expect("inputs are recorded");
            assert_eq!(
                self.disk.condition(snapshot),
                Condition::Intact,
                "{} reads bytes that are there: {snapshot:?}",
                judge.outputs(job)[0]
            );
            read.push(settled.content);
        }
        let outputs = judge.outputs(job);
        let content = made(&judge.formula(job).recipe.kind, &outputs[0].label, read.into_iter());
        Ok(Task {
            job,
            attempt,
            started: 0,
            folder: content.to_hex(),
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
        Ok(task.outputs.iter().map(|identity| self.disk.keep(identity, content)).collect())
    }

    fn seal(&self, _: &[&NewSnapshot]) -> Result<(), String> {
        Ok(())
    }

    fn clear(&self, _: &Task) {}
}

/// A catalog that takes so many commits and then none, as if the build had been killed.
pub struct Mortal<'a> {
    pub catalog: &'a SqliteCatalog,
    pub left: Cell<usize>,
}

impl Catalog for Mortal<'_> {
    fn commit(&self, actor: &Actor, now: Timestamp, changes: &[Change]) -> Result<Vec<Applied>> {
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(CatalogError::Unusable { path: String::new(), reason: "killed".into() });
        };
        self.left.set(left);
        self.catalog.commit(actor, now, changes)
    }
}

macro_rules! read_through {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl Reader for Mortal<'_> {
            $(fn $name(&self, $($argument: $type),*) -> Result<$answer> { self.catalog.$name($($argument),*) })*
        }
    };
}

read_through! {
    standings(identities: &[Identity]) -> Vec<Standing>;
    snapshots(ids: &[SnapshotId]) -> Vec<Snapshot>;
    runs(ids: &[RunId]) -> Vec<Run>;
    made_under(keys: &[Key]) -> Vec<Vec<Made>>;
    fixed_known(fixed: &[FixedHash]) -> Vec<bool>;
    made_with(recipe: Fingerprint, labels: &[Name]) -> bool;
    list(filter: &Filter) -> Vec<Listed>;
    earlier(identity: &Identity, most: usize) -> Vec<(Identity, Snapshot)>;
    published(class: &str) -> Vec<Identity>;
    condemned() -> Vec<(Identity, ContentHash)>;
    holds() -> Vec<(Identity, Hold, Option<SnapshotId>)>;
    sourced(class: &str) -> Vec<Identity>;
    by_content(prefix: &str) -> Vec<Snapshot>;
    readers(ids: &[SnapshotId]) -> Vec<RunId>;
    last_run(identity: &Identity) -> Option<RunId>;
    costs() -> Vec<(String, Cost)>;
    labels() -> Vec<LabelSummary>;
    promotions(to: Option<&str>) -> Vec<Promotion>;
    blessings() -> Vec<Blessing>;
    looked(ids: &[SnapshotId]) -> Vec<Looked>;
    quarantined(class: Option<&str>) -> Vec<Quarantined>;
    stored() -> Vec<(Snapshot, bool)>;
    log(identity: Option<&Identity>) -> Vec<LogEntry>;
    classes() -> Vec<String>;
}
