//! A formula and its values to a job.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use minijinja::Value as Shown;

use super::job::{Action, Job, JobInput, JobOutput, JobPart};
use super::landing::{Labelled, Landing, LeftOut, Parts};
use super::template::{self, TemplateError};
use super::{ending, values};
use crate::digest::ContentHash;
use crate::formula::program::{Format, Formula, Input, Kind, Output, Program};
use crate::identity::instance::percent_encoded;
use crate::identity::{Binding, Dimension, Identity, Name, Precision, Type, Value};

/// One part of an input, with its bytes.
#[derive(Clone, Debug)]
pub struct GivenPart {
    pub identity: Identity,
    pub content: ContentHash,
    /// Which of the input's alternatives it came from.
    pub alternative: usize,
    /// Values of the variables that the input expands.
    pub values: Vec<Value>,
    /// The file's name; its ending goes on the link.
    pub name: String,
    pub folder: bool,
    pub at: PathBuf,
    /// A glob's files, relative to `at`.
    pub files: Vec<String>,
}

/// Why no job came out.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    #[error("its recipe cannot be rendered: {0}")]
    Template(#[from] TemplateError),
    #[error("two of its inputs would stand at {0}: say `at` for one of them")]
    SameLink(String),
    #[error("`at \"{at}\"` of `{name}`: {reason}")]
    At { name: String, at: String, reason: String },
}

/// Renders a job. `inputs`: by the formula's inputs. `root`: the project's.
pub fn render(
    program: &Program,
    formula: &Formula,
    binding: &Binding,
    inputs: &[Vec<GivenPart>],
    outputs: &[Identity],
    root: &Path,
) -> Result<Job, RecipeError> {
    let recipe = &formula.recipe;
    let mut job_inputs = Vec::with_capacity(inputs.len());
    let mut links = BTreeSet::new();
    for (input, parts) in formula.inputs.iter().zip(inputs) {
        let job_input = job_input(program, formula, input, parts, binding)?;
        if let Some(twice) = job_input.parts.iter().find(|part| !links.insert(part.link.clone())) {
            return Err(RecipeError::SameLink(twice.link.clone()));
        }
        job_inputs.push(job_input);
    }
    let mut job_outputs = Vec::with_capacity(outputs.len());
    for (output, identity) in formula.outputs.iter().zip(outputs) {
        job_outputs.push(JobOutput {
            name: output.name.clone(),
            class: identity.class.clone(),
            instance: identity.instance.clone(),
            path: output_path(formula, output, binding)?,
            folder: recipe.folder,
            format: recipe.format.unwrap_or(Format::Parquet),
        });
    }
    let names = Names { program, formula, binding, inputs, job_inputs: &job_inputs, outputs: &job_outputs, label: label(outputs) };
    let action = match &recipe.kind {
        Kind::Copy => Action::Copy,
        Kind::Run { text } => Action::Shell { script: template::render(text, Landing::Shell, names.context())? },
        Kind::Sql { text, .. } => Action::Sql { query: template::render(text, Landing::Sql, names.context())? },
    };
    Ok(Job {
        title: outputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        action,
        inputs: job_inputs,
        outputs: job_outputs,
        uses: recipe.uses.iter().map(|file| (file.path.clone(), root.join(&file.path))).collect(),
        env: recipe.env.clone(),
        secrets: recipe.secrets.clone(),
        params: recipe.params.clone(),
        timeout: recipe.timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    })
}

fn label(outputs: &[Identity]) -> &str {
    outputs.first().map_or("", |o| &o.label)
}

fn job_input(program: &Program, formula: &Formula, input: &Input, parts: &[GivenPart], binding: &Binding) -> Result<JobInput, RecipeError> {
    let fan_in = !input.expands.is_empty() && !single(formula, input) || input.wildcard;
    let mut given = Vec::with_capacity(parts.len());
    for part in parts {
        let link = match &input.at {
            Some(at) => {
                let mut with_part = binding.clone();
                for (var, value) in input.expands.iter().zip(&part.values) {
                    with_part[var.0 as usize] = Some(value.clone());
                }
                placed(formula, &input.name, at, &with_part)?
            }
            None => {
                let ending = if part.folder { "" } else { ending(&part.name) };
                let dot = if ending.is_empty() { "" } else { "." };
                let stem =
                    if fan_in { format!("{}/{}", input.name, part.identity.instance.path_component()) } else { input.name.to_string() };
                format!("in/{stem}{dot}{ending}")
            }
        };
        given.push(JobPart {
            class: part.identity.class.clone(),
            instance: part.identity.instance.clone(),
            content: part.content,
            at: part.at.clone(),
            files: part.files.clone(),
            link,
        });
    }
    let first = parts.first();
    let class = first.map(|p| &p.identity.class).or_else(|| input.alternatives.first().map(|a| &a.pattern.all()[0].class));
    let dimensions = class.and_then(|c| program.classes.get(c)).map(|c| c.dimensions.clone()).unwrap_or_default();
    let columns = first.map_or(input.alternatives.first(), |p| input.alternatives.get(p.alternative)).and_then(|a| a.columns.clone());
    Ok(JobInput { name: input.name.clone(), fan_in, parts: given, dimensions: Arc::new(dimensions), columns })
}

/// `latest` variables give one part, however wide their window.
fn single(formula: &Formula, input: &Input) -> bool {
    use crate::formula::program::{Choose, Role};
    let latest = |role: &Role| matches!(role, Role::Expanded { choose: Choose::Latest, .. });
    input.expands.iter().all(|var| latest(&formula.variables[var.0 as usize].role))
}

/// `at "include/<H>.h"`: the path under a binding. A value never adds a folder.
fn placed(formula: &Formula, name: &Name, at: &str, binding: &Binding) -> Result<String, RecipeError> {
    let wrong = |reason: String| RecipeError::At { name: name.to_string(), at: at.to_string(), reason };
    let mut path = String::new();
    let mut rest = at;
    while let Some(start) = rest.find('<') {
        path.push_str(&rest[..start]);
        let Some(length) = rest[start..].find('>') else { return Err(wrong("a `<` is not closed".into())) };
        let variable = rest[start + 1..start + length].trim();
        let value = formula.variable(variable).and_then(|var| binding[var.0 as usize].as_ref());
        let value = value.ok_or_else(|| wrong(format!("`{variable}` has no single value here")))?;
        path.push_str(&percent_encoded(&value.to_string()));
        rest = &rest[start + length + 1..];
    }
    path.push_str(rest);
    if path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return Err(wrong("it must stay in the job's folder".into()));
    }
    Ok(path)
}

fn output_path(formula: &Formula, output: &Output, binding: &Binding) -> Result<String, RecipeError> {
    let recipe = &formula.recipe;
    if let Some(at) = &output.at {
        return placed(formula, &output.name, at, binding);
    }
    if let Some(file) = &recipe.file {
        return placed(formula, &output.name, &format!("out/{file}"), binding);
    }
    let ending = match (recipe.format, &recipe.kind) {
        _ if recipe.folder => "",
        (Some(format), _) => format.extension(),
        (None, Kind::Sql { .. }) => Format::Parquet.extension(),
        (None, _) => "",
    };
    let dot = if ending.is_empty() { "" } else { "." };
    Ok(format!("out/{}{dot}{ending}", output.name))
}

/// The name under which a dimension stands in tables and templates where it has no key.
pub fn dimension_name(dimension: &Dimension) -> String {
    match (&dimension.key, dimension.ty) {
        (Some(key), _) => key.to_string(),
        (None, Type::Time(Precision::Day)) => "date".into(),
        (None, ty) => ty.word().into(),
    }
}

/// Everything that a template finds.
struct Names<'a> {
    program: &'a Program,
    formula: &'a Formula,
    binding: &'a Binding,
    inputs: &'a [Vec<GivenPart>],
    job_inputs: &'a [JobInput],
    outputs: &'a [JobOutput],
    label: &'a str,
}

impl Names<'_> {
    fn context(&self) -> Shown {
        let mut names: BTreeMap<String, Shown> = BTreeMap::new();
        let inputs: BTreeMap<String, Shown> =
            (0..self.job_inputs.len()).map(|at| (self.job_inputs[at].name.to_string(), self.input(at))).collect();
        names.extend(inputs.iter().map(|(name, value)| (name.clone(), value.clone())));
        names.extend(self.formula.constants.iter().map(|(name, value)| (name.clone(), values::of_json(value))));
        for (at, variable) in self.formula.variables.iter().enumerate() {
            let var = crate::identity::Var(at as u16);
            let value = match &self.binding[at] {
                Some(value) => values::shown(self.program, self.formula, var, value),
                None => self.expanded(var),
            };
            names.insert(variable.name.to_string(), value);
        }
        let outputs = self.outputs.iter().map(|o| (o.name.to_string(), Shown::from(o.path.as_str())));
        let params = self.formula.recipe.params.iter().map(|(name, value)| (name.clone(), values::of_json(value)));
        names.insert("inputs".into(), Shown::from_pairs(inputs));
        names.insert("output".into(), self.outputs.first().map_or(Shown::UNDEFINED, |o| Shown::from(o.path.as_str())));
        names.insert("outputs".into(), Shown::from_pairs(outputs));
        names.insert("params".into(), Shown::from_pairs(params));
        names.insert("sets".into(), Shown::from_pairs(values::sets(self.program)));
        names.insert("label".into(), Shown::from(self.label));
        Shown::from_pairs(names)
    }

    /// The distinct values that an expanded variable takes in this job.
    fn expanded(&self, var: crate::identity::Var) -> Shown {
        let mut all = BTreeSet::new();
        for (input, parts) in self.formula.inputs.iter().zip(self.inputs) {
            if let Some(at) = input.expands.iter().position(|v| *v == var) {
                all.extend(parts.iter().filter_map(|p| p.values.get(at)));
            }
        }
        all.into_iter().map(|value| values::shown(self.program, self.formula, var, value)).collect()
    }

    fn input(&self, at: usize) -> Shown {
        let input = &self.job_inputs[at];
        if input.parts.is_empty() {
            return Shown::from_object(LeftOut);
        }
        if !input.fan_in {
            return self.part(at, 0, Some(input.name.clone()));
        }
        let parts = (0..input.parts.len()).map(|part| self.part(at, part, None)).collect();
        Shown::from_object(Parts { table: input.name.clone(), parts })
    }

    fn part(&self, input: usize, part: usize, table: Option<Name>) -> Shown {
        let (job_part, given) = (&self.job_inputs[input].parts[part], &self.inputs[input][part]);
        let mut attributes: Vec<(Name, Shown)> = Vec::new();
        for (var, value) in self.formula.inputs[input].expands.iter().zip(&given.values) {
            let name = self.formula.variables[var.0 as usize].name.clone();
            attributes.push((name, values::shown(self.program, self.formula, *var, value)));
        }
        let dimensions = self.program.classes.get(&job_part.class).map(|c| c.dimensions.as_slice()).unwrap_or_default();
        for (dimension, component) in dimensions.iter().zip(job_part.instance.0.iter()) {
            let name = dimension_name(dimension);
            if !attributes.iter().any(|(known, _)| **known == *name) {
                attributes.push((name.into(), Shown::from(component.value.to_string())));
            }
        }
        attributes.push(("path".into(), Shown::from(job_part.link.as_str())));
        attributes.push(("hash".into(), Shown::from(job_part.content.to_hex())));
        Shown::from_object(Labelled { text: job_part.link.clone(), table, attributes })
    }
}
