//! `formake fmt`: the one canonical layout of formula files.

use std::fs;
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::session::{Outcome, Session, Stop, file_problem};
use crate::diagnostic::Diagnostic;
use crate::formula::ast::FileId;
use crate::formula::{format, parse};

/// Lay out formula files in the one canonical way
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake fmt                      every formula file of the project
  formake fmt teams/*.formula      these
  formake fmt --check              change nothing; exit 1 if a file is not laid out so

What a formula means never changes by its layout, and comments are kept.")]
pub struct Arguments {
    /// Formula files; all of the project's where none is named
    files: Vec<PathBuf>,
    /// Change nothing; name the files that are not laid out canonically, and exit with 1 if there are any
    #[arg(long)]
    check: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let files =
        if arguments.files.is_empty() { project_files(session)? } else { arguments.files.iter().map(|f| session.dir.join(f)).collect() };
    let mut problems = Vec::new();
    let mut other = Vec::new();
    for path in &files {
        let text = fs::read_to_string(path).map_err(|error| file_problem("read", path, &error))?;
        match laid_out(&shown(path, session), &text) {
            Err(errors) => problems.extend(errors),
            Ok(canonical) if canonical == text => {}
            Ok(canonical) => {
                if !arguments.check {
                    replace(path, &canonical)?;
                }
                other.push(shown(path, session));
            }
        }
    }
    let look = &session.terminal.look;
    for name in &other {
        let verb = if arguments.check { "not canonical" } else { "laid out" };
        session.terminal.print(&format!("{} {name}\n", look.faint(verb)))?;
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    if other.is_empty() {
        session.terminal.print("Nothing to do: every file is laid out canonically.\n")?;
    }
    Ok(if arguments.check && !other.is_empty() { Exit::Failed } else { Exit::Done })
}

/// The canonical text, or what is wrong with this one.
fn laid_out(name: &str, text: &str) -> Result<String, Vec<Diagnostic>> {
    let (file, errors) = parse::parse(FileId(0), text);
    if errors.is_empty() { Ok(format::format(text, &file)) } else { Err(errors.iter().map(|e| e.diagnostic(&name.into())).collect()) }
}

/// A crash in the middle must not cost anybody a formula file.
fn replace(path: &Path, text: &str) -> Result<(), Stop> {
    let problem = |error: std::io::Error| file_problem("written", path, &error);
    let target = fs::canonicalize(path).map_err(problem)?;
    let temporary = target.with_extension("formula.formatting");
    fs::write(&temporary, text).map_err(problem)?;
    fs::set_permissions(&temporary, fs::metadata(&target).map_err(problem)?.permissions()).map_err(problem)?;
    fs::rename(&temporary, &target).map_err(problem)
}

/// As messages name it: relative to the project's root where it is below it.
fn shown(path: &Path, session: &Session) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let root = session.root().ok();
    let short = root.as_ref().and_then(|root| absolute.strip_prefix(root).ok()).unwrap_or(&absolute);
    short.display().to_string()
}

/// All formula files that the project's formulas are read from.
fn project_files(session: &Session) -> Result<Vec<PathBuf>, Stop> {
    let workspace = session.workspace()?;
    let mut names = workspace.formula_files();
    names.dedup();
    Ok(names.iter().map(|name| workspace.root.join(name)).collect())
}
