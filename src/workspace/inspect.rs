//! Questions about what there is: listings, one snapshot, lineage, reasons, logs. Nothing here changes anything.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::path::PathBuf;

use super::build::Planned;
use super::request::{Request, parse};
use super::{Failure, OWN, Workspace};
use crate::catalog::lineage::{Direction, Lineage, trace};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Filter, Listed, LogEntry, Origin, Reader, Reading, Run, SnapshotId, Timestamp};
use crate::diagnostic::Diagnostic;
use crate::identity::Identity;
use crate::plan::explain::{Explanation, explain};
use crate::report::snapshots::Shown;
use crate::run::disk::Disk;

/// A job's log and where it is.
pub struct JobLog {
    pub identity: Identity,
    pub run: Run,
    /// `None` where the job printed nothing, or its log was cleaned away.
    pub path: Option<PathBuf>,
    pub text: String,
}

/// Whether a text can be the first digits of a content hash.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() >= 6 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Workspace {
    /// One identity with everything known of it; also by a content hash's first digits.
    pub fn show(&self, text: &str, label: Option<&str>, as_of: Option<Timestamp>, quarantined: bool) -> Result<Vec<Shown>, Failure> {
        let catalog = self.catalog(Mode::Read)?;
        let mut found: Vec<Shown> = Vec::new();
        if is_hash(text) && !quarantined {
            found.extend(catalog.by_content(text)?.into_iter().map(|snapshot| Shown::new(snapshot.identity.clone(), snapshot)));
        }
        if quarantined {
            let all = self.quarantined(Some(text), label)?;
            if all.is_empty() {
                return Err(Diagnostic::error("E0616", format!("nothing that `{text}` means is quarantined")).into());
            }
            found.extend(all.into_iter().map(|one| Shown::new(one.snapshot.identity.clone(), one.snapshot)));
        }
        if found.is_empty() {
            for Reading { identity, pointer } in self.read(&catalog, text, label, as_of)? {
                let inherited_from = (pointer.identity != identity).then_some(pointer.identity);
                found.push(Shown { inherited_from, hold: pointer.hold, ..Shown::new(identity, pointer.snapshot) });
            }
        }
        let mut shelves: HashMap<Filter, Vec<Listed>> = HashMap::new();
        for shown in &mut found {
            let owner = shown.inherited_from.as_ref().unwrap_or(&shown.identity);
            let filter = Filter {
                class: Some(owner.class.to_string()),
                label: Some(owner.label.to_string()),
                repository: Some(owner.repository.to_string()),
                all: true,
                as_of: None,
            };
            let shelf = match shelves.entry(filter) {
                Entry::Occupied(shelf) => shelf.into_mut(),
                Entry::Vacant(shelf) => {
                    let listed = catalog.list(shelf.key())?;
                    shelf.insert(listed)
                }
            };
            let known = |l: &&Listed| l.identity == *owner && as_of.is_none_or(|moment| l.from <= moment);
            shown.history = shelf.iter().filter(known).cloned().collect();
            shown.location = Some(self.bytes.path(&shown.snapshot));
            let looked = catalog.looked(&[shown.snapshot.id])?.pop().unwrap_or_default();
            shown.profile = looked.profile.and_then(|text| serde_json::from_str(&text).ok());
            shown.report = looked.report.and_then(|(_, text)| serde_json::from_str(&text).ok());
            shown.refused = looked.refused;
            if let Origin::Run(run) = shown.snapshot.origin {
                shown.run = catalog.runs(&[run])?.pop();
            }
        }
        Ok(found)
    }

    /// Where the bytes of a target are: one path an identity.
    pub fn paths(&self, text: &str, label: Option<&str>, as_of: Option<Timestamp>) -> Result<Vec<(Reading, PathBuf)>, Failure> {
        let readings = self.read(&self.catalog(Mode::Read)?, text, label, as_of)?;
        Ok(readings.into_iter().map(|r| (r.clone(), self.bytes.path(&r.pointer.snapshot))).collect())
    }

    /// What snapshots were made from, or what was made from them (with `as_of`: until then), and whose they are.
    pub fn lineage(
        &self,
        text: &str,
        label: Option<&str>,
        direction: Direction,
        as_of: Option<Timestamp>,
    ) -> Result<(Vec<Reading>, Lineage), Failure> {
        let catalog = self.catalog(Mode::Read)?;
        let readings = self.read(&catalog, text, label, as_of)?;
        let roots: Vec<SnapshotId> = readings.iter().map(|r| r.pointer.snapshot.id).collect();
        let mut lineage = trace(&catalog, &roots, direction)?;
        if let Some(moment) = as_of {
            lineage.leave_out_after(moment);
        }
        Ok((readings, lineage))
    }

    /// Why each identity of a target is as it is, and what a build would do now.
    pub fn why(&self, text: &str, label: Option<&str>) -> Result<Vec<Explanation>, Failure> {
        let request = Request { targets: vec![text.to_string()], label: label.map(str::to_string), ..Request::default() };
        self.explain_with(&request)
    }

    fn explain_with(&self, request: &Request) -> Result<Vec<Explanation>, Failure> {
        let program = self.program_for(request)?;
        let catalog = self.catalog(Mode::Read)?;
        let (prepared, standings) = self.prepare(request, &program, &catalog)?;
        let (judge, draft) = self.draft(request, &program, &prepared, standings, &catalog)?;
        let mut all = Vec::new();
        for target in &prepared.graph.targets {
            all.extend(explain(&judge, &draft, *target)?);
        }
        Ok(all)
    }

    /// The graph that a target comes down to.
    pub fn graph(&self, request: &Request) -> Result<Planned, Failure> {
        self.plan(request)
    }

    /// The log of the newest try to make each identity of a target.
    pub fn job_log(&self, text: &str, label: Option<&str>) -> Result<Vec<JobLog>, Failure> {
        let request = Request { targets: vec![text.to_string()], label: label.map(str::to_string), ..Request::default() };
        let program = self.program_for(&request)?;
        let catalog = self.catalog(Mode::Read)?;
        let outside = super::outside::Outside::new(&self.root, &program, &*self.contracts()?, &catalog)?;
        let mut resolver = crate::resolve::Resolver::new(&program, &outside);
        let mut all = Vec::new();
        for identity in self.select(&request, &program, &mut resolver)? {
            let Some(id) = catalog.last_run(&identity)? else { continue };
            let Some(run) = catalog.runs(&[id])?.pop() else { continue };
            let own = self.root.join(OWN);
            let places = [own.join("jobs").join(&run.folder).join("log.txt"), own.join("logs").join(format!("{}.log", run.folder))];
            let path = places.into_iter().find(|path| !run.folder.is_empty() && path.is_file());
            let text =
                path.as_ref().and_then(|path| fs::read(path).ok()).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
            all.push(JobLog { identity, run, path, text });
        }
        if all.is_empty() {
            return Err(Diagnostic::error("E0616", format!("no job of this project has tried to make `{text}`")).into());
        }
        Ok(all)
    }

    /// Who did what when, oldest first.
    pub fn history(&self, text: Option<&str>) -> Result<Vec<LogEntry>, Failure> {
        let target = text.map(parse).transpose()?;
        let mut entries = self.catalog(Mode::Read)?.log(None)?;
        entries.retain(|e| target.as_ref().is_none_or(|t| e.identity.as_ref().is_some_and(|i| t.matches(i))));
        Ok(entries)
    }
}
