//! The four-part identity, and its text: `class@instance:label/repository`.
//!
//! What is true here: every identity has exactly one text (values outside `[A-Za-z0-9_.-]`, but for the `:` of a time, are
//! double-quoted with `\"` and `\\`), and one path on disk (every other byte is percent-encoded).

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::{Name, value::Value};

/// One part of an instance: `storeId=345`, `2024-02-04`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Component {
    pub key: Option<Name>,
    pub value: Value,
}

/// Which one of a dataset class. Without components: the class has one instance.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Instance(pub Arc<[Component]>);

/// (dataset class, instance, label, repository).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Identity {
    pub class: Name,
    pub instance: Instance,
    pub label: Name,
    pub repository: Name,
}

/// May stand unquoted in a value. `..` may not: it would read as a range.
pub fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains("..") && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Writes a value's text, double-quoted where it must be.
pub fn quoted(text: &str) -> String {
    if is_plain(text) {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Percent-encodes all but `[A-Za-z0-9_.-]`; a text that would be empty, `.` or `..` is encoded too, so that it is always one harmless path component.
pub fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && !out.is_empty()) {
            out.push(byte as char);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    if out.is_empty() { "%".into() } else { out }
}

impl Instance {
    pub fn new(components: impl IntoIterator<Item = Component>) -> Self {
        Self(components.into_iter().collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The period of the first component that holds a time, if any.
    pub fn time(&self) -> Option<super::Period> {
        self.0.iter().find_map(|c| c.value.period())
    }

    /// Where its first time stands.
    fn time_at(&self) -> Option<usize> {
        self.0.iter().position(|component| component.value.period().is_some())
    }

    /// The texts of what stands before its time, and of all up to that; `None` without a time.
    pub fn up_to_time(&self) -> Option<(String, String)> {
        let at = self.time_at()?;
        let text = |components: &[Component]| Instance(components.into()).to_string();
        let head = if at == 0 { String::new() } else { text(&self.0[..at]) + "," };
        Some((head, text(&self.0[..=at])))
    }

    /// Both have a time of the same precision at the same place, not the same one, and all else is the same.
    pub fn differs_in_time_alone(&self, other: &Self) -> bool {
        let (Some(one), Some(another)) = (self.time(), other.time()) else { return false };
        let Some(at) = self.time_at().filter(|at| other.time_at() == Some(*at)) else { return false };
        let same = |(place, (a, b)): (usize, (&Component, &Component))| if place == at { a.key == b.key } else { a == b };
        one.precision == another.precision
            && one != another
            && self.0.len() == other.0.len()
            && self.0.iter().zip(other.0.iter()).enumerate().all(same)
    }

    /// The instance as one path component below its class's folder: `storeId=JFK,2013-01-01`; `_` where there is none.
    pub fn path_component(&self) -> String {
        if self.is_empty() {
            return "_".into();
        }
        let mut out = String::new();
        for (i, component) in self.0.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            if let Some(key) = &component.key {
                let _ = write!(out, "{}=", percent_encoded(key));
            }
            out.push_str(&percent_encoded(&component.value.to_string()));
        }
        out
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, "{key}=")?;
        }
        match &self.value {
            Value::Text(text) => f.write_str(&quoted(text)),
            value => value.fmt(f),
        }
    }
}

/// `storeId=345,2024-02-04`; nothing where there are no components.
impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, component) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_char(',')?;
            }
            component.fmt(f)?;
        }
        Ok(())
    }
}

impl Identity {
    /// The same under another label.
    pub fn under(&self, label: &Name) -> Self {
        Self { label: label.clone(), ..self.clone() }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.class)?;
        if !self.instance.is_empty() {
            write!(f, "@{}", self.instance)?;
        }
        write!(f, ":{}/{}", self.label, self.repository)
    }
}

impl serde::Serialize for Identity {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_values_become_one_path_component() {
        for (text, path) in [
            ("a/../b", "a%2F..%2Fb"),
            ("..", "%2E."),
            (".", "%2E"),
            ("", "%"),
            ("é", "%C3%A9"),
            ("a b", "a%20b"),
            ("2024-01-31T05:30", "2024-01-31T05%3A30"),
        ] {
            assert_eq!(percent_encoded(text), path);
            assert!(!percent_encoded(text).contains('/'));
        }
    }

    #[test]
    fn quoting_is_only_where_needed() {
        assert_eq!(quoted("A-b.c_1"), "A-b.c_1");
        assert_eq!(quoted("United \"K\""), "\"United \\\"K\\\"\"");
        assert_eq!(quoted(""), "\"\"");
    }
}
