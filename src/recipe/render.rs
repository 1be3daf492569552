//! One job: its paths, its script or query, its environment.
//!
//! What is true here: every path is relative to the job's folder and stays in it; no two things of a job stand at one path, and none below
//! another; a value in a path is percent-encoded, so that it is a part of a name, never a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::job::{Action, Job, JobInput, JobOutput, JobPart};
use super::landing::Landing;
use super::names::{self, GivenPart, Part, Scene};
use super::template::TemplateError;
use crate::formula::program::{self, Format, Formula, Input, Kind, Program};
use crate::identity::instance::percent_encoded;
use crate::identity::{Binding, Identity};

/// Why there is no job: one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    #[error("{what} cannot be rendered: {} (line {line})", error.message)]
    Template { what: String, line: usize, error: TemplateError },
    #[error("{what} would stand at `{path}`, outside the job's folder: write a relative path without `..`")]
    Outside { what: String, path: String },
    #[error("{first} and {second} would both stand at `{path}`: say `at \"…\"` for one of them")]
    SamePath { first: String, second: String, path: String },
    #[error("{below} would stand below {above}, at `{path}`: say `at \"…\"` for one of them")]
    Below { below: String, above: String, path: String },
}

/// The ending of a path's last part: `csv`, `csv.gz`; nothing where there is none. A compression counts with what it compresses.
pub fn ending(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_ending = |text: &str| (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let Some((stem, last)) = name.rsplit_once('.') else { return "" };
    if stem.is_empty() || !is_ending(last) {
        return "";
    }
    if matches!(last, "gz" | "zst" | "bz2" | "xz" | "lz4")
        && let Some((first, inner)) = stem.rsplit_once('.')
        && !first.is_empty()
        && is_ending(inner)
    {
        return &name[first.len() + 1..];
    }
    last
}

/// The job of an instantiated formula. `inputs` stand by the formula's inputs, `outputs` by its outputs; `root` is the project's.
pub fn render(
    program: &Program,
    formula: &Formula,
    binding: &Binding,
    inputs: &[Vec<GivenPart>],
    outputs: &[Identity],
    root: &Path,
) -> Result<Job, RecipeError> {
    let label = outputs.first().map_or("", |identity| &*identity.label);
    let mut scene = Scene { program, formula, binding, label, inputs: Vec::new(), outputs: Vec::new() };
    let mut taken = Taken::default();
    for (input, parts) in formula.inputs.iter().zip(inputs) {
        let mut linked = Vec::with_capacity(parts.len());
        for given in parts {
            let link = inside(link(&scene, input, given)?, || format!("the input `{}`", input.name))?;
            taken.take(&link, || format!("{} of the input `{}`", given.identity, input.name))?;
            linked.push(Part { given, link });
        }
        scene.inputs.push(linked);
    }
    let mut made = Vec::with_capacity(outputs.len());
    for (output, identity) in formula.outputs.iter().zip(outputs) {
        let what = || format!("the output `{}`", output.name);
        let format = format_of(formula);
        let path = inside(output_path(&scene, output, format)?, what)?;
        taken.take(&path, what)?;
        made.push(JobOutput {
            name: output.name.clone(),
            class: identity.class.clone(),
            instance: identity.instance.clone(),
            path,
            folder: formula.recipe.folder,
            format: format.unwrap_or(Format::Parquet),
        });
    }
    scene.outputs = made.iter().map(|output| (output.name.clone(), output.path.clone())).collect();
    for file in &formula.recipe.uses {
        taken.take(&file.path, || format!("the code file `{}`", file.path))?;
    }
    taken.nothing_below_another()?;
    let action = match &formula.recipe.kind {
        Kind::Run { text } => Action::Shell { script: rendered(&scene, text, Landing::Shell, || "the script".into())? },
        Kind::Sql { text, .. } => Action::Sql { query: rendered(&scene, text, Landing::Sql, || "the query".into())? },
        Kind::Copy => Action::Copy,
    };
    let recipe = &formula.recipe;
    Ok(Job {
        title: outputs.iter().map(Identity::to_string).collect::<Vec<_>>().join(" + "),
        action,
        inputs: formula.inputs.iter().zip(scene.inputs).map(|(input, parts)| job_input(program, formula, input, parts)).collect(),
        outputs: made,
        uses: recipe.uses.iter().map(|file| (file.path.clone(), root.join(&file.path))).collect(),
        env: recipe.env.clone(),
        secrets: recipe.secrets.clone(),
        params: recipe.params.clone(),
        timeout: recipe.timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    })
}

fn job_input(program: &Program, formula: &Formula, input: &Input, parts: Vec<Part<'_>>) -> JobInput {
    let chosen = parts.first().map_or(0, |part| part.given.alternative);
    let alternative = input.alternatives.get(chosen).or(input.alternatives.first());
    let class = alternative.and_then(|a| program.classes.get(&a.pattern.all().first()?.class));
    let parts = parts.into_iter().map(|part| JobPart {
        class: part.given.identity.class.clone(),
        instance: part.given.identity.instance.clone(),
        content: part.given.content,
        at: part.given.at.clone(),
        files: part.given.files.clone(),
        link: part.link,
    });
    JobInput {
        name: input.name.clone(),
        fan_in: names::is_fan_in(formula, input),
        parts: parts.collect(),
        dimensions: Arc::new(class.map(|class| class.dimensions.clone()).unwrap_or_default()),
        columns: alternative.and_then(|a| a.columns.clone()),
    }
}

fn rendered(scene: &Scene<'_>, text: &str, landing: Landing, what: impl Fn() -> String) -> Result<String, RecipeError> {
    scene.text(text, landing).map_err(|error| RecipeError::Template {
        what: what(),
        line: 1 + text.as_bytes()[..error.at.start.min(text.len())].iter().filter(|b| **b == b'\n').count(),
        error,
    })
}

/// Where an input's part is linked.
fn link(scene: &Scene<'_>, input: &Input, given: &GivenPart) -> Result<String, RecipeError> {
    if let Some(at) = &input.at {
        let mut binding = scene.binding.clone();
        for (var, value) in input.expands.iter().zip(&given.values) {
            binding[var.0 as usize] = Some(value.clone());
        }
        return placed(scene, &binding, at, || format!("`at` of the input `{}`", input.name));
    }
    let name = if names::is_fan_in(scene.formula, input) {
        format!("in/{}/{}", percent_encoded(&input.name), given.identity.instance.path_component())
    } else {
        format!("in/{}", percent_encoded(&input.name))
    };
    let is_file = !given.folder && given.files.is_empty();
    Ok(with_ending(name, if is_file { ending(&given.name) } else { "" }))
}

fn output_path(scene: &Scene<'_>, output: &program::Output, format: Option<Format>) -> Result<String, RecipeError> {
    let recipe = &scene.formula.recipe;
    if let Some(at) = &output.at {
        return placed(scene, scene.binding, at, || format!("`at` of the output `{}`", output.name));
    }
    if let Some(file) = &recipe.file {
        return Ok(format!("out/{}", rendered(scene, file, Landing::Path, || "`file`".into())?));
    }
    let name = format!("out/{}", percent_encoded(&output.name));
    Ok(match (format, &recipe.kind, scene.inputs.first().and_then(|parts| parts.first())) {
        _ if recipe.folder => name,
        (_, Kind::Copy, Some(part)) => with_ending(name, ending(&part.link)),
        (Some(format), ..) => with_ending(name, format.extension()),
        (None, ..) => name,
    })
}

/// What SQL writes; of a command's output only its name's ending.
pub fn format_of(formula: &Formula) -> Option<Format> {
    let recipe = &formula.recipe;
    let named = || match recipe.file.as_deref().map(ending) {
        Some("csv") => Some(Format::Csv),
        Some("jsonl" | "ndjson") => Some(Format::Jsonl),
        _ => Some(Format::Parquet),
    };
    recipe.format.or_else(|| if matches!(recipe.kind, Kind::Sql { .. }) { named() } else { None })
}

fn with_ending(name: String, ending: &str) -> String {
    if ending.is_empty() { name } else { format!("{name}.{ending}") }
}

/// A path that `at` says: its tags rendered, then `<NAME>` replaced, so that no value is read as a tag or as a variable.
fn placed(scene: &Scene<'_>, binding: &Binding, at: &str, what: impl Fn() -> String) -> Result<String, RecipeError> {
    let inner =
        Scene { program: scene.program, formula: scene.formula, binding, label: scene.label, inputs: Vec::new(), outputs: Vec::new() };
    let text = rendered(&inner, at, Landing::Path, what)?;
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let (name, after) = after.split_once('>').unwrap_or((after, ""));
        let var = scene.formula.variable(name.split(':').next().unwrap_or(name).trim());
        if let Some(value) = var.and_then(|var| binding[var.0 as usize].as_ref()) {
            out.push_str(&percent_encoded(&value.to_string()));
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// A path without `.` parts that stays below the job's folder.
fn inside(path: String, what: impl Fn() -> String) -> Result<String, RecipeError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.is_empty() || path.starts_with('/') || parts.contains(&"..") || path.contains('\0') {
        return Err(RecipeError::Outside { what: what(), path });
    }
    Ok(parts.join("/"))
}

/// Who stands where in a job's folder.
#[derive(Default)]
struct Taken(BTreeMap<String, String>);

impl Taken {
    fn take(&mut self, path: &str, who: impl Fn() -> String) -> Result<(), RecipeError> {
        match self.0.insert(path.to_string(), who()) {
            Some(first) => Err(RecipeError::SamePath { first, second: who(), path: path.to_string() }),
            None => Ok(()),
        }
    }

    fn nothing_below_another(&self) -> Result<(), RecipeError> {
        for (path, below) in &self.0 {
            for (end, _) in path.match_indices('/') {
                if let Some(above) = self.0.get(&path[..end]) {
                    return Err(RecipeError::Below { below: below.clone(), above: above.clone(), path: path.clone() });
                }
            }
        }
        Ok(())
    }
}
