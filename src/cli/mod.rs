//! The command line: one thin file per command, each reading its arguments, making one call on the workspace and one on the report.

pub mod exit;
pub mod terminal;
pub mod session;
mod help;
mod targets;
mod as_of;
mod init;
mod check;
mod fmt;
mod plan;
mod build;
mod apply;
mod subject;
mod why;
mod ls;
mod show;
mod path;
mod query;
mod shell;
mod diff;
mod lineage;
mod graph;
mod log;
mod history;
mod publish;
mod release;
mod invalidate;
mod bless;
mod verify;
mod promote;
mod rollback;
mod export;
mod contract;
mod label;
mod gc;
mod explain;
mod completions;
mod man;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use exit::Exit;
use session::{Outcome, Session, Stop};
use terminal::{Color, Terminal};

/// Make for immutable data
///
/// Formake reads formulas (what is made from what), plans what is out of date and why, makes just that, and keeps every snapshot it
/// ever made with what it was made from.
#[derive(Parser, Debug)]
#[command(name = "formake", version, styles = help::STYLES, subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
struct Arguments {
    /// Run as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true, default_value = ".", hide_default_value = true)]
    dir: PathBuf,
    /// When to use colour
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Init(init::Arguments),
    Check(check::Arguments),
    Fmt(fmt::Arguments),
    Plan(plan::Arguments),
    Build(build::Arguments),
    Apply(apply::Arguments),
    Why(why::Why),
    WhyNot(why::WhyNot),
    Ls(ls::Arguments),
    Show(show::Arguments),
    Path(path::Arguments),
    Query(query::Arguments),
    Shell(shell::Arguments),
    Diff(diff::Arguments),
    Lineage(lineage::Arguments),
    Graph(graph::Arguments),
    Log(log::Arguments),
    History(history::Arguments),
    Publish(publish::Arguments),
    Release(release::Arguments),
    Invalidate(invalidate::Arguments),
    Bless(bless::Arguments),
    Verify(verify::Arguments),
    Promote(promote::Arguments),
    Rollback(rollback::Arguments),
    Export(export::Arguments),
    Contract(contract::Arguments),
    Label(label::Arguments),
    Gc(gc::Arguments),
    Explain(explain::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

fn command() -> clap::Command {
    help::arranged(Arguments::command())
}

fn dispatch(command: &Command, session: &Session) -> Outcome {
    match command {
        Command::Init(arguments) => init::run(arguments, session),
        Command::Check(arguments) => check::run(arguments, session),
        Command::Fmt(arguments) => fmt::run(arguments, session),
        Command::Plan(arguments) => plan::run(arguments, session),
        Command::Build(arguments) => build::run(arguments, session),
        Command::Apply(arguments) => apply::run(arguments, session),
        Command::Why(arguments) => why::why(arguments, session),
        Command::WhyNot(arguments) => why::why_not(arguments, session),
        Command::Ls(arguments) => ls::run(arguments, session),
        Command::Show(arguments) => show::run(arguments, session),
        Command::Path(arguments) => path::run(arguments, session),
        Command::Query(arguments) => query::run(arguments, session),
        Command::Shell(arguments) => shell::run(arguments, session),
        Command::Diff(arguments) => diff::run(arguments, session),
        Command::Lineage(arguments) => lineage::run(arguments, session),
        Command::Graph(arguments) => graph::run(arguments, session),
        Command::Log(arguments) => log::run(arguments, session),
        Command::History(arguments) => history::run(arguments, session),
        Command::Publish(arguments) => publish::run(arguments, session),
        Command::Release(arguments) => release::run(arguments, session),
        Command::Invalidate(arguments) => invalidate::run(arguments, session),
        Command::Bless(arguments) => bless::run(arguments, session),
        Command::Verify(arguments) => verify::run(arguments, session),
        Command::Promote(arguments) => promote::run(arguments, session),
        Command::Rollback(arguments) => rollback::run(arguments, session),
        Command::Export(arguments) => export::run(arguments, session),
        Command::Contract(arguments) => contract::run(arguments, session),
        Command::Label(arguments) => label::run(arguments, session),
        Command::Gc(arguments) => gc::run(arguments, session),
        Command::Explain(arguments) => explain::run(arguments, session),
        Command::Completions(arguments) => completions::run(arguments, &mut self::command(), session),
        Command::Man(arguments) => man::run(arguments, self::command(), session),
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(tell_bug));
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Exit::Failed).into()
}

fn run() -> Exit {
    let arguments = match command().try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` come this way too. Where nobody reads, there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let session = Session { dir: arguments.dir, terminal: Terminal::new(arguments.color) };
    match dispatch(&arguments.command, &session) {
        Ok(exit) => exit,
        Err(Stop::PipeClosed) => Exit::Done,
        Err(Stop::Problems(problems)) => {
            session.show(&problems);
            Exit::of(&problems)
        }
    }
}

/// A panic is a mistake of ours: one line for people, the backtrace for who asks for it.
fn tell_bug(info: &PanicHookInfo) {
    let what = info.payload();
    let what = what.downcast_ref::<&str>().map(ToString::to_string).or_else(|| what.downcast_ref::<String>().cloned());
    let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line())).unwrap_or_default();
    let mut stderr = std::io::stderr().lock();
    // Where nobody listens there is nobody to tell, and a panic in here would end the process at once.
    let _ = writeln!(
        stderr,
        "a bug in formake: {}{place}. Please report it with the command you ran and what `formake --version` says; \
         RUST_BACKTRACE=1 shows where it happened.",
        what.unwrap_or_default()
    );
    let backtrace = std::backtrace::Backtrace::capture();
    if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
        let _ = writeln!(stderr, "{backtrace}");
    }
}
