//! Changes by hand: publishing and releasing; and taking data out.

use std::fs;
use std::path::{Path, PathBuf};

use super::lock::Lock;
use super::outside::Outside;
use super::request::Request;
use super::{Failure, OWN, Workspace, clock};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Catalog, Change, Listed, NewSnapshot, Reader, Reading, Timestamp};
use crate::diagnostic::Diagnostic;
use crate::identity::Identity;
use crate::identity::instance::percent_encoded;
use crate::plan::{Bytes, Condition};
use crate::quality::Report;
use crate::report::look::Look;
use crate::report::verdicts;
use crate::resolve::Resolver;
use crate::run::disk::Disk;
use crate::run::look::{Looks, Seen};
use crate::store::Kind;

impl Workspace {
    /// Takes files (one, or several as a folder) in as the snapshot of one identity.
    ///
    /// # Errors
    /// The target stands for several identities, or for one that a formula or source makes (unless it is held), or a file cannot be read, or
    /// its data breaks the contract of its class.
    pub fn publish(&self, text: &str, label: Option<&str>, files: &[PathBuf], hold: Option<&str>) -> Result<(Identity, Report), Failure> {
        let request = Request { targets: vec![text.to_string()], label: label.map(str::to_string), ..Request::default() };
        let program = self.program_for(&request)?;
        let catalog = self.catalog(Mode::Write)?;
        let contracts = self.contracts()?;
        let outside = Outside::new(&self.root, &program, &contracts, &catalog)?;
        let mut resolver = Resolver::new(&program, &outside);
        let identities = self.select(&request, &program, &mut resolver)?;
        let [identity] = identities.as_slice() else { return Err(several(text, identities.len())) };
        if hold.is_none()
            && let Some(place) = resolver.made_by(identity)
        {
            return Err(Diagnostic::error("E0806", format!("{identity} is made by {place}, so it is not published by hand"))
                .help("to put your data in its place, and keep it there until `formake release`, add `--hold --because \"…\"`")
                .into());
        }
        // Before any bytes are copied.
        catalog.ask(&clock::actor(), clock::now(), [identity])?;
        let _no_cleaning = self.lock_store()?;
        let own = self.root.join(OWN);
        let looks = Looks { program: &program, contracts: &contracts, spill: &own, threads: clock::processors() };
        let against = looks.against(&catalog, &self.bytes, identity)?;
        let allowed = |at: &Path| {
            let seen = looks.look(identity, at, &[], &against);
            if seen.report.blocks() { Err(refused(identity, &seen)) } else { Ok(seen) }
        };
        let (stored, seen) = match files {
            [one] => {
                let name = one.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                let from = std::path::absolute(one)?;
                readable(&from)?;
                let seen = allowed(&from)?;
                (self.bytes.store.take_copy(&from, &identity.repository, &identity.class, &identity.instance, &name)?, seen)
            }
            several => {
                let folder = self.root.join(OWN).join(format!("publish-{}", std::process::id()));
                let gathered = gather(several, &folder).and_then(|()| {
                    let (class, instance) = (&identity.class, &identity.instance);
                    let seen = allowed(&folder)?;
                    Ok((self.bytes.store.take_in(&folder, &identity.repository, class, instance, class)?, seen))
                });
                let _ = crate::store::local::remove(&folder);
                gathered?
            }
        };
        self.bytes.store.seal(&[(&identity.repository, &stored.path)])?;
        let snapshot = NewSnapshot {
            identity: identity.clone(),
            content: stored.content.hash,
            kind: stored.content.kind,
            bytes: stored.content.bytes,
            files: stored.content.files,
            path: stored.path,
            stored: true,
            stamp: stored.content.stamp,
            looked: seen.looked,
        };
        let mut changes = vec![Change::Publish { snapshot: Box::new(snapshot), hold: hold.map(str::to_string) }];
        let bases: Vec<Identity> = program.bases.chain(&identity.label).iter().map(|base| identity.under(base)).collect();
        if !bases.is_empty() {
            let base = catalog.standings(&bases)?.into_iter().find_map(|standing| standing.current).map(|current| current.snapshot.id);
            changes.push(Change::Saw { identity: identity.clone(), base });
        }
        catalog.commit(&clock::actor(), clock::now(), &changes)?;
        Ok((identity.clone(), seen.report))
    }

    /// Held while bytes are taken in outside of a build, and while bytes are removed.
    pub(super) fn lock_store(&self) -> Result<Lock, Failure> {
        let own = self.root.join(OWN);
        fs::create_dir_all(&own)?;
        Ok(Lock::take(&own.join("store.lock"), &mut |_| {})?)
    }

    /// Ends holds: from the next build on, formulas and sources make these identities again.
    pub fn release(&self, text: &str, label: Option<&str>) -> Result<Vec<Identity>, Failure> {
        let catalog = self.catalog(Mode::Write)?;
        let mut target = super::request::parse(text)?;
        target.label = target.label.or_else(|| Some(self.label(label)));
        let mut held: Vec<Identity> = catalog.holds()?.into_iter().map(|(identity, ..)| identity).filter(|i| target.matches(i)).collect();
        held.sort();
        if held.is_empty() {
            return Err(Diagnostic::error("E0809", format!("nothing that `{text}` stands for is held"))
                .help("`formake ls` marks what is held")
                .into());
        }
        let changes: Vec<Change> = held.iter().map(|identity| Change::Release { identity: identity.clone() }).collect();
        catalog.commit(&clock::actor(), clock::now(), &changes)?;
        Ok(held)
    }

    /// Copies what a target stands for into a folder, each under its identity's name: `churn_features@2024-01-01.parquet`.
    ///
    /// # Errors
    /// Bytes that are gone or damaged, or a file that is there already; nothing is overwritten.
    pub fn export(&self, text: &str, label: Option<&str>, as_of: Option<Timestamp>, folder: &Path) -> Result<Vec<Reading>, Failure> {
        let readings = self.read(&self.catalog(Mode::Read)?, text, label, as_of)?;
        let mut planned = Vec::with_capacity(readings.len());
        for Reading { identity, pointer: Listed { identity: owner, snapshot, .. } } in &readings {
            let mut name = percent_encoded(&identity.class);
            if !identity.instance.is_empty() {
                name = format!("{name}@{}", identity.instance.path_component());
            }
            let ending = crate::recipe::ending(&snapshot.path);
            if snapshot.kind != Kind::Folder && !ending.is_empty() {
                name = format!("{name}.{ending}");
            }
            let to = folder.join(name);
            if to.exists() {
                return Err(Diagnostic::error("E0808", format!("`{}` is there already", to.display()))
                    .help("export into an empty folder")
                    .into());
            }
            if self.bytes.condition(snapshot) != Condition::Intact {
                return Err(Diagnostic::error("E0814", format!("the bytes of {owner} are gone or damaged"))
                    .help(format!("`formake build {owner}` makes them again"))
                    .into());
            }
            planned.push((self.bytes.path(snapshot), to));
        }
        fs::create_dir_all(folder)?;
        for (from, to) in &planned {
            crate::store::local::copy_out(from, to)?;
        }
        Ok(readings)
    }
}

fn refused(identity: &Identity, seen: &Seen) -> Failure {
    let message = format!("{identity} is not published: {}", seen.looked.refused.as_deref().unwrap_or("its data breaks its contract"));
    let problem = Diagnostic::error("E1060", message);
    let notes = verdicts::lines(&seen.report.errors().cloned().collect::<Vec<_>>(), &Look::plain());
    let problem = notes.into_iter().fold(problem, |problem, line| problem.note(line.trim_end()));
    problem.help("publish right data, or change the contract where it asks too much").into()
}

fn several(text: &str, count: usize) -> Failure {
    Diagnostic::error("E0615", format!("`{text}` stands for {count} identities, and one is published at a time"))
        .help("name every dimension")
        .into()
}

fn readable(path: &Path) -> Result<(), Failure> {
    fs::metadata(path).map(|_| ()).map_err(|e| Diagnostic::error("E0810", format!("`{}` cannot be read: {e}", path.display())).into())
}

fn gather(files: &[PathBuf], folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    for file in files {
        readable(file)?;
        let to = folder.join(file.file_name().unwrap_or_default());
        if to.exists() {
            return Err(Diagnostic::error(
                "E0808",
                format!("two of the files are called `{}`", to.file_name().unwrap_or_default().display()),
            )
            .into());
        }
        crate::store::local::copy_out(&std::path::absolute(file)?, &to)?;
    }
    Ok(())
}
