//! Recipes: templates and values to a [`Job`], ready for an executor.
//!
//! What is true here: no value from data, names or parameters reaches a shell, SQL or a path unquoted, unless the template says `| raw`.

pub mod job;

pub use job::*;

pub fn ending(p: &str) -> &str {
    p
}
pub fn values_read(
    _: &crate::formula::program::Program,
    _: &crate::formula::program::Formula,
    _: &crate::identity::Binding,
    _: &str,
    _: &[(crate::identity::Var, crate::identity::Value)],
) -> std::collections::BTreeMap<String, serde_json::Value> {
    Default::default()
}

mod pending;
pub use pending::*;
