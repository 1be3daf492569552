//! `formake verify`: made again, aside, and compared.

use std::sync::Arc;

use super::build::listen;
use super::exit::Exit;
use super::session::{Outcome, Session, file_problem};
use crate::executor::Cancel;
use crate::report::verify;
use crate::workspace::Request;

/// Make results again, aside, and compare the bytes; changes nothing
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake verify report@2024-01             with today's recipe, from what its inputs stand for now
  formake verify daily@2024-01 --json       every day of a month

It checks what was blessed, and finds recipes that give other bytes each time. Nothing enters the store or the catalog.
It ends with 1 where something came out differently, and with 5 where the bytes of an input are gone.")]
pub struct Arguments {
    /// Identities, or targets that stand for several
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// The label of targets that name none
    #[arg(long)]
    label: Option<String>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let (workspace, terminal) = (session.workspace()?, &session.terminal);
    let cancel = Arc::new(Cancel::new());
    listen(&cancel).map_err(|error| file_problem("listened to", "signals".as_ref(), &error))?;
    let (targets, label) = (arguments.targets.clone(), arguments.label.clone());
    // What cannot be provided stands for nothing that could be looked at.
    let request = Request { targets, label, available: true, ..Request::default() };
    let verified = workspace.verify(&request, &cancel, &mut |holder| {
        terminal.complain(&format!("a build of this project is running ({holder}); waiting for it to end\n"));
    })?;
    if arguments.json {
        terminal.print_json(&verify::json(&verified))?;
    } else {
        terminal.print(&verify::text(&verified, &terminal.look))?;
    }
    let interrupted = cancel.is_cancelled().then_some(Exit::Interrupted);
    let different = verified.iter().any(|verified| !verified.is_same()).then_some(Exit::Failed);
    Ok(Exit::first(interrupted.into_iter().chain(different)))
}
