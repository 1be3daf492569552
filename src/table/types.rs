//! SQL's type names, and the types that values written as text have.
//!
//! What is true here: a [`Guess`] joins what all values of a column could be, so that it doesn't depend on their order: whole numbers, then
//! floats, dates, timestamps, booleans, and text for everything else. Whatever a guess accepts, [`parse`] reads. Numbers that would lose
//! something as numbers (`007`, `+49`, more than 64 bits) are text, and so are times finer than microseconds. A column without any value is text.

use arrow::{
    array::{Array, ArrayRef, StringArray, new_null_array},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, TimeUnit},
};
use datafusion::sql::sqlparser::{
    ast::{DataType as SqlType, ExactNumberInfo, TimezoneInfo},
    parser::Parser,
};

use super::statement::DIALECT;
use crate::identity::{Precision, Type};

/// What the values seen so far could be. Joined in any order, the answer is the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Guess {
    /// No value yet.
    #[default]
    Nothing,
    Int,
    Float,
    Date,
    /// In microseconds, without or with a zone.
    Timestamp {
        zone: bool,
    },
    Bool,
    Text,
}

impl Guess {
    /// What one value is.
    pub fn of(text: &str) -> Self {
        match text.as_bytes() {
            [b'0'..=b'9' | b'-' | b'.', ..] => {
                if is_int(text) {
                    if text.parse::<i64>().is_ok() { Guess::Int } else { Guess::Text }
                } else if is_float(text) {
                    Guess::Float
                } else {
                    date_or_timestamp(text)
                }
            }
            _ if matches!(text, "NaN" | "inf") => Guess::Float,
            _ if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => Guess::Bool,
            _ => Guess::Text,
        }
    }

    pub fn join(self, other: Self) -> Self {
        use Guess::*;
        match (self, other) {
            (a, b) if a == b => a,
            (Nothing, x) | (x, Nothing) => x,
            (Int, Float) | (Float, Int) => Float,
            (Date, Timestamp { zone: false }) | (Timestamp { zone: false }, Date) => Timestamp { zone: false },
            _ => Text,
        }
    }

    pub fn data_type(self) -> DataType {
        match self {
            Guess::Int => DataType::Int64,
            Guess::Float => DataType::Float64,
            Guess::Date => DataType::Date32,
            Guess::Timestamp { zone } => DataType::Timestamp(TimeUnit::Microsecond, zone.then(|| "UTC".into())),
            Guess::Bool => DataType::Boolean,
            Guess::Nothing | Guess::Text => DataType::Utf8,
        }
    }
}

fn digits(bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() && bytes[at].is_ascii_digit() {
        at += 1;
    }
    at > 0 && at == bytes.len()
}

/// `0`, `-12`; no leading zeros.
fn is_int(text: &str) -> bool {
    let bytes = text.strip_prefix('-').unwrap_or(text).as_bytes();
    digits(bytes) && (bytes[0] != b'0' || bytes.len() == 1)
}

/// `1.5`, `-.5`, `1e-3`, finite; no leading zeros before other digits.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned == "inf" {
        return true;
    }
    // Byte by byte, since every cell of a file may come here in an unoptimised build.
    let bytes = unsigned.as_bytes();
    let digits_from = |mut at: usize| {
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        at
    };
    let whole = digits_from(0);
    let (mut at, mut fraction) = (whole, 0);
    if at < bytes.len() && bytes[at] == b'.' {
        at = digits_from(whole + 1);
        fraction = at - whole - 1;
    }
    if whole + fraction == 0 || whole > 1 && bytes[0] == b'0' {
        return false;
    }
    if at < bytes.len() && matches!(bytes[at], b'e' | b'E') {
        let sign = usize::from(at + 1 < bytes.len() && matches!(bytes[at + 1], b'-' | b'+'));
        let end = digits_from(at + 1 + sign);
        at = if end > at + 1 + sign { end } else { at };
    }
    at == bytes.len() && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `2024-01-31`, or one followed by `T` or a space, `05:30`, maybe seconds with a fraction, maybe `Z` or `+01:00`.
fn date_or_timestamp(text: &str) -> Guess {
    let bytes = text.as_bytes();
    let shaped = bytes.len() >= 10
        && digits(&bytes[..4])
        && bytes[4] == b'-'
        && digits(&bytes[5..7])
        && bytes[7] == b'-'
        && digits(&bytes[8..10])
        && text.is_char_boundary(10)
        && Type::Time(Precision::Day).read(&text[..10]).is_some();
    if !shaped {
        return Guess::Text;
    }
    if bytes.len() == 10 {
        return Guess::Date;
    }
    if !matches!(bytes[10], b'T' | b' ') {
        return Guess::Text;
    }
    let clock = &text[11..];
    let zone_at = clock.find(['Z', '+', '-']);
    let (clock, zone) = clock.split_at(zone_at.unwrap_or(clock.len()));
    let (whole, fraction) = match clock.split_once('.') {
        Some((whole, fraction)) if whole.len() == 8 => (whole, Some(fraction)),
        Some(_) => return Guess::Text,
        None => (clock, None),
    };
    let parts: Vec<&str> = whole.split(':').collect();
    let limits = [24, 60, 60];
    let clock_ok = matches!(parts.len(), 2 | 3)
        && parts
            .iter()
            .zip(limits)
            .all(|(part, limit)| part.len() == 2 && digits(part.as_bytes()) && part.parse::<u32>().is_ok_and(|n| n < limit));
    let fraction_ok = fraction.is_none_or(|f| f.len() <= 6 && digits(f.as_bytes()));
    let zone_ok = match zone.as_bytes() {
        [] | [b'Z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => digits(&[*h1, *h2, *m1, *m2]) && (*h1, *h2) <= (b'2', b'3') && *m1 < b'6',
        _ => false,
    };
    if clock_ok && fraction_ok && zone_ok { Guess::Timestamp { zone: !zone.is_empty() } } else { Guess::Text }
}

/// `2024-01-31T05:30:00Z` for `2024-01-31T05:30Z`; `None` where seconds are written.
fn with_seconds(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let short = bytes.get(13) == Some(&b':') && bytes.get(16) != Some(&b':') && text.is_char_boundary(16) && bytes.len() >= 16;
    short.then(|| format!("{}:00{}", &text[..16], &text[16..]))
}

/// Texts as values of a type.
///
/// # Errors
/// The index of the first text that is not one.
pub(crate) fn parse(texts: &StringArray, ty: &DataType) -> Result<ArrayRef, usize> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let cast = |texts: &StringArray| cast_with_options(texts, ty, &options).map_err(|_| 0_usize);
    let array = cast(texts)?;
    if array.null_count() == texts.null_count() {
        return Ok(array);
    }
    if matches!(ty, DataType::Timestamp(..)) && texts.iter().flatten().any(|text| with_seconds(text).is_some()) {
        // Rare enough to be tried second: times without seconds, which the cast does not know.
        let whole: StringArray = texts.iter().map(|text| text.map(|t| with_seconds(t).unwrap_or_else(|| t.to_string()))).collect();
        return parse(&whole, ty);
    }
    Err((0..texts.len()).find(|&at| array.is_null(at) && texts.is_valid(at)).unwrap_or(0))
}

/// The same, but what is not of the type is null.
pub(crate) fn parse_what_can_be(texts: &StringArray, ty: &DataType) -> ArrayRef {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let cast = |texts: &StringArray| cast_with_options(texts, ty, &options).unwrap_or_else(|_| new_null_array(ty, texts.len()));
    let array = cast(texts);
    if !matches!(ty, DataType::Timestamp(..)) || array.null_count() == texts.null_count() {
        return array;
    }
    cast(&texts.iter().map(|text| text.map(|t| with_seconds(t).unwrap_or_else(|| t.to_string()))).collect())
}

/// The type that a name of `columns (id int, …)` stands for. Sizes are those of the engine: `int` has 32 bits, `bigint` 64.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn from_sql(name: &str) -> Result<DataType, String> {
    let known = "write one of: int, bigint, smallint, float, double, decimal(p, s), text, date, timestamp, timestamptz, time, boolean";
    let mut parser = Parser::new(&DIALECT).try_with_sql(name).map_err(|_| known.to_string())?;
    let sql = parser.parse_data_type().map_err(|_| known.to_string())?;
    if parser.peek_token().token != datafusion::sql::sqlparser::tokenizer::Token::EOF {
        return Err(known.into());
    }
    Ok(match sql {
        SqlType::TinyInt(_) => DataType::Int8,
        SqlType::SmallInt(_) | SqlType::Int2(_) => DataType::Int16,
        SqlType::Int(_) | SqlType::Integer(_) | SqlType::Int4(_) | SqlType::Int32 => DataType::Int32,
        SqlType::BigInt(_) | SqlType::Int8(_) | SqlType::Int64 => DataType::Int64,
        SqlType::Float(_) | SqlType::Real | SqlType::Float4 | SqlType::Float32 => DataType::Float32,
        SqlType::Double(_) | SqlType::DoublePrecision | SqlType::Float8 | SqlType::Float64 => DataType::Float64,
        SqlType::Decimal(size) | SqlType::Numeric(size) | SqlType::Dec(size) => decimal(size)?,
        SqlType::Text
        | SqlType::String(_)
        | SqlType::Varchar(_)
        | SqlType::Char(_)
        | SqlType::CharacterVarying(_)
        | SqlType::Character(_) => DataType::Utf8,
        SqlType::Date | SqlType::Date32 => DataType::Date32,
        SqlType::Datetime(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        SqlType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => DataType::Timestamp(TimeUnit::Microsecond, None),
        SqlType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        SqlType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => DataType::Time64(TimeUnit::Microsecond),
        SqlType::Bool | SqlType::Boolean => DataType::Boolean,
        _ => return Err(known.into()),
    })
}

fn decimal(size: ExactNumberInfo) -> Result<DataType, String> {
    let (precision, scale) = match size {
        ExactNumberInfo::None => (38, 10),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    if !(1..=38).contains(&precision) || scale < 0 || scale as u64 > precision {
        return Err("a decimal has 1 to 38 digits, of which none to all stand behind the point: decimal(12, 2)".into());
    }
    Ok(DataType::Decimal128(precision as u8, scale as i8))
}

/// A type's name for people, in SQL's words where it has one.
pub fn name(ty: &DataType) -> String {
    match ty {
        DataType::Int8 => "tinyint".into(),
        DataType::Int16 => "smallint".into(),
        DataType::Int32 => "int".into(),
        DataType::Int64 => "bigint".into(),
        DataType::Float32 => "float".into(),
        DataType::Float64 => "double".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Date32 => "date".into(),
        DataType::Timestamp(_, None) => "timestamp".into(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".into(),
        DataType::Time32(_) | DataType::Time64(_) => "time".into(),
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => {
            format!("decimal({p}, {s})")
        }
        DataType::List(item) | DataType::LargeList(item) => format!("{}[]", name(item.data_type())),
        DataType::Struct(fields) => {
            format!("struct({})", fields.iter().map(|f| format!("{} {}", f.name(), name(f.data_type()))).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_what_they_look_like() {
        for (text, guess) in [
            ("0", Guess::Int),
            ("-12", Guess::Int),
            ("007", Guess::Text),
            ("+49", Guess::Text),
            ("9223372036854775808", Guess::Text),
            ("1.50", Guess::Float),
            (".5", Guess::Float),
            ("1e-3", Guess::Float),
            ("00.5", Guess::Text),
            ("1e999", Guess::Text),
            ("-", Guess::Text),
            ("NaN", Guess::Float),
            ("-inf", Guess::Float),
            ("nan", Guess::Text),
            ("True", Guess::Bool),
            ("yes", Guess::Text),
            ("2024-02-29", Guess::Date),
            ("2023-02-29", Guess::Text),
            ("2024-02-29T05:30", Guess::Timestamp { zone: false }),
            ("2024-02-29 05:30:59.123456", Guess::Timestamp { zone: false }),
            ("2024-02-29 05:30:59.1234567", Guess::Text),
            ("2024-02-29T05:30:00Z", Guess::Timestamp { zone: true }),
            ("2024-02-29T05:30:00+01:00", Guess::Timestamp { zone: true }),
            ("2024-02-29T24:00", Guess::Text),
            ("10.0.0.1", Guess::Text),
            ("7590-VHVEG", Guess::Text),
            (" 1", Guess::Text),
        ] {
            assert_eq!(Guess::of(text), guess, "{text}");
        }
    }

    #[test]
    fn sql_names_become_types() {
        assert_eq!(from_sql("int"), Ok(DataType::Int32));
        assert_eq!(from_sql("DECIMAL(12, 2)"), Ok(DataType::Decimal128(12, 2)));
        assert_eq!(from_sql("timestamp with time zone"), Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))));
        assert_eq!(from_sql("varchar(20)"), Ok(DataType::Utf8));
        assert!(from_sql("intt").is_err() && from_sql("int)").is_err() && from_sql("").is_err() && from_sql("decimal(50)").is_err());
    }

    proptest! {
        #[test]
        fn what_is_guessed_can_be_read(texts in prop::collection::vec(prop_oneof![
            "-?[0-9]{1,3}", r"-?[0-9]{0,2}\.[0-9]{0,2}(e[0-9]{1,3})?", "20[0-9]{2}-[01][0-9]-[0-3][0-9]",
            r"20[0-9]{2}-0[1-9]-[0-2][0-9][T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]{1,7})?)?(Z|[+-]0[0-9]:30)?", "true|FALSE|NaN|inf|-inf|x",
        ], 1..4)) {
            let guess = texts.iter().map(|t| Guess::of(t)).fold(Guess::Nothing, Guess::join);
            let backwards = texts.iter().rev().map(|t| Guess::of(t)).fold(Guess::Nothing, Guess::join);
            prop_assert_eq!(guess, backwards);
            prop_assert!(parse(&StringArray::from(texts), &guess.data_type()).is_ok());
        }
    }
}
