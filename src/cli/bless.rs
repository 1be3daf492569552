//! `formake bless`: a change of the recipe that changes nothing.

use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::report::bless;
use crate::workspace::Request;

/// State that a change of formula or code leaves a result as it is
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake bless report@2024-01 --because \"only renamed a column inside the query\"
  formake bless daily report --because \"moved the scripts\"       all that there is of two classes
  formake bless report@2024-01 --revoke                          take the statement back

What an identity stands for then counts as made by today's recipe, so that neither it nor what was made from it is made
again. The statement ends by itself with the next change of the recipe or an input. Only changes of the recipe can be
blessed: where other data came in, it is refused. `formake verify` checks a statement, `formake why` shows it.")]
pub struct Arguments {
    /// Identities, or targets that stand for several
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// The label of targets that name none
    #[arg(long)]
    label: Option<String>,
    /// Why; it is kept in the record, and `why` shows it
    #[arg(long, value_name = "TEXT", required_unless_present = "revoke")]
    because: Option<String>,
    /// Take back what was said
    #[arg(long, conflicts_with = "because")]
    revoke: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let (workspace, terminal) = (session.workspace()?, &session.terminal);
    let Some(because) = &arguments.because else {
        let revoked = workspace.revoke(&arguments.targets, arguments.label.as_deref())?;
        if arguments.json {
            terminal.print_json(&bless::revoked_json(&revoked))?;
        } else {
            terminal.print(&bless::revoked(&revoked, &terminal.look))?;
        }
        return Ok(Exit::Done);
    };
    let (targets, label) = (arguments.targets.clone(), arguments.label.clone());
    // What cannot be provided stands for nothing that could be looked at.
    let request = Request { targets, label, available: true, ..Request::default() };
    let said = workspace.bless(&request, because)?;
    if arguments.json {
        terminal.print_json(&bless::json(because, &said.statements, &said.valid))?;
    } else {
        terminal.print(&bless::text(&said.statements, &said.valid, &terminal.look))?;
    }
    Ok(Exit::Done)
}
