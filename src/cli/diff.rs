//! `formake diff`: what differs, and in what it was made.

use std::sync::Arc;

use super::as_of::AsOf;
use super::exit::Exit;
use super::query::end_at_once;
use super::session::{Outcome, Session};
use crate::report::diff;
use crate::table::AskedRows;
use crate::workspace::compare::Sides;

/// Compare two labels, two snapshots, or a snapshot with what was before
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  formake diff prod pr-42                                    which identities differ, and why
  formake diff pr-42                                         a label with its base
  formake diff prod --as-of 1d                               a label with what it was a day ago
  formake diff report@2024-01                                a snapshot with its predecessor
  formake diff report@2024-01:prod report@2024-01:pr-42      one identity under two labels
  formake diff 8406b6b1dab7 6498a02f3af2                     two snapshots, by the first digits of their content hashes
  formake diff prod pr-42 --format markdown                  for a comment on a pull request
  formake diff pr-42 --rows --key customer_id                also which rows differ, and what columns hold

Equal bytes are no difference, however they were made; --all shows those that were made otherwise. With two sides, --as-of
takes both as they were then.")]
pub struct Arguments {
    /// A label, a target, or the first digits of a content hash
    #[arg(value_name = "A")]
    a: String,
    /// Likewise. Left out: a label is compared with its base, a target with its predecessors, anything with what it was (--as-of)
    #[arg(value_name = "B")]
    b: Option<String>,
    /// The label of targets that name none
    #[arg(long)]
    label: Option<String>,
    #[command(flatten)]
    as_of: AsOf,
    /// Only identities of this dataset class
    #[arg(long)]
    class: Option<String>,
    /// Show every identity by itself, also those that have the same bytes and were made otherwise
    #[arg(long)]
    all: bool,
    /// Look into tables: which columns and rows differ, and what columns hold; in short, of the only one that differs, without this
    #[arg(long)]
    rows: bool,
    /// Columns that say which row is which, as in `--key store,day`; left out, whole rows are counted
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', requires = "rows")]
    key: Vec<String>,
    /// Show so many rows that were changed, added and removed, of each table
    #[arg(long, value_name = "N", default_value_t = 3, requires = "rows")]
    samples: usize,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Write JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Exit with 3 where bytes differ, or one side has what the other has not
    #[arg(long)]
    exit_code: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Markdown,
}

pub fn run(arguments: &Arguments, session: &Session) -> Outcome {
    let terminal = &session.terminal;
    let workspace = session.workspace()?;
    let mut comparison = workspace.compare(&Sides {
        a: &arguments.a,
        b: arguments.b.as_deref(),
        label: arguments.label.as_deref(),
        as_of: arguments.as_of.moment(&terminal.look.zone)?,
        class: arguments.class.as_deref(),
    })?;
    let scratch = Arc::new(workspace.scratch());
    end_at_once(&scratch)?;
    if arguments.rows {
        let asked = AskedRows { key: arguments.key.clone(), samples: arguments.samples };
        workspace.add_rows(&mut comparison, &asked, &scratch)?;
    } else {
        workspace.add_rows_of_one(&mut comparison, &scratch);
    }
    match arguments.format {
        _ if arguments.json => terminal.print_json(&diff::json(&comparison, arguments.all))?,
        Format::Text => terminal.print(&diff::text(&comparison, &terminal.look, arguments.all))?,
        Format::Markdown => terminal.print(&diff::markdown(&comparison, &terminal.look, arguments.all))?,
    }
    Ok(if arguments.exit_code && comparison.differs() { Exit::WorkNeeded } else { Exit::Done })
}
