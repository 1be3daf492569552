//! What JSON values are, found while they are parsed: no tree of them is made.
//!
//! What is true here: values of several plain types become text, objects become structs, and a column that holds both plain values and objects (or
//! lists) is an error. Only a text that all are dates or timestamps becomes one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::{self, Write};

use arrow::datatypes::{DataType, Field};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::types::Guess;

/// What the values of one column could be.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Shape {
    Plain(Guess),
    List(Box<Shape>),
    Struct(Fields),
}

/// Fields in the order in which they first came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    list: Vec<(String, Shape)>,
    places: HashMap<String, usize>,
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

/// A column, and the two kinds of values that no type holds both.
pub(crate) type Conflict = (String, String, String);

impl Shape {
    pub const NOTHING: Shape = Shape::Plain(Guess::Nothing);

    /// # Errors
    /// The two kinds of values that no type holds both.
    fn join(&mut self, other: Self) -> Result<(), (String, String)> {
        match (&mut *self, other) {
            (Shape::Plain(a), Shape::Plain(b)) => *a = a.join(b),
            (_, Shape::Plain(Guess::Nothing)) => {}
            (Shape::Plain(Guess::Nothing), other) => *self = other,
            (Shape::List(a), Shape::List(b)) => a.join(*b)?,
            (Shape::Struct(a), Shape::Struct(b)) => a.join(b.list).map_err(|(_, one, other)| (one, other))?,
            (a, b) => return Err((a.word().into(), b.word().into())),
        }
        Ok(())
    }

    fn word(&self) -> &'static str {
        match self {
            Shape::Plain(_) => "a plain value",
            Shape::List(_) => "a list",
            Shape::Struct(_) => "an object",
        }
    }

    pub fn data_type(&self) -> DataType {
        match self {
            Shape::Plain(guess) => guess.data_type(),
            Shape::List(item) => DataType::new_list(item.data_type(), true),
            Shape::Struct(fields) => {
                DataType::Struct(fields.list.iter().map(|(name, shape)| Field::new(name, shape.data_type(), true)).collect())
            }
        }
    }
}

impl Fields {
    pub fn iter(&self) -> impl Iterator<Item = &(String, Shape)> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn into_list(self) -> Vec<(String, Shape)> {
        self.list
    }

    /// Where the field is; a new one goes to the end. Most come in the order in which they are there.
    fn place(&mut self, name: &str, next: usize) -> usize {
        if self.list.get(next).is_some_and(|(there, _)| there == name) {
            return next;
        }
        if let Some(at) = self.places.get(name) {
            return *at;
        }
        self.places.insert(name.to_string(), self.list.len());
        self.list.push((name.to_string(), Shape::NOTHING));
        self.list.len() - 1
    }

    /// Joins fields by name.
    ///
    /// # Errors
    /// The first conflict.
    pub fn join(&mut self, more: impl IntoIterator<Item = (String, Shape)>) -> Result<(), Conflict> {
        let mut next = 0;
        for (name, shape) in more {
            let at = self.place(&name, next);
            next = at + 1;
            self.list[at].1.join(shape).map_err(|(one, other)| (name, one, other))?;
        }
        Ok(())
    }
}

/// Who wants the values of objects that are parsed, as texts.
pub(crate) trait Take {
    /// Where the text of the next value, one of this field, is written to; `None` where nobody wants it.
    fn text(&mut self, field: usize) -> Option<&mut String>;

    /// Lists and objects of this field are wanted as values too.
    fn wants_values(&self, name: &str) -> bool;

    /// The value was parsed, and its text was written.
    fn taken(&mut self, field: usize, kind: Kind);
}

/// Nobody.
impl Take for () {
    fn text(&mut self, _: usize) -> Option<&mut String> {
        None
    }

    fn wants_values(&self, _: &str) -> bool {
        false
    }

    fn taken(&mut self, _: usize, _: Kind) {}
}

/// What was parsed.
pub(crate) enum Kind {
    Null,
    Plain,
    /// A list or an object, where it was wanted.
    Nested(Option<Value>),
}

/// Parses one object: joins its fields' shapes with what is there, and hands out their texts. A conflict is told beside serde's error.
pub(crate) struct Object<'a, T> {
    pub fields: &'a mut Fields,
    pub take: &'a mut T,
    pub conflict: &'a RefCell<Option<Conflict>>,
}

impl<'de, T: Take> DeserializeSeed<'de> for Object<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, T: Take> Visitor<'de> for Object<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut next = 0;
        while let Some(at) = map.next_key_seed(Name { fields: &mut *self.fields, next })? {
            next = at + 1;
            let (name, shape) = &mut self.fields.list[at];
            let wanted = self.take.wants_values(name);
            let seen = map.next_value_seed(See { shape, text: self.take.text(at), wanted, conflict: self.conflict });
            match seen {
                Ok(kind) => self.take.taken(at, kind),
                Err(error) => {
                    if let Some((there, ..)) = &mut *self.conflict.borrow_mut() {
                        there.clone_from(name);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// A field's name, to its place.
struct Name<'a> {
    fields: &'a mut Fields,
    next: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<usize, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<usize, E> {
        Ok(self.fields.place(name, self.next))
    }
}

/// One value: its shape is joined with what is there, its text is written as a query would print it.
struct See<'a> {
    shape: &'a mut Shape,
    text: Option<&'a mut String>,
    wanted: bool,
    conflict: &'a RefCell<Option<Conflict>>,
}

impl See<'_> {
    fn plain<E: Error>(self, look: impl FnOnce() -> Guess, text: fmt::Arguments) -> Result<Kind, E> {
        match self.shape {
            Shape::Plain(Guess::Text) => {}
            Shape::Plain(guess) => *guess = guess.join(look()),
            other => {
                *self.conflict.borrow_mut() = Some((String::new(), other.word().into(), Shape::NOTHING.word().into()));
                return Err(E::custom("two kinds of values"));
            }
        }
        if let Some(to) = self.text {
            match text.as_str() {
                Some(text) => to.push_str(text),
                // It does not fail on a string.
                None => drop(to.write_fmt(text)),
            }
        }
        Ok(Kind::Plain)
    }

    /// The value as a tree, seen afterwards.
    fn tree<'de, D: Deserializer<'de>>(self, from: D) -> Result<Kind, D::Error> {
        let value = Value::deserialize(from)?;
        See { wanted: false, ..self }.deserialize(&value).map_err(D::Error::custom)?;
        Ok(Kind::Nested(Some(value)))
    }

    /// The shape becomes an empty list or struct, where nothing was there.
    fn open<E: Error>(shape: &mut Shape, empty: Shape, conflict: &RefCell<Option<Conflict>>) -> Result<(), E> {
        let word = empty.word();
        match (&*shape, &empty) {
            (Shape::List(_), Shape::List(_)) | (Shape::Struct(_), Shape::Struct(_)) => {}
            (Shape::Plain(Guess::Nothing), _) => *shape = empty,
            (other, _) => {
                *conflict.borrow_mut() = Some((String::new(), other.word().into(), word.into()));
                return Err(E::custom("two kinds of values"));
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for See<'_> {
    type Value = Kind;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Kind, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for See<'_> {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Kind, E> {
        self.plain(|| Guess::Bool, if flag { format_args!("true") } else { format_args!("false") })
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Kind, E> {
        self.plain(|| Guess::Int, format_args!("{number}"))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Kind, E> {
        // More than 64 bits with a sign: as text no digit is lost.
        let guess = if i64::try_from(number).is_ok() { Guess::Int } else { Guess::Text };
        self.plain(|| guess, format_args!("{number}"))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Kind, E> {
        self.plain(|| Guess::Float, format_args!("{}", Value::from(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Kind, E> {
        let look = || match Guess::of(text) {
            Guess::Date => Guess::Date,
            // The decoder wants seconds.
            time @ Guess::Timestamp { .. } if text.as_bytes().get(16) == Some(&b':') => time,
            _ => Guess::Text,
        };
        self.plain(look, format_args!("{text}"))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Kind, A::Error> {
        if self.wanted {
            return self.tree(SeqAccessDeserializer::new(items));
        }
        Self::open(self.shape, Shape::List(Box::new(Shape::NOTHING)), self.conflict)?;
        let Shape::List(item) = self.shape else { return Ok(Kind::Nested(None)) };
        let mut mark = "[";
        loop {
            if let Some(to) = &mut self.text {
                to.push_str(mark);
            }
            let seen = See { shape: item, text: self.text.as_deref_mut(), wanted: false, conflict: self.conflict };
            if items.next_element_seed(seen)?.is_none() {
                break;
            }
            mark = ", ";
        }
        close(self.text, mark, "]");
        Ok(Kind::Nested(None))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Kind, A::Error> {
        if self.wanted {
            return self.tree(MapAccessDeserializer::new(map));
        }
        Self::open(self.shape, Shape::Struct(Fields::default()), self.conflict)?;
        let Shape::Struct(fields) = self.shape else { return Ok(Kind::Nested(None)) };
        let (mut next, mut mark) = (0, "{");
        while let Some(at) = map.next_key_seed(Name { fields: &mut *fields, next })? {
            next = at + 1;
            let (name, shape) = &mut fields.list[at];
            if let Some(to) = &mut self.text {
                to.push_str(mark);
                to.push_str(name);
                to.push_str(": ");
            }
            map.next_value_seed(See { shape, text: self.text.as_deref_mut(), wanted: false, conflict: self.conflict })?;
            mark = ", ";
        }
        if let Some(to) = self.text {
            to.push_str(if mark == "{" { "{}" } else { "}" });
        }
        Ok(Kind::Nested(None))
    }
}

/// Takes the last mark off, and closes what began.
fn close(text: Option<&mut String>, mark: &str, end: &str) {
    if let Some(to) = text {
        if mark != "[" {
            to.truncate(to.len() - mark.len());
        }
        to.push_str(end);
    }
}
