//! What the compiler is given besides formulas: the settings of `formake.yaml` that formulas refer to, and the project's files.
//!
//! What is true here: plain data and one trait, so that compiling touches no disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::program::{Bases, Set, label_matches};
use crate::digest::ContentHash;
use crate::identity::Name;

/// The part of `formake.yaml` that formulas are checked against.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Formula files, or globs of them.
    pub formulas: Vec<String>,
    pub repositories: BTreeSet<Name>,
    /// Known labels, with `*` in patterns such as `pr-*`. `None`: nothing is said, so that every label is known.
    pub labels: Option<Vec<Name>>,
    pub default_label: Name,
    /// Which label falls through to which.
    pub bases: Bases,
    pub sets: BTreeMap<Name, Set>,
    /// Sizes of pools.
    pub pools: BTreeMap<Name, u64>,
    pub timezone: Name,
    /// The zone's clocks change, so that some of its hours do not exist and others exist twice.
    pub clocks_change: bool,
}

impl Default for Settings {
    /// One person, one machine, no `formake.yaml`.
    fn default() -> Self {
        Self {
            formulas: vec!["pipeline.formula".into()],
            repositories: BTreeSet::from(["dl".into()]),
            labels: None,
            default_label: "prod".into(),
            bases: Bases::default(),
            sets: BTreeMap::new(),
            pools: BTreeMap::new(),
            timezone: "UTC".into(),
            clocks_change: false,
        }
    }
}

impl Settings {
    /// Whether a label may be written in a formula: `prod`, the default label, and what `labels:` lists.
    pub fn knows_label(&self, label: &str) -> bool {
        let Some(labels) = &self.labels else { return true };
        label == "prod" || label == &*self.default_label || labels.iter().any(|known| label_matches(known, label))
    }
}

/// Formula files and code files. Paths are relative to the project's root, with `/` between parts.
pub trait Files {
    fn read(&self, path: &str) -> io::Result<String>;
    fn hash(&self, path: &str) -> io::Result<ContentHash>;
    /// Whether a plain file is there.
    fn exists(&self, path: &str) -> bool;
    /// Plain files that match, sorted; `*` does not match `/`, `**` matches any folders. None is no error.
    fn glob(&self, pattern: &str) -> io::Result<Vec<String>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_match_by_stars() {
        for (pattern, label, matches) in [
            ("prod", "prod", true),
            ("prod", "prod2", false),
            ("pr-*", "pr-42", true),
            ("pr-*", "pr-", true),
            ("pr-*", "prod", false),
            ("*-test", "a-test", true),
            ("a*b*c", "a-b-c", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(label_matches(pattern, label), matches, "{pattern} {label}");
        }
    }
}
