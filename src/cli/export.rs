//! `formake export`: copies for the world outside.

use std::path::PathBuf;

use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::report::units;

/// Copy snapshots to a folder
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake export report@2024-01 out                    out/report@2024-01.csv
  formake export report@2024-01..2024-03:prod out      three files")]
pub struct Arguments {
    /// An identity, or a target that stands for several
    #[arg(value_name = "TARGET")]
    target: String,
    /// Made where it does not exist; nothing in it is overwritten
    folder: PathBuf,
    /// The label of a target that names none
    #[arg(long)]
    label: Option<String>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let folder = session.dir.join(&arguments.folder);
    let written = session.workspace()?.export(&arguments.target, arguments.label.as_deref(), &folder)?;
    session.terminal.print(&format!("{} in {}\n", units::count(written.len(), "snapshot"), arguments.folder.display()))?;
    Ok(Exit::Done)
}
