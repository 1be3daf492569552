//! Words for reasons: why something must be made, what differs, and why something cannot be provided.

use std::fmt::Write as _;

use super::hunk::hunk;
use super::look::{Look, Tone, clip};
use super::units;
use crate::identity::Identity;
use crate::identity::pattern::Mismatch;
use crate::resolve::{Blocked, Cause, Near};
use crate::validity::{Difference, Reason};

/// A value longer than this is shown in part.
const VALUE_WIDTH: usize = 48;

/// One line: `never made`, `params.threshold: 0.5 -> 0.7`, `recipe and 2 inputs changed`.
pub fn headline(reason: &Reason) -> String {
    match reason {
        Reason::Missing => "not made yet".into(),
        Reason::Sibling { identity, because } => format!("made together with {identity}: {}", headline(because)),
        Reason::Changed { differences } => match differences.as_slice() {
            [] => "what it is made from changed".into(),
            [one] if one_line(one) => difference(one),
            several => format!("{} changed", parts(several)),
        },
        Reason::BytesGone => "its bytes are gone".into(),
        Reason::BytesDamaged => "its bytes are damaged: not those that were recorded".into(),
        Reason::Expired { age, limit } => {
            format!("{} old, and volatile after {}", units::duration(*age), units::duration(*limit))
        }
        Reason::Invalidated { because } => format!("invalidated: {because}"),
    }
}

/// What a headline leaves out, a line each: every difference with its old and new value.
pub fn details(reason: &Reason, look: &Look) -> Vec<String> {
    match reason {
        Reason::Changed { differences } => match differences.as_slice() {
            [one] if one_line(one) => vec![],
            several => several.iter().flat_map(|d| difference_lines(d, look)).collect(),
        },
        Reason::Sibling { because, .. } => details(because, look),
        _ => vec![],
    }
}

/// What many of a class have in common: the headline without what names a single instance.
pub fn family(reason: &Reason) -> String {
    match reason {
        Reason::Changed { differences } if differences.iter().any(Difference::is_input) => {
            let mut names: Vec<&str> = differences.iter().map(|d| d.part.split_once('@').map_or(&*d.part, |(name, _)| name)).collect();
            names.sort_unstable();
            names.dedup();
            format!("{} changed", listed(&names))
        }
        Reason::Sibling { because, .. } => format!("made together: {}", family(because)),
        Reason::Expired { limit, .. } => format!("volatile after {}", units::duration(*limit)),
        other => headline(other),
    }
}

/// Whether both sides have room in one line.
fn one_line(difference: &Difference) -> bool {
    let sides = [&difference.old, &difference.new].map(|side| side.as_deref().unwrap_or_default().trim_end());
    let is_long = |text: &str| !is_digest(text) && text.chars().nth(VALUE_WIDTH).is_some();
    // What is new or gone is told by its beginning.
    let is_compared = sides.iter().all(|text| !text.is_empty());
    !sides.iter().any(|text| text.contains('\n') || (is_compared && is_long(text)))
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `params.threshold: 0.5 -> 0.7`, `code jobs/x.py is new`, `input raw@2024-01-01 is no longer there`.
fn difference(difference: &Difference) -> String {
    let Difference { part, old, new } = difference;
    match (old, new) {
        (Some(old), Some(new)) => format!("{part}: {} -> {}", value(old), value(new)),
        (None, Some(new)) => format!("{part}: none -> {}", value(new)),
        (Some(old), None) => format!("{part}: {} -> none", value(old)),
        (None, None) => format!("{part} changed"),
    }
}

/// One difference, with both sides; texts of several lines as the lines that differ.
pub fn difference_lines(difference: &Difference, look: &Look) -> Vec<String> {
    if one_line(difference) {
        return vec![self::difference(difference)];
    }
    let [old, new] = [&difference.old, &difference.new].map(|side| side.as_deref().unwrap_or_default());
    hunk(&difference.part, old, new, look)
}

/// Digests shortened, long texts cut.
pub(super) fn value(text: &str) -> String {
    let text = text.trim_end();
    if is_digest(text) { text[..12].into() } else { clip(text, VALUE_WIDTH) }
}

/// `recipe, params.threshold and 2 inputs`
fn parts(differences: &[Difference]) -> String {
    let (inputs, others): (Vec<_>, Vec<_>) = differences.iter().partition(|d| d.is_input());
    let mut names: Vec<String> = others.iter().map(|d| d.part.clone()).collect();
    match inputs.as_slice() {
        [] => {}
        [one] => names.push(one.part.clone()),
        several => names.push(units::count(several.len(), "input")),
    }
    listed(&names)
}

/// `a`, `a and b`, `a, b and c`.
fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let mut text = String::new();
    for (i, name) in names.iter().enumerate() {
        let joint = if i == 0 { "" } else { ["", " and ", ", "][1 + usize::from(i + 1 < names.len())] };
        let _ = write!(text, "{joint}{}", name.as_ref());
    }
    text
}

/// Where a derivation ends, in one line: `raw@2024-01-03:prod/dl: there is no file raw/2024-01-03.csv`.
pub fn root(blocked: &Blocked) -> String {
    let chain = blocked.chain();
    let last = chain[chain.len() - 1];
    let cause = cause(last);
    if chain.len() == 1 { cause } else { format!("needs {}: {cause}", last.identity) }
}

/// What cannot be provided, and its derivation.
pub fn impossible(blocked: &Blocked, look: &Look) -> Vec<String> {
    let head = format!("{} cannot be provided:", look.strong(&blocked.identity.to_string()));
    std::iter::once(head).chain(derivation(blocked, look).into_iter().map(|line| format!("  {line}"))).collect()
}

/// The derivation below `blocked`, each line indented by its depth: who needs what, what is missing, what came near, ways out.
pub fn derivation(blocked: &Blocked, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    let chain = blocked.chain();
    for (depth, pair) in chain.windows(2).enumerate() {
        let (Cause::Input { name, .. } | Cause::NoPart { name, .. }) = &pair[0].cause else { continue };
        let all = if matches!(pair[0].cause, Cause::NoPart { .. }) { ", and no other part can be provided either" } else { "" };
        lines.push(format!("{}needs {} as `{name}`{all}", "  ".repeat(depth), look.name(&pair[1].identity.to_string())));
    }
    let indent = "  ".repeat(chain.len() - 1);
    let last = chain[chain.len() - 1];
    lines.push(format!("{indent}{}", look.paint(Tone::Bad, &cause(last))));
    lines.extend(last.near.iter().map(|near| format!("{indent}nearest: {}", self::near(near, &last.identity))));
    lines.extend(ways_out(last).into_iter().map(|way| format!("{indent}{} {way}", look.paint(Tone::Good, "help:"))));
    if let Cause::Input { first_complete: Some(first), .. } = &blocked.cause {
        let help = look.paint(Tone::Good, "help:");
        lines.push(format!(
            "{help} its window is complete from {} on; `any` in place of a needed window takes a short one",
            look.name(&first.to_string())
        ));
    }
    lines
}

/// The cause at the end of a derivation, in words.
fn cause(blocked: &Blocked) -> String {
    match &blocked.cause {
        Cause::NoMaker => "no formula and no source makes it".into(),
        Cause::NoFile { path } => format!("there is no file {path}"),
        Cause::NotPublished => "it is published by hand, and nobody has published it".into(),
        Cause::BytesGone => "its bytes are gone, a job must read them, and nothing makes them again".into(),
        Cause::NotMadeInBase { label } => {
            format!(
                "it was not made, or read as it is now, under {}, and a build under {label} writes nothing there",
                blocked.identity.label
            )
        }
        Cause::Condemned { content } => format!("its bytes ({}) were invalidated", content.short()),
        Cause::Quarantined { because } => format!("its bytes are quarantined: {because}"),
        Cause::HeldEmpty { because } => format!("it is held empty: {because}"),
        Cause::OutsideLife { since, until } => match (since, until) {
            (Some(since), Some(until)) => format!("it exists since {since} and until {until} (not included) only"),
            (Some(since), None) => format!("it exists since {since} only"),
            (None, Some(until)) => format!("it existed until {until} (not included) only"),
            (None, None) => "it lies outside the time in which it exists".into(),
        },
        Cause::NotInDomain { variable, value } => format!("{value} is not among the values of {variable}"),
        Cause::Input { name, .. } => format!("its input `{name}` cannot be provided"),
        Cause::NoPart { name, .. } => format!("its input `{name}` has not a single part that can be provided"),
        Cause::Ambiguous { places } => format!("several make it: {}", listed(places)),
        Cause::Unbounded { class, formula, variable } => {
            format!("`{variable}` of {class} has no bound in {formula}, so its instances cannot be listed")
        }
        Cause::Cycle { through } => {
            let names: Vec<String> = through.iter().map(ToString::to_string).collect();
            format!("it needs itself: {}", names.join(" <- "))
        }
    }
}

/// `raw -> clean (pipeline.formula:12): its label is prod, not prd`
fn near(near: &Near, asked: &Identity) -> String {
    let why = match &near.mismatch {
        Mismatch::Class => "it is another class".into(),
        Mismatch::Label { pattern } => format!("its label is {pattern}, not {}", asked.label),
        Mismatch::Repository { pattern } => format!("its repository is {pattern}, not {}", asked.repository),
        Mismatch::Dimensions => "its instances have other dimensions".into(),
        Mismatch::Component { index, pattern } => {
            let component = asked.instance.0.get(*index);
            let key = component.and_then(|c| c.key.as_ref()).map(|key| format!("{key}=")).unwrap_or_default();
            match component {
                Some(component) => format!("it makes {key}{pattern}, not {key}{}", component.value),
                None => format!("it makes {key}{pattern}"),
            }
        }
    };
    format!("{} ({}): {why}", near.title, near.place)
}

fn ways_out(blocked: &Blocked) -> Vec<String> {
    let identity = &blocked.identity;
    match &blocked.cause {
        Cause::NoMaker if blocked.near.is_empty() => {
            vec![format!("write a formula or a source for {}, or publish it: formake publish {identity} FILE", identity.class)]
        }
        Cause::NoFile { .. } => vec!["put the file there, mark the input optional with `?`, or take what there is with --available".into()],
        Cause::BytesGone => vec!["put the bytes back, publish it, or `formake invalidate` it".into()],
        Cause::NotPublished => vec![format!("formake publish {identity} FILE")],
        Cause::NotMadeInBase { .. } => vec![format!("formake build {identity}")],
        Cause::Condemned { .. } => vec!["put other bytes there, or publish it again".into()],
        Cause::Quarantined { .. } => vec!["put right bytes there, or change the contract where it asks too much".into()],
        Cause::HeldEmpty { .. } => vec![format!("formake release {identity}")],
        Cause::Ambiguous { .. } => vec!["give the formulas periods that do not overlap (`since`, `until`), or remove one".into()],
        Cause::Unbounded { .. } => vec!["give it a set (`<S in stores>`), a range, or `since` and `until`".into()],
        Cause::NoPart { because: None, .. } => vec!["mark the input optional with `?` if it may be empty".into()],
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Instance;
    use std::sync::Arc;

    fn changed(parts: &[(&str, Option<&str>, Option<&str>)]) -> Reason {
        let own = |text: Option<&str>| text.map(String::from);
        let differences = parts.iter().map(|(part, old, new)| Difference { part: part.to_string(), old: own(*old), new: own(*new) });
        Reason::Changed { differences: differences.collect() }
    }

    #[test]
    fn every_difference_shows_both_sides() {
        let hash = "a".repeat(64);
        let one = changed(&[("params.threshold", Some("0.5"), Some("0.7"))]);
        assert_eq!((headline(&one), details(&one, &Look::plain()).len()), ("params.threshold: 0.5 -> 0.7".into(), 0));
        let several = changed(&[("recipe", Some("a\nb\nc\n"), Some("a\nx\ny\nc\n")), ("input raw@2024", Some(&hash), None)]);
        assert_eq!(headline(&several), "recipe and input raw@2024 changed");
        assert_eq!(
            details(&several, &Look::plain()),
            ["recipe changed, from line 2:", "    a", "  - b", "  + x", "  + y", "    c", "input raw@2024: aaaaaaaaaaaa -> none"]
        );
        assert_eq!(family(&several), "input raw and recipe changed");
    }

    #[test]
    fn long_texts_are_no_headline() {
        let query = |end: &str| format!("SELECT store , sum ( amount ) AS amount FROM sales GROUP BY store {end}");
        let reason = changed(&[("sql", Some(&query("ORDER BY store")), Some(&query("ORDER BY amount")))]);
        assert_eq!(headline(&reason), "sql changed");
        let expected = ["sql changed, from line 5:", "    GROUP BY store", "  - ORDER BY store", "  + ORDER BY amount"];
        assert_eq!(details(&reason, &Look::plain()), expected);
        let fresh = changed(&[("sql", None, Some(&query("")))]);
        assert_eq!(headline(&fresh), "sql: none -> SELECT store , sum ( amount ) AS amount FROM sa…");
    }

    #[test]
    fn a_derivation_goes_from_the_asked_to_the_missing() {
        let identity =
            |class: &str| Identity { class: class.into(), instance: Instance::new([]), label: "prod".into(), repository: "dl".into() };
        let near = Near { title: "(raw)".into(), place: "p.formula:3".into(), mismatch: Mismatch::Label { pattern: "test".into() } };
        let raw = Blocked { near: vec![near], ..Blocked::new(identity("raw"), Cause::NoMaker) };
        let clean = Cause::Input { name: "raw".into(), because: Arc::new(raw), first_complete: None };
        let clean = Blocked::new(identity("clean"), clean);
        let report = Cause::NoPart { name: "clean".into(), because: Some(Arc::new(clean)) };
        let report = Blocked::new(identity("report"), report);
        assert_eq!(root(&report), "needs raw:prod/dl: no formula and no source makes it");
        assert_eq!(
            derivation(&report, &Look::plain()),
            [
                "needs clean:prod/dl as `clean`, and no other part can be provided either",
                "  needs raw:prod/dl as `raw`",
                "    no formula and no source makes it",
                "    nearest: (raw) (p.formula:3): its label is test, not prod",
            ]
        );
    }
}
