//! `formake log`: what a job printed.

use super::exit::Exit;
use super::session::{Outcome, Session};
use super::subject::Subject;
use crate::report::snapshots;

/// Print the log of the newest try to make an identity
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake log report@2024-01             what the job printed
  formake log report@2024-01 --path      where that is kept")]
pub struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// Print the path of the log instead of the log
    #[arg(long)]
    path: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let subject = &arguments.subject;
    let logs = session.workspace()?.job_log(&subject.target, subject.label())?;
    let terminal = &session.terminal;
    for log in &logs {
        if arguments.path {
            if let Some(path) = &log.path {
                terminal.print(&format!("{}\n", path.display()))?;
            }
            continue;
        }
        // The head goes where it does not mix with what the job printed.
        let head = format!("{}: run {}\n", log.identity, snapshots::run_line(&log.run, &terminal.error_look));
        terminal.complain(&terminal.error_look.faint(&head));
        match (&log.run.message, log.text.is_empty()) {
            (Some(message), true) => terminal.complain(&format!("{message}\n")),
            (None, true) => terminal.complain("It printed nothing.\n"),
            _ => terminal.print(&log.text)?,
        }
    }
    Ok(Exit::Done)
}
