//! Recipes: templates and values to a [`Job`], ready for an executor.
//!
//! What is true here: no value from data, names or parameters reaches a shell, SQL or a path unquoted, unless the template says `| raw`.

pub mod job;

pub use job::*;
