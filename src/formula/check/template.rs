//! `{{ … }}` over what is known when compiling: `let`s, variables of `for` blocks, sets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value as Json;

use crate::formula::program::Set;
use crate::identity::Name;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(|out, state, value| match value.kind() {
        // The engine would write Python's `True`.
        ValueKind::Bool => out.write_str(if value.is_true() { "true" } else { "false" }).map_err(Into::into),
        ValueKind::Map | ValueKind::Seq => {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, "this value has several parts; say which one: `{{ store.id }}`"))
        }
        _ => minijinja::escape_formatter(out, state, value),
    });
    environment
});

/// Values by name, as templates see them.
pub(super) type Constants = BTreeMap<String, Json>;

/// Why a template cannot be rendered.
#[derive(Debug, PartialEq)]
pub(super) enum Failure {
    /// It is no template: what is wrong with it.
    Syntax(String),
    /// It names something that is not there: `store.curency`.
    Unknown(String),
    Other(String),
}

/// The names a template reads, without attributes: `store` of `{{ store.id }}`. Empty where it is no template.
pub(super) fn names(text: &str) -> BTreeSet<String> {
    undeclared(text, false).unwrap_or_default()
}

fn undeclared(text: &str, nested: bool) -> Result<BTreeSet<String>, Failure> {
    let template = ENVIRONMENT.template_from_str(text).map_err(|e| Failure::Syntax(reason(&e)))?;
    let globals: BTreeSet<&str> = ENVIRONMENT.globals().map(|(name, _)| name).collect();
    Ok(template.undeclared_variables(nested).into_iter().filter(|name| !globals.contains(name.as_str())).collect())
}

/// The text with its tags replaced.
pub(super) fn render(text: &str, constants: &Constants, sets: &BTreeMap<Name, Set>) -> Result<String, Failure> {
    let mut values: BTreeMap<String, Value> = BTreeMap::new();
    for name in undeclared(text, false)? {
        let value = match constants.get(&name) {
            Some(value) => Value::from(Serde(value)),
            None if name == "sets" => Value::from(Serde(sets_value(sets))),
            None => return Err(Failure::Unknown(name)),
        };
        values.insert(name, value);
    }
    let template = ENVIRONMENT.template_from_str(text).map_err(|e| Failure::Syntax(reason(&e)))?;
    template.render(values).map_err(|e| match e.kind() {
        ErrorKind::UndefinedError => Failure::Unknown(missing_attribute(text, constants).unwrap_or_else(|| reason(&e))),
        _ => Failure::Other(reason(&e)),
    })
}

/// A text that names constants alone is rendered; any other keeps its tags for later.
pub(super) fn render_if_constant(text: &str, constants: &Constants) -> Result<String, Failure> {
    if !text.contains("{{") && !text.contains("{%") {
        return Ok(text.into());
    }
    let names = undeclared(text, false)?;
    if names.is_empty() || !names.iter().all(|name| constants.contains_key(name)) {
        return Ok(text.into());
    }
    render(text, constants, &BTreeMap::new())
}

/// Sets as templates see them: lists of texts, or of objects.
fn sets_value(sets: &BTreeMap<Name, Set>) -> Json {
    sets.iter().map(|(name, set)| (name.to_string(), set.entries.iter().map(|e| e.value()).collect::<Json>())).collect()
}

/// The first `a.b` of a template that the constants lack.
fn missing_attribute(text: &str, constants: &Constants) -> Option<String> {
    undeclared(text, true).ok()?.into_iter().find(|path| {
        let mut steps = path.split('.');
        let first = steps.next().and_then(|name| constants.get(name));
        first.is_some() && steps.try_fold(first, |value, step| value.map(|v| v.get(step))).flatten().is_none()
    })
}

/// One line, without the template's made-up name.
fn reason(error: &minijinja::Error) -> String {
    let text = error.detail().map_or_else(|| error.kind().to_string(), str::to_string);
    text.lines().next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constants() -> Constants {
        BTreeMap::from([("store".into(), serde_json::json!({ "id": "nyc", "zip": "007" })), ("n".into(), serde_json::json!(3))])
    }

    fn rendered(text: &str) -> Result<String, Failure> {
        render(text, &constants(), &BTreeMap::new())
    }

    #[test]
    fn constants_are_put_in_and_unknown_names_are_told() {
        assert_eq!(rendered("{{ store.id }}-{{ store.zip }}-{{ n }}"), Ok("nyc-007-3".into()));
        assert_eq!(rendered("{{ stroe.id }}"), Err(Failure::Unknown("stroe".into())));
        assert_eq!(rendered("{{ store.curency }}"), Err(Failure::Unknown("store.curency".into())));
        assert!(matches!(rendered("{{ store. }}"), Err(Failure::Syntax(_))));
    }

    #[test]
    fn a_text_that_names_more_than_constants_is_kept() {
        assert_eq!(render_if_constant("{{ store.id }} {{ DATE }}", &constants()), Ok("{{ store.id }} {{ DATE }}".into()));
        assert_eq!(render_if_constant("{{ store.id }}", &constants()), Ok("nyc".into()));
    }
}
