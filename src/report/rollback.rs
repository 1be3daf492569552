//! A rollback: what goes back, what is held, and what forbids it; and the promotions that there were.

use serde_json::{Value, json};

use super::gather::in_short;
use super::label::promotion_json;
use super::look::{Columns, Look, Tone, cell};
use super::plan::refusals;
use super::promotion::{Row, drawn, move_json};
use super::units;
use crate::catalog::{Promotion, PromotionId, PromotionKind, SnapshotId};
use crate::diagnostic::Diagnostic;
use crate::identity::Identity;
use crate::plan::promotion::{Moving, RollbackPlan, Stuck, Why};

/// `formake.rollback/1`; `id`: where it was done.
pub fn json(plan: &RollbackPlan, id: Option<PromotionId>) -> Value {
    json!({
        "schema": "formake.rollback/1",
        "label": &*plan.label,
        "promotion": id,
        "undoes": plan.undoes.iter().map(|promotion| promotion.id).collect::<Vec<_>>(),
        "moves": plan.moves.iter().map(move_json).collect::<Vec<_>>(),
        "sources": plan.sources,
        "refused": plan.stuck,
        "not_permitted": plan.not_permitted,
    })
}

/// For people; what forbids it is told by [`problems`]. `done`: it was done, and is not only looked at.
pub fn text(plan: &RollbackPlan, done: bool, look: &Look) -> String {
    let label = &plan.label;
    if plan.undoes.is_empty() {
        return format!("Nothing to roll back: no promotion of {label} is left to take back.\n");
    }
    let verb = |moving: &Moving| match (&moving.why, &moving.now) {
        (Why::HeldWith { .. }, _) => (Tone::Name, "hold"),
        (_, None) => (Tone::Attention, "empty"),
        _ => (Tone::Good, "back"),
    };
    // That it is held is told once, at the end.
    let moves: Vec<Moving> = plan.moves.iter().map(|moving| Moving { hold: None, ..moving.clone() }).collect();
    let mut rows: Vec<Row<'_>> = moves.iter().map(|moving| Row::moved(moving, verb(moving))).collect();
    let stays = |identity| Row { verb: (Tone::Faint, "source"), identity, why: "stays as it is".into(), family: "stays as it is".into() };
    rows.extend(plan.sources.iter().map(stays));
    let mut lines = drawn(&rows, look);
    lines.extend(refusals(&plan.not_permitted, look));
    lines.push(String::new());
    let numbers: Vec<String> = plan.undoes.iter().rev().map(|promotion| promotion.id.0.to_string()).collect();
    let promotions = if numbers.len() == 1 { "promotion" } else { "promotions" };
    let count = units::count(plan.moves.iter().filter(|moving| !matches!(moving.why, Why::HeldWith { .. })).count(), "identity");
    lines.push(match done {
        true => format!("Took back {promotions} {} of {label}: {count}, held until `formake release`.", numbers.join(", ")),
        false => format!("Would take back {promotions} {} of {label}: {count}, held from then on.", numbers.join(", ")),
    });
    lines.join("\n") + "\n"
}

/// A line for each promotion and rollback, oldest first.
pub fn list(promotions: &[Promotion], look: &Look) -> String {
    if promotions.is_empty() {
        return "No promotion has moved it.\n".into();
    }
    let mut columns = Columns::default();
    for promotion in promotions {
        let undone = promotions.iter().find(|other| other.undoes.contains(&promotion.id));
        let undoes: Vec<String> = promotion.undoes.iter().map(|id| id.0.to_string()).collect();
        let (tone, what) = match promotion.kind {
            PromotionKind::Rollback => (Tone::Attention, format!("rollback of {}", undoes.join(", "))),
            PromotionKind::Promotion => {
                (Tone::Good, promotion.from.as_ref().map_or("promotion".to_string(), |from| format!("promotion from {from}")))
            }
        };
        columns.row([
            cell(Tone::Strong, promotion.id.0.to_string()).right(),
            cell(Tone::Faint, units::when(promotion.at, &look.zone)),
            cell(Tone::Plain, promotion.user.clone()),
            cell(tone, what),
            cell(Tone::Plain, units::count(promotion.moves.len(), "identity")),
            cell(Tone::Attention, undone.map_or(String::new(), |by| format!("taken back by {}", by.id.0))),
            cell(Tone::Plain, promotion.because.clone().unwrap_or_default()),
        ]);
    }
    columns.render(look, 0).join("\n") + "\n"
}

/// `formake.promotions/1`.
pub fn list_json(promotions: &[Promotion]) -> Value {
    json!({ "schema": "formake.promotions/1", "promotions": promotions.iter().map(promotion_json).collect::<Vec<_>>() })
}

/// What forbids a rollback, the same of many told once.
pub fn problems(plan: &RollbackPlan) -> Vec<Diagnostic> {
    let mut groups: Vec<(String, Vec<&Stuck>)> = Vec::new();
    for stuck in &plan.stuck {
        let key = match stuck {
            Stuck::Moved { identity, .. } => format!("moved {}", identity.class),
            Stuck::Invalidated { identity, .. } => format!("invalidated {}", identity.class),
            Stuck::BytesGone { identity, damaged, .. } => format!("bytes {damaged} {}", identity.class),
            Stuck::MadeFrom { .. } => "made".into(),
            other => format!("{other:?}"),
        };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, all)) => all.push(stuck),
            None => groups.push((key, vec![stuck])),
        }
    }
    groups.into_iter().map(|(_, stuck)| problem(&stuck, &plan.label)).collect()
}

fn problem(stuck: &[&Stuck], label: &str) -> Diagnostic {
    let identities = stuck.iter().filter_map(|stuck| match stuck {
        Stuck::Moved { identity, .. }
        | Stuck::Invalidated { identity, .. }
        | Stuck::BytesGone { identity, .. }
        | Stuck::MadeFrom { identity, .. } => Some(identity.clone()),
        Stuck::Unknown { .. } | Stuck::IsRollback { .. } | Stuck::Undone { .. } => None,
    });
    let identities: Vec<Identity> = identities.collect();
    let what = in_short(&identities);
    let one = stuck.len() == 1;
    let number = |snapshot: Option<SnapshotId>| snapshot.map_or("nothing".to_string(), |snapshot| format!("snapshot {}", snapshot.0));
    let list = format!("`formake rollback {} --list` shows them", units::shell(label));
    match stuck[0] {
        Stuck::Unknown { promotion } => {
            Diagnostic::error("E0826", format!("no promotion of {label} has the number {}", promotion.0)).help(list)
        }
        Stuck::IsRollback { promotion } => Diagnostic::error("E0826", format!("{} is a rollback itself", promotion.0))
            .help(format!("promote again what it took back; {list}")),
        Stuck::Undone { promotion, by } => {
            Diagnostic::error("E0826", format!("promotion {} was taken back already, by {}", promotion.0, by.0)).help(list)
        }
        Stuck::Moved { expected, found, promotion, .. } => {
            let diagnostic = Diagnostic::error("E0827", format!("{what} moved again since promotion {}", promotion.0));
            let (left_at, now) = (number(*expected), number(*found));
            let diagnostic = if one { diagnostic.note(format!("it was left at {left_at}, and went on to {now}")) } else { diagnostic };
            diagnostic
                .help(format!("`formake history {}` tells who moved it", units::shell(&what)))
                .help("what is to be put right now is put right by a build, or by `formake publish --hold`")
        }
        Stuck::Invalidated { snapshot, .. } => {
            let diagnostic = Diagnostic::error("E0827", format!("what {what} stood for before was invalidated since"));
            let diagnostic = if one { diagnostic.note(format!("it was {}", number(Some(*snapshot)))) } else { diagnostic };
            diagnostic.help("correct the formulas and build; or put other data there with `formake publish --hold`")
        }
        Stuck::BytesGone { damaged, .. } => {
            let how = if *damaged { "damaged" } else { "gone" };
            Diagnostic::error("E0827", format!("the bytes of what {what} stood for before are {how}"))
                .help("correct the formulas and build; or put other data there with `formake publish --hold`")
        }
        Stuck::MadeFrom { from, .. } => Diagnostic::error("E0828", format!("{what} was made since from what goes back"))
            .note(if one { format!("it was made from {from}") } else { format!("from {from}, among others") })
            .help("`--cascade` takes it back too, to what it stood for before the promotion"),
    }
}
