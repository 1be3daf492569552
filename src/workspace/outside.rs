//! The outside as resolving and planning see it: source files on disk, publications, holds and records in the catalog.
//!
//! What is true here: nothing is written. Each file is looked at once in a request, and hashed only where its stamp is not the recorded one.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use rayon::prelude::*;

use super::failure::Failure;
use crate::catalog::{self, Hold, Reader, SnapshotId};
use crate::diagnostic::Diagnostic;
use crate::digest::ContentHash;
use crate::formula::program::{Program, Source};
use crate::identity::{Binding, Identity, Name, Pattern};
use crate::plan::{Observed, Recorded, Standings};
use crate::quality::Contracts;
use crate::resolve::{Graph, NodeIx, Offer, Origin, Standing, World};
use crate::store::{Content, Found, sources};

/// Class, instance and repository: what condemned bytes are condemned for.
type Place = (Name, crate::identity::Instance, Name);

/// One request's view.
pub struct Outside<'a> {
    root: &'a Path,
    program: &'a Program,
    reader: &'a dyn Reader,
    holds: HashMap<Identity, (Hold, Option<SnapshotId>)>,
    condemned: HashMap<Place, HashSet<ContentHash>>,
    /// Sources' bytes that break their contracts as they are now, and how.
    quarantined: HashMap<Place, HashMap<ContentHash, String>>,
    published: RefCell<HashMap<Name, HashSet<Identity>>>,
    sourced: RefCell<HashMap<Name, Rc<HashSet<Identity>>>>,
    /// By the source as it was written.
    found: RefCell<HashMap<(usize, Binding), Option<Found>>>,
    listed: RefCell<HashMap<usize, Vec<Binding>>>,
    /// What went wrong while a question was answered; asked for at the end.
    problem: RefCell<Option<Failure>>,
}

/// A source's file as it is now, with what is to be recorded of it.
#[derive(Clone, Debug)]
pub struct Sight {
    pub found: Found,
    /// Hashed now.
    pub content: Content,
}

impl<'a> Outside<'a> {
    pub fn new(root: &'a Path, program: &'a Program, contracts: &Contracts, reader: &'a dyn Reader) -> Result<Self, Failure> {
        let holds = reader.holds()?.into_iter().map(|(identity, hold, current)| (identity, (hold, current))).collect();
        let mut condemned: HashMap<Place, HashSet<ContentHash>> = HashMap::new();
        for (identity, content) in reader.condemned()? {
            condemned.entry((identity.class, identity.instance, identity.repository)).or_default().insert(content);
        }
        let mut quarantined: HashMap<Place, HashMap<ContentHash, String>> = HashMap::new();
        for one in reader.quarantined(None)? {
            let identity = one.snapshot.identity;
            let is_asked = one.contract.is_some() && contracts.of(&identity.class).map(|contract| contract.meaning) == one.contract;
            if one.snapshot.origin == catalog::Origin::Source && is_asked {
                let place = (identity.class, identity.instance, identity.repository);
                quarantined.entry(place).or_default().insert(one.snapshot.content, one.because);
            }
        }
        Ok(Self {
            root,
            program,
            reader,
            holds,
            condemned,
            quarantined,
            published: RefCell::default(),
            sourced: RefCell::default(),
            found: RefCell::default(),
            listed: RefCell::default(),
            problem: RefCell::default(),
        })
    }

    /// What went wrong on disk or in the catalog while resolving asked.
    pub fn check(&self) -> Result<(), Failure> {
        self.problem.borrow_mut().take().map_or(Ok(()), Err)
    }

    fn or_report<T: Default>(&self, answer: Result<T, Failure>) -> T {
        answer.unwrap_or_else(|failure| {
            self.problem.borrow_mut().get_or_insert(failure);
            T::default()
        })
    }

    fn look(&self, source: &Source, binding: &Binding) -> Option<Found> {
        let key = (self.written(source), binding.clone());
        if let Some(known) = self.found.borrow().get(&key) {
            return known.clone();
        }
        let found = self.or_report(sources::lookup(self.root, source, binding).map_err(|e| unreadable(source, &e)));
        self.found.borrow_mut().insert(key, found.clone());
        found
    }

    /// The source as it was written, for one that is taken over from a base: its files are the same.
    fn written(&self, source: &Source) -> usize {
        std::iter::successors(Some(source.id), |id| self.program.sources[*id].of).last().unwrap_or(source.id)
    }

    /// Whether an identity, or what shows through from a base, stands for a recorded source.
    fn is_recorded(&self, identity: &Identity) -> bool {
        let recorded = self.recorded(&identity.class);
        let chain = self.program.bases.chain(&identity.label);
        recorded.contains(identity) || chain.iter().any(|base| recorded.contains(&identity.under(base)))
    }

    /// The class's identities that stand for a recorded source.
    fn recorded(&self, class: &Name) -> Rc<HashSet<Identity>> {
        if let Some(known) = self.sourced.borrow().get(class) {
            return known.clone();
        }
        let all = self.or_report(self.reader.sourced(class).map_err(Failure::from));
        let all: Rc<HashSet<Identity>> = Rc::new(all.into_iter().collect());
        self.sourced.borrow_mut().insert(class.clone(), all.clone());
        all
    }

    fn is_published(&self, identity: &Identity) -> bool {
        if let Some(known) = self.published.borrow().get(&identity.class) {
            return known.contains(identity);
        }
        let all: HashSet<Identity> = self.or_report(self.reader.published(&identity.class).map_err(Failure::from)).into_iter().collect();
        let is = all.contains(identity);
        self.published.borrow_mut().insert(identity.class.clone(), all);
        is
    }

    /// Looks at every source of the graph: unchanged by its stamp, or hashed, many at once.
    pub fn observe(&self, graph: &Graph, standings: &Standings) -> Result<HashMap<NodeIx, (Observed, Option<Sight>)>, Failure> {
        let mut looks = Vec::new();
        for (index, node) in graph.nodes.iter().enumerate() {
            if let Origin::Source { source, binding } = &node.origin {
                let source = &self.program.sources[*source];
                let node = NodeIx(index as u32);
                looks.push((node, source, self.look(source, binding), Recorded::of(standings, node)));
            }
        }
        self.check()?;
        let root = self.root;
        let seen: Result<Vec<_>, Failure> =
            looks.into_par_iter().map(|(node, source, found, recorded)| Ok((node, see(root, source, found, &recorded)?))).collect();
        Ok(seen?.into_iter().collect())
    }
}

fn see(root: &Path, source: &Source, found: Option<Found>, recorded: &Recorded<'_>) -> Result<(Observed, Option<Sight>), Failure> {
    let Some(found) = found else { return Ok((Observed::vanished(recorded), None)) };
    let untouched = |snapshot: &catalog::Snapshot| {
        !snapshot.stored && snapshot.path == found.path && snapshot.stamp == found.stamp && found.stamp.is_settled()
    };
    if let Some(snapshot) = recorded.find(untouched) {
        return Ok((Observed::unchanged(snapshot), None));
    }
    let content = sources::hash(root, &found).map_err(|e| unreadable(source, &e))?;
    Ok((Observed::now(recorded, content.hash, &found.path), Some(Sight { found, content })))
}

fn unreadable(source: &Source, error: &dyn std::fmt::Display) -> Failure {
    let text = source.from.as_ref().map_or("", |p| p.text.as_str());
    Failure::from(
        Diagnostic::error("E0801", format!("a source's files cannot be read: {error}"))
            .note(format!("the source `{text}` at {}", source.place)),
    )
}

impl World for Outside<'_> {
    fn source(&self, source: &Source, binding: &Binding, identity: &Identity) -> Offer {
        let found = self.look(source, binding);
        let place = (identity.class.clone(), identity.instance.clone(), identity.repository.clone());
        let Some(found) = found else {
            if self.is_recorded(identity) {
                return Offer::Vanished;
            }
            if let Some(content) = self.condemned.get(&place).and_then(|all| all.iter().next()) {
                return Offer::Condemned { content: *content };
            }
            let path = source.from.as_ref().and_then(|p| p.render(binding).or_else(|| Some(p.text.clone())));
            return Offer::Missing { path: path.unwrap_or_default() };
        };
        let (condemned, quarantined) = (self.condemned.get(&place), self.quarantined.get(&place));
        if condemned.is_none() && quarantined.is_none() {
            return Offer::There;
        }
        let Some(content) = self.or_report(sources::hash(self.root, &found).map(Some).map_err(|e| unreadable(source, &e))) else {
            return Offer::There;
        };
        if condemned.is_some_and(|all| all.contains(&content.hash)) {
            return Offer::Condemned { content: content.hash };
        }
        match quarantined.and_then(|all| all.get(&content.hash)) {
            Some(because) => Offer::Quarantined { because: because.clone() },
            None => Offer::There,
        }
    }

    fn source_instances(&self, source: &Source) -> Vec<Binding> {
        let written = self.written(source);
        let known = self.listed.borrow().get(&written).cloned();
        let mut all = match known {
            Some(known) => known,
            None => {
                let listed = self.or_report(sources::list(self.root, source).map_err(|e| unreadable(source, &e)));
                let mut all: Vec<Binding> = Vec::with_capacity(listed.len());
                for (binding, found) in listed {
                    self.found.borrow_mut().insert((written, binding.clone()), Some(found));
                    all.push(binding);
                }
                self.listed.borrow_mut().insert(written, all.clone());
                all
            }
        };
        let chain = self.program.bases.chain(&source.pattern.label);
        for identity in self.recorded(&source.pattern.class).iter() {
            let mut binding = blank(&source.pattern, source.variables.len());
            let shows_through = chain.contains(&identity.label).then(|| identity.under(&source.pattern.label));
            if source.pattern.unify(shows_through.as_ref().unwrap_or(identity), &mut binding).is_ok() {
                all.push(binding);
            }
        }
        all.sort();
        all.dedup();
        all
    }

    fn standing(&self, identity: &Identity) -> Standing {
        match self.holds.get(identity) {
            Some((_, Some(_))) => Standing::Held,
            Some((hold, None)) => Standing::HeldEmpty { because: hold.because.clone() },
            None if self.is_published(identity) => Standing::Published,
            None => Standing::Nothing,
        }
    }

    fn published(&self, class: &str) -> Vec<Identity> {
        self.or_report(self.reader.published(class).map_err(Failure::from))
    }
}

fn blank(pattern: &Pattern, variables: usize) -> Binding {
    let mut binding = pattern.blank();
    binding.resize(variables.max(binding.len()), None);
    binding
}
