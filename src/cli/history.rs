//! `formake history`: who did what when.

use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::report::history;

/// Show who did what when: the catalog's append-only record
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake history                     everything, oldest first
  formake history report@2024-01      of one identity
  formake history report --json")]
pub struct Arguments {
    /// `class`, `class@instance`, ranges and sets as in targets
    pattern: Option<String>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let entries = session.workspace()?.history(arguments.pattern.as_deref())?;
    let terminal = &session.terminal;
    if arguments.json {
        terminal.print_json(&history::json(&entries))?;
    } else {
        terminal.print(&history::text(&entries, &terminal.look))?;
    }
    Ok(Exit::Done)
}
