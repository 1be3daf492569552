//! Questions about what there is: listings, one snapshot, lineage, reasons, logs. Nothing here changes anything.

use std::fs;
use std::path::PathBuf;

use super::build::Planned;
use super::request::{Request, parse};
use super::{Failure, OWN, Workspace};
use crate::catalog::lineage::{Direction, Lineage, trace};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Filter, Listed, LogEntry, Origin, Reader, Run, SnapshotId};
use crate::diagnostic::{Diagnostic, nearest};
use crate::identity::Identity;
use crate::plan::explain::{Explanation, explain};
use crate::report::snapshots::Shown;
use crate::run::local::Disk;

/// A job's log and where it is.
pub struct JobLog {
    pub identity: Identity,
    pub run: Run,
    /// `None` where the job printed nothing, or its log was cleaned away.
    pub path: Option<PathBuf>,
    pub text: String,
}

impl Workspace {
    /// What stands in the catalog: all of it, or what a pattern picks. A label that is left out means every label.
    pub fn list(&self, pattern: Option<&str>, all: bool) -> Result<Vec<Listed>, Failure> {
        let target = pattern.map(parse).transpose()?;
        let filter = Filter {
            class: target.as_ref().map(|t| t.class.to_string()),
            label: target.as_ref().and_then(|t| t.label.as_ref()).map(|l| l.to_string()),
            repository: target.as_ref().and_then(|t| t.repository.as_ref()).map(|r| r.to_string()),
            all,
            as_of: None,
        };
        let mut listed = self.catalog(Mode::Read)?.list(&filter)?;
        listed.retain(|l| target.as_ref().is_none_or(|t| t.matches(&l.identity)));
        Ok(listed)
    }

    /// What a target stands for in the catalog now.
    ///
    /// # Errors
    /// It stands for nothing.
    pub(super) fn pick(&self, reader: &dyn Reader, text: &str, label: Option<&str>) -> Result<Vec<Listed>, Failure> {
        let mut target = parse(text)?;
        if target.label.is_none() {
            target.label = Some(self.label(label));
        }
        let filter =
            Filter { class: Some(target.class.to_string()), label: target.label.as_ref().map(|l| l.to_string()), ..Filter::default() };
        let mut listed = reader.list(&filter)?;
        listed.retain(|l| target.matches(&l.identity));
        if listed.is_empty() {
            let classes = reader.classes()?;
            let mut problem = Diagnostic::error("E0616", format!("`{text}` has no snapshot under the label {}", self.shown_label(&target)));
            if !classes.contains(&target.class.to_string())
                && let Some(near) = nearest(&target.class, classes.iter().map(String::as_str))
            {
                problem = problem.help(format!("did you mean `{near}`?"));
            }
            return Err(problem.help(format!("`formake why-not {text}` tells what it waits for; `formake ls` shows what there is")).into());
        }
        Ok(listed)
    }

    fn shown_label(&self, target: &crate::identity::target::Target) -> String {
        target.label.as_ref().map_or_else(String::new, |l| l.to_string())
    }

    /// One identity with everything known of it; also by a content hash's first digits.
    pub fn show(&self, text: &str, label: Option<&str>) -> Result<Vec<Shown>, Failure> {
        let catalog = self.catalog(Mode::Read)?;
        let by_hash = text.len() >= 6 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let mut shown = Vec::new();
        if by_hash {
            for snapshot in catalog.by_content(text)? {
                shown.push((snapshot.identity.clone(), snapshot, None));
            }
        }
        if shown.is_empty() {
            shown = self.pick(&catalog, text, label)?.into_iter().map(|l| (l.identity, l.snapshot, l.hold)).collect();
        }
        let mut all = Vec::with_capacity(shown.len());
        for (identity, snapshot, hold) in shown {
            let filter = Filter {
                class: Some(identity.class.to_string()),
                label: Some(identity.label.to_string()),
                repository: Some(identity.repository.to_string()),
                all: true,
                as_of: None,
            };
            let mut history = catalog.list(&filter)?;
            history.retain(|l| l.identity == identity);
            let run = match snapshot.origin {
                Origin::Run(run) => catalog.runs(&[run])?.pop(),
                _ => None,
            };
            let location = Some(self.bytes.path(&snapshot));
            all.push(Shown { identity, snapshot: Some(snapshot), run, hold, location, history });
        }
        Ok(all)
    }

    /// Where the bytes of a target are: one path an identity.
    pub fn paths(&self, text: &str, label: Option<&str>) -> Result<Vec<(Identity, PathBuf)>, Failure> {
        let catalog = self.catalog(Mode::Read)?;
        let picked = self.pick(&catalog, text, label)?;
        Ok(picked.into_iter().map(|l| (l.identity, self.bytes.path(&l.snapshot))).collect())
    }

    /// What snapshots were made from, or what was made from them.
    pub fn lineage(&self, text: &str, label: Option<&str>, direction: Direction) -> Result<Lineage, Failure> {
        let catalog = self.catalog(Mode::Read)?;
        let roots: Vec<SnapshotId> = self.pick(&catalog, text, label)?.iter().map(|l| l.snapshot.id).collect();
        Ok(trace(&catalog, &roots, direction)?)
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
        let outside = super::outside::Outside::new(&self.root, &program, &catalog)?;
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
