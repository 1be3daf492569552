//! `formake explain`: an error's code in words.

use super::exit::Exit;
use super::session::{Outcome, Session};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::codes::{CODES, Kind};

const MANUAL: &str = include_str!("../../docs/errors.md");

/// Say what an error code means
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake explain E0601    one code
  formake explain          all codes")]
pub struct Arguments {
    /// A code as errors show it
    code: Option<String>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let look = &session.terminal.look;
    let Some(asked) = &arguments.code else {
        let list: String = CODES.iter().map(|(code, _, meaning)| format!("{}  {meaning}\n", look.strong(code))).collect();
        session.terminal.print(&list)?;
        return Ok(Exit::Done);
    };
    let asked = asked.to_uppercase();
    let Some((code, kind, meaning)) = CODES.iter().find(|(code, ..)| *code == asked) else {
        let problem = Diagnostic::error("E0906", format!("`{asked}` is not an error code"));
        return Err(problem.help("`formake explain` lists all codes").into());
    };
    let exit = Exit::of_code(code).code();
    let text = format!("{}: {meaning}\n\n{}It is {}; the exit code is {exit}.\n", look.strong(code), advice(code), words(*kind));
    session.terminal.print(&text)?;
    Ok(Exit::Done)
}

/// What the manual says of a code below its meaning, as a paragraph; nothing where it says nothing.
fn advice(code: &str) -> String {
    let entry = format!("- **{code}** ");
    let below = MANUAL.lines().skip_while(|line| !line.starts_with(&entry)).skip(1).take_while(|line| line.starts_with("  "));
    let lines: Vec<&str> = below.map(str::trim).collect();
    if lines.is_empty() { String::new() } else { format!("{}\n\n", lines.join("\n")) }
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Usage => "an error in a command, a formula or the configuration",
        Kind::Permission => "something that is not permitted",
        Kind::Blocked => "something needed that cannot be provided",
        Kind::Failed => "a job or a check that failed",
        Kind::World => "the world not doing its part: a disk, the catalog, another process",
        Kind::Bug => "a mistake of formake's own: please report it",
    }
}
