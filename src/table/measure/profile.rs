//! The profile of a table: what is kept of every snapshot that is one.

use serde::{Deserialize, Serialize};

/// Rows and columns of a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub rows: u64,
    pub columns: Vec<ColumnProfile>,
}

/// One column. Values are text as `formake query` prints them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    pub name: String,
    /// In SQL's words.
    pub ty: String,
    pub nulls: u64,
    /// Different values besides null: exact where `complete`, else an estimate with an error of about 1 %.
    pub distinct: u64,
    pub min: Option<String>,
    pub max: Option<String>,
    /// Of numbers, and of dates and timestamps as seconds since 1970.
    pub numbers: Option<Numbers>,
    /// The most frequent values with how often they occur, most frequent first; of very many values, those that fill a
    /// thousandth of the rows, with counts from below.
    pub top: Vec<(String, u64)>,
    /// `top` has every value.
    pub complete: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    pub mean: f64,
    /// Standard deviation of the values themselves (divided by their number).
    pub deviation: f64,
    /// Estimated quantiles at 0 %, 1 %, … 100 %: 101 numbers, never falling.
    pub quantiles: Vec<f64>,
}

impl Profile {
    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }
}
