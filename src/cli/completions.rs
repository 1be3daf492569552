//! `formake completions`: words that the shell completes.

use super::exit::Exit;
use super::session::{Outcome, Session};

/// Write shell completions to stdout
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake completions bash > ~/.local/share/bash-completion/completions/formake
  formake completions zsh  > ~/.zfunc/_formake
  formake completions fish > ~/.config/fish/completions/formake.fish")]
pub struct Arguments {
    shell: clap_complete::Shell,
}

pub fn run(arguments: &Arguments, command: &mut clap::Command, session: &Session) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "formake", &mut script);
    session.terminal.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
