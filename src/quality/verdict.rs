//! What a check found.

use serde::{Deserialize, Serialize};

use super::contract::Severity;
use crate::table::measure::Sample;

/// All verdicts on one snapshot under one contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub verdicts: Vec<Verdict>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub rule: String,
    pub column: Option<String>,
    pub severity: Severity,
    pub outcome: Outcome,
    /// What was counted or computed.
    pub found: Option<f64>,
    /// One line for people: `3 of 7,043 cells are null, allowed: 0`.
    pub message: String,
    /// Where, for rules about cells and rows.
    pub samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Passed,
    Failed,
    /// It could not be told, and the message says why (not enough history, a type that the rule does not fit).
    Skipped,
}

impl Report {
    /// What failed and blocks.
    pub fn errors(&self) -> impl Iterator<Item = &Verdict> {
        self.failed(Severity::Error)
    }

    /// What failed and is only said.
    pub fn warnings(&self) -> impl Iterator<Item = &Verdict> {
        self.failed(Severity::Warning)
    }

    fn failed(&self, severity: Severity) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(move |verdict| verdict.outcome == Outcome::Failed && verdict.severity == severity)
    }

    /// Nobody may read the snapshot.
    pub fn blocks(&self) -> bool {
        self.errors().next().is_some()
    }
}
