//! Writing: all changes of one call in one transaction.

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior};

use super::{SqliteCatalog, components_json};
use crate::catalog::{Actor, Applied, Catalog, CatalogError, Change, NewRun, NewSnapshot, Outcome, Result, RunId, SnapshotId, Timestamp};
use crate::identity::Identity;
use crate::store::{Kind, Stamp};

struct Writer<'a> {
    catalog: &'a SqliteCatalog,
    transaction: Transaction<'a>,
    actor: &'a Actor,
    now: Timestamp,
    /// Numbers of identities that this transaction named.
    numbers: RefCell<HashMap<Identity, i64>>,
}

impl Catalog for SqliteCatalog {
    fn commit(&self, actor: &Actor, now: Timestamp, changes: &[Change]) -> Result<Vec<Applied>> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let writer = Writer { catalog: self, transaction, actor, now, numbers: RefCell::default() };
        let applied = changes.iter().map(|change| writer.apply(change)).collect::<Result<Vec<_>>>()?;
        writer.transaction.commit()?;
        Ok(applied)
    }
}

impl Writer<'_> {
    fn apply(&self, change: &Change) -> Result<Applied> {
        match change {
            Change::Run(run) => self.run(run),
            Change::Source(new) => self.source(new),
            Change::Publish { snapshot, hold } => {
                let id = self.add_snapshot(snapshot, "published", None)?;
                self.lift(&snapshot.identity, snapshot)?;
                self.point(&snapshot.identity, id, "publish", None)?;
                if let Some(because) = hold {
                    self.hold(&snapshot.identity, because)?;
                }
                Ok(Applied::Snapshot(id))
            }
            Change::Point { identity, snapshot, expect, because } => {
                let is_elsewhere = match expect {
                    Some(expected) => self.current(self.number(identity)?)? != *expected,
                    None => false,
                };
                if is_elsewhere || self.is_invalidated(*snapshot)? {
                    return Err(CatalogError::Moved { identity: identity.clone() });
                }
                self.point(identity, *snapshot, "point", Some(because))?;
                Ok(Applied::Snapshot(*snapshot))
            }
            Change::Hold { identity, because } => {
                self.hold(identity, because)?;
                Ok(Applied::Nothing)
            }
            Change::Release { identity } => {
                let id = self.number(identity)?;
                if self.execute("delete from hold where identity = ?", [id])? > 0 {
                    let current = self.current(id)?;
                    self.log("release", Some(id), current, current, None)?;
                }
                Ok(Applied::Nothing)
            }
            Change::Invalidate { snapshot, because } => {
                self.invalidate(*snapshot, because)?;
                Ok(Applied::Nothing)
            }
            Change::Restamp { snapshot, stamp } => {
                self.stamp(*snapshot, *stamp)?;
                Ok(Applied::Nothing)
            }
            Change::Saw { identity, base } => {
                let params = (base.map_or(0, |s| s.0), self.number(identity)?);
                self.execute("update current set saw = ? where identity = ?", params)?;
                Ok(Applied::Nothing)
            }
            Change::Withdraw { identity, because } => {
                let id = self.number(identity)?;
                let was = self.current(id)?;
                if was.is_some() {
                    self.execute("delete from current where identity = ?", [id])?;
                    self.log("withdraw", Some(id), was, None, Some(because))?;
                }
                Ok(Applied::Nothing)
            }
            Change::Promote(_) | Change::Bless { .. } | Change::Unbless { .. } | Change::Clean { .. } | Change::Refuse { .. } => {
                Ok(Applied::Nothing)
            }
        }
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        Ok(self.transaction.prepare_cached(sql)?.execute(params)?)
    }

    /// An identity's number, added where it is new.
    fn number(&self, identity: &Identity) -> Result<i64> {
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

    fn current(&self, identity: i64) -> Result<Option<SnapshotId>> {
        let mut statement = self.transaction.prepare_cached("select snapshot from current where identity = ?")?;
        Ok(statement.query_row([identity], |row| row.get(0)).optional()?.map(SnapshotId))
    }

    fn is_invalidated(&self, snapshot: SnapshotId) -> Result<bool> {
        Ok(self.transaction.prepare_cached("select 1 from invalidation where snapshot = ?")?.exists([snapshot.0])?)
    }

    fn log(
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

    fn point(&self, identity: &Identity, snapshot: SnapshotId, what: &str, because: Option<&str>) -> Result<()> {
        let id = self.number(identity)?;
        let was = self.current(id)?;
        if was != Some(snapshot) {
            self.execute("insert or replace into current (identity, snapshot, since) values (?, ?, ?)", (id, snapshot.0, self.now))?;
        }
        self.log(what, Some(id), was, Some(snapshot), because)
    }

    fn hold(&self, identity: &Identity, because: &str) -> Result<()> {
        let id = self.number(identity)?;
        let sql = "insert or replace into hold (identity, because, user, at) values (?, ?, ?, ?)";
        self.execute(sql, (id, because, &self.actor.user, self.now))?;
        let current = self.current(id)?;
        self.log("hold", Some(id), current, current, Some(because))
    }

    fn stamp(&self, snapshot: SnapshotId, stamp: Stamp) -> Result<()> {
        self.execute("insert or replace into stamp (snapshot, stamp) values (?, ?)", (snapshot.0, stamp.0.to_le_bytes()))?;
        Ok(())
    }

    fn add_snapshot(&self, new: &NewSnapshot, origin: &str, run: Option<RunId>) -> Result<SnapshotId> {
        let identity = self.number(&new.identity)?;
        self.execute(
            "insert into snapshot (identity, content, kind, bytes, files, path, stored, origin, run, made) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                identity,
                new.content.0,
                kind_word(new.kind),
                new.bytes as i64,
                new.files as i64,
                &new.path,
                new.stored,
                origin,
                run.map(|r| r.0),
                self.now,
            ),
        )?;
        let id = SnapshotId(self.transaction.last_insert_rowid());
        self.stamp(id, new.stamp)?;
        Ok(id)
    }

    fn run(&self, new: &NewRun) -> Result<Applied> {
        self.execute("insert or ignore into recipe (fingerprint, parts) values (?, ?)", (new.fingerprint.0, &new.recipe))?;
        let outcome = match new.outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Interrupted => "interrupted",
        };
        self.execute(
            "insert into run (formula, place, label, key, fixed, fingerprint, variables, effect, started, seconds, outcome, message, attempts,
             folder, user, shape) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rusqlite::params![
                new.formula,
                new.place,
                &*new.label,
                new.key.0,
                new.fixed.0,
                new.fingerprint.0,
                new.variables,
                new.effect,
                new.started,
                new.seconds,
                outcome,
                new.message,
                new.attempts,
                new.folder,
                self.actor.user,
                new.shape.0,
            ],
        )?;
        let run = RunId(self.transaction.last_insert_rowid());
        for (position, (name, identity, snapshot)) in new.inputs.iter().enumerate() {
            let sql = "insert into run_input (run, position, name, identity, snapshot) values (?, ?, ?, ?, ?)";
            self.execute(sql, (run.0, position as i64, &**name, self.number(identity)?, snapshot.0))?;
        }
        let mut outputs = Vec::with_capacity(new.outputs.len());
        for (position, target) in new.targets.iter().enumerate() {
            let snapshot = match new.outputs.get(position) {
                Some(output) => Some(self.add_snapshot(output, "run", Some(run))?),
                None => None,
            };
            let sql = "insert into run_output (run, position, identity, snapshot) values (?, ?, ?, ?)";
            self.execute(sql, (run.0, position as i64, self.number(target)?, snapshot.map(|s| s.0)))?;
            if let Some(snapshot) = snapshot {
                self.point(target, snapshot, "run", None)?;
                outputs.push(snapshot);
            }
        }
        Ok(Applied::Run { run, outputs })
    }

    fn source(&self, new: &NewSnapshot) -> Result<Applied> {
        let id = self.number(&new.identity)?;
        if let Some(current) = self.current(id)? {
            let mut statement = self.transaction.prepare_cached("select content, kind, path, stored from snapshot where id = ?")?;
            let same = statement.query_row([current.0], |row| {
                Ok(row.get::<_, [u8; 32]>(0)? == new.content.0
                    && row.get::<_, String>(1)? == kind_word(new.kind)
                    && row.get::<_, String>(2)? == new.path
                    && row.get::<_, bool>(3)? == new.stored)
            })?;
            if same {
                self.stamp(current, new.stamp)?;
                return Ok(Applied::Snapshot(current));
            }
        }
        let snapshot = self.add_snapshot(new, "source", None)?;
        self.point(&new.identity, snapshot, "source", None)?;
        Ok(Applied::Snapshot(snapshot))
    }

    /// Publishing bytes that were condemned takes the verdict back.
    fn lift(&self, identity: &Identity, new: &NewSnapshot) -> Result<()> {
        let sql = "delete from condemned where class = ? and instance = ? and repository = ? and content = ?";
        self.execute(sql, (&*identity.class, identity.instance.to_string(), &*identity.repository, new.content.0))?;
        Ok(())
    }

    fn invalidate(&self, snapshot: SnapshotId, because: &str) -> Result<()> {
        if self.is_invalidated(snapshot)? {
            return Ok(());
        }
        self.execute(
            "insert into invalidation (snapshot, because, user, at) values (?, ?, ?, ?)",
            (snapshot.0, because, &self.actor.user, self.now),
        )?;
        self.execute(
            "insert or ignore into condemned (class, instance, repository, content)
             select i.class, i.instance, i.repository, s.content from snapshot s join identity i on i.id = s.identity
             where s.id = ? and s.origin = 'source'",
            [snapshot.0],
        )?;
        let mut statement = self.transaction.prepare_cached("select identity from current where snapshot = ? order by identity")?;
        let pointing: Vec<i64> = statement.query_map([snapshot.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        if pointing.is_empty() {
            // No pointer moves; the log still says who did it.
            let mut statement = self.transaction.prepare_cached("select identity from snapshot where id = ?")?;
            let own = statement.query_row([snapshot.0], |row| row.get(0))?;
            self.log("invalidate", Some(own), Some(snapshot), None, Some(because))?;
        }
        for identity in pointing {
            self.execute("delete from current where identity = ?", [identity])?;
            self.log("invalidate", Some(identity), Some(snapshot), None, Some(because))?;
        }
        Ok(())
    }
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Executable => "executable",
        Kind::Folder => "folder",
    }
}
