//! Changes of many pointers at once, and statements about snapshots.

use rusqlite::OptionalExtension;

use super::writer::Writer;
use crate::catalog::{CatalogError, NewPromotion, PromotionId, PromotionKind, Result, SnapshotId};
use crate::digest::Key;
use crate::identity::Identity;

impl Writer<'_> {
    pub(super) fn promote(&self, new: &NewPromotion) -> Result<PromotionId> {
        let (kind, what) = match new.kind {
            PromotionKind::Promotion => ("promotion", "promote"),
            PromotionKind::Rollback => ("rollback", "rollback"),
        };
        self.execute(
            "insert into promotion (kind, at, user, source_label, label, because) values (?, ?, ?, ?, ?, ?)",
            (kind, self.now, &self.actor.user, new.from.as_deref(), &*new.to, &new.because),
        )?;
        let id = PromotionId(self.transaction.last_insert_rowid());
        for undone in &new.undoes {
            self.execute("insert into promotion_undone (promotion, undoes) values (?, ?)", (id.0, undone.0))?;
        }
        for (position, one) in new.moves.iter().enumerate() {
            let number = self.number(&one.identity)?;
            let was = self.current(number)?;
            let is_wrong = one.snapshot.map(|snapshot| self.is_good(snapshot).map(|good| !good)).transpose()?.unwrap_or_default();
            if was != one.expect || is_wrong {
                return Err(CatalogError::Moved { identity: one.identity.clone() });
            }
            match one.snapshot {
                Some(snapshot) => self.point(&one.identity, snapshot, what, new.because.as_deref())?,
                None => self.withdraw(number, what, new.because.as_deref())?,
            }
            if let Some(because) = &one.hold {
                self.hold(&one.identity, because)?;
            }
            self.execute(
                "insert into promotion_move (promotion, position, identity, was, now) values (?, ?, ?, ?, ?)",
                (id.0, position as i64, number, was.map(|s| s.0), one.snapshot.map(|s| s.0)),
            )?;
        }
        Ok(id)
    }

    pub(super) fn bless(&self, identity: &Identity, snapshot: SnapshotId, key: Key, because: &str) -> Result<()> {
        let number = self.number(identity)?;
        self.execute(
            "insert or replace into blessing (snapshot, key, identity, because, user, at) values (?, ?, ?, ?, ?, ?)",
            (snapshot.0, key.0, number, because, &self.actor.user, self.now),
        )?;
        self.log("bless", Some(number), Some(snapshot), Some(snapshot), Some(because))
    }

    pub(super) fn unbless(&self, identity: &Identity, snapshot: SnapshotId, key: Key) -> Result<()> {
        if self.execute("delete from blessing where snapshot = ? and key = ?", (snapshot.0, key.0))? > 0 {
            self.log("unbless", Some(self.number(identity)?), Some(snapshot), Some(snapshot), None)?;
        }
        Ok(())
    }

    /// Refused where something stands for the snapshot: it was pointed at since somebody looked.
    pub(super) fn clean(&self, snapshot: SnapshotId) -> Result<()> {
        let mut statement = self.transaction.prepare_cached("select identity from current where snapshot = ? limit 1")?;
        let needed: Option<i64> = statement.query_row([snapshot.0], |row| row.get(0)).optional()?;
        if let Some(identity) = needed {
            return Err(CatalogError::Moved { identity: self.catalog.identity(identity)? });
        }
        self.execute("insert or ignore into cleaning (snapshot, user, at) values (?, ?, ?)", (snapshot.0, &self.actor.user, self.now))?;
        self.log("clean", Some(self.made_for(snapshot)?), Some(snapshot), Some(snapshot), None)
    }

    pub(super) fn refuse(&self, identity: Option<&Identity>, because: &str) -> Result<()> {
        let number = identity.map(|identity| self.number(identity)).transpose()?;
        let current = number.map(|number| self.current(number)).transpose()?.flatten();
        self.log("refuse", number, current, current, Some(because))
    }
}
