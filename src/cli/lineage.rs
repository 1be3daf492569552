//! `formake lineage`: what was made from what.

use super::as_of::AsOf;
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
  formake lineage report@2024-01 --as-of 3d    of what it was three days ago
  formake lineage report@2024-01 --json        as a graph")]
pub struct Arguments {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    as_of: AsOf,
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
    let terminal = &session.terminal;
    let as_of = arguments.as_of.moment(&terminal.look.zone)?;
    let (readings, lineage) = session.workspace()?.lineage(&subject.target, subject.label(), direction, as_of)?;
    if arguments.json {
        terminal.print_json(&lineage::json(&lineage, &readings))?;
    } else {
        terminal.print(&lineage::text(&lineage, &readings, &terminal.look, arguments.all))?;
    }
    Ok(Exit::Done)
}
