//! `formake contract`: what dataset classes promise.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::Exit;
use super::session::{Outcome, Session, file_problem};
use crate::diagnostic::Diagnostic;
use crate::report::{units, verdicts};
use crate::workspace::contracts::class_of;
use crate::workspace::quality::has_errors;

/// Check data against contracts, and write contracts from data
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  formake contract infer churn_features --write     a first contract, from the newest snapshot
  formake contract check churn_features@2024-01     what it stands for, held to the contract as it is now
  formake contract check new.csv --class Customers  a file that is in no catalog
  formake contract ls                               which dataset classes have one

Contracts are files of the Open Data Contract Standard, one per dataset class, in contracts/. A build checks every source and
every output before anybody can read it."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Ls(Ls),
    Check(Check),
    Infer(Infer),
}

/// List dataset classes with their contracts, and those without one
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake contract ls
  formake contract ls --json")]
struct Ls {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Hold snapshots, or a file, to a contract
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake contract check churn_features@2024-01-01     one identity
  formake contract check churn_features --label pr-42  all of a class, under a label
  formake contract check new.csv --class Customers     a file that is in no catalog
  formake contract check contracts/Customers.yaml      a contract, and what its class stands for

What is found is recorded and shown by `formake show`. No pointer moves: what must not be used any more is invalidated
(`formake invalidate`). Exit code 1: a rule of severity error is broken.")]
struct Check {
    /// A target; or a data file; or a contract
    #[arg(value_name = "TARGET|FILE")]
    subject: String,
    /// The class of a data file
    #[arg(long)]
    class: Option<String>,
    /// The label of a target that names none
    #[arg(long)]
    label: Option<String>,
    /// Also the rules that hold
    #[arg(long)]
    all: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Write a contract as a snapshot suggests it
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake contract infer Customers              print it
  formake contract infer Customers --write      into contracts/Customers.yaml; a file that is there stays
  formake contract infer Customers@2024-01-01   from this snapshot, not the newest")]
struct Infer {
    target: String,
    /// The label of a target that names none
    #[arg(long)]
    label: Option<String>,
    /// Write it where it belongs
    #[arg(short, long)]
    write: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    match &arguments.command {
        Command::Ls(arguments) => list(arguments, session),
        Command::Check(arguments) => check(arguments, session),
        Command::Infer(arguments) => infer(arguments, session),
    }
}

fn list(arguments: &Ls, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let (contracts, said) = workspace.check_contracts()?;
    let program = workspace.program()?;
    let terminal = &session.terminal;
    if arguments.json {
        terminal.print_json(&verdicts::contracts_json(&contracts, &program))?;
        return Ok(Exit::Done);
    }
    session.show(&said);
    terminal.print(&verdicts::contracts_text(&contracts, &program, &terminal.look))?;
    Ok(if has_errors(&said) { Exit::of(&said) } else { Exit::Done })
}

fn check(arguments: &Check, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let terminal = &session.terminal;
    let path = session.dir.join(&arguments.subject);
    if let Some(class) = contract_of(&arguments.subject, &path) {
        let (contracts, mut said) = workspace.check_contracts()?;
        let file = contracts.of(&class).map(|contract| contract.file.clone());
        let is_its = |d: &Diagnostic| {
            d.labels.iter().any(|(place, _)| Path::new(&*place.file).file_name() == path.file_name())
                || file.as_ref().is_some_and(|file| d.message.contains(file))
        };
        said.retain(is_its);
        if has_errors(&said) || contracts.of(&class).is_none() {
            session.show(&said);
            return Ok(Exit::of(&said));
        }
        if !arguments.json {
            session.show(&said);
        }
        return snapshots(&class, arguments, session, true);
    }
    if arguments.class.is_none() && !path.is_file() {
        return snapshots(&arguments.subject, arguments, session, false);
    }
    let Some(class) = &arguments.class else {
        return Err(Diagnostic::error("E1064", format!("`{}` is a file, and no class is named", arguments.subject))
            .help(format!(
                "say whose contract it is to be held to: `formake contract check {} --class CLASS`",
                units::shell(&arguments.subject)
            ))
            .into());
    };
    let (contract, report) = workspace.check_file(&path, class)?;
    if arguments.json {
        terminal.print_json(&json!({
            "schema": "formake.contract/1",
            "checked": [{ "file": arguments.subject, "class": class, "contract": contract.file, "verdicts": report.verdicts }],
        }))?;
    } else {
        terminal.print(&verdicts::text(&arguments.subject, &contract.file, &report, arguments.all, &terminal.look))?;
    }
    Ok(if report.blocks() { Exit::Failed } else { Exit::Done })
}

/// The class of a contract's file.
fn contract_of(subject: &str, path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let class = class_of(name)?;
    (path.is_file() && subject.contains('.')).then(|| class.to_string())
}

/// `may_be_none`: that nothing stands is no error.
fn snapshots(text: &str, arguments: &Check, session: &Session, may_be_none: bool) -> Outcome {
    let terminal = &session.terminal;
    let workspace = session.workspace()?;
    let checked = match workspace.check_snapshots(text, arguments.label.as_deref()) {
        Err(failure) if may_be_none && failure.diagnostics.iter().all(|d| d.code == "E0616") => Vec::new(),
        checked => checked?,
    };
    let contracts = workspace.contracts()?;
    let file = |class: &str| contracts.of(class).map(|contract| contract.file.clone()).unwrap_or_default();
    if arguments.json {
        let checked: Vec<_> = (checked.iter())
            .map(|one| {
                json!({
                    "identity": one.reading.identity,
                    "snapshot": one.reading.pointer.snapshot.id,
                    "class": &*one.reading.identity.class,
                    "contract": file(&one.reading.identity.class),
                    "verdicts": one.report.verdicts,
                })
            })
            .collect();
        terminal.print_json(&json!({ "schema": "formake.contract/1", "checked": checked }))?;
    } else {
        for one in &checked {
            let identity = &one.reading.identity;
            terminal.print(&verdicts::text(&identity.to_string(), &file(&identity.class), &one.report, arguments.all, &terminal.look))?;
        }
        if checked.is_empty() {
            terminal.print("No mistakes in the contract; nothing stands that it could be held to.\n")?;
        } else if checked.len() > 1 {
            let broken = checked.iter().filter(|one| one.report.blocks()).count();
            terminal.print(&format!("{} checked, {broken} of them broken.\n", units::count(checked.len(), "snapshot")))?;
        }
    }
    Ok(if checked.iter().any(|one| one.report.blocks()) { Exit::Failed } else { Exit::Done })
}

fn infer(arguments: &Infer, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let (file, text) = workspace.infer_contract(&arguments.target, arguments.label.as_deref())?;
    if !arguments.write {
        session.terminal.print(&text)?;
        return Ok(Exit::Done);
    }
    let path: PathBuf = workspace.root.join(&file);
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| {
        let mut new = std::fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
        new.write_all(text.as_bytes())
    });
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Diagnostic::error("E1065", format!("`{file}` is there already"))
                .help("without --write, what would be written is printed")
                .into())
        }
        Err(error) => Err(file_problem("written", &path, &error)),
        Ok(()) => {
            let look = &session.terminal.look;
            session.terminal.print(&format!("Wrote {}: read it, and change what it should not promise.\n", look.name(&file)))?;
            Ok(Exit::Done)
        }
    }
}
