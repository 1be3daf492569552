//! `formake query`: SQL over snapshots.

use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::as_of::AsOf;
use super::exit::Exit;
use super::session::{Outcome, Session, Stop, file_problem};
use super::terminal::Terminal;
use crate::diagnostic::Diagnostic;
use crate::formula::program::Format as File;
use crate::report::query;
use crate::workspace::query::{Asked, Ready, Save};
use crate::workspace::scratch::Scratch;

/// Rows that are drawn where nothing is said.
pub const LIMIT: usize = 100;

/// Ask snapshots in SQL; changes nothing
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake query 'select * from Customers limit 5'            a class with one instance, or all instances as one table
  formake query 'select count(*) from \"sales@2024-01\"'       a month's days, with their dimension as a column: `date`
  formake query 'select a.id, b.churn from \"churn@2024-01:prod\" a join \"churn@2024-01:pr-42\" b on a.id = b.id'
  formake query 'select * from report' --as-of 3d            what it was three days ago
  formake query --file monthly.sql -o monthly.parquet        to a file
  echo 'select 1' | formake query - --format csv             from a pipe, to a pipe

Tables are targets: `class@instance:label`, in double quotes where that is not a plain name.")]
pub struct Arguments {
    /// One SELECT, WITH or VALUES; `-` reads it from stdin
    #[arg(value_name = "SQL", required_unless_present = "file", conflicts_with = "file")]
    sql: Option<String>,
    /// Read the query from a file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The label of targets that name none
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    as_of: AsOf,
    /// How to write the rows; a file's ending says it too. `json` is an object a line
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write a file, in place of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "output")]
    force: bool,
    /// Only the first N rows, 0 for all; a drawn table has 100 where nothing is said
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Format {
    Table,
    Csv,
    #[value(alias = "jsonl")]
    Json,
    Parquet,
}

/// How many rows are written.
#[derive(Clone, Copy)]
pub struct First<'a> {
    pub rows: Option<usize>,
    /// What says how many.
    pub more: &'a str,
}

impl Format {
    /// As files have it; a drawn table is none.
    fn file(self) -> Option<File> {
        match self {
            Format::Table => None,
            Format::Csv => Some(File::Csv),
            Format::Json => Some(File::Jsonl),
            Format::Parquet => Some(File::Parquet),
        }
    }

    fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()?.to_lowercase().as_str() {
            "csv" => Some(Format::Csv),
            "json" | "jsonl" | "ndjson" => Some(Format::Json),
            "parquet" => Some(Format::Parquet),
            _ => None,
        }
    }
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let format = arguments.format.or_else(|| arguments.output.as_deref().and_then(Format::of));
    let (sql, name) = text(arguments, session)?;
    let as_of = arguments.as_of.moment(&session.terminal.look.zone)?;
    let workspace = session.workspace()?;
    let scratch = Arc::new(workspace.scratch());
    end_at_once(&scratch)?;
    let asked = Asked { sql: &sql, name: &name, label: arguments.label.as_deref(), as_of };
    let told = |problems: &[Diagnostic]| session.show_with(problems, (&name, &sql));
    let ran = workspace.ask(asked).map_err(Stop::from).and_then(|ready| {
        told(&ready.warnings);
        answer(&ready, format, arguments, session, &scratch)
    });
    match ran {
        Err(Stop::Problems(problems)) => {
            told(&problems);
            Ok(Exit::of(&problems))
        }
        ran => ran.map(|()| Exit::Done),
    }
}

/// The query, and what it is called.
fn text(arguments: &Arguments, session: &Session) -> Result<(String, String), Stop> {
    match (&arguments.file, arguments.sql.as_deref()) {
        (Some(file), _) => {
            let sql = std::fs::read_to_string(session.dir.join(file)).map_err(|error| file_problem("read", file, &error))?;
            Ok((sql, file.display().to_string()))
        }
        (None, Some("-")) => {
            let mut sql = String::new();
            io::stdin().read_to_string(&mut sql).map_err(|error| file_problem("read", "stdin".as_ref(), &error))?;
            Ok((sql, "stdin".into()))
        }
        (None, sql) => Ok((sql.unwrap_or_default().into(), "query".into())),
    }
}

fn answer(ready: &Ready<'_>, format: Option<Format>, arguments: &Arguments, session: &Session, scratch: &Scratch) -> Result<(), Stop> {
    let first = arguments.limit.filter(|limit| *limit > 0);
    let Some(output) = &arguments.output else {
        let first = if arguments.limit.is_none() && matches!(format, None | Some(Format::Table)) { Some(LIMIT) } else { first };
        let first = First { rows: first, more: "--limit" };
        return print(ready, format.unwrap_or(Format::Table), first, &session.terminal, scratch);
    };
    let Some(format) = format.and_then(Format::file) else {
        return Err(Diagnostic::error("E0923", format!("`{}` does not say in which format it is to be written", output.display()))
            .help("end its name in .csv, .jsonl or .parquet, or say `--format csv`")
            .into());
    };
    let to = Save { file: &session.dir.join(output), name: output, force: arguments.force };
    let written = ready.save(first, format, &to, scratch)?;
    session.terminal.print(&query::saved(written, output))?;
    Ok(())
}

/// Writes the first rows (and how to get more), or all, to stdout.
pub fn print(ready: &Ready<'_>, format: Format, first: First<'_>, terminal: &Terminal, scratch: &Scratch) -> Result<(), Stop> {
    let First { rows: first, more } = first;
    let Some(file) = format.file() else {
        // One more tells whether there are more.
        let mut cells = ready.cells(first.map(|first| first.saturating_add(1)), &scratch.limits())?;
        let more = first.filter(|first| cells.rows.len() > *first).map(|_| more);
        cells.rows.truncate(first.unwrap_or(usize::MAX));
        let wide = terminal.moving.then_some(terminal.look.width);
        return Ok(terminal.print(&query::text(&cells, more, wide, &terminal.look))?);
    };
    if file == File::Parquet && io::stdout().is_terminal() {
        return Err(Diagnostic::error("E0923", "Parquet is not for a terminal")
            .help("write a file with `-o rows.parquet`, or let another program read it from a pipe")
            .into());
    }
    let is_closed = Arc::new(AtomicBool::new(false));
    let written = ready.write(first, file, Box::new(Pipe { is_closed: is_closed.clone() }), Path::new("stdout"), &scratch.limits());
    match written {
        Err(_) if is_closed.load(Ordering::Relaxed) => Err(Stop::PipeClosed),
        written => Ok(written.map(drop)?),
    }
}

/// Stdout, that remembers whether its reader went away.
struct Pipe {
    is_closed: Arc<AtomicBool>,
}

impl Pipe {
    fn seen<T>(&self, done: io::Result<T>) -> io::Result<T> {
        if done.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.is_closed.store(true, Ordering::Relaxed);
        }
        done
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.seen(io::stdout().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.seen(io::stdout().lock().flush())
    }
}

/// What only reads changes nothing, so that a signal may end it wherever it is.
pub fn end_at_once(scratch: &Arc<Scratch>) -> Result<(), Stop> {
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]);
    let mut signals = signals.map_err(|error| file_problem("listened to", "signals".as_ref(), &error))?;
    // Not its owner: a thread that waits for ever would keep it for ever.
    let scratch = Arc::downgrade(scratch);
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            if let Some(scratch) = scratch.upgrade() {
                scratch.clear();
            }
            std::process::exit(Exit::Interrupted.code().into());
        }
    });
    Ok(())
}
