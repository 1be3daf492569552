//! What looks at bytes told, and what they put into quarantine.

use super::SqliteCatalog;
use super::rows::SNAPSHOT;
use super::writer::Writer;
use crate::catalog::{Looked, Quarantined, Result, SnapshotId};
use crate::digest::ContentHash;
use crate::identity::Identity;

impl Writer<'_> {
    pub(super) fn looked(&self, snapshot: SnapshotId, looked: &Looked) -> Result<()> {
        if let Some(profile) = &looked.profile {
            self.execute("insert or replace into profile (snapshot, profile) values (?, ?)", (snapshot.0, profile))?;
        }
        if let Some((contract, report)) = &looked.report {
            let sql = "insert or replace into report (snapshot, contract, report, at) values (?, ?, ?, ?)";
            self.execute(sql, (snapshot.0, contract.0, report, self.now))?;
        }
        Ok(())
    }

    /// What an identity stands for stays as it is.
    pub(super) fn quarantine(&self, identity: &Identity, snapshot: SnapshotId, looked: &Looked) -> Result<()> {
        let because = looked.refused.as_deref().unwrap_or("another output of its job breaks its contract");
        let contract = looked.refused.as_ref().and(looked.report.as_ref()).map(|(contract, _)| contract.0);
        let sql = "insert into quarantine (snapshot, contract, because, user, at) values (?, ?, ?, ?, ?)";
        self.execute(sql, (snapshot.0, contract, because, &self.actor.user, self.now))?;
        let identity = self.number(identity)?;
        let current = self.current(identity)?;
        self.log("quarantine", Some(identity), current, current, Some(because))
    }

    pub(super) fn is_quarantined(&self, snapshot: SnapshotId) -> Result<bool> {
        Ok(self.transaction.prepare_cached("select 1 from quarantine where snapshot = ?")?.exists([snapshot.0])?)
    }
}

impl SqliteCatalog {
    pub(super) fn looks(&self, ids: &[SnapshotId]) -> Result<Vec<Looked>> {
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let profile = self.all("select profile from profile where snapshot = ?", [id.0], |row| Ok(row.get(0)?))?.pop();
            let sql = "select contract, report from report where snapshot = ? order by at desc, contract limit 1";
            let report = self.all(sql, [id.0], |row| Ok((ContentHash(row.get(0)?), row.get(1)?)))?.pop();
            let refused = self.all("select because from quarantine where snapshot = ?", [id.0], |row| Ok(row.get(0)?))?.pop();
            all.push(Looked { profile, report, refused });
        }
        Ok(all)
    }

    pub(super) fn in_quarantine(&self, class: Option<&str>) -> Result<Vec<Quarantined>> {
        // From the few that are: asked by every plan.
        let sql = format!(
            "select {SNAPSHOT}, q.contract, q.because, q.at from quarantine q cross join snapshot s on s.id = q.snapshot
             left join stamp t on t.snapshot = s.id left join invalidation v on v.snapshot = s.id join identity i on i.id = s.identity
             where ?1 is null or i.class = ?1 order by q.snapshot"
        );
        self.all(&sql, [class], |row| {
            Ok(Quarantined {
                snapshot: self.snapshot(row, 0)?,
                contract: row.get::<_, Option<[u8; 32]>>(13)?.map(ContentHash),
                because: row.get(14)?,
                at: row.get(15)?,
            })
        })
    }
}
