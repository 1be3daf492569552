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
    ("E0601", Kind::Usage, "a target names a dataset class that no formula or source has"),
    ("E0602", Kind::Usage, "a target does not have the dimensions of its class"),
    ("E0603", Kind::Usage, "a target's value is not of its dimension's type"),
    ("E0604", Kind::Usage, "nothing makes the class under the label asked for"),
    ("E0605", Kind::Usage, "the class is not kept in the repository asked for"),
    ("E0606", Kind::Usage, "a target lies in several repositories, and none is named"),
    ("E0607", Kind::Usage, "a target stands for all instances of a class that nothing bounds"),
    ("E0608", Kind::Usage, "a target stands for too many identities"),
    ("E0609", Kind::Blocked, "nothing that a target stands for can be provided"),
    // E07.. jobs and runs (executor, run)
    // E08.. store and catalog
    // E09.. command line
];
