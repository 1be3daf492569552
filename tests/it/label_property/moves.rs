//! Promoting, rolling back and cleaning a made-up project, each with what must be true of it.

use std::collections::{BTreeMap, BTreeSet};

use formake::catalog::{Applied, Catalog, Change, Filter, NewPromotion, PromotionId, PromotionKind, Reader, Snapshot, SnapshotId};
use formake::identity::Identity;
use formake::plan::Action;
use formake::plan::keep::{Past, Policy, places, reasons};
use formake::plan::promotion::{Asked, Back, Moving, PromotionPlan, Refusal, RollbackPlan, Stuck, Until, everything, promotion, rollback};

use super::laws::{actions, of_others};
use super::project::{Ask, Project, actor, clock};
use super::text::{LABELS, SOURCES, name};

/// Pointers of one label.
fn pointers_of(project: &Project, label: &str) -> BTreeMap<Identity, Snapshot> {
    project.pointers().current.into_iter().filter(|(identity, _)| *identity.label == *label).collect()
}

fn ids(pointers: &BTreeMap<Identity, Snapshot>) -> BTreeMap<&Identity, SnapshotId> {
    pointers.iter().map(|(identity, snapshot)| (identity, snapshot.id)).collect()
}

fn commit(project: &Project, new: NewPromotion) -> PromotionId {
    let applied = project.catalog.commit(&actor(), clock(), &[Change::Promote(Box::new(new))]).expect("committed");
    match applied[0] {
        Applied::Promotion(id) => id,
        _ => panic!("a promotion"),
    }
}

/// What promoting comes down to; `None` where the label has nothing of its own.
fn promotion_of(project: &Project, ask: &Ask, whole: bool) -> Option<PromotionPlan> {
    let from = LABELS[ask.label].into();
    let to = project.base(ask.label).expect("a base");
    let program = project.program(ask);
    let mut targets = Vec::new();
    if whole {
        targets = everything(&program, &project.catalog, &from).expect("read").0;
        if targets.is_empty() {
            return None;
        }
    }
    let planned = project.plan_of(ask, &targets);
    let asked = Asked { from: &from, to: &to, whole, program: &program, graph: &planned.graph, plan: &planned.plan };
    Some(promotion(&asked, &project.catalog, &project.disk).expect("read"))
}

/// Promotes what is asked for, if it can be; `just_built`: a build of the label made the same just before.
pub fn promote(project: &Project, ask: &Ask, whole: bool, just_built: bool, and_back: bool) {
    let to = project.base(ask.label).expect("a base");
    let Some(found) = promotion_of(project, ask, whole) else { return };
    if just_built {
        let expected = |refusal: &&Refusal| {
            let blocked = matches!(refusal, Refusal::Stale { now: Action::Blocked { .. }, .. });
            blocked || matches!(refusal, Refusal::Unfit { .. } | Refusal::Held { .. } | Refusal::BytesGone { .. })
        };
        let wrong: Vec<&Refusal> = found.refused.iter().filter(|refusal| !expected(refusal)).collect();
        assert!(wrong.is_empty(), "what was just built is refused: {wrong:#?}");
    }
    if !found.refused.is_empty() || found.moves.is_empty() {
        return;
    }
    let (before, others) = (pointers_of(project, &to), of_others(&project.pointers(), &to));
    let moves = found.moves.iter().map(Moving::change).collect();
    let from = Some(LABELS[ask.label].into());
    let new = NewPromotion { kind: PromotionKind::Promotion, from, to: to.clone(), undoes: Vec::new(), because: None, moves };
    let id = commit(project, new);
    let after = pointers_of(project, &to);
    assert_eq!(of_others(&project.pointers(), &to), others, "a promotion moves nothing of other labels");
    let mut expected = ids(&before);
    expected.extend(found.moves.iter().map(|moving| (&moving.identity, moving.now.as_ref().expect("something").id)));
    assert_eq!(ids(&after), expected, "a promotion moves what it said");
    nothing_is_to_do(project, ask, &found);
    if and_back {
        back_again(project, &to, id, &before, &found);
    }
}

/// A plan of the base, with the formulas that the label was built with, for all that moved.
fn nothing_is_to_do(project: &Project, ask: &Ask, found: &PromotionPlan) {
    let base = LABELS.iter().position(|label| **label == *found.moves[0].identity.label).expect("a label");
    let moved: Vec<Identity> = found.moves.iter().map(|moving| moving.identity.clone()).collect();
    let planned = project.plan_of(&Ask { label: base, branch: ask.branch, classes: 0, fresh: false }, &moved);
    let actions = actions(&planned);
    // What has no place under another label is done there first.
    let unfit = |identity: &Identity| {
        let classes = project.branches[ask.branch].classes.iter().enumerate();
        let mut class = classes.filter(|(at, _)| identity.class.trim_end_matches('b') == name(SOURCES + at)).map(|(_, class)| class);
        class.any(|class| class.effect || class.writes_label || class.named.is_some())
    };
    for identity in &moved {
        let mut stack = vec![identity];
        while let Some(at) = stack.pop() {
            match actions.get(at) {
                Some(Action::MayRun { after }) => stack.extend(after),
                Some(Action::Run { .. } | Action::Reuse { .. }) if at != identity && unfit(at) => {}
                Some(
                    Action::Valid { .. }
                    | Action::Inherited { .. }
                    | Action::Held { .. }
                    | Action::Published { .. }
                    | Action::Source { .. },
                ) => {}
                action => panic!("{identity} was promoted, and {at} is {action:#?}\n{found:#?}"),
            }
        }
    }
}

/// Promoted and rolled back: every pointer is where it was, but for sources; all that went back is held, until that is taken back, too.
fn back_again(project: &Project, to: &str, id: PromotionId, before: &BTreeMap<Identity, Snapshot>, found: &PromotionPlan) {
    let held = project.pointers().held;
    let Some(moved) = roll_back(project, to, Until::Last, false) else { return };
    assert_eq!(moved.undoes.iter().map(|promotion| promotion.id).collect::<Vec<_>>(), [id]);
    let is_source = |identity: &Identity| moved.sources.contains(identity);
    let mut expected = ids(before);
    expected.extend(found.moves.iter().filter(|m| is_source(&m.identity)).map(|m| (&m.identity, m.now.as_ref().expect("something").id)));
    let after = pointers_of(project, to);
    let beneath = |identity: &Identity| project.bases.of(to).is_some() && !before.contains_key(identity);
    let after: BTreeMap<&Identity, SnapshotId> = ids(&after).into_iter().filter(|(identity, _)| !beneath(identity)).collect();
    expected.retain(|identity, _| !beneath(identity));
    assert_eq!(after, expected, "promoted and rolled back");
    let now = project.pointers().held;
    for moving in found.moves.iter().filter(|moving| !is_source(&moving.identity)) {
        assert!(now.contains(&moving.identity), "{} went back, and is held", moving.identity);
    }
    let release: Vec<Change> = now.difference(&held).map(|identity| Change::Release { identity: identity.clone() }).collect();
    project.catalog.commit(&actor(), clock(), &release).expect("released");
}

/// Rolls back what can be; what moved.
pub fn roll_back(project: &Project, label: &str, until: Until, cascade: bool) -> Option<RollbackPlan> {
    let back = Back { label: label.into(), until, cascade, because: None };
    let found = rollback(&back, &project.bases, &project.catalog, &project.disk).expect("read");
    if !found.stuck.is_empty() {
        let right = found.stuck.iter().all(|stuck| match stuck {
            Stuck::MadeFrom { .. } => !cascade,
            Stuck::Moved { .. } | Stuck::BytesGone { .. } => true,
            _ => false,
        });
        assert!(right, "{:#?}", found.stuck);
        return None;
    }
    if found.moves.is_empty() {
        return None;
    }
    let (before, others) = (pointers_of(project, label), of_others(&project.pointers(), label));
    let moves = found.moves.iter().map(Moving::change).collect();
    let undoes = found.undoes.iter().map(|promotion| promotion.id).collect();
    commit(project, NewPromotion { kind: PromotionKind::Rollback, from: None, to: label.into(), undoes, because: None, moves });
    assert_eq!(of_others(&project.pointers(), label), others, "a rollback moves nothing of other labels");
    let after = pointers_of(project, label);
    let moved: BTreeSet<&Identity> = found.moves.iter().map(|moving| &moving.identity).collect();
    let rest = |pointers| -> BTreeMap<Identity, SnapshotId> {
        ids(pointers).into_iter().filter(|(identity, _)| !moved.contains(identity)).map(|(identity, id)| (identity.clone(), id)).collect()
    };
    assert_eq!(rest(&after), rest(&before), "a rollback moves what it said");
    // As it was before the first of them.
    for promotion in &found.undoes {
        for step in &promotion.moves {
            let earlier =
                found.undoes.iter().any(|other| other.id < promotion.id && other.moves.iter().any(|m| m.identity == step.identity));
            let restored = earlier || found.sources.contains(&step.identity) || (step.was.is_none() && project.bases.of(label).is_some());
            assert!(restored || after.get(&step.identity).map(|s| s.id) == step.was, "{} is where it was", step.identity);
        }
    }
    Some(found)
}

/// Removes bytes that nothing keeps.
pub fn clean(project: &Project, last: usize) {
    let stored: Vec<Snapshot> = project.catalog.stored().expect("read").into_iter().map(|(snapshot, _)| snapshot).collect();
    let stays = project.catalog.list(&Filter { all: true, ..Filter::default() }).expect("read");
    let promotions = project.catalog.promotions(None).expect("read");
    let past = Past { now: clock(), stays: &stays, promotions: &promotions, dropped: &BTreeSet::new(), quarantined: &[] };
    let reasons = reasons(&past, &Policy { history: 0, last });
    let goes: Vec<_> = places(stored, &reasons).into_iter().filter(|place| place.kept.is_none()).collect();
    let changes: Vec<Change> = goes.iter().flat_map(|place| &place.snapshots).map(|s| Change::Clean { snapshot: s.id }).collect();
    project.catalog.commit(&actor(), clock(), &changes).expect("nothing stands for what goes");
    for place in &goes {
        project.disk.bytes.lock().expect("a lock").remove(place.path());
    }
}
