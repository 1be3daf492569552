//! What a contract needs to know of a snapshot before it can be judged.

use super::contract::{Compare, Contract, What};
use crate::identity::Name;
use crate::table::measure::{Asked, AskedColumn, Logical, PathStep, Test};

/// Where the answer for a rule stands among what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Column and test of [`Asked::columns`].
    Test(usize, usize),
    /// Of [`Asked::keys`].
    Key(usize),
    /// It is not counted.
    Other,
}

impl Contract {
    /// What is to be counted, besides the profile.
    pub fn asked(&self) -> Asked {
        self.questions().0
    }

    /// What is to be counted, and where each rule's answer stands in it.
    pub(super) fn questions(&self) -> (Asked, Vec<Answer>) {
        let mut asked = Asked::default();
        let answers = self.rules.iter().map(|rule| match &rule.what {
            What::Cells { path, test, .. } => self.question(&mut asked, path, test.clone()),
            What::Type { path, .. } => self.question(&mut asked, path, Test::Reads),
            What::Duplicates { columns, .. } => {
                let at = asked.keys.iter().position(|key| key == columns).unwrap_or_else(|| {
                    asked.keys.push(columns.clone());
                    asked.keys.len() - 1
                });
                Answer::Key(at)
            }
            _ => Answer::Other,
        });
        let answers = answers.collect();
        (asked, answers)
    }

    fn question(&self, asked: &mut Asked, path: &[PathStep], test: Test) -> Answer {
        let column = asked.columns.iter().position(|column| column.path == path).unwrap_or_else(|| {
            asked.columns.push(AskedColumn { path: path.to_vec(), logical: self.logical(path), tests: Vec::new() });
            asked.columns.len() - 1
        });
        let tests = &mut asked.columns[column].tests;
        tests.push(test);
        Answer::Test(column, tests.len() - 1)
    }

    /// What the cells of a column are to be read as.
    pub(super) fn logical(&self, path: &[PathStep]) -> Option<Logical> {
        let typed = |what: &What| match what {
            What::Type { path: typed, logical, .. } if typed == path => Some(*logical),
            _ => None,
        };
        self.rules.iter().find_map(|rule| typed(&rule.what))
    }

    /// The columns that say which row is which, where the contract names some.
    pub fn primary_key(&self) -> Vec<String> {
        let keys = self.rules.iter().filter(|rule| rule.name.contains("primary key"));
        let columns =
            keys.into_iter().find_map(|rule| if let What::Duplicates { columns, .. } = &rule.what { Some(columns.clone()) } else { None });
        columns.unwrap_or_default()
    }

    /// The snapshot must be a table.
    pub fn needs_table(&self) -> bool {
        !self.columns.is_empty() || self.rules.iter().any(|rule| !matches!(rule.what, What::Number { .. }))
    }

    /// The snapshot must be a JSON file.
    pub fn needs_document(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.what, What::Number { .. }))
    }

    /// The queries that are to be run over the snapshot, called `snapshot` in them, with their rule's place among the rules.
    pub fn queries(&self) -> Vec<(usize, &str)> {
        let rules = self.rules.iter().enumerate();
        rules.filter_map(|(at, rule)| if let What::Query { sql, .. } = &rule.what { Some((at, sql.as_str())) } else { None }).collect()
    }

    /// So many earlier instances' profiles are looked at.
    pub fn window(&self) -> usize {
        self.rules.iter().map(|rule| if let What::Over { over, .. } = &rule.what { over.window } else { 0 }).max().unwrap_or(0)
    }

    /// Labels under which the same identity's JSON is compared with. `None` among them: the previous instance's.
    pub fn compared_with(&self) -> Vec<Option<Name>> {
        let mut with: Vec<Option<Name>> = Vec::new();
        for rule in &self.rules {
            if let What::Number { limit: Compare::With { label, .. }, .. } = &rule.what
                && !with.contains(label)
            {
                with.push(label.clone());
            }
        }
        with
    }
}
