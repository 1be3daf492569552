//! YAML as a tree of texts with places. The only file that knows the YAML library.
//!
//! What is true here: a scalar is the text as written (`007` stays `007`, `NO` is no boolean); what it means is decided where it is read.
//! The library's budget bounds depth, nodes and aliases, so that no small file becomes a large tree.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Error, Location, Spanned};

/// A value and its place in bytes.
#[derive(Debug)]
pub struct Node {
    pub value: Tree,
    pub start: usize,
    pub end: usize,
}

#[derive(Debug)]
pub enum Tree {
    Null,
    /// As written, without quotes.
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub struct Key {
    pub text: String,
    pub start: usize,
    pub end: usize,
}

/// What is wrong with a text that is no YAML, and where.
pub struct Mistake {
    pub message: String,
    pub start: usize,
    pub end: usize,
}

impl Node {
    /// A mapping's value under a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(at, _)| at.text == key).map(|(_, value)| value)
    }

    /// A mapping's entries; none, where it is no mapping.
    pub fn entries(&self) -> &[(Key, Node)] {
        if let Tree::Map(entries) = &self.value { entries } else { &[] }
    }

    /// A list's items; none, where it is no list.
    pub fn items(&self) -> &[Node] {
        if let Tree::List(items) = &self.value { items } else { &[] }
    }

    /// What it is, for people.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Tree::Null => "nothing",
            Tree::Scalar { .. } => "one value",
            Tree::List(_) => "a list",
            Tree::Map(_) => "a mapping",
        }
    }
}

/// Reads a whole document.
pub fn parse(text: &str) -> Result<Node, Mistake> {
    // Aliases are for a few lines that repeat.
    let options = serde_yaml::options! { alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 10_000 } };
    match serde_yaml::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Ok(node(raw, text)),
        Err(error) => Err(mistake(&error, text)),
    }
}

/// What the library hands over. It has read numbers and booleans already, so their text is taken from the document.
enum Raw {
    Null,
    Text(String),
    Plain,
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    let (start, end) = place(&raw.referenced, text);
    let (from, to) = place(&raw.defined, text);
    let written = &text[from..to];
    let value = match raw.value {
        Raw::Null => Tree::Null,
        Raw::Text(content) => Tree::Scalar { quoted: content != written, text: content },
        Raw::Plain => Tree::Scalar { text: written.to_string(), quoted: false },
        Raw::List(items) => Tree::List(items.into_iter().map(|item| node(item, text)).collect()),
        Raw::Map(entries) => Tree::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let (start, end) = place(&key.referenced, text);
                    (Key { text: key.value, start, end }, node(value, text))
                })
                .collect(),
        ),
    };
    Node { value, start, end }
}

/// Bytes of a location; a block without a mark of its own has no length.
fn place(location: &Location, text: &str) -> (usize, usize) {
    let span = location.span();
    let start = span.byte_offset().map_or(0, |n| n as usize).min(text.len());
    let end = (start + span.byte_len().map_or(0, |n| n as usize)).min(text.len());
    if text.is_char_boundary(start) && text.is_char_boundary(end) { (start, end) } else { (0, 0) }
}

fn mistake(error: &Error, text: &str) -> Mistake {
    let plain = error.without_snippet();
    let message = match plain {
        Error::DuplicateMappingKey { key, .. } => format!("the key `{}` stands twice", key.as_deref().unwrap_or("?")),
        other => {
            let message = other.to_string();
            message.lines().next().unwrap_or_default().split(" at line ").next().unwrap_or_default().to_string()
        }
    };
    let start = plain.location().map_or(0, |location| {
        let (line, column) = (location.line().max(1) as usize - 1, location.column().max(1) as usize - 1);
        let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let within = text[before..].char_indices().nth(column).map_or(0, |(at, _)| at);
        before + within
    });
    let end = text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
    Mistake { message, start, end }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
                Ok(Raw::Plain)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
                Ok(Raw::Plain)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
                Ok(Raw::Plain)
            }

            fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
                Ok(Raw::Plain)
            }

            fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
                Ok(Raw::Plain)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
                Ok(Raw::Plain)
            }

            fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw::Text(text.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                Ok(Raw::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = access.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Map(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
