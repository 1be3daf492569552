//! What is asked of a table, and what was found: values only.

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::profile::Profile;

/// What is to be counted, besides the profile.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub columns: Vec<AskedColumn>,
    /// Sets of top-level columns: how many of each set's values are there in several rows.
    pub keys: Vec<Vec<String>>,
}

/// Tests of the cells of one column.
#[derive(Clone, Debug)]
pub struct AskedColumn {
    /// Where it is: `a`; `a.b`, a field of an object; `a[]`, the items of a list; `a[].b`. A list of steps, since names may have dots.
    pub path: Vec<PathStep>,
    /// What its cells are to be read as; `None`: as they are. Text of CSV and JSON is parsed.
    pub logical: Option<Logical>,
    pub tests: Vec<Test>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathStep {
    Field(String),
    Items,
}

/// Kinds of values, as the Open Data Contract Standard has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Logical {
    Text,
    Integer,
    Number,
    Boolean,
    Date,
    Timestamp,
    Time,
    Object,
    Array,
}

/// Something that should hold of every cell. Nulls pass all but [`Test::Present`].
#[derive(Clone, Debug)]
pub enum Test {
    /// It is not null.
    Present,
    /// It is, or (in CSV and JSON text) reads as, the column's logical type.
    Reads,
    /// It is one of these.
    OneOf(Vec<Scalar>),
    /// It is none of these.
    NoneOf(Vec<Scalar>),
    /// A text that the pattern is found in.
    Matches(Pattern),
    Format(TextFormat),
    /// Characters of a text.
    Length {
        least: Option<u64>,
        most: Option<u64>,
    },
    AtLeast(Bound),
    AtMost(Bound),
    MultipleOf(f64),
    /// Items of a list.
    Items {
        least: Option<u64>,
        most: Option<u64>,
    },
    UniqueItems,
    /// Any of the cells that the inner tests take for failing, counted once; missing cells too where `nulls` says so.
    All {
        tests: Vec<Test>,
        nulls: bool,
    },
}

/// A value of a contract. Compared with a cell as the cell's column is: numbers by value, dates and times by their text in ISO 8601, else
/// by text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
}

/// A regular expression that compiles.
#[derive(Clone, Debug)]
pub struct Pattern(regex::Regex);

#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub limit: Scalar,
    pub exclusive: bool,
}

/// Formats of texts that the standard names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    Email,
    Uri,
    Uuid,
    Hostname,
    Ipv4,
    Ipv6,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Measured {
    pub profile: Profile,
    /// The data's own columns, in order.
    pub columns: Vec<FoundColumn>,
    /// The data is JSON, where a column without any value may be missing altogether.
    pub documents: bool,
    /// As [`Asked::columns`] and their tests; `None` where the column is not there.
    pub tests: Vec<Option<Vec<Failing>>>,
    /// As [`Asked::keys`]: how many different keys stand in several rows, of all rows; the samples are rows whose key stands in an earlier row.
    /// Rows with a null in the key are left out. `None` where a column is not there.
    pub keys: Vec<Option<Failing>>,
}

#[derive(Clone, Debug)]
pub struct FoundColumn {
    pub name: String,
    pub ty: DataType,
    /// The type is the file's own; otherwise it is what all its values look like.
    pub declared: bool,
}

/// Cells that fail a test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failing {
    pub count: u64,
    /// The cells that were looked at: all rows, or the items of a list.
    pub of: u64,
    /// The first of them.
    pub samples: Vec<Sample>,
}

/// A cell that fails, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// From 1, without a header.
    pub row: u64,
    /// Cut where it is long.
    pub value: String,
}

impl Pattern {
    /// # Errors
    /// Why it is no regular expression of the engine's.
    pub fn new(text: &str) -> Result<Self, String> {
        regex::Regex::new(text).map(Self).map_err(|e| e.to_string())
    }

    pub fn regex(&self) -> &regex::Regex {
        &self.0
    }
}
