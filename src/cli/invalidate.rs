//! `formake invalidate`: data that must never be used again.

use super::exit::Exit;
use super::session::{Outcome, Session};
use super::subject::Subject;
use crate::diagnostic::Diagnostic;
use crate::report::{lineage, units};

/// Mark snapshots as wrong: never used again, under any label
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake invalidate raw@2024-01-05 --because \"prices in cents\"
  formake invalidate raw@2024-01-05 --because \"prices in cents\" --yes     without being asked

What was made from it is shown first, and becomes stale. Nothing is deleted; what a formula makes is made again by the
next build, and a source's bytes are refused until others are there.")]
pub struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// Why; it is kept in the record
    #[arg(long, value_name = "TEXT")]
    because: String,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let condemned = workspace.condemnation(&arguments.subject.target, arguments.subject.label())?;
    let terminal = &session.terminal;
    terminal.complain(&lineage::text(&condemned.downstream, &terminal.error_look, false));
    let what = units::count(condemned.snapshots.len(), "snapshot");
    let below = condemned.downstream.snapshots.len().saturating_sub(condemned.downstream.roots.len());
    terminal.complain(&format!("\n{what} to invalidate; {} made from that.\n", units::count(below, "snapshot")));
    workspace.may_invalidate(&condemned)?;
    if !arguments.yes {
        if !terminal.interactive {
            let problem = Diagnostic::error("E0807", "invalidating asks first, and nobody is there to answer");
            return Err(problem.help("add `--yes`").into());
        }
        if !terminal.confirm("Invalidate?")? {
            terminal.print("Nothing was changed.\n")?;
            return Ok(Exit::Done);
        }
    }
    workspace.invalidate(&condemned, &arguments.because)?;
    terminal.print(&format!("{what} invalidated.\n"))?;
    Ok(Exit::Done)
}
