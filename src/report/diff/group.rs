//! Rows: entries that differ in the same.

use std::collections::{BTreeMap, HashMap};

use crate::catalog::{Origin, Reading};
use crate::identity::Identity;
use crate::plan::compare::{Change, Comparison, Entry};
use crate::report::gather::gathered;
use crate::report::look::Look;
use crate::report::{reason, snapshots};
use crate::validity::{Difference, Reason};

/// Differing parts of one input that are named each.
const PARTS: usize = 4;

/// Entries that differ in the same, none of them empty.
pub struct Group<'a>(pub Vec<&'a Entry>);

pub fn groups(comparison: &Comparison, all: bool) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut index = HashMap::new();
    for (i, entry) in super::listed(comparison, all).into_iter().enumerate() {
        let Some(reading) = entry.reading() else { continue };
        let identity = &reading.identity;
        let run = comparison.run(reading).map(|run| run.formula.as_str());
        let origin = (run, matches!(reading.pointer.snapshot.origin, Origin::Source));
        let own: Vec<_> = entry.differences.iter().filter(|d| !d.is_input()).map(|d| (&d.part, &d.old, &d.new)).collect();
        let family = reason::family(&Reason::Changed { differences: entry.differences.clone() });
        let shelf = (&identity.class, &identity.label, &identity.repository, inherited(entry));
        // With `all`, each is a group of its own.
        let key = (entry.change, shelf, origin, own, family, all.then_some(i));
        let at = *index.entry(key).or_insert_with(|| {
            groups.push(Group(Vec::new()));
            groups.len() - 1
        });
        groups[at].0.push(entry);
    }
    groups
}

/// Whose the sides' pointers are, where one is of a base.
fn inherited(entry: &Entry) -> Option<String> {
    let sides: Vec<&Reading> = [&entry.pair.a, &entry.pair.b].into_iter().flatten().collect();
    if sides.iter().all(|reading| reading.inherited_from().is_none()) {
        return None;
    }
    let whose = |reading: &&Reading| reading.inherited_from().map_or("own".into(), |base| snapshots::whose(Some(base)));
    Some(sides.iter().map(whose).collect::<Vec<_>>().join(" -> "))
}

impl Group<'_> {
    pub fn change(&self) -> Change {
        self.0[0].change
    }

    fn differences(&self) -> &[Difference] {
        &self.0[0].differences
    }

    /// Every entry has a side.
    fn readings(&self) -> impl Iterator<Item = &Reading> {
        self.0.iter().filter_map(|entry| entry.reading())
    }

    pub fn identities(&self) -> String {
        gathered(&self.readings().map(|reading| &reading.identity).collect::<Vec<&Identity>>()).1
    }

    /// `31`, or `29 of` where the row names more than there are.
    pub fn count(&self) -> String {
        let (exact, _) = gathered(&self.readings().map(|reading| &reading.identity).collect::<Vec<&Identity>>());
        if exact { self.0.len().to_string() } else { format!("{} of", self.0.len()) }
    }

    pub fn contents(&self) -> String {
        let pair = &self.0[0].pair;
        let sides: Vec<String> = [&pair.a, &pair.b].into_iter().flatten().map(|r| r.pointer.snapshot.content.short()).collect();
        if self.change() == Change::MadeOtherwise { sides[..1].concat() } else { sides.join(" -> ") }
    }

    pub fn whose(&self) -> String {
        inherited(self.0[0]).unwrap_or_default()
    }

    /// In one line: what differs, or where it comes from.
    pub fn why(&self, comparison: &Comparison) -> String {
        let Some(reading) = self.readings().next() else { return String::new() };
        if self.differences().is_empty() {
            return match (comparison.run(reading), self.change()) {
                (Some(_), Change::Bytes) => "made from the same in the same way, and yet other bytes".into(),
                (Some(run), _) => format!("by {}", run.formula),
                (None, _) if self.0.len() == 1 => snapshots::origin(&reading.pointer.snapshot),
                (None, _) if matches!(reading.pointer.snapshot.origin, Origin::Source) => "source".into(),
                (None, _) => "published".into(),
            };
        }
        let reason = Reason::Changed { differences: self.differences().to_vec() };
        if self.0.len() == 1 { reason::headline(&reason) } else { reason::family(&reason) }
    }

    /// What has no room in the line; of several, what all have in common.
    pub fn details(&self, look: &Look, all: bool) -> Vec<String> {
        let mut differences = self.differences().to_vec();
        if self.0.len() > 1 {
            differences.retain(|d| !d.is_input());
            if differences.len() < self.differences().len() {
                return parts(&differences, look, all);
            }
        }
        match differences.as_slice() {
            [_] => reason::details(&Reason::Changed { differences }, look),
            several => parts(several, look, all),
        }
    }
}

/// Every difference; of an input with many parts, how many they are.
pub fn parts(differences: &[Difference], look: &Look, all: bool) -> Vec<String> {
    let name = |d: &Difference| d.part.split('@').next().filter(|_| d.is_input()).map(str::to_string);
    let mut wide: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for difference in differences {
        if let Some(name) = name(difference) {
            let kind = match (&difference.old, &difference.new) {
                (Some(_), Some(_)) => 0,
                (None, _) => 1,
                (_, None) => 2,
            };
            wide.entry(name).or_default()[kind] += 1;
        }
    }
    wide.retain(|_, counts| !all && counts.iter().sum::<usize>() > PARTS);
    let is_wide = |d: &Difference| name(d).is_some_and(|name| wide.contains_key(&name));
    let mut lines: Vec<String> = differences.iter().filter(|d| !is_wide(d)).flat_map(|d| reason::difference_lines(d, look)).collect();
    for (name, counts) in &wide {
        let counts = counts.iter().zip(["differ", "new", "gone"]).filter(|(count, _)| **count > 0);
        let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        lines.push(format!("{name}: of its parts, {}", counts.join(", ")));
    }
    lines
}
