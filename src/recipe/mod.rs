//! Recipes: templates and values to a [`Job`], ready for an executor.
//!
//! What is true here: no value from data, names or parameters reaches a shell, SQL or a path unquoted, unless the template says `| raw`.
//!
//! Reading order: [`job`] (what comes out), [`landing`] (values to text, quoted), [`template`] (parsing and rendering), [`reads`] (what a template
//! looks at), [`values`] (names a template finds, and which of them count), [`render`], [`job_file`] (`$FORMAKE_JOB`), [`check`].

pub mod job;
pub mod landing;
pub mod template;
pub mod reads;
pub mod values;
pub mod render;
pub mod job_file;
pub mod check;

pub use check::check;
pub use job::*;
pub use job_file::job_file;
pub use reads::Read;
pub use render::{GivenPart, RecipeError, render};
pub use values::{reads_of, values_read};

/// The ending of a path's last part: `csv`, `csv.gz`; nothing for a name without one.
pub fn ending(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, packed) = match name.rsplit_once('.') {
        Some((stem, "gz" | "bz2" | "xz" | "zst")) => (stem, true),
        _ => (name, false),
    };
    match stem.rsplit_once('.') {
        Some((before, _)) if !before.is_empty() => &name[before.len() + 1..],
        _ if packed && !stem.is_empty() => &name[stem.len() + 1..],
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn endings() {
        for (path, expected) in [
            ("a/b.csv", "csv"),
            ("b.csv.gz", "csv.gz"),
            ("b.gz", "gz"),
            ("a.b/c", ""),
            (".hidden", ""),
            ("x.tar.gz", "tar.gz"),
            ("a.b.parquet", "parquet"),
        ] {
            assert_eq!(super::ending(path), expected, "{path}");
        }
    }
}
