//! Rollback: what a label's promotions moved goes back to what it stood for before, and stays there.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::moves::{Moving, Stuck, Why};
use crate::catalog::lineage::{Direction, trace};
use crate::catalog::{self, Filter, Listed, Promotion, PromotionId, PromotionKind, Reader, RunId, Snapshot, SnapshotId, State, Timestamp};
use crate::formula::program::Bases;
use crate::identity::{Identity, Name};
use crate::plan::judge::{Bytes, Condition};

/// What is to be taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Back {
    /// Whose promotions.
    pub label: Name,
    pub until: Until,
    /// What was made since from what goes, goes too.
    pub cascade: bool,
    pub because: Option<String>,
}

/// How far back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Only the last promotion that was not taken back.
    Last,
    /// That one, and all after it.
    Promotion(PromotionId),
    /// All that came after that moment.
    Time(Timestamp),
}

/// What a rollback would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RollbackPlan {
    pub label: Name,
    /// Newest first; none: there is nothing to take back.
    pub undoes: Vec<Promotion>,
    pub moves: Vec<Moving>,
    /// Sources that were promoted: they neither move nor are held.
    pub sources: Vec<Identity>,
    /// With one of these, nothing moves.
    pub stuck: Vec<Stuck>,
    /// What the acting user may not do of it; whoever knows the user fills it in.
    pub not_permitted: Vec<catalog::Refusal>,
}

/// What taking promotions of a label back comes down to.
pub fn rollback(back: &Back, bases: &Bases, reader: &dyn Reader, bytes: &dyn Bytes) -> catalog::Result<RollbackPlan> {
    let mut found = RollbackPlan { label: back.label.clone(), ..RollbackPlan::default() };
    match chosen(&reader.promotions(Some(&back.label))?, back.until) {
        Ok(undoes) => found.undoes = undoes,
        Err(stuck) => found.stuck.push(*stuck),
    }
    let Some(first) = found.undoes.last().map(|promotion| promotion.at) else { return Ok(found) };
    let history = History::read(reader, bases, &back.label)?;
    let mut going: BTreeMap<SnapshotId, Identity> = BTreeMap::new();
    for track in tracks(&mut found, &history) {
        let before = track.before.or_else(|| history.beneath(&track.identity, first).map(|snapshot| snapshot.id));
        going.extend(track.gone.iter().filter(|gone| Some(**gone) != before).map(|gone| (*gone, track.identity.clone())));
        found.moves.push(history.sent_back(&track.identity, before, Why::Promoted));
    }
    for (identity, since, from) in history.made_from(reader, &going, first, &found.moves)? {
        if !back.cascade {
            found.stuck.push(Stuck::MadeFrom { identity, from, since });
            continue;
        }
        let before = history.at(&identity, first).or_else(|| history.beneath(&identity, first)).map(|snapshot| snapshot.id);
        found.moves.push(history.sent_back(&identity, before, Why::MadeFrom { identity: from }));
    }
    for moving in &found.moves {
        found.stuck.extend(unusable(moving, bytes));
    }
    let together = held_together(reader, &back.label, &found.moves, &history)?;
    found.moves.extend(together);
    let numbers: Vec<String> = found.undoes.iter().rev().map(|promotion| promotion.id.0.to_string()).collect();
    let because = back.because.as_ref().map(|because| format!(": {because}")).unwrap_or_default();
    let hold = format!("rolled back promotion {}{because}", numbers.join(", "));
    for moving in &mut found.moves {
        moving.hold = Some(hold.clone());
    }
    Ok(found)
}

/// The promotions that are taken back, newest first.
fn chosen(promotions: &[Promotion], until: Until) -> Result<Vec<Promotion>, Box<Stuck>> {
    let by = |id: PromotionId| promotions.iter().find(|other| other.undoes.contains(&id)).map(|other| other.id);
    let open = promotions.iter().rev().filter(|p| p.kind == PromotionKind::Promotion && by(p.id).is_none());
    match until {
        Until::Last => Ok(open.take(1).cloned().collect()),
        Until::Time(time) => Ok(open.filter(|p| p.at > time).cloned().collect()),
        Until::Promotion(promotion) => match (promotions.iter().find(|p| p.id == promotion), by(promotion)) {
            (None, _) => Err(Box::new(Stuck::Unknown { promotion })),
            (Some(found), _) if found.kind == PromotionKind::Rollback => Err(Box::new(Stuck::IsRollback { promotion })),
            (_, Some(by)) => Err(Box::new(Stuck::Undone { promotion, by })),
            _ => Ok(open.filter(|p| p.id >= promotion).cloned().collect()),
        },
    }
}

/// One identity's way through the promotions that are taken back.
struct Track {
    identity: Identity,
    before: Option<SnapshotId>,
    /// What each of them made it stand for.
    gone: Vec<SnapshotId>,
    left_at: Option<SnapshotId>,
    last: PromotionId,
}

/// Every identity that was moved, but for sources; who moved by another hand between or after them is stuck.
fn tracks(found: &mut RollbackPlan, history: &History) -> Vec<Track> {
    let mut tracks: Vec<Track> = Vec::new();
    let mut places: HashMap<&Identity, usize> = HashMap::new();
    let mut stuck: Vec<Stuck> = Vec::new();
    let moved = |track: &Track, found: Option<SnapshotId>| Stuck::Moved {
        identity: track.identity.clone(),
        expected: track.left_at,
        found,
        promotion: track.last,
    };
    for promotion in found.undoes.iter().rev() {
        for step in &promotion.moves {
            if step.now.and_then(|now| history.snapshots.get(&now)).is_some_and(|now| now.origin == catalog::Origin::Source) {
                found.sources.push(step.identity.clone());
                continue;
            }
            let place = *places.entry(&step.identity).or_insert_with(|| {
                let identity = step.identity.clone();
                tracks.push(Track { identity, before: step.was, gone: Vec::new(), left_at: step.was, last: promotion.id });
                tracks.len() - 1
            });
            let track = &mut tracks[place];
            if track.left_at != step.was {
                stuck.push(moved(track, step.was));
            }
            track.gone.extend(step.now.filter(|_| step.now != step.was));
            (track.left_at, track.last) = (step.now, promotion.id);
        }
    }
    for track in &tracks {
        let current = history.current.get(&track.identity).map(|(snapshot, _)| *snapshot);
        if current != track.left_at {
            stuck.push(moved(track, current));
        }
    }
    found.sources.sort();
    found.sources.dedup();
    found.stuck.extend(stuck);
    tracks
}

/// What a label's identities ever stood for, and its bases'.
struct History {
    chain: Vec<Name>,
    stays: HashMap<Identity, Vec<Listed>>,
    snapshots: HashMap<SnapshotId, Snapshot>,
    /// Of the label alone: what they stand for, and since when.
    current: BTreeMap<Identity, (SnapshotId, Timestamp)>,
}

impl History {
    fn read(reader: &dyn Reader, bases: &Bases, label: &Name) -> catalog::Result<Self> {
        let chain = bases.chain(label);
        let mut history = Self { chain, stays: HashMap::new(), snapshots: HashMap::new(), current: BTreeMap::new() };
        for of in std::iter::once(label).chain(&history.chain) {
            for listed in reader.list(&Filter { label: Some(of.to_string()), all: true, ..Filter::default() })? {
                if listed.current && listed.identity.label == *label {
                    history.current.insert(listed.identity.clone(), (listed.snapshot.id, listed.from));
                }
                history.snapshots.insert(listed.snapshot.id, listed.snapshot.clone());
                history.stays.entry(listed.identity.clone()).or_default().push(listed);
            }
        }
        Ok(history)
    }

    /// What an identity stood for just before a moment.
    fn at(&self, identity: &Identity, moment: Timestamp) -> Option<&Snapshot> {
        let mut stays = self.stays.get(identity)?.iter();
        stays.find(|stay| stay.from < moment && stay.to.is_none_or(|to| to >= moment)).map(|stay| &stay.snapshot)
    }

    /// What showed through then from the label's base; nothing for a label without one.
    fn beneath(&self, identity: &Identity, moment: Timestamp) -> Option<&Snapshot> {
        self.chain.iter().find_map(|base| self.at(&identity.under(base), moment))
    }

    fn sent_back(&self, identity: &Identity, to: Option<SnapshotId>, why: Why) -> Moving {
        let snapshot = |id: &SnapshotId| self.snapshots.get(id).cloned();
        let was = self.current.get(identity).and_then(|(id, _)| snapshot(id));
        Moving { identity: identity.clone(), was, now: to.as_ref().and_then(snapshot), hold: None, why }
    }

    /// What the label stands for since then, and what of that which goes it was made from.
    fn made_from(
        &self,
        reader: &dyn Reader,
        going: &BTreeMap<SnapshotId, Identity>,
        first: Timestamp,
        moves: &[Moving],
    ) -> catalog::Result<Vec<(Identity, Timestamp, Identity)>> {
        let roots: Vec<SnapshotId> = going.keys().copied().collect();
        let lineage = trace(reader, &roots, Direction::Down)?;
        let mut from: HashMap<SnapshotId, &Identity> = going.iter().map(|(id, identity)| (*id, identity)).collect();
        let mut stack = roots;
        while let Some(near) = stack.pop() {
            let origin = from[&near];
            for far in lineage.next.get(&near).into_iter().flatten() {
                if !from.contains_key(far) {
                    from.insert(*far, origin);
                    stack.push(*far);
                }
            }
        }
        let moving: HashSet<&Identity> = moves.iter().map(|moving| &moving.identity).collect();
        let later = self.current.iter().filter(|(identity, (_, since))| *since >= first && !moving.contains(identity));
        let made = later.filter_map(|(identity, (snapshot, since))| {
            let from = from.get(snapshot).filter(|_| !going.contains_key(snapshot))?;
            Some((identity.clone(), *since, (*from).clone()))
        });
        Ok(made.collect())
    }
}

/// Why what something would go back to cannot be used.
fn unusable(moving: &Moving, bytes: &dyn Bytes) -> Option<Stuck> {
    let now = moving.now.as_ref()?;
    let identity = moving.identity.clone();
    if now.state != State::Good {
        return Some(Stuck::Invalidated { identity, snapshot: now.id });
    }
    // What is not in the store is a source's, and lies where it always did.
    let condition = if now.stored { bytes.condition(now) } else { Condition::Intact };
    let damaged = condition == Condition::Damaged;
    (condition != Condition::Intact).then_some(Stuck::BytesGone { identity, snapshot: now.id, damaged })
}

/// Outputs of a job are held together: what stands beside something that goes back, made by the same run, stays where it is.
fn held_together(reader: &dyn Reader, label: &Name, moves: &[Moving], history: &History) -> catalog::Result<Vec<Moving>> {
    let held: HashSet<Identity> = reader.holds()?.into_iter().map(|(identity, ..)| identity).collect();
    let mut done: HashSet<Identity> = moves.iter().map(|moving| moving.identity.clone()).collect();
    let made_by: BTreeMap<RunId, &Identity> =
        moves.iter().filter_map(|moving| Some((moving.now.as_ref()?.origin.run()?, &moving.identity))).collect();
    let mut together = Vec::new();
    for run in reader.runs(&made_by.keys().copied().collect::<Vec<_>>())? {
        for (output, snapshot) in &run.outputs {
            let output = output.under(label);
            let stands = history.current.get(&output).map(|(id, _)| *id);
            if stands.is_some() && stands == *snapshot && !held.contains(&output) && done.insert(output.clone()) {
                together.push(history.sent_back(&output, stands, Why::HeldWith { identity: made_by[&run.id].clone() }));
            }
        }
    }
    Ok(together)
}
