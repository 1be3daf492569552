//! Drafts to formulas: tuples to patterns, inputs and outputs with their names, blocks with their meaning.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Alternative, Draft, Input, Term, Tuple, narrowed};
use super::expand::template_error;
use super::problems::Problems;
use super::properties::Properties;
use super::recipe::{self, Code, sensible};
use super::template;
use super::terms::Names;
use super::types::phrase;
use crate::diagnostic::Diagnostic;
use crate::formula::ast::{self, Span, Spanned, Text};
use crate::formula::program::{self, Formula, Kind, PatternChoice, Role, Variable};
use crate::identity::pattern::{Expr, Pattern, Var};
use crate::identity::{Name, Term as Meaning, Type, Value};

/// One draft with its variables known.
pub(super) struct Lowering<'a, 'l> {
    pub draft: &'l Draft<'a>,
    pub names: &'l Names<'l>,
    pub variables: Vec<Variable>,
    pub problems: &'l mut Problems,
}

impl<'a> Lowering<'a, '_> {
    pub fn formula(mut self, written: &ast::Formula, code: &mut Code<'_>) -> Option<Formula> {
        let before = self.problems.count();
        let inputs = self.inputs();
        let outputs = self.outputs(written);
        let timed = self.timed();
        let mut all = Properties::new(self.draft, &self.draft.constants, self.problems);
        let recipe = recipe::recipe(&mut all, code, self.names.settings, self.draft.span());
        let life = narrowed(all.life(timed), if timed { self.draft.life } else { program::Life::default() });
        let (doc, owner, tags) = all.doc();
        let (recipe, recipe_span) = recipe?;
        self.fits(written, &recipe, &inputs)?;
        let whole = inputs.len() == self.draft.inputs.len() && outputs.len() == self.draft.outputs.len();
        (whole && self.problems.count() == before).then_some(())?;
        Some(Formula {
            of: None,
            id: 0,
            title: self.title(),
            place: self.problems.line(self.draft.span()),
            span: self.draft.span(),
            variables: self.variables,
            inputs,
            outputs,
            recipe,
            recipe_span,
            life,
            constants: (*self.draft.entries).clone(),
            doc,
            owner,
            tags,
        })
    }

    /// `Customers + Billing -> churn_features`
    fn title(&self) -> String {
        let inputs = self.draft.inputs.iter();
        let inputs = inputs.map(|i| distinct(i.alternatives.iter().flat_map(|a| &a.tuples).map(|(_, t)| t.class.to_string())).join(" | "));
        let inputs = distinct(inputs).join(" + ");
        let outputs = distinct(self.draft.outputs.iter().map(|t| t.class.to_string())).join(" + ");
        if inputs.is_empty() { format!("-> {outputs}") } else { format!("{inputs} -> {outputs}") }
    }

    /// All outputs have a time component.
    pub(super) fn timed(&self) -> bool {
        let is_time =
            |tuple: &Tuple<'_>| (0..tuple.components.len()).any(|i| matches!(self.names.types.dimension(&tuple.class, i), Type::Time(_)));
        self.draft.outputs.iter().all(is_time)
    }

    fn inputs(&mut self) -> Vec<program::Input> {
        let draft = self.draft;
        let mut inputs: Vec<program::Input> = Vec::new();
        for input in &draft.inputs {
            let Some(lowered) = self.input(input) else { continue };
            if let Some(other) = inputs.iter().find(|other| other.name == lowered.name) {
                let span = other.span;
                self.same_name(&lowered.name, input.ast.span, span, "input");
            }
            if let Some(at) = &lowered.at
                && let Some(other) = inputs.iter().find(|other| other.at.as_ref() == Some(at))
            {
                let error = Diagnostic::error("E0404", format!("two inputs are at `{at}`"))
                    .at(self.problems.place(lowered.span), "one")
                    .at(self.problems.place(other.span), "another")
                    .help("give each its own path");
                self.problems.report(error);
            }
            inputs.push(lowered);
        }
        inputs
    }

    fn same_name(&mut self, name: &str, span: Span, other: Span, what: &str) {
        let error = Diagnostic::error("E0212", format!("two {what}s are named `{name}`"))
            .at(self.problems.place(span), "one")
            .at(self.problems.place(other), "another")
            .note("a name stands for one of them in templates and SQL; it is the class where `as` says nothing")
            .help(format!("give one of them another name: `(…) as other_{name}`"));
        self.problems.report(error);
    }

    fn input(&mut self, input: &Input<'a>) -> Option<program::Input> {
        let name = self.name(input)?;
        let mut alternatives = Vec::new();
        let mut expands: Vec<Vec<Var>> = Vec::new();
        for alternative in &input.alternatives {
            expands.push(self.expands(alternative));
            alternatives.push(self.alternative(alternative)?);
        }
        let first = expands.first().cloned().unwrap_or_default();
        let set = |vars: &[Var]| vars.iter().copied().collect::<BTreeSet<_>>();
        if let Some(other) = expands.iter().position(|other| !set(other).is_subset(&set(&first))) {
            let error = Diagnostic::error("E0221", "an alternative has more parts than the first one")
                .at(self.problems.place(input.alternatives[other].ast.tuple.span), self.named(&expands[other]))
                .at(self.problems.place(input.alternatives[0].ast.tuple.span), self.named(&first))
                .note("part by part the first alternative that can be provided is taken, so that the first one says which parts there are")
                .help("write the alternative with most variables first, or use the same variables in all of them");
            self.problems.report(error);
        }
        let wildcard = |t: &Tuple<'_>| t.components.iter().any(|c| matches!(c.term, Term::Wildcard));
        let at = input.ast.at.as_ref().and_then(|at| self.at(at, &first));
        Some(program::Input {
            name,
            alternatives,
            optional: input.alternatives.iter().any(|a| a.ast.optional),
            at,
            wildcard: input.alternatives.iter().flat_map(|a| &a.tuples).any(|(_, tuple)| wildcard(tuple)),
            expands: first,
            span: input.ast.span,
        })
    }

    fn named(&self, vars: &[Var]) -> String {
        let names: Vec<&str> = vars.iter().map(|var| self.names.variables[var.0 as usize].as_str()).collect();
        if names.is_empty() { "one instance".into() } else { format!("expands {}", super::problems::list(&names)) }
    }

    fn name(&mut self, input: &Input<'a>) -> Option<Name> {
        if let Some(name) = &input.ast.name {
            return Some(name.node.as_str().into());
        }
        let classes: BTreeSet<&Name> = input.alternatives.iter().flat_map(|a| &a.tuples).map(|(_, tuple)| &tuple.class).collect();
        if input.alternatives.len() > 1 {
            let help = "name the whole: `(a, …) | (b, …) as x`";
            self.problems.error("E0213", "alternatives need a name", input.ast.span, "several classes, and no `as`", help);
            return None;
        }
        if classes.len() > 1 {
            let help = "name it: `({{ S.class }}, …) as x`";
            self.problems.error(
                "E0213",
                "an input of several classes needs a name",
                input.ast.span,
                "a class per entry, and no `as`",
                help,
            );
            return None;
        }
        classes.first().map(|class| default_name(class))
    }

    /// Variables that are expanded here, leftmost first.
    fn expands(&self, alternative: &Alternative<'_>) -> Vec<Var> {
        let mut vars = Vec::new();
        for (_, variable) in alternative.tuples.iter().flat_map(|(_, tuple)| tuple.variables()) {
            if let Some(var) = self.names.var(&variable.expr.base.node)
                && matches!(self.variables[var.0 as usize].role, Role::Expanded { .. })
                && !vars.contains(&var)
            {
                vars.push(var);
            }
        }
        vars
    }

    fn alternative(&mut self, alternative: &Alternative<'a>) -> Option<program::Alternative> {
        let span = alternative.ast.tuple.span;
        let pattern = match alternative.by.and_then(|name| self.names.var(name)) {
            None => PatternChoice::One(self.pattern(&alternative.tuples.first()?.1, false)?),
            Some(var) => {
                let ty = self.names.ty(var);
                let mut patterns = BTreeMap::new();
                for (entry, tuple) in &alternative.tuples {
                    patterns.insert(ty.read(entry.as_ref()?)?, self.pattern(tuple, false)?);
                }
                PatternChoice::ByEntry { var, patterns }
            }
        };
        Some(program::Alternative { pattern, columns: None, own_class: false, span })
    }

    fn outputs(&mut self, written: &ast::Formula) -> Vec<program::Output> {
        let draft = self.draft;
        let mut outputs: Vec<program::Output> = Vec::new();
        for (tuple, output) in draft.outputs.iter().zip(&written.outputs) {
            let name = output.name.as_ref().map_or_else(|| default_name(&tuple.class), |name| name.node.as_str().into());
            let at = output.at.as_ref().and_then(|at| self.at(at, &[]));
            let Some(pattern) = self.pattern(tuple, true) else { continue };
            if let Some(other) = outputs.iter().find(|other| other.name == name) {
                let span = other.span;
                self.same_name(&name, output.span, span, "output");
            }
            outputs.push(program::Output { name, pattern, at, span: output.span });
        }
        outputs
    }

    pub(super) fn pattern(&mut self, tuple: &Tuple<'a>, output: bool) -> Option<Pattern> {
        let mut terms = Vec::new();
        for (i, component) in tuple.components.iter().enumerate() {
            let ty = self.names.types.dimension(&tuple.class, i);
            let term = match &component.term {
                Term::Wildcard => Meaning::Wildcard,
                Term::Literal(text, span) => Meaning::Literal(self.literal(text, ty, *span, &tuple.class)?),
                Term::Variable(variable) => {
                    let (expr, _) = self.names.expr(&variable.expr, ty, self.problems)?;
                    match self.fixed(&expr).filter(|_| output) {
                        Some(value) => Meaning::Literal(value),
                        None => Meaning::Expr(expr),
                    }
                }
            };
            terms.push((component.key.map(Name::from), term));
        }
        Some(Pattern { class: tuple.class.clone(), terms, label: tuple.label.clone(), repository: tuple.repository.clone() })
    }

    fn fixed(&self, expr: &Expr) -> Option<Value> {
        match &self.variables[expr.bare()?.0 as usize].role {
            Role::Fixed(value) => Some(value.clone()),
            _ => None,
        }
    }

    fn literal(&mut self, text: &str, ty: Type, span: Span, class: &str) -> Option<Value> {
        let value = ty.read(text);
        if value.is_none() {
            let example = match ty {
                Type::Text => "",
                Type::Int => "write a whole number, without leading zeros",
                Type::Time(_) => {
                    "times are written `2024`, `2024-Q1`, `2024-01`, `2024-W05`, `2024-01-31`, `2024-01-31T05`, `2024-01-31T05:30`"
                }
            };
            let error = Diagnostic::error("E0206", format!("`{text}` is not {}", phrase(ty)))
                .at(self.problems.place(span), format!("expected {}", phrase(ty)))
                .note(format!("this component of `{class}` is {} in the whole project", phrase(ty)))
                .help(example);
            self.problems.report(error);
        }
        value
    }

    /// A place in the job's folder, with `<VARIABLE>` in it: every expanded variable must be, so that parts do not lie over each other.
    fn at(&mut self, at: &Spanned<Text>, expands: &[Var]) -> Option<String> {
        let text = template::render_if_constant(&at.node.text, &self.draft.entries)
            .map_err(|failure| template_error(self.problems, failure, at.span, &self.draft.entries))
            .ok()?;
        sensible(&text, at.span, self.problems).then_some(())?;
        let mut named = Vec::new();
        for piece in text.split('<').skip(1) {
            let name = piece.split(['>', ':']).next().unwrap_or_default();
            match self.names.var(name) {
                Some(var) => named.push(var),
                None => {
                    let help = super::problems::suggest(name, self.names.variables.iter().map(String::as_str));
                    self.problems.error("E0201", format!("`<{name}>` is no variable of this formula"), at.span, "not known", help);
                    return None;
                }
            }
        }
        if let Some(missing) = expands.iter().find(|var| !named.contains(var) && !at.node.is_template()) {
            let name = &self.names.variables[missing.0 as usize];
            let help = format!("name it in the path: `<{name}>`");
            let message = format!("all parts of `{name}` would lie at one path");
            self.problems.error("E0404", message, at.span, format!("`{name}` is missing"), help);
            return None;
        }
        Some(text)
    }

    /// What depends on recipe, inputs and outputs together.
    fn fits(&mut self, written: &ast::Formula, recipe: &program::Recipe, inputs: &[program::Input]) -> Option<()> {
        if recipe.file.is_some() && written.outputs.len() > 1 {
            let help = "say it where the outputs stand: `(model, <M>, prod, dl) at \"model.bin\"`";
            self.problems.error("E0404", "`file` names one output, and there are several", self.draft.span(), "several outputs", help);
        }
        if recipe.kind != Kind::Copy || inputs.len() != self.draft.inputs.len() {
            return Some(());
        }
        let wrong = match inputs {
            [input] if written.outputs.len() == 1 && input.alternatives.len() == 1 => {
                if input.optional {
                    "its input may be left out"
                } else if input.wildcard || input.expands.iter().any(|var| !self.one_value(*var)) {
                    "its input has many parts"
                } else {
                    return Some(());
                }
            }
            _ => "it needs exactly one input and one output",
        };
        let help = "write one needed instance on each side: `(x, <D>, prod, dl) -> (x, <D>, prod, dw) { copy }`";
        self.problems.error("E0307", format!("this formula cannot be a `copy`: {wrong}"), self.draft.span(), "hands one input on", help);
        None
    }

    /// Expanded, but to a single value: `latest`.
    fn one_value(&self, var: Var) -> bool {
        matches!(self.variables[var.0 as usize].role, Role::Expanded { choose: ast::Choose::Latest, .. })
    }
}

/// Each once, in order.
fn distinct(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    words.filter(|word| seen.insert(word.clone())).collect()
}

/// A class as a name for templates and SQL.
fn default_name(class: &str) -> Name {
    class.replace(['.', '-'], "_").into()
}
