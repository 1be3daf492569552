//! What invalidating comes down to: what loses its snapshot, and what was made from that, label by label, with owners and consumers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::gather;
use super::look::{Columns, Look, Tone, cell, clip};
use super::{plan, snapshots, units};
use crate::catalog::{Listed, Refusal, SnapshotId};
use crate::identity::{Identity, Name};

/// More snapshots than this are gathered.
const NAMED: usize = 12;
/// Of a formula's doc, so many characters of its first line.
const DOC: usize = 60;

/// What invalidating some snapshots comes down to.
#[derive(Clone, Debug, PartialEq)]
pub struct Restatement {
    /// To be invalidated.
    pub snapshots: Vec<Listed>,
    /// Bases before what lies over them; those that nothing of it concerns are left out.
    pub labels: Vec<Affected>,
    /// The formulas could be read, so that owners and final classes are known.
    pub formulas: bool,
    pub not_permitted: Vec<Refusal>,
}

/// One label's part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Affected {
    pub label: Name,
    pub base: Option<Name>,
    /// Stand for what is to be invalidated.
    pub loses: Vec<Group>,
    /// Stand for something that was made from it, straight or through others.
    pub made: Vec<Group>,
    /// Have nothing of their own, so that they read what one of a base stands for.
    pub inherited: Vec<(Identity, Identity)>,
    /// Snapshots made from it for this label that nothing stands for any more.
    pub earlier: usize,
}

/// Identities of one class and repository, of whose maker the same is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub identities: Vec<Identity>,
    pub owner: Option<String>,
    pub doc: Option<String>,
    /// No formula reads the class: whoever does is a consumer outside.
    pub is_final: bool,
    /// They stay as they are, whatever happens to what they were made from.
    pub held: bool,
}

impl Affected {
    pub fn new(label: &Name) -> Self {
        Self { label: label.clone(), base: None, loses: Vec::new(), made: Vec::new(), inherited: Vec::new(), earlier: 0 }
    }
}

impl Restatement {
    pub fn roots(&self) -> Vec<SnapshotId> {
        self.snapshots.iter().map(|listed| listed.snapshot.id).collect()
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        self.labels.iter().flat_map(|label| label.loses.iter().chain(&label.made))
    }

    /// Of everything that is concerned, each once.
    fn owners(&self) -> BTreeSet<&str> {
        self.groups().filter_map(|group| group.owner.as_deref()).collect()
    }
}

/// `formake.invalidate/1`.
pub fn json(restatement: &Restatement) -> Value {
    let group = |group: &Group| {
        json!({
            "identities": group.identities,
            "owner": group.owner,
            "doc": group.doc,
            "final": group.is_final,
            "held": group.held,
        })
    };
    let groups = |groups: &[Group]| groups.iter().map(group).collect::<Vec<_>>();
    let label = |label: &Affected| {
        json!({
            "label": label.label,
            "base": label.base,
            "loses": groups(&label.loses),
            "made_from_it": groups(&label.made),
            "inherited": label.inherited.iter().map(|(identity, from)| json!({ "identity": identity, "from": from })).collect::<Vec<_>>(),
            "earlier": label.earlier,
        })
    };
    let listed = |listed: &Listed| json!({ "identity": listed.identity, "snapshot": snapshots::snapshot_json(&listed.snapshot) });
    json!({
        "schema": "formake.invalidate/1",
        "snapshots": restatement.snapshots.iter().map(listed).collect::<Vec<_>>(),
        "labels": restatement.labels.iter().map(label).collect::<Vec<_>>(),
        "owners": restatement.owners(),
        "formulas_read": restatement.formulas,
        "not_permitted": restatement.not_permitted,
    })
}

/// What goes; each label's part of it; who is to be told; and the sum.
pub fn text(restatement: &Restatement, look: &Look) -> String {
    let mut lines = Vec::new();
    let picked = &restatement.snapshots;
    if picked.len() <= NAMED {
        let mut columns = Columns::default();
        for listed in picked {
            let (name, content) = (listed.identity.to_string(), listed.snapshot.content.short());
            columns.row([cell(Tone::Name, name), cell(Tone::Plain, content), cell(Tone::Faint, snapshots::origin(&listed.snapshot))]);
        }
        lines.extend(columns.render(look, 0));
    } else {
        let gathered = gather::lines(picked.iter().map(|listed| &listed.identity));
        lines.extend(gathered.iter().map(|line| format!("{} {}", line.count(), look.name(&line.text))));
    }
    for label in &restatement.labels {
        lines.push(String::new());
        lines.extend(of_label(label, look));
    }
    lines.push(String::new());
    lines.push(sum(restatement));
    lines.extend(people(restatement));
    lines.join("\n") + "\n"
}

/// For a look at it alone: what is not permitted, too.
pub fn dry_run(restatement: &Restatement, look: &Look) -> String {
    let refusals = plan::refusals(&restatement.not_permitted, look);
    text(restatement, look) + &refusals.into_iter().map(|line| line + "\n").collect::<String>()
}

fn of_label(label: &Affected, look: &Look) -> Vec<String> {
    let base = label.base.as_ref().map(|base| format!(", over {base}")).unwrap_or_default();
    let mut lines = vec![format!("{}{base}", look.strong(&format!("under {}", label.label)))];
    let mut columns = Columns::default();
    let groups = label.loses.iter().map(|group| ("loses it", group)).chain(label.made.iter().map(|group| ("made from it", group)));
    for (what, group) in groups {
        let doc = group.doc.as_deref().unwrap_or_default().trim();
        for line in gather::lines(&group.identities) {
            let what = if group.held { format!("{what}, held") } else { what.to_string() };
            columns.row([
                cell(Tone::Plain, what),
                cell(Tone::Plain, line.count()).right(),
                cell(Tone::Strong, line.text),
                cell(Tone::Attention, if group.is_final { "final" } else { "" }),
                cell(Tone::Plain, group.owner.clone().unwrap_or_default()),
                cell(Tone::Faint, clip(doc.lines().next().unwrap_or_default(), DOC)),
            ]);
        }
    }
    lines.extend(columns.render(look, 2));
    let mut through: BTreeMap<&Name, usize> = BTreeMap::new();
    label.inherited.iter().for_each(|(_, from)| *through.entry(&from.label).or_default() += 1);
    lines.extend(through.into_iter().map(|(base, count)| format!("  reads {count} of these as {base}'s")));
    if label.earlier > 0 {
        lines.push(format!("  {} made from it earlier, for which nothing stands now", units::count(label.earlier, "snapshot")));
    }
    lines
}

fn sum(restatement: &Restatement) -> String {
    let made = || restatement.labels.iter().flat_map(|label| &label.made);
    let count = |groups: &mut dyn Iterator<Item = &Group>| groups.map(|group| group.identities.len()).sum::<usize>();
    let (all, finals) = (count(&mut made()), count(&mut made().filter(|group| group.is_final)));
    let labels = restatement.labels.iter().filter(|label| !label.made.is_empty()).count();
    let what = units::count(restatement.snapshots.len(), "snapshot");
    let it = if restatement.snapshots.len() == 1 { "it" } else { "them" };
    let verb = if all == 1 { "stands" } else { "stand" };
    match (all, finals) {
        (0, _) => format!("{what} to invalidate; nothing stands for what was made from {it}."),
        (all, 0) => format!(
            "{what} to invalidate; {} under {} {verb} for what was made from {it}.",
            units::count(all, "identity"),
            units::count(labels, "label")
        ),
        (all, finals) => format!(
            "{what} to invalidate; {} under {} {verb} for what was made from {it}, {finals} of a final class, which no formula reads.",
            units::count(all, "identity"),
            units::count(labels, "label")
        ),
    }
}

fn people(restatement: &Restatement) -> Option<String> {
    if !restatement.formulas {
        return Some("Owners and final classes are not known: the formulas have mistakes, see `formake check`.".into());
    }
    let owners: Vec<&str> = restatement.owners().into_iter().collect();
    (!owners.is_empty()).then(|| format!("Owners: {}.", owners.join(", ")))
}
