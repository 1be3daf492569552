//! Arguments of properties as values: durations, sizes, periods, parameters.

use serde_json::Value as Json;

use super::template::Failure;
use crate::formula::ast::{Literal, Span, Spanned};

/// What renders the templates in texts.
pub(super) type Render<'r> = &'r mut dyn FnMut(&str) -> Result<String, Failure>;

/// A parameter's value. A bare word is a text.
pub(super) fn json(literal: &Spanned<Literal>, render: Render<'_>) -> Result<Json, (Failure, Span)> {
    Ok(match &literal.node {
        Literal::Text(text) => Json::String(render(&text.text).map_err(|failure| (failure, literal.span))?),
        Literal::Word(word) => Json::String(render(word).map_err(|failure| (failure, literal.span))?),
        Literal::Int(n) => (*n).into(),
        Literal::Float(n) => serde_json::Number::from_f64(*n).map_or(Json::Null, Json::Number),
        Literal::Bool(b) => (*b).into(),
        Literal::List(items) => items.iter().map(|item| json(item, &mut *render)).collect::<Result<Vec<_>, _>>()?.into(),
    })
}

/// A literal as it would be written without quotes; `None` for a list.
pub(super) fn text(literal: &Literal) -> Option<String> {
    Some(match literal {
        Literal::Text(text) => text.text.clone(),
        Literal::Word(word) => word.clone(),
        Literal::Int(n) => n.to_string(),
        Literal::Float(n) => n.to_string(),
        Literal::Bool(b) => b.to_string(),
        Literal::List(_) => return None,
    })
}

/// Seconds of `30s`, `1.5h`, `1d 30min`; units `s min h d w`.
pub fn seconds(text: &str) -> Option<f64> {
    let mut total = None;
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let behind = behind.trim_start();
        let (unit, behind) = behind.split_at(behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len()));
        let each = match unit {
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return None,
        };
        total = Some(total.unwrap_or(0.0) + number.parse::<f64>().ok()? * each);
        rest = behind.trim_start();
    }
    total
}

/// Bytes of `4GiB`, `500 MB`; decimal and binary units.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.')?);
    let each: f64 = match unit.trim_start() {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * each;
    (1.0..1e18).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up() {
        for (text, expected) in [
            ("30s", Some(30.0)),
            ("1d 30min", Some(88_200.0)),
            ("1.5h", Some(5400.0)),
            ("2 w", Some(1_209_600.0)),
            ("", None),
            ("30", None),
            ("1mo", None),
            ("-1s", None),
            ("1..5h", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn sizes_need_a_unit() {
        for (text, expected) in [
            ("4GiB", Some(4 << 30)),
            ("1.5 GB", Some(1_500_000_000)),
            ("100B", Some(100)),
            ("4", None),
            ("4G", None),
            ("0MB", None),
            ("GB", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
