//! What every change is made of: numbers of identities, pointers, holds, and the log.
//!
//! What is true here: a row of the log whose `was` and `now` differ moved a pointer, and no other row did.

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction};

use super::{SqliteCatalog, components_json};
use crate::catalog::{Actor, Result, SnapshotId, Timestamp};
use crate::identity::Identity;

/// A transaction under way.
pub(super) struct Writer<'a> {
    pub(super) catalog: &'a SqliteCatalog,
    pub(super) transaction: Transaction<'a>,
    pub(super) actor: &'a Actor,
    pub(super) now: Timestamp,
    /// Numbers of identities that this transaction named.
    pub(super) numbers: RefCell<HashMap<Identity, i64>>,
}

impl Writer<'_> {
    pub(super) fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        Ok(self.transaction.prepare_cached(sql)?.execute(params)?)
    }

    /// An identity's number, added where it is new.
    pub(super) fn number(&self, identity: &Identity) -> Result<i64> {
        if let Some(id) = self.numbers.borrow().get(identity) {
            return Ok(*id);
        }
        let id = match self.catalog.number(identity)? {
            Some(id) => id,
            None => {
                self.execute(
                    "insert into identity (class, instance, label, repository, components) values (?, ?, ?, ?, ?)",
                    (
                        &*identity.class,
                        identity.instance.to_string(),
                        &*identity.label,
                        &*identity.repository,
                        components_json(&identity.instance),
                    ),
                )?;
                self.transaction.last_insert_rowid()
            }
        };
        self.numbers.borrow_mut().insert(identity.clone(), id);
        Ok(id)
    }

    pub(super) fn current(&self, identity: i64) -> Result<Option<SnapshotId>> {
        let mut statement = self.transaction.prepare_cached("select snapshot from current where identity = ?")?;
        Ok(statement.query_row([identity], |row| row.get(0)).optional()?.map(SnapshotId))
    }

    pub(super) fn is_invalidated(&self, snapshot: SnapshotId) -> Result<bool> {
        Ok(self.transaction.prepare_cached("select 1 from invalidation where snapshot = ?")?.exists([snapshot.0])?)
    }

    /// Whether something may stand for a snapshot.
    pub(super) fn is_good(&self, snapshot: SnapshotId) -> Result<bool> {
        Ok(!self.is_invalidated(snapshot)? && !self.is_quarantined(snapshot)?)
    }

    /// The number of the identity that a snapshot was first made for.
    pub(super) fn made_for(&self, snapshot: SnapshotId) -> Result<i64> {
        let mut statement = self.transaction.prepare_cached("select identity from snapshot where id = ?")?;
        Ok(statement.query_row([snapshot.0], |row| row.get(0))?)
    }

    pub(super) fn log(
        &self,
        what: &str,
        identity: Option<i64>,
        was: Option<SnapshotId>,
        now: Option<SnapshotId>,
        because: Option<&str>,
    ) -> Result<()> {
        self.execute(
            "insert into pointer_log (at, user, host, command, what, identity, was, now, because) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.now,
                &self.actor.user,
                &self.actor.host,
                &self.actor.command,
                what,
                identity,
                was.map(|s| s.0),
                now.map(|s| s.0),
                because,
            ),
        )?;
        Ok(())
    }

    pub(super) fn point(&self, identity: &Identity, snapshot: SnapshotId, what: &str, because: Option<&str>) -> Result<()> {
        let id = self.number(identity)?;
        let was = self.current(id)?;
        if was != Some(snapshot) {
            self.execute("insert or replace into current (identity, snapshot, since) values (?, ?, ?)", (id, snapshot.0, self.now))?;
        }
        self.log(what, Some(id), was, Some(snapshot), because)
    }

    /// Takes a pointer away, where there is one.
    pub(super) fn withdraw(&self, identity: i64, what: &str, because: Option<&str>) -> Result<()> {
        let Some(was) = self.current(identity)? else { return Ok(()) };
        self.execute("delete from current where identity = ?", [identity])?;
        self.log(what, Some(identity), Some(was), None, because)
    }

    pub(super) fn hold(&self, identity: &Identity, because: &str) -> Result<()> {
        let id = self.number(identity)?;
        let sql = "insert or replace into hold (identity, because, user, at) values (?, ?, ?, ?)";
        self.execute(sql, (id, because, &self.actor.user, self.now))?;
        let current = self.current(id)?;
        self.log("hold", Some(id), current, current, Some(because))
    }
}
