//! Points in time as they are typed: ISO 8601, or an age.
//!
//! What is true here: a day, an hour, a minute or a second means its end, so that whatever is told to have happened in it (`history` and `ls`
//! tell seconds) has happened.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};

use super::{Failure, clock};
use crate::catalog;
use crate::diagnostic::Diagnostic;
use crate::formula::duration;

/// The moment that a text means; `zone` is that of times without one.
///
/// # Errors
/// It is no time, or one that has not come yet.
pub fn read(text: &str, zone: &TimeZone) -> Result<catalog::Timestamp, Failure> {
    Ok(before(text, zone, clock::now())?)
}

fn before(text: &str, zone: &TimeZone, now: catalog::Timestamp) -> Result<catalog::Timestamp, Diagnostic> {
    if let Some(seconds) = duration(text) {
        return Ok(now.saturating_sub((seconds * 1000.0) as i64));
    }
    let Some((first, last)) = period(text.trim(), zone) else {
        return Err(Diagnostic::error("E0910", format!("`{text}` is no point in time"))
            .help("write a date, a minute or a second: `2024-01-31`, `2024-01-31T05:30`, `2024-01-31T05:30:00Z`")
            .help("or how long ago it was: `3d`, `2h 30min`; units are `s min h d w`"));
    };
    if first > now {
        return Err(Diagnostic::error("E0911", format!("`{text}` lies in the future")).help("leave the time away for what is now"));
    }
    Ok(last.min(now))
}

/// The first and the last millisecond of what a text names.
fn period(text: &str, zone: &TimeZone) -> Option<(catalog::Timestamp, catalog::Timestamp)> {
    let (date, rest) = text.split_at_checked(10)?;
    let time_follows = rest.starts_with(['T', 't', ' ']);
    let (time, suffix) = match rest.get(1..).filter(|_| time_follows) {
        Some(rest) => rest.split_at(rest.find(['Z', 'z', '+', '-', '[']).unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (time, length): (String, Span) = match (time.is_empty(), time.matches(':').count(), time.contains(['.', ','])) {
        (true, ..) if time_follows => return None,
        (true, ..) => ("00:00".into(), 1.day()),
        (_, 0, _) => (format!("{time}:00"), 1.hour()),
        (_, 1, _) => (time.into(), 1.minute()),
        (_, _, false) => (time.into(), 1.second()),
        (_, _, true) => (time.into(), 1.millisecond()),
    };
    let first: DateTime = format!("{date}T{time}").parse().ok()?;
    let instant = |at: DateTime| -> Option<Timestamp> {
        match suffix {
            "" => Some(at.to_zoned(zone.clone()).ok()?.timestamp()),
            named if named.starts_with('[') || named.ends_with(']') => Some(format!("{at}{suffix}").parse::<Zoned>().ok()?.timestamp()),
            _ => format!("{at}{suffix}").parse().ok(),
        }
    };
    let next = instant(first.checked_add(length).ok()?)?;
    Some((instant(first)?.as_millisecond(), next.as_millisecond() - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::units::when_json;

    const NOW: i64 = 1_718_454_645_500; // 2024-06-15T12:30:45.500Z

    fn shown(text: &str, zone: &str) -> String {
        let zone = TimeZone::get(zone).expect("a zone");
        before(text, &zone, NOW).map_or_else(|problem| problem.code.to_string(), when_json)
    }

    #[test]
    fn a_time_means_its_end() {
        for (text, expected) in [
            ("2024-01-31", "2024-01-31T23:59:59.999Z"),
            ("2024-01-31T05", "2024-01-31T05:59:59.999Z"),
            ("2024-01-31T05:30", "2024-01-31T05:30:59.999Z"),
            ("2024-01-31 05:30:07", "2024-01-31T05:30:07.999Z"),
            ("2024-01-31T05:30:07.123", "2024-01-31T05:30:07.123Z"),
            (" 2024-01-31T05:30Z ", "2024-01-31T05:30:59.999Z"),
            ("2024-01-31T05:30+02:00", "2024-01-31T03:30:59.999Z"),
            ("2024-01-31T05:30-02:00", "2024-01-31T07:30:59.999Z"),
            ("2024-01-31[Asia/Tokyo]", "2024-01-31T14:59:59.999Z"),
            ("3d", "2024-06-12T12:30:45.500Z"),
            ("1h 30min", "2024-06-15T11:00:45.500Z"),
            ("0s", "2024-06-15T12:30:45.500Z"),
        ] {
            assert_eq!(shown(text, "UTC"), expected, "{text}");
        }
        assert_eq!(shown("2024-01-31T05:30", "America/New_York"), "2024-01-31T10:30:59.999Z");
        // A day without the hour that its clocks leave out.
        assert_eq!(shown("2024-03-10", "America/New_York"), "2024-03-11T03:59:59.999Z");
    }

    #[test]
    fn what_is_not_over_means_now() {
        for text in ["2024-06-15", "2024-06-15T12", "2024-06-15T12:30", "2024-06-15T12:30:45"] {
            assert_eq!(shown(text, "UTC"), "2024-06-15T12:30:45.500Z", "{text}");
        }
        for text in ["2024-06-16", "2024-06-15T12:30:46", "2024-06-15T08:31-04:00"] {
            assert_eq!(shown(text, "UTC"), "E0911", "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "yesterday",
            "2024",
            "2024-01",
            "2024-02-30",
            "2024-01-31T",
            "2024-01-31T5",
            "2024-01-31T25:00",
            "2024-01-31x",
            "3",
            "-3d",
            "3mo",
            "2024-01-31T05:30[Nowhere/None]",
            "ééééééééééé",
        ] {
            assert_eq!(shown(text, "UTC"), "E0910", "{text}");
        }
    }
}
