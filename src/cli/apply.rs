//! `formake apply`: build what a saved plan says, and nothing else.

use std::path::PathBuf;
use std::sync::Arc;

use super::session::{Outcome, Session};
use super::{build, plan};
use crate::workspace::saved;

/// Build exactly what a saved plan says; refused where something moved since
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake plan -o plan.json report@2024-01     save a plan, and look at it
  formake apply plan.json                      build just that
  formake apply plan.json --dry-run            whether it still holds

It is refused, and says what moved, where formulas, code, params, tools, sources or the catalog are no longer as they
were, as far as they matter to this plan. No job runs of which the plan does not say that it runs or may run.")]
pub struct Arguments {
    /// What `formake plan -o` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Look whether the plan still holds, show it, and stop
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Jobs at the same time; as many as there are processors where nothing is said
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// After a failure, go on with what does not depend on it
    #[arg(short, long)]
    keep_going: bool,
    /// Write events as JSON lines, the summary last; with --dry-run, the plan
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let saved = Arc::new(saved::read(&session.dir.join(&arguments.file), &arguments.file.display().to_string())?);
    let jobs = arguments.jobs.map(usize::from);
    if arguments.dry_run {
        let planned = workspace.saved_plan(&saved, jobs)?;
        let format = if arguments.json { plan::Format::Json } else { plan::Format::Text };
        plan::show(&planned, format, false, session)?;
        return Ok(plan::exit(&planned, false));
    }
    build::watched(session, arguments.json, |cancel, events| workspace.apply(&saved, jobs, arguments.keep_going, cancel, events))
}
