//! Periods of time, as ISO 8601 writes them: `2024` `2024-Q1` `2024-01` `2024-W05` `2024-01-31` `2024-01-31T05` `2024-01-31T05:30`.
//!
//! What is true here: a period is half open, named by its start, and stored as a count of its own precision since 1970 (years since
//! year 0), so that stepping is addition. Times have no zone of their own. The calendar is the proleptic Gregorian one; the two
//! conversions are those of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".

use std::fmt;

/// How long a period is. Ordered from fine to coarse.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Precision {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Precision {
    pub const ALL: [Precision; 7] =
        [Precision::Minute, Precision::Hour, Precision::Day, Precision::Week, Precision::Month, Precision::Quarter, Precision::Year];

    /// The word used in `<H: hour>` and `<DATE.month>`.
    pub fn word(self) -> &'static str {
        match self {
            Precision::Minute => "minute",
            Precision::Hour => "hour",
            Precision::Day => "day",
            Precision::Week => "week",
            Precision::Month => "month",
            Precision::Quarter => "quarter",
            Precision::Year => "year",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.word() == word)
    }

    /// The unit used in `<DATE - 1d>`: `min h d w mo q y`.
    pub fn unit(self) -> &'static str {
        match self {
            Precision::Minute => "min",
            Precision::Hour => "h",
            Precision::Day => "d",
            Precision::Week => "w",
            Precision::Month => "mo",
            Precision::Quarter => "q",
            Precision::Year => "y",
        }
    }

    pub fn from_unit(unit: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.unit() == unit)
    }
}

/// One period: `index` counts periods of this precision since the epoch (for years, quarters and months since year 0).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Period {
    pub precision: Precision,
    pub index: i64,
}

/// A step in time: `- 1d` is `Step { count: -1, unit: Day }`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Step {
    pub count: i64,
    pub unit: Precision,
}

/// Years this far from year 0 are refused, so that no arithmetic here overflows.
const YEARS: std::ops::RangeInclusive<i64> = 0..=9999;

impl Period {
    pub fn new(precision: Precision, index: i64) -> Self {
        Self { precision, index }
    }

    pub fn day(year: i64, month: i64, day: i64) -> Self {
        Self::new(Precision::Day, days_from_civil(year, month, day))
    }

    /// Minutes from 1970-01-01T00:00 to this period's start.
    pub fn start_minutes(self) -> i64 {
        match self.precision {
            Precision::Minute => self.index,
            Precision::Hour => self.index * 60,
            _ => self.start_day() * 1440,
        }
    }

    /// Days from 1970-01-01 to the day that holds this period's start.
    pub fn start_day(self) -> i64 {
        match self.precision {
            Precision::Minute => self.index.div_euclid(1440),
            Precision::Hour => self.index.div_euclid(24),
            Precision::Day => self.index,
            Precision::Week => self.index * 7 - 3,
            Precision::Month => days_from_civil(self.index.div_euclid(12), self.index.rem_euclid(12) + 1, 1),
            Precision::Quarter => days_from_civil(self.index.div_euclid(4), self.index.rem_euclid(4) * 3 + 1, 1),
            Precision::Year => days_from_civil(self.index, 1, 1),
        }
    }

    /// The period of `precision` that contains the given minute (counted as in [`Period::start_minutes`]).
    pub fn containing_minute(precision: Precision, minute: i64) -> Self {
        let day = minute.div_euclid(1440);
        let index = match precision {
            Precision::Minute => minute,
            Precision::Hour => minute.div_euclid(60),
            Precision::Day => day,
            Precision::Week => (day + 3).div_euclid(7),
            Precision::Month | Precision::Quarter | Precision::Year => {
                let (year, month, _) = civil_from_days(day);
                match precision {
                    Precision::Month => year * 12 + month - 1,
                    Precision::Quarter => year * 4 + (month - 1) / 3,
                    _ => year,
                }
            }
        };
        Self { precision, index }
    }

    /// `<DATE.month>`: the period of `precision` that contains this one's start.
    pub fn truncate(self, precision: Precision) -> Self {
        if precision == self.precision { self } else { Self::containing_minute(precision, self.start_minutes()) }
    }

    pub fn next(self) -> Self {
        Self::new(self.precision, self.index + 1)
    }

    /// Adds a step. Months, quarters and years clip to the last day. `None` where the unit is finer than this period, or the result
    /// lies outside the years 0 to 9999.
    pub fn step(self, step: Step) -> Option<Self> {
        if step.unit < self.precision {
            return None;
        }
        let add = |n: i64, by: i64| n.checked_mul(by).and_then(|n| self.index.checked_add(n));
        let moved = match (self.precision, step.unit) {
            (p, u) if p == u => Self::new(p, add(step.count, 1)?),
            (p @ (Precision::Month | Precision::Quarter | Precision::Year), unit) => {
                let months = |x| match x {
                    Precision::Month => 1,
                    Precision::Quarter => 3,
                    _ => 12,
                };
                Self::new(p, add(step.count, months(unit) / months(p))?)
            }
            (p, Precision::Hour) => Self::new(p, add(step.count, 60)?),
            (p, Precision::Day | Precision::Week) => {
                let days = if step.unit == Precision::Week { 7 } else { 1 };
                let per_day = match p {
                    Precision::Minute => 1440,
                    Precision::Hour => 24,
                    _ => 1,
                };
                Self::new(p, add(step.count, days * per_day)?)
            }
            (p, unit) => {
                let months = match unit {
                    Precision::Month => step.count,
                    Precision::Quarter => step.count.checked_mul(3)?,
                    _ => step.count.checked_mul(12)?,
                };
                let minute = self.start_minutes();
                let (year, month, day) = civil_from_days(minute.div_euclid(1440));
                let total = (year * 12 + month - 1).checked_add(months)?;
                let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
                if !YEARS.contains(&year) {
                    return None;
                }
                let day = day.min(days_in_month(year, month));
                Self::containing_minute(p, days_from_civil(year, month, day) * 1440 + minute.rem_euclid(1440))
            }
        };
        moved.in_range().then_some(moved)
    }

    fn in_range(self) -> bool {
        let per_year = match self.precision {
            Precision::Year => return YEARS.contains(&self.index),
            Precision::Quarter => 4,
            Precision::Month => 12,
            Precision::Week => 54,
            Precision::Day => 366,
            Precision::Hour => 366 * 24,
            Precision::Minute => 366 * 1440,
        };
        self.index.abs() < per_year * 12_000 && YEARS.contains(&civil_from_days(self.start_day()).0)
    }

    /// All periods of `precision` that start in this one (for a coarser `precision`: the one that contains its start), first and last.
    pub fn range_of(self, precision: Precision) -> (Self, Self) {
        if precision >= self.precision {
            let only = self.truncate(precision);
            return (only, only);
        }
        let first_at_or_after = |minute: i64| {
            let p = Self::containing_minute(precision, minute);
            if p.start_minutes() < minute { p.next() } else { p }
        };
        let first = first_at_or_after(self.start_minutes());
        let after = first_at_or_after(self.next().start_minutes());
        (first, Self::new(precision, after.index - 1))
    }

    /// Reads exactly one period of the given precision.
    pub fn parse(text: &str, precision: Precision) -> Option<Self> {
        Self::parse_any(text).filter(|p| p.precision == precision)
    }

    /// Reads a period of whatever precision its form has.
    pub fn parse_any(text: &str) -> Option<Self> {
        let digits = |s: &str, len: usize| -> Option<i64> {
            (s.len() == len && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok()).flatten()
        };
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let parts: Vec<&str> = date.split('-').collect();
        let year = digits(parts[0], 4)?;
        let period = match (parts.as_slice(), time) {
            ([_], None) => Self::new(Precision::Year, year),
            ([_, q], None) if q.starts_with('Q') => {
                let q = digits(&q[1..], 1).filter(|q| (1..=4).contains(q))?;
                Self::new(Precision::Quarter, year * 4 + q - 1)
            }
            ([_, w], None) if w.starts_with('W') => {
                let w = digits(&w[1..], 2).filter(|w| *w >= 1)?;
                let first = Self::containing_minute(Precision::Week, days_from_civil(year, 1, 4) * 1440);
                let week = Self::new(Precision::Week, first.index + w - 1);
                week.iso_week().eq(&(year, w)).then_some(week)?
            }
            ([_, m], None) => {
                let m = digits(m, 2).filter(|m| (1..=12).contains(m))?;
                Self::new(Precision::Month, year * 12 + m - 1)
            }
            ([_, m, d], time) => {
                let m = digits(m, 2).filter(|m| (1..=12).contains(m))?;
                let d = digits(d, 2).filter(|d| *d >= 1 && *d <= days_in_month(year, m))?;
                let day = days_from_civil(year, m, d);
                match time {
                    None => Self::new(Precision::Day, day),
                    Some(time) => {
                        let hour = digits(time.get(..2)?, 2).filter(|h| *h < 24)?;
                        match &time[2..] {
                            "" => Self::new(Precision::Hour, day * 24 + hour),
                            rest => {
                                let minute = digits(rest.strip_prefix(':')?, 2).filter(|m| *m < 60)?;
                                Self::new(Precision::Minute, day * 1440 + hour * 60 + minute)
                            }
                        }
                    }
                }
            }
            _ => return None,
        };
        Some(period)
    }

    /// ISO year and week number of a week.
    pub fn iso_week(self) -> (i64, i64) {
        let thursday = self.start_day() + 3;
        let (year, _, _) = civil_from_days(thursday);
        (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
    }

    /// Year, month and day of this period's start.
    pub fn start_date(self) -> (i64, i64, i64) {
        civil_from_days(self.start_day())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (y, m, d) = self.start_date();
        match self.precision {
            Precision::Year => write!(f, "{y:04}"),
            Precision::Quarter => write!(f, "{y:04}-Q{}", (m - 1) / 3 + 1),
            Precision::Month => write!(f, "{y:04}-{m:02}"),
            Precision::Week => {
                let (year, week) = self.iso_week();
                write!(f, "{year:04}-W{week:02}")
            }
            Precision::Day => write!(f, "{y:04}-{m:02}-{d:02}"),
            Precision::Hour => write!(f, "{y:04}-{m:02}-{d:02}T{:02}", self.index.rem_euclid(24)),
            Precision::Minute => {
                let minute = self.index.rem_euclid(1440);
                write!(f, "{y:04}-{m:02}-{d:02}T{:02}:{:02}", minute / 60, minute % 60)
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", if self.count < 0 { "-" } else { "+" }, self.count.unsigned_abs(), self.unit.unit())
    }
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let (y, m) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(y, m, 1) - days_from_civil(year, month, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(text: &str) -> Period {
        Period::parse_any(text).unwrap_or_else(|| panic!("{text} is a period"))
    }

    fn stepped(text: &str, count: i64, unit: &str) -> String {
        p(text).step(Step { count, unit: Precision::from_unit(unit).unwrap() }).map_or("none".into(), |p| p.to_string())
    }

    #[test]
    fn every_form_is_printed_as_it_was_read() {
        for text in
            ["2024", "2024-Q1", "2024-01", "2024-W05", "2020-W53", "2024-01-31", "2024-01-31T05", "2024-01-31T05:30", "1969-12-31T23"]
        {
            assert_eq!(p(text).to_string(), text);
        }
        for bad in [
            "",
            "24",
            "2024-13",
            "2024-00",
            "2023-02-29",
            "2024-W54",
            "2023-W53",
            "2024-Q5",
            "2024-01-31T24",
            "2024-1-1",
            "2024-01-31T05:60",
            "+024",
        ] {
            assert_eq!(Period::parse_any(bad), None, "{bad}");
        }
    }

    #[test]
    fn month_ends_clip() {
        assert_eq!(stepped("2024-01-31", 1, "mo"), "2024-02-29");
        assert_eq!(stepped("2023-01-31", 1, "mo"), "2023-02-28");
        assert_eq!(stepped("2024-03-31", -1, "mo"), "2024-02-29");
        assert_eq!(stepped("2024-11-30", 1, "q"), "2025-02-28");
        assert_eq!(stepped("2024-02-29", 1, "y"), "2025-02-28");
        assert_eq!(stepped("2024-01-31T05", 1, "mo"), "2024-02-29T05");
        assert_eq!(stepped("2024-12", 2, "mo"), "2025-02");
        assert_eq!(stepped("2024-Q4", 1, "y"), "2025-Q4");
        assert_eq!(stepped("2024-03-01", -1, "w"), "2024-02-23");
        assert_eq!(stepped("2024-03-01T00:10", -1, "h"), "2024-02-29T23:10");
        assert_eq!(stepped("2024-01", -1, "d"), "none", "a unit finer than the period");
        assert_eq!(stepped("9999-12-31", 1, "d"), "none", "outside the calendar");
        assert_eq!(stepped("2024-01-31", i64::MAX, "y"), "none");
    }

    #[test]
    fn periods_contain_what_starts_in_them() {
        let range = |text: &str, precision| {
            let (a, b) = p(text).range_of(precision);
            format!("{a}..{b}")
        };
        assert_eq!(range("2024-02", Precision::Day), "2024-02-01..2024-02-29");
        assert_eq!(range("2024-02-03", Precision::Hour), "2024-02-03T00..2024-02-03T23");
        assert_eq!(range("2024-Q1", Precision::Week), "2024-W01..2024-W13");
        assert_eq!(range("2024-02", Precision::Week), "2024-W06..2024-W09");
        assert_eq!(p("2024-05-17").truncate(Precision::Quarter).to_string(), "2024-Q2");
        assert_eq!(p("2021-01-01").truncate(Precision::Week).to_string(), "2020-W53");
    }
}
