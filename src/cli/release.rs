//! `formake release`: the end of a hold.

use super::exit::Exit;
use super::session::{Outcome, Session};
use super::subject::Subject;

/// End a hold, so that builds make the identity again
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake release report@2024-01
  formake release report                 all of a class that is held")]
pub struct Arguments {
    #[command(flatten)]
    subject: Subject,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let subject = &arguments.subject;
    for identity in session.workspace()?.release(&subject.target, subject.label())? {
        session.terminal.print(&format!("{} is no longer held.\n", session.terminal.look.name(&identity.to_string())))?;
    }
    Ok(Exit::Done)
}
