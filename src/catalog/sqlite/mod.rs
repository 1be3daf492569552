//! The catalog in one SQLite file (or in memory): write-ahead log, every commit synced.
//!
//! What is true here: one transaction per commit, begun `immediate`, so that writers queue and readers never wait; identities that were read
//! once are remembered by their number, for they never change.

mod schema;
mod read;
mod write;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{CatalogError, Result};
use crate::identity::{Component, Identity, Instance, Type};

/// How a catalog is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is created; a catalog that is not there reads as an empty one.
    Read,
    /// Created where it is not there.
    Write,
}

/// One connection.
pub struct SqliteCatalog {
    connection: Connection,
    identities: RefCell<HashMap<i64, Identity>>,
}

impl SqliteCatalog {
    /// # Errors
    /// The file cannot be opened, is no catalog, or has a newer schema than this formake knows.
    pub fn open(path: &Path, mode: Mode) -> Result<Self> {
        if mode == Mode::Read && !path.exists() {
            return Self::open_in_memory();
        }
        let unusable =
            |error: &dyn std::fmt::Display| CatalogError::Unusable { path: path.display().to_string(), reason: error.to_string() };
        if mode == Mode::Write
            && let Some(folder) = path.parent()
        {
            std::fs::create_dir_all(folder).map_err(|e| unusable(&e))?;
        }
        let flags = match mode {
            Mode::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Mode::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|e| unusable(&e))?;
        let catalog = Self { connection, identities: RefCell::default() };
        catalog.connection.busy_timeout(Duration::from_secs(60))?;
        catalog.prepare(mode == Mode::Write, &path.display().to_string()).map_err(|error| match error {
            CatalogError::Sqlite(error) => unusable(&error),
            other => other,
        })?;
        Ok(catalog)
    }

    pub fn open_in_memory() -> Result<Self> {
        let catalog = Self { connection: Connection::open_in_memory()?, identities: RefCell::default() };
        catalog.prepare(true, ":memory:")?;
        Ok(catalog)
    }

    fn prepare(&self, write: bool, path: &str) -> Result<()> {
        let c = &self.connection;
        if write {
            c.pragma_update(None, "journal_mode", "wal")?;
            c.pragma_update(None, "synchronous", "full")?;
        }
        c.pragma_update(None, "foreign_keys", true)?;
        c.pragma_update(None, "cache_size", -65_536)?;
        c.set_prepared_statement_cache_capacity(64);
        let pragma = |name: &str| c.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        match (pragma("user_version")?, pragma("application_id")?) {
            (schema::VERSION, schema::APPLICATION) => Ok(()),
            (0, 0) if write => self.create(),
            (found, schema::APPLICATION) => Err(CatalogError::Schema { path: path.to_string(), found, known: schema::VERSION }),
            _ => Err(CatalogError::Unusable { path: path.to_string(), reason: "it is a database, but no catalog of formake".into() }),
        }
    }

    fn create(&self) -> Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(&self.connection, rusqlite::TransactionBehavior::Immediate)?;
        // Another process may have been first.
        let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            let tables: i64 = transaction.query_row("select count(*) from sqlite_master", [], |row| row.get(0))?;
            if tables > 0 {
                let path = self.connection.path().unwrap_or_default().to_string();
                return Err(CatalogError::Unusable { path, reason: "it is a database, but no catalog of formake".into() });
            }
            transaction.execute_batch(schema::CREATE)?;
            for table in schema::APPEND_ONLY {
                for what in ["update", "delete"] {
                    transaction.execute_batch(&format!(
                        "create trigger {table}_{what} before {what} on {table} begin select raise(abort, '{table} is only added to'); end;"
                    ))?;
                }
            }
            transaction.pragma_update(None, "application_id", schema::APPLICATION)?;
            transaction.pragma_update(None, "user_version", schema::VERSION)?;
        }
        Ok(transaction.commit()?)
    }
}

/// An instance's components as JSON: `[["storeId","text","JFK"],[null,"day","2013-01-01"]]`.
fn components_json(instance: &Instance) -> String {
    let parts = instance.0.iter().map(|c| serde_json::json!([c.key.as_deref(), c.value.ty().word(), c.value.to_string()]));
    serde_json::Value::Array(parts.collect()).to_string()
}

fn components_from(json: &str) -> Option<Instance> {
    let parts: Vec<(Option<String>, String, String)> = serde_json::from_str(json).ok()?;
    let components: Option<Vec<Component>> = parts
        .into_iter()
        .map(|(key, ty, value)| Some(Component { key: key.map(Into::into), value: Type::from_word(&ty)?.read(&value)? }))
        .collect();
    components.map(Instance::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Actor, Catalog, Change, Filter, NewSnapshot, Reader};
    use crate::identity::Instance;
    use crate::store::{Kind, Stamp};

    #[test]
    fn what_is_held_or_released_is_still_listed() {
        let folder = tempfile::tempdir().expect("a folder");
        let catalog = SqliteCatalog::open(&folder.path().join("catalog.db"), Mode::Write).expect("a new catalog");
        let actor = Actor { user: "alice".into(), host: "here".into(), command: "test".into() };
        let identity = Identity { class: "a".into(), instance: Instance::new([]), label: "prod".into(), repository: "dl".into() };
        let snapshot = Box::new(NewSnapshot {
            identity: identity.clone(),
            content: crate::digest::of_bytes(b"abc"),
            kind: Kind::File,
            bytes: 3,
            files: 1,
            path: "a".into(),
            stored: true,
            stamp: Stamp(1),
        });
        let commit = |change| catalog.commit(&actor, 1_000, &[change]).expect("committed");
        let listed = || catalog.list(&Filter::default()).expect("a list");
        commit(Change::Publish { snapshot, hold: Some("audit".into()) });
        assert!(matches!(listed().as_slice(), [row] if row.current && row.hold.is_some()));
        commit(Change::Release { identity });
        assert!(matches!(listed().as_slice(), [row] if row.current && row.hold.is_none()));
    }
}
