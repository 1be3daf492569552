//! Words for blessings: what was said, what was taken back, and why nothing can be said.

use serde_json::{Value, json};

use super::look::{Look, Tone};
use super::{reason, snapshots, units};
use crate::catalog::Blessing;
use crate::identity::Identity;
use crate::plan::blessing::{Objection, Statement};
use crate::validity::Difference;

/// `formake.bless/1`
pub fn json(because: &str, statements: &[Statement], valid: &[Identity]) -> Value {
    let one = |statement: &Statement| {
        json!({
            "identity": statement.identity,
            "snapshot": snapshots::snapshot_json(&statement.snapshot),
            "key": statement.key,
            "differences": statement.differences,
        })
    };
    json!({
        "schema": "formake.bless/1",
        "because": because,
        "blessed": statements.iter().map(one).collect::<Vec<_>>(),
        "valid": valid,
        "revoked": [],
    })
}

/// `formake.bless/1`
pub fn revoked_json(revoked: &[Blessing]) -> Value {
    let one = |blessing: &Blessing| {
        json!({
            "identity": blessing.identity,
            "snapshot": blessing.snapshot,
            "key": blessing.key,
            "because": blessing.because,
            "user": blessing.user,
            "at": units::when_json(blessing.at),
        })
    };
    json!({ "schema": "formake.bless/1", "blessed": [], "valid": [], "revoked": revoked.iter().map(one).collect::<Vec<_>>() })
}

/// What was said, with the differences that it speaks of: those that many have in common once.
pub fn text(statements: &[Statement], valid: &[Identity], look: &Look) -> String {
    let mut groups: Vec<(&[Difference], Vec<&Statement>)> = Vec::new();
    for statement in statements {
        match groups.iter_mut().find(|(differences, _)| *differences == statement.differences) {
            Some((_, of_group)) => of_group.push(statement),
            None => groups.push((&statement.differences, vec![statement])),
        }
    }
    let mut lines = Vec::new();
    for (differences, statements) in &groups {
        let names = statements.iter().map(|s| format!("{} is blessed.", look.name(&s.identity.to_string())));
        lines.extend(names);
        let differences = differences.iter().flat_map(|difference| reason::difference_lines(difference, look));
        lines.extend(differences.map(|line| format!("  {line}")));
    }
    lines.extend(valid.iter().map(|identity| format!("{} is valid without a blessing.", look.name(&identity.to_string()))));
    if let Some(first) = statements.first() {
        let verify = format!("formake verify {}", units::shell(&first.identity.to_string()));
        lines.push(look.faint(&format!("`{verify}` makes it again, aside, and compares the bytes.")));
    }
    lines.join("\n") + "\n"
}

pub fn revoked(revoked: &[Blessing], look: &Look) -> String {
    let one = |blessing: &Blessing| {
        let said = format!("said by {} on {}: {}", blessing.user, units::when(blessing.at, &look.zone), blessing.because);
        format!("{} is no longer blessed {}\n", look.name(&blessing.identity.to_string()), look.paint(Tone::Faint, &format!("({said})")))
    };
    revoked.iter().map(one).collect()
}

/// Why nothing can be said of an identity: the reason, and what to do.
pub fn objection(identity: &Identity, objection: &Objection) -> (Vec<String>, String) {
    let build = format!("`formake build {}` makes it", units::shell(&identity.to_string()));
    match objection {
        Objection::NotMade => (vec!["no formula makes it, so that there is no recipe that could have changed".into()], String::new()),
        Objection::Effect => {
            let why = "its job is an `effect`: what it did stays done, whatever the recipe is now".to_string();
            (vec![why], "`formake publish --hold` keeps it as it is".into())
        }
        Objection::Valid => (vec!["it is valid without a blessing".into()], String::new()),
        Objection::Nothing => (vec!["it stands for nothing that could be blessed".into()], build),
        Objection::Undecided { after } => {
            let first = after.first().map_or_else(|| "what it reads".into(), ToString::to_string);
            let more = if after.len() > 1 { format!(" and {} more", after.len() - 1) } else { String::new() };
            let why = format!("its inputs are not settled: {first}{more} would be made first");
            let help = format!("make or bless {first} first; both can be blessed by one command");
            (vec![why], help)
        }
        Objection::Inputs { differences } => {
            let look = Look::plain();
            let mut lines = vec!["it was made from other data, and only a change of the recipe can be blessed".to_string()];
            lines.extend(differences.iter().take(5).flat_map(|difference| reason::difference_lines(difference, &look)));
            if differences.len() > 5 {
                lines.push(format!("and {} more", differences.len() - 5));
            }
            (lines, build)
        }
        Objection::Label => (vec!["its recipe writes the label, which is another one here".into()], build),
        Objection::Apart => (vec!["the outputs of its job were not made together by one run".into()], build),
        Objection::Other { reason } => (vec![format!("its recipe is not why it would be made: {}", reason::headline(reason))], build),
        Objection::Lost { reason } => (vec![format!("there is nothing that could stay: {}", reason::headline(reason))], build),
        Objection::Ending => (vec!["its input's files are of another format now, by their names".into()], build),
    }
}
