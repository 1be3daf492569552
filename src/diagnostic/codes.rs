//! Every code once: its kind, and one line of what it means. `docs/errors.md` is checked against this list.

/// What kind of failure a code stands for; the exit code follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A wrong command, formula or configuration: exit 2.
    Usage,
    /// Not permitted: exit 4.
    Permission,
    /// Something needed cannot be provided: exit 5.
    Blocked,
    /// A job or a check failed: exit 1.
    Failed,
    /// The world did not do its part (disk, catalog, another process): exit 1.
    World,
    /// A mistake of Formake's: exit 1.
    Bug,
}

pub const CODES: &[(&str, Kind, &str)] = &[
    // E01.. syntax (formula/parse)
    // E02.. names, types, dimensions (formula/check)
    // E03.. formulas and the graph of classes (formula/check)
    // E04.. recipes, templates, files, SQL (formula/check, recipe, table)
    // E05.. formake.yaml (workspace/config)
    // E06.. targets and resolving (identity/target, resolve)
    // E07.. jobs and runs (executor, run)
    // E08.. store and catalog
    // E09.. command line
];
