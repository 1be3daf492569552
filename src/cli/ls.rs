//! `formake ls`: what there is.

use super::as_of::AsOf;
use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::report::snapshots;

/// List snapshots: what identities stand for
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake ls                                all that identities stand for now
  formake ls report                         of one dataset class
  formake ls sales@storeId=JFK,2024-01      one store, all days of a month
  formake ls report:pr-42                   with what the label takes from its base
  formake ls report:pr-42 --all             also what they stood for before
  formake ls --quarantined                  what broke its contract, and how
  formake ls report:prod --as-of 3d         what they stood for three days ago")]
pub struct Arguments {
    /// `class`, `class@instance`, ranges and sets as in targets; without a label: what every label has of its own
    pattern: Option<String>,
    /// The label of a pattern that names none
    #[arg(long)]
    label: Option<String>,
    /// Also what identities stood for before
    #[arg(long, conflicts_with = "as_of")]
    all: bool,
    #[command(flatten)]
    as_of: AsOf,
    /// What was made or read and breaks its contract, so that nobody reads it
    #[arg(long, conflicts_with_all = ["all", "as_of"])]
    quarantined: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let terminal = &session.terminal;
    let as_of = arguments.as_of.moment(&terminal.look.zone)?;
    if arguments.quarantined {
        let all = session.workspace()?.quarantined(arguments.pattern.as_deref(), arguments.label.as_deref())?;
        if arguments.json {
            terminal.print_json(&snapshots::quarantined_json(&all))?;
        } else {
            terminal.print(&snapshots::quarantined_text(&all, &terminal.look))?;
        }
        return Ok(Exit::Done);
    }
    let listed = session.workspace()?.list(arguments.pattern.as_deref(), arguments.label.as_deref(), arguments.all, as_of)?;
    if arguments.json {
        terminal.print_json(&snapshots::list_json(&listed))?;
    } else if listed.is_empty() && as_of.is_some() {
        terminal.print("Nothing that was made, read or published by then is meant by this.\n")?;
    } else if listed.is_empty() && arguments.pattern.is_some() {
        terminal.print("Nothing that was made, read or published is meant by this.\n")?;
    } else {
        terminal.print(&snapshots::list_text(&listed, &terminal.look))?;
    }
    Ok(Exit::Done)
}
