//! Whether a file has the shape of the standard: keys that it knows, with values of the kinds that it says. And the plain values of YAML.
//!
//! What is true here: every key of the whole file is looked at. What the reference tool refuses is an error; what it takes, or drops with
//! a warning, is a warning.

use super::standard::{Kind, MEMBER, Shape, TEAM};
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::identity::Name;
use crate::table::measure::Scalar;
use crate::yaml::{Key, Node, Tree};

/// What was found so far in one contract file.
pub(super) struct Findings {
    file: Name,
    pub list: Vec<Diagnostic>,
}

/// Byte range in the file.
pub(super) type At = (usize, usize);

impl Findings {
    pub fn new(file: &str) -> Self {
        Self { file: file.into(), list: Vec::new() }
    }

    pub fn error(&mut self, code: &'static str, message: impl Into<String>, at: At, label: &str) -> &mut Diagnostic {
        self.add(Diagnostic::error(code, message), at, label)
    }

    pub fn warning(&mut self, code: &'static str, message: impl Into<String>, at: At, label: &str) -> &mut Diagnostic {
        self.add(Diagnostic::warning(code, message), at, label)
    }

    /// What the standard knows and this version does not check.
    pub fn unchecked(&mut self, what: &str, at: At, way_out: &str) {
        let finding = self.warning("E1007", format!("{what} is not checked"), at, "");
        if !way_out.is_empty() {
            finding.help.push(way_out.into());
        }
    }

    fn add(&mut self, diagnostic: Diagnostic, (start, end): At, label: &str) -> &mut Diagnostic {
        self.list.push(diagnostic.at(Place { file: self.file.clone(), start, end }, label));
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    /// Looks at all keys below a node.
    pub fn shape(&mut self, node: &Node, key: &Key, shape: &Shape) {
        let Tree::Map(entries) = &node.value else {
            self.kind(node, key, &format!("{} with its keys", shape.what));
            return;
        };
        for (at, value) in entries {
            match shape.keys.iter().find(|(name, _)| *name == at.text) {
                Some((_, kind)) => self.value(value, at, kind),
                None => self.unknown(at, shape.what, &mut shape.keys.iter().map(|(name, _)| *name), shape.strict),
            }
        }
        for need in shape.needs.iter().filter(|need| node.get(need).is_none()) {
            let at = entries.first().map_or((key.start, key.end), |(first, _)| (first.start, first.end));
            self.error("E1004", format!("{} needs `{need}`", shape.what), at, "");
        }
    }

    pub fn unknown(&mut self, key: &Key, of: &str, known: &mut dyn Iterator<Item = &'static str>, strict: bool) {
        let known: Vec<&str> = known.collect();
        let help = match nearest(&key.text, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is {}", known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")),
        };
        let (message, at) = (format!("{of} has no key `{}`", key.text), (key.start, key.end));
        let finding = if strict {
            self.error("E1003", message, at, "not known")
        } else {
            self.warning("E1003", message, at, "not known, so without effect")
        };
        finding.help.push(help);
        if !strict {
            finding.help.push("what is your own goes into `customProperties`".into());
        }
    }

    /// Whether a value is of a kind.
    pub fn value(&mut self, node: &Node, key: &Key, kind: &Kind) {
        let plain = scalar(node);
        match (kind, &node.value, plain) {
            (Kind::Any, ..) | (Kind::Plain, _, Some(_)) => {}
            (_, Tree::Null, _) => {
                self.error("E1004", format!("`{}` has no value", key.text), (key.start, key.end), "")
                    .help
                    .push("write one, or leave the key away".into());
            }
            (Kind::Text, _, Some(plain)) => self.text(node, key, &plain),
            (Kind::Flag, _, Some(plain)) if flag(&plain).is_some() => {}
            (Kind::Number, _, Some(Scalar::Number(_))) => {}
            (Kind::Count, _, Some(Scalar::Number(number))) if number.as_u64().is_some() => {}
            (Kind::Word(words), _, Some(Scalar::Text(word))) => {
                if !words.contains(&word.as_str()) && !word.contains("${") {
                    let help = match nearest(&word, words.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("it is one of {}", words.join(", ")),
                    };
                    self.error("E1004", format!("`{}` cannot be `{word}`", key.text), place(node, key), "").help.push(help);
                }
            }
            (Kind::Texts, Tree::List(items), _) => {
                for item in items {
                    match scalar(item) {
                        Some(plain) => self.text(item, key, &plain),
                        None => self.kind(item, key, "texts"),
                    }
                }
            }
            (Kind::TextOrTexts, Tree::Scalar { .. } | Tree::List(_), _) => {}
            (Kind::Two, Tree::List(items), _) => {
                let numbers: Vec<f64> = items.iter().filter_map(number).collect();
                if items.len() != 2 || numbers.len() != 2 {
                    self.kind(node, key, "two numbers, `[0, 10]`");
                }
            }
            (Kind::One(shape), Tree::Map(_), _) => self.shape(node, key, shape),
            (Kind::Many(shape), Tree::List(items), _) => items.iter().for_each(|item| self.shape(item, key, shape)),
            (Kind::Team, Tree::Map(_), _) => self.shape(node, key, &TEAM),
            (Kind::Team, Tree::List(items), _) => items.iter().for_each(|item| self.shape(item, key, &MEMBER)),
            (Kind::TextOrMap, Tree::Scalar { .. } | Tree::Map(_), _) | (Kind::Map, Tree::Map(_), _) | (Kind::List, Tree::List(_), _) => {}
            _ => self.kind(node, key, expected(kind)),
        }
    }

    fn kind(&mut self, node: &Node, key: &Key, expected: &str) {
        let found = match &node.value {
            Tree::Scalar { text, .. } if text.len() < 40 => format!("`{text}`"),
            _ => node.kind().to_string(),
        };
        self.error("E1004", format!("`{}` is {expected}; found {found}", key.text), place(node, key), "");
    }

    /// A text that other readers take for something else.
    fn text(&mut self, node: &Node, key: &Key, plain: &Scalar) {
        let taken = match (plain, &node.value) {
            (Scalar::Number(_), _) => "a number",
            (Scalar::Bool(_), _) => "a boolean",
            (Scalar::Text(text), Tree::Scalar { quoted: false, .. }) if old_boolean(text) => "a boolean",
            _ => return,
        };
        let written = if let Tree::Scalar { text, .. } = &node.value { text.as_str() } else { "" };
        self.warning(
            "E1004",
            format!("`{}` is a text, and `{written}` is {taken} to other readers of YAML", key.text),
            place(node, key),
            "",
        )
        .help
        .push(format!("write it in quotes: \"{written}\""));
    }
}

fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Word(_) => "a text",
        Kind::Flag => "`true` or `false`",
        Kind::Count => "a whole number from 0",
        Kind::Number => "a number",
        Kind::Plain => "one value",
        Kind::Any => "anything",
        Kind::Texts => "a list of texts",
        Kind::Two => "a list of two numbers, `[0, 10]`",
        Kind::One(_) | Kind::Map => "a mapping of keys and values",
        Kind::Many(_) | Kind::List => "a list, each item after a `-`",
        Kind::TextOrTexts => "a text or a list of texts",
        Kind::TextOrMap => "a text or a mapping of keys and values",
        Kind::Team => "a team with its `members`",
    }
}

/// Where a value is, or its key where it has no place of its own.
pub(super) fn place(node: &Node, key: &Key) -> At {
    match node.value {
        Tree::Scalar { .. } if node.end > node.start => (node.start, node.end),
        _ => (key.start, key.end),
    }
}

/// A plain value as YAML 1.2 reads it; `None` of lists and mappings.
pub(super) fn scalar(node: &Node) -> Option<Scalar> {
    Some(match &node.value {
        Tree::Null => Scalar::Null,
        Tree::Scalar { text, quoted: true } => Scalar::Text(text.clone()),
        Tree::Scalar { text, quoted: false } => match text.as_str() {
            "true" | "True" | "TRUE" => Scalar::Bool(true),
            "false" | "False" | "FALSE" => Scalar::Bool(false),
            word => numeral(word).map_or_else(|| Scalar::Text(text.clone()), Scalar::Number),
        },
        Tree::List(_) | Tree::Map(_) => return None,
    })
}

/// `12`, `-3`, `1_000`, `0.5`, `1e-3`; not `007`, which is no number to people.
fn numeral(word: &str) -> Option<serde_json::Number> {
    let plain = word.strip_prefix('+').unwrap_or(word).replace('_', "");
    let digits = plain.strip_prefix('-').unwrap_or(&plain);
    let leading = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || leading || word.starts_with('_') {
        return None;
    }
    match plain.parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => plain.parse::<f64>().ok().and_then(serde_json::Number::from_f64),
    }
}

/// Words that are booleans in YAML 1.1, which the reference tool reads.
pub(super) fn old_boolean(word: &str) -> bool {
    ["yes", "no", "on", "off"].iter().any(|old| word.eq_ignore_ascii_case(old))
}

/// A boolean, in the words of YAML 1.1 too.
pub(super) fn flag(plain: &Scalar) -> Option<bool> {
    match plain {
        Scalar::Bool(flag) => Some(*flag),
        Scalar::Text(word) if old_boolean(word) => Some(word.eq_ignore_ascii_case("yes") || word.eq_ignore_ascii_case("on")),
        _ => None,
    }
}

/// The text of a plain value, as written.
pub(super) fn text(node: &Node) -> Option<&str> {
    if let Tree::Scalar { text, .. } = &node.value { Some(text) } else { None }
}

pub(super) fn number(node: &Node) -> Option<f64> {
    match scalar(node)? {
        Scalar::Number(number) => number.as_f64(),
        _ => None,
    }
}
