//! The values that a job's templates read and that are not in its key anyway.
//!
//! What is true here: params, bound variables and inputs are in every key, and rendered paths never count. What is left is the label,
//! sets, constants, and the fields of the set entries that variables stand for; only what is read of them counts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::names::{self, Root};
use super::reads::{Read, Step, reads};
use crate::formula::program::{Formula, Kind, Program};
use crate::identity::{Binding, Value, Var};

/// Everything that a formula's templates read: found once, whatever the number of its jobs.
pub fn reads_of(formula: &Formula) -> Vec<Read> {
    // A template that cannot be read is an error of `check`, and renders nothing.
    templates(formula).into_iter().filter_map(|text| reads(text).ok()).flatten().collect()
}

/// The values by their paths: `label`, `sets.shops.*.currency`, `store.currency`, `S[nyc].currency`. `reads` are those of [`reads_of`],
/// `expanded` the values of the expanded variables in the job's parts.
pub fn values_read(
    program: &Program,
    formula: &Formula,
    reads: &[Read],
    binding: &Binding,
    label: &str,
    expanded: &[(Var, Value)],
) -> BTreeMap<String, Json> {
    let mut found = BTreeMap::new();
    let job = Instance { program, formula, binding, label, expanded };
    reads.iter().for_each(|read| job.read(read, &mut found));
    found
}

/// All texts of a formula that are rendered for a job.
fn templates(formula: &Formula) -> Vec<&str> {
    let recipe = match &formula.recipe.kind {
        Kind::Sql { text, .. } | Kind::Run { text } => Some(text),
        Kind::Copy => None,
    };
    let inputs = formula.inputs.iter().filter_map(|input| input.at.as_ref());
    let outputs = formula.outputs.iter().filter_map(|output| output.at.as_ref());
    recipe.into_iter().chain(&formula.recipe.file).chain(inputs).chain(outputs).map(String::as_str).collect()
}

struct Instance<'a> {
    program: &'a Program,
    formula: &'a Formula,
    binding: &'a Binding,
    label: &'a str,
    expanded: &'a [(Var, Value)],
}

impl Instance<'_> {
    fn read(&self, read: &Read, found: &mut BTreeMap<String, Json>) {
        if let Some((_, steps)) = names::input_of(self.formula, read) {
            let below = steps.iter().position(|step| *step != Step::Each).map_or(&[][..], |first| &steps[first..]);
            match below {
                [Step::Name(name), below @ ..] => {
                    if let Some(var) = self.formula.variable(name) {
                        self.fields(var, below, read.whole, found);
                    }
                }
                // A part, or all of them, went somewhere: their variables may be looked into.
                _ if read.whole => self.all_fields(found),
                _ => {}
            }
            return;
        }
        match names::root(self.formula, &read.root) {
            Root::Variable(var) => self.fields(var, &read.steps, read.whole, found),
            Root::Constant(value) => drop(found.insert(read.path(), projected(value, &read.steps))),
            Root::Reserved => match read.root.as_str() {
                "label" => drop(found.insert("label".into(), self.label.into())),
                "sets" => drop(found.insert(read.path(), projected(&names::sets(self.program), &read.steps))),
                // `inputs` itself, or one that is computed.
                "inputs" if read.whole || read.steps.contains(&Step::Each) => self.all_fields(found),
                _ => {}
            },
            Root::Input(_) | Root::Unknown => {}
        }
    }

    /// Fields of the entries that a variable's values name. Their ids are in the key, as the variable's values.
    fn fields(&self, var: Var, steps: &[Step], whole: bool, found: &mut BTreeMap<String, Json>) {
        let below = steps.iter().position(|step| *step != Step::Each).map_or(&[][..], |first| &steps[first..]);
        if below.is_empty() && !whole {
            return;
        }
        let bound = self.binding.get(var.0 as usize).and_then(Option::as_ref);
        let values: BTreeSet<&Value> = match bound {
            Some(value) => BTreeSet::from([value]),
            None => self.expanded.iter().filter(|(expanded, _)| *expanded == var).map(|(_, value)| value).collect(),
        };
        for value in values {
            let Some(entry) = names::entry(self.program, self.formula, var, value) else { continue };
            let mut path = format!("{}[{value}]", self.formula.variables[var.0 as usize].name);
            for step in below {
                path.push('.');
                path.push_str(if let Step::Name(name) = step { name } else { "*" });
            }
            found.insert(path, projected(&entry.value(), below));
        }
    }

    fn all_fields(&self, found: &mut BTreeMap<String, Json>) {
        for index in 0..self.formula.variables.len() {
            self.fields(Var(index as u16), &[], true, found);
        }
    }
}

/// What is read of a value; null where there is no such field.
fn projected(value: &Json, steps: &[Step]) -> Json {
    match (steps, value) {
        ([], value) => value.clone(),
        ([Step::Each, rest @ ..], Json::Array(items)) => items.iter().map(|item| projected(item, rest)).collect(),
        ([Step::Name(name), rest @ ..], Json::Object(fields)) => fields.get(name).map_or(Json::Null, |field| projected(field, rest)),
        // A subscript into something else: all of it counts.
        ([Step::Each, ..], other) => other.clone(),
        ([Step::Name(_), ..], _) => Json::Null,
    }
}
