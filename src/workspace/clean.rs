//! Cleaning: bytes that nothing needs go, and so do expired labels, old logs and leftovers.
//!
//! What is true here: the catalog says first that bytes go, then they are removed; so it is true whenever a cleaning stops, and the next one
//! finishes it. No build of the project runs meanwhile, and nothing is published. What was not shown is not removed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::label::{changes, dropping_in};
use super::lock::Lock;
use super::{Failure, OWN, Workspace, clock};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Catalog, Change, Filter, Gate, Origin, Reader, Refusal, RunId, Timestamp};
use crate::diagnostic::Diagnostic;
use crate::identity::Identity;
use crate::plan::keep::{self, Past, Place};
use crate::report::clean::{Again, Cleaning, Goes, Leftovers};

/// So many paths that could not be removed are named.
const NAMED: usize = 5;

impl Workspace {
    /// What a cleaning would remove now, and what stays. Changes nothing.
    pub fn cleaning(&self) -> Result<Cleaning, Failure> {
        self.cleaning_in(&self.catalog(Mode::Read)?)
    }

    fn cleaning_in(&self, catalog: &Gate) -> Result<Cleaning, Failure> {
        let (now, keep) = (clock::now(), self.config.keep);
        let mut refused = Refused { gate: catalog, user: clock::actor().user, refusals: Vec::new() };
        let mut expired = Vec::new();
        for label in self.labels_in(catalog)?.into_iter().filter(|label| label.expired && !label.is_bare()) {
            let dropping = dropping_in(catalog, label)?;
            let written = dropping.own.iter().map(|l| &l.identity).chain(dropping.holds.iter().map(|(identity, _)| identity));
            if refused.ask(written) {
                expired.push(dropping);
            }
        }
        let dropped: BTreeSet<_> = expired.iter().map(|dropping| dropping.label.label.clone()).collect();
        // In this order: what is pointed at meanwhile counts.
        let stored = catalog.stored()?.into_iter().map(|(snapshot, _)| snapshot);
        let (stays, promotions) = (catalog.list(&Filter { all: true, ..Filter::default() })?, catalog.promotions(None)?);
        let quarantined: Vec<_> = catalog.quarantined(None)?.into_iter().map(|one| (one.snapshot.id, one.at)).collect();
        let past = Past { now, stays: &stays, promotions: &promotions, dropped: &dropped, quarantined: &quarantined };
        let reasons = keep::reasons(&past, &keep);
        let (stays, goes): (Vec<Place>, Vec<Place>) = keep::places(stored, &reasons).into_iter().partition(|place| place.kept.is_some());
        // What a cleaning removed before is in the catalog for ever.
        let goes: Vec<Place> = goes.into_iter().filter(|place| self.is_there(place)).collect();
        let goes = refused.retain(goes);
        let leftovers = self.leftovers(now.saturating_sub(keep.history));
        Ok(Cleaning { keep, expired, goes: with_costs(catalog, goes)?, stays, leftovers, not_permitted: refused.refusals })
    }

    fn is_there(&self, place: &Place) -> bool {
        self.bytes.store.path(place.repository(), place.path()).is_ok_and(|at| fs::symlink_metadata(at).is_ok())
    }

    /// Removes what was shown and still nothing needs. `waiting` hears who else is at work, and what was done comes back.
    ///
    /// # Errors
    /// Also where some of it could not be removed; all else was.
    pub fn clean(&self, shown: &Cleaning, waiting: &mut dyn FnMut(&str)) -> Result<Cleaning, Failure> {
        let own = self.root.join(OWN);
        fs::create_dir_all(&own)?;
        let _no_build = Lock::take(&own.join("lock"), waiting)?;
        let _no_publishing = self.lock_store()?;
        let catalog = self.catalog(Mode::Write)?;
        let cleaning = within(self.cleaning_in(&catalog)?, shown);
        forget(&catalog, &cleaning)?;
        self.remove(&cleaning)?;
        Ok(cleaning)
    }

    /// Says and records what of a cleaning the acting user may not remove; all else does not hang on that.
    pub fn refuse_rest(&self, cleaning: &Cleaning) -> Result<(), Failure> {
        let identities = cleaning.not_permitted.iter().flat_map(|refusal| &refusal.identities);
        Ok(self.catalog(Mode::Write)?.ask(&clock::actor(), clock::now(), identities)?)
    }

    fn remove(&self, cleaning: &Cleaning) -> Result<(), Failure> {
        let places = cleaning.goes.iter().map(|goes| &goes.place);
        let mut problems: Vec<String> =
            places.filter_map(|place| self.bytes.store.discard(place.repository(), place.path()).err()).map(|e| e.to_string()).collect();
        for path in cleaning.leftovers.paths() {
            // A lock beside it went with its process.
            let _ = fs::remove_file(path.with_extension("lock"));
            problems.extend(crate::store::local::remove(path).err().map(|error| format!("`{}`: {error}", path.display())));
        }
        if problems.is_empty() {
            return Ok(());
        }
        let message = format!("{} could not be removed", crate::report::units::count(problems.len(), "path"));
        let problem = Diagnostic::error("E0842", message).help("all else is done; look at the permissions, and run `formake gc` again");
        Err(problems.into_iter().take(NAMED).fold(problem, Diagnostic::note).into())
    }

    /// Old folders and logs, by the moment that begins their names.
    fn leftovers(&self, before: Timestamp) -> Leftovers {
        let own = self.root.join(OWN);
        let (jobs, logs) = (older(&own.join("jobs"), before), older(&own.join("logs"), before));
        let aside = self.bytes.store.leftovers(before);
        Leftovers { bytes: sizes(&[&jobs, &logs, &aside]), jobs, logs, aside }
    }
}

/// What the acting user may not remove is left out, and said.
struct Refused<'a> {
    gate: &'a Gate,
    user: String,
    refusals: Vec<Refusal>,
}

impl Refused<'_> {
    /// Whether all of these may be written.
    fn ask<'i>(&mut self, identities: impl IntoIterator<Item = &'i Identity>) -> bool {
        let refusals = self.gate.refusals(&self.user, identities);
        let permitted = refusals.is_empty();
        self.refusals.extend(refusals);
        permitted
    }

    fn retain(&mut self, mut goes: Vec<Place>) -> Vec<Place> {
        let refusals = self.gate.refusals(&self.user, goes.iter().flat_map(|place| &place.snapshots).map(|snapshot| &snapshot.identity));
        let refused: HashSet<&Identity> = refusals.iter().flat_map(|refusal| &refusal.identities).collect();
        goes.retain(|place| place.snapshots.iter().all(|snapshot| !refused.contains(&snapshot.identity)));
        self.refusals.extend(refusals);
        goes
    }
}

/// Takes expired labels' pointers away, and says that bytes go.
fn forget(catalog: &dyn Catalog, cleaning: &Cleaning) -> Result<(), Failure> {
    let mut all: Vec<Change> = cleaning.expired.iter().flat_map(|dropping| changes(dropping, "the label has expired")).collect();
    let snapshots = cleaning.goes.iter().flat_map(|goes| &goes.place.snapshots);
    all.extend(snapshots.map(|snapshot| Change::Clean { snapshot: snapshot.id }));
    if !all.is_empty() {
        catalog.commit(&clock::actor(), clock::now(), &all)?;
    }
    Ok(())
}

/// What is still so of what was shown.
fn within(now: Cleaning, shown: &Cleaning) -> Cleaning {
    let labels: HashSet<_> = shown.expired.iter().map(|dropping| &dropping.label.label).collect();
    let at = |place: &Place| (place.repository().clone(), place.path().to_string());
    let places: HashSet<_> = shown.goes.iter().map(|goes| at(&goes.place)).collect();
    let leftovers: HashSet<_> = shown.leftovers.paths().collect();
    let both = |paths: Vec<PathBuf>| paths.into_iter().filter(|path| leftovers.contains(path)).collect::<Vec<_>>();
    let (jobs, logs, aside) = (both(now.leftovers.jobs), both(now.leftovers.logs), both(now.leftovers.aside));
    Cleaning {
        expired: now.expired.into_iter().filter(|dropping| labels.contains(&dropping.label.label)).collect(),
        goes: now.goes.into_iter().filter(|goes| places.contains(&at(&goes.place))).collect(),
        leftovers: Leftovers { bytes: sizes(&[&jobs, &logs, &aside]), jobs, logs, aside },
        ..now
    }
}

fn with_costs(reader: &dyn Reader, goes: Vec<Place>) -> Result<Vec<Goes>, Failure> {
    let made_by = |place: &Place| place.snapshots.iter().find_map(|s| if let Origin::Run(run) = s.origin { Some(run) } else { None });
    let runs: BTreeSet<RunId> = goes.iter().filter_map(made_by).collect();
    let seconds: BTreeMap<RunId, f64> =
        reader.runs(&runs.into_iter().collect::<Vec<_>>())?.into_iter().map(|run| (run.id, run.seconds)).collect();
    let with_cost = |place: Place| {
        let again = match made_by(&place) {
            Some(run) => Again::Run { run, seconds: seconds.get(&run).copied().unwrap_or_default() },
            None if place.snapshots.iter().any(|snapshot| snapshot.origin == Origin::Source) => Again::Source,
            None => Again::Never,
        };
        Goes { place, again }
    };
    Ok(goes.into_iter().map(with_cost).collect())
}

/// Entries of a folder whose names begin with a moment that lies before another.
fn older(folder: &Path, before: Timestamp) -> Vec<PathBuf> {
    let moment = |path: &PathBuf| path.file_name()?.to_str()?.split('-').next()?.parse::<Timestamp>().ok();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries.filter(|path| moment(path).is_some_and(|at| at < before)).collect();
    found.sort();
    found
}

fn sizes(paths: &[&Vec<PathBuf>]) -> u64 {
    paths.iter().copied().flatten().map(|path| size(path)).sum()
}

/// Bytes of all files; what cannot be read has none.
fn size(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| size(&entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Cancel;
    use crate::workspace::Request;
    use crate::workspace::build::BuildOptions;

    fn project(root: &Path, number: u32) -> Workspace {
        fs::write(root.join("formake.yaml"), "keep: { history: 0d, last: 0 }\n").expect("written");
        let formulas = format!(
            "-> (a, prod, dl) {{ run \"echo {number} > {{{{ output }}}}\" }}\n\
             (a, prod, dl) -> (b, prod, dl) {{ run \"cat {{{{ inputs.a }}}} > {{{{ output }}}}\" }}\n"
        );
        fs::write(root.join("pipeline.formula"), formulas).expect("written");
        Workspace::open(root).expect("opened")
    }

    fn build(workspace: &Workspace) -> usize {
        let request = Request { targets: vec!["b".into()], ..Request::default() };
        workspace.build(&request, &BuildOptions::default(), &Cancel::default(), &mut |_| {}).expect("built").ran
    }

    /// Killed after the commit, the catalog says what will be so; a build makes again what is gone or not, and the next cleaning finishes.
    #[test]
    fn a_cleaning_that_stops_halfway_is_finished_by_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        assert_eq!(build(&project(root, 1)), 2);
        let workspace = project(root, 2);
        assert_eq!(build(&workspace), 2);
        let shown = workspace.cleaning().expect("decided");
        assert_eq!((shown.goes.len(), shown.stays.len()), (2, 2));
        let paths: Vec<PathBuf> = shown.goes.iter().map(|goes| root.join("lake").join(goes.place.path())).collect();
        forget(&workspace.catalog(Mode::Write).expect("opened"), &shown).expect("committed");
        let of_a = &shown.goes[0].place;
        workspace.bytes.store.discard(of_a.repository(), of_a.path()).expect("removed");
        // Stopped here: one is gone, the other is not.
        assert_eq!(paths.iter().map(|path| path.exists()).collect::<Vec<_>>(), [false, true]);
        assert_eq!(build(&workspace), 0, "nothing that is needed went");
        let rest = workspace.cleaning().expect("decided");
        assert_eq!(rest.goes.iter().map(|goes| goes.place.path()).collect::<Vec<_>>(), [shown.goes[1].place.path()]);
        workspace.clean(&rest, &mut |_| {}).expect("cleaned");
        assert!(workspace.cleaning().expect("decided").is_empty() && !paths[1].exists());
        let back = project(root, 1);
        assert_eq!(build(&back), 2, "what went is made again");
        assert!(paths.iter().all(|path| path.exists()));
        assert_eq!(build(&back), 0);
    }

    #[test]
    fn what_was_not_shown_or_is_needed_again_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        build(&project(root, 1));
        build(&project(root, 2));
        let shown = project(root, 2).cleaning().expect("decided");
        let back = project(root, 1);
        assert_eq!(build(&back), 0, "reused");
        let done = back.clean(&shown, &mut |_| {}).expect("cleaned");
        assert!(done.goes.is_empty(), "those that were shown are current again, those of 2 were not shown");
        assert_eq!(back.cleaning().expect("decided").goes.len(), 2);
        assert_eq!(build(&project(root, 2)), 0, "and are still there");
    }
}
