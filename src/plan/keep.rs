//! What a cleaning leaves of the bytes that the store keeps, and why.
//!
//! What is true here: bytes lie at a place, which several snapshots may share; they stay where anything keeps any of them. That something was
//! made from a snapshot keeps nothing: what is recorded of it is enough to judge by.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::catalog::{Listed, Promotion, PromotionId, PromotionKind, Snapshot, SnapshotId, State, Timestamp};
use crate::identity::{Identity, Name};

/// What is kept of the past: `keep:` of `formake.yaml`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Policy {
    /// Milliseconds: what an identity stood for so long ago stays.
    pub history: i64,
    /// So many snapshots before what an identity stands for stay, however old.
    pub last: usize,
}

/// A month, and what each identity stood for before.
impl Default for Policy {
    fn default() -> Self {
        Self { history: 30 * 86_400_000, last: 1 }
    }
}

/// What keeps a snapshot's bytes; of several reasons, the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An identity that is held stands for it.
    Held,
    /// An identity stands for it, under some label.
    Current,
    /// A promotion took its place, and can still be rolled back.
    Rollback,
    /// An identity stood for it lately.
    History,
    /// It is one of the last before what an identity stands for.
    Last,
    /// It broke its contract lately, and is there to be looked at.
    Quarantined,
}

/// What there is to decide by.
pub struct Past<'a> {
    pub now: Timestamp,
    /// Everything that identities ever stood for, in order of identity, then age.
    pub stays: &'a [Listed],
    pub promotions: &'a [Promotion],
    /// Labels whose pointers and holds go now.
    pub dropped: &'a BTreeSet<Name>,
    /// What broke its contract, and when.
    pub quarantined: &'a [(SnapshotId, Timestamp)],
}

/// What keeps which snapshots. Those that nothing keeps are left out.
pub fn reasons(past: &Past<'_>, policy: &Policy) -> BTreeMap<SnapshotId, Reason> {
    let mut kept = BTreeMap::new();
    let mut keep = |snapshot: SnapshotId, reason: Reason| {
        let known = kept.entry(snapshot).or_insert(reason);
        *known = reason.min(*known);
    };
    let since = past.now.saturating_sub(policy.history);
    for stays in past.stays.chunk_by(|a, b| a.identity == b.identity) {
        let is_dropped = stays.first().is_some_and(|stay| past.dropped.contains(&stay.identity.label));
        let current = stays.iter().find(|stay| stay.current && !is_dropped).map(|stay| stay.snapshot.id);
        for stay in stays {
            match &stay.hold {
                _ if !stay.current || is_dropped => {
                    if stay.to.unwrap_or(past.now) >= since && policy.history > 0 {
                        keep(stay.snapshot.id, Reason::History);
                    }
                }
                Some(_) => keep(stay.snapshot.id, Reason::Held),
                None => keep(stay.snapshot.id, Reason::Current),
            }
        }
        if let Some(current) = current {
            let mut seen = HashSet::from([current]);
            let earlier = stays.iter().rev().map(|stay| &stay.snapshot).filter(|s| s.state == State::Good && seen.insert(s.id));
            earlier.take(policy.last).for_each(|snapshot| keep(snapshot.id, Reason::Last));
        }
    }
    let lately = past.quarantined.iter().filter(|(_, at)| *at >= since && policy.history > 0);
    lately.for_each(|(snapshot, _)| keep(*snapshot, Reason::Quarantined));
    let undone: HashSet<PromotionId> = past.promotions.iter().flat_map(|promotion| promotion.undoes.iter().copied()).collect();
    let open = past.promotions.iter().filter(|p| p.kind == PromotionKind::Promotion && p.at >= since && !undone.contains(&p.id));
    open.flat_map(|promotion| &promotion.moves).filter_map(|one| one.was).for_each(|was| keep(was, Reason::Rollback));
    kept
}

/// Snapshots whose bytes lie at one place.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    /// The oldest first; at least one.
    pub snapshots: Vec<Snapshot>,
    /// What keeps the bytes; nothing: they go.
    pub kept: Option<Reason>,
}

impl Place {
    pub fn repository(&self) -> &Name {
        &self.first().identity.repository
    }

    /// Below the repository's root.
    pub fn path(&self) -> &str {
        &self.first().path
    }

    pub fn bytes(&self) -> u64 {
        self.first().bytes
    }

    /// For whom the bytes were first made.
    pub fn identity(&self) -> &Identity {
        &self.first().identity
    }

    fn first(&self) -> &Snapshot {
        &self.snapshots[0]
    }
}

/// All places where the store keeps bytes, in order of the identities that they were first made for.
pub fn places(stored: impl IntoIterator<Item = Snapshot>, reasons: &BTreeMap<SnapshotId, Reason>) -> Vec<Place> {
    let mut places: BTreeMap<(Name, String), Place> = BTreeMap::new();
    for snapshot in stored {
        let at = (snapshot.identity.repository.clone(), snapshot.path.clone());
        let place = places.entry(at).or_insert_with(|| Place { snapshots: Vec::new(), kept: None });
        let reason = reasons.get(&snapshot.id).copied();
        place.kept = place.kept.into_iter().chain(reason).min();
        place.snapshots.push(snapshot);
    }
    let mut places: Vec<Place> = places.into_values().collect();
    places.sort_by(|a, b| (a.identity(), a.first().id).cmp(&(b.identity(), b.first().id)));
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Hold, Move, Origin};
    use crate::identity::Instance;
    use crate::store::{Kind, Stamp};

    const DAY: i64 = 86_400_000;

    fn identity(label: &str) -> Identity {
        Identity { class: "a".into(), instance: Instance::new([]), label: label.into(), repository: "dl".into() }
    }

    fn snapshot(id: i64, label: &str) -> Snapshot {
        Snapshot {
            id: SnapshotId(id),
            identity: identity(label),
            content: crate::digest::of_bytes(b"x"),
            kind: Kind::File,
            bytes: 1,
            files: 1,
            path: format!("a/_/{id}/a"),
            stored: true,
            stamp: Stamp(1),
            origin: Origin::Published,
            state: State::Good,
            made: 0,
        }
    }

    /// A stay of a snapshot under a label, until so many days ago; `None`: it stands for it still.
    fn stay(id: i64, label: &str, until: Option<i64>) -> Listed {
        let to = until.map(|days| -days * DAY);
        Listed { identity: identity(label), snapshot: snapshot(id, label), current: to.is_none(), hold: None, from: -400 * DAY, to }
    }

    fn kept(stays: &[Listed], promotions: &[Promotion], dropped: &[&str], policy: Policy) -> Vec<(i64, Reason)> {
        let dropped = dropped.iter().map(|label| Name::from(*label)).collect();
        let reasons = reasons(&Past { now: 0, stays, promotions, dropped: &dropped, quarantined: &[] }, &policy);
        reasons.into_iter().map(|(id, reason)| (id.0, reason)).collect()
    }

    #[test]
    fn what_broke_its_contract_lately_stays_to_be_looked_at() {
        let (dropped, quarantined) = (BTreeSet::new(), [(SnapshotId(1), -40 * DAY), (SnapshotId(2), -20 * DAY)]);
        let past = Past { now: 0, stays: &[], promotions: &[], dropped: &dropped, quarantined: &quarantined };
        let all = reasons(&past, &Policy { history: 30 * DAY, last: 1 });
        assert_eq!(all.into_iter().collect::<Vec<_>>(), [(SnapshotId(2), Reason::Quarantined)]);
    }

    #[test]
    fn what_lately_was_and_the_last_before_stay() {
        let stays = [
            stay(1, "prod", Some(300)),
            stay(2, "prod", Some(200)),
            stay(3, "prod", Some(100)),
            stay(2, "prod", Some(31)),
            stay(4, "prod", Some(30)),
            stay(5, "prod", None),
            stay(6, "gone", Some(100)),
            stay(7, "gone", Some(50)),
        ];
        let policy = |history, last| Policy { history: history * DAY, last };
        assert_eq!(kept(&stays, &[], &[], Policy::default()), [(4, Reason::History), (5, Reason::Current)]);
        assert_eq!(kept(&stays, &[], &[], policy(0, 0)), [(5, Reason::Current)]);
        assert_eq!(kept(&stays, &[], &[], policy(0, 1)), [(4, Reason::Last), (5, Reason::Current)]);
        // The same one twice counts once; of what stands for nothing, no last ones stay.
        let expected = [(2, Reason::Last), (3, Reason::Last), (4, Reason::History), (5, Reason::Current)];
        assert_eq!(kept(&stays, &[], &[], policy(30, 3)), expected);
        let mut condemned = stays.clone();
        condemned[4].snapshot.state = State::Invalidated;
        assert_eq!(kept(&condemned, &[], &[], policy(0, 1)), [(2, Reason::Last), (5, Reason::Current)]);
    }

    #[test]
    fn an_expired_label_has_no_current_and_no_holds() {
        let mut stays = [stay(1, "pr-1", Some(1)), stay(2, "pr-1", None), stay(2, "prod", None)];
        stays[1].hold = Some(Hold { because: "audit".into(), user: "alice".into(), at: 0 });
        let none = Policy { history: 0, last: 0 };
        assert_eq!(kept(&stays, &[], &[], none), [(2, Reason::Held)]);
        assert_eq!(kept(&stays, &[], &["pr-1"], none), [(2, Reason::Current)], "another label's still");
        assert_eq!(kept(&stays[..2], &[], &["pr-1"], none), []);
        assert_eq!(kept(&stays[..2], &[], &["pr-1"], Policy::default()), [(1, Reason::History), (2, Reason::History)]);
    }

    #[test]
    fn what_can_be_rolled_back_stays() {
        let promotion = |id, days: i64, kind, undoes: &[i64], was| Promotion {
            id: PromotionId(id),
            kind,
            at: -days * DAY,
            user: "alice".into(),
            from: None,
            to: "prod".into(),
            undoes: undoes.iter().map(|id| PromotionId(*id)).collect(),
            because: None,
            moves: vec![Move { identity: identity("prod"), was: Some(SnapshotId(was)), now: None }],
        };
        let all = [
            promotion(1, 60, PromotionKind::Promotion, &[], 1),
            promotion(2, 20, PromotionKind::Promotion, &[], 2),
            promotion(3, 20, PromotionKind::Promotion, &[], 3),
            promotion(4, 10, PromotionKind::Rollback, &[3], 4),
        ];
        let stays = [stay(2, "prod", Some(20)), stay(3, "prod", Some(20))];
        assert_eq!(kept(&stays, &all, &[], Policy::default()), [(2, Reason::Rollback), (3, Reason::History)], "3 was rolled back already");
    }

    #[test]
    fn bytes_stay_where_anything_keeps_them() {
        let shared = |id| Snapshot { path: "a/_/1/a".into(), ..snapshot(id, "prod") };
        let elsewhere = Snapshot { identity: Identity { repository: "dw".into(), ..identity("prod") }, ..shared(4) };
        let reasons = BTreeMap::from([(SnapshotId(2), Reason::History), (SnapshotId(3), Reason::Held)]);
        let places = places([snapshot(9, "exp"), shared(1), shared(2), shared(3), elsewhere], &reasons);
        let told: Vec<_> = places.iter().map(|p| (p.path(), &**p.repository(), p.snapshots.len(), p.kept)).collect();
        assert_eq!(told, [("a/_/9/a", "dl", 1, None), ("a/_/1/a", "dl", 3, Some(Reason::Held)), ("a/_/1/a", "dw", 1, None)]);
    }
}
