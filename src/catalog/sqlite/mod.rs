//! The catalog in one SQLite file (or in memory): write-ahead log, every commit synced.
//!
//! What is true here: one transaction per commit, begun `immediate`, so that writers queue and readers never wait; identities that were read
//! once are remembered by their number, for they never change.

mod schema;
mod rows;
mod standings;
mod labels;
mod read;
mod writer;
mod looks;
mod promote;
mod write;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

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
    /// All identities up to this number are among `identities`.
    loaded: Cell<i64>,
}

/// Has the database keep a log, so that readers do not wait. Of all statements this alone does not wait for others that do the same.
fn share(connection: &Connection) -> rusqlite::Result<()> {
    let is_busy = |error: &rusqlite::Error| error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy);
    let mut left = 1000;
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error) if is_busy(&error) && left > 0 => left -= 1,
            done => return done,
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl SqliteCatalog {
    /// # Errors
    /// The file cannot be opened, is no catalog, or has a newer schema than this formake knows.
    pub(in crate::catalog) fn open(path: &Path, mode: Mode) -> Result<Self> {
        // Not there, or never written: another process may be about to.
        if mode == Mode::Read && std::fs::metadata(path).map_or(true, |file| file.is_file() && file.len() == 0) {
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
        let connect = |path: &Path, more: OpenFlags| {
            let connection = Connection::open_with_flags(path, flags | more | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.busy_timeout(Duration::from_secs(60))?;
            Self::over(connection, mode == Mode::Write, &path.display().to_string())
        };
        let opened = connect(path, OpenFlags::empty()).or_else(|error| match error {
            // A database without a table: who was about to make it a catalog was ended, or has not come to it.
            CatalogError::Schema { found: 0, .. } if mode == Mode::Read => Self::open_in_memory(),
            // Nothing but tables and columns is added: what was there is read as before, by an older formake too.
            CatalogError::Schema { found, known, .. } if mode == Mode::Read && found < known => {
                drop(Self::open(path, Mode::Write)?);
                connect(path, OpenFlags::empty())
            }
            // Where nothing can be written, the files beside it that readers share cannot be made. It is read as it stands, unless a log was left,
            // which would not be seen.
            CatalogError::Sqlite(ref e) if mode == Mode::Read && cannot_share(e) && !log_is_left(path) => {
                connect(Path::new(&immutable(path)), OpenFlags::SQLITE_OPEN_URI)
            }
            other => Err(other),
        });
        opened.map_err(|error| match error {
            CatalogError::Sqlite(error) => unusable(&error),
            other => other,
        })
    }

    pub fn open_in_memory() -> Result<Self> {
        Self::over(Connection::open_in_memory()?, true, ":memory:")
    }

    fn over(connection: Connection, write: bool, path: &str) -> Result<Self> {
        let catalog = Self { connection, identities: RefCell::default(), loaded: Cell::new(0) };
        catalog.prepare(write, path)?;
        Ok(catalog)
    }

    fn prepare(&self, write: bool, path: &str) -> Result<()> {
        let c = &self.connection;
        c.set_prepared_statement_cache_capacity(64);
        // Before anything is set: a database that is something else is not touched.
        // Looked at once more where it is nothing known: another process may just have made it a catalog, in one transaction, while we looked.
        let there = recognized(c, path).or_else(|_| recognized(c, path))?;
        if write {
            share(c)?;
            c.pragma_update(None, "synchronous", "full")?;
        }
        c.pragma_update(None, "foreign_keys", true)?;
        c.pragma_update(None, "cache_size", -65_536)?;
        match there {
            schema::VERSION => Ok(()),
            _ if write => self.bring_up_to_date(path),
            found => Err(CatalogError::Schema { path: path.to_string(), found, known: schema::VERSION }),
        }
    }

    /// Makes an empty database a catalog, and an old catalog one of this version.
    fn bring_up_to_date(&self, path: &str) -> Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(&self.connection, rusqlite::TransactionBehavior::Immediate)?;
        let only_added_to = |tables: &[&str]| {
            tables.iter().flat_map(|table| ["update", "delete"].map(|what| (table, what))).try_for_each(|(table, what)| {
                transaction.execute_batch(&format!(
                    "create trigger {table}_{what} before {what} on {table} begin select raise(abort, '{table} is only added to'); end;"
                ))
            })
        };
        // Another process may have been first.
        let there = recognized(&transaction, path)?;
        if there == 0 {
            transaction.execute_batch(schema::CREATE)?;
            only_added_to(schema::APPEND_ONLY)?;
            transaction.pragma_update(None, "application_id", schema::APPLICATION)?;
        }
        if there < 2 {
            transaction.execute_batch(schema::FROM_1)?;
            only_added_to(schema::APPEND_ONLY_2)?;
        }
        if there < schema::VERSION {
            transaction.execute_batch(schema::FROM_2)?;
            only_added_to(schema::APPEND_ONLY_3)?;
            transaction.pragma_update(None, "user_version", schema::VERSION)?;
        }
        Ok(transaction.commit()?)
    }
}

/// SQLite's words for a folder in which it can make no file.
fn cannot_share(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Whether a write-ahead log stands beside a database, with something in it.
fn log_is_left(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

/// A path as SQLite's name of a database that nobody writes.
fn immutable(path: &Path) -> String {
    let mut name = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => name.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => name.push(char::from(*byte)),
            byte => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name + "?immutable=1"
}

/// The version of a catalog; 0 for an empty database.
fn recognized(c: &Connection, path: &str) -> Result<i64> {
    let pragma = |name: &str| c.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let is_empty = || c.query_row("select not exists (select 1 from sqlite_schema)", [], |row| row.get(0));
    match (pragma("user_version")?, pragma("application_id")?) {
        (found @ 1..=schema::VERSION, schema::APPLICATION) => Ok(found),
        (found, schema::APPLICATION) => Err(CatalogError::Schema { path: path.to_string(), found, known: schema::VERSION }),
        (0, 0) if is_empty()? => Ok(0),
        _ => Err(no_catalog(path)),
    }
}

fn no_catalog(path: &str) -> CatalogError {
    CatalogError::Unusable { path: path.to_string(), reason: "it is a database, but no catalog of formake".into() }
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
    use crate::catalog::{Actor, Catalog, Change, Reader};

    fn hold(catalog: &SqliteCatalog, class: &str) {
        let actor = Actor { user: "alice".into(), host: "here".into(), command: "test".into() };
        let identity = Identity { class: class.into(), instance: Instance::new([]), label: "prod".into(), repository: "dl".into() };
        catalog.commit(&actor, 1, &[Change::Hold { identity, because: "test".into() }]).expect("committed");
    }

    #[test]
    fn reading_creates_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/catalog.db");
        assert_eq!(SqliteCatalog::open(&path, Mode::Read).expect("opened").classes().expect("read"), Vec::<String>::new());
        assert!(!folder.path().join("a").exists());
        std::fs::create_dir(folder.path().join("a")).expect("made");
        std::fs::write(&path, "").expect("written");
        assert!(SqliteCatalog::open(&path, Mode::Read).expect("opened").classes().expect("read").is_empty(), "one that was never written");
        assert_eq!(std::fs::metadata(&path).expect("there").len(), 0);
        // As a kill right after it was created leaves it.
        Connection::open(&path).and_then(|c| c.pragma_update(None, "journal_mode", "wal")).expect("created");
        assert!(SqliteCatalog::open(&path, Mode::Read).expect("opened").classes().expect("read").is_empty(), "one without a table");
    }

    #[test]
    fn a_catalog_that_nobody_can_write_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("50% é?.db");
        hold(&SqliteCatalog::open(&path, Mode::Write).expect("opened"), "a");
        let name = immutable(&path);
        assert!(name.contains("50%25%20%C3%A9%3F.db?immutable=1"), "{name}");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(&name, flags).expect("opened");
        assert_eq!(SqliteCatalog::over(connection, false, &name).expect("a catalog").classes().expect("read"), ["a"]);
    }

    /// Permissions bind everybody but root, for whom this is only reading.
    #[test]
    fn a_folder_that_cannot_be_written_is_read_with_the_log_that_was_left() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let (closed, left) = (folder.path().join("closed"), folder.path().join("left"));
        fs::create_dir(&left).expect("a folder");
        let writer = SqliteCatalog::open(&closed.join("catalog.db"), Mode::Write).expect("opened");
        hold(&writer, "a");
        // As a crash leaves it.
        for entry in fs::read_dir(&closed).expect("listed") {
            let path = entry.expect("listed").path();
            fs::copy(&path, left.join(path.file_name().expect("a name"))).expect("copied");
        }
        drop(writer);
        assert!(log_is_left(&left.join("catalog.db")) && !log_is_left(&closed.join("catalog.db")));
        for folder in [closed, left] {
            fs::set_permissions(&folder, Permissions::from_mode(0o555)).expect("set");
            let read = SqliteCatalog::open(&folder.join("catalog.db"), Mode::Read).and_then(|catalog| catalog.classes());
            fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("set");
            assert_eq!(read.expect("read"), ["a"], "{}", folder.display());
        }
    }

    #[test]
    fn what_is_no_catalog_is_not_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("other.db");
        Connection::open(&path).and_then(|c| c.execute_batch("pragma user_version = 1; create table t (x)")).expect("made");
        let before = std::fs::read(&path).expect("read");
        assert!(SqliteCatalog::open(&path, Mode::Write).is_err());
        assert!(std::fs::read(&path).expect("read") == before);
    }

    #[test]
    fn other_files_and_newer_catalogs_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let refused = |name: &str, mode| match SqliteCatalog::open(&folder.path().join(name), mode) {
            Ok(_) => panic!("{name} is no catalog"),
            Err(error) => error.to_string(),
        };
        std::fs::write(folder.path().join("text"), "no database at all, but long enough to be looked at".repeat(20)).expect("written");
        let other = Connection::open(folder.path().join("other")).expect("opened");
        other.execute_batch("create table t (x)").expect("made");
        drop(SqliteCatalog::open(&folder.path().join("newer"), Mode::Write).expect("opened"));
        let newer = Connection::open(folder.path().join("newer")).expect("opened");
        newer.pragma_update(None, "user_version", schema::VERSION + 1).expect("set");
        for mode in [Mode::Read, Mode::Write] {
            assert!(refused("text", mode).contains("not a database"));
            assert!(refused("other", mode).contains("no catalog of formake"));
            assert!(refused("newer", mode).contains("has schema 4, and this formake knows schema 3"));
        }
    }

    /// As the first formake made it: what was in it stays, whether it is opened for reading or for writing first.
    #[test]
    fn a_catalog_of_version_1_is_brought_up_to_date() {
        for mode in [Mode::Read, Mode::Write] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("catalog.db");
            let old = Connection::open(&path).expect("opened");
            old.execute_batch(schema::CREATE).expect("made");
            old.execute_batch(
                "pragma journal_mode = wal; pragma application_id = 1179470661; pragma user_version = 1;
                 insert into identity values (1, 'a', '', 'prod', 'dl', '[]');
                 insert into recipe values (zeroblob(32), '{}');
                 insert into run values (1, 'x -> a', 'f:1', 'prod', zeroblob(32), zeroblob(32), zeroblob(32), '{}', 0, 5, 2.5, 'succeeded', null, 1, '5-1', 'bob');
                 insert into snapshot values (1, 1, zeroblob(32), 'file', 3, 1, 'a/_/0/a', 1, 'run', 1, 7);
                 insert into run_output values (1, 0, 1, 1);
                 insert into current values (1, 1, 7);
                 insert into pointer_log values (1, 7, 'bob', 'there', 'formake build', 'run', 1, null, 1, null);",
            )
            .expect("filled");
            drop(old);
            let catalog = SqliteCatalog::open(&path, mode).expect("opened");
            let identity = Identity { class: "a".into(), instance: Instance::new([]), label: "prod".into(), repository: "dl".into() };
            let current = catalog.standings(&[identity]).expect("read").remove(0).current.expect("it stands for what it stood for");
            assert_eq!((current.snapshot.bytes, current.since, current.saw, current.shape), (3, 7, None, None));
            let run = catalog.runs(&[crate::catalog::RunId(1)]).expect("read").remove(0);
            assert_eq!((run.user.as_str(), run.seconds, run.shape, run.outputs.len()), ("bob", 2.5, None, 1));
            assert_eq!((catalog.log(None).expect("read").len(), catalog.promotions(None).expect("read").len()), (1, 0));
            let catalog = SqliteCatalog::open(&path, Mode::Write).expect("opened");
            hold(&catalog, "a");
            assert_eq!(catalog.labels().expect("read")[0].holds, 1);
            let version: i64 = catalog.connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("read");
            assert_eq!(version, schema::VERSION);
        }
    }

    #[test]
    fn writers_queue_and_readers_do_not_wait() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("catalog.db");
        std::thread::scope(|scope| {
            for writer in 0..6 {
                let path = &path;
                scope.spawn(move || {
                    let catalog = SqliteCatalog::open(path, Mode::Write).expect("opened, though others create it too");
                    (0..5).for_each(|i| hold(&catalog, &format!("{writer}-{i}")));
                });
            }
        });
        let (writer, reader) =
            (SqliteCatalog::open(&path, Mode::Write).expect("opened"), SqliteCatalog::open(&path, Mode::Read).expect("opened"));
        let open = rusqlite::Transaction::new_unchecked(&writer.connection, rusqlite::TransactionBehavior::Immediate).expect("begun");
        open.execute("delete from hold", []).expect("deleted");
        assert_eq!(reader.holds().expect("read").len(), 30, "what is not committed is not seen");
        open.commit().expect("committed");
        assert_eq!(reader.holds().expect("read").len(), 0);
    }

    #[test]
    fn what_happened_cannot_be_changed() {
        let catalog = SqliteCatalog::open_in_memory().expect("opened");
        hold(&catalog, "a");
        for sql in ["update pointer_log set user = 'bob'", "delete from pointer_log", "update identity set class = 'b'"] {
            let error = catalog.connection.execute(sql, []).expect_err("refused").to_string();
            assert!(error.contains("is only added to"), "{error}");
        }
    }
}
