//! Labels: as a list, one with everything it has, and what dropping one takes away.

use serde_json::{Value, json};

use super::gather::shelves;
use super::look::{Columns, Look, Tone, cell};
use super::snapshots::{hold_json, snapshot_json};
use super::units;
use crate::catalog::{Hold, LabelSummary, Listed, Promotion, PromotionKind, Snapshot, Timestamp};
use crate::identity::{Identity, Name};

/// What `formake.yaml` says of a label.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Settings {
    /// What it falls through to for reading.
    pub base: Option<Name>,
    pub protected: bool,
    pub writers: Vec<String>,
    /// Seconds after its last activity.
    pub expires_after: Option<f64>,
}

/// A label, and what is known of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Label {
    pub label: Name,
    /// The entry of `labels:` that holds for it, by its name or pattern.
    pub entry: Option<Name>,
    pub settings: Settings,
    /// Entries of `labels:` that fall through to it.
    pub under: Vec<Name>,
    /// A formula, or `formake.yaml`, names it.
    pub named: bool,
    /// What the catalog has of it, where it speaks of it at all.
    pub summary: Option<LabelSummary>,
    /// When it expires, or did.
    pub expires: Option<Timestamp>,
    pub expired: bool,
}

impl Label {
    /// Neither snapshots nor holds are its own.
    pub fn is_bare(&self) -> bool {
        self.summary.as_ref().is_none_or(|summary| summary.identities + summary.holds == 0)
    }
}

/// All labels, and the patterns of `labels:` that stand for more of them.
pub struct Labels {
    pub labels: Vec<Label>,
    pub patterns: Vec<(Name, Settings)>,
}

/// What the base of a label stands for in the place of one of the label's own snapshots.
#[derive(Clone, PartialEq, Debug)]
pub enum Beside {
    Nothing,
    /// The very same snapshot.
    Same,
    /// Another snapshot of the same content.
    Alike(Snapshot),
    Other(Snapshot),
}

/// One of a label's own pointers.
#[derive(Clone, PartialEq, Debug)]
pub struct Own {
    pub listed: Listed,
    /// `None`: the label has no base.
    pub base: Option<Beside>,
}

/// One label with everything it has.
pub struct LabelView {
    pub label: Label,
    pub own: Vec<Own>,
    pub held_empty: Vec<(Identity, Hold)>,
    /// From it or to it, oldest first.
    pub promotions: Vec<Promotion>,
}

/// What dropping a label takes away.
pub struct Dropping {
    pub label: Label,
    pub own: Vec<Listed>,
    /// With a snapshot or empty.
    pub holds: Vec<(Identity, Hold)>,
}

impl Dropping {
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.holds.is_empty()
    }

    /// `12 identities`, `12 identities and 1 hold`
    pub fn in_short(&self) -> String {
        let (own, holds) = (units::count(self.own.len(), "identity"), units::count(self.holds.len(), "hold"));
        match (self.own.len(), self.holds.len()) {
            (_, 0) => own,
            (0, _) => holds,
            _ => format!("{own} and {holds}"),
        }
    }
}

/// `formake.labels/1`.
pub fn list_json(labels: &Labels) -> Value {
    let pattern = |(name, settings): &(Name, Settings)| json!({ "entry": &**name, "settings": settings_json(settings) });
    json!({
        "schema": "formake.labels/1",
        "labels": labels.labels.iter().map(label_json).collect::<Vec<_>>(),
        "patterns": labels.patterns.iter().map(pattern).collect::<Vec<_>>(),
    })
}

fn label_json(label: &Label) -> Value {
    json!({
        "label": &*label.label,
        "entry": label.entry.as_deref(),
        "settings": settings_json(&label.settings),
        "under": label.under.iter().map(|name| &**name).collect::<Vec<_>>(),
        "named": label.named,
        "identities": label.summary.as_ref().map_or(0, |summary| summary.identities),
        "bytes": label.summary.as_ref().map_or(0, |summary| summary.bytes),
        "holds": label.summary.as_ref().map_or(0, |summary| summary.holds),
        "first": label.summary.as_ref().map(|summary| units::when_json(summary.first)),
        "last": label.summary.as_ref().map(|summary| units::when_json(summary.last)),
        "expires": label.expires.map(units::when_json),
        "expired": label.expired,
    })
}

fn settings_json(settings: &Settings) -> Value {
    json!({
        "base": settings.base.as_deref(),
        "protected": settings.protected,
        "writers": settings.writers,
        "expires_after": settings.expires_after,
    })
}

/// A line per label, and one per pattern. Labels that have nothing, and that nothing names, only with `all`.
pub fn list_text(labels: &Labels, look: &Look, all: bool) -> String {
    let head = |text: &str| cell(Tone::Faint, text);
    let mut columns = Columns::default();
    columns.row([head("label"), head("base"), head("own").right(), head("size").right(), head("held").right(), head("last"), head("")]);
    for label in labels.labels.iter().filter(|label| all || label.named || !label.is_bare()) {
        let number = |count: usize| if count == 0 { String::new() } else { count.to_string() };
        let summary = label.summary.as_ref();
        columns.row([
            cell(Tone::Name, &*label.label),
            cell(Tone::Plain, label.settings.base.as_deref().unwrap_or_default()),
            cell(Tone::Plain, number(summary.map_or(0, |summary| summary.identities))).right(),
            cell(Tone::Plain, summary.filter(|summary| summary.bytes > 0).map_or(String::new(), |s| units::bytes(s.bytes))).right(),
            cell(Tone::Plain, number(summary.map_or(0, |summary| summary.holds))).right(),
            cell(Tone::Plain, summary.map_or(String::new(), |summary| units::when(summary.last, &look.zone))),
            cell(if label.expired { Tone::Attention } else { Tone::Plain }, remarks(label, look)),
        ]);
    }
    let mut lines = columns.render(look, 0);
    if !labels.patterns.is_empty() {
        lines.extend([String::new(), "For labels that match, formake.yaml says:".into()]);
        let mut columns = Columns::default();
        for (name, settings) in &labels.patterns {
            columns.row([cell(Tone::Name, &**name), cell(Tone::Plain, said(settings))]);
        }
        lines.extend(columns.render(look, 2));
    }
    lines.join("\n") + "\n"
}

/// `by pr-*, expires 2026-12-05 03:41:02`
fn remarks(label: &Label, look: &Look) -> String {
    let mut remarks = Vec::new();
    remarks.extend(label.entry.as_ref().filter(|entry| **entry != label.label).map(|entry| format!("by {entry}")));
    remarks.extend(label.settings.protected.then(|| "protected".to_string()));
    let verb = if label.expired { "expired" } else { "expires" };
    remarks.extend(label.expires.map(|at| format!("{verb} {}", units::when(at, &look.zone))));
    remarks.join(", ")
}

/// `base prod, expires 14 d after the last activity`
fn said(settings: &Settings) -> String {
    let mut said = Vec::new();
    said.extend(settings.base.as_ref().map(|base| format!("base {base}")));
    said.extend(settings.protected.then(|| "protected".to_string()));
    said.extend((!settings.writers.is_empty()).then(|| format!("written by {}", settings.writers.join(", "))));
    said.extend(settings.expires_after.map(|seconds| format!("expires {} after the last activity", units::duration(seconds))));
    if said.is_empty() { "nothing".into() } else { said.join(", ") }
}

/// `formake.label/1`.
pub fn show_json(view: &LabelView) -> Value {
    let beside = |base: &Beside| match base {
        Beside::Nothing => json!({ "kind": "nothing" }),
        Beside::Same => json!({ "kind": "same" }),
        Beside::Alike(snapshot) => json!({ "kind": "alike", "snapshot": snapshot_json(snapshot) }),
        Beside::Other(snapshot) => json!({ "kind": "other", "snapshot": snapshot_json(snapshot) }),
    };
    let own = |own: &Own| {
        json!({
            "identity": own.listed.identity,
            "since": units::when_json(own.listed.from),
            "hold": own.listed.hold.as_ref().map(hold_json),
            "snapshot": snapshot_json(&own.listed.snapshot),
            "base": own.base.as_ref().map(beside),
        })
    };
    json!({
        "schema": "formake.label/1",
        "label": label_json(&view.label),
        "own": view.own.iter().map(own).collect::<Vec<_>>(),
        "held_empty": view.held_empty.iter().map(|(identity, hold)| json!({ "identity": identity, "hold": hold_json(hold) })).collect::<Vec<_>>(),
        "promotions": view.promotions.iter().map(promotion_json).collect::<Vec<_>>(),
    })
}

/// A promotion or rollback as all documents show it.
pub fn promotion_json(promotion: &Promotion) -> Value {
    json!({
        "id": promotion.id,
        "kind": promotion.kind,
        "at": units::when_json(promotion.at),
        "user": promotion.user,
        "from": promotion.from.as_deref(),
        "to": &*promotion.to,
        "undoes": promotion.undoes,
        "because": promotion.because,
        "moves": promotion.moves,
    })
}

pub fn show_text(view: &LabelView, look: &Look) -> String {
    let label = &view.label;
    let mut facts = Columns::default();
    let mut fact = |name: &str, text: String| facts.row([cell(Tone::Faint, name), cell(Tone::Plain, text)]);
    let entry = label.entry.as_ref().map_or("no entry of its own".to_string(), |entry| format!("{entry}: {}", said(&label.settings)));
    fact("settings", entry);
    if !label.under.is_empty() {
        fact("base of", label.under.join(", "));
    }
    if let Some(at) = label.expires {
        fact(if label.expired { "expired" } else { "expires" }, units::when(at, &look.zone));
    } else if label.settings.expires_after.is_some() && (label.settings.protected || !label.under.is_empty()) {
        fact("expires", "never: it is protected, or others fall through to it".into());
    }
    match &label.summary {
        None => fact("has", "nothing yet".into()),
        Some(summary) if label.is_bare() => fact("has", format!("nothing of its own since {}", units::when(summary.last, &look.zone))),
        Some(summary) => {
            let held = if summary.holds == 0 { String::new() } else { format!(", {} held", summary.holds) };
            fact("has", format!("{} of its own, {}{held}", units::count(summary.identities, "identity"), units::bytes(summary.bytes)));
            fact("active", format!("{} to {}", units::when(summary.first, &look.zone), units::when(summary.last, &look.zone)));
        }
    }
    let mut lines = vec![look.strong(&label.label), String::new()];
    lines.extend(facts.render(look, 2));
    if !view.own.is_empty() {
        lines.extend([String::new(), "Its own:".into()]);
        lines.extend(own(view, look));
    }
    if !view.held_empty.is_empty() {
        lines.extend([String::new(), "Held empty:".into()]);
        let mut columns = Columns::default();
        for (identity, hold) in &view.held_empty {
            columns.row([cell(Tone::Name, identity.to_string()), cell(Tone::Plain, format!("{} ({})", hold.because, hold.user))]);
        }
        lines.extend(columns.render(look, 2));
    }
    if !view.promotions.is_empty() {
        lines.extend([String::new(), "Promotions, oldest first:".into()]);
        lines.extend(promotions(view, look));
    }
    lines.join("\n") + "\n"
}

fn own(view: &LabelView, look: &Look) -> Vec<String> {
    let mut columns = Columns::default();
    for Own { listed, base } in &view.own {
        let (tone, beside) = match base {
            None => (Tone::Plain, String::new()),
            Some(Beside::Nothing) => (Tone::Good, "the base has none".into()),
            Some(Beside::Same) => (Tone::Faint, "the base's".into()),
            Some(Beside::Alike(_)) => (Tone::Faint, "as the base's".into()),
            Some(Beside::Other(snapshot)) => (Tone::Attention, format!("the base: {}", snapshot.content.short())),
        };
        columns.row([
            cell(Tone::Name, listed.identity.to_string()),
            cell(Tone::Plain, units::bytes(listed.snapshot.bytes)).right(),
            cell(Tone::Plain, listed.snapshot.content.short()),
            cell(tone, beside),
            cell(Tone::Name, if listed.hold.is_some() { "held" } else { "" }),
        ]);
    }
    columns.render(look, 2)
}

fn promotions(view: &LabelView, look: &Look) -> Vec<String> {
    let mut columns = Columns::default();
    for promotion in &view.promotions {
        let undone = view.promotions.iter().find(|other| other.undoes.contains(&promotion.id));
        let what = match (promotion.kind, &promotion.from) {
            (PromotionKind::Promotion, Some(from)) => format!("{from} -> {}", promotion.to),
            (PromotionKind::Promotion, None) => format!("-> {}", promotion.to),
            (PromotionKind::Rollback, _) => {
                let ids: Vec<String> = promotion.undoes.iter().map(|id| id.0.to_string()).collect();
                format!("{} rolled back {}", promotion.to, ids.join(", "))
            }
        };
        columns.row([
            cell(Tone::Plain, promotion.id.0.to_string()).right(),
            cell(Tone::Plain, units::when(promotion.at, &look.zone)),
            cell(Tone::Plain, promotion.user.clone()),
            cell(Tone::Plain, what),
            cell(Tone::Plain, units::count(promotion.moves.len(), "identity")),
            cell(Tone::Faint, undone.map_or(String::new(), |other| format!("rolled back by {}", other.id.0))),
            cell(Tone::Plain, promotion.because.clone().unwrap_or_default()),
        ]);
    }
    columns.render(look, 2)
}

/// What goes, before it is asked for.
pub fn dropping_text(dropping: &Dropping, look: &Look) -> String {
    let mut columns = Columns::default();
    for (line, bytes) in shelves(dropping.own.iter().map(|listed| (&listed.identity, listed.snapshot.bytes))) {
        let bytes = units::bytes(bytes.iter().sum());
        columns.row([cell(Tone::Plain, line.count()).right(), cell(Tone::Name, line.text), cell(Tone::Plain, bytes).right()]);
    }
    let mut lines = columns.render(look, 0);
    lines.extend(dropping.holds.iter().map(|(identity, hold)| format!("held: {identity} ({}, {})", hold.because, hold.user)));
    lines.push(String::new());
    let name = &dropping.label.label;
    let base = dropping.label.settings.base.as_ref().map_or(String::new(), |base| format!(" It then reads what {base} has."));
    lines.push(format!("To be taken away from {name}: {}.{base} Nothing is deleted; `formake gc` does that.", dropping.in_short()));
    lines.join("\n") + "\n"
}
