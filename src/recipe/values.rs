//! The names that a template finds, and which of the values it reads count.
//!
//! A template finds the formula's variables, the variables of enclosing `for` blocks and `let`s, `params`, `sets`, `inputs` (and each input by its own
//! name), `outputs` and `output`, and `label`. Parameters, variables and inputs are in the key anyway; of the rest what is read is.

use std::collections::BTreeMap;

use minijinja::Value as Shown;
use serde_json::Value as Json;

use super::landing::Labelled;
use super::reads::{Read, Step, reads};
use crate::formula::program::{Domain, Entry, Formula, Kind, Program, Role};
use crate::identity::{Binding, Name, Value, Var};

/// Everything the recipe's template reads, found once per formula.
pub fn reads_of(formula: &Formula) -> Vec<Read> {
    let (Kind::Sql { text, .. } | Kind::Run { text }) = &formula.recipe.kind else { return Vec::new() };
    // A template that does not parse fails when it is rendered.
    reads(text).unwrap_or_default()
}

/// The values that count of those read: by path (`sets.shops.*.currency`, `S.currency`, `label`).
///
/// `expanded`: values of the variables that the job expands.
pub fn values_read(
    program: &Program,
    formula: &Formula,
    reads: &[Read],
    binding: &Binding,
    label: &str,
    expanded: &[(Var, Value)],
) -> BTreeMap<String, Json> {
    let mut counted = BTreeMap::new();
    for read in reads {
        let value = match read.root.as_str() {
            "label" => Some(Json::from(label)),
            "sets" => Some(follow(&sets_json(program), &read.steps, read.whole)),
            root => match formula.constants.get(root) {
                Some(constant) => Some(follow(constant, &read.steps, read.whole)),
                None => of_variable(program, formula, read, binding, expanded),
            },
        };
        if let Some(value) = value {
            counted.insert(read.path(), value);
        }
    }
    counted
}

/// `S.currency`, and the same below an input's part: `sales[0].S.currency`.
fn of_variable(program: &Program, formula: &Formula, read: &Read, binding: &Binding, expanded: &[(Var, Value)]) -> Option<Json> {
    let names = std::iter::once(Some(read.root.as_str())).chain((0..read.steps.len()).map(|i| read.name(i)));
    let (at, var) = names.enumerate().find_map(|(at, name)| Some((at, formula.variable(name?)?)))?;
    let domain = domain_of(formula, var)?;
    let mut values: Vec<&Value> = match binding.get(var.0 as usize) {
        Some(Some(value)) => vec![value],
        _ => expanded.iter().filter(|(v, _)| *v == var).map(|(_, value)| value).collect(),
    };
    values.sort();
    values.dedup();
    let rest = &read.steps[at..];
    if rest.is_empty() && !read.whole {
        // Its text alone: a variable's own value, which is in the key.
        return None;
    }
    let entries = values.iter().filter_map(|value| entry(program, domain, value)).map(|e| follow(&e.value(), rest, read.whole));
    Some(Json::Array(entries.collect()))
}

fn domain_of(formula: &Formula, var: Var) -> Option<&Domain> {
    match &formula.variables[var.0 as usize].role {
        Role::Bound { domain } => domain.as_ref(),
        Role::Expanded { domain, .. } => Some(domain),
        Role::Fixed(_) => None,
    }
}

fn entry<'p>(program: &'p Program, domain: &Domain, value: &Value) -> Option<&'p Entry> {
    match domain {
        Domain::Set(name) => {
            let text = value.to_string();
            program.sets.get(name)?.entries.iter().find(|e| *e.id == *text)
        }
        Domain::Union(parts) => parts.iter().find_map(|part| entry(program, part, value)),
        Domain::Ints { .. } | Domain::Time { .. } => None,
    }
}

fn sets_json(program: &Program) -> Json {
    let sets = program.sets.iter().map(|(name, set)| (name.to_string(), Json::Array(set.entries.iter().map(Entry::value).collect())));
    Json::Object(sets.collect())
}

/// What stands at the end of some steps. An object of which only the text is read counts by its `id`.
fn follow(value: &Json, steps: &[Step], whole: bool) -> Json {
    match (steps.split_first(), value) {
        (None, Json::Object(fields)) if !whole => fields.get("id").cloned().unwrap_or_else(|| value.clone()),
        (None, _) => value.clone(),
        (Some((Step::Name(name), rest)), Json::Object(fields)) => fields.get(name).map_or(Json::Null, |v| follow(v, rest, whole)),
        (Some((Step::Each, rest)), Json::Array(items)) => Json::Array(items.iter().map(|item| follow(item, rest, whole)).collect()),
        // A computed look counts as a look at all.
        (Some(_), _) => value.clone(),
    }
}

/// A variable's value as a template sees it: a set's entry with its fields, a number, else its text.
pub(super) fn shown(program: &Program, formula: &Formula, var: Var, value: &Value) -> Shown {
    if let Some(entry) = domain_of(formula, var).and_then(|domain| entry(program, domain, value)) {
        return of_json(&entry.value());
    }
    match value {
        Value::Int(n) => Shown::from(*n),
        other => Shown::from(other.to_string()),
    }
}

/// A constant or a set's entry: an object with an `id` is printed as that.
pub(super) fn of_json(value: &Json) -> Shown {
    match value {
        Json::Object(fields) => match fields.get("id") {
            Some(id) => {
                let text = id.as_str().map_or_else(|| id.to_string(), str::to_string);
                let attributes = fields.iter().map(|(name, v)| (Name::from(name.as_str()), of_json(v))).collect();
                Shown::from_object(Labelled { text, table: None, attributes })
            }
            None => Shown::from_pairs(fields.iter().map(|(name, v)| (name.clone(), of_json(v)))),
        },
        Json::Array(items) => items.iter().map(of_json).collect(),
        Json::Null => Shown::from(()),
        Json::Bool(is) => Shown::from(*is),
        Json::String(text) => Shown::from(text.as_str()),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => Shown::from(n),
            (None, Some(n)) => Shown::from(n),
            (None, None) => Shown::from(n.to_string()),
        },
    }
}

/// All sets by name.
pub(super) fn sets(program: &Program) -> BTreeMap<String, Shown> {
    let entries = |set: &crate::formula::program::Set| set.entries.iter().map(|e| of_json(&e.value())).collect::<Shown>();
    program.sets.iter().map(|(name, set)| (name.to_string(), entries(set))).collect()
}
