//! The append-only record: who did what when.

use serde_json::{Value, json};

use super::look::{Columns, Look, Tone, cell};
use super::units;
use crate::catalog::LogEntry;

/// `formake.history/1`.
pub fn json(entries: &[LogEntry]) -> Value {
    let entry = |entry: &LogEntry| {
        json!({
            "at": units::when_json(entry.at),
            "user": entry.user,
            "command": entry.command,
            "what": entry.what,
            "identity": entry.identity,
            "from": entry.from,
            "to": entry.to,
            "because": entry.because,
        })
    };
    json!({ "schema": "formake.history/1", "entries": entries.iter().map(entry).collect::<Vec<_>>() })
}

/// A line per change, oldest first.
pub fn text(entries: &[LogEntry], look: &Look) -> String {
    if entries.is_empty() {
        return "Nothing has happened yet.\n".into();
    }
    let mut columns = Columns::default();
    for entry in entries {
        let moved = match (entry.from, entry.to) {
            (Some(from), Some(to)) => format!("{} -> {}", from.0, to.0),
            (None, Some(to)) => format!("-> {}", to.0),
            (Some(from), None) => format!("{} ->", from.0),
            (None, None) => String::new(),
        };
        columns.row([
            cell(Tone::Faint, units::when(entry.at, &look.zone)),
            cell(Tone::Plain, entry.user.clone()),
            cell(Tone::Strong, entry.what.clone()),
            cell(Tone::Name, entry.identity.as_ref().map(ToString::to_string).unwrap_or_default()),
            cell(Tone::Plain, moved),
            cell(Tone::Plain, entry.because.clone().unwrap_or_else(|| entry.command.clone())),
        ]);
    }
    columns.render(look, 0).join("\n") + "\n"
}
