//! Snapshots: as a list, and one with everything that is known of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::gather::gathered;
use super::look::{Cell, Columns, Look, Tone, cell};
use super::units;
use crate::catalog::{Hold, Listed, Origin, Outcome, Quarantined, Reading, Run, Snapshot, State};
use crate::identity::Identity;
use crate::quality::{self, Report, Verdict};
use crate::table::measure::Profile;

/// Wider fan-ins are gathered.
const PARTS: usize = 12;

/// All there is to show of one identity or one snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// What was asked for; the snapshot's own identity may be another one, whose result is used.
    pub identity: Identity,
    /// The base's identity, where the pointer is one of a base.
    pub inherited_from: Option<Identity>,
    pub snapshot: Snapshot,
    /// The run that made it; sources and publications have none.
    pub run: Option<Run>,
    pub hold: Option<Hold>,
    /// Where the bytes are.
    pub location: Option<PathBuf>,
    /// Everything that the identity whose pointer it is ever stood for, oldest first.
    pub history: Vec<Listed>,
    /// Of a table, what it holds.
    pub profile: Option<Profile>,
    /// Why it is quarantined.
    pub refused: Option<String>,
    /// What its contract said, when it was last held to it.
    pub report: Option<Report>,
}

impl Shown {
    /// A snapshot of which nothing else is known yet.
    pub fn new(identity: Identity, snapshot: Snapshot) -> Self {
        Self {
            identity,
            inherited_from: None,
            snapshot,
            run: None,
            hold: None,
            location: None,
            history: Vec::new(),
            profile: None,
            refused: None,
            report: None,
        }
    }
}

/// `formake.ls/1`.
pub fn list_json(readings: &[Reading]) -> Value {
    json!({ "schema": "formake.ls/1", "snapshots": readings.iter().map(reading_json).collect::<Vec<_>>() })
}

fn reading_json(reading: &Reading) -> Value {
    let mut json = listed_json(&reading.pointer);
    json["identity"] = json!(reading.identity);
    json["inherited_from"] = json!(reading.inherited_from());
    json
}

fn listed_json(listed: &Listed) -> Value {
    json!({
        "identity": listed.identity,
        "current": listed.current,
        "from": units::when_json(listed.from),
        "to": listed.to.map(units::when_json),
        "hold": listed.hold.as_ref().map(hold_json),
        "snapshot": snapshot_json(&listed.snapshot),
    })
}

pub fn hold_json(hold: &Hold) -> Value {
    json!({ "because": hold.because, "user": hold.user, "at": units::when_json(hold.at) })
}

/// A snapshot as all documents show it.
pub fn snapshot_json(snapshot: &Snapshot) -> Value {
    json!({
        "id": snapshot.id,
        "identity": snapshot.identity,
        "content": snapshot.content,
        "kind": snapshot.kind,
        "bytes": snapshot.bytes,
        "files": snapshot.files,
        "path": snapshot.path,
        "stored": snapshot.stored,
        "origin": origin_json(&snapshot.origin),
        "state": snapshot.state,
        "made": units::when_json(snapshot.made),
    })
}

fn origin_json(origin: &Origin) -> Value {
    match origin {
        Origin::Run(run) => json!({ "kind": "run", "run": run }),
        Origin::Published => json!({ "kind": "published" }),
        Origin::Source => json!({ "kind": "source" }),
    }
}

/// A run as all documents show it. What was kept as JSON text is unfolded.
pub fn run_json(run: &Run) -> Value {
    let unfolded = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    json!({
        "id": run.id,
        "formula": run.formula,
        "place": run.place,
        "label": &*run.label,
        "key": run.key,
        "fingerprint": run.fingerprint,
        "recipe": unfolded(&run.recipe),
        "variables": unfolded(&run.variables),
        "effect": run.effect,
        "inputs": run.inputs.iter().map(|input| json!({
            "name": &*input.name,
            "identity": input.identity,
            "snapshot": input.snapshot,
            "content": input.content,
        })).collect::<Vec<_>>(),
        "outputs": run.outputs.iter().map(|(identity, snapshot)| json!({ "identity": identity, "snapshot": snapshot })).collect::<Vec<_>>(),
        "started": units::when_json(run.started),
        "seconds": run.seconds,
        "outcome": run.outcome,
        "message": run.message,
        "attempts": run.attempts,
        "user": run.user,
    })
}

/// `run 17`, `published`, `source raw/x.csv`.
pub fn origin(snapshot: &Snapshot) -> String {
    match snapshot.origin {
        Origin::Run(run) => format!("run {}", run.0),
        Origin::Published => "published".into(),
        Origin::Source => format!("source {}", snapshot.path),
    }
}

/// `held`, `invalidated`, `earlier`: what sets a row apart.
fn mark(listed: &Listed) -> Cell {
    match (listed.snapshot.state, &listed.hold) {
        (State::Invalidated, _) => cell(Tone::Bad, "invalidated"),
        (State::Quarantined, _) => cell(Tone::Bad, "quarantined"),
        (State::Good, Some(_)) if listed.current => cell(Tone::Name, "held"),
        (State::Good, _) if !listed.current => cell(Tone::Faint, "earlier"),
        (State::Good, _) => cell(Tone::Plain, ""),
    }
}

/// `prod's`, where the pointer is that of a base.
pub fn whose(base: Option<&Identity>) -> String {
    base.map(|base| format!("{}'s", base.label)).unwrap_or_default()
}

/// A line per snapshot: identity, when, size, content, where from, whose, and what sets it apart.
pub fn list_text(readings: &[Reading], look: &Look) -> String {
    if readings.is_empty() {
        return "Nothing has been made, read or published yet.\n".into();
    }
    let mut columns = Columns::default();
    let head = |text: &str| cell(Tone::Faint, text);
    columns.row([head("identity"), head("made"), head("size").right(), head("content"), head("from")]);
    for reading in readings {
        let row = &reading.pointer;
        columns.row([
            cell(Tone::Name, reading.identity.to_string()),
            cell(Tone::Plain, units::when(row.snapshot.made, &look.zone)),
            cell(Tone::Plain, units::bytes(row.snapshot.bytes)).right(),
            cell(Tone::Plain, row.snapshot.content.short()),
            cell(Tone::Plain, origin(&row.snapshot)),
            cell(Tone::Faint, whose(reading.inherited_from())),
            mark(row),
        ]);
    }
    columns.render(look, 0).join("\n") + "\n"
}

/// `formake.ls/1`, of what is quarantined.
pub fn quarantined_json(all: &[Quarantined]) -> Value {
    let one =
        |one: &Quarantined| json!({ "snapshot": snapshot_json(&one.snapshot), "because": one.because, "at": units::when_json(one.at) });
    json!({ "schema": "formake.ls/1", "quarantined": all.iter().map(one).collect::<Vec<_>>() })
}

/// A line per quarantined snapshot.
pub fn quarantined_text(all: &[Quarantined], look: &Look) -> String {
    if all.is_empty() {
        return "Nothing of this is quarantined.\n".into();
    }
    let mut columns = Columns::default();
    let head = |text: &str| cell(Tone::Faint, text);
    columns.row([head("identity"), head("made"), head("size").right(), head("content"), head("from"), head("because")]);
    for Quarantined { snapshot, because, .. } in all {
        columns.row([
            cell(Tone::Name, snapshot.identity.to_string()),
            cell(Tone::Plain, units::when(snapshot.made, &look.zone)),
            cell(Tone::Plain, units::bytes(snapshot.bytes)).right(),
            cell(Tone::Plain, snapshot.content.short()),
            cell(Tone::Plain, origin(snapshot)),
            cell(Tone::Bad, because.clone()),
        ]);
    }
    columns.render(look, 0).join("\n") + "\n"
}

/// What was copied out: `3 snapshots in out, 2 of them prod's`.
pub fn exported(readings: &[Reading], folder: &Path) -> String {
    let mut text = format!("{} in {}", units::count(readings.len(), "snapshot"), folder.display());
    let mut inherited: BTreeMap<String, usize> = BTreeMap::new();
    for base in readings.iter().filter_map(Reading::inherited_from) {
        *inherited.entry(whose(Some(base))).or_default() += 1;
    }
    for (whose, count) in inherited {
        text += &format!(", {count} of them {whose}");
    }
    text + "\n"
}

/// `formake.show/1`.
pub fn show_json(shown: &[Shown]) -> Value {
    json!({ "schema": "formake.show/1", "identities": shown.iter().map(shown_json).collect::<Vec<_>>() })
}

fn shown_json(shown: &Shown) -> Value {
    json!({
        "identity": shown.identity,
        "inherited_from": shown.inherited_from,
        "snapshot": snapshot_json(&shown.snapshot),
        "location": shown.location.as_ref().map(|path| path.display().to_string()),
        "hold": shown.hold.as_ref().map(hold_json),
        "run": shown.run.as_ref().map(run_json),
        "history": shown.history.iter().map(listed_json).collect::<Vec<_>>(),
        "profile": shown.profile,
        "quarantined": shown.refused,
        "verdicts": shown.report.as_ref().map(|report| &report.verdicts),
    })
}

pub fn show_text(shown: &Shown, look: &Look) -> String {
    let mut facts = Columns::default();
    let mut fact = |name: &str, text: String| facts.row([cell(Tone::Faint, name), cell(Tone::Plain, text)]);
    let snapshot = &shown.snapshot;
    fact("content", snapshot.content.to_hex());
    fact("size", format!("{}, {}", units::bytes(snapshot.bytes), units::count(snapshot.files as usize, "file")));
    fact("made", units::when(snapshot.made, &look.zone));
    fact("from", origin(snapshot));
    if let Some(base) = &shown.inherited_from {
        fact("inherited", format!("from {base}"));
    }
    if snapshot.identity != *shown.inherited_from.as_ref().unwrap_or(&shown.identity) {
        fact("made as", snapshot.identity.to_string());
    }
    if snapshot.state != State::Good {
        let quarantined = || format!("quarantined: {}", shown.refused.as_deref().unwrap_or("nobody may read it"));
        fact("state", if snapshot.state == State::Invalidated { "invalidated".into() } else { quarantined() });
    }
    if let Some(path) = &shown.location {
        fact("path", path.display().to_string());
    }
    if let Some(hold) = &shown.hold {
        fact("held", format!("{} ({}, {})", hold.because, hold.user, units::when(hold.at, &look.zone)));
    }
    if let Some(run) = &shown.run {
        fact("formula", format!("{} ({})", run.formula, run.place));
        fact("run", run_line(run, look));
        fact("key", run.key.to_hex());
    }
    let mut lines = vec![look.strong(&shown.identity.to_string()), String::new()];
    lines.extend(facts.render(look, 2));
    if let Some(run) = shown.run.as_ref().filter(|run| !run.inputs.is_empty()) {
        lines.extend([String::new(), "Made from:".into()]);
        lines.extend(inputs(run, look, 2));
    }
    if let Some(profile) = &shown.profile {
        lines.push(String::new());
        lines.extend(super::profile::lines(profile, look));
    }
    if let Some(report) = &shown.report {
        let said: Vec<Verdict> = report.verdicts.iter().filter(|verdict| verdict.outcome != quality::Outcome::Passed).cloned().collect();
        let held = report.verdicts.len() - said.len();
        lines.extend([String::new(), format!("Contract: {held} of {} held", units::count(report.verdicts.len(), "rule"))]);
        lines.extend(super::verdicts::lines(&said, look).into_iter().map(|line| format!("  {line}")));
    }
    if shown.history.len() > 1 {
        let of = shown.inherited_from.as_ref().map(|base| format!(" of {base}")).unwrap_or_default();
        lines.extend([String::new(), format!("History{of}, oldest first:")]);
        let mut history = Columns::default();
        for row in &shown.history {
            history.row([
                cell(Tone::Plain, units::when(row.from, &look.zone)),
                cell(Tone::Plain, units::bytes(row.snapshot.bytes)).right(),
                cell(Tone::Plain, row.snapshot.content.short()),
                cell(Tone::Plain, origin(&row.snapshot)),
                mark(row),
            ]);
        }
        lines.extend(history.render(look, 2));
    }
    lines.join("\n") + "\n"
}

/// `17, by alice, 2026-11-21 03:41:02, in 1.2 s`
pub fn run_line(run: &Run, look: &Look) -> String {
    let mut text = format!("{}, by {}, {}, in {}", run.id.0, run.user, units::when(run.started, &look.zone), units::duration(run.seconds));
    if run.attempts > 1 {
        text += &format!(", at attempt {}", run.attempts);
    }
    match run.outcome {
        Outcome::Succeeded => {}
        Outcome::Failed => text += ", failed",
        Outcome::Interrupted => text += ", interrupted",
    }
    text
}

/// A run's inputs, a line each; a wide fan-in is one line.
pub fn inputs(run: &Run, look: &Look, indent: usize) -> Vec<String> {
    let mut columns = Columns::default();
    for parts in run.inputs.chunk_by(|a, b| a.name == b.name && a.identity.class == b.identity.class) {
        let name = || cell(Tone::Faint, &*parts[0].name);
        if parts.len() > PARTS {
            let (_, text) = gathered(&parts.iter().map(|part| &part.identity).collect::<Vec<_>>());
            columns.row([name(), cell(Tone::Name, text), cell(Tone::Plain, units::count(parts.len(), "snapshot"))]);
            continue;
        }
        for part in parts {
            columns.row([name(), cell(Tone::Name, part.identity.to_string()), cell(Tone::Plain, part.content.short())]);
        }
    }
    columns.render(look, indent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{RunId, SnapshotId};
    use crate::identity::Instance;
    use crate::store::{Kind, Stamp};

    #[test]
    fn marks_say_what_sets_a_row_apart() {
        let identity = Identity { class: "a".into(), instance: Instance::new([]), label: "prod".into(), repository: "dl".into() };
        let snapshot = Snapshot {
            id: SnapshotId(1),
            identity: identity.clone(),
            content: crate::digest::of_bytes(b"abc"),
            kind: Kind::File,
            bytes: 3,
            files: 1,
            path: "a/_/6437/a".into(),
            stored: true,
            stamp: Stamp(1),
            origin: Origin::Run(RunId(7)),
            state: State::Good,
            made: 1_000,
        };
        let hold = Hold { because: "audit".into(), user: "alice".into(), at: 0 };
        let row = |snapshot: &Snapshot, current, hold| Listed {
            identity: identity.clone(),
            snapshot: snapshot.clone(),
            current,
            hold,
            from: 1_000,
            to: None,
        };
        let condemned = Snapshot { state: State::Invalidated, ..snapshot.clone() };
        let rows = [row(&condemned, false, None), row(&snapshot, false, None), row(&snapshot, true, Some(hold))].map(Reading::from);
        let mut inherited = rows.to_vec();
        inherited.iter_mut().for_each(|reading| reading.identity.label = "pr-42".into());
        let expected = "\
identity   made                 size  content       from
a:prod/dl  1970-01-01 00:00:01   3 B  6437b3ac3846  run 7  invalidated
a:prod/dl  1970-01-01 00:00:01   3 B  6437b3ac3846  run 7  earlier
a:prod/dl  1970-01-01 00:00:01   3 B  6437b3ac3846  run 7  held
";
        assert_eq!(list_text(&rows, &Look::plain()), expected);
        assert_eq!(list_json(&rows)["snapshots"][2]["snapshot"]["origin"], json!({ "kind": "run", "run": 7 }));
        let line = "a:pr-42/dl  1970-01-01 00:00:01   3 B  6437b3ac3846  run 7  prod's  held\n";
        assert_eq!(list_text(&inherited[2..], &Look::plain()).split_once('\n').map(|(_, line)| line), Some(line));
        assert_eq!(list_json(&inherited)["snapshots"][0]["inherited_from"], json!("a:prod/dl"));
    }
}
