//! `formake path`: where the bytes are.

use super::as_of::AsOf;
use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::diagnostic::Diagnostic;

/// Print the paths of snapshots, for other programs to read
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake path report@2024-01                  one path
  head \"$(formake path report@2024-01)\"        use it
  formake path clean@2024-01-01..2024-01-31    a path a line, in the order of the identities
  formake path report@2024-01 --as-of 2024-02-01    what it was on that day

What lies there never changes: read it, link to it, but do not write to it.")]
pub struct Arguments {
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// The label of targets that name none
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    as_of: AsOf,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let as_of = arguments.as_of.moment(&session.terminal.look.zone)?;
    let workspace = session.workspace()?;
    let mut text = String::new();
    for target in &arguments.targets {
        for (reading, path) in workspace.paths(target, arguments.label.as_deref(), as_of)? {
            if !path.exists() && !path.to_string_lossy().contains('*') {
                let owner = &reading.pointer.identity;
                let problem = Diagnostic::error("E0814", format!("the bytes of {owner} are not at `{}` any more", path.display()));
                return Err(problem.help(format!("make them again: `formake build {owner}`")).into());
            }
            text += &format!("{}\n", path.display());
        }
    }
    session.terminal.print(&text)?;
    Ok(Exit::Done)
}
