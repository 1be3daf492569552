//! What is known of a snapshot when it is judged, and what judging one rule gives.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::contract::Rule;
use super::verdict::{Outcome, Verdict};
use crate::identity::Name;
use crate::table::TableError;
use crate::table::measure::{Measured, Profile, Sample};

/// All that is known of a snapshot and what came before it.
pub struct Evidence<'a> {
    /// What its bytes hold as a table. It may be anything where [`Contract::needs_table`] says no.
    pub measured: Result<&'a Measured, &'a TableError>,
    /// The first cell of each query's result, by the rule's place among the contract's rules; `None` where it is null or there is no row.
    /// Booleans are 0 and 1.
    pub answers: BTreeMap<usize, Result<Option<f64>, String>>,
    /// Of earlier instances, the latest first.
    pub history: &'a [Profile],
    /// The snapshot as JSON, where [`Contract::needs_document`] asks for it.
    pub document: Option<&'a Json>,
    /// What it is compared with: the previous instance (`None`), or the same identity under a label. What is missing was never made.
    pub documents: BTreeMap<Option<Name>, Json>,
    /// The end of the instance's period, in seconds since 1970.
    pub end: Option<f64>,
}

/// What judging one rule gives.
pub(super) struct Found {
    pub outcome: Outcome,
    pub found: Option<f64>,
    pub message: String,
    pub samples: Vec<Sample>,
}

impl Found {
    pub fn judged(holds: bool, found: f64, message: String) -> Self {
        let outcome = if holds { Outcome::Passed } else { Outcome::Failed };
        Self { outcome, found: Some(found), message, samples: Vec::new() }
    }

    pub fn skipped(message: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skipped, found: None, message: message.into(), samples: Vec::new() }
    }

    pub fn said(holds: bool, message: String) -> Self {
        Self { found: None, ..Self::judged(holds, 0.0, message) }
    }

    pub fn with(mut self, samples: &[Sample]) -> Self {
        if self.outcome == Outcome::Failed {
            self.samples = samples.to_vec();
        }
        self
    }

    pub fn verdict(self, rule: &Rule) -> Verdict {
        let Self { outcome, found, message, samples } = self;
        Verdict { rule: rule.name.clone(), column: rule.column.clone(), severity: rule.severity, outcome, found, message, samples }
    }
}
