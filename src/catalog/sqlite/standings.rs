//! What identities stand for: looked up one by one where few are asked for, else by one scan of each table.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row};

use super::SqliteCatalog;
use super::rows::{SNAPSHOT, SNAPSHOT_FROM};
use crate::catalog::{CatalogError, Current, Hold, Reader, Result, SnapshotId, Standing, Timestamp};
use crate::digest::{ContentHash, FixedHash, Key, Shape};
use crate::identity::Identity;

/// A line `l` of the log that is an identity's last move: invalidating took its pointer away, and nothing brought it back or took the matter
/// off the table since (a withdrawal, a rollback).
const TOOK_AWAY: &str = "l.what = 'invalidate' and l.was is not l.now
    and not exists (select 1 from pointer_log m where m.identity = l.identity and m.id > l.id and m.was is not m.now)";

impl SqliteCatalog {
    pub(super) fn standing(&self, identity: &Identity) -> Result<Standing> {
        let mut standing = Standing { condemned: self.condemned_of(identity)?, ..Standing::default() };
        let Some(id) = self.number(identity)? else { return Ok(standing) };
        let sql = format!(
            "select {SNAPSHOT}, c.since, r.key, r.fixed, r.shape, c.saw from current c join snapshot s on s.id = c.snapshot {SNAPSHOT_FROM}
             left join run r on r.id = s.run where c.identity = ?"
        );
        standing.current = self.all(&sql, [id], |row| self.current(row))?.pop();
        standing.hold = self.hold(id)?;
        if standing.current.is_none() {
            let sql = format!("select l.because from pointer_log l where l.identity = ? and {TOOK_AWAY}");
            standing.invalidated = self.connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0)).optional()?;
        }
        Ok(standing)
    }

    fn current(&self, row: &Row<'_>) -> Result<Current> {
        Ok(Current {
            snapshot: self.snapshot(row, 0)?,
            since: row.get(13)?,
            key: row.get::<_, Option<[u8; 32]>>(14)?.map(Key),
            fixed: row.get::<_, Option<[u8; 32]>>(15)?.map(FixedHash),
            shape: row.get::<_, Option<[u8; 32]>>(16)?.map(Shape),
            // 0 stands for nothing: no snapshot has that number.
            saw: row.get::<_, Option<i64>>(17)?.map(|saw| (saw != 0).then_some(SnapshotId(saw))),
        })
    }

    pub(super) fn hold(&self, id: i64) -> Result<Option<Hold>> {
        let mut statement = self.connection.prepare_cached("select because, user, at from hold where identity = ?")?;
        Ok(statement.query_row([id], |row| Ok(Hold { because: row.get(0)?, user: row.get(1)?, at: row.get(2)? })).optional()?)
    }

    /// A hold as it was at a moment: the log has every one, and every release.
    pub(super) fn hold_at(&self, id: i64, moment: Timestamp) -> Result<Option<Hold>> {
        let sql = "select coalesce(because, ''), user, at from (select * from pointer_log where identity = ? and at <= ?
                   and what in ('hold', 'release') order by id desc limit 1) where what = 'hold'";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row((id, moment), |row| Ok(Hold { because: row.get(0)?, user: row.get(1)?, at: row.get(2)? })).optional()?)
    }

    fn condemned_of(&self, identity: &Identity) -> Result<Vec<ContentHash>> {
        let params = (&*identity.class, identity.instance.to_string(), &*identity.repository);
        self.all("select content from condemned where class = ? and instance = ? and repository = ?", params, |row| {
            Ok(ContentHash(row.get(0)?))
        })
    }

    /// Standings by one scan of each table.
    pub(super) fn scanned(&self, identities: &[Identity]) -> Result<Vec<Standing>> {
        self.load_identities()?;
        let mut places: HashMap<&Identity, usize> = HashMap::with_capacity(identities.len());
        for (place, identity) in identities.iter().enumerate() {
            places.entry(identity).or_insert(place);
        }
        let mut standings = vec![Standing::default(); identities.len()];
        let place = |id: i64| Ok::<_, CatalogError>(places.get(&self.identity(id)?).copied());
        let sql = format!(
            "select {SNAPSHOT}, c.since, r.key, r.fixed, r.shape, c.saw, c.identity from current c join snapshot s on s.id = c.snapshot {SNAPSHOT_FROM}
             left join run r on r.id = s.run order by c.identity"
        );
        self.each(&sql, [], |row| {
            if let Some(place) = place(row.get(18)?)? {
                standings[place].current = Some(self.current(row)?);
            }
            Ok(())
        })?;
        for (identity, hold, _) in self.holds()? {
            if let Some(place) = places.get(&identity) {
                standings[*place].hold = Some(hold);
            }
        }
        let sql = format!("select l.identity, l.because from pointer_log l where {TOOK_AWAY}");
        self.each(&sql, [], |row| {
            if let Some(place) = place(row.get(0)?)? {
                standings[place].invalidated = Some(row.get::<_, Option<String>>(1)?.unwrap_or_default());
            }
            Ok(())
        })?;
        let mut condemned: HashMap<(String, String, String), Vec<ContentHash>> = HashMap::new();
        self.each("select class, instance, repository, content from condemned", [], |row| {
            condemned.entry((row.get(0)?, row.get(1)?, row.get(2)?)).or_default().push(ContentHash(row.get(3)?));
            Ok(())
        })?;
        for (place, identity) in identities.iter().enumerate() {
            if !condemned.is_empty() {
                let class = (identity.class.to_string(), identity.instance.to_string(), identity.repository.to_string());
                standings[place].condemned = condemned.get(&class).cloned().unwrap_or_default();
            }
            // Asked for twice.
            if places[identity] != place {
                standings[place] = standings[places[identity]].clone();
            }
        }
        Ok(standings)
    }
}
