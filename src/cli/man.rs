//! `formake man`: the help texts as manual pages.

use std::fs;
use std::path::PathBuf;

use super::exit::Exit;
use super::session::{Outcome, Session, Stop, file_problem};

/// Write manual pages: one per command into a folder, or the first to stdout
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake man ~/.local/share/man/man1    a page per command
  formake man | man -l -                 read the first one now")]
pub struct Arguments {
    /// Where `formake.1`, `formake-build.1`, … are written
    folder: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, command: clap::Command, session: &Session) -> Outcome {
    let Some(folder) = &arguments.folder else {
        session.terminal.print(&page(&command)?)?;
        return Ok(Exit::Done);
    };
    let folder = session.dir.join(folder);
    fs::create_dir_all(&folder).map_err(|error| file_problem("made", &folder, &error))?;
    clap_mangen::generate_to(command, &folder).map_err(|error| file_problem("written", &folder, &error))?;
    session.terminal.print(&format!(
        "The pages are in {}; read the first with: man {}\n",
        folder.display(),
        folder.join("formake.1").display()
    ))?;
    Ok(Exit::Done)
}

fn page(command: &clap::Command) -> Result<String, Stop> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
