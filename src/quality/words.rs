//! What verdicts say, for people: numbers, limits, and what is wrong with a cell.

use super::contract::{Limit, Unit};
use crate::table::measure::{Bound, Logical, Scalar, Test, TextFormat};

/// So many values of a list are named.
const NAMED: usize = 8;

/// `7,043`
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with as many digits as people look at: `0.0412`, `12.5`, `7,043`.
pub(super) fn number(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    if number.fract() == 0.0 && number.abs() < 1e15 {
        let sign = if number < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(number.abs() as u64));
    }
    let size = number.abs().log10().floor();
    if !(-6.0..15.0).contains(&size) {
        return format!("{number:.3e}");
    }
    let decimals = (3.0 - size).clamp(0.0, 9.0) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// `none may be`, `at most 5 may be`, `less than 1 % may be`
pub(super) fn allowance(limit: Limit, unit: Unit, verb: &str) -> String {
    let percent = unit == Unit::Percent;
    let show = |n: f64| if percent { format!("{} %", number(n)) } else { number(n) };
    let fewer = if percent { "less" } else { "fewer" };
    let verb = if verb.is_empty() { String::new() } else { format!(" {verb}") };
    match limit {
        Limit::Be(0.0) => format!("none may{verb}"),
        Limit::Be(n) => format!("exactly {} must{verb}", show(n)),
        Limit::NotBe(0.0) => format!("some must{verb}"),
        Limit::NotBe(n) => format!("exactly {} may not{verb}", show(n)),
        Limit::Greater(n) => format!("more than {} must{verb}", show(n)),
        Limit::GreaterOrEqual(n) => format!("at least {} must{verb}", show(n)),
        Limit::Less(n) => format!("{fewer} than {} may{verb}", show(n)),
        Limit::LessOrEqual(n) => format!("at most {} may{verb}", show(n)),
        Limit::Between(least, most) => format!("{} to {} must{verb}", show(least), show(most)),
        Limit::NotBetween(least, most) => format!("{} to {} may not{verb}", show(least), show(most)),
    }
}

/// `exactly 3`, `more than 0`, `from 1 to 5`, with what stands behind each number.
pub(super) fn wanted(limit: Limit, unit: &str) -> String {
    let show = |n: f64| format!("{}{unit}", number(n));
    match limit {
        Limit::Be(n) => show(n),
        Limit::NotBe(n) => format!("anything but {}", show(n)),
        Limit::Greater(n) => format!("more than {}", show(n)),
        Limit::GreaterOrEqual(n) => format!("at least {}", show(n)),
        Limit::Less(n) => format!("less than {}", show(n)),
        Limit::LessOrEqual(n) => format!("at most {}", show(n)),
        Limit::Between(least, most) => format!("from {} to {}", show(least), show(most)),
        Limit::NotBetween(least, most) => format!("outside of {} to {}", show(least), show(most)),
    }
}

/// Of a whole in per cent, to six decimals as the reference tool has it.
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 100.0 * 1e6).round() / 1e6 }
}

pub(super) fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Null => "null".into(),
        Scalar::Bool(flag) => flag.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => format!("`{text}`"),
    }
}

/// The first of many, and how many there are.
pub(super) fn some<T>(all: &[T], show: impl Fn(&T) -> String) -> String {
    let shown: Vec<String> = all.iter().take(NAMED).map(show).collect();
    let rest = if all.len() > NAMED { format!(", … ({} in all)", count(all.len() as u64)) } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

/// What a cell is that fails a test: `null`, `longer than 3 characters`.
pub(super) fn fault(test: &Test, logical: Option<Logical>) -> String {
    let plural = |n: u64, what: &str| if n == 1 { format!("1 {what}") } else { format!("{} {what}s", count(n)) };
    let sized = |least: &Option<u64>, most: &Option<u64>, what: &str| match (least, most) {
        (Some(least), Some(most)) if least == most => format!("not {} long", plural(*least, what)),
        (Some(least), Some(most)) => format!("not {least} to {} long", plural(*most, what)),
        (Some(least), None) => format!("shorter than {}", plural(*least, what)),
        (None, most) => format!("longer than {}", plural(most.unwrap_or(0), what)),
    };
    match test {
        Test::Present => "null".into(),
        Test::Reads => format!("no {}", logical.map_or("value", kind)),
        Test::OneOf(values) if values.is_empty() => "not null".into(),
        Test::OneOf(values) => format!("other than {}", some(values, scalar)),
        Test::NoneOf(values) => format!("one of {}", some(values, scalar)),
        Test::Matches(pattern) => format!("without a match of `{}`", pattern.regex()),
        Test::Format(TextFormat::Email) => "no e-mail address".into(),
        Test::Format(TextFormat::Uri) => "no URI".into(),
        Test::Format(TextFormat::Uuid) => "no UUID".into(),
        Test::Format(TextFormat::Hostname) => "no host name".into(),
        Test::Format(TextFormat::Ipv4) => "no IPv4 address".into(),
        Test::Format(TextFormat::Ipv6) => "no IPv6 address".into(),
        Test::Length { least, most } => sized(least, most, "character"),
        Test::AtLeast(Bound { limit, exclusive: false }) => format!("below {}", plain(limit)),
        Test::AtLeast(Bound { limit, exclusive: true }) => format!("{} or below", plain(limit)),
        Test::AtMost(Bound { limit, exclusive: false }) => format!("above {}", plain(limit)),
        Test::AtMost(Bound { limit, exclusive: true }) => format!("{} or above", plain(limit)),
        Test::MultipleOf(step) => format!("no multiple of {}", number(*step)),
        Test::Items { least, most } => sized(least, most, "item"),
        Test::UniqueItems => "a list with an item twice".into(),
        Test::All { tests, nulls } => {
            let faults = tests.iter().map(|test| fault(test, logical));
            nulls.then(|| "null".to_string()).into_iter().chain(faults).collect::<Vec<_>>().join(" or ")
        }
    }
}

/// A limit as it is written.
pub(super) fn plain(limit: &Scalar) -> String {
    if let Scalar::Text(text) = limit { text.clone() } else { scalar(limit) }
}

/// A logical type for people, without its article.
pub(super) fn kind(logical: Logical) -> &'static str {
    match logical {
        Logical::Text => "text",
        Logical::Integer => "integer",
        Logical::Number => "number",
        Logical::Boolean => "boolean",
        Logical::Date => "date",
        Logical::Timestamp => "timestamp",
        Logical::Time => "time of day",
        Logical::Object => "object",
        Logical::Array => "list",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        let shown = [0.0, 3.0, -1234.0, 7_043_000.0, 0.041_234_5, 12.345_67, 99.999_999, 1e-9, f64::NAN].map(number);
        assert_eq!(shown, ["0", "3", "-1,234", "7,043,000", "0.04123", "12.35", "100", "1.000e-9", "NaN"]);
    }
}
