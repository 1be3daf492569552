//! One column's profile on the way.
//!
//! What is true here: a column has a type from the start ([`Typed`]), or its type is what all its values look like ([`Guessed`]). The latter is
//! read once too: its values are counted as texts, and beside that as what they look like so far.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, UInt64Array};
use arrow::compute::filter;
use arrow::datatypes::{DataType, Float64Type, Int32Type, UInt64Type};
use datafusion::common::hash_utils::{RandomState, create_hashes};

use super::bag::{Bag, Told, Values};
use super::ends::Ends;
use super::profile::ColumnProfile;
use super::spread::{Spread, numbers};
use super::texts::{Texts, shown};
use super::written::Written;
use crate::table::parquet::is_same;
use crate::table::types::{self, Guess};

/// The same in every process, since sketches of several threads are joined.
pub(super) const HASH: RandomState = RandomState::with_seed(0);

/// Hashes of an array's values; what stands at nulls means nothing.
pub(super) fn hashes(array: &ArrayRef) -> Vec<u64> {
    let mut hashes = vec![0; array.len()];
    if create_hashes([array], &HASH, &mut hashes).is_err() {
        // A type that the engine cannot hash: by its text.
        let texts = Texts::of(array);
        let texts: StringArray = (0..array.len()).map(|at| array.is_valid(at).then(|| texts.whole(at))).collect();
        let texts: ArrayRef = Arc::new(texts);
        let _ = create_hashes([&texts], &HASH, &mut hashes);
    }
    hashes
}

/// A column of a known type.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    /// As queries see it.
    pub ty: DataType,
    nulls: u64,
    bag: Bag,
    ends: Ends,
    spread: Option<Spread>,
    /// Of values that come by number: how often each came so far.
    numbered: Option<(ArrayRef, Vec<u64>)>,
}

impl Typed {
    /// Of a table of so many columns and, where it is known, rows.
    pub fn new(ty: DataType, columns: usize, rows: u64) -> Self {
        let spread = Spread::of(&ty, rows);
        Self { ty, nulls: 0, bag: Bag::new(columns), ends: Ends::default(), spread, numbered: None }
    }

    /// Takes in a batch's values. `lost` of them could not be read, and are null only here.
    pub fn update<'a>(&mut self, array: &ArrayRef, by_value: impl FnOnce() -> &'a [u64], lost: u64) {
        let nulls = array.logical_nulls();
        self.nulls += nulls.as_ref().map_or(0, |nulls| nulls.null_count()) as u64 - lost;
        match array.as_boolean_opt() {
            Some(flags) => self.count_flags(flags),
            None => self.bag.update(by_value(), nulls.as_ref(), &Texts::of(array)),
        }
        self.ends.update(array);
        if let (Some(spread), Some(values)) = (&mut self.spread, numbers(array)) {
            spread.update(&values);
        }
    }

    fn count_flags(&mut self, flags: &BooleanArray) {
        let both: ArrayRef = Arc::new(BooleanArray::from(vec![false, true]));
        let hashes = hashes(&both);
        for (flag, count) in [flags.false_count(), flags.true_count()].into_iter().enumerate().filter(|(_, count)| *count > 0) {
            self.bag.add(hashes[flag], count as u64, &|| Texts::of(&both).at(flag));
        }
    }

    /// Takes in a batch whose values come by number.
    pub fn update_numbered(&mut self, array: &ArrayRef) {
        let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() else { return };
        let values = dictionary.values();
        if !self.numbered.as_ref().is_some_and(|(there, _)| is_same(there, values)) {
            self.settle();
            self.numbered = Some((values.clone(), vec![0; values.len()]));
        }
        let Some((_, counts)) = &mut self.numbered else { return };
        let keys = dictionary.keys();
        self.nulls += keys.null_count() as u64;
        match keys.nulls() {
            None => keys.values().iter().for_each(|place| counts[*place as usize] += 1),
            Some(nulls) => nulls.valid_indices().for_each(|at| counts[keys.value(at) as usize] += 1),
        }
    }

    /// Takes in what came by number.
    fn settle(&mut self) {
        let Some((values, counts)) = self.numbered.take() else { return };
        let there: BooleanArray = counts.iter().map(|count| Some(*count > 0)).collect();
        let (Ok(values), Ok(counts)) = (filter(&values, &there), filter(&UInt64Array::from(counts), &there)) else { return };
        let counts = counts.as_primitive::<UInt64Type>();
        let (hashes, texts) = (hashes(&values), Texts::of(&values));
        let (mut counted, mut nulls) = (Vec::with_capacity(hashes.len()), 0);
        for (at, hash) in hashes.iter().enumerate() {
            match values.is_null(at) {
                true => nulls += counts.value(at),
                false => counted.push((*hash, counts.value(at), at)),
            }
        }
        self.nulls += nulls;
        self.bag.add_all(&counted, &|at| texts.at(at));
        self.ends.update(&values);
    }

    /// Rows without the column.
    pub fn skip(&mut self, rows: u64) {
        self.nulls += rows;
    }

    pub fn merge(&mut self, mut other: Self) {
        self.settle();
        other.settle();
        self.nulls += other.nulls;
        self.bag.merge(other.bag);
        self.ends.merge(other.ends);
        if let (Some(here), Some(there)) = (&mut self.spread, other.spread) {
            here.merge(there);
        }
    }

    pub fn told(&mut self, name: &str) -> ColumnProfile {
        self.settle();
        told(name, &self.ty, self.nulls, self.bag.told(), &self.ends, self.spread.as_ref())
    }
}

fn told(name: &str, ty: &DataType, nulls: u64, bag: Told, ends: &Ends, spread: Option<&Spread>) -> ColumnProfile {
    let end = |end: &Option<ArrayRef>| end.as_ref().map(|value| Texts::of(value).at(0));
    ColumnProfile {
        name: name.to_string(),
        ty: types::name(ty),
        nulls,
        distinct: bag.distinct,
        min: end(&ends.least),
        max: end(&ends.most),
        numbers: spread.and_then(Spread::told),
        top: bag.top,
        complete: bag.complete,
    }
}

/// A column whose type is what its values look like.
///
/// Whole numbers and dates have one text each, so that what is counted by text is counted by value too. When floats or timestamps come, the
/// values so far are taken over: a float that is whole has the hash of the whole number's text, a timestamp at midnight that of its date.
#[derive(Clone, Debug)]
pub(super) struct Guessed {
    guess: Guess,
    nulls: u64,
    /// Texts written `""`: values of a text column, and null in others.
    empties: u64,
    texts: Bag,
    /// Of texts, once not all of them are kept.
    text_ends: Option<(String, String)>,
    /// Where values have several texts.
    values: Option<Bag>,
    columns: usize,
    ends: Ends,
    spread: Option<Spread>,
}

impl Guessed {
    /// Of a table of so many columns.
    pub fn new(columns: usize) -> Self {
        Self {
            guess: Guess::Nothing,
            nulls: 0,
            empties: 0,
            texts: Bag::new(columns),
            text_ends: None,
            values: None,
            columns,
            ends: Ends::default(),
            spread: None,
        }
    }

    /// Goes over to a type that is known now; there were only nulls.
    pub fn retyped(&self, ty: DataType) -> Typed {
        let mut typed = Typed::new(ty, self.columns, 0);
        typed.skip(self.nulls + self.empties);
        typed
    }

    pub fn guess(&self) -> Guess {
        self.guess
    }

    pub fn data_type(&self) -> DataType {
        self.guess.data_type()
    }

    /// Takes in a batch's texts; `looks`: what they look like together with those before.
    pub fn update(&mut self, written: &Written, looks: Guess) {
        self.look(looks);
        self.nulls += (written.nulls() - written.empties()) as u64;
        self.empties += written.empties() as u64;
        if written.nulls() == written.len() {
            return;
        }
        let nulls = written.null_buffer();
        let by_text: Vec<u64> = (0..written.len()).map(|at| written.get(at).map_or(0, |text| HASH.hash_one(text))).collect();
        self.texts.update(&by_text, nulls.as_ref(), written);
        if !self.texts.is_few() {
            self.stretch(written);
        }
        if matches!(self.guess, Guess::Nothing | Guess::Text) {
            return;
        }
        let values = written.read(&self.guess.data_type());
        if values.null_count() > written.nulls() {
            // A text that does not read as what it looks like: all are texts.
            return self.look(Guess::Text);
        }
        if let Some(bag) = &mut self.values {
            bag.update(&hashes_by_value(written, &values, &by_text), nulls.as_ref(), &Texts::of(&values));
        }
        self.ends.update(&values);
        if let (Some(spread), Some(numbers)) = (&mut self.spread, numbers(&values)) {
            spread.update(&numbers);
        }
    }

    /// Moves the ends of texts apart.
    fn stretch(&mut self, written: &Written) {
        for text in written.iter() {
            match &mut self.text_ends {
                Some((least, most)) => {
                    if text < least.as_str() {
                        *least = shown(text);
                    } else if text > most.as_str() {
                        *most = shown(text);
                    }
                }
                None => self.text_ends = Some((shown(text), shown(text))),
            }
        }
    }

    pub fn skip(&mut self, rows: u64) {
        self.nulls += rows;
    }

    /// Goes over to a wider look.
    pub fn look(&mut self, guess: Guess) {
        if guess == self.guess {
            return;
        }
        let ty = guess.data_type();
        match (self.guess, guess) {
            (_, Guess::Text) => (self.values, self.ends, self.spread) = (None, Ends::default(), None),
            (Guess::Nothing, _) => {
                self.spread = Spread::of(&ty, 0);
                self.values = matches!(guess, Guess::Float | Guess::Timestamp { .. }).then(|| Bag::new(self.columns));
            }
            _ => {
                self.ends.retype(&ty);
                let mut values = self.texts.clone();
                values.rewrite(&|there| {
                    types::parse(&StringArray::from(vec![there]), &ty).map_or(there.to_string(), |value| Texts::of(&value).at(0))
                });
                self.values = Some(values);
            }
        }
        self.guess = guess;
    }

    pub fn told(&mut self, name: &str) -> ColumnProfile {
        let ty = self.data_type();
        if matches!(self.guess, Guess::Nothing | Guess::Text) {
            if self.empties > 0 {
                self.texts.add(HASH.hash_one(""), self.empties, &String::new);
            }
            let mut profile = told(name, &ty, self.nulls, self.texts.told(), &Ends::default(), None);
            let written = self.text_ends.as_ref().map(|(least, most)| (least.as_str(), most.as_str()));
            let all = || [self.texts.text_ends(), written].into_iter().flatten();
            profile.min = all().map(|(least, _)| least.to_string()).min();
            profile.max = all().map(|(_, most)| most.to_string()).max();
            return profile;
        }
        let mut bag = self.values.as_ref().unwrap_or(&self.texts).told();
        if self.guess == Guess::Bool {
            let count = |word: &str| bag.top.iter().filter(|(text, _)| text.eq_ignore_ascii_case(word)).map(|(_, count)| count).sum();
            let mut top: Vec<(String, u64)> = ["false", "true"].iter().map(|word| (word.to_string(), count(word))).collect();
            top.retain(|(_, count)| *count > 0);
            top.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            bag = Told { distinct: top.len() as u64, top, complete: true };
        }
        told(name, &ty, self.nulls + self.empties, bag, &self.ends, self.spread.as_ref())
    }
}

/// It has one text only: a whole number among floats, a date among timestamps.
fn is_narrow(text: &str, float: bool) -> bool {
    if float { text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') } else { text.len() == 10 }
}

/// Hashes of floats and timestamps: those of their texts where these are whole numbers and dates.
fn hashes_by_value(written: &Written, values: &ArrayRef, by_text: &[u64]) -> Vec<u64> {
    let hash = |at: usize| -> u64 {
        let float = values.as_primitive_opt::<Float64Type>();
        match written.get(at) {
            None => 0,
            Some(text) if is_narrow(text, float.is_some()) => by_text[at],
            Some(_) => match float {
                // No whole number that a text of a whole number has not.
                Some(floats) if floats.value(at).fract() == 0.0 && floats.value(at).abs() < 1e15 => {
                    HASH.hash_one((floats.value(at) as i64).to_string().as_str())
                }
                Some(floats) => HASH.hash_one(floats.value(at).to_bits()),
                None => HASH.hash_one(canonical(&Texts::of(values).whole(at))),
            },
        }
    };
    (0..written.len()).map(hash).collect()
}

/// One text for each float and timestamp: whole numbers without a point, midnights as dates.
fn canonical(text: &str) -> &str {
    text.strip_suffix(".0").or(text.strip_suffix("T00:00:00")).unwrap_or(text)
}

/// Texts that are the same where their values are.
pub(super) fn by_value(written: &Written, guess: Guess) -> ArrayRef {
    match guess {
        Guess::Float | Guess::Timestamp { .. } => {
            let values = written.read(&guess.data_type());
            let texts = Texts::of(&values);
            let text = |at: usize| {
                let text = written.get(at)?;
                let narrow = is_narrow(text, guess == Guess::Float);
                Some(if narrow { text.to_string() } else { canonical(&texts.whole(at)).to_string() })
            };
            Arc::new((0..written.len()).map(text).collect::<StringArray>())
        }
        Guess::Bool => Arc::new((0..written.len()).map(|at| written.get(at).map(str::to_lowercase)).collect::<StringArray>()),
        Guess::Text | Guess::Nothing => Arc::new(written.as_text()),
        _ => Arc::new(written.array().clone()),
    }
}

impl Values for Written {
    fn text(&self, at: usize) -> String {
        self.get(at).map(shown).unwrap_or_default()
    }

    fn keep(&self, _: &[u32]) -> Option<ArrayRef> {
        None
    }
}
