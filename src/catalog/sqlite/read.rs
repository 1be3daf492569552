//! Reading.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, Row};

use super::SqliteCatalog;
use super::rows::{SNAPSHOT, SNAPSHOT_FROM, identity_at};
use crate::catalog::{
    Blessing, Cost, Filter, Hold, LabelSummary, Listed, LogEntry, Looked, Made, Outcome, Promotion, Quarantined, Reader, Result, Run,
    RunId, RunInput, Snapshot, SnapshotId, Standing,
};
use crate::digest::{ContentHash, Fingerprint, FixedHash, Key, Shape};
use crate::identity::{Identity, Name};

/// A run `r` whose results may be taken.
const REUSABLE: &str = "r.outcome = 'succeeded' and not exists (
    select 1 from run_output o join invalidation v on v.snapshot = o.snapshot where o.run = r.id)";

impl SqliteCatalog {
    fn identities_of(&self, class: &str, condition: &str) -> Result<Vec<Identity>> {
        let sql = format!(
            "select i.class, i.components, i.label, i.repository from identity i left join current c on c.identity = i.id
             left join snapshot s on s.id = c.snapshot left join hold h on h.identity = i.id where i.class = ? and {condition} order by i.id"
        );
        self.all(&sql, [class], |row| Ok(identity_at(0)(row)?))
    }

    fn run(&self, id: RunId) -> Result<Option<Run>> {
        let sql = "select r.formula, r.place, r.label, r.key, r.fixed, r.fingerprint, p.parts, r.variables, r.effect, r.started, r.seconds,
                   r.outcome, r.message, r.attempts, r.folder, r.user, r.shape from run r join recipe p on p.fingerprint = r.fingerprint where r.id = ?";
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
                shape: row.get::<_, Option<[u8; 32]>>(16)?.map(Shape),
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
        // All answers from one moment, whatever others commit meanwhile.
        let _moment = self.connection.unchecked_transaction()?;
        if self.is_much(identities.len(), "identity")? {
            return self.scanned(identities);
        }
        identities.iter().map(|identity| self.standing(identity)).collect()
    }

    fn standing_for(&self, ids: &[SnapshotId]) -> Result<Vec<(Identity, SnapshotId)>> {
        let pair = |row: &Row<'_>| Ok((self.identity(row.get(0)?)?, SnapshotId(row.get(1)?)));
        let mut found = Vec::new();
        if self.is_much(ids.len(), "snapshot")? {
            let asked: HashSet<i64> = ids.iter().map(|id| id.0).collect();
            self.each("select identity, snapshot from current", [], |row| {
                if asked.contains(&row.get(1)?) {
                    found.push(pair(row)?);
                }
                Ok(())
            })?;
        } else {
            let distinct: HashSet<&SnapshotId> = ids.iter().collect();
            for id in distinct {
                found.extend(self.all("select identity, snapshot from current where snapshot = ?", [id.0], pair)?);
            }
        }
        found.sort();
        Ok(found)
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
        let mut all: HashMap<Key, Vec<Made>> = keys.iter().map(|key| (*key, Vec::new())).collect();
        let is_much = self.is_much(all.len(), "run")?;
        let sql = format!(
            "select r.key, r.id, r.label, r.effect, {SNAPSHOT} from run r join run_output o on o.run = r.id
             join snapshot s on s.id = o.snapshot {SNAPSHOT_FROM} where {REUSABLE} {} order by r.id, o.position",
            if is_much { "" } else { "and r.key = ?" }
        );
        let mut add = |row: &Row<'_>| {
            let Some(made) = all.get_mut(&Key(row.get(0)?)) else { return Ok(()) };
            let run = RunId(row.get(1)?);
            if made.last().is_none_or(|last| last.run != run) {
                made.push(Made { run, label: row.get::<_, String>(2)?.into(), effect: row.get(3)?, outputs: Vec::new() });
            }
            if let Some(last) = made.last_mut() {
                last.outputs.push(self.snapshot(row, 4)?);
            }
            Ok(())
        };
        if is_much {
            self.each(&sql, [], &mut add)?;
        } else {
            let distinct: HashSet<&Key> = keys.iter().collect();
            distinct.into_iter().try_for_each(|key| self.each(&sql, [key.0], &mut add))?;
        }
        Ok(keys.iter().map(|key| all[key].clone()).collect())
    }

    fn fixed_known(&self, fixed: &[FixedHash]) -> Result<Vec<bool>> {
        if self.is_much(fixed.len(), "run")? {
            let sql = format!("select distinct fixed from run r where {REUSABLE}");
            let known: HashSet<[u8; 32]> = self.all(&sql, [], |row| Ok(row.get(0)?))?.into_iter().collect();
            return Ok(fixed.iter().map(|f| known.contains(&f.0)).collect());
        }
        let sql = format!("select 1 from run r where fixed = ? and {REUSABLE} limit 1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        fixed.iter().map(|f| Ok(statement.exists([f.0])?)).collect()
    }

    fn made_with(&self, recipe: Fingerprint, labels: &[Name]) -> Result<bool> {
        let mut statement =
            self.connection.prepare_cached("select 1 from run where fingerprint = ? and label = ? and outcome = 'succeeded' limit 1")?;
        for label in labels {
            if statement.exists((recipe.0, &**label))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Listed>> {
        // Stays of a snapshot under an identity: those that last, and those that the log of moves tells of.
        let stays = if filter.all || filter.as_of.is_some() {
            "select l.id as id, l.identity as identity, l.now as snapshot, l.at as since,
                    (select m.at from pointer_log m where m.identity = l.identity and m.id > l.id and m.was = l.now and m.now is not l.now
                     order by m.id limit 1) as until
             from pointer_log l where l.now is not null and l.was is not l.now"
        } else {
            "select identity as id, identity, snapshot, since, null as until from current"
        };
        let sql = format!(
            "select {SNAPSHOT}, l.identity, l.since, l.until from ({stays}) l
             join snapshot s on s.id = l.snapshot join identity i on i.id = l.identity {SNAPSHOT_FROM}
             where (?1 is null or i.class = ?1) and (?2 is null or i.label = ?2) and (?3 is null or i.repository = ?3)
             and (?4 is null or l.since <= ?4 and (l.until is null or l.until > ?4)) order by l.id"
        );
        let mut listed = self.all(&sql, (&filter.class, &filter.label, &filter.repository, filter.as_of), |row| {
            let (id, to) = (row.get(13)?, row.get::<_, Option<i64>>(15)?);
            let hold = match filter.as_of {
                Some(moment) => self.hold_at(id, moment)?,
                None if to.is_none() => self.hold(id)?,
                None => None,
            };
            Ok(Listed {
                identity: self.identity(id)?,
                snapshot: self.snapshot(row, 0)?,
                current: to.is_none(),
                hold,
                from: row.get(14)?,
                to,
            })
        })?;
        // Stable: of one identity, the log's order stays.
        listed.sort_by(|a, b| a.identity.cmp(&b.identity));
        Ok(listed)
    }

    fn earlier(&self, identity: &Identity, most: usize) -> Result<Vec<(Identity, Snapshot)>> {
        let Some((head, time)) = identity.instance.up_to_time() else { return Ok(Vec::new()) };
        // Periods of one precision stand in the index in the order of time.
        let sql = format!(
            "select {SNAPSHOT}, i.id from identity i cross join current c on c.identity = i.id join snapshot s on s.id = c.snapshot {SNAPSHOT_FROM}
             where i.class = ?1 and i.label = ?2 and i.repository = ?3 and i.instance >= ?4 and i.instance < ?5 order by i.instance desc"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((&*identity.class, &*identity.label, &*identity.repository, head, time))?;
        let mut found = Vec::new();
        while found.len() < most
            && let Some(row) = rows.next()?
        {
            let then = self.identity(row.get(13)?)?;
            if then.instance.differs_in_time_alone(&identity.instance) {
                found.push((then, self.snapshot(row, 0)?));
            }
        }
        Ok(found)
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
        if prefix.is_empty() {
            return Ok(Vec::new());
        }
        let prefix = prefix.to_lowercase();
        let bound = |filler: &str| ContentHash::from_hex(&format!("{prefix}{}", filler.repeat(64_usize.saturating_sub(prefix.len()))));
        let (Some(first), Some(last)) = (bound("0"), bound("f")) else { return Ok(Vec::new()) };
        let sql = format!("select {SNAPSHOT} from snapshot s {SNAPSHOT_FROM} where s.content between ? and ? order by s.id");
        self.all(&sql, (first.0, last.0), |row| self.snapshot(row, 0))
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

    fn costs(&self) -> Result<Vec<(String, Cost)>> {
        let sql =
            "select r.formula, avg(r.seconds), (select coalesce(sum(s.bytes), 0) from run_output o join snapshot s on s.id = o.snapshot
                   join run q on q.id = o.run where q.formula = r.formula and q.outcome = 'succeeded') * 1.0 / count(*)
                   from run r where r.outcome = 'succeeded' group by r.formula";
        self.all(sql, [], |row| Ok((row.get(0)?, Cost { seconds: row.get(1)?, bytes: row.get(2)? })))
    }

    fn labels(&self) -> Result<Vec<LabelSummary>> {
        self.label_summaries()
    }

    fn promotions(&self, to: Option<&str>) -> Result<Vec<Promotion>> {
        self.all_promotions(to)
    }

    fn blessings(&self) -> Result<Vec<Blessing>> {
        self.all_blessings()
    }

    fn looked(&self, ids: &[SnapshotId]) -> Result<Vec<Looked>> {
        self.looks(ids)
    }

    fn quarantined(&self, class: Option<&str>) -> Result<Vec<Quarantined>> {
        self.in_quarantine(class)
    }

    fn stored(&self) -> Result<Vec<(Snapshot, bool)>> {
        self.all_stored()
    }

    fn log(&self, identity: Option<&Identity>) -> Result<Vec<LogEntry>> {
        let id = match identity {
            Some(identity) => match self.number(identity)? {
                Some(id) => Some(id),
                None => return Ok(Vec::new()),
            },
            None => None,
        };
        let which = if id.is_some() { "identity = ?1" } else { "?1 is null" };
        let sql = format!("select at, user, command, what, identity, was, now, because from pointer_log where {which} order by id");
        self.all(&sql, [id], |row| {
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
