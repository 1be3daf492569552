//! What a snapshot was made from, and what was made from it, over any number of runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Origin, Reader, Result, Run, RunId, Snapshot, SnapshotId, Timestamp};

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To what it was made from.
    Up,
    /// To what was made from it.
    Down,
}

/// The part of the history that hangs together with some snapshots, in one direction.
#[derive(Clone, PartialEq, Debug)]
pub struct Lineage {
    pub direction: Direction,
    pub roots: Vec<SnapshotId>,
    pub snapshots: BTreeMap<SnapshotId, Snapshot>,
    /// Every run that connects two of the snapshots.
    pub runs: BTreeMap<RunId, Run>,
    /// The next snapshots in the direction, in the order of the runs' inputs or outputs; each once.
    pub next: BTreeMap<SnapshotId, Vec<SnapshotId>>,
}

impl Lineage {
    /// Takes away what was made after a moment, which nothing before it can hang on.
    pub fn leave_out_after(&mut self, moment: Timestamp) {
        let later: BTreeSet<SnapshotId> = self.snapshots.values().filter(|s| s.made > moment).map(|s| s.id).collect();
        self.snapshots.retain(|id, _| !later.contains(id));
        self.next.retain(|id, _| !later.contains(id));
        self.next.values_mut().for_each(|next| next.retain(|id| !later.contains(id)));
        self.runs.retain(|_, run| run.outputs.iter().any(|(_, output)| output.is_none_or(|id| !later.contains(&id))));
    }
}

/// Follows the runs from `roots`; one call on the catalog per generation.
pub fn trace(reader: &dyn Reader, roots: &[SnapshotId], direction: Direction) -> Result<Lineage> {
    let mut lineage =
        Lineage { direction, roots: roots.to_vec(), snapshots: BTreeMap::new(), runs: BTreeMap::new(), next: BTreeMap::new() };
    let mut seen = BTreeSet::new();
    let mut generation: Vec<SnapshotId> = roots.iter().copied().filter(|id| seen.insert(*id)).collect();
    while !generation.is_empty() {
        let snapshots = reader.snapshots(&generation)?;
        let runs = match direction {
            Direction::Up => reader.runs(&distinct(snapshots.iter().filter_map(made_by)))?,
            Direction::Down => reader.runs(&reader.readers(&generation)?)?,
        };
        let mut next: BTreeMap<SnapshotId, Vec<SnapshotId>> = generation.iter().map(|id| (*id, Vec::new())).collect();
        for run in &runs {
            let inputs = run.inputs.iter().map(|input| input.snapshot);
            let outputs = run.outputs.iter().filter_map(|(_, output)| *output);
            let (near, far): (Vec<_>, Vec<_>) = match direction {
                Direction::Up => (outputs.collect(), inputs.collect()),
                Direction::Down => (inputs.collect(), outputs.collect()),
            };
            for id in distinct(near.into_iter()) {
                if let Some(next) = next.get_mut(&id) {
                    next.extend(&far);
                }
            }
        }
        lineage.next.extend(next.into_iter().map(|(id, next)| (id, distinct(next.into_iter()))));
        lineage.snapshots.extend(snapshots.into_iter().map(|snapshot| (snapshot.id, snapshot)));
        lineage.runs.extend(runs.into_iter().map(|run| (run.id, run)));
        generation = generation.iter().flat_map(|id| &lineage.next[id]).copied().filter(|id| seen.insert(*id)).collect();
    }
    Ok(lineage)
}

fn made_by(snapshot: &Snapshot) -> Option<RunId> {
    if let Origin::Run(run) = snapshot.origin { Some(run) } else { None }
}

/// In the order given, each once.
fn distinct<T: Copy + Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    items.filter(|item| seen.insert(*item)).collect()
}
