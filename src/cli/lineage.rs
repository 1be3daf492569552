//! `formake lineage`: what was made from what.

use super::exit::Exit;
use super::session::{Outcome, Session};
use super::subject::Subject;
use crate::catalog::lineage::Direction;
use crate::report::lineage;

/// Show what a snapshot was made from, or what was made from it
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake lineage report@2024-01               back to the sources
  formake lineage raw@2024-01-05 --down        everything that was made from it
  formake lineage report@2024-01 --json        as a graph")]
pub struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// To what it was made from (this is the default)
    #[arg(long, conflicts_with = "down")]
    up: bool,
    /// To what was made from it
    #[arg(long)]
    down: bool,
    /// Draw every branch, however many there are
    #[arg(long)]
    all: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let direction = if arguments.down { Direction::Down } else { Direction::Up };
    let subject = &arguments.subject;
    let lineage = session.workspace()?.lineage(&subject.target, subject.label(), direction)?;
    let terminal = &session.terminal;
    if arguments.json {
        terminal.print_json(&lineage::json(&lineage))?;
    } else {
        terminal.print(&lineage::text(&lineage, &terminal.look, arguments.all))?;
    }
    Ok(Exit::Done)
}
