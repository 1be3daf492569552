//! Two labels, targets, snapshots or times side by side: which identities differ, and in what they were made under.
//!
//! What is true here: equal bytes are no difference, however they were made; that they were made otherwise is said apart.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::catalog::{Origin, Reading, Run, RunId, Snapshot, SnapshotId, Timestamp};
use crate::identity::{Identity, Instance, Name};
use crate::table::rowdiff::Compared;
use crate::validity::{Difference, manifest};

/// What one side is.
#[derive(Clone, PartialEq, Debug)]
pub struct Side {
    pub what: Subject,
    pub as_of: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Debug, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// All that a label's identities stand for.
    Label {
        label: Name,
    },
    Target {
        target: String,
    },
    /// By the first digits of its content hash.
    Snapshot {
        content: String,
    },
    /// What the other side's identities stood for before.
    Predecessor,
}

/// One identity on both sides, or two identities that are compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Pair {
    pub a: Option<Reading>,
    pub b: Option<Reading>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Other bytes.
    Bytes,
    OnlyA,
    OnlyB,
    /// The same bytes, made under another key.
    MadeOtherwise,
}

/// A pair that differs.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub change: Change,
    pub pair: Pair,
    /// Of what they were made under; none where a side is missing, or was not made.
    pub differences: Vec<Difference>,
}

impl Entry {
    /// B's, or A's where only A has it.
    pub fn reading(&self) -> Option<&Reading> {
        self.pair.b.as_ref().or(self.pair.a.as_ref())
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    pub a: Side,
    pub b: Side,
    /// What something is made from stands before it.
    pub entries: Vec<Entry>,
    /// Pairs with the same bytes, made under the same key or taken in.
    pub same: usize,
    /// The runs that made what differs.
    pub runs: BTreeMap<RunId, Run>,
    /// What was found in the rows, where it was asked for.
    pub rows: RowDiffs,
}

/// Of pairs with other bytes, what differs in their rows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RowDiffs {
    pub of: BTreeMap<(SnapshotId, SnapshotId), Compared>,
    /// It was asked for by name, and is told in full.
    pub in_full: bool,
}

impl Comparison {
    pub fn count(&self, change: Change) -> usize {
        self.entries.iter().filter(|entry| entry.change == change).count()
    }

    /// Whether any bytes differ.
    pub fn differs(&self) -> bool {
        self.entries.iter().any(|entry| entry.change != Change::MadeOtherwise)
    }

    /// The run that made a side's snapshot.
    pub fn run(&self, reading: &Reading) -> Option<&Run> {
        made_by(&reading.pointer.snapshot).and_then(|run| self.runs.get(&run))
    }
}

/// Pairs identities that differ by their label alone; where each side is one identity, these two, whatever they are.
pub fn pair(a: Vec<Reading>, b: Vec<Reading>) -> Vec<Pair> {
    if let ([_], [_]) = (a.as_slice(), b.as_slice()) {
        return vec![Pair { a: a.into_iter().next(), b: b.into_iter().next() }];
    }
    let place = |identity: &Identity| -> (Name, Instance, Name) {
        (identity.class.clone(), identity.instance.clone(), identity.repository.clone())
    };
    let mut theirs: BTreeMap<_, Reading> = b.into_iter().map(|reading| (place(&reading.identity), reading)).collect();
    let mut pairs: Vec<Pair> = Vec::with_capacity(a.len());
    for reading in a {
        let b = theirs.remove(&place(&reading.identity));
        pairs.push(Pair { a: Some(reading), b });
    }
    pairs.extend(theirs.into_values().map(|reading| Pair { a: None, b: Some(reading) }));
    pairs
}

/// The runs that [`compare`] must know: those of all snapshots that are not on both sides.
pub fn runs_of(pairs: &[Pair]) -> Vec<RunId> {
    let different = pairs.iter().filter(|pair| !is_one(pair));
    let runs: BTreeSet<RunId> =
        different.flat_map(|pair| [&pair.a, &pair.b]).flatten().filter_map(|r| made_by(&r.pointer.snapshot)).collect();
    runs.into_iter().collect()
}

pub fn compare(a: Side, b: Side, pairs: Vec<Pair>, runs: Vec<Run>) -> Comparison {
    let runs: BTreeMap<RunId, Run> = runs.into_iter().map(|run| (run.id, run)).collect();
    let described: HashMap<RunId, Vec<(String, String)>> = runs.iter().map(|(id, run)| (*id, manifest::recorded(run))).collect();
    let mut comparison = Comparison { a, b, entries: Vec::new(), same: 0, runs: BTreeMap::new(), rows: RowDiffs::default() };
    for pair in pairs {
        let (change, differences) = match (&pair.a, &pair.b) {
            (Some(a), Some(b)) if !is_one(&pair) => {
                let (was, is) = (&a.pointer.snapshot, &b.pointer.snapshot);
                let mut differences = match (made_by(was), made_by(is)) {
                    (Some(was), Some(is)) => match (described.get(&was), described.get(&is)) {
                        (Some(was), Some(is)) => manifest::differences(was, is),
                        _ => Vec::new(),
                    },
                    _ => origins(was, is).into_iter().collect(),
                };
                if a.identity.instance != b.identity.instance || a.identity.class != b.identity.class {
                    // That the outputs are others was asked for.
                    differences.retain(|difference| !difference.part.starts_with("output ") || difference.part.ends_with(" at"));
                }
                match (was.content == is.content, differences.is_empty()) {
                    (false, _) => (Change::Bytes, differences),
                    (true, false) => (Change::MadeOtherwise, differences),
                    (true, true) => {
                        comparison.same += 1;
                        continue;
                    }
                }
            }
            (Some(_), None) => (Change::OnlyA, Vec::new()),
            (None, Some(_)) => (Change::OnlyB, Vec::new()),
            _ => {
                comparison.same += 1;
                continue;
            }
        };
        comparison.entries.push(Entry { change, pair, differences });
    }
    // Numbers are given in the order of making.
    comparison.entries.sort_by_cached_key(|entry| entry.reading().map(|r| (r.pointer.snapshot.id, r.identity.clone())));
    let needed: BTreeSet<RunId> = comparison
        .entries
        .iter()
        .flat_map(|entry| [&entry.pair.a, &entry.pair.b])
        .flatten()
        .filter_map(|r| made_by(&r.pointer.snapshot))
        .collect();
    comparison.runs = runs.into_iter().filter(|(id, _)| needed.contains(id)).collect();
    comparison
}

/// Both sides stand for one and the same snapshot.
fn is_one(pair: &Pair) -> bool {
    matches!(pair, Pair { a: Some(a), b: Some(b) } if a.pointer.snapshot.id == b.pointer.snapshot.id)
}

fn made_by(snapshot: &Snapshot) -> Option<RunId> {
    if let Origin::Run(run) = snapshot.origin { Some(run) } else { None }
}

/// What was made on one side and taken in on the other.
fn origins(was: &Snapshot, is: &Snapshot) -> Option<Difference> {
    let word = |snapshot: &Snapshot| match snapshot.origin {
        Origin::Run(_) => "made",
        Origin::Published => "published",
        Origin::Source => "source",
    };
    let (old, new) = (word(was), word(is));
    (old != new).then(|| Difference { part: "origin".into(), old: Some(old.into()), new: Some(new.into()) })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::catalog::{Listed, Outcome, RunInput, SnapshotId, State};
    use crate::digest::{Fingerprint, FixedHash, Key, of_bytes};
    use crate::identity::{Component, Period, Value};
    use crate::store::{Kind, Stamp};

    pub fn identity(class: &str, day: u32, label: &str) -> Identity {
        let value = Value::Time(Period::parse_any(&format!("2024-01-{day:02}")).expect("a day"));
        Identity {
            class: class.into(),
            instance: Instance::new([Component { key: None, value }]),
            label: label.into(),
            repository: "dl".into(),
        }
    }

    /// A pointer at the snapshot `id`, made by the run of the same number, or read from a source.
    pub fn reading(id: i64, identity: &Identity, content: &str, is_source: bool) -> Reading {
        let snapshot = Snapshot {
            id: SnapshotId(id),
            identity: identity.clone(),
            content: of_bytes(content.as_bytes()),
            kind: Kind::File,
            bytes: 3,
            files: 1,
            path: "raw/x.csv".into(),
            stored: !is_source,
            stamp: Stamp(1),
            origin: if is_source { Origin::Source } else { Origin::Run(RunId(id)) },
            state: State::Good,
            made: 0,
        };
        Listed { identity: identity.clone(), snapshot, current: true, hold: None, from: 0, to: None }.into()
    }

    /// The run that made `output`, from an input of a content, with a parameter.
    pub fn run(id: i64, output: &Identity, input: (&Identity, &str), k: u32) -> Run {
        let content = of_bytes(input.1.as_bytes());
        Run {
            id: RunId(id),
            formula: "raw -> clean".into(),
            place: "pipeline.formula:1".into(),
            label: output.label.clone(),
            key: Key([0; 32]),
            fixed: FixedHash([0; 32]),
            fingerprint: Fingerprint([0; 32]),
            shape: None,
            recipe: format!(r#"{{"run":"make","param k":"{k}"}}"#),
            variables: format!(r#"{{"variable DATE":"{}"}}"#, output.instance),
            effect: false,
            inputs: vec![RunInput { name: "raw".into(), identity: input.0.clone(), snapshot: SnapshotId(0), content }],
            outputs: vec![(output.clone(), Some(SnapshotId(id)))],
            started: 0,
            seconds: 1.0,
            outcome: Outcome::Succeeded,
            message: None,
            attempts: 1,
            folder: String::new(),
            user: "alice".into(),
        }
    }

    pub fn labels(a: Vec<Reading>, b: Vec<Reading>, runs: Vec<Run>) -> Comparison {
        let side = |label: &str| Side { what: Subject::Label { label: label.into() }, as_of: None };
        compare(side("prod"), side("pr-1"), pair(a, b), runs)
    }

    fn shown(comparison: &Comparison) -> Vec<String> {
        let entry = |entry: &Entry| {
            let parts: Vec<&str> = entry.differences.iter().map(|d| d.part.as_str()).collect();
            format!("{:?} {} [{}]", entry.change, entry.reading().map(|r| r.identity.to_string()).unwrap_or_default(), parts.join(", "))
        };
        comparison.entries.iter().map(entry).collect()
    }

    #[test]
    fn what_differs_and_in_what() {
        let of = |label| [1, 2, 3, 4, 5, 6].map(|day| identity("clean", day, label));
        let (prod, pr) = (of("prod"), of("pr-1"));
        let raw = identity("raw", 1, "prod");
        let a = vec![
            reading(1, &prod[0], "same snapshot", false),
            reading(2, &prod[1], "one", false),
            reading(3, &prod[2], "equal", false),
            reading(4, &prod[3], "equal", false),
            reading(5, &prod[4], "gone", false),
            reading(6, &prod[5], "file", true),
        ];
        let inherited = Reading { identity: pr[0].clone(), ..a[0].clone() };
        let b = vec![
            inherited,
            reading(12, &pr[1], "other", false),
            reading(13, &pr[2], "equal", false),
            reading(14, &pr[3], "equal", false),
            reading(15, &identity("clean", 9, "pr-1"), "new", false),
            reading(7, &pr[5], "changed", true),
        ];
        let runs = vec![
            run(2, &prod[1], (&raw, "x"), 1),
            run(12, &pr[1], (&raw, "y"), 2),
            run(3, &prod[2], (&raw, "x"), 1),
            run(13, &pr[2], (&raw, "x"), 2),
            run(4, &prod[3], (&raw, "x"), 1),
            run(14, &pr[3], (&raw, "x"), 1),
        ];
        assert_eq!(runs_of(&pair(a.clone(), b.clone())), [2, 3, 4, 5, 12, 13, 14, 15].map(RunId), "of what is not one snapshot");
        let comparison = labels(a, b, runs);
        assert_eq!(
            shown(&comparison),
            [
                "OnlyA clean@2024-01-05:prod/dl []",
                "Bytes clean@2024-01-06:pr-1/dl []",
                "Bytes clean@2024-01-02:pr-1/dl [param k, input raw@2024-01-01]",
                "MadeOtherwise clean@2024-01-03:pr-1/dl [param k]",
                "OnlyB clean@2024-01-09:pr-1/dl []",
            ]
        );
        assert_eq!((comparison.same, comparison.runs.len(), comparison.differs()), (2, 4, true));
    }

    #[test]
    fn two_identities_are_compared_whatever_they_are() {
        let (one, other) = (identity("clean", 1, "prod"), identity("clean", 2, "prod"));
        let raw = identity("raw", 1, "prod");
        let comparison = labels(
            vec![reading(1, &one, "x", false)],
            vec![reading(2, &other, "y", false)],
            vec![run(1, &one, (&raw, "x"), 1), run(2, &other, (&raw, "x"), 1)],
        );
        assert_eq!(shown(&comparison), ["Bytes clean@2024-01-02:prod/dl [variable DATE]"]);
        let published = labels(vec![reading(1, &one, "x", false)], vec![reading(2, &other, "y", true)], vec![]);
        assert_eq!(shown(&published), ["Bytes clean@2024-01-02:prod/dl [origin]"]);
    }
}
