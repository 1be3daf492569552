//! The terminal, or the pipe, at the other end: the only place that asks for colour, width, time zone, and whether a person is there.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use jiff::tz::TimeZone;

use crate::report::look::Look;

/// Width where no terminal says one.
const WIDTH: usize = 100;

/// When to colour.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Color {
    // In a terminal, unless NO_COLOR or TERM=dumb says otherwise; in a pipe where CLICOLOR_FORCE is set.
    #[default]
    Auto,
    Always,
    Never,
}

pub struct Terminal {
    /// For stdout.
    pub look: Look,
    /// For stderr.
    pub error_look: Look,
    /// Bars may be drawn on stdout.
    pub moving: bool,
    /// A person can answer.
    pub interactive: bool,
}

impl Terminal {
    pub fn new(color: Color) -> Self {
        match color {
            Color::Auto => {}
            Color::Always => ColorChoice::Always.write_global(),
            Color::Never => ColorChoice::Never.write_global(),
        }
        let width = terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0).max(40));
        let colored = |choice: ColorChoice| choice != ColorChoice::Never;
        let look = Look { color: colored(AutoStream::choice(&io::stdout())), width, zone: TimeZone::system() };
        let error_look = Look { color: colored(AutoStream::choice(&io::stderr())), ..look.clone() };
        #[allow(clippy::disallowed_methods)]
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            look,
            error_look,
            moving: io::stdout().is_terminal() && !dumb,
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
        }
    }

    /// Writes to stdout.
    pub fn print(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Writes a JSON document to stdout, indented for people.
    pub fn print_json(&self, value: &serde_json::Value) -> io::Result<()> {
        self.print(&format!("{value:#}\n"))
    }

    /// Writes to stderr. Where nobody listens there is nobody to tell.
    pub fn complain(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Asks a question that is answered with yes or no; no where nobody can answer.
    pub fn confirm(&self, question: &str) -> io::Result<bool> {
        if !self.interactive {
            return Ok(false);
        }
        self.complain(&format!("{question} [y/N] "));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }
}
