//! What a user asks for on the command line, as written: `churn_features@2024-01-01..2024-01-31:prod`,
//! `sales@storeId={JFK,LGA},2024-01`, `sales@storeId=*`, `churn_features`. Types come later, from the class's dimensions (`resolve`).

use super::Name;

/// One target or listing pattern, before types.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// As the user typed it, for messages.
    pub text: String,
    pub class: Name,
    /// `None`: a bare class, all of its instances.
    pub components: Option<Vec<TargetComponent>>,
    pub label: Option<Name>,
    pub repository: Option<Name>,
}

/// One component of a target's instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetComponent {
    pub key: Option<Name>,
    pub choice: Choice,
}

/// What a component asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    One(String),
    /// `{JFK,LGA}`
    Set(Vec<String>),
    /// `2024-01-01..2024-01-31`, both ends included.
    Range(String, String),
    /// `*`
    Any,
}

/// Why a text is not a target: what was found, at which byte, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a target: {reason}")]
pub struct TargetError {
    pub text: String,
    pub at: usize,
    pub reason: String,
}
