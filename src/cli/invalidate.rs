//! `formake invalidate`: data that must never be used again.

use super::exit::Exit;
use super::session::{Outcome, Session};
use super::subject::Subject;
use crate::diagnostic::Diagnostic;
use crate::report::{restate, units};

/// Mark snapshots as wrong: never used again, under any label
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake invalidate raw@2024-01-05 --dry-run        what depends on it, under every label
  formake invalidate raw@2024-01-05 --because \"prices in cents\"
  formake invalidate raw@2024-01-05 --because \"prices in cents\" --yes     without being asked

What was made from it is shown first, with owners and with what no formula reads, and becomes stale. Nothing is deleted;
what a formula makes is made again by the next build, and a source's bytes are refused until others are there.")]
pub struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// Why; it is kept in the record
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    because: Option<String>,
    /// Show what depends on it and stop
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// With --dry-run: write it as JSON
    #[arg(long, requires = "dry_run")]
    json: bool,
    /// Do it without asking
    #[arg(short, long, conflicts_with = "dry_run")]
    yes: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let restatement = workspace.restatement(&arguments.subject.target, arguments.subject.label())?;
    let terminal = &session.terminal;
    let Some(because) = arguments.because.as_ref().filter(|_| !arguments.dry_run) else {
        match arguments.json {
            true => terminal.print_json(&restate::json(&restatement))?,
            false => terminal.print(&restate::dry_run(&restatement, &terminal.look))?,
        }
        return Ok(if restatement.not_permitted.is_empty() { Exit::Done } else { Exit::NotPermitted });
    };
    terminal.complain(&restate::text(&restatement, &terminal.error_look));
    workspace.may_invalidate(&restatement)?;
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
    workspace.invalidate(&restatement, because)?;
    terminal.print(&format!("{} invalidated.\n", units::count(restatement.snapshots.len(), "snapshot")))?;
    Ok(Exit::Done)
}
