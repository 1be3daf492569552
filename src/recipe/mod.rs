//! Recipes: templates and values to a [`Job`], ready for an executor.
//!
//! What is true here: no value from data, names or parameters reaches a shell, SQL or a path unquoted, unless the template says `| raw`.
//!
//! Reading order: [`job`] (what comes out), [`landing`] (values to text, quoted), [`template`] (tags), [`reads`] (what a template looks at),
//! [`quoted`] (tags where quoting does not hold), [`names`] (what its names stand for), [`values`] (which of them count), [`render`](mod@render)
//! (one job), [`job_file`](mod@job_file) (`$FORMAKE_JOB`), [`sample`] (queries with made-up values), [`check`](mod@check).

pub mod job;
pub mod landing;
pub mod template;
pub mod reads;
mod quoted;
pub mod names;
pub mod values;
pub mod render;
pub mod job_file;
pub mod sample;
pub mod check;

pub use check::check;
pub use job::*;
pub use job_file::job_file;
pub use names::GivenPart;
pub use reads::Read;
pub use render::{RecipeError, ending, format_of, render};
pub use sample::{queries, query};
pub use values::{reads_of, values_read};

#[cfg(test)]
mod tests;
