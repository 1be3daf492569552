//! A compiled contract.

use crate::digest::ContentHash;
use crate::identity::Name;
use crate::table::measure::asked::PathStep;
use crate::table::measure::{Logical, Test};

/// The table that rules' queries read.
pub const SNAPSHOT: &str = "snapshot";

/// What one dataset class promises.
#[derive(Clone, Debug)]
pub struct Contract {
    pub class: Name,
    /// The file's path in the project.
    pub file: String,
    /// Of what counts for verdicts: comments, descriptions and layout do not.
    pub meaning: ContentHash,
    pub version: Option<String>,
    pub status: Option<String>,
    pub owner: Option<String>,
    pub description: Option<String>,
    /// As written, for people: property and value (with its unit).
    pub service_levels: Vec<(String, String)>,
    /// Empty where the contract says nothing of columns.
    pub columns: Vec<Column>,
    pub rules: Vec<Rule>,
}

/// A column that the contract names; the fields of objects and the items of lists inside.
#[derive(Clone, Debug)]
pub struct Column {
    /// As the data has it (`physicalName` before `name`).
    pub name: String,
    pub logical: Option<Logical>,
    pub physical: Option<String>,
    pub required: bool,
    pub inside: Vec<Column>,
    pub items: Option<Box<Column>>,
    pub description: Option<String>,
    /// Byte range in the file.
    pub at: (usize, usize),
}

/// One thing that should hold.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Short and stable; unique in the contract: `id: required`, `row count`, or what the contract calls it.
    pub name: String,
    /// The column that it is about, as people write it.
    pub column: Option<String>,
    pub severity: Severity,
    pub what: What,
    pub description: Option<String>,
    /// Byte range in the file.
    pub at: (usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Error,
}

/// What a rule is about, and what it allows.
#[derive(Clone, Debug)]
pub enum What {
    /// The column is there.
    There {
        path: Vec<PathStep>,
    },
    /// Its type is of this kind. Of CSV and JSON, all its cells read so.
    Type {
        path: Vec<PathStep>,
        logical: Logical,
        physical: Option<String>,
    },
    /// Cells that fail the test.
    Cells {
        path: Vec<PathStep>,
        test: Test,
        limit: Limit,
        unit: Unit,
    },
    /// Rows whose key stands in an earlier row.
    Duplicates {
        columns: Vec<String>,
        limit: Limit,
        unit: Unit,
    },
    Rows {
        limit: Limit,
    },
    /// The one number that a query over the snapshot gives; the table is called `snapshot` in it.
    Query {
        sql: String,
        limit: Limit,
        /// The column that it is about; empty where it is about the table.
        path: Vec<PathStep>,
    },
    /// Compared with earlier instances of the class.
    Over {
        over: Over,
        limit: Limit,
        unit: Unit,
    },
    /// A number in a JSON output, by JSON pointer (RFC 6901).
    Number {
        pointer: String,
        limit: Compare,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Rows,
    Percent,
}

/// What a number must be: the operators of the standard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    Be(f64),
    NotBe(f64),
    Greater(f64),
    GreaterOrEqual(f64),
    Less(f64),
    LessOrEqual(f64),
    /// Both ends included.
    Between(f64, f64),
    NotBetween(f64, f64),
}

/// A rule over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Over {
    pub drift: Drift,
    pub column: Option<String>,
    /// So many earlier instances are looked at, the latest ones.
    pub window: usize,
    /// With fewer, the rule says nothing.
    pub least: usize,
}

/// What is compared. Shares and changes are fractions; with [`Unit::Percent`], per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// Rows, against their mean: (now - before) / before.
    RowCount,
    /// The share of nulls, against their mean share: now - before.
    NullShare,
    /// The mean, against the mean of means: (now - before) / |before|.
    Mean,
    /// Population stability index.
    Psi,
    /// Kolmogorov-Smirnov statistic, the largest distance of the two distributions.
    Ks,
    /// Categories that none of the earlier ones has.
    NewValues,
    /// Categories of the earlier ones that are gone.
    VanishedValues,
    /// Hours between the newest value of the column and the end of the instance's period.
    Freshness,
}

/// What a number in a JSON output is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Compare {
    Limit(Limit),
    /// The same number of the same identity under another label, or of the previous instance: `change` is (now - then), or a fraction of then.
    With {
        label: Option<Name>,
        relative: bool,
        change: Limit,
    },
}

impl Limit {
    pub fn holds(self, number: f64) -> bool {
        match self {
            Limit::Be(n) => number == n,
            Limit::NotBe(n) => number != n,
            Limit::Greater(n) => number > n,
            Limit::GreaterOrEqual(n) => number >= n,
            Limit::Less(n) => number < n,
            Limit::LessOrEqual(n) => number <= n,
            Limit::Between(least, most) => (least..=most).contains(&number),
            Limit::NotBetween(least, most) => !(least..=most).contains(&number),
        }
    }
}
