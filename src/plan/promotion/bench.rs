//! A small project with a catalog in memory, in which a test says what was made from what, and what a plan says.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::{Asked, Back, LeftOut, Moving, PromotionPlan, Refusal, RollbackPlan, Stuck, Until, Why, promotion, rollback};
use crate::catalog::{
    self, Actor, Applied, Catalog, Change, Current, Looked, NewPromotion, NewRun, NewSnapshot, Outcome, PromotionId, PromotionKind,
    Snapshot, SnapshotId,
};
use crate::digest::{ContentHash, Fingerprint, FixedHash, Key, Shape, of_bytes};
use crate::formula::program::{Bases, Program, Source};
use crate::formula::{Files, Settings, compile};
use crate::identity::{Binding, Identity, Instance, Name};
use crate::plan::{Action, Bytes, Condition, Plan, SourceState, Step};
use crate::resolve::{Offer, Origin, Resolver, Standing, World};
use crate::store::{Kind, Stamp};
use crate::validity::Reason;

/// `class:label`, without an instance.
pub fn id(text: &str) -> Identity {
    let (class, label) = text.split_once(':').expect("class:label");
    Identity { class: class.into(), instance: Instance::new([]), label: label.into(), repository: "dl".into() }
}

pub struct Bench {
    pub catalog: Box<dyn Catalog>,
    program: Program,
    now: RefCell<i64>,
    runs: RefCell<u8>,
    /// What the plan says instead of what follows from the pointers, by `class:label`.
    pub says: BTreeMap<&'static str, Action>,
    pub gone: BTreeSet<SnapshotId>,
    pub effect: bool,
}

struct OneFile(String);

impl Files for OneFile {
    fn read(&self, _: &str) -> io::Result<String> {
        Ok(self.0.clone())
    }
    fn hash(&self, _: &str) -> io::Result<ContentHash> {
        Ok(of_bytes(self.0.as_bytes()))
    }
    fn exists(&self, path: &str) -> bool {
        path == "pipeline.formula"
    }
    fn glob(&self, pattern: &str) -> io::Result<Vec<String>> {
        Ok(vec![pattern.to_string()])
    }
}

impl World for Bench {
    fn source(&self, _: &Source, _: &Binding, _: &Identity) -> Offer {
        Offer::There
    }
    fn source_instances(&self, _: &Source) -> Vec<Binding> {
        Vec::new()
    }
    fn standing(&self, identity: &Identity) -> Standing {
        let standing = self.standing(identity);
        match (standing.hold, standing.current) {
            (Some(_), Some(_)) => Standing::Held,
            (Some(hold), None) => Standing::HeldEmpty { because: hold.because },
            (None, Some(current)) if current.snapshot.origin == crate::catalog::Origin::Published => Standing::Published,
            _ => Standing::Nothing,
        }
    }
    fn published(&self, class: &str) -> Vec<Identity> {
        self.catalog.published(class).expect("read")
    }
}

impl Bytes for Bench {
    fn condition(&self, snapshot: &Snapshot) -> Condition {
        if self.gone.contains(&snapshot.id) { Condition::Gone } else { Condition::Intact }
    }
}

/// What a run may have beside its inputs and outputs.
const NOTHING: &str = "{}";

impl Bench {
    /// `pr-*` falls through to `prod`, and that to `root`.
    pub fn new(formulas: &str) -> Self {
        let bases = Bases(vec![("pr-*".into(), Some("prod".into())), ("prod".into(), Some("root".into()))]);
        let settings = Settings { bases, ..Settings::default() };
        let compiled = compile(&OneFile(formulas.into()), &settings);
        assert!(compiled.diagnostics.is_empty(), "{:#?}", compiled.diagnostics);
        Self {
            catalog: catalog::in_memory(),
            program: compiled.program.under([&Name::from("pr-1")]),
            now: RefCell::new(0),
            runs: RefCell::new(0),
            says: BTreeMap::new(),
            gone: BTreeSet::new(),
            effect: false,
        }
    }

    pub fn commit(&self, changes: &[Change]) -> Vec<Applied> {
        *self.now.borrow_mut() += 1000;
        let actor = Actor { user: "alice".into(), host: "here".into(), command: "test".into() };
        self.catalog.commit(&actor, *self.now.borrow(), changes).expect("committed")
    }

    fn snapshot(&self, changes: &[Change]) -> SnapshotId {
        match self.commit(changes).swap_remove(0) {
            Applied::Run { outputs, .. } => outputs[0],
            Applied::Snapshot(id) => id,
            other => panic!("{other:?}"),
        }
    }

    fn standing(&self, identity: &Identity) -> crate::catalog::Standing {
        self.catalog.standings(std::slice::from_ref(identity)).expect("read").remove(0)
    }

    /// What an identity stands for, also through its base.
    fn current(&self, identity: &Identity) -> Option<Current> {
        let chain = self.program.bases.chain(&identity.label);
        let all = std::iter::once(identity.clone()).chain(chain.into_iter().map(|label| identity.under(&label)));
        all.into_iter().find_map(|identity| self.standing(&identity).current)
    }

    pub fn stands(&self, text: &str) -> Option<SnapshotId> {
        self.standing(&id(text)).current.map(|current| current.snapshot.id)
    }

    /// What is beneath an identity's label.
    fn beneath(&self, identity: &Identity) -> Option<SnapshotId> {
        let base = self.program.bases.of(&identity.label)?;
        self.current(&identity.under(&base)).map(|current| current.snapshot.id)
    }

    /// What a build of a label does when it keeps what it has: it says what its base stands for.
    pub fn look(&self, texts: &[&str]) {
        let saw = texts.iter().map(|text| Change::Saw { identity: id(text), base: self.beneath(&id(text)) });
        self.commit(&saw.collect::<Vec<_>>());
    }

    pub fn new_snapshot(text: &str, bytes: &str) -> NewSnapshot {
        NewSnapshot {
            identity: id(text),
            content: of_bytes(bytes.as_bytes()),
            kind: Kind::File,
            bytes: bytes.len() as u64,
            files: 1,
            path: format!("{text}/{bytes}"),
            stored: true,
            stamp: Stamp(1),
            looked: Looked::default(),
        }
    }

    /// A build read a source.
    pub fn read(&self, text: &str, bytes: &str) -> SnapshotId {
        let new = NewSnapshot { stored: false, path: "raw.csv".into(), ..Self::new_snapshot(text, bytes) };
        self.snapshot(&[Change::Source(Box::new(new))])
    }

    pub fn publish(&self, text: &str, bytes: &str, hold: Option<&str>) -> SnapshotId {
        let snapshot = Box::new(Self::new_snapshot(text, bytes));
        self.snapshot(&[Change::Publish { snapshot, hold: hold.map(String::from) }])
    }

    /// A build made outputs from what the inputs stand for; under a label with a base it says what that stood for.
    pub fn make(&self, inputs: &[&str], outputs: &[&str], bytes: &str) -> SnapshotId {
        self.make_with(inputs, outputs, bytes, NOTHING)
    }

    pub fn make_with(&self, inputs: &[&str], outputs: &[&str], bytes: &str, variables: &str) -> SnapshotId {
        *self.runs.borrow_mut() += 1;
        let key = [*self.runs.borrow(); 32];
        let run = NewRun {
            formula: "x".into(),
            place: "pipeline.formula:1".into(),
            label: id(outputs[0]).label,
            key: Key(key),
            fixed: FixedHash(key),
            fingerprint: Fingerprint(key),
            shape: Shape(key),
            recipe: NOTHING.into(),
            variables: variables.into(),
            effect: self.effect,
            inputs: inputs.iter().map(|text| (id(text).class, id(text), self.current(&id(text)).expect("an input").snapshot.id)).collect(),
            targets: outputs.iter().map(|text| id(text)).collect(),
            outputs: outputs.iter().map(|text| Self::new_snapshot(text, &format!("{bytes} {}", id(text).class))).collect(),
            started: 0,
            seconds: 1.0,
            outcome: Outcome::Succeeded,
            message: None,
            attempts: 1,
            folder: String::new(),
        };
        let saw: Vec<Change> = outputs.iter().map(|text| Change::Saw { identity: id(text), base: self.beneath(&id(text)) }).collect();
        let mut changes = vec![Change::Run(Box::new(run))];
        changes.extend(saw);
        self.snapshot(&changes)
    }

    /// What a plan under `pr-1` says where everything the label has of its own is valid, and all else is inherited.
    fn action(&self, identity: &Identity, origin: &Origin) -> Action {
        if let Some((_, action)) = self.says.iter().find(|(text, _)| id(text) == *identity) {
            return action.clone();
        }
        let own = self.standing(identity);
        let snapshot = own.current.as_ref().map(|current| current.snapshot.id);
        let shown = self.current(identity).map(|current| current.snapshot.id);
        match (origin, snapshot) {
            (Origin::Job { .. }, Some(snapshot)) => Action::Valid { snapshot },
            (Origin::Job { .. }, None) => match self.beneath(identity) {
                Some(snapshot) => Action::Inherited { snapshot, from: identity.under(&"prod".into()) },
                None => Action::Run { why: Reason::Missing },
            },
            (Origin::Source { .. }, _) => Action::Source { state: SourceState::Unchanged },
            (Origin::Published, _) => Action::Published { snapshot: shown.expect("published") },
            // What is held beneath comes before what the label made.
            (Origin::Held, snapshot) => {
                let snapshot = if own.hold.is_some() { snapshot } else { self.beneath(identity).or(snapshot) };
                Action::Held { snapshot, because: String::new() }
            }
            (Origin::Blocked(on), _) => Action::Blocked { on: on.clone() },
        }
    }

    pub fn promote(&self, targets: &[&str]) -> PromotionPlan {
        self.promoted(targets.iter().map(|text| id(text)).collect(), false)
    }

    pub fn promote_all(&self) -> PromotionPlan {
        let (there, gone) = super::everything(&self.program, &*self.catalog, &"pr-1".into()).expect("read");
        let mut found = self.promoted(there, true);
        found.left_out.extend(gone.into_iter().map(|identity| (identity, LeftOut::NoMaker)));
        found
    }

    fn promoted(&self, targets: Vec<Identity>, whole: bool) -> PromotionPlan {
        let mut resolver = Resolver::new(&self.program, self);
        for target in &targets {
            resolver.node(target);
        }
        let graph = resolver.finish(&targets);
        let step = |identity: &Identity, origin: &Origin| Step {
            identity: identity.clone(),
            action: self.action(identity, origin),
            job: None,
            maker: None,
            place: None,
            estimate: None,
            bytes: None,
            owed: None,
            target: targets.contains(identity),
        };
        let steps = graph.nodes.iter().map(|node| step(&node.identity, &node.origin)).collect();
        let plan = Plan { steps, ..Plan::default() };
        let (from, to) = ("pr-1".into(), "prod".into());
        let asked = Asked { from: &from, to: &to, whole, program: &self.program, graph: &graph, plan: &plan };
        promotion(&asked, &*self.catalog, self).expect("read")
    }

    fn move_all(&self, kind: PromotionKind, undoes: Vec<PromotionId>, moves: &[Moving]) -> PromotionId {
        let moves = moves.iter().map(Moving::change).collect();
        let promotion = NewPromotion { kind, from: None, to: "prod".into(), undoes, because: None, moves };
        match self.commit(&[Change::Promote(Box::new(promotion))]).swap_remove(0) {
            Applied::Promotion(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Promotes in earnest.
    pub fn do_promote(&self, targets: &[&str]) -> PromotionId {
        let found = self.promote(targets);
        assert_eq!(found.refused, []);
        self.move_all(PromotionKind::Promotion, Vec::new(), &found.moves)
    }

    pub fn back(&self, until: Until, cascade: bool) -> RollbackPlan {
        let back = Back { label: "prod".into(), until, cascade, because: None };
        rollback(&back, &self.program.bases, &*self.catalog, self).expect("read")
    }

    /// Rolls back in earnest.
    pub fn do_back(&self, found: &RollbackPlan) -> PromotionId {
        assert_eq!(found.stuck, []);
        self.move_all(PromotionKind::Rollback, found.undoes.iter().map(|promotion| promotion.id).collect(), &found.moves)
    }

    pub fn is_held(&self, text: &str) -> bool {
        self.standing(&id(text)).hold.is_some()
    }

    pub fn now(&self) -> i64 {
        *self.now.borrow()
    }
}

fn number(snapshot: Option<SnapshotId>) -> String {
    snapshot.map_or("nothing".into(), |snapshot| snapshot.0.to_string())
}

fn short(identity: &Identity) -> String {
    format!("{}:{}", identity.class, identity.label)
}

/// `x:prod 1 -> 4, held (asked)`, a line each.
pub fn moves(moves: &[Moving]) -> Vec<String> {
    let line = |moving: &Moving| {
        let id = |snapshot: &Option<Snapshot>| number(snapshot.as_ref().map(|s| s.id));
        let hold = if moving.hold.is_some() { ", held" } else { "" };
        let why = match &moving.why {
            Why::Asked => "asked".into(),
            Why::MadeWith { identity } => format!("with {}", short(identity)),
            Why::NeededBy { identity } => format!("for {}", short(identity)),
            Why::Promoted => "promoted".into(),
            Why::MadeFrom { identity } => format!("from {}", short(identity)),
            Why::HeldWith { identity } => format!("held with {}", short(identity)),
        };
        format!("{} {} -> {}{hold} ({why})", short(&moving.identity), id(&moving.was), id(&moving.now))
    };
    moves.iter().map(line).collect()
}

pub fn refused(found: &PromotionPlan) -> Vec<String> {
    let line = |refusal: &Refusal| match refusal {
        Refusal::Unfit { identity, why, needed_by } => {
            format!("{} {why:?}{}", short(identity), needed_by.as_ref().map_or(String::new(), |by| format!(", for {}", short(by))))
        }
        Refusal::Held { identity, because, .. } => format!("{} held: {because}", short(identity)),
        Refusal::ReadMoved { identity, reader, saw, found } => {
            format!("{} read {} as {}, now {}", short(reader), short(identity), saw.0, number(*found))
        }
        Refusal::Moved { identity, saw, found } => {
            format!("{} moved from {} to {}", short(identity), saw.map_or("unseen".into(), number), number(*found))
        }
        Refusal::Overtaken { identity, found } => format!("{} overtaken by {}", short(identity), number(*found)),
        Refusal::Stale { identity, .. } => format!("{} stale", short(identity)),
        Refusal::BytesGone { identity, .. } => format!("{} bytes gone", short(identity)),
        Refusal::Contract { identity, .. } => format!("{} contract", short(identity)),
    };
    found.refused.iter().map(line).collect()
}

pub fn left_out(found: &PromotionPlan) -> Vec<String> {
    found.left_out.iter().map(|(identity, why)| format!("{} {why:?}", short(identity))).collect()
}

pub fn stuck(found: &RollbackPlan) -> Vec<String> {
    let line = |stuck: &Stuck| match stuck {
        Stuck::Unknown { promotion } => format!("no {}", promotion.0),
        Stuck::IsRollback { promotion } => format!("{} is a rollback", promotion.0),
        Stuck::Undone { promotion, by } => format!("{} undone by {}", promotion.0, by.0),
        Stuck::Moved { identity, expected, found, .. } => {
            format!("{} moved from {} to {}", short(identity), number(*expected), number(*found))
        }
        Stuck::Invalidated { identity, snapshot } => format!("{} {} invalidated", short(identity), snapshot.0),
        Stuck::BytesGone { identity, snapshot, .. } => format!("{} {} bytes gone", short(identity), snapshot.0),
        Stuck::MadeFrom { identity, from, .. } => format!("{} made from {}", short(identity), short(from)),
    };
    found.stuck.iter().map(line).collect()
}

pub fn rebuild(found: &PromotionPlan) -> Vec<String> {
    found.rebuild.iter().map(short).collect()
}
