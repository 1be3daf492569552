//! What contracts say of snapshots.

use serde_json::{Value, json};

use super::look::{Columns, Look, Tone, cell};
use super::units;
use crate::formula::program::Program;
use crate::quality::{Contracts, Outcome, Report, Severity, Verdict};

/// So many cells that fail are shown of one rule.
const SAMPLES: usize = 3;

/// A line for each verdict, and one with the first cells that fail.
pub fn lines(verdicts: &[Verdict], look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    for verdict in verdicts {
        let (tone, word) = word(verdict);
        lines.push(format!("{} {}  {}", look.paint(tone, word), look.strong(&verdict.rule), verdict.message));
        let samples: Vec<String> =
            verdict.samples.iter().take(SAMPLES).map(|sample| format!("row {}: {}", sample.row, sample.value)).collect();
        if !samples.is_empty() {
            lines.push(look.faint(&format!("      {}", samples.join(", "))));
        }
    }
    lines
}

fn word(verdict: &Verdict) -> (Tone, &'static str) {
    match (verdict.outcome, verdict.severity) {
        (Outcome::Passed, _) => (Tone::Good, "passed "),
        (Outcome::Skipped, _) => (Tone::Faint, "unknown"),
        (Outcome::Failed, Severity::Error) => (Tone::Bad, "failed "),
        (Outcome::Failed, Severity::Warning) => (Tone::Attention, "warning"),
        (Outcome::Failed, Severity::Info) => (Tone::Faint, "info   "),
    }
}

/// What is broken, warned of and unknown of one thing (with `all`: what holds too), and how many rules there are.
pub fn text(name: &str, file: &str, report: &Report, all: bool, look: &Look) -> String {
    let shown: Vec<Verdict> = report.verdicts.iter().filter(|verdict| all || verdict.outcome != Outcome::Passed).cloned().collect();
    let count = |outcome: Outcome, severity: Option<Severity>| {
        let is = |verdict: &&Verdict| verdict.outcome == outcome && severity.is_none_or(|severity| verdict.severity == severity);
        report.verdicts.iter().filter(is).count()
    };
    let counts = [
        (count(Outcome::Failed, Some(Severity::Error)), "broken"),
        (count(Outcome::Failed, Some(Severity::Warning)), "warned of"),
        (count(Outcome::Failed, Some(Severity::Info)), "told"),
        (count(Outcome::Skipped, None), "unknown"),
        (count(Outcome::Passed, None), "held"),
    ];
    let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let tone = if report.blocks() { Tone::Bad } else { Tone::Good };
    let counts = if counts.is_empty() { "no rules".into() } else { counts.join(", ") };
    let mut text = format!(
        "{}  {} {}\n",
        look.strong(name),
        look.paint(tone, &counts),
        look.faint(&format!("of {} in {file}", units::count(report.verdicts.len(), "rule")))
    );
    for line in lines(&shown, look) {
        text += &format!("  {line}\n");
    }
    text
}

/// Classes with their contracts, then those without.
pub fn contracts_text(contracts: &Contracts, program: &Program, look: &Look) -> String {
    let mut columns = Columns::default();
    let head = |text: &str| cell(Tone::Faint, text);
    columns.row([head("class"), head("rules").right(), head("version"), head("owner"), head("contract")]);
    for contract in contracts.iter() {
        columns.row([
            cell(Tone::Name, contract.class.to_string()),
            cell(Tone::Plain, contract.rules.len().to_string()).right(),
            cell(Tone::Plain, contract.version.clone().unwrap_or_default()),
            cell(Tone::Plain, contract.owner.clone().unwrap_or_default()),
            cell(Tone::Plain, contract.file.clone()),
        ]);
    }
    let mut text = if contracts.iter().next().is_some() { columns.render(look, 0).join("\n") + "\n" } else { String::new() };
    let without: Vec<&str> = program.classes.keys().filter(|class| contracts.of(class).is_none()).map(|class| &**class).collect();
    if !without.is_empty() {
        text += &format!("{} {}\n", look.faint("without a contract:"), without.join(", "));
    }
    text
}

/// `formake.contracts/1`.
pub fn contracts_json(contracts: &Contracts, program: &Program) -> Value {
    let with = contracts.iter().map(|contract| {
        json!({
            "class": &*contract.class,
            "file": contract.file,
            "version": contract.version,
            "status": contract.status,
            "owner": contract.owner,
            "description": contract.description,
            "service_levels": contract.service_levels.iter().map(|(property, value)| json!({ "property": property, "value": value })).collect::<Vec<_>>(),
            "rules": contract.rules.iter().map(|rule| json!({
                "rule": rule.name, "column": rule.column, "severity": rule.severity, "description": rule.description,
            })).collect::<Vec<_>>(),
        })
    });
    let without = program.classes.keys().filter(|class| contracts.of(class).is_none()).map(|class| &**class);
    json!({ "schema": "formake.contracts/1", "contracts": with.collect::<Vec<_>>(), "without": without.collect::<Vec<_>>() })
}
