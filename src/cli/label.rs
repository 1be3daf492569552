//! `formake label`: the environments over the same identities.

use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::diagnostic::Diagnostic;
use crate::report::label;

/// List, show and drop labels
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  formake label ls            all labels: what each has of its own, and when it expires
  formake label show pr-42    what pr-42 has, and where its base differs
  formake label drop pr-42    take it all away; the bytes go with `formake gc`"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Ls(Ls),
    Show(Show),
    Drop(Drop),
}

/// List labels: what each has of its own, its base, when it expires
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake label ls
  formake label ls --all    also those that were dropped")]
struct Ls {
    /// Also labels that have nothing any more, and that nothing names
    #[arg(long)]
    all: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Show a label: settings, what it has of its own beside its base, promotions
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake label show pr-42
  formake label show prod --json")]
struct Show {
    label: String,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Take away all that a label has of its own, holds too; nothing is deleted
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake label drop pr-42
  formake label drop pr-42 --yes    without being asked

A label with a base then reads what the base has. The history stays, and `formake gc` removes the bytes when `keep:` of
formake.yaml no longer keeps them. A label that is another one's base, or protected, is not dropped.")]
struct Drop {
    label: String,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    match &arguments.command {
        Command::Ls(arguments) => ls(arguments, session),
        Command::Show(arguments) => show(arguments, session),
        Command::Drop(arguments) => drop(arguments, session),
    }
}

fn ls(arguments: &Ls, session: &Session) -> Outcome {
    let labels = session.workspace()?.labels()?;
    let terminal = &session.terminal;
    if arguments.json {
        terminal.print_json(&label::list_json(&labels))?;
    } else {
        terminal.print(&label::list_text(&labels, &terminal.look, arguments.all))?;
    }
    Ok(Exit::Done)
}

fn show(arguments: &Show, session: &Session) -> Outcome {
    let view = session.workspace()?.label_view(&arguments.label)?;
    let terminal = &session.terminal;
    if arguments.json {
        terminal.print_json(&label::show_json(&view))?;
    } else {
        terminal.print(&label::show_text(&view, &terminal.look))?;
    }
    Ok(Exit::Done)
}

fn drop(arguments: &Drop, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let dropping = workspace.dropping(&arguments.label)?;
    let terminal = &session.terminal;
    if dropping.is_empty() {
        terminal.print(&format!("{} has nothing of its own.\n", dropping.label.label))?;
        return Ok(Exit::Done);
    }
    terminal.complain(&label::dropping_text(&dropping, &terminal.error_look));
    workspace.may_drop(&dropping)?;
    if !arguments.yes {
        if !terminal.interactive {
            return Err(Diagnostic::error("E0807", "dropping a label asks first, and nobody is there to answer")
                .help("add `--yes`")
                .into());
        }
        if !terminal.confirm("Drop it?")? {
            terminal.print("Nothing was changed.\n")?;
            return Ok(Exit::Done);
        }
    }
    workspace.drop_label(&dropping)?;
    terminal.print(&format!("{} is dropped: {}.\n", dropping.label.label, dropping.in_short()))?;
    Ok(Exit::Done)
}
