//! What is kept of labels, and what a cleaning must know.

use super::SqliteCatalog;
use super::rows::{SNAPSHOT, SNAPSHOT_FROM};
use crate::catalog::{Blessing, LabelSummary, Move, Promotion, PromotionId, PromotionKind, Result, Snapshot, SnapshotId};
use crate::digest::Key;

/// Rows of the log that are no activity of a label: nothing was done, or only bytes went.
const PASSIVE: &str = "('clean', 'refuse')";

impl SqliteCatalog {
    pub(super) fn label_summaries(&self) -> Result<Vec<LabelSummary>> {
        let sql = format!(
            "select a.label, coalesce(c.identities, 0), coalesce(b.bytes, 0), coalesce(h.holds, 0), a.first, a.last
             from (select i.label, min(l.at) as first, max(l.at) as last from pointer_log l join identity i on i.id = l.identity
                   where l.what not in {PASSIVE} group by i.label) a
             left join (select i.label, count(*) as identities from current c join identity i on i.id = c.identity group by i.label) c
                 on c.label = a.label
             left join (select i.label, count(*) as holds from hold h join identity i on i.id = h.identity group by i.label) h
                 on h.label = a.label
             left join (select p.label, sum(s.bytes) as bytes
                        from (select distinct i.label, c.snapshot from current c join identity i on i.id = c.identity) p
                        join snapshot s on s.id = p.snapshot join identity i on i.id = s.identity
                        where s.stored and i.label = p.label group by p.label) b on b.label = a.label
             order by a.label"
        );
        self.all(&sql, [], |row| {
            Ok(LabelSummary {
                label: row.get::<_, String>(0)?.into(),
                identities: row.get::<_, i64>(1)? as usize,
                bytes: row.get::<_, i64>(2)? as u64,
                holds: row.get::<_, i64>(3)? as usize,
                first: row.get(4)?,
                last: row.get(5)?,
            })
        })
    }

    pub(super) fn all_promotions(&self, to: Option<&str>) -> Result<Vec<Promotion>> {
        let sql = "select id, kind, at, user, source_label, label, because from promotion where ?1 is null or label = ?1 order by id";
        let mut found = self.all(sql, [to], |row| {
            Ok(Promotion {
                id: PromotionId(row.get(0)?),
                kind: if row.get::<_, String>(1)? == "rollback" { PromotionKind::Rollback } else { PromotionKind::Promotion },
                at: row.get(2)?,
                user: row.get(3)?,
                from: row.get::<_, Option<String>>(4)?.map(Into::into),
                to: row.get::<_, String>(5)?.into(),
                undoes: Vec::new(),
                because: row.get(6)?,
                moves: Vec::new(),
            })
        })?;
        for promotion in &mut found {
            let id = [promotion.id.0];
            let undoes = "select undoes from promotion_undone where promotion = ? order by undoes";
            promotion.undoes = self.all(undoes, id, |row| Ok(PromotionId(row.get(0)?)))?;
            let snapshot = |number: Option<i64>| number.map(SnapshotId);
            let moves = "select identity, was, now from promotion_move where promotion = ? order by position";
            promotion.moves = self.all(moves, id, |row| {
                Ok(Move { identity: self.identity(row.get(0)?)?, was: snapshot(row.get(1)?), now: snapshot(row.get(2)?) })
            })?;
        }
        Ok(found)
    }

    pub(super) fn all_blessings(&self) -> Result<Vec<Blessing>> {
        self.all("select identity, snapshot, key, because, user, at from blessing order by at, snapshot, key", [], |row| {
            Ok(Blessing {
                identity: self.identity(row.get(0)?)?,
                snapshot: SnapshotId(row.get(1)?),
                key: Key(row.get(2)?),
                because: row.get(3)?,
                user: row.get(4)?,
                at: row.get(5)?,
            })
        })
    }

    pub(super) fn all_stored(&self) -> Result<Vec<(Snapshot, bool)>> {
        self.load_identities()?;
        let sql = format!(
            "select {SNAPSHOT}, g.snapshot is not null from snapshot s {SNAPSHOT_FROM} left join cleaning g on g.snapshot = s.id
             where s.stored order by s.id"
        );
        self.all(&sql, [], |row| Ok((self.snapshot(row, 0)?, row.get(13)?)))
    }
}
