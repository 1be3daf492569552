//! Path patterns of sources, read both ways: from an identity's values to a path, and from a path back to the values.

use super::Var;

/// `raw/customers/<DATE>.csv`, parsed. `/` between folders, relative to the project's root or absolute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathPattern {
    /// As written.
    pub text: String,
    pub parts: Vec<PathPart>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PathPart {
    Literal(String),
    /// `<DATE:%Y/%m/%d>`; without a format, the value as identities write it.
    Var {
        var: Var,
        format: Option<String>,
    },
    /// `*`, any text without `/`: one instance's many files.
    Star,
    /// `**`, any folders.
    DoubleStar,
}
