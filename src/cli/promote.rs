//! `formake promote`: a label's results become those of its base.

use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::report::promotion;
use crate::workspace::promote::PromoteRequest;

/// Move a label's results to its base: nothing is made again, nothing is copied
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake promote --from pr-42                           all that the label has of its own
  formake promote report@2024-01 --from pr-42            one result, and all that it was made from
  formake promote report --from pr-42 --dry-run          show what would move

What a result was made from goes along where the base has something else. All of it moves, in one transaction, or nothing: not where
the base moved since the label was built, where a build under the label would make something again, or onto what is held.
`formake rollback` takes a promotion back.")]
pub struct Arguments {
    /// What to promote, as for `formake build`; all that the label has of its own where none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// The label whose results move
    #[arg(long, value_name = "LABEL")]
    from: String,
    /// The label that gets them: the base of the other one
    #[arg(long, value_name = "LABEL")]
    to: Option<String>,
    /// Why; it is kept in the record
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    /// Show what would move, and stop
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let request = PromoteRequest {
        targets: arguments.targets.clone(),
        from: arguments.from.clone(),
        to: arguments.to.clone(),
        because: arguments.because.clone(),
        dry_run: arguments.dry_run,
    };
    let (plan, id) = session.workspace()?.promote(&request, &mut |holder| session.waits_for(holder))?;
    let terminal = &session.terminal;
    let problems = promotion::problems(&plan);
    if arguments.json {
        terminal.print_json(&promotion::json(&plan, id))?;
    } else if problems.is_empty() {
        terminal.print(&promotion::text(&plan, id, &terminal.look))?;
    }
    session.show(&problems);
    let refused = (!plan.not_permitted.is_empty()).then_some(Exit::NotPermitted);
    Ok(Exit::first(refused.into_iter().chain([Exit::of(&problems)])))
}
