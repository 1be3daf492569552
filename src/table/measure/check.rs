//! Tests of cells, a batch at a time.
//!
//! What is true here: a test says of every cell whether it fails. It is asked of arrays with a type, and of texts that have none but what they look
//! like; these are compared as numbers with numbers, else as texts. A text that is not of the type that its column should have fails
//! [`Test::Reads`] alone. NaN is greater than all numbers.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Datum, Float64Array, Int32Array, Scalar as One, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::compute::kernels::cmp;
use arrow::datatypes::{DataType, TimeUnit};
use regex::Regex;

use super::asked::{Bound, Failing, Logical, Sample, Scalar, Test, TextFormat};
use super::cells::{Cells, as_list, bits};
use super::many::Same;
use super::summary::hashes;
use crate::table::parquet::is_same;
use crate::table::types::{self, Guess};

/// So many values are looked through one by one.
const FEW: usize = 8;
/// So many failing cells are shown.
const SAMPLES: usize = 5;

/// A test on the way.
pub(super) struct Check<'a> {
    test: &'a Test,
    logical: Option<Logical>,
    /// Of [`Test::All`].
    inner: Vec<Check<'a>>,
    /// Of [`Test::Matches`]: its own, since one that threads share is slower.
    regex: Option<Regex>,
    /// Of [`Test::OneOf`] and [`Test::NoneOf`]: the values as the column's type.
    known: Option<(DataType, Known)>,
    /// Of values that come by number: which of them fail.
    by_number: Option<(ArrayRef, BooleanBuffer)>,
}

/// Values of a contract.
struct Known {
    hashes: HashSet<u64, BuildHasherDefault<Same>>,
    /// The same, where they are so few that looking through them is quicker.
    few: Vec<u64>,
    numbers: Vec<f64>,
}

impl<'a> Check<'a> {
    pub fn new(test: &'a Test, logical: Option<Logical>) -> Self {
        let inner = if let Test::All { tests, .. } = test { tests.iter().map(|test| Check::new(test, logical)).collect() } else { vec![] };
        let regex = if let Test::Matches(pattern) = test { Some(pattern.regex().clone()) } else { None };
        Self { test, logical, inner, regex, known: None, by_number: None }
    }

    /// Counts a batch's rows with failing cells; `before` rows come before it.
    pub fn count(&mut self, cells: &Cells, before: u64, rows: usize, failing: &mut Failing) {
        failing.of += rows as u64;
        let fails = match cells.numbered() {
            Some((numbers, values)) => self.fails_by_number(cells, numbers, values),
            None => self.fails(cells),
        };
        // The items of one list stand beside each other.
        let rows = || {
            let mut last = None;
            fails.set_indices().filter(move |at| cells.rows.is_none() || last.replace(cells.row(*at)) != Some(cells.row(*at)))
        };
        let count = if cells.rows.is_none() { fails.count_set_bits() } else { rows().count() };
        if count == 0 {
            return;
        }
        failing.count += count as u64;
        for at in rows().take(SAMPLES.saturating_sub(failing.samples.len())) {
            failing.samples.push(Sample { row: before + cells.row(at) + 1, value: cells.shown(at) });
        }
    }

    /// Tests each value once, however often it comes.
    fn fails_by_number(&mut self, cells: &Cells, numbers: &Int32Array, values: &ArrayRef) -> BooleanBuffer {
        if !self.by_number.as_ref().is_some_and(|(there, _)| is_same(there, values)) {
            self.by_number = Some((values.clone(), self.fails(&Cells::typed(values.clone()))));
        }
        let missing = || missing(cells);
        let Some((_, failing)) = &self.by_number else { return missing() };
        let numbers_failing = match (failing.count_set_bits(), numbers.nulls()) {
            (0, _) => BooleanBuffer::new_unset(numbers.len()),
            (_, None) => bits(numbers.len(), |at| failing.value(numbers.value(at) as usize)),
            (_, Some(nulls)) => bits(numbers.len(), |at| nulls.is_valid(at) && failing.value(numbers.value(at) as usize)),
        };
        if self.sees_nulls() { &numbers_failing | &missing() } else { numbers_failing }
    }

    fn sees_nulls(&self) -> bool {
        match self.test {
            Test::Present | Test::All { nulls: true, .. } => true,
            Test::All { nulls: false, .. } => self.inner.iter().any(Check::sees_nulls),
            _ => false,
        }
    }

    fn fails(&mut self, cells: &Cells) -> BooleanBuffer {
        let none = || BooleanBuffer::new_unset(cells.len());
        // What could not be read has no value to be tested.
        let present = |fails: BooleanBuffer| match cells.values.logical_nulls() {
            Some(nulls) => &fails & nulls.inner(),
            None => fails,
        };
        match self.test {
            Test::Present => missing(cells),
            Test::Reads => match cells.nulls() {
                Some(nulls) => &unread(self.logical, cells) & nulls.inner(),
                None => unread(self.logical, cells),
            },
            Test::OneOf(values) => present(!&self.member(values, cells)),
            Test::NoneOf(values) => present(self.member(values, cells)),
            Test::Matches(_) => texts(cells, |text| self.regex.as_ref().is_some_and(|regex| !regex.is_match(text))),
            Test::Format(format) => texts(cells, |text| !is_format(*format, text)),
            Test::Length { least, most } => texts(cells, |text| {
                // A character has one to four bytes: most often their number is enough.
                let bytes = text.len() as u64;
                let inside = least.is_none_or(|least| bytes >= least.saturating_mul(4)) && most.is_none_or(|most| bytes <= most);
                !inside && outside(characters(text), *least, *most)
            }),
            Test::AtLeast(bound) => present(beyond(bound, false, cells)),
            Test::AtMost(bound) => present(beyond(bound, true, cells)),
            Test::MultipleOf(step) => match cells.numbers() {
                Some(values) => present(bits(cells.len(), |at| match values.is_valid(at) {
                    true => !is_multiple(values.value(at), *step),
                    false => cells.raw,
                })),
                None => none(),
            },
            Test::Items { least, most } => match as_list(&cells.values) {
                Some(lists) => {
                    let lists = lists.as_ref();
                    bits(cells.len(), |at| lists.is_valid(at) && outside(lists.value_length(at) as u64, *least, *most))
                }
                None => none(),
            },
            Test::UniqueItems => repeated(cells).unwrap_or_else(none),
            Test::All { nulls, .. } => {
                let start = if *nulls { missing(cells) } else { none() };
                self.inner.iter_mut().fold(start, |all, check| &all | &check.fails(cells))
            }
        }
    }

    /// Whether each cell is one of the values.
    fn member(&mut self, values: &[Scalar], cells: &Cells) -> BooleanBuffer {
        let ty = cells.values.data_type();
        if self.known.as_ref().is_none_or(|(there, _)| there != ty) {
            let list = typed(values, ty);
            let there = hashes(&list).into_iter().enumerate().filter(|(at, _)| list.is_valid(*at)).map(|(_, hash)| hash);
            let number = |value: &Scalar| if let Scalar::Number(number) = value { number.as_f64() } else { None };
            let hashes: HashSet<u64, _> = there.collect();
            let few = if hashes.len() <= FEW { hashes.iter().copied().collect() } else { Vec::new() };
            self.known = Some((ty.clone(), Known { hashes, few, numbers: values.iter().filter_map(number).collect() }));
        }
        let Some((_, known)) = &self.known else { return BooleanBuffer::new_unset(cells.len()) };
        let by_hash = cells.hashes();
        let found = match &known.few[..] {
            [] => bits(cells.len(), |at| known.hashes.contains(&by_hash[at])),
            few => bits(cells.len(), |at| few.iter().any(|hash| *hash == by_hash[at])),
        };
        match cells.numbers() {
            Some(there) if cells.raw && !known.numbers.is_empty() => {
                &found | &bits(cells.len(), |at| there.is_valid(at) && known.numbers.contains(&there.value(at)))
            }
            _ => found,
        }
    }
}

/// Joins what two shares of the rows found.
pub(super) fn merge(here: &mut Failing, there: Failing) {
    here.count += there.count;
    here.of += there.of;
    here.samples.extend(there.samples);
    here.samples.sort_by_key(|sample| sample.row);
    here.samples.truncate(SAMPLES);
}

fn missing(cells: &Cells) -> BooleanBuffer {
    match (cells.nulls(), &cells.absent) {
        (None, _) => BooleanBuffer::new_unset(cells.len()),
        (Some(nulls), None) => !nulls.inner(),
        (Some(nulls), Some(absent)) => &!nulls.inner() & &!absent,
    }
}

/// Values that are not of the logical type. What is null does not matter.
fn unread(logical: Option<Logical>, cells: &Cells) -> BooleanBuffer {
    let (none, all) = (BooleanBuffer::new_unset(cells.len()), BooleanBuffer::new_set(cells.len()));
    let Some(logical) = logical else { return none };
    let ty = cells.values.data_type();
    let list = as_list_type(ty);
    let fits = match logical {
        Logical::Array => list,
        Logical::Object => cells.objects || matches!(ty, DataType::Struct(_) | DataType::Map(..)),
        _ if list || cells.objects || ty.is_nested() => false,
        _ if cells.texts.is_some() => return cells.values.logical_nulls().map_or(none, |nulls| !nulls.inner()),
        Logical::Text => ty.is_string(),
        Logical::Integer | Logical::Number => ty.is_numeric(),
        Logical::Boolean => ty == &DataType::Boolean,
        Logical::Date => matches!(ty, DataType::Date32 | DataType::Date64),
        Logical::Timestamp => matches!(ty, DataType::Timestamp(..)),
        Logical::Time => matches!(ty, DataType::Time32(_) | DataType::Time64(_)),
    };
    // A column without any value has no type that could be wrong.
    if fits || ty == &DataType::Null { none } else { all }
}

fn as_list_type(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::List(_) | DataType::LargeList(_) | DataType::ListView(_) | DataType::LargeListView(_) | DataType::FixedSizeList(..)
    )
}

fn texts(cells: &Cells, fails: impl Fn(&str) -> bool) -> BooleanBuffer {
    if let (None, Some(views)) = (&cells.texts, cells.values.as_string_view_opt()) {
        return bits(cells.len(), |at| views.is_valid(at) && fails(views.value(at)));
    }
    match cells.strings() {
        Some(texts) => bits(cells.len(), |at| texts.is_valid(at) && fails(texts.value(at))),
        None => BooleanBuffer::new_unset(cells.len()),
    }
}

/// Bytes that do not go on with a character begin one.
fn characters(text: &str) -> u64 {
    if text.is_ascii() { text.len() as u64 } else { text.chars().count() as u64 }
}

fn outside(number: u64, least: Option<u64>, most: Option<u64>) -> bool {
    least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most)
}

/// Within what division of floats loses.
fn is_multiple(value: f64, step: f64) -> bool {
    let times = value / step;
    (times - times.round()).abs() <= 1e-9 * times.abs().max(1.0)
}

fn plain_text(value: &Scalar) -> Option<String> {
    Some(match value {
        Scalar::Null => return None,
        Scalar::Bool(flag) => flag.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => text.clone(),
    })
}

/// Values of a contract as a column's type, those that it holds.
fn typed(values: &[Scalar], ty: &DataType) -> ArrayRef {
    let texts = |whole: bool| -> StringArray {
        let text = |value: &Scalar| match value {
            // A whole number may be written with a point.
            Scalar::Number(number) if whole => number.as_f64().filter(|n| n.fract() == 0.0).map(|n| match number.as_i64() {
                Some(n) => n.to_string(),
                None => format!("{n:.0}"),
            }),
            value => plain_text(value),
        };
        values.iter().map(text).collect()
    };
    types::parse_what_can_be(&texts(ty.is_integer()), ty)
}

/// Whether each cell lies beyond a bound. What is null does not matter.
fn beyond(bound: &Bound, upper: bool, cells: &Cells) -> BooleanBuffer {
    let compare = |values: &dyn Datum, limit: &dyn Datum| -> Option<BooleanArray> {
        let compared = match (upper, bound.exclusive) {
            (false, false) => cmp::lt(values, limit),
            (false, true) => cmp::lt_eq(values, limit),
            (true, false) => cmp::gt(values, limit),
            (true, true) => cmp::gt_eq(values, limit),
        };
        compared.ok()
    };
    // Without a type, what cannot be compared is beyond every bound; else it failed to read before.
    let result = |compared: Option<BooleanArray>| match compared {
        Some(compared) => match compared.into_parts() {
            (beyond, None) => beyond,
            (beyond, Some(nulls)) if cells.raw => &beyond | &!nulls.inner(),
            (beyond, Some(nulls)) => &beyond & nulls.inner(),
        },
        None => BooleanBuffer::new_set(cells.len()),
    };
    let ty = cells.values.data_type();
    if cells.raw {
        return result(match &bound.limit {
            Scalar::Number(number) => cells.numbers().zip(number.as_f64()).and_then(|(values, limit)| compare(values, &float(limit))),
            Scalar::Text(text) if matches!(Guess::of(text), Guess::Date | Guess::Timestamp { .. }) => {
                let ty = Guess::Timestamp { zone: true }.data_type();
                let limit = types::parse_what_can_be(&StringArray::from(vec![text.as_str()]), &ty);
                cells.strings().and_then(|texts| compare(&types::parse_what_can_be(texts, &ty), &One::new(limit)))
            }
            limit => plain_text(limit).and_then(|limit| compare(cells.strings()?, &StringArray::new_scalar(limit))),
        });
    }
    if ty.is_numeric() {
        let Some(text) = plain_text(&bound.limit) else { return result(None) };
        let Ok(number) = text.parse::<f64>() else { return result(None) };
        let exact = typed(std::slice::from_ref(&bound.limit), ty);
        let same = exact.is_valid(0) && super::spread::numbers(&exact).is_some_and(|exact| exact.value(0) == number);
        return result(if same {
            compare(&cells.values, &One::new(exact))
        } else {
            cells.numbers().and_then(|values| compare(values, &float(number)))
        });
    }
    // A moment of a day is no date.
    let moment = matches!(&bound.limit, Scalar::Text(text) if matches!(Guess::of(text), Guess::Timestamp { .. }));
    let ty = match ty {
        DataType::Date32 | DataType::Date64 if moment => &DataType::Timestamp(TimeUnit::Microsecond, None),
        ty => ty,
    };
    let limit = typed(std::slice::from_ref(&bound.limit), ty);
    let values = cast(&cells.values, ty).ok().filter(|_| limit.is_valid(0));
    result(values.and_then(|values| compare(&values, &One::new(limit))))
}

fn float(value: f64) -> One<Float64Array> {
    Float64Array::new_scalar(value)
}

/// Lists that have a value twice; nulls are alike.
fn repeated(cells: &Cells) -> Option<BooleanBuffer> {
    let list = as_list(&cells.values)?;
    let mut by_hash = hashes(list.values());
    if let Some(nulls) = list.values().logical_nulls() {
        (!nulls.inner()).set_indices().for_each(|at| by_hash[at] = 0);
    }
    let mut seen = HashSet::new();
    Some(bits(cells.len(), |at| {
        seen.clear();
        let items = list.value_offsets()[at] as usize..list.value_offsets()[at + 1] as usize;
        list.is_valid(at) && !by_hash[items].iter().all(|hash| seen.insert(*hash))
    }))
}

fn is_format(format: TextFormat, text: &str) -> bool {
    static EMAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        // What HTML takes for a valid e-mail address.
        Regex::new(
            r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$",
        )
        .ok()
    });
    static URI: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"^[a-zA-Z][a-zA-Z0-9+.-]*:[^\s<>"{}|\\^`]+$"#).ok());
    let matches = |pattern: &LazyLock<Option<Regex>>| pattern.as_ref().is_some_and(|pattern| pattern.is_match(text));
    match format {
        TextFormat::Email => matches(&EMAIL),
        TextFormat::Uri => matches(&URI),
        TextFormat::Uuid => is_uuid(text),
        TextFormat::Hostname => is_hostname(text),
        TextFormat::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
        TextFormat::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// Of RFC 1123.
fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}
