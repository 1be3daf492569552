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
    ("E0201", Kind::Usage, "a variable is not known"),
    ("E0203", Kind::Usage, "a set is not known"),
    ("E0204", Kind::Usage, "uses of a class have different components"),
    ("E0205", Kind::Usage, "one thing has two types"),
    ("E0206", Kind::Usage, "a value is not of its dimension's type"),
    ("E0207", Kind::Usage, "a variable is moved or shortened in a way that its type does not allow"),
    ("E0208", Kind::Usage, "a variable has no value: no output binds it, and nothing says its values"),
    ("E0209", Kind::Usage, "a variable has two domains"),
    ("E0210", Kind::Usage, "an output or source has something other than bare variables and literals"),
    ("E0211", Kind::Usage, "the outputs of a formula have different variables"),
    ("E0212", Kind::Usage, "two inputs or two outputs have one name"),
    ("E0213", Kind::Usage, "alternatives need a name"),
    ("E0214", Kind::Usage, "a label is not known"),
    ("E0215", Kind::Usage, "a repository is not known"),
    ("E0216", Kind::Usage, "a class, label or repository is not a name"),
    ("E0217", Kind::Usage, "the values that a variable may have are not a domain"),
    ("E0218", Kind::Usage, "a type is not known"),
    ("E0219", Kind::Usage, "a template that is rendered when compiling cannot be"),
    ("E0221", Kind::Usage, "an alternative expands more variables than the first one"),
    ("E0222", Kind::Usage, "hours in a time zone whose clocks change"),
    // E03.. formulas and the graph of classes (formula/check)
    ("E0301", Kind::Usage, "a property is not known, or not here"),
    ("E0302", Kind::Usage, "something stands twice"),
    ("E0303", Kind::Usage, "a formula has no recipe"),
    ("E0304", Kind::Usage, "a formula has two recipes"),
    ("E0305", Kind::Usage, "a property's arguments cannot be read"),
    ("E0306", Kind::Usage, "a property is not in this version"),
    ("E0307", Kind::Usage, "a `copy` without exactly one input and one output"),
    ("E0308", Kind::Usage, "`since` or `until` where nothing has a time, or with nothing between them"),
    ("E0309", Kind::Usage, "a resource is not known, or larger than its pool"),
    ("E0310", Kind::Usage, "two makers of one identity"),
    ("E0311", Kind::Usage, "two sources claim the same files"),
    ("E0312", Kind::Usage, "a recursion without a beginning"),
    ("E0313", Kind::Usage, "something needs itself"),
    ("E0314", Kind::Usage, "a formula file or an include that is not there"),
    ("E0315", Kind::Usage, "a file includes itself"),
    ("E0316", Kind::Usage, "a file is included twice"),
    ("E0317", Kind::Usage, "a source's path cannot be read, or does not tell its identity"),
    // E04.. recipes, templates, files, SQL (formula/check, recipe, table)
    ("E0401", Kind::Usage, "an SQL file is not there"),
    ("E0402", Kind::Usage, "`uses` names no file"),
    ("E0403", Kind::Usage, "a file cannot be read"),
    ("E0404", Kind::Usage, "a path is not sensible where it stands"),
    // E05.. formake.yaml (workspace/config)
    ("E0501", Kind::Usage, "formake.yaml is not YAML"),
    ("E0502", Kind::Usage, "formake.yaml has a key that is not known"),
    ("E0503", Kind::Usage, "a value of formake.yaml is of another kind than expected"),
    ("E0504", Kind::Usage, "a value of formake.yaml makes no sense where it stands"),
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
    ("E0901", Kind::Usage, "no project is here, nor in any folder above"),
    ("E0902", Kind::Usage, "the folder of -C is not a folder"),
    ("E0903", Kind::World, "the output cannot be written"),
    ("E0904", Kind::World, "a file or folder cannot be read or written"),
    ("E0905", Kind::Usage, "init would overwrite a file"),
    ("E0906", Kind::Usage, "an error code is not known"),
];
