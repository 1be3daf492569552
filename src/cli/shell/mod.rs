//! `formake shell`: one query after the other.
//!
//! What is true here: a person gets an editor, a pipe gets neither prompt nor colour; what fails is told, and the next one is read.

mod complete;
mod editor;

use std::cell::OnceCell;
use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use self::complete::Names;
use self::editor::{Lines, Typed};
use super::as_of::AsOf;
use super::exit::Exit;
use super::query::{First, Format, LIMIT, print};
use super::session::{Outcome, Session, Stop, file_problem};
use crate::catalog::{Reading, Timestamp};
use crate::diagnostic::{Diagnostic, nearest};
use crate::report::query;
use crate::table::statements;
use crate::workspace::query::Asked;
use crate::workspace::scratch::Scratch;
use crate::workspace::{Workspace, clock, moment};

/// Ask snapshots in SQL, one query after the other; changes nothing
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake shell                      queries as in `formake query`, each up to its `;`; Tab completes
  formake shell --label pr-42        targets that name no label are those of pr-42
  formake shell < checks.sql         from a file or a pipe, without a prompt

In it, `.help` shows the commands; Ctrl-C gives up a query, Ctrl-D leaves.")]
pub struct Arguments {
    /// The label of targets that name none
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    as_of: AsOf,
    /// How to write rows
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

const HELP: &str = "\
A query is one SELECT, WITH or VALUES up to its `;`. Its tables are targets: daily, \"daily@2024-01-31\", \"daily@2024-01:pr-42\".

  .classes              dataset classes, and how many instances each has
  .columns TARGET       columns and their types
  .label LABEL          the label of targets that name none; without LABEL the project's own
  .as-of TIME           as it was then: `3d`, `2024-01-31T05:30`; without TIME as it is now
  .format FORMAT        table, csv or json
  .limit N              how many rows a table has at most; 0 is all of them
  .quit                 or Ctrl-D
";

struct Shell<'a> {
    session: &'a Session,
    workspace: &'a Workspace,
    scratch: Arc<Scratch>,
    label: Option<String>,
    as_of: Option<Timestamp>,
    format: Format,
    limit: usize,
    /// Queries and commands that failed.
    failed: Vec<Exit>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    refuse_parquet(arguments.format)?;
    let workspace = session.workspace()?;
    let scratch = Arc::new(workspace.scratch());
    let typed = io::stdin().is_terminal() && io::stdout().is_terminal();
    let mut shell = Shell {
        session,
        workspace: &workspace,
        scratch: scratch.clone(),
        label: arguments.label.clone(),
        as_of: arguments.as_of.moment(&session.terminal.look.zone)?,
        format: arguments.format,
        limit: LIMIT,
        failed: Vec::new(),
    };
    listen(&scratch, typed)?;
    let ended = if typed { shell.edited() } else { shell.piped() };
    match ended {
        Err(Stop::PipeClosed) | Ok(()) => Ok(if typed { Exit::Done } else { Exit::first(shell.failed) }),
        Err(stop) => Err(stop),
    }
}

fn refuse_parquet(format: Format) -> Result<(), Diagnostic> {
    match format {
        Format::Parquet => Err(Diagnostic::error("E0923", "the shell writes no Parquet").help("`formake query … -o rows.parquet` does")),
        _ => Ok(()),
    }
}

/// In an editor, the first Ctrl-C stops a query, the second one the shell. All else ends it at once.
fn listen(scratch: &Arc<Scratch>, typed: bool) -> Result<(), Stop> {
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]);
    let mut signals = signals.map_err(|error| file_problem("listened to", "signals".as_ref(), &error))?;
    let scratch = Arc::downgrade(scratch);
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let Some(scratch) = scratch.upgrade() else { return };
            if scratch.stop.swap(true, Ordering::Relaxed) || signal != SIGINT || !typed {
                scratch.clear();
                std::process::exit(Exit::Interrupted.code().into());
            }
        }
    });
    Ok(())
}

/// Whether there is more to come.
type Going = Result<bool, Stop>;

impl<'a> Shell<'a> {
    fn edited(&mut self) -> Result<(), Stop> {
        let unusable = |error: rustyline::error::ReadlineError| {
            Stop::from(Diagnostic::error("E0904", format!("the terminal cannot be used: {error}")).help("give the queries by a pipe"))
        };
        let look = &self.session.terminal.look;
        let history = clock::state_folder().map(|folder| folder.join("shell_history"));
        let mut lines = Lines::new(look, history).map_err(unusable)?;
        let head = format!("formake {}: SQL over snapshots. `.help` for help, Ctrl-D to leave.\n", env!("CARGO_PKG_VERSION"));
        self.session.terminal.print(&look.faint(&head))?;
        loop {
            let names = Known { workspace: self.workspace, label: self.label.clone(), as_of: self.as_of, standing: OnceCell::new() };
            match lines.next(&self.prompt(), Box::new(names)).map_err(unusable)? {
                Typed::Text(text) if !self.all(&text)? => return Ok(()),
                Typed::Text(_) | Typed::GivenUp => {}
                Typed::End => return Ok(()),
            }
        }
    }

    fn prompt(&self) -> String {
        let label = self.label.as_deref().unwrap_or(&self.workspace.config.settings.default_label);
        let then = if self.as_of.is_some() { " (as of then)" } else { "" };
        format!("{label}{then}> ")
    }

    /// A statement may have many lines; a command is one.
    fn piped(&mut self) -> Result<(), Stop> {
        let mut begun = String::new();
        for line in io::stdin().lock().lines() {
            let line = line.map_err(|error| file_problem("read", "stdin".as_ref(), &error))?;
            if begun.is_empty() && line.trim_start().starts_with('.') {
                if !self.command(line.trim())? {
                    return Ok(());
                }
                continue;
            }
            begun += &line;
            begun.push('\n');
            let (whole, rest) = statements(&begun);
            let (whole, rest): (Vec<String>, String) = (whole.into_iter().map(String::from).collect(), rest.into());
            if whole.is_empty() && !rest.is_empty() {
                continue;
            }
            for statement in whole {
                self.query(&statement)?;
            }
            begun = rest;
        }
        // The last one may end with the text.
        self.all(&begun).map(drop)
    }

    /// A command, or the statements of a text, the last of which may lack its `;`.
    fn all(&mut self, text: &str) -> Going {
        if text.trim_start().starts_with('.') {
            return self.command(text.trim());
        }
        let (whole, rest) = statements(text);
        for statement in whole.into_iter().chain(Some(rest.trim()).filter(|rest| !rest.is_empty())) {
            self.query(statement)?;
        }
        Ok(true)
    }

    fn query(&mut self, sql: &str) -> Result<(), Stop> {
        self.scratch.stop.store(false, Ordering::Relaxed);
        let session = self.session;
        let told = |problems: &[Diagnostic]| session.show_with(problems, ("query", sql));
        let asked = Asked { sql, name: "query", label: self.label.as_deref(), as_of: self.as_of };
        let first = First { rows: (self.limit > 0 && self.format == Format::Table).then_some(self.limit), more: ".limit" };
        let ran = self.workspace.ask(asked).map_err(Stop::from).and_then(|ready| {
            told(&ready.warnings);
            print(&ready, self.format, first, &session.terminal, &self.scratch)
        });
        match ran {
            Err(Stop::Problems(_)) if self.scratch.stop.load(Ordering::Relaxed) => session.terminal.complain("stopped\n"),
            Err(Stop::Problems(problems)) => {
                told(&problems);
                self.failed.push(Exit::of(&problems));
            }
            ran => return ran,
        }
        Ok(())
    }

    fn command(&mut self, line: &str) -> Going {
        self.scratch.stop.store(false, Ordering::Relaxed);
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        // Habit ends a line so.
        let rest = rest.trim().trim_end_matches(';').trim_end();
        if matches!(command.trim_end_matches(';'), ".quit" | ".exit") {
            return Ok(false);
        }
        match self.obey(command.trim_end_matches(';'), rest) {
            Err(Stop::Problems(problems)) => {
                self.session.show(&problems);
                self.failed.push(Exit::of(&problems));
                Ok(true)
            }
            done => done.map(|()| true),
        }
    }

    fn obey(&mut self, command: &str, rest: &str) -> Result<(), Stop> {
        let terminal = &self.session.terminal;
        match command {
            ".help" => terminal.print(HELP)?,
            ".classes" => {
                let label = self.label.as_deref().unwrap_or(&self.workspace.config.settings.default_label);
                terminal.print(&query::classes(&self.workspace.list(None, Some(label), false, self.as_of)?, &terminal.look))?;
            }
            ".columns" => {
                let target = rest.trim_matches('"');
                let sql = format!("SELECT * FROM {}", crate::table::identifier(target));
                let asked = Asked { sql: &sql, name: "", label: self.label.as_deref(), as_of: self.as_of };
                let cells = self.workspace.ask(asked).and_then(|ready| ready.cells(Some(0), &self.scratch.limits()));
                // Places in a text that nobody wrote say nothing.
                let cells = cells.map_err(|mut failure| {
                    failure.diagnostics.iter_mut().for_each(|problem| problem.labels.clear());
                    failure
                })?;
                terminal.print(&query::columns(&cells, &terminal.look))?;
            }
            ".label" => self.label = (!rest.is_empty()).then(|| rest.to_string()),
            ".as-of" => self.as_of = if rest.is_empty() { None } else { Some(moment::read(rest, &terminal.look.zone)?) },
            ".format" => {
                let format = <Format as clap::ValueEnum>::from_str(rest, false);
                let format = format.map_err(|_| unknown(&format!("`{rest}` is no format"), rest, &["table", "csv", "json"]))?;
                refuse_parquet(format)?;
                self.format = format;
            }
            ".limit" => {
                self.limit = rest.parse().map_err(|_| Diagnostic::error("E0925", format!("`{rest}` is no number of rows")))?;
            }
            other => return Err(unknown(&format!("`{other}` is no command"), other, complete::COMMANDS).into()),
        }
        Ok(())
    }
}

fn unknown(what: &str, word: &str, known: &[&str]) -> Diagnostic {
    let problem = Diagnostic::error("E0925", what);
    match nearest(word, known.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("there are {}; `.help` says more", known.join(", "))),
    }
}

/// What can be completed: as it stands under the label, looked at once where it is asked for.
struct Known<'a> {
    workspace: &'a Workspace,
    label: Option<String>,
    as_of: Option<Timestamp>,
    standing: OnceCell<Vec<Reading>>,
}

impl Known<'_> {
    fn standing(&self) -> &[Reading] {
        self.standing.get_or_init(|| {
            let label = self.label.as_deref().unwrap_or(&self.workspace.config.settings.default_label);
            // What cannot be read cannot be completed.
            self.workspace.list(None, Some(label), false, self.as_of).unwrap_or_default()
        })
    }
}

impl Names for Known<'_> {
    fn classes(&self) -> Vec<String> {
        let mut classes: Vec<String> = self.standing().iter().map(|reading| reading.identity.class.to_string()).collect();
        classes.dedup();
        classes
    }

    fn instances(&self, class: &str) -> Vec<String> {
        let identities = self.standing().iter().map(|reading| &reading.identity).filter(|identity| *identity.class == *class);
        identities.filter(|identity| !identity.instance.is_empty()).map(|identity| format!("{class}@{}", identity.instance)).collect()
    }

    fn labels(&self) -> Vec<String> {
        self.workspace.known_labels().into_iter().map(|label| label.to_string()).collect()
    }

    fn columns(&self, target: &str) -> Vec<String> {
        self.workspace.glance(target, self.label.as_deref(), self.as_of).unwrap_or_default()
    }
}
