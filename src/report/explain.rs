//! `why` and `why-not`: what stands behind an identity, and what stood against earlier results.

use serde_json::{Value, json};

use super::look::{Look, Tone};
use super::{reason, snapshots, units};
use crate::plan::blessing::Blessed;
use crate::plan::explain::{Earlier, Explanation, Lagging, Obstacle};
use crate::plan::{Action, SourceState};

/// `formake.why/1`; the same for both questions.
pub fn json(explanations: &[Explanation]) -> Value {
    json!({ "schema": "formake.why/1", "identities": explanations.iter().map(explained).collect::<Vec<_>>() })
}

fn explained(explanation: &Explanation) -> Value {
    json!({
        "identity": explanation.step.identity,
        "now": explanation.step,
        "current": explanation.current.as_ref().map(|(snapshot, run)| json!({
            "snapshot": snapshots::snapshot_json(snapshot),
            "run": run.as_ref().map(snapshots::run_json),
        })),
        "hold": explanation.hold.as_ref().map(snapshots::hold_json),
        "blessed": explanation.blessed.as_ref().map(blessed_json),
        "earlier": explanation.earlier.iter().map(|earlier| json!({
            "snapshot": snapshots::snapshot_json(&earlier.snapshot),
            "run": earlier.run,
            "label": &*earlier.label,
            "made": units::when_json(earlier.made),
            "obstacle": earlier.obstacle,
        })).collect::<Vec<_>>(),
        "failed": explanation.failed.as_ref().map(snapshots::run_json),
        "lagging": explanation.lagging,
    })
}

/// Why it is as it is, or why it will be made.
pub fn why(explanation: &Explanation, look: &Look) -> String {
    let mut lines = verdict(explanation, look);
    lines.extend(lagging(explanation, look));
    lines.extend(failed(explanation, look));
    match &explanation.current {
        None => lines.extend([String::new(), "It stands for nothing now.".into()]),
        Some((snapshot, run)) => {
            lines.push(String::new());
            let head = format!("It stands for {} ({})", look.strong(&snapshot.content.short()), units::bytes(snapshot.bytes));
            match run {
                None => lines.push(format!("{head}, {}, {}.", snapshots::origin(snapshot), units::when(snapshot.made, &look.zone))),
                Some(run) => {
                    let made_as =
                        if snapshot.identity == explanation.step.identity { String::new() } else { format!(" as {}", snapshot.identity) };
                    lines.push(format!("{head}, made{made_as} by run {}.", snapshots::run_line(run, look)));
                    lines.push(format!("  {} {} ({})", look.faint("formula"), run.formula, run.place));
                    lines.extend(snapshots::inputs(run, look, 2));
                }
            }
        }
    }
    lines.join("\n") + "\n"
}

/// Why earlier results are not taken, or why it cannot be provided.
pub fn why_not(explanation: &Explanation, look: &Look) -> String {
    let mut lines = verdict(explanation, look);
    lines.extend(failed(explanation, look));
    lines.push(String::new());
    if explanation.earlier.is_empty() {
        lines.push("No earlier result of this instance is in its repository, under any label.".into());
    } else {
        lines.push("Earlier results, nearest first:".into());
    }
    for earlier in &explanation.earlier {
        lines.extend(self::earlier(earlier, look));
    }
    lines.join("\n") + "\n"
}

/// What a plan says now: the first lines of both answers.
fn verdict(explanation: &Explanation, look: &Look) -> Vec<String> {
    let step = &explanation.step;
    let name = look.strong(&step.identity.to_string());
    let say = |tone: Tone, word: &str, rest: &str| format!("{name} {}{rest}", look.paint(tone, word));
    let indented = |lines: Vec<String>| lines.into_iter().map(|line| format!("  {line}"));
    let mut lines = match &step.action {
        Action::Valid { .. } | Action::Inherited { .. } if explanation.blessed.is_some() => {
            let inherited = matches!(step.action, Action::Inherited { .. });
            let mut lines = vec![say(Tone::Good, if inherited { "is inherited" } else { "is valid" }, &blessing(explanation, look))];
            let differences = explanation.blessed.iter().flat_map(|blessed| &blessed.differences);
            lines.extend(indented(differences.flat_map(|difference| reason::difference_lines(difference, look)).collect()));
            lines
        }
        Action::Valid { .. } => vec![say(Tone::Good, "is valid", ": its key, computed now, is the one it was made under.")],
        Action::Inherited { from, .. } => {
            vec![say(Tone::Good, "is inherited", &format!(": its key, computed now, is that of {from}, which is used as it is."))]
        }
        Action::StaleInBase { from, why, .. } => {
            let rest = format!(": {from} is used as it is, though its sources moved since ({}).", reason::headline(why));
            let mut lines = vec![say(Tone::Good, "is inherited", &rest)];
            lines.extend(indented(reason::details(why, look)));
            lines.push("  No job of this label reads it; `--fresh` makes it.".into());
            lines
        }
        Action::Reuse { run, from, why, .. } => {
            let mut lines = vec![say(Tone::Good, "will be taken", &format!(" from run {}, which made {from} under the same key.", run.0))];
            lines.push(format!("  {}", reason::headline(why)));
            lines.extend(indented(reason::details(why, look)));
            lines
        }
        Action::Run { why } => {
            let mut lines = vec![say(Tone::Attention, "will be made", &format!(": {}", reason::headline(why)))];
            lines.extend(indented(reason::details(why, look)));
            lines
        }
        Action::MayRun { after } => {
            let mut lines = vec![say(Tone::Attention, "may be made", ": that is decided when these are ready")];
            lines.extend(after.iter().map(|identity| format!("  {}", look.name(&identity.to_string()))));
            lines
        }
        Action::Blocked { on } => {
            let mut lines = vec![say(Tone::Bad, "cannot be provided", ":")];
            lines.extend(indented(reason::derivation(on, look)));
            lines
        }
        Action::Held { snapshot, because } => {
            let empty = if snapshot.is_none() { " empty" } else { "" };
            vec![say(Tone::Name, "is held", &format!("{empty}, until `formake release`: {because}"))]
        }
        Action::Source { state } => {
            let words = match state {
                SourceState::Unchanged => " whose files are as recorded.",
                SourceState::New => " that was never read before.",
                SourceState::Changed => " whose files have other bytes than recorded.",
                SourceState::Vanished => " whose files are no longer there; their recorded hash counts.",
            };
            vec![say(Tone::Good, "is a source", words)]
        }
        Action::Published { .. } => vec![say(Tone::Good, "was published", " by hand.")],
    };
    if let Some(maker) = &step.maker {
        let place = step.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        lines.push(look.faint(&format!("  by {maker}{place}")));
    }
    lines
}

/// `, blessed by alice on 2026-11-25 20:41:02: only comments`
fn blessing(explanation: &Explanation, look: &Look) -> String {
    let Some(Blessed { blessing, .. }) = &explanation.blessed else { return String::new() };
    let of = if blessing.identity == explanation.step.identity { String::new() } else { format!(" (as {})", blessing.identity) };
    format!(", blessed{of} by {} on {}: {}", blessing.user, units::when(blessing.at, &look.zone), blessing.because)
}

pub fn blessed_json(blessed: &Blessed) -> Value {
    let Blessed { blessing, differences } = blessed;
    json!({
        "identity": blessing.identity,
        "snapshot": blessing.snapshot,
        "key": blessing.key,
        "because": blessing.because,
        "user": blessing.user,
        "at": units::when_json(blessing.at),
        "differences": differences,
    })
}

fn lagging(explanation: &Explanation, look: &Look) -> Vec<String> {
    let line = |Lagging { input, used, on_time }: &Lagging| {
        format!("  `{input}` uses {}, since {} cannot be provided", look.name(&used.to_string()), look.name(&on_time.to_string()))
    };
    explanation.lagging.iter().map(line).collect()
}

fn failed(explanation: &Explanation, look: &Look) -> Vec<String> {
    let Some(run) = &explanation.failed else { return vec![] };
    let message = run.message.as_deref().unwrap_or("it said nothing");
    let log = look.name(&format!("formake log {}", units::shell(&explanation.step.identity.to_string())));
    vec![format!("  {} run {}: {message}; {log}", look.paint(Tone::Bad, "last try:"), snapshots::run_line(run, look))]
}

fn earlier(earlier: &Earlier, look: &Look) -> Vec<String> {
    let Earlier { snapshot, run, label, made, obstacle } = earlier;
    let head = format!("  run {}, label {label}, {}: ", run.0, units::when(*made, &look.zone));
    let (text, details) = match obstacle {
        Obstacle::Nothing => (look.paint(Tone::Good, "the same key: this one is used"), vec![]),
        Obstacle::Key { differences } => {
            ("another key".into(), differences.iter().flat_map(|d| reason::difference_lines(d, look)).collect())
        }
        Obstacle::Unknown { after } => {
            let after: Vec<String> = after.iter().take(3).map(ToString::to_string).collect();
            (format!("not known before these are made: {}", after.join(", ")), vec![])
        }
        Obstacle::Invalidated { because } => (look.paint(Tone::Bad, &format!("invalidated: {because}")), vec![]),
        Obstacle::Quarantined => (look.paint(Tone::Bad, "quarantined"), vec![]),
        Obstacle::Effect => ("a receipt of an `effect`, never taken from another label".into(), vec![]),
        Obstacle::Other { reason } => (format!("the same key, and yet: {}", reason::headline(reason)), reason::details(reason, look)),
    };
    let mut lines = vec![format!("{head}{text} {}", look.faint(&snapshot.content.short()))];
    lines.extend(details.into_iter().map(|line| format!("    {line}")));
    lines
}
