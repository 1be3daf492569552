//! What a user asks for on the command line, as written: `churn_features@2024-01-01..2024-01-31:prod`,
//! `sales@storeId={JFK,LGA},2024-01`, `sales@storeId=*`, `churn_features`. Types come later, from the class's dimensions (`resolve`).

use super::{Name, Period, Precision};

/// One target or listing pattern, before types.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// As the user typed it, for messages.
    pub text: String,
    pub class: Name,
    /// `None`: a bare class, all of its instances.
    pub components: Option<Vec<TargetComponent>>,
    pub label: Option<Name>,
    pub repository: Option<Name>,
}

/// One component of a target's instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetComponent {
    pub key: Option<Name>,
    pub choice: Choice,
}

/// What a component asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    One(String),
    /// `{JFK,LGA}`
    Set(Vec<String>),
    /// `2024-01-01..2024-01-31`, both ends included.
    Range(String, String),
    /// `*`
    Any,
}

/// Why a text is not a target: what was found, at which byte, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not a target: {reason}")]
pub struct TargetError {
    pub text: String,
    pub at: usize,
    pub reason: String,
}

/// What may follow, for messages that point at something unexpected.
const FORM: &str = "a target is written `class@instance:label/repository`; all but the class may be left out";

impl Target {
    /// Reads `class[@instance][:label[/repository]]`, or the tuple `(class, instance…, label, repository)`. Times are read longest first:
    /// `x@2024-01-31T05:30` is a minute, `x@2024-01-31T05:prod` an hour under a label (labels begin with a letter).
    ///
    /// # Errors
    /// Says at which byte reading stopped, and what can stand there.
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        let mut reader = Reader { text, at: text.len() - text.trim_start().len() };
        let target = if reader.eat("(") { reader.tuple() } else { reader.target() }?;
        reader.spaces();
        match reader.rest() {
            "" => Ok(target),
            rest => Err(reader.unexpected(rest)),
        }
    }
}

type Read<T> = Result<T, TargetError>;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn target(&mut self) -> Read<Target> {
        let class = self.name("a dataset class", "targets begin with the class: `sales@2024-01-01:prod`")?;
        let components = if self.eat("@") { Some(self.components()?) } else { None };
        let (mut label, mut repository) = (None, None);
        if self.eat(":") {
            label = Some(self.name("a label", "`:` is followed by the label: `sales@2024-01-01:prod`")?);
            if self.eat("/") {
                repository = Some(self.name("a repository", "`/` is followed by the repository: `sales@2024-01-01:prod/dl`")?);
            }
        }
        Ok(Target { text: self.text.into(), class, components, label, repository })
    }

    /// The tuple, its `(` already read.
    fn tuple(&mut self) -> Read<Target> {
        let start = self.at;
        self.spaces();
        let class = self.name("a dataset class", "a tuple begins with the class: `(sales, 2024-01-01, prod, dl)`")?;
        let mut parts = Vec::new();
        while self.eat_spaced(",") {
            self.spaces();
            parts.push((self.at, self.component()?));
        }
        if !self.eat_spaced(")") {
            return Err(self.error("expected `,` or `)` here"));
        }
        let (Some(repository), Some(label)) = (parts.pop(), parts.pop()) else {
            return Err(self.error_at(start, "a tuple ends with label and repository: `(sales, 2024-01-01, prod, dl)`"));
        };
        let name = |(at, component): (usize, TargetComponent)| match component {
            TargetComponent { key: None, choice: Choice::One(name) } if is_name(&name) => Ok(Name::from(name)),
            _ => Err(self.error_at(at, "a tuple ends with label and repository, which are words that begin with a letter")),
        };
        let (label, repository) = (name(label)?, name(repository)?);
        let components = parts.into_iter().map(|(_, component)| component).collect();
        Ok(Target { text: self.text.into(), class, components: Some(components), label: Some(label), repository: Some(repository) })
    }

    fn components(&mut self) -> Read<Vec<TargetComponent>> {
        let mut components = vec![self.component()?];
        while self.eat(",") {
            self.spaces();
            components.push(self.component()?);
        }
        Ok(components)
    }

    fn component(&mut self) -> Read<TargetComponent> {
        let key_end = self.rest().find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(self.rest().len());
        let begins = self.rest().starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let key = (begins && self.rest()[key_end..].starts_with('=')).then(|| Name::from(&self.rest()[..key_end]));
        if key.is_some() {
            self.at += key_end + 1;
        }
        let choice = if self.eat("*") {
            Choice::Any
        } else if self.eat("{") {
            Choice::Set(self.set()?)
        } else {
            let first = self.value()?;
            if self.eat("..") { Choice::Range(first, self.value()?) } else { Choice::One(first) }
        };
        Ok(TargetComponent { key, choice })
    }

    /// The values of a set, its `{` already read.
    fn set(&mut self) -> Read<Vec<String>> {
        let open = self.at - 1;
        let mut values = Vec::new();
        loop {
            self.spaces();
            values.push(self.value()?);
            if self.eat_spaced("}") {
                return Ok(values);
            }
            if !self.eat_spaced(",") {
                return Err(match self.rest() {
                    "" => self.error_at(open, "this `{` is never closed: write `{JFK,LGA}`"),
                    rest if rest.starts_with("..") => {
                        self.error("a range cannot stand in a set: write `1..3` without braces, or all values")
                    }
                    _ => self.error("expected `,` or `}` here; values with other characters are double-quoted"),
                });
            }
        }
    }

    /// A bare or a double-quoted value.
    fn value(&mut self) -> Read<String> {
        if self.eat("\"") {
            return self.quoted();
        }
        let rest = self.rest();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let end = rest.char_indices().find(|(i, c)| !plain(*c) || rest[*i..].starts_with("..")).map_or(rest.len(), |(i, _)| i);
        let end = if is_hour(&rest[..end]) && is_minute(&rest[end..]) { end + 3 } else { end };
        if end == 0 {
            return Err(self.no_value(rest));
        }
        self.at += end;
        Ok(rest[..end].into())
    }

    fn no_value(&self, rest: &str) -> TargetError {
        match rest.chars().next() {
            None => self.error("a value is missing at the end"),
            Some('<') => self.error("targets have no variables: write a value, a range `2024-01-01..2024-01-31`, a set `{JFK,LGA}` or `*`"),
            Some('\'') => self.error("values are quoted with `\"`, not with `'` (the shell may have taken quotes away: write '\"…\"')"),
            Some(',' | ':' | '}' | ')' | '.') => self.error("a value is missing here"),
            Some(_) => {
                self.error("values with other characters than letters, digits, `_`, `.` and `-` are double-quoted: `\"United Kingdom\"`")
            }
        }
    }

    /// Up to the closing quote, the opening one already read; escapes as [`super::instance::quoted`] writes them.
    fn quoted(&mut self) -> Read<String> {
        let open = self.at - 1;
        let mut out = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(out);
                }
                '\\' => out.push(match chars.next().map(|(_, c)| c) {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some(c @ ('"' | '\\')) => c,
                    _ => return Err(self.error_at(self.at + at, "known escapes are `\\\"`, `\\\\`, `\\n`, `\\t` and `\\r`")),
                }),
                c => out.push(c),
            }
        }
        Err(self.error_at(open, "this `\"` is never closed"))
    }

    /// A class, label or repository.
    fn name(&mut self, what: &str, hint: &str) -> Read<Name> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))).unwrap_or(rest.len());
        let name = &rest[..end];
        if !is_name(name) {
            let found = match rest.chars().next() {
                None => format!("{what} is missing at the end"),
                Some(c) if end == 0 => format!("found `{}` where {what} should be", c.escape_default()),
                Some(_) => format!("`{name}` cannot be {what}, which begins with a letter"),
            };
            return Err(self.error(format!("{found}; {hint}")));
        }
        self.at += end;
        Ok(name.into())
    }

    fn unexpected(&self, rest: &str) -> TargetError {
        let c = rest.chars().next().unwrap_or(' ');
        self.error(match c {
            '@' => "a second `@`; values that contain it are double-quoted".into(),
            '/' => "a repository comes behind a label: `sales@2024-01-01:prod/dl`".into(),
            ':' => "a second `:`; values that contain it are double-quoted, unless it is that of a time (`2024-01-31T05:30`)".into(),
            '=' => "keys stand behind `@`: `sales@storeId=JFK`; a key is made of letters, digits, `_` and `-`".into(),
            ',' => "instances stand behind `@`, separated by `,`; several targets are arguments of their own".into(),
            '<' => "targets have no variables: write a value, a range, a set or `*`".into(),
            c => format!("found `{}`: values with it are double-quoted; {FORM}", c.escape_default()),
        })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn eat_spaced(&mut self, sign: &str) -> bool {
        self.spaces();
        self.eat(sign)
    }

    fn spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn error(&self, reason: impl Into<String>) -> TargetError {
        self.error_at(self.at, reason)
    }

    fn error_at(&self, at: usize, reason: impl Into<String>) -> TargetError {
        TargetError { text: self.text.into(), at, reason: reason.into() }
    }
}

/// Classes, labels and repositories begin with a letter (or `_`), so that a `:` before a digit is that of a time.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// `2024-01-31T05`
fn is_hour(text: &str) -> bool {
    Period::parse(text, Precision::Hour).is_some()
}

/// Whether a text begins like the minute of a time: `:30`.
fn is_minute(text: &str) -> bool {
    let mut chars = text.chars();
    let colon = chars.next() == Some(':');
    colon && chars.next().is_some_and(|c| c.is_ascii_digit()) && chars.next().is_some_and(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::{Component, Identity, Instance, Value};

    fn shown(text: &str) -> String {
        match Target::parse(text) {
            Ok(target) => {
                let components = target.components.map(|components| {
                    components.into_iter().map(|c| format!("{:?}={:?}", c.key.as_deref().unwrap_or(""), c.choice)).collect::<Vec<_>>()
                });
                format!("{} {components:?} {:?} {:?}", target.class, target.label.as_deref(), target.repository.as_deref())
            }
            Err(error) => format!("{}: {}", error.at, error.reason),
        }
    }

    #[test]
    fn every_form_is_read() {
        let forms = [
            "churn_features",
            "raw.Subs-2:pr-42",
            "x@2024-01-31T05:30",
            "x@2024-01-31T05:prod/dl",
            "x@2024-01-31T05:30:prod",
            "churn@2024-01-01..2024-01-31:prod",
            "sales@storeId={JFK, \"L A\"},2024-01-01",
            "sales@storeId=*,2024-01",
            r#"sales@country="a:\"b\"..,\\{*}",7..9"#,
            "(sales, storeId=<S>, prod, dl)",
            "(sales, storeId=JFK,2024-01-01, prod, dl)",
            "(airlines, prod, dl)",
            "(airlines, dl)",
            "(airlines, 2024, 1, dl)",
            "",
            "@x",
            "x@",
            "x@a,",
            "x:",
            "x:1",
            "x/dl",
            "x@a b",
            "x@{a",
            "x@{1..2}",
            "x@\"a",
            "x@a@b",
            "x:prod:dl",
            "x@<DATE>",
            "2024-01-01",
            "x@é",
        ];
        let read = forms.map(|form| format!("{form}\n    {}", shown(form)));
        insta::assert_snapshot!(read.join("\n"));
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::Int),
            ".{0,6}".prop_map(|text| Value::Text(text.into())),
            "[a0:.,{}*\"\\\\ -]{0,5}".prop_map(|text| Value::Text(text.into())),
            (prop::sample::select(&Precision::ALL[..]), 0..20_000_000i64)
                .prop_map(|(precision, minute)| Value::Time(Period::containing_minute(precision, minute))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// What is printed can be typed: every identity's text reads back as its own parts.
        #[test]
        fn identities_read_back(
            class in "[A-Za-z_][A-Za-z0-9_.-]{0,8}", label in "[a-z][a-z0-9.-]{0,5}", repository in "[a-z][a-z0-9_]{0,5}",
            components in prop::collection::vec((prop::option::of("[A-Za-z_][A-Za-z0-9_-]{0,5}"), value()), 0..4),
        ) {
            let components = components.into_iter().map(|(key, value)| Component { key: key.map(Name::from), value });
            let identity = Identity { class: class.into(), instance: Instance::new(components), label: label.into(), repository: repository.into() };
            let target = Target::parse(&identity.to_string());
            let target = target.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(&target.class, &identity.class);
            prop_assert_eq!(target.label.as_ref(), Some(&identity.label));
            prop_assert_eq!(target.repository.as_ref(), Some(&identity.repository));
            let read: Vec<_> = target.components.unwrap_or_default().into_iter().map(|c| (c.key, c.choice)).collect();
            let meant: Vec<_> = identity.instance.0.iter().map(|c| (c.key.clone(), Choice::One(c.value.to_string()))).collect();
            prop_assert_eq!(read, meant);
        }

        /// Whatever is typed, reading it ends with an answer.
        #[test]
        fn nothing_typed_panics(text in "[a-z0-9@:/.,={}()*\"\\\\ é-]{0,20}") {
            if let Err(error) = Target::parse(&text) {
                prop_assert!(error.text.is_char_boundary(error.at));
            }
        }
    }
}
