//! The manifest: every part of a key, in order, for a visitor that hashes and one that describes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reason::Difference;
use super::shape::shape;
use crate::catalog::Run;
use crate::digest::{ContentHash, Encoder, Fingerprint, FixedHash, Key, Shape};
use crate::formula::program::{Formula, Kind, Program};
use crate::identity::{Binding, Identity};
use crate::table;

/// What one job is made under. Paths, label and repository of the identities are not looked at.
pub struct Facts<'a> {
    pub formula: &'a Formula,
    pub recipe: &'a Recipe,
    pub binding: &'a Binding,
    /// What its templates read besides inputs, params and variables.
    pub reads: &'a BTreeMap<String, serde_json::Value>,
    pub outputs: Vec<&'a Identity>,
}

/// One input part with its content.
pub struct InputFact<'a> {
    pub name: &'a str,
    pub identity: &'a Identity,
    pub content: ContentHash,
    /// The ending of its file's name, where `sql` reads it.
    pub ending: &'a str,
}

/// A formula's recipe as it counts: named parts, and their digest.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    pub fingerprint: Fingerprint,
    /// What the formula's head asks of the inputs: recorded beside the key.
    pub shape: Shape,
    pub parts: Arc<Vec<(String, String)>>,
}

/// All formulas' recipes, by formula.
pub struct Recipes(pub Vec<Recipe>);

/// The digests of one job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keys {
    pub fixed: FixedHash,
    pub key: Key,
}

impl Recipes {
    /// `tools`: what each `tool` command printed.
    pub fn new(program: &Program, tools: &BTreeMap<String, String>) -> Self {
        let mut all: Vec<Recipe> = Vec::with_capacity(program.formulas.len());
        for formula in &program.formulas {
            // What is taken over from a base is the same recipe.
            let same = formula.of.and_then(|of| all.get(of)).cloned();
            all.push(same.unwrap_or_else(|| Recipe::new(program, formula, tools)));
        }
        Self(all)
    }
}

impl Recipe {
    fn new(program: &Program, formula: &Formula, tools: &BTreeMap<String, String>) -> Self {
        let r = &formula.recipe;
        let mut parts: Vec<(String, String)> = Vec::new();
        let mut part = |name: String, value: String| parts.push((name, value));
        match &r.kind {
            Kind::Sql { text, .. } => part("sql".into(), table::canonical(text)),
            Kind::Run { text } => part("run".into(), text.clone()),
            Kind::Copy => part("copy".into(), String::new()),
        }
        for file in &r.uses {
            part(format!("code {}", file.path), file.hash.to_hex());
        }
        for tool in &r.tools {
            part(format!("tool {tool}"), tools.get(tool).cloned().unwrap_or_default());
        }
        for (name, value) in &r.params {
            part(format!("param {name}"), value.to_string());
        }
        for (name, value) in &r.env {
            part(format!("env {name}"), value.clone());
        }
        for input in &formula.inputs {
            part(format!("input {} at", input.name), input.at.clone().unwrap_or_default());
            if let (Kind::Sql { .. }, Some(columns)) = (&r.kind, input.alternatives.iter().find_map(|a| a.columns.as_ref())) {
                let columns: Vec<String> = columns.iter().map(|c| format!("{} {}", c.name, c.ty)).collect();
                part(format!("input {} columns", input.name), columns.join(", "));
            }
        }
        for output in &formula.outputs {
            part(format!("output {} at", output.name), output.at.clone().unwrap_or_default());
        }
        for (name, value) in [
            ("file", r.file.clone()),
            ("folder", r.folder.then(|| "yes".to_string())),
            ("format", r.format.map(|f| f.extension().to_string())),
            ("effect", r.effect.then(|| "yes".to_string())),
        ] {
            if let Some(value) = value {
                part(name.into(), value);
            }
        }
        let mut encoder = Encoder::new("recipe");
        for (name, value) in &parts {
            encoder.text(name).text(value);
        }
        Self { fingerprint: Fingerprint(encoder.finish()), shape: shape(program, formula), parts: Arc::new(parts) }
    }

    /// The named parts as JSON, as the catalog keeps them.
    pub fn to_json(&self) -> String {
        let map: serde_json::Map<String, serde_json::Value> = self.parts.iter().map(|(n, v)| (n.clone(), v.clone().into())).collect();
        serde_json::Value::Object(map).to_string()
    }
}

/// Walks a manifest.
trait Visitor {
    fn part(&mut self, group: &str, name: &str, value: &str);
    /// The part before is all that is known before any input is.
    fn fixed_ends(&mut self) {}
    fn input(&mut self, input: &InputFact<'_>);
}

fn walk(facts: &Facts<'_>, inputs: &[InputFact<'_>], visitor: &mut dyn Visitor) {
    for (name, value) in variables(facts.formula, facts.binding) {
        visitor.part("variable", name, &value);
    }
    for (name, value) in facts.reads {
        visitor.part("reads", name, &value.to_string());
    }
    for output in &facts.outputs {
        visitor.part("output", &output.class, &output.instance.to_string());
    }
    visitor.fixed_ends();
    for input in inputs {
        visitor.input(input);
    }
}

/// Variables that have one value, by name.
fn variables<'a>(formula: &'a Formula, binding: &Binding) -> Vec<(&'a str, String)> {
    let named = formula.variables.iter().zip(binding);
    let mut all: Vec<(&str, String)> = named.filter_map(|(v, value)| Some((&*v.name, value.as_ref()?.to_string()))).collect();
    all.sort();
    all
}

struct Hasher {
    encoder: Encoder,
    fixed: Option<FixedHash>,
}

impl Visitor for Hasher {
    fn part(&mut self, group: &str, name: &str, value: &str) {
        self.encoder.text(group).text(name).text(value);
    }

    fn fixed_ends(&mut self) {
        let fixed = std::mem::take(&mut self.encoder).finish();
        self.fixed = Some(FixedHash(fixed));
        self.encoder = Encoder::new("key");
        self.encoder.bytes(&fixed);
    }

    fn input(&mut self, input: &InputFact<'_>) {
        self.encoder.text(input.name).text(&input.identity.class).text(&input.identity.instance.to_string());
        self.encoder.bytes(&input.content.0).text(input.ending);
    }
}

struct Describer(Vec<(String, String)>);

impl Visitor for Describer {
    fn part(&mut self, group: &str, name: &str, value: &str) {
        self.0.push((format!("{group} {name}"), value.to_string()));
    }

    fn input(&mut self, input: &InputFact<'_>) {
        self.0.push((described_input(input.name, input.identity), input.content.to_hex()));
    }
}

fn described_input(name: &str, identity: &Identity) -> String {
    let class_and_instance =
        if identity.instance.is_empty() { identity.class.to_string() } else { format!("{}@{}", identity.class, identity.instance) };
    if *name == *identity.class { format!("input {class_and_instance}") } else { format!("input {name} = {class_and_instance}") }
}

impl Facts<'_> {
    /// Both digests.
    pub fn keys(&self, inputs: &[InputFact<'_>]) -> Keys {
        let mut encoder = Encoder::new("fixed");
        encoder.bytes(&self.recipe.fingerprint.0);
        let mut hasher = Hasher { encoder, fixed: None };
        walk(self, inputs, &mut hasher);
        let fixed = hasher.fixed.unwrap_or(FixedHash([0; 32]));
        Keys { fixed, key: Key(hasher.encoder.finish()) }
    }

    /// The digest of what is known before any input is.
    pub fn fixed(&self) -> FixedHash {
        self.keys(&[]).fixed
    }

    /// Every part with its value, for people.
    pub fn describe(&self, inputs: &[InputFact<'_>]) -> Vec<(String, String)> {
        let mut describer = Describer(self.recipe.parts.as_ref().clone());
        walk(self, inputs, &mut describer);
        describer.0
    }

    /// The variables and reads as JSON, as the catalog keeps them: `{"variable DATE": "2024-01-01", …}`.
    pub fn variables_json(&self) -> String {
        let mut describer = Describer(Vec::new());
        walk(self, &[], &mut describer);
        let map: serde_json::Map<String, serde_json::Value> =
            describer.0.into_iter().filter(|(name, _)| !name.starts_with("output ")).map(|(n, v)| (n, v.into())).collect();
        serde_json::Value::Object(map).to_string()
    }
}

/// The named parts of a record: a run's recipe, or its variables.
pub fn parts(json: &str) -> Vec<(String, String)> {
    let text = |v: serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_string);
    match serde_json::from_str(json) {
        Ok(serde_json::Value::Object(map)) => map.into_iter().map(|(name, value)| (name, text(value))).collect(),
        _ => Vec::new(),
    }
}

/// The manifest of a recorded run, described like [`Facts::describe`].
pub fn recorded(run: &Run) -> Vec<(String, String)> {
    let mut all = parts(&run.recipe);
    all.extend(parts(&run.variables));
    for (identity, _) in &run.outputs {
        all.push((format!("output {}", identity.class), identity.instance.to_string()));
    }
    for input in &run.inputs {
        all.push((described_input(&input.name, &input.identity), input.content.to_hex()));
    }
    all
}

/// The parts that differ, in the order of the new manifest, then those that went.
pub fn differences(old: &[(String, String)], new: &[(String, String)]) -> Vec<Difference> {
    let olds: BTreeMap<&str, &str> = old.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let news: BTreeMap<&str, &str> = new.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut all = Vec::new();
    for (name, value) in new {
        let old = olds.get(name.as_str()).copied();
        if old != Some(value.as_str()) {
            all.push(Difference { part: name.clone(), old: old.map(str::to_string), new: Some(value.clone()) });
        }
    }
    for (name, value) in old {
        if !news.contains_key(name.as_str()) {
            all.push(Difference { part: name.clone(), old: Some(value.clone()), new: None });
        }
    }
    let order = |part: &str, list: &[(String, String)]| -> Vec<String> {
        list.iter().filter(|(n, _)| n.starts_with(part)).map(|(n, _)| n.clone()).collect()
    };
    if all.is_empty() && order("input ", old) != order("input ", new) {
        all.push(Difference {
            part: "order of inputs".into(),
            old: Some(order("input ", old).join(", ")),
            new: Some(order("input ", new).join(", ")),
        });
    }
    all
}
