//! `formake init`: a small project that works.

use std::fs;
use std::path::PathBuf;

use super::exit::Exit;
use super::session::{Outcome, ROOT_FILES, Session, file_problem};
use crate::diagnostic::Diagnostic;

/// Write a small working project: two formulas, two days of data
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake init            in the current folder
  formake init shop       in a new folder

Nothing that exists is overwritten.")]
pub struct Arguments {
    /// The project's folder; it is made where it does not exist
    #[arg(default_value = ".")]
    folder: PathBuf,
}

/// Path, content, and what it is, for those worth a word.
const FILES: [(&str, &str, &str); 6] = [
    ("formake.yaml", include_str!("template/formake.yaml"), "settings: where data lives, what is built by default"),
    ("pipeline.formula", include_str!("template/pipeline.formula"), "what is made from what"),
    ("jobs/monthly_report.sql", include_str!("template/jobs/monthly_report.sql"), "a recipe in its own file"),
    ("raw/sales/2024-01-01.csv", include_str!("template/raw/sales/2024-01-01.csv"), "data that comes from outside"),
    ("raw/sales/2024-01-02.csv", include_str!("template/raw/sales/2024-01-02.csv"), ""),
    (".gitignore", include_str!("template/gitignore"), ""),
];

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let here = arguments.folder.as_os_str() == ".";
    let root = if here { session.dir.clone() } else { session.dir.join(&arguments.folder) };
    let taken: Vec<&str> = FILES.iter().map(|(path, ..)| *path).filter(|path| root.join(path).exists()).collect();
    if let Some(first) = taken.first() {
        let project = taken.iter().any(|path| ROOT_FILES.contains(path));
        let problem = Diagnostic::error("E0905", format!("{first} exists already in {}, and init overwrites nothing", root.display()));
        let help =
            if project { "this is a project already: look at it with `formake check`" } else { "name a new folder: `formake init NAME`" };
        return Err(problem.help(help).into());
    }
    for (path, content, _) in FILES {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| file_problem("made", parent, &error))?;
        }
        fs::write(&path, content).map_err(|error| file_problem("written", &path, &error))?;
    }
    let look = &session.terminal.look;
    let place = if here { "this folder".to_string() } else { arguments.folder.display().to_string() };
    let mut text = format!("A small project is in {place}:\n\n");
    for (path, _, what) in FILES.iter().filter(|(.., what)| !what.is_empty()) {
        text += &format!("  {path:<26} {}\n", look.faint(what));
    }
    text += "\nType next:\n\n";
    let enter = format!("cd {}", arguments.folder.display());
    for (command, what) in [
        (&*enter, ""),
        ("formake plan", "what would be made, and why"),
        ("formake build", "make it"),
        ("formake show monthly_report@2024-01", "what came out, and where it is"),
        ("formake plan", "nothing to do: change a file or a formula, and ask again"),
        ("formake plan --label pr-1", "what that change would make anew, beside prod"),
    ]
    .iter()
    .skip(usize::from(here))
    {
        let padding = " ".repeat(40_usize.saturating_sub(command.len()));
        text += format!("  {}{padding}{}", look.name(command), look.faint(what)).trim_end();
        text += "\n";
    }
    session.terminal.print(&text)?;
    Ok(Exit::Done)
}
