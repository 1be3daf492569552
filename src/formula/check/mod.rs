//! Checking: from syntax trees to a program and all that is wrong with it.
//!
//! What is true here: all problems of all files are reported at once. A formula with a problem is left out of the program, and causes no
//! follow-up problems elsewhere: what it says of its classes still counts, and where it cannot, nothing is concluded from its absence.

mod problems;
mod template;
mod values;
mod draft;
mod load;
mod expand;
mod types;
mod terms;
mod variables;
mod properties;
mod recipe;
mod lower;
mod source;
mod overlap;
mod recursion;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use draft::{Draft, Origin};
use lower::Lowering;
use problems::Problems;
use recipe::Code;
use terms::Names;
use types::Types;

/// Seconds of `30s`, `1.5h`, `1d 30min`; units `s min h d w`.
pub use values::seconds as duration;

use super::ast::Span;
use super::program::{PatternChoice, Program};
use super::settings::{Files, Settings};
use crate::diagnostic::{Diagnostic, Place};
use crate::identity::{Name, Precision, Type};

/// A program, and what was found on the way.
pub struct Compiled {
    /// Everything that could be understood; whole where no diagnostic is an error.
    pub program: Program,
    /// In the order of the texts.
    pub diagnostics: Vec<Diagnostic>,
    /// What places refer to, by [`super::ast::FileId`]: formula files, and the SQL files that they name.
    pub texts: Vec<(Name, String)>,
}

impl Compiled {
    /// A span as a place that can be shown.
    pub fn place(&self, span: Span) -> Place {
        Place { file: self.texts[span.file.0 as usize].0.clone(), start: span.start, end: span.end }
    }
}

/// Compiles a project.
pub fn compile(files: &dyn Files, settings: &Settings) -> Compiled {
    let mut problems = Problems::default();
    // 1. Read the files and what they include; unroll `for` blocks, and render the templates of tuples.
    let loaded = load::load(files, settings, &mut problems);
    let drafts = expand::expand(&loaded, settings, &mut problems);
    // 2. Find every class's dimensions and every variable's type, from all uses together.
    let types = types::infer(&drafts, settings, &mut problems);
    problems.incomplete |= !types.broken.is_empty();
    // 3. Give each formula its variables, patterns and recipe.
    let mut program = lower(&drafts, &types, settings, files, &mut problems);
    // 4. Look at the whole: who makes what from what.
    hours_exist(&program, settings, &mut problems);
    overlap::makers(&program, &mut problems);
    overlap::paths(&program, &mut problems);
    recursion::check(&mut program, &mut problems);
    let (diagnostics, texts) = problems.finish();
    Compiled { program, diagnostics, texts }
}

fn lower(drafts: &[Draft<'_>], types: &Types, settings: &Settings, files: &dyn Files, problems: &mut Problems) -> Program {
    let mut program =
        Program { classes: types.classes.clone(), sets: settings.sets.clone(), bases: settings.bases.clone(), ..Program::default() };
    let names: Vec<Names<'_>> = drafts.iter().enumerate().map(|(i, draft)| Names::new(i, draft, types, settings)).collect();
    let mut surveys = Vec::new();
    for (i, draft) in drafts.iter().enumerate() {
        let sound = !types.broken.contains(&i);
        surveys.push(sound.then(|| variables::survey(draft, &names[i], problems)).flatten());
    }
    problems.incomplete |= surveys.iter().any(Option::is_none);
    let domains = variables::class_domains(drafts, &surveys);
    let mut code = Code::new(files);
    for ((draft, survey), names) in drafts.iter().zip(&surveys).zip(&names) {
        let Some(survey) = survey else { continue };
        let Some(variables) = variables::roles(draft, survey, names, &domains, problems) else { continue };
        let lowering = Lowering { draft, names, variables, problems };
        match draft.origin {
            Origin::Formula(written) => program.formulas.extend(lowering.formula(written, &mut code)),
            Origin::Source(written) => program.sources.extend(lowering.source(written)),
        }
    }
    index(&mut program);
    program
}

/// Numbers formulas and sources, and finds them by class.
fn index(program: &mut Program) {
    for (id, source) in program.sources.iter_mut().enumerate() {
        source.id = id;
        program.source_of.entry(source.pattern.class.clone()).or_default().push(id);
    }
    let (sources, source_of) = (&program.sources, &program.source_of);
    let mut makers: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
    let mut readers: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
    for (id, formula) in program.formulas.iter_mut().enumerate() {
        formula.id = id;
        let add = |classes: &mut BTreeMap<Name, Vec<usize>>, class: &Name| {
            let ids = classes.entry(class.clone()).or_default();
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        };
        for output in &formula.outputs {
            add(&mut makers, &output.pattern.class);
        }
        for alternative in formula.inputs.iter_mut().flat_map(|input| &mut input.alternatives) {
            for pattern in alternative.pattern.all() {
                add(&mut readers, &pattern.class);
            }
            let read = match &alternative.pattern {
                PatternChoice::One(pattern) => Some(pattern),
                PatternChoice::ByEntry { patterns, .. } => patterns.values().next(),
            };
            let of_class = read.and_then(|pattern| source_of.get(&pattern.class)).into_iter().flatten();
            alternative.columns = of_class.map(|id| &sources[*id]).find_map(|source| source.columns.clone());
        }
    }
    program.makers = makers;
    program.readers = readers;
}

/// Hours are those of the project's zone, so that each must exist, and only once.
fn hours_exist(program: &Program, settings: &Settings, problems: &mut Problems) {
    if !settings.clocks_change {
        return;
    }
    let fine = |ty: Type| matches!(ty, Type::Time(Precision::Minute | Precision::Hour));
    for class in program.classes.values().filter(|class| class.dimensions.iter().any(|d| fine(d.ty))) {
        let error = Diagnostic::error("E0222", format!("`{}` has hours, and the clocks of {} change", class.name, settings.timezone))
            .at(problems.place(class.span), "hours or minutes")
            .note("on the days of a change an hour is missing, or is there twice")
            .help("use a zone without daylight saving, such as `timezone: UTC`, in formake.yaml");
        problems.report(error);
    }
}
