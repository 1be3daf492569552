//! Rows as values.

use rusqlite::{OptionalExtension, Params, Row};

use super::{SqliteCatalog, components_from};
use crate::catalog::{Origin, Result, RunId, Snapshot, SnapshotId, State};
use crate::digest::ContentHash;
use crate::identity::{Identity, Instance};
use crate::store::{Kind, Stamp};

/// The columns of a snapshot, for [`SqliteCatalog::snapshot`].
pub(super) const SNAPSHOT: &str =
    "s.id, s.identity, s.content, s.kind, s.bytes, s.files, s.path, s.stored, s.origin, s.run, s.made, t.stamp,
     case when v.snapshot is not null then 'invalidated' when q.snapshot is not null then 'quarantined' end";
pub(super) const SNAPSHOT_FROM: &str =
    "left join stamp t on t.snapshot = s.id left join invalidation v on v.snapshot = s.id left join quarantine q on q.snapshot = s.id";
/// A scan of all rows is cheaper than a look-up each, once so large a part of them is asked for (one in three).
const PART: usize = 3;

impl SqliteCatalog {
    pub(super) fn each(&self, sql: &str, params: impl Params, mut each: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            each(row)?;
        }
        Ok(())
    }

    pub(super) fn all<T>(&self, sql: &str, params: impl Params, mut each: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.each(sql, params, |row| {
            found.push(each(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Whether a scan answers for so many identities (or runs) sooner than look-ups do.
    pub(super) fn is_much(&self, asked: usize, table: &str) -> Result<bool> {
        let rows: Option<i64> = self.connection.prepare_cached(&format!("select max(id) from {table}"))?.query_row([], |row| row.get(0))?;
        Ok(asked * PART > rows.unwrap_or(0) as usize)
    }

    pub(super) fn identity(&self, id: i64) -> Result<Identity> {
        if let Some(known) = self.identities.borrow().get(&id) {
            return Ok(known.clone());
        }
        let mut statement = self.connection.prepare_cached("select class, components, label, repository from identity where id = ?")?;
        let identity = statement.query_row([id], identity_at(0))?;
        self.identities.borrow_mut().insert(id, identity.clone());
        Ok(identity)
    }

    pub(super) fn number(&self, identity: &Identity) -> Result<Option<i64>> {
        let mut statement =
            self.connection.prepare_cached("select id from identity where class = ? and instance = ? and label = ? and repository = ?")?;
        let params = (&*identity.class, identity.instance.to_string(), &*identity.label, &*identity.repository);
        Ok(statement.query_row(params, |row| row.get(0)).optional()?)
    }

    /// A snapshot whose columns [`SNAPSHOT`] begin at `at`.
    pub(super) fn snapshot(&self, row: &Row<'_>, at: usize) -> Result<Snapshot> {
        let origin: String = row.get(at + 8)?;
        let run: Option<i64> = row.get(at + 9)?;
        Ok(Snapshot {
            id: SnapshotId(row.get(at)?),
            identity: self.identity(row.get(at + 1)?)?,
            content: ContentHash(row.get(at + 2)?),
            kind: match row.get_ref(at + 3)?.as_str().unwrap_or_default() {
                "folder" => Kind::Folder,
                "executable" => Kind::Executable,
                _ => Kind::File,
            },
            bytes: row.get::<_, i64>(at + 4)? as u64,
            files: row.get::<_, i64>(at + 5)? as u64,
            path: row.get(at + 6)?,
            stored: row.get(at + 7)?,
            origin: match (origin.as_str(), run) {
                (_, Some(run)) => Origin::Run(RunId(run)),
                ("published", _) => Origin::Published,
                _ => Origin::Source,
            },
            state: match row.get_ref(at + 12)?.as_str().unwrap_or_default() {
                "invalidated" => State::Invalidated,
                "quarantined" => State::Quarantined,
                _ => State::Good,
            },
            made: row.get(at + 10)?,
            stamp: Stamp(row.get::<_, Option<[u8; 16]>>(at + 11)?.map_or(0, u128::from_le_bytes)),
        })
    }

    pub(super) fn load_identities(&self) -> Result<()> {
        let sql = "select id, class, components, label, repository from identity where id > ? order by id";
        let rows = self.all(sql, [self.loaded.get()], |row| Ok((row.get::<_, i64>(0)?, identity_at(1)(row)?)))?;
        if let Some((last, _)) = rows.last() {
            self.loaded.set(*last);
        }
        self.identities.borrow_mut().extend(rows);
        Ok(())
    }
}

/// Reads an identity whose columns class, components, label and repository begin at `at`.
pub(super) fn identity_at(at: usize) -> impl Fn(&Row<'_>) -> rusqlite::Result<Identity> {
    move |row| {
        let text = |i: usize| row.get::<_, String>(at + i);
        let components = text(1)?;
        Ok(Identity {
            class: text(0)?.into(),
            instance: components_from(&components).unwrap_or_else(|| Instance::new([])),
            label: text(2)?.into(),
            repository: text(3)?.into(),
        })
    }
}
