//! A promotion: what moves, what does not, and what forbids it.

use serde_json::{Value, json};

use super::gather::{in_short, lines};
use super::look::{Columns, Look, Tone, cell};
use super::plan::refusals;
use super::{reason, units};
use crate::catalog::{PromotionId, Saw, Snapshot, SnapshotId};
use crate::diagnostic::Diagnostic;
use crate::identity::Identity;
use crate::plan::Action;
use crate::plan::promotion::{LeftOut, Moving, PromotionPlan, Refusal, Why};

/// More lines than this are gathered by class.
const SMALL: usize = 30;

/// `formake.promote/1`; `id`: where it was done.
pub fn json(plan: &PromotionPlan, id: Option<PromotionId>) -> Value {
    let left_out = |(identity, why): &(Identity, LeftOut)| json!({ "identity": identity, "why": why });
    json!({
        "schema": "formake.promote/1",
        "from": &*plan.from,
        "to": &*plan.to,
        "promotion": id,
        "moves": plan.moves.iter().map(move_json).collect::<Vec<_>>(),
        "left_out": plan.left_out.iter().map(left_out).collect::<Vec<_>>(),
        "refused": plan.refused,
        "rebuild": plan.rebuild,
        "not_permitted": plan.not_permitted,
    })
}

pub fn move_json(moving: &Moving) -> Value {
    let id = |snapshot: &Option<Snapshot>| snapshot.as_ref().map(|s| s.id);
    json!({
        "identity": moving.identity,
        "was": id(&moving.was),
        "now": id(&moving.now),
        "hold": moving.hold,
        "why": moving.why,
    })
}

/// For people; what forbids it is told by [`problems`].
pub fn text(plan: &PromotionPlan, id: Option<PromotionId>, look: &Look) -> String {
    let mut rows: Vec<Row<'_>> = plan.moves.iter().map(|moving| Row::moved(moving, (Tone::Good, "promote"))).collect();
    rows.extend(plan.left_out.iter().map(|(identity, why)| {
        let why = left_out(*why, plan);
        Row { verb: (Tone::Faint, "left out"), identity, family: why.clone(), why }
    }));
    let count = units::count(plan.moves.len(), "identity");
    let (from, to) = (&plan.from, &plan.to);
    let last = match (plan.moves.len(), id) {
        (0, _) if rows.is_empty() => format!("Nothing to promote: {from} has nothing of its own."),
        (0, _) => format!("Nothing to promote from {from} to {to}."),
        (_, None) => format!("Would promote {count} from {from} to {to}."),
        (_, Some(id)) => {
            let back = look.name(&format!("formake rollback {} --to {}", units::shell(to), id.0));
            format!("Promoted {count} from {from} to {to}. To take it back: {back}")
        }
    };
    let mut lines = drawn(&rows, look);
    lines.extend(refusals(&plan.not_permitted, look));
    lines.extend((!rows.is_empty()).then(String::new));
    lines.push(last);
    lines.join("\n") + "\n"
}

/// One line of text, or one of many that are gathered.
pub struct Row<'a> {
    pub verb: (Tone, &'static str),
    pub identity: &'a Identity,
    pub why: String,
    /// What many of a class have in common.
    pub family: String,
}

impl<'a> Row<'a> {
    pub fn moved(moving: &'a Moving, verb: (Tone, &'static str)) -> Self {
        let content = |snapshot: &Snapshot| snapshot.content.short().to_string();
        let change = match (&moving.was, &moving.now) {
            (None, Some(_)) => "new".to_string(),
            (Some(was), Some(now)) if was.id == now.id => "as it is".into(),
            (Some(was), Some(now)) if was.content == now.content => "the same bytes".into(),
            (Some(was), Some(now)) => format!("{} -> {}", content(was), content(now)),
            (_, None) => "stood for nothing before".into(),
        };
        let kind = if moving.was.is_none() { "new" } else { "" };
        let (why, family) = match &moving.why {
            Why::Asked | Why::Promoted => (String::new(), String::new()),
            Why::MadeWith { identity } | Why::HeldWith { identity } => {
                (format!("made together with {identity}"), format!("made together with {}", identity.class))
            }
            Why::NeededBy { identity } => (format!("{identity} was made from it"), format!("{} was made from it", identity.class)),
            Why::MadeFrom { identity } => (format!("made from {identity}"), format!("made from {}", identity.class)),
        };
        let hold = moving.hold.as_ref().map_or_else(String::new, |because| format!("held: {because}"));
        let joined = |parts: [&str; 3]| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        Self { verb, identity: &moving.identity, why: joined([&change, &why, &hold]), family: joined([kind, &family, &hold]) }
    }
}

/// A line each; or, of many, one for each class and reason.
pub fn drawn(rows: &[Row<'_>], look: &Look) -> Vec<String> {
    let mut columns = Columns::default();
    if rows.len() <= SMALL {
        for Row { verb: (tone, verb), identity, why, .. } in rows {
            columns.row([cell(*tone, *verb), cell(Tone::Strong, identity.to_string()), cell(Tone::Plain, why.clone())]);
        }
        return columns.render(look, 0);
    }
    let mut groups: Vec<(&Row<'_>, Vec<&Identity>)> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|(first, _)| (first.verb.1, &first.family) == (row.verb.1, &row.family)) {
            Some((_, identities)) => identities.push(row.identity),
            None => groups.push((row, vec![row.identity])),
        }
    }
    for (first, identities) in &groups {
        for line in lines(identities.iter().copied()) {
            let (tone, verb) = first.verb;
            let why = if line.identities.len() == 1 && identities.len() == 1 { &first.why } else { &first.family };
            let count = cell(Tone::Plain, line.count()).right();
            columns.row([cell(tone, verb), count, cell(Tone::Strong, line.text), cell(Tone::Plain, why.clone())]);
        }
    }
    columns.render(look, 0)
}

fn left_out(why: LeftOut, plan: &PromotionPlan) -> String {
    let (from, to) = (&plan.from, &plan.to);
    match why {
        LeftOut::Same => format!("{to} has the same"),
        LeftOut::StaleInBase => format!("stale in {to}, and stays so"),
        LeftOut::HeldEmpty => format!("held empty under {from}"),
        LeftOut::NoMaker => format!("nothing makes it under {from} any more"),
        LeftOut::Effect | LeftOut::WritesLabel | LeftOut::NamesLabel => unfit(why, from),
    }
}

fn unfit(why: LeftOut, from: &str) -> String {
    match why {
        LeftOut::Effect => "it is the receipt of an effect, which acts once for each label".into(),
        LeftOut::WritesLabel => "its recipe writes {{ label }}".into(),
        _ => format!("its formula or source names {from}"),
    }
}

/// What forbids a promotion, that which many of a class have in common told once.
pub fn problems(plan: &PromotionPlan) -> Vec<Diagnostic> {
    let mut groups: Vec<(String, Vec<&Refusal>)> = Vec::new();
    for refusal in &plan.refused {
        let key = family(refusal);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, refusals)) => refusals.push(refusal),
            None => groups.push((key, vec![refusal])),
        }
    }
    groups.into_iter().map(|(_, refusals)| problem(&refusals, plan)).collect()
}

/// What the same problem of others looks like.
fn family(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unfit { why, .. } => format!("unfit {why:?}"),
        // What releases it names one class.
        Refusal::Held { identity, because, user } => format!("held {} {because} {user}", identity.class),
        Refusal::ReadMoved { reader, .. } => format!("read by {}", reader.class),
        Refusal::Moved { saw, .. } => format!("moved {}", saw.is_some()),
        Refusal::Overtaken { .. } => "overtaken".into(),
        Refusal::Stale { now, .. } => format!("stale {}", stale(now, true)),
        Refusal::BytesGone { damaged, .. } => format!("bytes {damaged}"),
        // What breaks it is told of each.
        Refusal::Contract { identity, .. } => format!("contract {identity}"),
    }
}

/// What a build would do about it.
fn stale(now: &Action, gathered: bool) -> String {
    match now {
        Action::Run { why } if gathered => format!("it would be made: {}", reason::family(why)),
        Action::Run { why } => format!("it would be made: {}", reason::headline(why)),
        Action::Reuse { .. } => "a result that was made before would be taken in its place".into(),
        Action::Blocked { on } => reason::root(on),
        Action::Source { .. } => "its file has other bytes now".into(),
        _ => "it may be made, once what it is made from is".into(),
    }
}

fn problem(refusals: &[&Refusal], plan: &PromotionPlan) -> Diagnostic {
    let identities: Vec<Identity> = refusals.iter().map(|refusal| refusal.identity().clone()).collect();
    let what = in_short(&identities);
    let one = refusals.len() == 1;
    let (from, to) = (&plan.from, &plan.to);
    let number = |snapshot: Option<SnapshotId>| snapshot.map_or("nothing".to_string(), |snapshot| format!("snapshot {}", snapshot.0));
    let again = |diagnostic: Diagnostic| match command(&plan.rebuild) {
        _ if plan.rebuild.is_empty() => diagnostic,
        Some(command) => diagnostic.help(format!("`{command}`, and promote then")),
        None => diagnostic.help(format!("build {} again, and promote then", in_short(&plan.rebuild))),
    };
    match refusals[0] {
        Refusal::Unfit { why, needed_by, .. } => {
            let diagnostic = Diagnostic::error("E0825", format!("{what} cannot be promoted: {}", unfit(*why, from)));
            let diagnostic = match needed_by {
                Some(reader) => diagnostic.note(format!("{reader}, which is to be promoted, was made from it")),
                None => diagnostic,
            };
            diagnostic.help(match why {
                LeftOut::Effect => format!("build it under {to}: the effect happens there then"),
                LeftOut::WritesLabel => format!("build it under {to}, or leave the label out of the recipe"),
                _ => format!("write it for {to}: it is used under {from} too, since {to} is its base"),
            })
        }
        Refusal::Held { because, user, .. } => {
            let diagnostic = Diagnostic::error("E0824", format!("{what} is held")).note(format!("by {user}: {because}"));
            diagnostic.help(format!("formake release {}", units::shell(&what)))
        }
        Refusal::ReadMoved { reader, saw, found, .. } => {
            let diagnostic = Diagnostic::error("E0823", format!("{what} moved since {from} was built"));
            let note = format!("{reader} was made from {}, and {to} stands for {} now", number(Some(*saw)), number(*found));
            again(if one { diagnostic.note(note) } else { diagnostic.note(format!("{} and others were made from it", reader)) })
        }
        Refusal::Moved { saw: None, .. } => {
            let diagnostic = Diagnostic::error("E0823", format!("no build of {from} has looked at {what}, which would be written over"));
            again(diagnostic)
        }
        Refusal::Moved { saw: Some(saw), found, .. } => {
            let diagnostic = Diagnostic::error("E0823", format!("{what} moved since {from} was built"));
            again(match one {
                true => diagnostic.note(was_and_is(*saw, *found, from)),
                false => diagnostic.note(format!("what a build of {from} saw there is not what {to} stands for now")),
            })
        }
        Refusal::Overtaken { .. } => Diagnostic::error("E0823", format!("{what} moved after it was published or held under {from}"))
            .help(format!("if it is to be as under {from}, publish it there again, and promote then")),
        Refusal::Stale { now: Action::Blocked { on }, .. } => {
            let mut diagnostic = Diagnostic::error("E0822", format!("{what} cannot be provided under {from}"));
            for line in reason::derivation(on, &Look::plain()) {
                diagnostic = match line.trim().strip_prefix("help: ") {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic.note(line.trim()),
                };
            }
            diagnostic
        }
        Refusal::Stale { now, .. } => {
            let diagnostic = Diagnostic::error("E0822", format!("{what} is not what a build under {from} would give now"));
            again(diagnostic.note(stale(now, !one)))
        }
        Refusal::BytesGone { damaged, .. } => {
            let how = if *damaged { "damaged" } else { "gone" };
            again(Diagnostic::error("E0814", format!("the bytes of {what} are {how}")))
        }
        Refusal::Contract { file, verdicts, .. } => {
            let problem = Diagnostic::error("E1061", format!("{what} breaks `{file}`, and {to} would stand for it"));
            let lines = super::verdicts::lines(verdicts, &Look::plain());
            let problem = lines.iter().fold(problem, |problem, line| problem.note(line.trim_end()));
            problem.help(format!("build what keeps the contract under {from}, or change the contract where it asks too much"))
        }
    }
}

fn was_and_is(saw: Saw, found: Option<SnapshotId>, from: &str) -> String {
    let number = |snapshot: Option<SnapshotId>| snapshot.map_or("nothing".to_string(), |snapshot| format!("snapshot {}", snapshot.0));
    format!("a build of {from} saw {} there, and it is {} now", number(saw), number(found))
}

/// The build of these, where it is short.
fn command(targets: &[Identity]) -> Option<String> {
    let shown = lines(targets);
    let words = || shown.iter().map(|line| units::shell(&line.text)).collect::<Vec<_>>().join(" ");
    (shown.len() <= 3 && shown.iter().all(|line| line.exact && !line.text.contains('…'))).then(|| format!("formake build {}", words()))
}
