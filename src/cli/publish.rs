//! `formake publish`: data that no formula makes.

use std::path::PathBuf;

use super::exit::Exit;
use super::session::{Outcome, Session};
use super::subject::Subject;
use crate::quality::Verdict;
use crate::report::verdicts;

/// Take files in as what an identity stands for
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake publish targets@2024-01 plan.csv          of a source without a path
  formake publish seed@2024-01-01 part1.csv part2.csv
  formake publish report@2024-01 fixed.csv --hold --because \"numbers of the audit\"

The files are copied; they may go afterwards. What a formula makes can only be published with --hold: it then stays
as it is, whatever changes, until `formake release`.")]
pub struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// A file or a folder; several files become a folder
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Keep it as it is until it is released
    #[arg(long, requires = "because")]
    hold: bool,
    /// Why it is held; every plan says so
    #[arg(long, value_name = "TEXT", requires = "hold")]
    because: Option<String>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let files: Vec<PathBuf> = arguments.files.iter().map(|file| session.dir.join(file)).collect();
    let subject = &arguments.subject;
    let (identity, report) = session.workspace()?.publish(&subject.target, subject.label(), &files, arguments.because.as_deref())?;
    let look = &session.terminal.look;
    let held = if arguments.hold { ", and held" } else { "" };
    session.terminal.print(&format!("{} is published{held}.\n", look.name(&identity.to_string())))?;
    let warnings: Vec<Verdict> = report.warnings().cloned().collect();
    if !warnings.is_empty() {
        let lines = verdicts::lines(&warnings, look);
        session
            .terminal
            .print(&format!("Its contract warns:\n{}\n", lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")))?;
    }
    Ok(Exit::Done)
}
