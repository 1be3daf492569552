//! The names that a formula's templates see, and what each stands for.
//!
//! What is true here: a name means one thing: `inputs`, `outputs`, `output`, `params`, `sets`, `label`; then the constants of `for` and
//! `let`; then the formula's variables; then its inputs by name. An input is a part, or a list of parts, or left out; a part prints its path,
//! a set's entry its `id`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use minijinja::value::{Serde, Value as Shown};
use serde_json::Value as Json;

use super::landing::{Labelled, Landing, LeftOut, Parts};
use super::reads::{Read, Step, reads};
use super::template::{self, TemplateError};
use crate::digest::{ContentHash, of_bytes};
use crate::formula::program::{Choose, Domain, Entry, Formula, Input, Program, Role, Set};
use crate::identity::{Binding, Identity, Name, Precision, Type, Value, Var};

/// Names that nothing else can have.
pub(super) const RESERVED: [&str; 6] = ["inputs", "outputs", "output", "params", "sets", "label"];
/// What every part has, besides its variables and components.
pub(super) const PART: [&str; 4] = ["path", "hash", "class", "instance"];
/// Functions and names of the engine.
pub(super) const ENGINE: [&str; 2] = ["range", "dict"];

/// What a name stands for.
pub(super) enum Root<'a> {
    Reserved,
    Constant(&'a Json),
    Variable(Var),
    Input(&'a Input),
    Unknown,
}

pub(super) fn root<'a>(formula: &'a Formula, name: &str) -> Root<'a> {
    if RESERVED.contains(&name) || ENGINE.contains(&name) {
        return Root::Reserved;
    }
    if let Some(value) = formula.constants.get(name) {
        return Root::Constant(value);
    }
    if let Some(var) = formula.variable(name) {
        return Root::Variable(var);
    }
    formula.inputs.iter().find(|input| &*input.name == name).map_or(Root::Unknown, Root::Input)
}

/// The input that a read starts from, and the steps below it.
pub(super) fn input_of<'a, 'r>(formula: &'a Formula, read: &'r Read) -> Option<(&'a Input, &'r [Step])> {
    match (root(formula, &read.root), read.root.as_str(), read.steps.as_slice()) {
        (Root::Input(input), _, steps) => Some((input, steps)),
        (_, "inputs", [Step::Name(name), steps @ ..]) => Some((formula.inputs.iter().find(|i| *i.name == **name)?, steps)),
        _ => None,
    }
}

/// The job takes many parts here, however many there are.
pub(super) fn is_fan_in(formula: &Formula, input: &Input) -> bool {
    input.wildcard || input.expands.iter().any(|var| takes_many(formula, *var))
}

fn takes_many(formula: &Formula, var: Var) -> bool {
    matches!(&formula.variables[var.0 as usize].role, Role::Expanded { choose, .. } if *choose != Choose::Latest)
}

/// The name of a component in templates, which is that of its column in tables: its key, else what the time is, else `value`.
pub(super) fn component_name(key: Option<&Name>, ty: Type) -> Name {
    match (key, ty) {
        (Some(key), _) => key.clone(),
        (None, Type::Time(Precision::Day)) => "date".into(),
        (None, Type::Time(precision)) => precision.word().into(),
        (None, _) => "value".into(),
    }
}

/// The entry of a set of objects that a variable's value names.
pub(super) fn entry<'p>(program: &'p Program, formula: &Formula, var: Var, value: &Value) -> Option<&'p Entry> {
    let text = value.to_string();
    entries(program, formula, var).into_iter().find(|entry| *entry.id == *text && !entry.fields.is_empty())
}

/// The entries that a variable may stand for. (Those of a fixed variable are constants.)
pub(super) fn entries<'p>(program: &'p Program, formula: &Formula, var: Var) -> Vec<&'p Entry> {
    match &formula.variables[var.0 as usize].role {
        Role::Bound { domain: Some(domain) } | Role::Expanded { domain, .. } => {
            sets_of(program, domain).into_iter().flat_map(|set| &set.entries).collect()
        }
        Role::Bound { domain: None } | Role::Fixed(_) => Vec::new(),
    }
}

/// Whether parts of an input have a value for a variable: one that the job binds, or that the input expands.
pub(super) fn of_part(formula: &Formula, input: &Input, var: Var) -> bool {
    !matches!(formula.variables[var.0 as usize].role, Role::Expanded { .. }) || input.expands.contains(&var)
}

fn sets_of<'p>(program: &'p Program, domain: &Domain) -> Vec<&'p Set> {
    match domain {
        Domain::Set(name) => program.sets.get(name).into_iter().collect(),
        Domain::Union(domains) => domains.iter().flat_map(|domain| sets_of(program, domain)).collect(),
        Domain::Ints { .. } | Domain::Time { .. } => Vec::new(),
    }
}

/// Sets as templates see them: lists of texts, or of objects with an `id`.
pub(super) fn sets(program: &Program) -> Json {
    program.sets.iter().map(|(name, set)| (name.to_string(), set.entries.iter().map(Entry::value).collect::<Json>())).collect()
}

/// JSON as templates see it; an object with an `id` prints that.
pub(super) fn shown(json: &Json) -> Shown {
    match json {
        Json::Object(fields) => {
            let attributes: Vec<(Name, Shown)> = fields.iter().map(|(name, value)| (Name::from(name.as_str()), shown(value))).collect();
            match fields.get("id").and_then(Json::as_str) {
                Some(id) => Shown::from_object(Labelled { text: id.to_string(), table: None, attributes }),
                None => Shown::from_pairs(attributes.iter().map(|(name, value)| (name.to_string(), value.clone()))),
            }
        }
        Json::Array(items) => items.iter().map(shown).collect(),
        plain => Shown::from(Serde(plain)),
    }
}

/// One part of an input, as the graph and the catalog know it.
#[derive(Clone, Debug)]
pub struct GivenPart {
    pub identity: Identity,
    pub content: ContentHash,
    /// Which alternative of the input it came from.
    pub alternative: usize,
    /// Of the input's expanded variables.
    pub values: Vec<Value>,
    /// The file's name, for its ending.
    pub name: String,
    pub folder: bool,
    /// Where the bytes are.
    pub at: PathBuf,
    /// A glob's files, relative to `at`; empty otherwise.
    pub files: Vec<String>,
}

impl GivenPart {
    /// One whose bytes may not be there yet: for texts that say what is asked of it, not where it lies.
    pub fn unmade(identity: Identity, alternative: usize, values: Vec<Value>) -> Self {
        let (content, name, at) = (of_bytes(b""), String::new(), PathBuf::new());
        Self { identity, content, alternative, values, name, folder: false, at, files: Vec::new() }
    }
}

/// The same with its place in the job's folder.
pub(super) struct Part<'a> {
    pub given: &'a GivenPart,
    pub link: String,
}

/// All that one job's templates can name.
pub(super) struct Scene<'a> {
    pub program: &'a Program,
    pub formula: &'a Formula,
    pub binding: &'a Binding,
    pub label: &'a str,
    /// By the formula's inputs.
    pub inputs: Vec<Vec<Part<'a>>>,
    /// Names and paths.
    pub outputs: Vec<(Name, String)>,
}

/// The values of one template: a variable over a set of objects is an object where its fields are read, else its text.
struct Values<'s> {
    scene: &'s Scene<'s>,
    reads: &'s [Read],
}

impl Scene<'_> {
    /// A template of this job with its tags replaced.
    pub fn text(&self, text: &str, landing: Landing) -> Result<String, TemplateError> {
        if !template::is_template(text) {
            return Ok(text.to_string());
        }
        let reads = reads(text)?;
        template::render(text, landing, Values { scene: self, reads: &reads }.all())
    }
}

impl Values<'_> {
    fn all(&self) -> Shown {
        let Scene { program, formula, label, .. } = *self.scene;
        let inputs: Vec<(&str, Shown)> =
            formula.inputs.iter().zip(&self.scene.inputs).map(|(input, parts)| (&*input.name, self.input(input, parts))).collect();
        let variables = formula.variables.iter().enumerate().map(|(index, v)| (&*v.name, self.variable(Var(index as u16))));
        let sets = sets(program);
        // Later names hide earlier ones.
        let mut names: BTreeMap<&str, Shown> = inputs.iter().cloned().collect();
        names.extend(variables);
        names.extend(formula.constants.iter().map(|(name, value)| (name.as_str(), shown(value))));
        if let [(_, path)] = self.scene.outputs.as_slice() {
            names.insert("output", path.as_str().into());
        }
        names.insert("inputs", Shown::from_pairs(inputs));
        let outputs = self.scene.outputs.iter().map(|(name, path)| (&**name, path.as_str()));
        names.insert("outputs", Shown::from_pairs(outputs));
        names.insert("params", Shown::from_pairs(formula.recipe.params.iter().map(|(name, value)| (name.as_str(), shown(value)))));
        names.insert("sets", shown(&sets));
        names.insert("label", label.into());
        Shown::from_pairs(names)
    }

    fn input(&self, input: &Input, parts: &[Part<'_>]) -> Shown {
        let many = is_fan_in(self.scene.formula, input);
        match parts {
            [] => Shown::from_object(LeftOut),
            [one] if !many => self.part(input, one),
            _ => Shown::from_object(Parts { table: input.name.clone(), parts: parts.iter().map(|part| self.part(input, part)).collect() }),
        }
    }

    fn part(&self, input: &Input, part: &Part<'_>) -> Shown {
        let identity = &part.given.identity;
        let own: [Shown; 4] = [
            part.link.as_str().into(),
            part.given.content.to_hex().into(),
            identity.class.as_ref().into(),
            identity.instance.to_string().into(),
        ];
        let mut attributes: Vec<(Name, Shown)> = PART.iter().map(|name| Name::from(*name)).zip(own).collect();
        for (var, value) in input.expands.iter().zip(&part.given.values) {
            attributes.push((self.name(*var), self.value(*var, value)));
        }
        for (index, value) in self.scene.binding.iter().enumerate() {
            let var = Var(index as u16);
            attributes.extend(value.as_ref().map(|value| (self.name(var), self.value(var, value))));
        }
        for component in identity.instance.0.iter() {
            let name = component_name(component.key.as_ref(), component.value.ty());
            attributes.push((name, plain(&component.value)));
        }
        Shown::from_object(Labelled { text: part.link.clone(), table: Some(input.name.clone()), attributes })
    }

    /// A bound variable's value; of an expanded one the list of its values, or the one that `latest` chose.
    fn variable(&self, var: Var) -> Shown {
        if let Some(value) = &self.scene.binding[var.0 as usize] {
            return self.value(var, value);
        }
        let mut values: Vec<&Value> = Vec::new();
        for (input, parts) in self.scene.formula.inputs.iter().zip(&self.scene.inputs) {
            let Some(at) = input.expands.iter().position(|expanded| *expanded == var) else { continue };
            for value in parts.iter().filter_map(|part| part.given.values.get(at)) {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        match values.as_slice() {
            [] => Shown::from_object(LeftOut),
            [one] if !takes_many(self.scene.formula, var) => self.value(var, one),
            all => all.iter().map(|value| self.value(var, value)).collect(),
        }
    }

    fn name(&self, var: Var) -> Name {
        self.scene.formula.variables[var.0 as usize].name.clone()
    }

    fn value(&self, var: Var, value: &Value) -> Shown {
        match entry(self.scene.program, self.scene.formula, var, value) {
            Some(entry) if fields_are_read(self.reads, &self.name(var)) => shown(&entry.value()),
            _ => plain(value),
        }
    }
}

/// Whether any read looks below a name: `S.currency`, `part.S.currency`.
fn fields_are_read(reads: &[Read], name: &str) -> bool {
    reads.iter().any(|read| {
        let mut path = std::iter::once(read.root.as_str()).chain(read.steps.iter().filter_map(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Each => None,
        }));
        path.by_ref().any(|step| step == name) && path.next().is_some()
    })
}

fn plain(value: &Value) -> Shown {
    match value {
        Value::Int(number) => (*number).into(),
        other => other.to_string().into(),
    }
}
