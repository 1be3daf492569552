//! `formake show`: everything about a snapshot.

use super::as_of::AsOf;
use super::exit::Exit;
use super::session::{Outcome, Session};
use super::subject::Subject;
use crate::report::snapshots;

/// Show a snapshot: content, place, what made it, from what, and its history
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake show report@2024-01         what the identity stands for now
  formake show 6437b3ac38             by the first digits of a content hash
  formake show report@2024-01 --as-of 2024-02-01T09:00
  formake show report@2024-01 --quarantined         what broke its contract
  formake show report@2024-01 --json")]
pub struct Arguments {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    as_of: AsOf,
    /// What was made or read and breaks its contract, so that nobody reads it
    #[arg(long, conflicts_with = "as_of")]
    quarantined: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let subject = &arguments.subject;
    let terminal = &session.terminal;
    let as_of = arguments.as_of.moment(&terminal.look.zone)?;
    let shown = session.workspace()?.show(&subject.target, subject.label(), as_of, arguments.quarantined)?;
    if arguments.json {
        terminal.print_json(&snapshots::show_json(&shown))?;
    } else {
        let texts: Vec<String> = shown.iter().map(|shown| snapshots::show_text(shown, &terminal.look)).collect();
        terminal.print(&texts.join("\n"))?;
    }
    Ok(Exit::Done)
}
