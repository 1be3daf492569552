//! Words for what moved since a plan was saved.

use super::look::Look;
use super::{reason, units};
use crate::digest::ContentHash;
use crate::plan::moved::Moved;
use crate::plan::witness::Stood;
use crate::validity::Difference;

/// More than this is counted only.
const TOLD: usize = 20;

/// A text each, of several lines where texts differ: what was, and what is.
pub fn moved(all: &[Moved], look: &Look) -> Vec<String> {
    let mut told: Vec<String> = all.iter().take(TOLD).map(|one| self::one(one, look)).collect();
    if all.len() > TOLD {
        told.push(format!("and {}", units::count(all.len() - TOLD, "more difference")));
    }
    told
}

fn one(moved: &Moved, look: &Look) -> String {
    match moved {
        Moved::Recipe { formula, place, differences } => differ(&format!("{formula} ({place})"), differences, look),
        Moved::Values { identity, differences } => differ(identity, differences, look),
        Moved::Parts { identity, input, gone, new } => {
            let listed = |parts: &[String]| match parts {
                [one] => one.clone(),
                several => format!("{} and {} more", several[0], several.len() - 1),
            };
            let changes: Vec<String> = [(gone, "no longer"), (new, "now also")]
                .into_iter()
                .filter(|(parts, _)| !parts.is_empty())
                .map(|(parts, word)| format!("{word} {}", listed(parts)))
                .collect();
            format!("{identity} reads {} as `{input}`", changes.join(", "))
        }
        Moved::Content { identity, was, is } => {
            let bytes = |content: &Option<ContentHash>| content.as_ref().map_or_else(|| "nothing".to_string(), ContentHash::short);
            format!("{identity}: its bytes were {}, and are {} now", bytes(was), bytes(is))
        }
        Moved::Pointer { identity, of_base, was, is } => {
            let base = if *of_base { ", in its label's base," } else { "" };
            format!("{identity}{base} stood for {}, and stands for {} now", stood(was), stood(is))
        }
        Moved::Action { identity, was, is, why } => {
            let why = why.as_ref().map(|why| format!(": {}", reason::headline(why))).unwrap_or_default();
            format!("{identity}: the plan says {was}, and a plan of now says {is}{why}")
        }
        Moved::Key { identity } => format!("{identity} would be made under another key"),
        Moved::Needed { identity, now: true } => format!("{identity} is needed now, and was not"),
        Moved::Needed { identity, now: false } => format!("{identity} was needed, and is not any more"),
    }
}

fn stood(stood: &Option<Stood>) -> String {
    stood.map_or_else(|| "nothing".into(), |stood| format!("snapshot {} ({})", stood.snapshot.0, stood.content.short()))
}

fn differ(of: &str, differences: &[Difference], look: &Look) -> String {
    let lines: Vec<String> = differences.iter().flat_map(|difference| reason::difference_lines(difference, look)).collect();
    match lines.as_slice() {
        [one] => format!("{of}: {one}"),
        several => format!("{of}:\n{}", several.join("\n")),
    }
}
