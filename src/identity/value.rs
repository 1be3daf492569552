//! What an instance's component holds, and what type a dimension gives it.

use std::fmt;

use super::{
    Name,
    time::{Period, Precision},
};

/// A component's value. Texts are as written (`007` stays `007`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Value {
    Int(i64),
    Time(Period),
    Text(Name),
}

/// The type of a dimension and of the variables that stand in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Type {
    Text,
    Int,
    Time(Precision),
}

/// One component of a class's instances: its key (`storeId=`) and its type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dimension {
    pub key: Option<Name>,
    pub ty: Type,
}

impl Type {
    /// The word of the language: `text`, `int`, `day`, …
    pub fn word(self) -> &'static str {
        match self {
            Type::Text => "text",
            Type::Int => "int",
            Type::Time(precision) => precision.word(),
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "text" => Some(Type::Text),
            "int" => Some(Type::Int),
            _ => Precision::from_word(word).map(Type::Time),
        }
    }

    /// Reads a value of this type. An integer is written without sign `+` and without leading zeros, so that every value has one text.
    pub fn read(self, text: &str) -> Option<Value> {
        match self {
            Type::Text => Some(Value::Text(text.into())),
            Type::Int => text.parse::<i64>().ok().filter(|n| n.to_string() == text).map(Value::Int),
            Type::Time(precision) => Period::parse(text, precision).map(Value::Time),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Value {
    pub fn ty(&self) -> Type {
        match self {
            Value::Int(_) => Type::Int,
            Value::Time(period) => Type::Time(period.precision),
            Value::Text(_) => Type::Text,
        }
    }

    pub fn period(&self) -> Option<Period> {
        match self {
            Value::Time(period) => Some(*period),
            _ => None,
        }
    }
}

/// The value as written, unquoted: `JFK`, `7`, `2024-01-31`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(n) => write!(f, "{n}"),
            Value::Time(period) => period.fmt(f),
            Value::Text(text) => f.write_str(text),
        }
    }
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Int(n) => s.serialize_i64(*n),
            other => s.collect_str(other),
        }
    }
}
