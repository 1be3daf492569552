//! Reading.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Params, Row};

use super::{SqliteCatalog, components_from};
use crate::catalog::{
    Current, Filter, Hold, Listed, LogEntry, Made, Origin, Outcome, Reader, Result, Run, RunId, RunInput, Snapshot, SnapshotId, Standing,
    State,
};
use crate::digest::{ContentHash, Fingerprint, FixedHash, Key};
use crate::identity::{Identity, Instance};
use crate::store::{Kind, Stamp};

/// The columns of a snapshot, for [`SqliteCatalog::snapshot`].
const SNAPSHOT: &str =
    "s.id, s.identity, s.content, s.kind, s.bytes, s.files, s.path, s.stored, s.origin, s.run, s.made, t.stamp, v.snapshot is not null";
const SNAPSHOT_FROM: &str = "left join stamp t on t.snapshot = s.id left join invalidation v on v.snapshot = s.id";
/// From so many on, one scan is cheaper than a look-up each.
const MANY: usize = 2000;

impl SqliteCatalog {
    fn all<T>(&self, sql: &str, params: impl Params, mut each: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(each(row)?);
        }
        Ok(found)
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
    fn snapshot(&self, row: &Row<'_>, at: usize) -> Result<Snapshot> {
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
            state: if row.get(at + 12)? { State::Invalidated } else { State::Good },
            made: row.get(at + 10)?,
            stamp: Stamp(row.get::<_, Option<[u8; 16]>>(at + 11)?.map_or(0, u128::from_le_bytes)),
        })
    }

    fn standing(&self, identity: &Identity) -> Result<Standing> {
        let mut standing = Standing { condemned: self.condemned_of(identity)?, ..Standing::default() };
        let Some(id) = self.number(identity)? else { return Ok(standing) };
        let sql = format!(
            "select {SNAPSHOT}, c.since, r.key, r.fixed from current c join snapshot s on s.id = c.snapshot {SNAPSHOT_FROM}
             left join run r on r.id = s.run where c.identity = ?"
        );
        standing.current = self.all(&sql, [id], |row| self.current(row))?.pop();
        standing.hold = self.hold(id)?;
        if standing.current.is_none() {
            let sql = "select what, because from pointer_log where identity = ? order by id desc limit 1";
            let last: Option<(String, Option<String>)> =
                self.connection.prepare_cached(sql)?.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            standing.invalidated = last.filter(|(what, _)| what == "invalidate").map(|(_, because)| because.unwrap_or_default());
        }
        Ok(standing)
    }

    fn current(&self, row: &Row<'_>) -> Result<Current> {
        Ok(Current {
            snapshot: self.snapshot(row, 0)?,
            since: row.get(13)?,
            key: row.get::<_, Option<[u8; 32]>>(14)?.map(Key),
            fixed: row.get::<_, Option<[u8; 32]>>(15)?.map(FixedHash),
        })
    }

    fn hold(&self, id: i64) -> Result<Option<Hold>> {
        let mut statement = self.connection.prepare_cached("select because, user, at from hold where identity = ?")?;
        Ok(statement.query_row([id], |row| Ok(Hold { because: row.get(0)?, user: row.get(1)?, at: row.get(2)? })).optional()?)
    }

    fn condemned_of(&self, identity: &Identity) -> Result<Vec<ContentHash>> {
        let params = (&*identity.class, identity.instance.to_string(), &*identity.repository);
        self.all("select content from condemned where class = ? and instance = ? and repository = ?", params, |row| {
            Ok(ContentHash(row.get(0)?))
        })
    }

    /// All standings that are not empty, by identity: one scan.
    fn all_standings(&self) -> Result<HashMap<Identity, Standing>> {
        let mut all: HashMap<Identity, Standing> = HashMap::new();
        self.load_identities()?;
        let sql = format!(
            "select {SNAPSHOT}, c.since, r.key, r.fixed, c.identity from current c join snapshot s on s.id = c.snapshot {SNAPSHOT_FROM}
             left join run r on r.id = s.run order by c.identity"
        );
        for (id, current) in self.all(&sql, [], |row| Ok((row.get::<_, i64>(16)?, self.current(row)?)))? {
            all.entry(self.identity(id)?).or_default().current = Some(current);
        }
        for (identity, hold, _) in self.holds()? {
            all.entry(identity).or_default().hold = Some(hold);
        }
        let sql = "select l.identity, l.because from pointer_log l where l.what = 'invalidate' and l.identity is not null
                   and l.id = (select max(id) from pointer_log m where m.identity = l.identity)
                   and not exists (select 1 from current c where c.identity = l.identity)";
        for (id, because) in self.all(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?)))? {
            all.entry(self.identity(id)?).or_default().invalidated = Some(because.unwrap_or_default());
        }
        Ok(all)
    }

    fn load_identities(&self) -> Result<()> {
        let rows = self.all("select id, class, components, label, repository from identity", [], |row| {
            Ok((row.get::<_, i64>(0)?, identity_at(1)(row)?))
        })?;
        self.identities.borrow_mut().extend(rows);
        Ok(())
    }

    fn identities_of(&self, class: &str, condition: &str) -> Result<Vec<Identity>> {
        let sql = format!(
            "select i.class, i.components, i.label, i.repository from identity i left join current c on c.identity = i.id
             left join snapshot s on s.id = c.snapshot left join hold h on h.identity = i.id where i.class = ? and {condition} order by i.id"
        );
        self.all(&sql, [class], |row| Ok(identity_at(0)(row)?))
    }

    fn run(&self, id: RunId) -> Result<Option<Run>> {
        let sql = "select r.formula, r.place, r.label, r.key, r.fixed, r.fingerprint, p.parts, r.variables, r.effect, r.started, r.seconds,
                   r.outcome, r.message, r.attempts, r.folder, r.user from run r join recipe p on p.fingerprint = r.fingerprint where r.id = ?";
        let text = |row: &Row<'_>, at: usize| row.get::<_, String>(at);
        let run = self.connection.prepare_cached(sql)?.query_row([id.0], |row| {
            Ok(Run {
                id,
                formula: row.get(0)?,
                place: row.get(1)?,
                label: text(row, 2)?.into(),
                key: Key(row.get(3)?),
                fixed: FixedHash(row.get(4)?),
                fingerprint: Fingerprint(row.get(5)?),
                recipe: row.get(6)?,
                variables: row.get(7)?,
                effect: row.get(8)?,
                inputs: Vec::new(),
                outputs: Vec::new(),
                started: row.get(9)?,
                seconds: row.get(10)?,
                outcome: match text(row, 11)?.as_str() {
                    "succeeded" => Outcome::Succeeded,
                    "failed" => Outcome::Failed,
                    _ => Outcome::Interrupted,
                },
                message: row.get(12)?,
                attempts: row.get(13)?,
                folder: row.get(14)?,
                user: row.get(15)?,
            })
        });
        let Some(mut run) = run.optional()? else { return Ok(None) };
        let inputs = "select n.name, n.identity, n.snapshot, s.content from run_input n join snapshot s on s.id = n.snapshot where n.run = ? order by n.position";
        run.inputs = self.all(inputs, [id.0], |row| {
            Ok(RunInput {
                name: text(row, 0)?.into(),
                identity: self.identity(row.get(1)?)?,
                snapshot: SnapshotId(row.get(2)?),
                content: ContentHash(row.get(3)?),
            })
        })?;
        let outputs = "select identity, snapshot from run_output where run = ? order by position";
        run.outputs = self.all(outputs, [id.0], |row| Ok((self.identity(row.get(0)?)?, row.get::<_, Option<i64>>(1)?.map(SnapshotId))))?;
        Ok(Some(run))
    }
}

impl Reader for SqliteCatalog {
    fn standings(&self, identities: &[Identity]) -> Result<Vec<Standing>> {
        if identities.len() < MANY {
            return identities.iter().map(|identity| self.standing(identity)).collect();
        }
        let mut all = self.all_standings()?;
        let mut standings: Vec<Standing> = identities.iter().map(|identity| all.remove(identity).unwrap_or_default()).collect();
        let mut condemned: HashMap<(String, String, String), Vec<ContentHash>> = HashMap::new();
        for (identity, content) in self.condemned()? {
            let place = (identity.class.to_string(), identity.instance.to_string(), identity.repository.to_string());
            condemned.entry(place).or_default().push(content);
        }
        if !condemned.is_empty() {
            for (identity, standing) in identities.iter().zip(&mut standings) {
                let place = (identity.class.to_string(), identity.instance.to_string(), identity.repository.to_string());
                standing.condemned = condemned.get(&place).cloned().unwrap_or_default();
            }
        }
        Ok(standings)
    }

    fn snapshots(&self, ids: &[SnapshotId]) -> Result<Vec<Snapshot>> {
        let sql = format!("select {SNAPSHOT} from snapshot s {SNAPSHOT_FROM} where s.id = ?");
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.all(&sql, [id.0], |row| self.snapshot(row, 0))?);
        }
        Ok(found)
    }

    fn runs(&self, ids: &[RunId]) -> Result<Vec<Run>> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.run(*id)?);
        }
        Ok(found)
    }

    fn made_under(&self, keys: &[Key]) -> Result<Vec<Vec<Made>>> {
        let runs = "select id, label, effect from run r where key = ? and outcome = 'succeeded' and not exists (
                        select 1 from run_output o join invalidation v on v.snapshot = o.snapshot where o.run = r.id)
                    order by id";
        let outputs = format!(
            "select {SNAPSHOT} from run_output o join snapshot s on s.id = o.snapshot {SNAPSHOT_FROM} where o.run = ? order by o.position"
        );
        let mut all = Vec::with_capacity(keys.len());
        for key in keys {
            let found = self.all(runs, [key.0], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?)))?;
            let mut made = Vec::with_capacity(found.len());
            for (run, label, effect) in found {
                made.push(Made {
                    run: RunId(run),
                    label: label.into(),
                    effect,
                    outputs: self.all(&outputs, [run], |row| self.snapshot(row, 0))?,
                });
            }
            all.push(made);
        }
        Ok(all)
    }

    fn fixed_known(&self, fixed: &[FixedHash]) -> Result<Vec<bool>> {
        let condition = "outcome = 'succeeded' and not exists (
                            select 1 from run_output o join invalidation v on v.snapshot = o.snapshot where o.run = r.id)";
        if fixed.len() >= MANY {
            let sql = format!("select distinct fixed from run r where {condition}");
            let known: std::collections::HashSet<[u8; 32]> = self.all(&sql, [], |row| Ok(row.get(0)?))?.into_iter().collect();
            return Ok(fixed.iter().map(|f| known.contains(&f.0)).collect());
        }
        let sql = format!("select 1 from run r where fixed = ? and {condition} limit 1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        fixed.iter().map(|f| Ok(statement.exists([f.0])?)).collect()
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Listed>> {
        let mut listed = Vec::new();
        // Every stay of a snapshot under an identity, from the log of pointers' moves.
        let sql = format!(
            "select {SNAPSHOT}, l.identity, l.at, (select m.at from pointer_log m where m.identity = l.identity and m.id > l.id
                and m.was is not m.now order by m.id limit 1)
             from pointer_log l join snapshot s on s.id = l.now join identity i on i.id = l.identity {SNAPSHOT_FROM}
             where (?1 is null or i.class = ?1) and (?2 is null or i.label = ?2) and (?3 is null or i.repository = ?3)
               and (?4 or exists (select 1 from current c where c.identity = l.identity and c.snapshot = l.now))
               and (l.was is null or l.was <> l.now)
             order by i.class, i.id, l.id"
        );
        let params = (&filter.class, &filter.label, &filter.repository, filter.all);
        let rows = self.all(&sql, params, |row| {
            Ok((self.snapshot(row, 0)?, row.get::<_, i64>(13)?, row.get::<_, i64>(14)?, row.get::<_, Option<i64>>(15)?))
        })?;
        for (snapshot, id, from, to) in rows {
            let identity = self.identity(id)?;
            if !filter.all && to.is_some() {
                continue;
            }
            listed.push(Listed {
                identity,
                snapshot,
                current: to.is_none(),
                hold: if to.is_none() { self.hold(id)? } else { None },
                from,
                to,
            });
        }
        listed.sort_by(|a, b| a.identity.cmp(&b.identity).then(a.from.cmp(&b.from)));
        Ok(listed)
    }

    fn published(&self, class: &str) -> Result<Vec<Identity>> {
        self.identities_of(class, "(s.origin = 'published' or (h.identity is not null and s.id is not null))")
    }

    fn holds(&self) -> Result<Vec<(Identity, Hold, Option<SnapshotId>)>> {
        let sql = "select h.identity, h.because, h.user, h.at, c.snapshot from hold h left join current c on c.identity = h.identity order by h.identity";
        self.all(sql, [], |row| {
            let hold = Hold { because: row.get(1)?, user: row.get(2)?, at: row.get(3)? };
            Ok((self.identity(row.get(0)?)?, hold, row.get::<_, Option<i64>>(4)?.map(SnapshotId)))
        })
    }

    fn condemned(&self) -> Result<Vec<(Identity, ContentHash)>> {
        let sql = "select c.class, i.components, i.label, c.repository, c.content from condemned c
                   join identity i on i.class = c.class and i.instance = c.instance and i.repository = c.repository";
        self.all(sql, [], |row| Ok((identity_at(0)(row)?, ContentHash(row.get(4)?))))
    }

    fn sourced(&self, class: &str) -> Result<Vec<Identity>> {
        self.identities_of(class, "s.origin = 'source'")
    }

    fn by_content(&self, prefix: &str) -> Result<Vec<Snapshot>> {
        let sql = format!("select {SNAPSHOT} from snapshot s {SNAPSHOT_FROM} where lower(hex(s.content)) like ? || '%' order by s.id");
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        self.all(&sql, [prefix.to_lowercase()], |row| self.snapshot(row, 0))
    }

    fn readers(&self, ids: &[SnapshotId]) -> Result<Vec<RunId>> {
        let sql = "select distinct r.id from run_input n join run r on r.id = n.run where n.snapshot = ? and r.outcome = 'succeeded' order by r.id";
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.all(sql, [id.0], |row| Ok(RunId(row.get(0)?)))?);
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn last_run(&self, identity: &Identity) -> Result<Option<RunId>> {
        let Some(id) = self.number(identity)? else { return Ok(None) };
        let mut statement = self.connection.prepare_cached("select max(run) from run_output where identity = ?")?;
        Ok(statement.query_row([id], |row| row.get::<_, Option<i64>>(0))?.map(RunId))
    }

    fn durations(&self) -> Result<Vec<(String, f64)>> {
        self.all("select formula, avg(seconds) from run where outcome = 'succeeded' group by formula", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }

    fn log(&self, identity: Option<&Identity>) -> Result<Vec<LogEntry>> {
        let id = match identity {
            Some(identity) => match self.number(identity)? {
                Some(id) => Some(id),
                None => return Ok(Vec::new()),
            },
            None => None,
        };
        let sql =
            "select at, user, command, what, identity, was, now, because from pointer_log where ?1 is null or identity = ?1 order by id";
        self.all(sql, [id], |row| {
            Ok(LogEntry {
                at: row.get(0)?,
                user: row.get(1)?,
                command: row.get(2)?,
                what: row.get(3)?,
                identity: row.get::<_, Option<i64>>(4)?.map(|id| self.identity(id)).transpose()?,
                from: row.get::<_, Option<i64>>(5)?.map(SnapshotId),
                to: row.get::<_, Option<i64>>(6)?.map(SnapshotId),
                because: row.get(7)?,
            })
        })
    }

    fn classes(&self) -> Result<Vec<String>> {
        self.all("select distinct class from identity order by class", [], |row| Ok(row.get(0)?))
    }
}

/// Reads an identity whose columns class, components, label and repository begin at `at`.
fn identity_at(at: usize) -> impl Fn(&Row<'_>) -> rusqlite::Result<Identity> {
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
