//! `formake check`: compile, and say everything that is wrong.

use serde_json::json;

use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::diagnostic::render;
use crate::report::units;

/// Check formulas and settings without building anything
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake check           all mistakes at once, with places and ways out
  formake check --json    for editors and CI")]
pub struct Arguments {
    /// Write the problems as JSON to stdout
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let mut compiled = workspace.compile();
    let (contracts, said) = workspace.check_contracts()?;
    compiled.diagnostics.extend(said);
    let exit = Exit::of(&compiled.diagnostics);
    if arguments.json {
        let texts = |name: &str| std::fs::read_to_string(workspace.root.join(name)).ok();
        let problems = render::to_json(&compiled.diagnostics, &texts);
        session.terminal.print_json(&json!({ "schema": "formake.check/1", "problems": problems }))?;
        return Ok(exit);
    }
    session.show(&compiled.diagnostics);
    if exit == Exit::Done {
        let program = &compiled.program;
        let counts = [
            (program.formulas.len(), "formula"),
            (program.sources.len(), "source"),
            (program.classes.len(), "dataset class"),
            (contracts.iter().count(), "contract"),
        ];
        let counts = counts.iter().filter(|(n, noun)| *n > 0 || *noun != "contract").map(|(n, noun)| units::count(*n, noun));
        session.terminal.print(&format!("{}: no mistakes.\n", counts.collect::<Vec<_>>().join(", ")))?;
    }
    Ok(exit)
}
