//! What a cleaning removes, what it would take to make that again, and what stays for what reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::gather::shelves;
use super::label::Dropping;
use super::look::{Columns, Look, Tone, cell};
use super::{plan, units};
use crate::catalog::{Refusal, RunId};
use crate::plan::keep::{Place, Policy, Reason};

/// Bytes that go.
#[derive(Clone, PartialEq, Debug)]
pub struct Goes {
    pub place: Place,
    pub again: Again,
}

/// What it takes to make bytes again that went.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Again {
    Run {
        run: RunId,
        seconds: f64,
    },
    /// The source's file is read again, if it is still there.
    Source,
    /// It was published by hand.
    Never,
}

/// What lies about besides snapshots, older than what is kept of the past.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Leftovers {
    /// Folders of jobs that failed.
    pub jobs: Vec<PathBuf>,
    pub logs: Vec<PathBuf>,
    /// Left on its way into a repository, or put aside there because it was damaged.
    pub aside: Vec<PathBuf>,
    pub bytes: u64,
}

impl Leftovers {
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.jobs.iter().chain(&self.logs).chain(&self.aside)
    }

    /// `3 folders of failed jobs, 12 logs`
    fn in_short(&self) -> String {
        let folders = units::count(self.jobs.len(), "folder");
        let parts = [
            (!self.jobs.is_empty()).then(|| format!("{folders} of failed jobs")),
            (!self.logs.is_empty()).then(|| units::count(self.logs.len(), "log")),
            (!self.aside.is_empty()).then(|| format!("{} beside the stored data", units::count(self.aside.len(), "leftover"))),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// A cleaning, to be done or done.
pub struct Cleaning {
    pub keep: Policy,
    /// Labels that have expired, with what is taken away from them.
    pub expired: Vec<Dropping>,
    pub goes: Vec<Goes>,
    pub stays: Vec<Place>,
    pub leftovers: Leftovers,
    /// What else would go, were the acting user permitted to remove it.
    pub not_permitted: Vec<Refusal>,
}

impl Cleaning {
    pub fn is_empty(&self) -> bool {
        self.expired.is_empty() && self.goes.is_empty() && self.leftovers.paths().next().is_none()
    }

    pub fn bytes(&self) -> u64 {
        self.goes.iter().map(|goes| goes.place.bytes()).sum()
    }

    /// To make all again, a run that made several of them once.
    pub fn seconds(&self) -> f64 {
        seconds(self.goes.iter().map(|goes| &goes.again))
    }
}

fn seconds<'a>(all: impl Iterator<Item = &'a Again>) -> f64 {
    let runs: BTreeMap<RunId, f64> =
        all.filter_map(|again| if let Again::Run { run, seconds } = again { Some((*run, *seconds)) } else { None }).collect();
    runs.values().sum()
}

/// `formake.gc/1`.
pub fn json(cleaning: &Cleaning, done: bool) -> Value {
    let expired = |dropping: &Dropping| {
        json!({
            "label": &*dropping.label.label,
            "expired": dropping.label.expires.map(units::when_json),
            "identities": dropping.own.iter().map(|listed| &listed.identity).collect::<Vec<_>>(),
            "holds": dropping.holds.iter().map(|(identity, _)| identity).collect::<Vec<_>>(),
        })
    };
    let place = |place: &Place| {
        json!({
            "identities": place.snapshots.iter().map(|snapshot| &snapshot.identity).collect::<BTreeSet<_>>(),
            "snapshots": place.snapshots.iter().map(|snapshot| snapshot.id).collect::<Vec<_>>(),
            "repository": &**place.repository(),
            "path": place.path(),
            "bytes": place.bytes(),
        })
    };
    let with = |mut value: Value, name: &str, more: Value| {
        value[name] = more;
        value
    };
    json!({
        "schema": "formake.gc/1",
        "done": done,
        "keep": { "history": cleaning.keep.history as f64 / 1000.0, "last": cleaning.keep.last },
        "expired": cleaning.expired.iter().map(expired).collect::<Vec<_>>(),
        "goes": cleaning.goes.iter().map(|goes| with(place(&goes.place), "again", json!(goes.again))).collect::<Vec<_>>(),
        "stays": cleaning.stays.iter().map(|stays| with(place(stays), "reason", json!(stays.kept))).collect::<Vec<_>>(),
        "leftovers": {
            "jobs": cleaning.leftovers.jobs.len(),
            "logs": cleaning.leftovers.logs.len(),
            "aside": cleaning.leftovers.aside.len(),
            "bytes": cleaning.leftovers.bytes,
        },
        "not_permitted": cleaning.not_permitted,
        "bytes": cleaning.bytes(),
        "seconds": cleaning.seconds(),
    })
}

/// What goes and what stays; with `all`, what stays by identity too.
pub fn text(cleaning: &Cleaning, look: &Look, all: bool) -> String {
    let mut lines = Vec::new();
    for dropping in &cleaning.expired {
        let since = dropping.label.summary.as_ref().map_or(String::new(), |summary| units::when(summary.last, &look.zone));
        let name = look.name(&dropping.label.label);
        lines.push(format!("{name} has expired, untouched since {since}; {} are taken away.", dropping.in_short()));
    }
    if !cleaning.goes.is_empty() {
        lines.extend(goes(cleaning, look));
    }
    if cleaning.leftovers.paths().next().is_some() {
        lines.push(format!("{}, {}", cleaning.leftovers.in_short(), units::bytes(cleaning.leftovers.bytes)));
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(summary(cleaning));
    lines.extend(stays(cleaning, look, all));
    lines.extend(plan::refusals(&cleaning.not_permitted, look));
    lines.join("\n") + "\n"
}

fn summary(cleaning: &Cleaning) -> String {
    if cleaning.is_empty() {
        return "Nothing is to be removed.".into();
    }
    let bytes = units::bytes(cleaning.bytes() + cleaning.leftovers.bytes);
    let again = match (cleaning.goes.is_empty(), cleaning.seconds()) {
        (true, _) => String::new(),
        (_, seconds) if seconds > 0.0 => format!("; to make them again takes {}", units::duration(seconds)),
        _ => "; no job made them".into(),
    };
    format!("{}, {bytes}, to be removed{again}.", units::count(cleaning.goes.len(), "snapshot"))
}

fn goes(cleaning: &Cleaning, look: &Look) -> Vec<String> {
    let mut columns = Columns::default();
    for (line, things) in shelves(cleaning.goes.iter().map(|goes| (goes.place.identity(), goes))) {
        let all = || things.iter().copied();
        let by_hand = all().filter(|goes| goes.again == Again::Never).count();
        let cost = match seconds(all().map(|goes| &goes.again)) {
            cost if cost > 0.0 => format!("{} to make again", units::duration(cost)),
            _ if by_hand > 0 => String::new(),
            _ => "read again from its source".into(),
        };
        let lost = if by_hand > 0 { format!("{by_hand} published by hand, not to be had again") } else { String::new() };
        columns.row([
            cell(Tone::Attention, "goes"),
            cell(Tone::Plain, line.count()).right(),
            cell(Tone::Strong, line.text),
            cell(Tone::Plain, if things.len() > 1 { units::count(things.len(), "snapshot") } else { String::new() }),
            cell(Tone::Plain, units::bytes(all().map(|goes| goes.place.bytes()).sum())).right(),
            cell(Tone::Plain, cost),
            cell(Tone::Bad, lost),
        ]);
    }
    columns.render(look, 0)
}

/// Why something stays, for a line of many.
fn because(reason: Reason, keep: &Policy) -> String {
    match reason {
        Reason::Held => "held".into(),
        Reason::Current => "current".into(),
        Reason::Rollback => "for a rollback".into(),
        Reason::History => format!("earlier, within {}", units::duration(keep.history as f64 / 1000.0)),
        Reason::Quarantined => "quarantined lately".into(),
        Reason::Last if keep.last == 1 => "the last before a current one".into(),
        Reason::Last => format!("of the last {} before a current one", keep.last),
    }
}

fn stays(cleaning: &Cleaning, look: &Look, all: bool) -> Vec<String> {
    let mut by_reason: BTreeMap<Reason, Vec<&Place>> = BTreeMap::new();
    for place in &cleaning.stays {
        if let Some(reason) = place.kept {
            by_reason.entry(reason).or_default().push(place);
        }
    }
    let mut columns = Columns::default();
    for (reason, places) in by_reason {
        columns.row([
            cell(Tone::Plain, "stays"),
            cell(Tone::Plain, places.len().to_string()).right(),
            cell(Tone::Plain, because(reason, &cleaning.keep)),
            cell(Tone::Plain, units::bytes(places.iter().map(|place| place.bytes()).sum())).right(),
        ]);
        for (line, bytes) in shelves(places.iter().map(|place| (place.identity(), place.bytes()))).into_iter().filter(|_| all) {
            columns.row([
                cell(Tone::Plain, ""),
                cell(Tone::Plain, line.count()).right(),
                cell(Tone::Name, format!("  {}", line.text)),
                cell(Tone::Plain, units::bytes(bytes.iter().sum())).right(),
            ]);
        }
    }
    columns.render(look, 0)
}

/// What was done.
pub fn done_text(cleaning: &Cleaning) -> String {
    let mut done = vec![format!("{}, {}", units::count(cleaning.goes.len(), "snapshot"), units::bytes(cleaning.bytes()))];
    if !cleaning.expired.is_empty() {
        done.push(units::count(cleaning.expired.len(), "expired label"));
    }
    if cleaning.leftovers.paths().next().is_some() {
        done.push(cleaning.leftovers.in_short());
    }
    format!("Removed: {}.\n", done.join("; "))
}
