//! Numbers as people read them: durations, sizes, counts, points in time.

use jiff::{Timestamp, tz::TimeZone};

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let pair = |big: u64, big_unit: &str, small: u64, small_unit: &str| {
        if small == 0 { format!("{big} {big_unit}") } else { format!("{big} {big_unit} {small} {small_unit}") }
    };
    match whole {
        _ if seconds < 0.095 => format!("{} ms", (seconds.max(0.0) * 1000.0).round()),
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => pair(whole / 60, "min", whole % 60, "s"),
        3600..86_400 => pair(whole / 3600, "h", whole % 3600 / 60, "min"),
        _ => pair(whole / 86_400, "d", whole % 86_400 / 3600, "h"),
    }
}

/// A duration that is still running or only guessed: whole seconds, at least one.
pub fn about(seconds: f64) -> String {
    match seconds.max(1.0).round() {
        short if short < 60.0 => format!("{short} s"),
        long => duration(long),
    }
}

/// `12 B`, `3.4 kB`, `120 MB`: powers of 1000.
pub fn bytes(count: u64) -> String {
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64;
    let mut unit = "";
    for next in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// `1 job`, `12 jobs`, `2 identities`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = match noun.strip_suffix('y') {
        _ if number == 1 => noun.to_string(),
        _ if noun.ends_with('s') => format!("{noun}es"),
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    };
    format!("{number} {plural}")
}

/// `7,043`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let threes: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|three| std::str::from_utf8(three).ok()).collect();
    threes.join(",")
}

/// A catalog's milliseconds as `2026-11-21 03:41:02`.
pub fn when(milliseconds: i64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(milliseconds) {
        Ok(timestamp) => timestamp.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => format!("{milliseconds} ms"),
    }
}

/// A catalog's milliseconds for JSON: `2026-11-21T03:41:02.123Z`.
pub fn when_json(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds).map_or_else(|_| milliseconds.to_string(), |timestamp| format!("{timestamp:.3}"))
}

/// A word as a shell takes it: quoted where it must be.
pub fn shell(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_string(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let durations: Vec<_> = [0.012, 0.4, 9.94, 9.96, 59.7, 200.0, 3600.0, 7500.0, 90_000.0].map(duration).into();
        assert_eq!([0.2, 9.6, 200.0].map(about), ["1 s", "10 s", "3 min 20 s"]);
        assert_eq!(durations, ["12 ms", "0.4 s", "9.9 s", "10 s", "1 min", "3 min 20 s", "1 h", "2 h 5 min", "1 d 1 h"]);
        let sizes: Vec<_> = [0, 999, 1000, 9949, 12_345, 999_499, 999_500, 3_400_000_000].map(bytes).into();
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "9.9 kB", "12 kB", "999 kB", "1.0 MB", "3.4 GB"]);
        assert_eq!(["job", "identity", "class"].map(|noun| count(2, noun)), ["2 jobs", "2 identities", "2 classes"]);
        assert_eq!([count(1, "identity"), count(0, "job")], ["1 identity", "0 jobs"]);
        assert_eq!(when(0, &TimeZone::UTC), "1970-01-01 00:00:00");
        assert_eq!(when_json(1), "1970-01-01T00:00:00.001Z");
    }
}
