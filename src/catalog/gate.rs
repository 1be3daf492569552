//! The gate: the one way to a catalog file. It checks every change of every commit against what the acting user may do.
//!
//! What is true here: the catalog's file is opened nowhere else ([`SqliteCatalog::open`] is seen by this room alone), and what is opened is
//! never handed out. Nothing of a commit is written where any of its changes is not permitted; that it was refused is.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use super::policy::{Groups, Policy, Refusal};
use super::sqlite::{Mode, SqliteCatalog};
use super::{
    Actor, Applied, Blessing, Catalog, CatalogError, Change, Cost, Filter, Hold, LabelSummary, Listed, LogEntry, Looked, Made, NewSnapshot,
    Promotion, Quarantined, Reader, Result, Run, RunId, Snapshot, SnapshotId, Standing, Timestamp,
};
use crate::digest::{ContentHash, Fingerprint, FixedHash, Key};
use crate::identity::{Identity, Name};

/// A catalog that refuses what is not permitted. Everybody may read.
pub struct Gate {
    inner: SqliteCatalog,
    policy: Policy,
    /// Asks the machine for a user's groups.
    groups_of: fn(&str) -> Groups,
    /// What it answered.
    known: RefCell<HashMap<String, Groups>>,
}

impl Gate {
    /// # Errors
    /// The file cannot be opened, is no catalog, or has a newer schema than this formake knows.
    pub fn open(path: &Path, mode: Mode, policy: Policy, groups_of: fn(&str) -> Groups) -> Result<Self> {
        Ok(Self { inner: SqliteCatalog::open(path, mode)?, policy, groups_of, known: RefCell::default() })
    }

    /// What a user may not write of these.
    pub fn refusals<'i>(&self, user: &str, identities: impl IntoIterator<Item = &'i Identity>) -> Vec<Refusal> {
        if self.policy.is_open() {
            return Vec::new();
        }
        let groups = || self.known.borrow_mut().entry(user.to_string()).or_insert_with(|| (self.groups_of)(user)).clone();
        self.policy.refusals(user, &groups, identities)
    }

    /// What a user may not do of these changes.
    pub fn refusals_of(&self, user: &str, changes: &[Change]) -> Result<Vec<Refusal>> {
        if self.policy.is_open() {
            return Ok(Vec::new());
        }
        let written = self.written(user, changes)?;
        Ok(self.refusals(user, &written))
    }

    /// Asks before any work is done: as if these were to be written now.
    ///
    /// # Errors
    /// [`CatalogError::NotPermitted`], and then it is recorded.
    pub fn ask<'i>(&self, actor: &Actor, now: Timestamp, identities: impl IntoIterator<Item = &'i Identity>) -> Result<()> {
        let refusals = self.refusals(&actor.user, identities);
        self.refuse(actor, now, refusals)
    }

    /// The same for changes.
    pub fn ask_for(&self, actor: &Actor, now: Timestamp, changes: &[Change]) -> Result<()> {
        let refusals = self.refusals_of(&actor.user, changes)?;
        self.refuse(actor, now, refusals)
    }

    fn refuse(&self, actor: &Actor, now: Timestamp, refusals: Vec<Refusal>) -> Result<()> {
        if refusals.is_empty() {
            return Ok(());
        }
        let record = |refusal: &Refusal| Change::Refuse {
            identity: refusal.identities.first().cloned(),
            because: match refusal.identities.len() {
                0 | 1 => format!("{refusal}: {}", refusal.who_may()),
                all => format!("{refusal}, here and for {} more: {}", all - 1, refusal.who_may()),
            },
        };
        let records: Vec<Change> = refusals.iter().map(record).collect();
        // Refused it is, also where the record cannot be written.
        let _ = self.inner.commit(actor, now, &records);
        Err(CatalogError::NotPermitted(refusals))
    }

    /// The identities that changes write; what is always permitted left out.
    fn written(&self, user: &str, changes: &[Change]) -> Result<Vec<Identity>> {
        let mut written: Vec<Identity> = Vec::new();
        let mut sources: Vec<&NewSnapshot> = Vec::new();
        let mut cleaned = Vec::new();
        let mut invalidated = Vec::new();
        let mut blessed = Vec::new();
        for change in changes {
            match change {
                Change::Run(run) => written.extend(run.targets.iter().cloned()),
                Change::Source(new) => sources.push(new),
                Change::Publish { snapshot, .. } => written.push(snapshot.identity.clone()),
                Change::Point { identity, .. }
                | Change::Hold { identity, .. }
                | Change::Release { identity }
                | Change::Saw { identity, .. }
                | Change::Withdraw { identity, .. } => written.push(identity.clone()),
                // The statement holds wherever the snapshot is looked at.
                Change::Bless { identity, snapshot, .. } | Change::Unbless { identity, snapshot, .. } => {
                    written.push(identity.clone());
                    blessed.push(*snapshot);
                }
                Change::Promote(promotion) => written.extend(promotion.moves.iter().map(|one| one.identity.clone())),
                Change::Invalidate { snapshot, .. } => invalidated.push(*snapshot),
                Change::Clean { snapshot } => cleaned.push(*snapshot),
                // They say only what was seen.
                Change::Look { .. } | Change::Restamp { .. } | Change::Refuse { .. } => {}
            }
        }
        if !blessed.is_empty() {
            written.extend(self.inner.standing_for(&blessed)?.into_iter().map(|(identity, _)| identity));
        }
        if !invalidated.is_empty() {
            // Every pointer at it goes, under whatever label.
            written.extend(self.inner.standing_for(&invalidated)?.into_iter().map(|(identity, _)| identity));
        }
        invalidated.extend(cleaned);
        if !invalidated.is_empty() {
            written.extend(self.inner.snapshots(&invalidated)?.into_iter().map(|snapshot| snapshot.identity));
        }
        written.extend(self.recorded(user, &sources)?);
        Ok(written)
    }

    /// Sources whose recording says more than that their stamp moved; looked up only where the answer matters.
    fn recorded(&self, user: &str, sources: &[&NewSnapshot]) -> Result<Vec<Identity>> {
        let identities: Vec<Identity> = sources.iter().map(|new| new.identity.clone()).collect();
        if self.refusals(user, &identities).is_empty() {
            return Ok(Vec::new());
        }
        let standings = self.inner.standings(&identities)?;
        let stays = |new: &NewSnapshot, standing: &Standing| standing.current.as_ref().is_some_and(|c| new.is_as(&c.snapshot));
        Ok(sources.iter().zip(&standings).filter(|(new, standing)| !stays(new, standing)).map(|(new, _)| new.identity.clone()).collect())
    }
}

impl Catalog for Gate {
    fn commit(&self, actor: &Actor, now: Timestamp, changes: &[Change]) -> Result<Vec<Applied>> {
        self.ask_for(actor, now, changes)?;
        self.inner.commit(actor, now, changes)
    }
}

impl Reader for Gate {
    fn standings(&self, identities: &[Identity]) -> Result<Vec<Standing>> {
        self.inner.standings(identities)
    }

    fn standing_for(&self, ids: &[SnapshotId]) -> Result<Vec<(Identity, SnapshotId)>> {
        self.inner.standing_for(ids)
    }

    fn snapshots(&self, ids: &[SnapshotId]) -> Result<Vec<Snapshot>> {
        self.inner.snapshots(ids)
    }

    fn runs(&self, ids: &[RunId]) -> Result<Vec<Run>> {
        self.inner.runs(ids)
    }

    fn made_under(&self, keys: &[Key]) -> Result<Vec<Vec<Made>>> {
        self.inner.made_under(keys)
    }

    fn fixed_known(&self, fixed: &[FixedHash]) -> Result<Vec<bool>> {
        self.inner.fixed_known(fixed)
    }

    fn made_with(&self, recipe: Fingerprint, labels: &[Name]) -> Result<bool> {
        self.inner.made_with(recipe, labels)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Listed>> {
        self.inner.list(filter)
    }

    fn published(&self, class: &str) -> Result<Vec<Identity>> {
        self.inner.published(class)
    }

    fn condemned(&self) -> Result<Vec<(Identity, ContentHash)>> {
        self.inner.condemned()
    }

    fn holds(&self) -> Result<Vec<(Identity, Hold, Option<SnapshotId>)>> {
        self.inner.holds()
    }

    fn sourced(&self, class: &str) -> Result<Vec<Identity>> {
        self.inner.sourced(class)
    }

    fn by_content(&self, prefix: &str) -> Result<Vec<Snapshot>> {
        self.inner.by_content(prefix)
    }

    fn readers(&self, ids: &[SnapshotId]) -> Result<Vec<RunId>> {
        self.inner.readers(ids)
    }

    fn last_run(&self, identity: &Identity) -> Result<Option<RunId>> {
        self.inner.last_run(identity)
    }

    fn costs(&self) -> Result<Vec<(String, Cost)>> {
        self.inner.costs()
    }

    fn labels(&self) -> Result<Vec<LabelSummary>> {
        self.inner.labels()
    }

    fn promotions(&self, to: Option<&str>) -> Result<Vec<Promotion>> {
        self.inner.promotions(to)
    }

    fn blessings(&self) -> Result<Vec<Blessing>> {
        self.inner.blessings()
    }

    fn earlier(&self, identity: &Identity, most: usize) -> Result<Vec<(Identity, Snapshot)>> {
        self.inner.earlier(identity, most)
    }

    fn looked(&self, ids: &[SnapshotId]) -> Result<Vec<Looked>> {
        self.inner.looked(ids)
    }

    fn quarantined(&self, class: Option<&str>) -> Result<Vec<Quarantined>> {
        self.inner.quarantined(class)
    }

    fn stored(&self) -> Result<Vec<(Snapshot, bool)>> {
        self.inner.stored()
    }

    fn log(&self, identity: Option<&Identity>) -> Result<Vec<LogEntry>> {
        self.inner.log(identity)
    }

    fn classes(&self) -> Result<Vec<String>> {
        self.inner.classes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::policy::{Rule, Writer};
    use crate::catalog::{NewMove, NewPromotion, NewRun, Outcome, PromotionKind};
    use crate::digest::{Shape, of_bytes};
    use crate::identity::Instance;
    use crate::store::{Kind, Stamp};

    /// Only alice may write under prod, only those of `team` into pii. Bob is in no group.
    fn gate() -> Gate {
        let rule = |writer| Rule { protected: true, writers: vec![Writer::parse(writer)] };
        let policy = Policy { labels: vec![("prod".into(), rule("alice"))], repositories: vec![("pii".into(), rule("group:team"))] };
        let groups_of = |user: &str| Ok(if user == "alice" { vec!["team".to_string()] } else { vec![] });
        Gate { inner: SqliteCatalog::open_in_memory().expect("opened"), policy, groups_of, known: RefCell::default() }
    }

    fn identity(label: &str, repository: &str) -> Identity {
        Identity { class: "a".into(), instance: Instance::new([]), label: label.into(), repository: repository.into() }
    }

    fn new(identity: &Identity, stamp: u128) -> Box<NewSnapshot> {
        Box::new(NewSnapshot {
            identity: identity.clone(),
            content: of_bytes(b"x"),
            kind: Kind::File,
            bytes: 1,
            files: 1,
            path: "a/x".into(),
            stored: false,
            stamp: Stamp(stamp),
            looked: Looked::default(),
        })
    }

    fn commit(gate: &Gate, user: &str, change: &Change) -> Result<Vec<Applied>> {
        let actor = Actor { user: user.into(), host: "here".into(), command: "test".into() };
        gate.commit(&actor, 1, std::slice::from_ref(change))
    }

    fn refused(gate: &Gate, user: &str, change: &Change) -> Vec<String> {
        let before = gate.log(None).expect("read");
        let now = |gate: &Gate| format!("{:?}", (gate.list(&Filter { all: true, ..Filter::default() }), gate.holds(), gate.condemned()));
        let there = now(gate);
        let refusals = match commit(gate, user, change) {
            Err(CatalogError::NotPermitted(refusals)) => refusals,
            other => panic!("{change:?} of {user} is not refused: {other:?}"),
        };
        assert_eq!(now(gate), there, "nothing else is written");
        let log = gate.log(None).expect("read");
        let rows: Vec<_> = log[before.len()..].iter().map(|row| (row.user.as_str(), row.what.as_str())).collect();
        assert_eq!(rows, vec![(user, "refuse"); refusals.len()]);
        refusals.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_change_is_checked_before_anything_is_written() {
        let gate = gate();
        let prod = identity("prod", "dl");
        let Some(Applied::Snapshot(id)) = commit(&gate, "alice", &Change::Source(new(&prod, 1))).expect("alice may").pop() else {
            panic!("a snapshot");
        };
        let because = String::from("a test");
        let key = Key([0; 32]);
        let run = NewRun {
            formula: "x -> a".into(),
            place: "p:1".into(),
            label: "prod".into(),
            key,
            fixed: FixedHash([0; 32]),
            fingerprint: Fingerprint([0; 32]),
            shape: Shape([0; 32]),
            recipe: "{}".into(),
            variables: "{}".into(),
            effect: false,
            inputs: vec![],
            targets: vec![prod.clone()],
            outputs: vec![],
            started: 0,
            seconds: 0.0,
            outcome: Outcome::Failed,
            message: None,
            attempts: 1,
            folder: String::new(),
        };
        let one = NewMove { identity: prod.clone(), expect: None, snapshot: Some(id), hold: None };
        let promotion = NewPromotion {
            kind: PromotionKind::Promotion,
            from: Some("pr-1".into()),
            to: "prod".into(),
            undoes: vec![],
            because: None,
            moves: vec![one],
        };
        for change in [
            Change::Run(Box::new(run)),
            Change::Source(Box::new(NewSnapshot { content: of_bytes(b"y"), ..*new(&prod, 1) })),
            Change::Publish { snapshot: new(&prod, 1), hold: None },
            Change::Point { identity: prod.clone(), snapshot: id, expect: None, because: because.clone() },
            Change::Hold { identity: prod.clone(), because: because.clone() },
            Change::Release { identity: prod.clone() },
            Change::Saw { identity: prod.clone(), base: None },
            Change::Withdraw { identity: prod.clone(), because: because.clone() },
            Change::Bless { identity: prod.clone(), snapshot: id, key, because: because.clone() },
            Change::Unbless { identity: prod.clone(), snapshot: id, key },
            Change::Promote(Box::new(promotion)),
            Change::Invalidate { snapshot: id, because: because.clone() },
            Change::Clean { snapshot: id },
        ] {
            assert_eq!(refused(&gate, "bob", &change), ["bob may not write under the label prod"], "{change:?}");
        }
        for change in [
            Change::Restamp { snapshot: id, stamp: Stamp(2) },
            Change::Source(new(&prod, 3)),
            Change::Refuse { identity: None, because },
            Change::Hold { identity: identity("pr-1", "dl"), because: "elsewhere".into() },
        ] {
            commit(&gate, "bob", &change).expect("bob may");
        }
        assert_eq!(gate.snapshots(&[id]).expect("read")[0].stamp, Stamp(3), "a moved stamp is only what was seen");
    }

    #[test]
    fn invalidating_asks_for_every_label_whose_pointer_goes() {
        let gate = gate();
        let own = identity("pr-1", "dl");
        let Some(Applied::Snapshot(snapshot)) = commit(&gate, "bob", &Change::Source(new(&own, 1))).expect("bob may").pop() else {
            panic!("a snapshot");
        };
        let invalidate = Change::Invalidate { snapshot, because: "a test".into() };
        assert_eq!(gate.refusals_of("bob", std::slice::from_ref(&invalidate)).expect("read"), []);
        let point = Change::Point { identity: identity("prod", "dl"), snapshot, expect: None, because: "promoted".into() };
        commit(&gate, "alice", &point).expect("alice may");
        assert_eq!(refused(&gate, "bob", &invalidate), ["bob may not write under the label prod"]);
        let row = gate.log(None).expect("read").pop().expect("a row");
        assert_eq!(row.identity, Some(identity("prod", "dl")));
        assert_eq!(row.because.as_deref(), Some("bob may not write under the label prod: alice may"));
        commit(&gate, "alice", &invalidate).expect("alice may");
        assert!(gate.list(&Filter::default()).expect("read").is_empty());
    }

    #[test]
    fn what_is_asked_beforehand_is_what_a_commit_would_say() {
        let gate = gate();
        let actor = |user: &str| Actor { user: user.into(), host: "here".into(), command: "test".into() };
        let asked = [identity("prod", "pii"), identity("prod", "dl")];
        let Err(CatalogError::NotPermitted(refusals)) = gate.ask(&actor("bob"), 1, &asked) else { panic!("refused") };
        assert_eq!(refusals, gate.refusals("bob", &asked));
        let told: Vec<_> = gate.log(None).expect("read").into_iter().filter_map(|row| row.because).collect();
        assert_eq!(
            told,
            [
                "bob may not write under the label prod, here and for 1 more: alice may",
                "bob may not write into the repository pii: group:team may"
            ]
        );
        gate.ask(&actor("alice"), 1, &asked).expect("alice may, by her group too");
    }
}
