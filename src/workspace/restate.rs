//! Invalidating, and what it comes down to: everything that depends on what goes, under every label.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::request::final_classes;
use super::{Failure, Workspace, clock};
use crate::catalog::lineage::{Direction, trace};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Applied, Catalog, Change, Reader, SnapshotId};
use crate::formula::program::{Bases, Program};
use crate::identity::{Identity, Name};
use crate::report::restate::{Affected, Group, Restatement};

impl Workspace {
    /// What invalidating a target would take away, and what depends on it.
    ///
    /// # Errors
    /// The target stands for nothing of its own label.
    pub fn restatement(&self, text: &str, label: Option<&str>) -> Result<Restatement, Failure> {
        let catalog = self.catalog(Mode::Read)?;
        let snapshots = self.pick(&catalog, text, label)?;
        let roots: Vec<SnapshotId> = snapshots.iter().map(|l| l.snapshot.id).collect();
        let lineage = trace(&catalog, &roots, Direction::Down)?;
        let all: Vec<SnapshotId> = lineage.snapshots.keys().copied().collect();
        let mut standing = catalog.standing_for(&all)?;
        // In the order in which they were made: what something was made from comes before it.
        standing.sort_by_key(|(_, snapshot)| *snapshot);
        // It must be possible to invalidate while the formulas are wrong.
        let program = self.program().ok();
        let mut found = Found {
            bases: &self.config.settings.bases,
            finals: program.as_ref().map(final_classes).unwrap_or_default(),
            program: program.as_ref(),
            held: catalog.holds()?.into_iter().map(|(identity, ..)| identity).collect(),
            labels: BTreeMap::new(),
        };
        let goes: HashSet<&SnapshotId> = roots.iter().collect();
        for (identity, snapshot) in &standing {
            found.stands(identity, goes.contains(snapshot));
        }
        let stood_for: HashSet<&SnapshotId> = standing.iter().map(|(_, snapshot)| snapshot).collect();
        for snapshot in lineage.snapshots.values().filter(|s| !stood_for.contains(&s.id) && !goes.contains(&s.id)) {
            found.label(&snapshot.identity.label).earlier += 1;
        }
        for (identity, from) in self.read_through(&catalog, standing.iter().map(|(identity, _)| identity))? {
            found.label(&identity.label).inherited.push((identity, from));
        }
        let mut labels: Vec<Affected> = found.labels.into_values().collect();
        // Stable: of equal depth, the order of names stays.
        labels.sort_by_key(|label| self.config.settings.bases.chain(&label.label).len());
        let not_permitted = catalog.refusals_of(&clock::actor().user, &changes(&roots, ""))?;
        Ok(Restatement { snapshots, labels, formulas: program.is_some(), not_permitted })
    }

    /// The identities of labels with a base that have nothing of their own, so that one of these is read in their place; with which one.
    fn read_through<'i>(
        &self,
        reader: &dyn Reader,
        affected: impl Iterator<Item = &'i Identity> + Clone,
    ) -> Result<Vec<(Identity, Identity)>, Failure> {
        let mut known: BTreeSet<Name> = reader.labels()?.into_iter().map(|summary| summary.label).collect();
        known.extend(self.config.labels.keys().filter(|name| !name.contains('*')).cloned());
        // Each with the labels that must have nothing, before what is affected shows through.
        let mut asked: Vec<(Identity, Identity, Vec<Identity>)> = Vec::new();
        for label in known {
            let chain = self.config.settings.bases.chain(&label);
            for from in affected.clone() {
                let Some(depth) = chain.iter().position(|base| *base == from.label) else { continue };
                let above = std::iter::once(&label).chain(&chain[..depth]).map(|label| from.under(label)).collect();
                asked.push((from.under(&label), from.clone(), above));
            }
        }
        let above: BTreeSet<&Identity> = asked.iter().flat_map(|(.., above)| above).collect();
        let above: Vec<Identity> = above.into_iter().cloned().collect();
        let standings = reader.standings(&above)?;
        let hides: HashSet<&Identity> =
            above.iter().zip(&standings).filter(|(_, s)| s.current.is_some() || s.hold.is_some()).map(|(identity, _)| identity).collect();
        let through = asked.iter().filter(|(.., above)| !above.iter().any(|identity| hides.contains(identity)));
        Ok(through.map(|(identity, from, _)| (identity.clone(), from.clone())).collect())
    }

    /// Whether the acting user may invalidate that.
    ///
    /// # Errors
    /// Not; and that it was refused is recorded.
    pub fn may_invalidate(&self, restatement: &Restatement) -> Result<(), Failure> {
        Ok(self.catalog(Mode::Write)?.ask_for(&clock::actor(), clock::now(), &changes(&restatement.roots(), ""))?)
    }

    /// Marks what a target stands for as wrong: it is never used again, under any label.
    pub fn invalidate(&self, restatement: &Restatement, because: &str) -> Result<Vec<Applied>, Failure> {
        Ok(self.catalog(Mode::Write)?.commit(&clock::actor(), clock::now(), &changes(&restatement.roots(), because))?)
    }
}

fn changes(roots: &[SnapshotId], because: &str) -> Vec<Change> {
    roots.iter().map(|snapshot| Change::Invalidate { snapshot: *snapshot, because: because.to_string() }).collect()
}

/// What was found so far, by label.
struct Found<'a> {
    program: Option<&'a Program>,
    finals: Vec<String>,
    held: HashSet<Identity>,
    bases: &'a Bases,
    labels: BTreeMap<Name, Affected>,
}

impl Found<'_> {
    fn label(&mut self, label: &Name) -> &mut Affected {
        let base = self.bases.of(label);
        self.labels.entry(label.clone()).or_insert_with(|| Affected { base, ..Affected::new(label) })
    }

    /// An identity that stands for what goes, or for something made from that.
    fn stands(&mut self, identity: &Identity, goes: bool) {
        let (owner, doc) = self.said(identity).unwrap_or_default();
        let held = self.held.contains(identity);
        let is_final = self.finals.iter().any(|class| **class == *identity.class);
        let label = self.label(&identity.label);
        let groups = if goes { &mut label.loses } else { &mut label.made };
        let same = |group: &&mut Group| {
            group.identities.first().is_some_and(|first| first.class == identity.class && first.repository == identity.repository)
                && (&group.owner, &group.doc, group.held) == (&owner, &doc, held)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.identities.push(identity.clone()),
            None => groups.push(Group { identities: vec![identity.clone()], owner, doc, is_final, held }),
        }
    }

    /// Owner and doc of what makes an identity: by its own label's formulas and sources, else by those of its bases.
    fn said(&self, identity: &Identity) -> Option<(Option<String>, Option<String>)> {
        let program = self.program?;
        let bases = self.bases.chain(&identity.label);
        std::iter::once(&identity.label).chain(&bases).find_map(|label| said(program, &identity.under(label)))
    }
}

fn said(program: &Program, identity: &Identity) -> Option<(Option<String>, Option<String>)> {
    let makers = program.makers.get(&identity.class).into_iter().flatten().map(|id| &program.formulas[*id]);
    for formula in makers {
        if formula.outputs.iter().any(|output| output.pattern.unify(identity, &mut formula.binding()).is_ok()) {
            return Some((formula.owner.clone(), formula.doc.clone()));
        }
    }
    let sources = program.source_of.get(&identity.class).into_iter().flatten().map(|id| &program.sources[*id]);
    for source in sources {
        let mut binding = source.pattern.blank();
        binding.resize(source.variables.len().max(binding.len()), None);
        if source.pattern.unify(identity, &mut binding).is_ok() {
            return Some((source.owner.clone(), source.doc.clone()));
        }
    }
    None
}
