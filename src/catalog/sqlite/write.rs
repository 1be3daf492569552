//! Writing: all changes of one call in one transaction.

use std::cell::RefCell;

use rusqlite::{Transaction, TransactionBehavior};

use super::SqliteCatalog;
use super::writer::Writer;
use crate::catalog::{Actor, Applied, Catalog, CatalogError, Change, NewRun, NewSnapshot, Outcome, Result, RunId, SnapshotId, Timestamp};
use crate::identity::Identity;
use crate::store::{Kind, Stamp};

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
                if is_elsewhere || !self.is_good(*snapshot)? {
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
            Change::Look { snapshot, looked } => {
                self.looked(*snapshot, looked)?;
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
                self.withdraw(self.number(identity)?, "withdraw", Some(because))?;
                Ok(Applied::Nothing)
            }
            Change::Promote(new) => Ok(Applied::Promotion(self.promote(new)?)),
            Change::Bless { identity, snapshot, key, because } => {
                self.bless(identity, *snapshot, *key, because)?;
                Ok(Applied::Nothing)
            }
            Change::Unbless { identity, snapshot, key } => {
                self.unbless(identity, *snapshot, *key)?;
                Ok(Applied::Nothing)
            }
            Change::Clean { snapshot } => {
                self.clean(*snapshot)?;
                Ok(Applied::Nothing)
            }
            Change::Refuse { identity, because } => {
                self.refuse(identity.as_ref(), because)?;
                Ok(Applied::Nothing)
            }
        }
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
        self.looked(id, &new.looked)?;
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
            let Some(snapshot) = snapshot else { continue };
            match new.outcome {
                Outcome::Succeeded => self.point(target, snapshot, "run", None)?,
                // All outputs of a job are seen together, or not at all.
                _ => self.quarantine(target, snapshot, &new.outputs[position].looked)?,
            }
            outputs.push(snapshot);
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
        if new.looked.refused.is_some() {
            self.quarantine(&new.identity, snapshot, &new.looked)?;
        } else {
            self.point(&new.identity, snapshot, "source", None)?;
        }
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
            self.log("invalidate", Some(self.made_for(snapshot)?), Some(snapshot), Some(snapshot), Some(because))?;
        }
        for identity in pointing {
            self.withdraw(identity, "invalidate", Some(because))?;
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
