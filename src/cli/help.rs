//! The first page of help: commands in groups, exit codes, where a project is found.

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;

use super::exit;

/// Every command in exactly one group; a test holds it.
const GROUPS: &[(&str, &[&str])] = &[
    ("Begin", &["init", "check", "fmt"]),
    ("Make", &["plan", "build", "apply"]),
    ("Ask", &["why", "why-not", "ls", "show", "path", "query", "shell", "diff", "lineage", "graph", "log", "history"]),
    ("By hand", &["publish", "release", "invalidate", "bless", "verify", "export"]),
    ("Contracts", &["contract"]),
    ("Labels", &["label", "promote", "rollback", "gc"]),
    ("More", &["explain", "completions", "man"]),
];

pub const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Green.on_default());

/// Puts the grouped list of commands in the place of clap's.
pub fn arranged(command: clap::Command) -> clap::Command {
    let (header, literal) = (STYLES.get_header(), STYLES.get_literal());
    let mut list = String::new();
    for (group, names) in GROUPS {
        list += &format!("{header}{group}:{header:#}\n");
        for name in *names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about).map(ToString::to_string).unwrap_or_default();
            list += &format!("  {literal}{name:<12}{literal:#} {about}\n");
        }
        list.push('\n');
    }
    let template =
        format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{list}{header}Options:{header:#}\n{{options}}{{after-help}}");
    command.help_template(template).after_long_help(format!(
        "{header}Projects:{header:#}\n  The project is the nearest folder, from the current one (or -C) upwards, with a formake.yaml or a\n  \
         pipeline.formula.\n\n{header}Exit codes:{header:#}\n{}\n  Where several hold, the first of 130, 2, 4, 5, 6, 1, 3, 0.",
        exit::help()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_has_examples() {
        let command = crate::cli::command();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let mut known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        grouped.sort_unstable();
        known.sort_unstable();
        assert_eq!(grouped, known);
        for subcommand in command.get_subcommands() {
            let help = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("formake "), "`{}` shows no example", subcommand.get_name());
            assert!(subcommand.get_about().is_some(), "`{}` says nothing of itself", subcommand.get_name());
        }
    }
}
