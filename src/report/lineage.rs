//! Lineage as an indented tree, in which what is shared is drawn once, and as a graph in JSON.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::look::Look;
use super::snapshots;
use crate::catalog::lineage::{Direction, Lineage};
use crate::catalog::{Origin, Reading, SnapshotId, State};

/// More branches than this are counted only, unless all are asked for.
const BRANCHES: usize = 12;
/// Deeper generations likewise: a rolling table has one for each of its days.
const GENERATIONS: usize = 24;

/// `formake.lineage/1`. Edges go from what was read to what was made.
pub fn json(lineage: &Lineage, readings: &[Reading]) -> Value {
    let edge = |near: &SnapshotId, far: &SnapshotId| match lineage.direction {
        Direction::Up => json!({ "from": far, "to": near }),
        Direction::Down => json!({ "from": near, "to": far }),
    };
    json!({
        "schema": "formake.lineage/1",
        "direction": lineage.direction,
        "targets": readings.iter().map(|reading| json!({
            "identity": reading.identity,
            "inherited_from": reading.inherited_from(),
            "snapshot": reading.pointer.snapshot.id,
        })).collect::<Vec<_>>(),
        "roots": lineage.roots,
        "snapshots": lineage.snapshots.values().map(snapshots::snapshot_json).collect::<Vec<_>>(),
        "runs": lineage.runs.values().map(snapshots::run_json).collect::<Vec<_>>(),
        "edges": lineage.next.iter().flat_map(|(near, far)| far.iter().map(move |far| edge(near, far))).collect::<Vec<_>>(),
    })
}

/// A tree from each root; with `all`, however wide. A root that was read from a base says so.
pub fn text(lineage: &Lineage, readings: &[Reading], look: &Look, all: bool) -> String {
    let mut tree = Tree { lineage, look, all, drawn: BTreeSet::new(), out: String::new() };
    for (i, root) in lineage.roots.iter().enumerate() {
        let base = readings.get(i).and_then(Reading::inherited_from);
        let head = base.map(|_| format!("{} is ", readings[i].identity)).unwrap_or_default();
        tree.node(*root, 0, &head, "");
    }
    tree.out
}

struct Tree<'a> {
    lineage: &'a Lineage,
    look: &'a Look,
    all: bool,
    drawn: BTreeSet<SnapshotId>,
    out: String,
}

impl Tree<'_> {
    /// One snapshot after `head`, and what hangs on it, each line after `indent`.
    fn node(&mut self, id: SnapshotId, depth: usize, head: &str, indent: &str) {
        let Some(snapshot) = self.lineage.snapshots.get(&id) else { return };
        let next = self.lineage.next.get(&id).map_or(&[][..], Vec::as_slice);
        let mut text = format!("{head}{}  {}", self.look.name(&snapshot.identity.to_string()), snapshot.content.short());
        let made = match snapshot.origin {
            Origin::Run(run) => {
                self.lineage.runs.get(&run).map_or_else(|| snapshots::origin(snapshot), |r| format!("run {}: {}", run.0, r.formula))
            }
            _ => snapshots::origin(snapshot),
        };
        text += &self.look.faint(&format!("  {made}"));
        if snapshot.state != State::Good {
            text += if snapshot.state == State::Invalidated { "  invalidated" } else { "  quarantined" };
        }
        let again = !self.drawn.insert(id);
        if again && !next.is_empty() {
            text += &self.look.faint("  (its branches are above)");
        }
        self.out += &text;
        self.out.push('\n');
        if again {
            return;
        }
        let shown = match next.len() {
            _ if self.all => next.len(),
            _ if depth == GENERATIONS => 0,
            wide => wide.min(BRANCHES),
        };
        for (i, id) in next.iter().take(shown).enumerate() {
            let last = i + 1 == next.len();
            let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.node(*id, depth + 1, &format!("{indent}{branch}"), &format!("{indent}{below}"));
        }
        if shown < next.len() {
            self.out += &format!("{indent}└─ … {} more, shown by --all\n", next.len() - shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Snapshot, State};
    use crate::identity::{Identity, Instance};
    use crate::store::{Kind, Stamp};

    #[test]
    fn what_is_shared_is_drawn_once() {
        // 1 is made from 2 and 3, both from 4, which is made from 5.
        let edges = [(1, vec![2, 3]), (2, vec![4]), (3, vec![4]), (4, vec![5]), (5, vec![])];
        let snapshot = |id: i64| Snapshot {
            id: SnapshotId(id),
            identity: Identity {
                class: format!("c{id}").into(),
                instance: Instance::new([]),
                label: "prod".into(),
                repository: "dl".into(),
            },
            content: crate::digest::of_bytes(b"abc"),
            kind: Kind::File,
            bytes: 3,
            files: 1,
            path: "x".into(),
            stored: false,
            stamp: Stamp(1),
            origin: Origin::Source,
            state: State::Good,
            made: 0,
        };
        let lineage = Lineage {
            direction: Direction::Up,
            roots: vec![SnapshotId(1)],
            snapshots: edges.iter().map(|(id, _)| (SnapshotId(*id), snapshot(*id))).collect(),
            runs: std::collections::BTreeMap::new(),
            next: edges.iter().map(|(id, next)| (SnapshotId(*id), next.iter().map(|id| SnapshotId(*id)).collect())).collect(),
        };
        let expected = "\
c1:prod/dl  6437b3ac3846  source x
├─ c2:prod/dl  6437b3ac3846  source x
│  └─ c4:prod/dl  6437b3ac3846  source x
│     └─ c5:prod/dl  6437b3ac3846  source x
└─ c3:prod/dl  6437b3ac3846  source x
   └─ c4:prod/dl  6437b3ac3846  source x  (its branches are above)
";
        assert_eq!(text(&lineage, &[], &Look::plain(), false), expected);
        assert_eq!(json(&lineage, &[])["edges"][0], serde_json::json!({ "from": 2, "to": 1 }));
    }
}
