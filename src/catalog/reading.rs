//! Reading falls through: what a label does not have itself is what its base has.
//!
//! What is true here: an identity stands for its own current snapshot; else, unless it is held empty, for what the base's stands for, and so
//! on. Each label is listed once, however many identities are meant.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::{Filter, Listed, Reader, Result, Snapshot};
use crate::identity::{Identity, Instance, Name, Period};

/// What one identity stands for, and whose pointer says so.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// As it was asked for.
    pub identity: Identity,
    /// The identity's own, or that of a base.
    pub pointer: Listed,
}

impl Reading {
    /// The base's identity, where the pointer is one of a base.
    pub fn inherited_from(&self) -> Option<&Identity> {
        (self.pointer.identity != self.identity).then_some(&self.pointer.identity)
    }
}

impl From<Listed> for Reading {
    fn from(pointer: Listed) -> Self {
        Self { identity: pointer.identity.clone(), pointer }
    }
}

/// Identities that differ by their label alone.
type Place = (Name, Instance, Name);

fn place(identity: &Identity) -> Place {
    (identity.class.clone(), identity.instance.clone(), identity.repository.clone())
}

/// What the filter picks, in order of identity; where it names a label, with what that falls through to: `bases` are its base, that one's
/// base, and so on.
pub fn read(reader: &dyn Reader, filter: &Filter, bases: &[Name]) -> Result<Vec<Reading>> {
    let mut readings: Vec<Reading> = reader.list(filter)?.into_iter().map(Reading::from).collect();
    let Some(label) = filter.label.as_deref().filter(|_| !bases.is_empty()).map(Name::from) else { return Ok(readings) };
    let held = held(reader, filter)?;
    // Of what was before, only what is now hides the base's.
    let hides = |pointer: &Listed| pointer.current || filter.as_of.is_some();
    let mut decided: HashSet<Place> = readings.iter().map(|r| &r.pointer).filter(|p| hides(p)).map(|p| place(&p.identity)).collect();
    let mut above = label.clone();
    for base in bases {
        decided.extend(held.iter().filter(|identity| identity.label == above).map(place));
        let theirs = reader.list(&Filter { label: Some(base.to_string()), all: false, ..filter.clone() })?;
        for pointer in theirs {
            if decided.insert(place(&pointer.identity)) {
                readings.push(Reading { identity: pointer.identity.under(&label), pointer });
            }
        }
        above = base.clone();
    }
    // Stable: of one identity, the order of time stays.
    readings.sort_by(|a, b| a.identity.cmp(&b.identity));
    Ok(readings)
}

/// Earlier instances that differ from this one in their time alone, with what they are read from, the latest first, so many at most.
pub fn earlier(reader: &dyn Reader, identity: &Identity, bases: &[Name], most: usize) -> Result<Vec<Snapshot>> {
    // What is held by one label hides what lies below.
    let held = if bases.is_empty() { HashSet::new() } else { held(reader, &Filter::default())? };
    let mut decided: HashSet<Place> = HashSet::new();
    let mut found: Vec<(Identity, Snapshot)> = Vec::new();
    for label in std::iter::once(&identity.label).chain(bases) {
        let theirs = reader.earlier(&identity.under(label), most + held.len())?;
        found.extend(theirs.into_iter().filter(|(then, _)| decided.insert(place(then))));
        decided.extend(held.iter().filter(|held| held.label == *label).map(place));
    }
    found.sort_by_key(|(then, _)| Reverse(then.instance.time().map(Period::start_minutes)));
    Ok(found.into_iter().map(|(_, snapshot)| snapshot).take(most).collect())
}

/// What is held, now or at the filter's moment. What stands for something is found before its hold is asked for, so that only those count
/// that are held empty.
fn held(reader: &dyn Reader, filter: &Filter) -> Result<HashSet<Identity>> {
    let Some(moment) = filter.as_of else {
        return Ok(reader.holds()?.into_iter().map(|(identity, ..)| identity).collect());
    };
    let mut held = HashSet::new();
    for entry in reader.log(None)?.into_iter().filter(|entry| entry.at <= moment) {
        match (entry.what.as_str(), entry.identity) {
            ("hold", Some(identity)) => drop(held.insert(identity)),
            ("release", Some(identity)) => drop(held.remove(&identity)),
            _ => {}
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::sqlite::SqliteCatalog;
    use crate::catalog::{Actor, Catalog, Change, Looked, NewSnapshot};
    use crate::store::{Kind, Stamp};

    fn identity(class: &str, label: &str) -> Identity {
        Identity { class: class.into(), instance: Instance::new([]), label: label.into(), repository: "dl".into() }
    }

    fn published(class: &str, label: &str) -> Change {
        let snapshot = NewSnapshot {
            identity: identity(class, label),
            content: crate::digest::of_bytes(format!("{class} {label}").as_bytes()),
            kind: Kind::File,
            bytes: 1,
            files: 1,
            path: "x".into(),
            stored: true,
            stamp: Stamp(1),
            looked: Looked::default(),
        };
        Change::Publish { snapshot: Box::new(snapshot), hold: None }
    }

    /// Changes a second after each other, from second 1 on.
    fn catalog(changes: &[Change]) -> SqliteCatalog {
        let catalog = SqliteCatalog::open_in_memory().expect("a catalog");
        let actor = Actor { user: "alice".into(), host: "here".into(), command: "test".into() };
        for (second, change) in (1..).zip(changes) {
            catalog.commit(&actor, second * 1000, std::slice::from_ref(change)).expect("committed");
        }
        catalog
    }

    /// `a = dev`: what a class of the label pr-1, over dev, over prod, is read from.
    fn under(catalog: &SqliteCatalog, filter: Filter) -> Vec<String> {
        let filter = Filter { label: Some("pr-1".into()), ..filter };
        let readings = read(catalog, &filter, &["dev".into(), "prod".into()]).expect("read");
        assert!(readings.iter().all(|r| *r.identity.label == *"pr-1"));
        let shown = |r: &Reading| {
            let whose = r.inherited_from().map_or("own", |identity| &identity.label);
            format!("{} = {whose}{}", r.identity.class, if r.pointer.current { "" } else { ", earlier" })
        };
        readings.iter().map(shown).collect()
    }

    #[test]
    fn the_nearest_label_that_has_it_is_read() {
        let mut changes: Vec<Change> = ["a", "b", "c", "d"].map(|class| published(class, "prod")).into();
        changes.extend([published("b", "dev"), published("c", "pr-1"), published("e", "other")]);
        let catalog = catalog(&changes);
        assert_eq!(under(&catalog, Filter::default()), ["a = prod", "b = dev", "c = own", "d = prod"]);
        assert_eq!(under(&catalog, Filter { class: Some("b".into()), ..Filter::default() }), ["b = dev"]);
        assert_eq!(read(&catalog, &Filter::default(), &[]).expect("read").len(), 7, "without a label, each label's own");
    }

    #[test]
    fn what_is_held_empty_hides_what_lies_below() {
        let hold = |label| Change::Hold { identity: identity("a", label), because: "wrong".into() };
        let release = |label| Change::Release { identity: identity("a", label) };
        let withdrawn = Change::Withdraw { identity: identity("c", "pr-1"), because: "the base's".into() };
        let mut changes = vec![published("a", "prod"), published("c", "prod"), published("c", "pr-1"), withdrawn];
        changes.extend([hold("pr-1"), release("pr-1"), hold("dev")]);
        for (count, expected) in
            [(4, vec!["a = prod", "c = prod"]), (5, vec!["c = prod"]), (6, vec!["a = prod", "c = prod"]), (7, vec!["c = prod"])]
        {
            assert_eq!(under(&catalog(&changes[..count]), Filter::default()), expected, "after {count} changes");
            let then = Filter { as_of: Some(count as i64 * 1000 + 500), ..Filter::default() };
            assert_eq!(under(&catalog(&changes), then), expected, "as of change {count}");
        }
        let all = Filter { all: true, ..Filter::default() };
        assert_eq!(under(&catalog(&changes), all), ["c = own, earlier", "c = prod"]);
        // A base's hold with a snapshot shows through.
        let held = catalog(&[published("a", "prod"), hold("prod")]);
        assert_eq!(under(&held, Filter::default()), ["a = prod"]);
    }
}
