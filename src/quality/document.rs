//! Numbers of a JSON output: against a limit, the previous instance, or the same identity under another label.

use serde_json::Value as Json;

use super::contract::Compare;
use super::evidence::{Evidence, Found};
use super::words::{number, wanted};

pub(super) fn judge(evidence: &Evidence, pointer: &str, limit: &Compare) -> Found {
    let Some(document) = evidence.document else { return Found::said(false, "it is no JSON".into()) };
    let now = match numeral(document, pointer) {
        Ok(now) => now,
        Err(why) => return Found::said(false, why),
    };
    match limit {
        Compare::Limit(limit) => Found::judged(limit.holds(now), now, format!("{}; wanted: {}", number(now), wanted(*limit, ""))),
        Compare::With { label, relative, change } => {
            let other = label.as_ref().map_or_else(|| "the previous instance".to_string(), |label| format!("`{label}`"));
            let Some(document) = evidence.documents.get(label) else {
                return Found::skipped(format!("{other} has nothing to compare with"));
            };
            let then = match numeral(document, pointer) {
                Ok(then) => then,
                Err(why) => return Found::skipped(format!("of {other}: {why}")),
            };
            if *relative && then == 0.0 {
                return Found::skipped(format!("{other} has 0, which no change is a share of"));
            }
            let difference = if *relative { (now - then) / then.abs() * 100.0 } else { now - then };
            let unit = if *relative { " %" } else { "" };
            let message = format!(
                "{}, and {other} has {}: a change of {}{}{unit}; wanted: {}",
                number(now),
                number(then),
                if difference > 0.0 { "+" } else { "" },
                number(difference),
                wanted(*change, unit)
            );
            Found::judged(change.holds(difference), difference, message)
        }
    }
}

fn numeral(document: &Json, pointer: &str) -> Result<f64, String> {
    match document.pointer(pointer) {
        Some(Json::Number(number)) => number.as_f64().ok_or_else(|| format!("`{pointer}` is too large")),
        Some(other) => {
            let kind = match other {
                Json::String(_) => "a text",
                Json::Bool(_) => "a boolean",
                Json::Null => "null",
                Json::Array(_) => "a list",
                _ => "an object",
            };
            Err(format!("`{pointer}` is {kind}, no number"))
        }
        None => Err(format!("there is no `{pointer}`")),
    }
}
