//! Values as text, quoted for where they land.
//!
//! What is true here: what a tag prints is quoted as a whole, whatever expression made it; only a text that went through `| raw` is not.
//! There is one minijinja environment per [`Landing`], and its formatter is the only place where a value becomes text.

use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, UndefinedBehavior, Value};

use crate::identity::Name;
use crate::identity::instance::percent_encoded;
use crate::table;

/// Where a rendered text goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Landing {
    /// A script: every value is one shell word, a list several.
    Shell,
    /// A query: every value is a literal, a list several with commas between, an input its table's name.
    Sql,
    /// A path relative to the job's folder: no value adds a folder.
    Path,
    /// A parameter or an environment variable: nothing is quoted.
    Text,
}

/// An optional input that was left out: undefined for tests and `default`, false, empty, and printed as nothing. So are its attributes.
#[derive(Debug)]
pub struct LeftOut;

impl Object for LeftOut {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, _key: &Value) -> Option<Value> {
        Some(Value::from_dyn_object(self.clone()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Empty
    }

    fn render(self: &Arc<Self>, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// Something with attributes that stands for one text (a set's entry, a part) or, in SQL, for a table.
#[derive(Debug)]
pub struct Labelled {
    pub text: String,
    /// The input it belongs to.
    pub table: Option<Name>,
    pub attributes: Vec<(Name, Value)>,
}

impl Object for Labelled {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        self.attributes.iter().find(|(name, _)| &**name == key).map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.attributes.iter().map(|(name, _)| Value::from(&**name)).collect())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The parts of a fan-in: a list, and in SQL one table.
#[derive(Debug)]
pub struct Parts {
    pub table: Name,
    pub parts: Vec<Value>,
}

impl Object for Parts {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.parts.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.parts.len())
    }
}

/// Every blank and newline of a template is kept.
pub(super) fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder().keep_trailing_newline(true).build().unwrap_or_default()
}

/// The environment of a landing.
pub fn environment(landing: Landing) -> &'static Environment<'static> {
    static ENVIRONMENTS: LazyLock<[Environment<'static>; 4]> =
        LazyLock::new(|| [Landing::Shell, Landing::Sql, Landing::Path, Landing::Text].map(build));
    &ENVIRONMENTS[landing as usize]
}

fn build(landing: Landing) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_syntax(syntax());
    env.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    env.set_debug(true);
    // Any mode but `None` makes filters aware of raw texts; the name is never looked at.
    env.set_auto_escape_callback(|_| AutoEscape::Custom("landing".into()));
    env.set_formatter(move |out, _, value| print(landing, out, value));
    for unquoting in ["safe", "escape", "e"] {
        env.remove_filter(unquoting);
    }
    for global in ["debug", "namespace"] {
        env.remove_global(global);
    }
    env.add_filter("raw", move |value: Value| raw(landing, &value).map(Value::from_safe_string));
    env.add_filter("tojson", |value: Value| {
        serde_json::to_string(&value).map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()))
    });
    env.add_filter("default", default);
    env.add_filter("d", default);
    env.add_test("defined", |value: &Value| !left_out(value));
    env.add_test("undefined", |value: &Value| left_out(value));
    if landing == Landing::Sql {
        env.add_filter("ident", |value: Value| ident(&value).map(Value::from_safe_string));
    }
    env
}

fn left_out(value: &Value) -> bool {
    value.is_undefined() || value.downcast_object_ref::<LeftOut>().is_some()
}

fn default(value: &Value, args: Rest<Value>) -> Result<Value, Error> {
    let lax = args.get(1).is_some_and(Value::is_true);
    if left_out(value) || (lax && !value.is_true()) {
        return Ok(args.first().cloned().unwrap_or_else(|| Value::from("")));
    }
    Ok(value.clone())
}

fn print(landing: Landing, out: &mut Output, value: &Value) -> Result<(), Error> {
    // What is undefined and gets here is the missing `else` of `{{ x if y }}`.
    if left_out(value) {
        return Ok(());
    }
    let mut texts = Vec::new();
    collect(landing, value, &mut texts)?;
    if landing == Landing::Sql && texts.is_empty() {
        return Err(invalid("an empty list has no SQL form (`IN ()` is not SQL); guard it with `{% if … %}`"));
    }
    out.write_str(&texts.join(separator(landing))).map_err(Error::from)
}

fn separator(landing: Landing) -> &'static str {
    if landing == Landing::Sql { ", " } else { " " }
}

/// The quoted texts a value stands for: none, one, or those of a list's items.
fn collect(landing: Landing, value: &Value, texts: &mut Vec<String>) -> Result<(), Error> {
    if value.is_safe() {
        texts.push(value.to_string());
        return Ok(());
    }
    if left_out(value) && !value.is_undefined() {
        return Ok(());
    }
    if landing == Landing::Sql {
        let table = value
            .downcast_object_ref::<Parts>()
            .map(|parts| &parts.table)
            .or_else(|| value.downcast_object_ref::<Labelled>().and_then(|labelled| labelled.table.as_ref()));
        if let Some(table) = table {
            texts.push(quoted_identifier(table)?);
            return Ok(());
        }
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter()? {
                collect(landing, &item, texts)?;
            }
        }
        _ => texts.push(quoted(landing, value)?),
    }
    Ok(())
}

/// One value that is no list.
fn quoted(landing: Landing, value: &Value) -> Result<String, Error> {
    let text = plain(value)?;
    Ok(match (landing, value.kind()) {
        (Landing::Text, _) => text,
        (Landing::Path, _) => percent_encoded(&text),
        (Landing::Shell, _) => shlex::try_quote(&text).map_err(|_| nul())?.into_owned(),
        (Landing::Sql, ValueKind::None) => "NULL".into(),
        (Landing::Sql, ValueKind::Bool) => text,
        // In parentheses, since `5 -` before `-1` would open a comment.
        (Landing::Sql, ValueKind::Number) if text.starts_with('-') => format!("({text})"),
        (Landing::Sql, ValueKind::Number) => text,
        (Landing::Sql, _) if text.contains('\0') => return Err(nul()),
        (Landing::Sql, _) => table::quote::string(&text),
    })
}

/// A value's text without any quoting. Null is the empty text.
fn plain(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => Ok(String::new()),
        // minijinja prints Python's `True`.
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(number) if !number.is_finite() => Err(invalid("a number that is not finite has no text")),
            _ => Ok(value.to_string()),
        },
        ValueKind::String => Ok(value.to_string()),
        ValueKind::Map if value.downcast_object_ref::<Labelled>().is_some() => Ok(value.to_string()),
        ValueKind::Map => Err(invalid("an object has no text; say which field is meant, or `| tojson`")),
        kind => Err(invalid(&format!("a {kind} has no text"))),
    }
}

fn raw(landing: Landing, value: &Value) -> Result<String, Error> {
    fn texts(value: &Value, out: &mut Vec<String>) -> Result<(), Error> {
        match value.kind() {
            _ if left_out(value) && !value.is_undefined() => {}
            ValueKind::Seq | ValueKind::Iterable => value.try_iter()?.try_for_each(|item| texts(&item, out))?,
            _ => out.push(plain(value)?),
        }
        Ok(())
    }
    let mut out = Vec::new();
    texts(value, &mut out)?;
    let text = out.join(separator(landing));
    if text.contains('\0') { Err(nul()) } else { Ok(text) }
}

/// Names for SQL: one, or a list with commas between.
fn ident(value: &Value) -> Result<String, Error> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let names: Result<Vec<_>, Error> = value.try_iter()?.map(|item| quoted_identifier(&plain(&item)?)).collect();
        return Ok(names?.join(", "));
    }
    quoted_identifier(&plain(value)?)
}

fn quoted_identifier(name: &str) -> Result<String, Error> {
    match name {
        "" => Err(invalid("an empty text is no name")),
        _ if name.contains('\0') => Err(nul()),
        _ => Ok(table::identifier(name)),
    }
}

fn nul() -> Error {
    invalid("the value holds a NUL byte, which no script and no query can carry")
}

fn invalid(detail: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail.to_string())
}
