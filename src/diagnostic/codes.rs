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
    ("E0101", Kind::Usage, "something else was expected here"),
    ("E0102", Kind::Usage, "a line begins no statement, or a block belongs to none"),
    ("E0103", Kind::Usage, "a formula's or source's head is not complete, or its signs are not the right ones"),
    ("E0104", Kind::Usage, "a name, number, period or format that cannot stand here"),
    ("E0105", Kind::Usage, "a tuple or a list has a part too few, too many, or of the wrong kind"),
    ("E0106", Kind::Usage, "a property is not written as `name value`"),
    ("E0107", Kind::Usage, "a text needs quotes, or has an unknown escape or a template where none can be"),
    ("E0108", Kind::Usage, "a quoted text is never closed, or is in single quotes"),
    ("E0109", Kind::Usage, "a bracket is never closed, or closes nothing"),
    ("E0110", Kind::Usage, "brackets or blocks are nested too deeply"),
    ("E0199", Kind::Bug, "the grammar and its reader disagree"),
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
