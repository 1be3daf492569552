//! What a source shows now, and what a build says of it in the catalog.

use super::action::SourceState;
use super::judge::{Condition, Judge, Settled};
use super::standing::Standings;
use crate::catalog::{Change, Current, Snapshot, SnapshotId};
use crate::digest::ContentHash;
use crate::resolve::{NodeIx, Origin};

/// What a source shows now, as far as it was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    pub state: SourceState,
    /// `None` only where nothing could be read.
    pub settled: Option<Settled>,
}

/// The snapshots that stand for a source: its label's own, and what shows through from the base, which comes first where both are right.
pub struct Recorded<'s> {
    pub beneath: Option<&'s Snapshot>,
    pub own: Option<&'s Snapshot>,
}

/// What a build says in the catalog of a source that it has looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Recording {
    /// Another label's, or no job reads it, or its copy is as it was.
    Nothing,
    /// The base's snapshot serves, and the label gets no pointer of its own: only its files' stamp moved.
    Stamp(SnapshotId),
    /// Its copy, which was lost, is taken again.
    Lost(Snapshot),
    /// What was read.
    Bytes,
}

impl<'s> Recorded<'s> {
    pub fn of(standings: &'s Standings, node: NodeIx) -> Self {
        let beneath = standings.beneath[node.0 as usize].as_ref().map(|beneath| &beneath.current.snapshot);
        let own = standings.own[node.0 as usize].current.as_ref().map(|current| &current.snapshot);
        Self { beneath, own }
    }

    /// The one that is right, the base's before the label's own.
    pub fn find(&self, mut is: impl FnMut(&Snapshot) -> bool) -> Option<&'s Snapshot> {
        [self.beneath, self.own].into_iter().flatten().find(|snapshot| is(snapshot))
    }
}

impl Observed {
    /// Its files are not there: it counts by what was recorded.
    pub fn vanished(recorded: &Recorded<'_>) -> Self {
        let snapshot = recorded.own.or(recorded.beneath);
        Self { state: SourceState::Vanished, settled: snapshot.cloned().map(Settled::of) }
    }

    pub fn unchanged(snapshot: &Snapshot) -> Self {
        Self { state: SourceState::Unchanged, settled: Some(Settled::of(snapshot.clone())) }
    }

    /// Its files are at `path`, and hold this.
    pub fn now(recorded: &Recorded<'_>, content: ContentHash, path: &str) -> Self {
        // The same bytes at another place may go from the old one.
        if let Some(snapshot) = recorded.find(|snapshot| snapshot.content == content && (snapshot.stored || snapshot.path == path)) {
            return Self::unchanged(snapshot);
        }
        let state = match recorded.find(|snapshot| snapshot.content == content).or(recorded.find(|_| true)) {
            Some(snapshot) if snapshot.content == content => SourceState::Unchanged,
            Some(_) => SourceState::Changed,
            None => SourceState::New,
        };
        let ending = crate::recipe::ending(path).to_string();
        Self { state, settled: Some(Settled { content, snapshot: None, ending }) }
    }

    /// Its bytes were copied into the store.
    pub fn is_kept(&self) -> bool {
        self.settled.as_ref().and_then(|settled| settled.snapshot.as_ref()).is_some_and(|snapshot| snapshot.stored)
    }
}

impl Recording {
    /// `read`: by node, whether a job reads it that has, or may get, a result of its label's own.
    pub fn of(judge: &Judge<'_>, node: NodeIx, state: SourceState, read: &[bool]) -> Self {
        let index = node.0 as usize;
        let Origin::Source { source, .. } = &judge.graph.nodes[index].origin else { return Recording::Nothing };
        let based = judge.standings.based[index];
        if judge.standings.foreign[index] || (based && !read[index]) {
            return Recording::Nothing;
        }
        let kept = judge.settled[index].as_ref().and_then(|settled| settled.snapshot.as_ref());
        let copied = judge.program.sources[*source].copy && state == SourceState::Unchanged;
        match kept {
            Some(snapshot) if based && judge.standings.saw(index) == Some(snapshot.id) => match snapshot.stored {
                true => Recording::Nothing,
                false => Recording::Stamp(snapshot.id),
            },
            // The copy may be lost while the file is there.
            Some(snapshot) if copied && judge.condition(snapshot) != Condition::Intact => Recording::Lost(snapshot.clone()),
            _ if copied => Recording::Nothing,
            _ => Recording::Bytes,
        }
    }
}

impl Judge<'_> {
    /// What a base stood for where a label with one takes sources in.
    pub fn saw(&self, nodes: &[NodeIx]) -> Vec<Change> {
        let based = nodes.iter().filter(|node| self.standings.based[node.0 as usize]);
        based.map(|node| Change::Saw { identity: self.identity(*node).clone(), base: self.standings.saw(node.0 as usize) }).collect()
    }

    /// A source was recorded.
    pub fn recorded(&mut self, node: NodeIx, snapshot: Snapshot) {
        let since = snapshot.made;
        self.settled[node.0 as usize] = Some(Settled::of(snapshot.clone()));
        self.standings.own[node.0 as usize].current = Some(Current { snapshot, key: None, fixed: None, shape: None, saw: None, since });
    }
}
