//! Time formats of path patterns: `%Y/%m/%d`, read both ways.
//!
//! What is true here: every field has a fixed width, so a format gives texts of one length; a format determines its period (this is checked
//! when it is parsed); and a text is read as a period only where that period is written as exactly this text.

use std::fmt::Write as _;

use super::time::{Period, Precision};

/// A strftime subset: `%Y %m %d %H %M`, `%j` (day of the year), `%G %V` (ISO year and week), `%q` (quarter), `%%`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimeFormat {
    /// As written.
    pub text: String,
    pub(super) items: Vec<Item>,
    precision: Precision,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Item {
    Literal(char),
    Field(Field),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    DayOfYear,
    IsoYear,
    IsoWeek,
    Quarter,
}

/// Why a text is not a format; `at` counts bytes from the format's start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FormatError {
    /// `%y`, or a `%` at the end.
    UnknownField { at: usize, found: String },
    /// The fields are too few to tell the period.
    Undetermined { precision: Precision, needs: &'static str },
}

const FIELDS: [(char, Field, usize); 9] = [
    ('Y', Field::Year, 4),
    ('m', Field::Month, 2),
    ('d', Field::Day, 2),
    ('H', Field::Hour, 2),
    ('M', Field::Minute, 2),
    ('j', Field::DayOfYear, 3),
    ('G', Field::IsoYear, 4),
    ('V', Field::IsoWeek, 2),
    ('q', Field::Quarter, 1),
];

impl Field {
    pub(super) fn width(self) -> usize {
        FIELDS.iter().find(|(_, field, _)| *field == self).map_or(0, |(_, _, width)| *width)
    }

    fn of(self, period: Period) -> i64 {
        let (year, month, day) = period.start_date();
        let minute = period.start_minutes().rem_euclid(1440);
        let week = || Period::new(Precision::Day, period.start_day()).truncate(Precision::Week).iso_week();
        match self {
            Field::Year => year,
            Field::Month => month,
            Field::Day => day,
            Field::Hour => minute / 60,
            Field::Minute => minute % 60,
            Field::DayOfYear => period.start_day() - Period::day(year, 1, 1).start_day() + 1,
            Field::IsoYear => week().0,
            Field::IsoWeek => week().1,
            Field::Quarter => (month - 1) / 3 + 1,
        }
    }
}

impl TimeFormat {
    /// Reads a format for periods of `precision`.
    pub fn parse(text: &str, precision: Precision) -> Result<Self, FormatError> {
        let mut items = Vec::new();
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            if c != '%' {
                items.push(Item::Literal(c));
                continue;
            }
            match chars.next() {
                Some((_, '%')) => items.push(Item::Literal('%')),
                Some((_, letter)) => match FIELDS.iter().find(|(l, ..)| *l == letter) {
                    Some((_, field, _)) => items.push(Item::Field(*field)),
                    None => return Err(FormatError::UnknownField { at, found: format!("%{letter}") }),
                },
                None => return Err(FormatError::UnknownField { at, found: "%".into() }),
            }
        }
        let format = Self { text: text.into(), items, precision };
        match format.missing() {
            Some(needs) => Err(FormatError::Undetermined { precision, needs }),
            None => Ok(format),
        }
    }

    /// The fields that the precision needs, where some are not there.
    fn missing(&self) -> Option<&'static str> {
        let has = |field| self.items.contains(&Item::Field(field));
        let date = has(Field::Year) && (has(Field::DayOfYear) || has(Field::Month) && has(Field::Day));
        let (enough, needs) = match self.precision {
            Precision::Year => (has(Field::Year), "%Y"),
            Precision::Quarter => (has(Field::Year) && (has(Field::Quarter) || has(Field::Month)), "%Y and %q"),
            Precision::Month => (has(Field::Year) && has(Field::Month), "%Y and %m"),
            Precision::Week => (has(Field::IsoYear) && has(Field::IsoWeek) || date, "%G and %V"),
            Precision::Day => (date, "%Y, %m and %d (or %Y and %j)"),
            Precision::Hour => (date && has(Field::Hour), "%Y, %m, %d and %H"),
            Precision::Minute => (date && has(Field::Hour) && has(Field::Minute), "%Y, %m, %d, %H and %M"),
        };
        (!enough).then_some(needs)
    }

    /// Bytes of every text that this format gives.
    pub fn width(&self) -> usize {
        self.items
            .iter()
            .map(|item| match item {
                Item::Literal(c) => c.len_utf8(),
                Item::Field(field) => field.width(),
            })
            .sum()
    }

    pub fn write(&self, period: Period) -> String {
        let mut out = String::new();
        for item in &self.items {
            match item {
                Item::Literal(c) => out.push(*c),
                Item::Field(field) => {
                    let _ = write!(out, "{:0width$}", field.of(period), width = field.width());
                }
            }
        }
        out
    }

    /// The one period that is written as `text`.
    pub fn read(&self, text: &str) -> Option<Period> {
        let mut fields = [None; FIELDS.len()];
        let mut rest = text;
        for item in &self.items {
            match item {
                Item::Literal(c) => rest = rest.strip_prefix(*c)?,
                Item::Field(field) => {
                    let digits = rest.get(..field.width())?;
                    if !digits.bytes().all(|b| b.is_ascii_digit()) {
                        return None;
                    }
                    fields[*field as usize] = Some(digits.parse::<i64>().ok()?);
                    rest = &rest[digits.len()..];
                }
            }
        }
        let get = |field: Field| fields[field as usize];
        let year = get(Field::Year);
        let date = || match (get(Field::Month), get(Field::Day), get(Field::DayOfYear)) {
            (Some(month), Some(day), _) => Period::parse(&format!("{:04}-{month:02}-{day:02}", year?), Precision::Day),
            (_, _, Some(day)) => Some(Period::new(Precision::Day, Period::day(year?, 1, 1).index + day - 1)),
            _ => None,
        };
        let period = match self.precision {
            Precision::Year => Period::new(Precision::Year, year?),
            Precision::Quarter => {
                let quarter = get(Field::Quarter).or_else(|| get(Field::Month).map(|m| (m - 1).div_euclid(3) + 1))?;
                Period::new(Precision::Quarter, year? * 4 + quarter - 1)
            }
            Precision::Month => Period::new(Precision::Month, year? * 12 + get(Field::Month)? - 1),
            Precision::Week => match (get(Field::IsoYear), get(Field::IsoWeek)) {
                (Some(year), Some(week)) => Period::parse(&format!("{year:04}-W{week:02}"), Precision::Week)?,
                _ => date()?.truncate(Precision::Week),
            },
            Precision::Day => date()?,
            Precision::Hour => Period::new(Precision::Hour, date()?.index * 24 + get(Field::Hour)?),
            Precision::Minute => Period::new(Precision::Minute, date()?.index * 1440 + get(Field::Hour)? * 60 + get(Field::Minute)?),
        };
        (rest.is_empty() && self.write(period) == text).then_some(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both_ways(format: &str, period: &str, text: &str) {
        let period = Period::parse_any(period).unwrap();
        let format = TimeFormat::parse(format, period.precision).unwrap();
        assert_eq!(format.write(period), text);
        assert_eq!(format.read(text), Some(period));
        assert_eq!(format.width(), text.len());
    }

    #[test]
    fn formats_are_read_both_ways() {
        both_ways("%Y/%m/%d", "2024-01-31", "2024/01/31");
        both_ways("%Y%j", "2024-12-31", "2024366");
        both_ways("%G-w%V", "2020-W53", "2020-w53");
        both_ways("%Y-%m-%d", "2024-W05", "2024-01-29");
        both_ways("%Yq%q", "2024-Q3", "2024q3");
        both_ways("%Y%m", "2024-Q3", "202407");
        both_ways("100%%/%Y", "2024", "100%/2024");
        both_ways("%Y%m%d_%H%M", "2024-01-31T05:30", "20240131_0530");
        both_ways("%d.%m.%Y %H", "2024-01-31T05", "31.01.2024 05");
    }

    #[test]
    fn only_the_text_that_would_be_written_is_read() {
        for (format, precision, text) in [
            ("%Y-%m-%d", Precision::Day, "2023-02-29"),
            ("%Y-%m-%d", Precision::Week, "2024-01-30"),
            ("%Y%m", Precision::Quarter, "202408"),
            ("%Y-%j", Precision::Day, "2023-366"),
            ("%Y-%j", Precision::Day, "2023-000"),
            ("%Y/%Y-%m", Precision::Month, "2023/2024-01"),
            ("%Y%m", Precision::Month, "202413"),
            ("%Y%m", Precision::Month, "+02401"),
            ("%Y%m", Precision::Month, "2024011"),
            ("%Y%m%d%H", Precision::Hour, "2024013124"),
            ("%Y%m", Precision::Month, "20240é"),
        ] {
            assert_eq!(TimeFormat::parse(format, precision).unwrap().read(text), None, "{format} {text}");
        }
    }

    #[test]
    fn formats_that_say_too_little_are_refused() {
        assert!(matches!(TimeFormat::parse("%Y-%m", Precision::Day), Err(FormatError::Undetermined { .. })));
        assert!(matches!(TimeFormat::parse("%Y-%V", Precision::Week), Err(FormatError::Undetermined { .. })));
        assert_eq!(TimeFormat::parse("%m%y", Precision::Month), Err(FormatError::UnknownField { at: 2, found: "%y".into() }));
        assert_eq!(TimeFormat::parse("%Y%", Precision::Year), Err(FormatError::UnknownField { at: 2, found: "%".into() }));
    }
}
