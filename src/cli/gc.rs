//! `formake gc`: bytes that nothing needs.

use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::diagnostic::Diagnostic;
use crate::report::clean::{self, Cleaning};
use crate::workspace::Workspace;

/// Remove bytes that nothing needs, expired labels and old logs
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake gc --dry-run          what would go, what it takes to make that again, and what stays for what reason
  formake gc --dry-run --all    what stays, by identity
  formake gc                    asks first
  formake gc --yes              for a nightly job

What an identity stands for stays, and so does what `keep:` of formake.yaml keeps of the past:
  keep: { history: 30d, last: 1 }
Labels whose `expires` has passed since anything happened to them lose what they have of their own. The record of what
was made, when and from what stays for ever. No build of the project runs meanwhile.")]
pub struct Arguments {
    /// Show it only; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Show what stays by identity, too
    #[arg(long)]
    all: bool,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let cleaning = workspace.cleaning()?;
    let terminal = &session.terminal;
    if arguments.dry_run || cleaning.is_empty() {
        if arguments.json {
            terminal.print_json(&clean::json(&cleaning, false))?;
        } else {
            terminal.print(&clean::text(&cleaning, &terminal.look, arguments.all))?;
        }
        return match cleaning.not_permitted.is_empty() {
            true => Ok(Exit::Done),
            false if arguments.dry_run => Ok(Exit::NotPermitted),
            false => refuse_rest(&workspace, &cleaning),
        };
    }
    terminal.complain(&clean::text(&cleaning, &terminal.error_look, arguments.all));
    if !arguments.yes {
        if !terminal.interactive {
            return Err(Diagnostic::error("E0807", "removing asks first, and nobody is there to answer").help("add `--yes`").into());
        }
        if !terminal.confirm("Remove it?")? {
            terminal.print("Nothing was changed.\n")?;
            return Ok(Exit::Done);
        }
    }
    let waiting = &mut |holder: &str| {
        terminal.complain(&format!("A build of this project is running ({holder}); waiting for it to end.\n"));
    };
    let done = workspace.clean(&cleaning, waiting)?;
    if arguments.json {
        terminal.print_json(&clean::json(&done, true))?;
    } else {
        terminal.print(&clean::done_text(&done))?;
    }
    refuse_rest(&workspace, &done)
}

/// What the user may not remove stays, which is a refusal like any other.
fn refuse_rest(workspace: &Workspace, cleaning: &Cleaning) -> Outcome {
    if !cleaning.not_permitted.is_empty() {
        workspace.refuse_rest(cleaning)?;
    }
    Ok(Exit::Done)
}
