//! One column's profile on the way.
//!
//! What is true here: a column has a type from the start ([`Typed`]), or its type is what all its values look like ([`Guessed`]). The latter is
//! read once too: its values are counted as texts, and beside that as what they look like so far.

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::hash_utils::{RandomState, create_hashes};
use std::sync::Arc;

use super::bag::{Bag, Told};
use super::profile::ColumnProfile;
use super::spread::{Ends, Spread, numbers};
use crate::table::types::{self, Guess};

/// Characters of a value that are kept.
const SHOWN: usize = 200;

/// The same in every process, since sketches of several threads are joined.
const HASH: RandomState = RandomState::with_seed(0);

/// Hashes of an array's values; what stands at nulls means nothing.
pub(super) fn hashes(array: &ArrayRef) -> Vec<u64> {
    let mut hashes = vec![0; array.len()];
    if create_hashes([array], &HASH, &mut hashes).is_err() {
        // A type that the engine cannot hash: by its text.
        let texts: StringArray = (0..array.len()).map(|at| array.is_valid(at).then(|| full_text(array, at))).collect();
        let texts: ArrayRef = Arc::new(texts);
        let _ = create_hashes([&texts], &HASH, &mut hashes);
    }
    hashes
}

fn full_text(array: &ArrayRef, at: usize) -> String {
    let options = FormatOptions::default();
    ArrayFormatter::try_new(array, &options).map(|texts| texts.value(at).to_string()).unwrap_or_default()
}

/// A value as `formake query` prints it, cut where it is long.
pub(super) fn text(array: &ArrayRef, at: usize) -> String {
    let options = FormatOptions::default();
    let Ok(texts) = ArrayFormatter::try_new(array, &options) else { return String::new() };
    let mut cut = Cut { text: String::new(), left: SHOWN };
    // It fails where the value goes on, which is well.
    let _ = std::fmt::write(&mut cut, format_args!("{}", texts.value(at)));
    cut.text
}

/// The beginning of what is written.
struct Cut {
    text: String,
    left: usize,
}

impl std::fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            if self.left == 0 {
                self.text.push('…');
                return Err(std::fmt::Error);
            }
            self.text.push(c);
            self.left -= 1;
        }
        Ok(())
    }
}

/// A text, cut where it is long.
pub(super) fn shown(text: &str) -> String {
    let mut cut = Cut { text: String::new(), left: SHOWN };
    let _ = std::fmt::Write::write_str(&mut cut, text);
    cut.text
}

/// A column of a known type.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub ty: DataType,
    nulls: u64,
    bag: Bag,
    ends: Ends,
    spread: Option<Spread>,
}

impl Typed {
    pub fn new(ty: DataType) -> Self {
        let spread = Spread::of(&ty);
        Self { ty, nulls: 0, bag: Bag::default(), ends: Ends::default(), spread }
    }

    /// Takes in a batch's values. `lost` of them could not be read, and are null only here.
    pub fn update(&mut self, array: &ArrayRef, hashes: &[u64], lost: u64) {
        let nulls = array.logical_nulls();
        self.nulls += nulls.as_ref().map_or(0, |nulls| nulls.null_count()) as u64 - lost;
        self.bag.update(hashes, nulls.as_ref(), &|at| text(array, at));
        self.ends.update(array);
        if let (Some(spread), Some(values)) = (&mut self.spread, numbers(array)) {
            spread.update(&values);
        }
    }

    /// Rows without the column.
    pub fn skip(&mut self, rows: u64) {
        self.nulls += rows;
    }

    pub fn merge(&mut self, other: Self) {
        self.nulls += other.nulls;
        self.bag.merge(other.bag);
        self.ends.merge(other.ends);
        if let (Some(here), Some(there)) = (&mut self.spread, &other.spread) {
            here.merge(there);
        }
    }

    pub fn told(&self, name: &str) -> ColumnProfile {
        told(name, &self.ty, self.nulls, self.bag.told(), &self.ends, self.spread.as_ref())
    }
}

fn told(name: &str, ty: &DataType, nulls: u64, bag: Told, ends: &Ends, spread: Option<&Spread>) -> ColumnProfile {
    ColumnProfile {
        name: name.to_string(),
        ty: types::name(ty),
        nulls,
        distinct: bag.distinct,
        min: ends.least.as_ref().map(|value| text(value, 0)),
        max: ends.most.as_ref().map(|value| text(value, 0)),
        numbers: spread.and_then(Spread::told),
        top: bag.top,
        complete: bag.complete,
    }
}

/// A column whose type is what its values look like.
///
/// Whole numbers and dates have one text each, so that what is counted by text is counted by value too. When floats or timestamps come, the
/// values so far are taken over: a float that is whole has the hash of the whole number's text, a timestamp at midnight that of its date.
#[derive(Clone, Debug, Default)]
pub(super) struct Guessed {
    guess: Guess,
    nulls: u64,
    /// Texts written `""`: values of a text column, and null in others.
    empties: u64,
    texts: Bag,
    text_ends: Ends,
    /// Where values have several texts.
    values: Option<Bag>,
    ends: Ends,
    spread: Option<Spread>,
}

impl Guessed {
    pub fn nulls(&self) -> u64 {
        self.nulls + self.empties
    }

    pub fn guess(&self) -> Guess {
        self.guess
    }

    pub fn data_type(&self) -> DataType {
        self.guess.data_type()
    }

    /// Takes in a batch's texts and what they look like together. `empties`: so many nulls of the array are texts written `""`.
    pub fn update(&mut self, texts: &StringArray, looks: Guess, empties: u64) {
        self.look(self.guess.join(looks));
        self.nulls += texts.null_count() as u64 - empties;
        self.empties += empties;
        let array: ArrayRef = Arc::new(texts.clone());
        let by_text = hashes(&array);
        self.texts.update(&by_text, texts.nulls(), &|at| shown(texts.value(at)));
        self.text_ends.update(&array);
        if matches!(self.guess, Guess::Nothing | Guess::Text) {
            return;
        }
        let Ok(values) = types::parse(texts, &self.guess.data_type()) else { return self.look(Guess::Text) };
        if let Some(bag) = &mut self.values {
            let by_value = hashes(&canonical(texts, &values));
            bag.update(&by_value, texts.nulls(), &|at| text(&values, at));
        }
        self.ends.update(&values);
        if let (Some(spread), Some(numbers)) = (&mut self.spread, numbers(&values)) {
            spread.update(&numbers);
        }
    }

    pub fn skip(&mut self, rows: u64) {
        self.nulls += rows;
    }

    /// Goes over to a wider look.
    fn look(&mut self, guess: Guess) {
        if guess == self.guess {
            return;
        }
        let ty = guess.data_type();
        match (self.guess, guess) {
            (_, Guess::Text) => (self.values, self.ends, self.spread) = (None, Ends::default(), None),
            (Guess::Nothing, _) => {
                self.spread = Spread::of(&ty);
                self.values = matches!(guess, Guess::Float | Guess::Timestamp { .. }).then(Bag::default);
            }
            _ => {
                self.ends.retype(&ty);
                let mut values = self.texts.clone();
                values.rewrite(&|there| {
                    types::parse(&StringArray::from(vec![there]), &ty).map_or(there.to_string(), |value| text(&value, 0))
                });
                self.values = Some(values);
            }
        }
        self.guess = guess;
    }

    pub fn told(&self, name: &str) -> ColumnProfile {
        let ty = self.data_type();
        let (mut bag, mut nulls) = (self.texts.clone(), self.nulls);
        let mut text_ends = self.text_ends.clone();
        let ends = match self.guess {
            Guess::Nothing | Guess::Text => {
                if self.empties > 0 {
                    let empty: ArrayRef = Arc::new(StringArray::from(vec![""]));
                    bag.add(hashes(&empty)[0], self.empties, String::new());
                    text_ends.update(&empty);
                }
                &text_ends
            }
            _ => {
                nulls += self.empties;
                bag = self.values.clone().unwrap_or(bag);
                &self.ends
            }
        };
        let mut counts = bag.told();
        if self.guess == Guess::Bool {
            let count = |word: &str| counts.top.iter().filter(|(text, _)| text.eq_ignore_ascii_case(word)).map(|(_, count)| count).sum();
            let mut top: Vec<(String, u64)> = ["false", "true"].iter().map(|word| (word.to_string(), count(word))).collect();
            top.retain(|(_, count)| *count > 0);
            top.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            counts = Told { distinct: top.len() as u64, top, complete: true };
        }
        told(name, &ty, nulls, counts, ends, self.spread.as_ref())
    }
}

/// Texts of floats and timestamps, each value with one text: whole numbers without a point, midnights as dates.
fn canonical(texts: &StringArray, values: &ArrayRef) -> ArrayRef {
    let text = |at: usize| {
        let written = texts.is_valid(at).then(|| texts.value(at))?;
        if matches!(Guess::of(written), Guess::Int | Guess::Date) {
            return Some(written.to_string());
        }
        let text = full_text(values, at);
        Some(text.strip_suffix(".0").or(text.strip_suffix("T00:00:00")).map_or(text.clone(), str::to_string))
    };
    Arc::new((0..texts.len()).map(text).collect::<StringArray>())
}

/// Texts that are the same where their values are.
pub(super) fn by_value(texts: &StringArray, guess: Guess) -> ArrayRef {
    match guess {
        Guess::Float | Guess::Timestamp { .. } => canonical(texts, &types::parse_what_can_be(texts, &guess.data_type())),
        Guess::Bool => Arc::new(texts.iter().map(|text| text.map(str::to_lowercase)).collect::<StringArray>()),
        _ => Arc::new(texts.clone()),
    }
}
