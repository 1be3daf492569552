//! `formake plan`: what a build would do, and why.

use std::path::PathBuf;

use super::exit::Exit;
use super::session::{Outcome, Session};
use super::targets::Targets;
use crate::identity::Identity;
use crate::report::picture::{self, affected, mermaid};
use crate::report::{comment, review, units};
use crate::table::rowdiff::RowDiff;
use crate::workspace::build::Planned;

/// Show what a build would do, and why; changes nothing
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake plan                                       the project's targets
  formake plan report@2024-01                        one identity
  formake plan sales@storeId={JFK,LGA},2024-01       stores, all days of a month
  formake plan report@2024-01 --label pr-42          as it would be under another label
  formake plan --exit-code                           for scripts: exit 3 where work is needed
  formake plan --label pr-42 --format markdown       for a pull request: what its changes come down to
  formake plan --label pr-42 --format mermaid        a picture of what they reach
  formake plan -o plan.json                          saved, for `formake apply plan.json`")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// Show every identity, however many there are
    #[arg(long)]
    all: bool,
    /// How to write the plan; `markdown` is for the comment of a pull request
    #[arg(long, default_value = "text", conflicts_with = "json")]
    format: Format,
    /// The same as --format json
    #[arg(long)]
    json: bool,
    /// Exit with 3 where anything would run, may run or be reused
    #[arg(long)]
    exit_code: bool,
    /// Save the plan, with all that it was decided on, for `formake apply`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
    Markdown,
    Mermaid,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let (workspace, request) = (session.workspace()?, arguments.targets.request());
    let planned = match &arguments.output {
        Some(file) => workspace.save_plan(&request, &session.dir.join(file))?,
        None => workspace.plan(&request)?,
    };
    let format = if arguments.json { Format::Json } else { arguments.format };
    let rows = match (&planned.review, format) {
        (Some(review), Format::Markdown) => workspace.rows_against_base(&review.label, &review.base),
        _ => Vec::new(),
    };
    show_with(&planned, &rows, format, arguments.all, session)?;
    if let (Some(file), Format::Text) = (&arguments.output, format) {
        let file = units::shell(&file.display().to_string());
        session.terminal.print(&format!("Saved: `formake apply {file}` builds just that.\n"))?;
    }
    Ok(exit(&planned, arguments.exit_code))
}

pub fn show(planned: &Planned, format: Format, all: bool, session: &Session) -> std::io::Result<()> {
    show_with(planned, &[], format, all, session)
}

fn show_with(planned: &Planned, rows: &[(Identity, RowDiff)], format: Format, all: bool, session: &Session) -> std::io::Result<()> {
    let Planned { plan, graph, review, .. } = planned;
    let terminal = &session.terminal;
    let review = review.as_ref();
    match format {
        Format::Text => terminal.print(&review::text(plan, review, &terminal.look, all)),
        Format::Json => terminal.print_json(&review::json(plan, review)),
        Format::Markdown => terminal.print(&comment::render(plan, graph, review, rows)),
        Format::Mermaid => {
            let picture = review.map_or_else(|| picture::of_graph(graph), |review| affected::of_review(plan, graph, review));
            terminal.print(&mermaid::render(&picture))
        }
    }
}

/// What is blocked, not permitted or would break counts in any case; work only where `--exit-code` asks for it.
pub fn exit(planned: &Planned, asked: bool) -> Exit {
    let plan = &planned.plan;
    let blocked = (plan.counts.blocked > 0).then_some(Exit::Blocked);
    let breaks = planned.review.as_ref().is_some_and(|review| review.breaks.would_break()).then_some(Exit::WouldBreak);
    let work = (asked && plan.work_needed()).then_some(Exit::WorkNeeded);
    let refused = (!plan.not_permitted.is_empty()).then_some(Exit::NotPermitted);
    Exit::first(blocked.into_iter().chain(breaks).chain(work).chain(refused))
}
