//! Labels: what `formake.yaml` says of each, what each has of its own, when it expires; and dropping one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Failure, Workspace, clock, config, files};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Catalog, Change, Filter, LabelSummary, Listed, Reader, Timestamp};
use crate::diagnostic::{Diagnostic, nearest};
use crate::formula::compile;
use crate::formula::program::Program;
use crate::identity::{Identity, Name};
use crate::report::label::{Beside, Dropping, Label, LabelView, Labels, Own, Settings};

impl Workspace {
    /// Every label that the catalog, a formula or `formake.yaml` speaks of. Where formulas have mistakes, what could be read of them counts.
    pub fn labels(&self) -> Result<Labels, Failure> {
        let labels = self.labels_in(&self.catalog(Mode::Read)?)?;
        let patterns = self.config.labels.iter().filter(|(name, _)| name.contains('*'));
        Ok(Labels { labels, patterns: patterns.map(|(name, label)| (name.clone(), settings(label))).collect() })
    }

    pub(super) fn labels_in(&self, reader: &dyn Reader) -> Result<Vec<Label>, Failure> {
        let program = compile(&files::ProjectFiles { root: self.root.clone() }, &self.config.settings).program;
        let mut named = written(&program);
        named.insert(self.config.settings.default_label.clone());
        for (name, label) in &self.config.labels {
            named.extend(label.base.clone());
            named.extend((!name.contains('*')).then(|| name.clone()));
        }
        let mut summaries: BTreeMap<Name, LabelSummary> =
            reader.labels()?.into_iter().map(|summary| (summary.label.clone(), summary)).collect();
        let labels: BTreeSet<Name> = named.iter().chain(summaries.keys()).cloned().collect();
        let now = clock::now();
        Ok(labels.into_iter().map(|label| self.label_of(&label, named.contains(&label), summaries.remove(&label), now)).collect())
    }

    fn label_of(&self, label: &Name, named: bool, summary: Option<LabelSummary>, now: Timestamp) -> Label {
        let entry = self.config.label(label);
        let settings = entry.as_ref().map(|(_, label)| settings(label)).unwrap_or_default();
        let under: Vec<Name> =
            self.config.labels.iter().filter(|(_, l)| l.base.as_ref() == Some(label)).map(|(name, _)| name.clone()).collect();
        // What others read, and what is protected, lasts.
        let lasts = settings.protected || !under.is_empty();
        let last = summary.as_ref().filter(|summary| summary.identities + summary.holds > 0).map(|summary| summary.last);
        let expires =
            settings.expires_after.zip(last).filter(|_| !lasts).map(|(seconds, last)| last.saturating_add((seconds * 1000.0) as i64));
        Label {
            label: label.clone(),
            entry: entry.map(|(name, _)| name),
            settings,
            under,
            named,
            summary,
            expires,
            expired: expires.is_some_and(|at| at < now),
        }
    }

    /// # Errors
    /// Nothing speaks of the label.
    fn known_label(&self, name: &str, reader: &dyn Reader) -> Result<Label, Failure> {
        let labels = self.labels_in(reader)?;
        if let Some(label) = labels.iter().find(|label| *label.label == *name) {
            return Ok(label.clone());
        }
        let mut problem = Diagnostic::error("E0841", format!("there is no label `{name}`"));
        if let Some(near) = nearest(name, labels.iter().map(|label| &*label.label)) {
            problem = problem.help(format!("did you mean `{near}`?"));
        }
        Err(problem.help("`formake label ls` shows all labels; one begins with its first build: `formake build --label NAME`").into())
    }

    /// One label: settings, what it has of its own and what its base has in that place, promotions.
    pub fn label_view(&self, name: &str) -> Result<LabelView, Failure> {
        let catalog = self.catalog(Mode::Read)?;
        let label = self.known_label(name, &catalog)?;
        let listed = catalog.list(&Filter { label: Some(name.to_string()), ..Filter::default() })?;
        let bases = self.config.settings.bases.chain(name);
        let beside = beside(&catalog, &listed, &bases)?;
        let own = listed.into_iter().zip(beside).map(|(listed, base)| Own { listed, base: (!bases.is_empty()).then_some(base) }).collect();
        let holds = catalog.holds()?.into_iter().filter(|(identity, _, snapshot)| *identity.label == *name && snapshot.is_none());
        let held_empty = holds.map(|(identity, hold, _)| (identity, hold)).collect();
        let mut promotions = catalog.promotions(None)?;
        promotions.retain(|promotion| *promotion.to == *name || promotion.from.as_deref() == Some(name));
        Ok(LabelView { label, own, held_empty, promotions })
    }

    /// What dropping a label would take away.
    ///
    /// # Errors
    /// The label is not known, is protected, or others fall through to it.
    pub fn dropping(&self, name: &str) -> Result<Dropping, Failure> {
        let catalog = self.catalog(Mode::Read)?;
        let label = match self.known_label(name, &catalog) {
            // Who cleans up after a pull request need not know whether anything was built for it.
            Err(_) if self.config.label(name).is_some() => self.label_of(&name.into(), false, None, clock::now()),
            known => known?,
        };
        let refused = |reason: String| Diagnostic::error("E0840", format!("the label `{name}` is not dropped: {reason}"));
        if label.settings.protected {
            return Err(refused("it is protected".into()).help("its entry in `labels:` of formake.yaml says so").into());
        }
        if let [first, rest @ ..] = label.under.as_slice() {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            let problem = refused(format!("it is the base of `{first}`{more}"));
            return Err(problem.help("what they have not made themselves, they read from it; give them another base first").into());
        }
        dropping_in(&catalog, label)
    }

    /// Whether the acting user may drop that, asked before the user is.
    pub fn may_drop(&self, dropping: &Dropping) -> Result<(), Failure> {
        Ok(self.catalog(Mode::Write)?.ask_for(&clock::actor(), clock::now(), &changes(dropping, ""))?)
    }

    /// Takes a label's own pointers and holds away. Bytes and history stay.
    pub fn drop_label(&self, dropping: &Dropping) -> Result<(), Failure> {
        let changes = changes(dropping, "the label was dropped");
        if !changes.is_empty() {
            self.catalog(Mode::Write)?.commit(&clock::actor(), clock::now(), &changes)?;
        }
        Ok(())
    }
}

/// Takes everything away that a label has of its own.
pub(super) fn changes(dropping: &Dropping, because: &str) -> Vec<Change> {
    let release = dropping.holds.iter().map(|(identity, _)| Change::Release { identity: identity.clone() });
    let withdraw = |l: &Listed| Change::Withdraw { identity: l.identity.clone(), because: because.to_string() };
    release.chain(dropping.own.iter().map(withdraw)).collect()
}

fn settings(label: &config::Label) -> Settings {
    let config::Label { base, protected, writers, expires } = label.clone();
    Settings { base, protected, writers, expires_after: expires }
}

pub(super) fn dropping_in(reader: &dyn Reader, label: Label) -> Result<Dropping, Failure> {
    let own = reader.list(&Filter { label: Some(label.label.to_string()), ..Filter::default() })?;
    let holds = reader.holds()?.into_iter().filter(|(identity, ..)| identity.label == label.label);
    let holds = holds.map(|(identity, hold, _)| (identity, hold)).collect();
    Ok(Dropping { label, own, holds })
}

/// Labels that formulas and sources name.
fn written(program: &Program) -> BTreeSet<Name> {
    let inputs = program.formulas.iter().flat_map(|f| &f.inputs).flat_map(|i| &i.alternatives).flat_map(|a| a.pattern.all());
    let outputs = program.formulas.iter().flat_map(|f| &f.outputs).map(|output| &output.pattern);
    inputs.chain(outputs).chain(program.sources.iter().map(|source| &source.pattern)).map(|pattern| pattern.label.clone()).collect()
}

/// What the bases of a label, the nearest first, stand for in the place of each of its own pointers.
fn beside(reader: &dyn Reader, own: &[Listed], bases: &[Name]) -> Result<Vec<Beside>, Failure> {
    let mut found: Vec<Option<Beside>> = vec![None; own.len()];
    for base in bases {
        let open: Vec<usize> = (0..own.len()).filter(|i| found[*i].is_none()).collect();
        let theirs: Vec<Identity> = open.iter().map(|i| own[*i].identity.under(base)).collect();
        for (i, standing) in open.into_iter().zip(reader.standings(&theirs)?) {
            let mine = (own[i].snapshot.id, own[i].snapshot.content);
            found[i] = match standing.current {
                Some(current) if current.snapshot.id == mine.0 => Some(Beside::Same),
                Some(current) if current.snapshot.content == mine.1 => Some(Beside::Alike(current.snapshot)),
                Some(current) => Some(Beside::Other(current.snapshot)),
                // Held empty: nothing shows through.
                None if standing.hold.is_some() => Some(Beside::Nothing),
                None => None,
            };
        }
    }
    Ok(found.into_iter().map(|beside| beside.unwrap_or(Beside::Nothing)).collect())
}
