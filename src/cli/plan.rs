//! `formake plan`: what a build would do, and why.

use super::exit::Exit;
use super::session::{Outcome, Session};
use super::targets::Targets;
use crate::plan::Plan;
use crate::report::plan;

/// Show what a build would do, and why; changes nothing
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake plan                                       the project's targets
  formake plan report@2024-01                        one identity
  formake plan sales@storeId={JFK,LGA},2024-01       stores, all days of a month
  formake plan report@2024-01 --label pr-42          as it would be under another label
  formake plan --exit-code                           for scripts: exit 3 where work is needed")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// Show every identity, however many there are
    #[arg(long)]
    all: bool,
    /// Write the plan as JSON
    #[arg(long)]
    json: bool,
    /// Exit with 3 where anything would run, may run or be reused
    #[arg(long)]
    exit_code: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let planned = session.workspace()?.plan(&arguments.targets.request())?;
    show(&planned.plan, arguments.json, arguments.all, session)?;
    Ok(exit(&planned.plan, arguments.exit_code))
}

pub fn show(plan: &Plan, json: bool, all: bool, session: &Session) -> std::io::Result<()> {
    let terminal = &session.terminal;
    if json { terminal.print_json(&plan::json(plan)) } else { terminal.print(&plan::text(plan, &terminal.look, all)) }
}

/// What is blocked or not permitted counts in any case; work only where `--exit-code` asks for it.
pub fn exit(plan: &Plan, asked: bool) -> Exit {
    let blocked = (plan.counts.blocked > 0).then_some(Exit::Blocked);
    let work = (asked && plan.work_needed()).then_some(Exit::WorkNeeded);
    let refused = (!plan.not_permitted.is_empty()).then_some(Exit::NotPermitted);
    Exit::first(blocked.into_iter().chain(work).chain(refused))
}
