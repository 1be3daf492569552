//! What the catalog says of a label's identities and of its base's, read once.

use std::collections::HashMap;

use crate::catalog::{self, Current, Hold, Reader, Run, RunId, Snapshot, SnapshotId, Standing};
use crate::digest::ContentHash;
use crate::formula::program::Bases;
use crate::identity::{Identity, Name};

/// By identity of the label.
pub struct View {
    pub own: HashMap<Identity, Standing>,
    pub base: HashMap<Identity, Below>,
    /// Those that made what the label has of its own.
    pub runs: HashMap<RunId, Run>,
}

/// What the base says of an identity.
#[derive(Clone, Debug, Default)]
pub struct Below {
    /// Its own pointer.
    pub own: Option<Snapshot>,
    /// What it stands for, perhaps through a base of its own.
    pub seen: Option<Current>,
    /// Its own hold, or the one that shows through.
    pub hold: Option<Hold>,
}

impl Below {
    /// From the standings of the base, of the base's base, and so on.
    fn of(mut chain: impl Iterator<Item = Standing>) -> Self {
        let Some(first) = chain.next() else { return Self::default() };
        let own = first.current.as_ref().map(|current| current.snapshot.clone());
        let mut below = Self { own, hold: first.hold, seen: first.current };
        let mut ends = below.hold.is_some();
        for standing in chain {
            if below.seen.is_none() && !ends {
                ends = standing.hold.is_some() && standing.current.is_none();
                below.seen.clone_from(&standing.current);
            }
            if below.hold.is_none() && standing.current.is_some() {
                below.hold = standing.hold;
            }
        }
        below
    }

    pub fn id(&self) -> Option<SnapshotId> {
        self.seen.as_ref().map(|current| current.snapshot.id)
    }

    pub fn content(&self) -> Option<ContentHash> {
        self.seen.as_ref().map(|current| current.snapshot.content)
    }
}

impl View {
    /// `identities` are of the label; other outputs of the runs that made them are looked at too.
    pub fn read(reader: &dyn Reader, bases: &Bases, from: &Name, identities: Vec<Identity>) -> catalog::Result<Self> {
        let mut view = Self { own: HashMap::new(), base: HashMap::new(), runs: HashMap::new() };
        view.look(reader, bases, from, identities)?;
        let made_by =
            view.own.values().filter_map(|standing| standing.current.as_ref()).filter_map(|current| current.snapshot.origin.run());
        let mut ids: Vec<RunId> = made_by.collect();
        ids.sort();
        ids.dedup();
        view.runs = reader.runs(&ids)?.into_iter().map(|run| (run.id, run)).collect();
        let outputs = view.runs.values().flat_map(|run| &run.outputs).map(|(identity, _)| identity.under(from));
        let mut further: Vec<Identity> = outputs.filter(|identity| !view.own.contains_key(identity)).collect();
        further.sort();
        further.dedup();
        view.look(reader, bases, from, further)?;
        Ok(view)
    }

    fn look(&mut self, reader: &dyn Reader, bases: &Bases, from: &Name, identities: Vec<Identity>) -> catalog::Result<()> {
        let chain = bases.chain(from);
        let mut all = identities.clone();
        all.extend(identities.iter().flat_map(|identity| chain.iter().map(move |base| identity.under(base))));
        let mut standings = reader.standings(&all)?.into_iter();
        self.own.extend(identities.iter().cloned().zip(standings.by_ref().take(identities.len())));
        for identity in identities {
            let below = Below::of(standings.by_ref().take(chain.len()).collect::<Vec<_>>().into_iter());
            self.base.insert(identity, below);
        }
        Ok(())
    }

    pub fn current(&self, identity: &Identity) -> Option<&Current> {
        self.own.get(identity)?.current.as_ref()
    }

    pub fn hold(&self, identity: &Identity) -> Option<&Hold> {
        self.own.get(identity)?.hold.as_ref()
    }

    /// The run that made what an identity has of its own.
    pub fn run(&self, identity: &Identity) -> Option<&Run> {
        self.runs.get(&self.current(identity)?.snapshot.origin.run()?)
    }
}
