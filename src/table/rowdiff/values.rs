//! What is asked of two tables, and what was found: values only.

use serde::Serialize;

/// How two tables are to be compared.
#[derive(Clone, Debug, Default)]
pub struct AskedRows {
    /// Columns that say which row is which; none: whole rows are counted.
    pub key: Vec<String>,
    /// So many rows of each kind are kept.
    pub samples: usize,
}

/// What comparing two snapshots gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Compared {
    Tables(Box<RowDiff>),
    Not { because: String },
}

/// What differs. Of pairs, the first is what was.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RowDiff {
    pub rows: (u64, u64),
    pub schema: Vec<SchemaChange>,
    /// Columns of both that differ in what they hold, in the order of the second table.
    pub columns: Vec<ColumnDiff>,
    /// What rows were paired by; empty: whole rows were counted.
    pub key: Vec<String>,
    /// Why not by the key that was asked for: so many of its values stand in several rows.
    pub repeated: Option<(u64, u64)>,
    pub same: u64,
    pub added: u64,
    pub removed: u64,
    /// Of one key, with other values; without a key there are none.
    pub changed: u64,
    pub samples: Vec<SampleRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SchemaChange {
    Added { column: String, now: String },
    Removed { column: String, was: String },
    Retyped { column: String, was: String, now: String },
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnDiff {
    pub column: String,
    /// Rows of one key in which it differs; `None` without a key.
    pub changed: Option<u64>,
    pub was: Statistics,
    pub now: Statistics,
}

/// What a column holds. Values are texts as a query's are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    pub nulls: u64,
    /// Different values besides null.
    pub distinct: u64,
    /// `distinct` is an estimate, with an error of about 2 %.
    pub estimated: bool,
    /// Of numbers.
    pub mean: Option<f64>,
    pub min: Option<String>,
    pub max: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Changed,
    Added,
    Removed,
}

/// One row that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SampleRow {
    pub change: Kind,
    /// How many rows are like it; more than one only without a key.
    pub count: u64,
    pub key: Vec<(String, Option<String>)>,
    /// Of a changed row the columns that differ, of others all besides the key.
    pub cells: Vec<SampleCell>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SampleCell {
    pub column: String,
    pub was: Option<String>,
    pub now: Option<String>,
}

impl RowDiff {
    /// Whether the tables say the same, whatever their bytes, the order of their rows and the order of their columns.
    pub fn is_same(&self) -> bool {
        self.schema.is_empty() && self.added + self.removed + self.changed == 0
    }
}

impl Statistics {
    /// Equal, but for what the order of adding does to a mean.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let is_near = match (self.mean, other.mean) {
            (Some(a), Some(b)) => a == b || (a - b).abs() <= 1e-12 * a.abs().max(b.abs()),
            (a, b) => a == b,
        };
        is_near && Self { mean: None, ..self.clone() } == Self { mean: None, ..other.clone() }
    }
}
