//! `formake build`: plan, then make what must be made.

use std::io;
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::exit::Exit;
use super::plan;
use super::session::{Outcome, Session, file_problem};
use super::targets::Targets;
use crate::executor::Cancel;
use crate::report::progress::Progress;
use crate::run::{Event, Summary};
use crate::workspace::Failure;
use crate::workspace::build::BuildOptions;

/// Make what is missing or no longer valid
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake build                                      the project's targets
  formake build report@2024-01                       one identity, and all that it needs
  formake build report@2024-01-01..2024-01-31 -j 8   a range, eight jobs at a time
  formake build daily --available                    what can be provided of it
  formake build --label pr-42                        under another label
  formake build --dry-run                            the same as `formake plan`

Interrupting is safe: what was made stays, what was running leaves nothing.")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// Show the plan and stop
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// After a failure, go on with what does not depend on it
    #[arg(short, long)]
    keep_going: bool,
    /// Write events as JSON lines, the summary last; with --dry-run, the plan
    #[arg(long)]
    json: bool,
    /// With --dry-run: exit with 3 where work is needed
    #[arg(long, requires = "dry_run")]
    exit_code: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let request = arguments.targets.request();
    if arguments.dry_run {
        let planned = workspace.plan(&request)?;
        let format = if arguments.json { plan::Format::Json } else { plan::Format::Text };
        plan::show(&planned, format, false, session)?;
        return Ok(plan::exit(&planned, arguments.exit_code));
    }
    let options = BuildOptions { keep_going: arguments.keep_going, ..BuildOptions::default() };
    watched(session, arguments.json, |cancel, events| workspace.build(&request, &options, cancel, events))
}

/// What builds, with its progress shown, and signals listened to.
pub fn watched(session: &Session, json: bool, build: impl FnOnce(&Cancel, &mut dyn FnMut(&Event)) -> Result<Summary, Failure>) -> Outcome {
    let cancel = Arc::new(Cancel::new());
    listen(&cancel).map_err(|error| file_problem("listened to", "signals".as_ref(), &error))?;
    let terminal = &session.terminal;
    let mut out = io::stdout();
    let mut progress = match (json, terminal.moving) {
        (true, _) => Progress::json(&mut out),
        (false, true) => Progress::bars(terminal.look.clone()),
        (false, false) => Progress::lines(&mut out, terminal.look.clone()),
    };
    let mut impossible = 0;
    let summary = build(&cancel, &mut |event| {
        if let Event::Started { blocked, .. } = event {
            impossible = *blocked;
        }
        // A build goes on when nobody reads any more.
        let _ = progress.event(event);
    })?;
    Ok(exit(&summary, impossible))
}

/// `impossible`: jobs that were blocked before anything ran.
fn exit(summary: &Summary, impossible: usize) -> Exit {
    let interrupted = summary.interrupted.then_some(Exit::Interrupted);
    let failed = (summary.failed > 0).then_some(Exit::Failed);
    let blocked = (impossible > 0 || (summary.failed == 0 && summary.blocked > 0)).then_some(Exit::Blocked);
    Exit::first(interrupted.into_iter().chain(failed).chain(blocked))
}

/// The first signal ends the build in good order, the second one at once.
pub fn listen(cancel: &Arc<Cancel>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let cancel = Arc::clone(cancel);
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if cancel.is_cancelled() {
                std::process::exit(Exit::Interrupted.code().into());
            }
            cancel.cancel();
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failure_blocks_is_a_failure() {
        let summary = |failed, blocked| Summary { failed, blocked, ..Summary::default() };
        assert_eq!(exit(&summary(1, 3), 0), Exit::Failed);
        assert_eq!(exit(&summary(1, 3), 1), Exit::Blocked);
        assert_eq!(exit(&summary(0, 1), 0), Exit::Blocked);
        assert_eq!(exit(&summary(0, 0), 0), Exit::Done);
        assert_eq!(exit(&Summary { interrupted: true, failed: 1, ..Summary::default() }, 1), Exit::Interrupted);
    }
}
