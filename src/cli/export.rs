//! `formake export`: copies for the world outside.

use std::path::PathBuf;

use super::as_of::AsOf;
use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::report::snapshots;

/// Copy snapshots to a folder
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake export report@2024-01 out                    out/report@2024-01.csv
  formake export report@2024-01..2024-03:prod out      three files
  formake export report@2024-01 then --as-of 3d        what it was three days ago")]
pub struct Arguments {
    /// An identity, or a target that stands for several
    #[arg(value_name = "TARGET")]
    target: String,
    /// Made where it does not exist; nothing in it is overwritten
    folder: PathBuf,
    /// The label of a target that names none
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    as_of: AsOf,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let folder = session.dir.join(&arguments.folder);
    let as_of = arguments.as_of.moment(&session.terminal.look.zone)?;
    let written = session.workspace()?.export(&arguments.target, arguments.label.as_deref(), as_of, &folder)?;
    session.terminal.print(&snapshots::exported(&written, &arguments.folder))?;
    Ok(Exit::Done)
}
