//! Unrolling: `for` blocks, `let`, `defaults`, and the `{{ … }}` of tuples, so that every formula and source stands by itself.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::draft::{Alternative, Component, Draft, Input, Origin, Term, Tuple, is_name, narrowed, plain};
use super::load::Loaded;
use super::problems::{Problems, suggest};
use super::template::{self, Constants, Failure};
use super::values;
use crate::formula::ast::{self, Domain, FileId, Item, Literal, Spanned, Text};
use crate::formula::program::{Entry, Life, Set};
use crate::formula::settings::Settings;
use crate::identity::Name;
use crate::identity::instance::is_plain;

pub(super) fn expand<'a>(loaded: &'a Loaded, settings: &'a Settings, problems: &mut Problems) -> Vec<Draft<'a>> {
    let mut expander = Expander { loaded, settings, problems, drafts: Vec::new() };
    for root in &loaded.roots {
        expander.file(*root, &Scope::default());
    }
    expander.drafts
}

/// What is in force at a place of a file.
#[derive(Clone, Default)]
struct Scope<'a> {
    constants: Rc<Constants>,
    defaults: Rc<Vec<&'a ast::Property>>,
    life: Life,
}

struct Expander<'a, 'p> {
    loaded: &'a Loaded,
    settings: &'a Settings,
    problems: &'p mut Problems,
    drafts: Vec<Draft<'a>>,
}

impl<'a> Expander<'a, '_> {
    /// A file sees what stands above its `include`; nothing of it is seen behind.
    fn file(&mut self, id: FileId, scope: &Scope<'a>) {
        if let Some(file) = &self.loaded.files[id.0 as usize] {
            self.items(&file.items, &mut scope.clone());
        }
    }

    fn items(&mut self, items: &'a [Item], scope: &mut Scope<'a>) {
        for item in items {
            match item {
                Item::Formula(formula) => self.maker(Origin::Formula(formula), scope),
                Item::Source(source) => self.maker(Origin::Source(source), scope),
                Item::Defaults { properties, .. } => Rc::make_mut(&mut scope.defaults).extend(properties),
                Item::Include { span, .. } => {
                    for id in self.loaded.includes.get(span).into_iter().flatten() {
                        self.file(*id, scope);
                    }
                }
                Item::Let { name, value, .. } => {
                    if let Some(value) = self.literal(value, &scope.constants) {
                        Rc::make_mut(&mut scope.constants).insert(name.node.clone(), value);
                    }
                }
                Item::For(block) => self.block(block, scope),
            }
        }
    }

    fn block(&mut self, block: &'a ast::For, scope: &Scope<'a>) {
        let Some(set) = self.settings.sets.get(block.set.node.as_str()) else {
            let help = suggest(&block.set.node, self.settings.sets.keys().map(|n| &**n));
            let message = format!("there is no set `{}`", block.set.node);
            let help = if help.is_empty() { "sets stand in formake.yaml: `sets: { stores: [nyc, lon] }`".into() } else { help };
            self.problems.error("E0203", message, block.set.span, "not in `sets:` of formake.yaml", help);
            self.problems.incomplete = true;
            return;
        };
        for entry in &set.entries {
            let mut inner = scope.clone();
            Rc::make_mut(&mut inner.constants).insert(block.variable.node.clone(), entry.value());
            inner.life = narrowed(inner.life, life(entry));
            self.items(&block.items, &mut inner);
        }
    }

    /// One draft, or one per entry of each set variable that the outputs' templates name.
    fn maker(&mut self, origin: Origin<'a>, scope: &Scope<'a>) {
        let (inputs, outputs): (&'a [ast::Input], Vec<&'a ast::Tuple>) = match origin {
            Origin::Formula(formula) => (&formula.inputs, formula.outputs.iter().map(|o| &o.tuple).collect()),
            Origin::Source(source) => (&[], vec![&source.tuple]),
        };
        let all = inputs.iter().flat_map(|i| &i.alternatives).map(|a| &a.tuple).chain(outputs.iter().copied());
        let sets = set_variables(all, self.settings);
        let mut templates: Vec<&str> = outputs.iter().flat_map(|tuple| texts(tuple)).map(|text| text.node.text.as_str()).collect();
        if let Origin::Source(ast::Source { from: Some(from), .. }) = origin {
            templates.push(&from.node.text);
        }
        let fixes: Vec<(&'a str, &'a Set)> =
            sets.iter().filter(|(name, _)| templates.iter().any(|t| names_variable(t, name, scope))).map(|(n, s)| (*n, *s)).collect();

        let mut choices: Vec<Vec<(&'a str, &'a Entry)>> = vec![vec![]];
        for (name, set) in fixes {
            choices = choices
                .into_iter()
                .flat_map(|choice| set.entries.iter().map(move |entry| choice.iter().copied().chain([(name, entry)]).collect()))
                .collect();
        }
        for choice in choices {
            let mut entries = Rc::clone(&scope.constants);
            let mut alive = scope.life;
            for (name, entry) in &choice {
                Rc::make_mut(&mut entries).insert((*name).to_string(), entry.value());
                alive = narrowed(alive, life(entry));
            }
            let free: BTreeMap<&'a str, &'a Set> =
                sets.iter().filter(|(name, _)| !choice.iter().any(|(fixed, _)| fixed == *name)).map(|(n, s)| (*n, *s)).collect();
            let outputs: Option<Vec<Tuple<'a>>> = outputs.iter().map(|tuple| self.tuple(tuple, &entries)).collect();
            let inputs: Option<Vec<Input<'a>>> = inputs.iter().map(|input| self.input(input, &entries, &free)).collect();
            let (Some(inputs), Some(outputs)) = (inputs, outputs) else {
                self.problems.incomplete = true;
                continue;
            };
            self.drafts.push(Draft {
                origin,
                inputs,
                outputs,
                constants: Rc::clone(&scope.constants),
                fixed: choice.iter().map(|(name, entry)| (*name, entry.id.clone())).collect(),
                entries,
                defaults: Rc::clone(&scope.defaults),
                life: alive,
            });
        }
    }

    fn input(&mut self, input: &'a ast::Input, constants: &Constants, sets: &BTreeMap<&'a str, &'a Set>) -> Option<Input<'a>> {
        let alternatives: Option<Vec<_>> = input.alternatives.iter().map(|a| self.alternative(a, constants, sets)).collect();
        Some(Input { ast: input, alternatives: alternatives? })
    }

    fn alternative(
        &mut self,
        alternative: &'a ast::Alternative,
        constants: &Constants,
        sets: &BTreeMap<&'a str, &'a Set>,
    ) -> Option<Alternative<'a>> {
        let tuple = &alternative.tuple;
        let named = |name: &str| texts(tuple).any(|t| t.node.is_template() && template::names(&t.node.text).contains(name));
        let by: Vec<(&'a str, &'a Set)> =
            sets.iter().filter(|(name, _)| !constants.contains_key(**name) && named(name)).map(|(n, s)| (*n, *s)).collect();
        let tuples = match by.as_slice() {
            [] => vec![(None, self.tuple(tuple, constants)?)],
            [(name, set)] => {
                let mut tuples = Vec::new();
                for entry in &set.entries {
                    let mut with = constants.clone();
                    with.insert((*name).to_string(), entry.value());
                    tuples.push((Some(entry.id.clone()), self.tuple(tuple, &with)?));
                }
                tuples
            }
            [(one, _), (two, _), ..] => {
                let message = format!("a tuple depends on two set variables, `{one}` and `{two}`");
                let help = "use the fields of one of them; a set whose entries name both can stand for the pair";
                self.problems.error("E0219", message, tuple.span, "fields of both are used here", help);
                return None;
            }
        };
        Some(Alternative { ast: alternative, by: by.first().map(|(name, _)| *name), tuples })
    }

    fn tuple(&mut self, tuple: &'a ast::Tuple, constants: &Constants) -> Option<Tuple<'a>> {
        let class = self.name(&tuple.class, constants, "a class");
        let label = self.name(&tuple.label, constants, "a label");
        let repository = self.name(&tuple.repository, constants, "a repository");
        if let Some(label) = label.as_ref().filter(|label| !self.settings.knows_label(label)) {
            let known = self.settings.labels.iter().flatten().map(|n| &**n).chain(["prod", &self.settings.default_label]);
            let help = suggest(label, known.collect::<std::collections::BTreeSet<_>>());
            self.problems.error(
                "E0214",
                format!("there is no label `{label}`"),
                tuple.label.span,
                "not in `labels:` of formake.yaml",
                help,
            );
        }
        if let Some(repository) = repository.as_ref().filter(|name| !self.settings.repositories.contains(*name)) {
            let help = suggest(repository, self.settings.repositories.iter().map(|n| &**n));
            let message = format!("there is no repository `{repository}`");
            self.problems.error("E0215", message, tuple.repository.span, "not in `repositories:` of formake.yaml", help);
        }
        let components: Option<Vec<Component<'a>>> = tuple.components.iter().map(|c| self.component(c, constants)).collect();
        Some(Tuple { class: class?, components: components?, label: label?, repository: repository?, ast: tuple })
    }

    fn component(&mut self, component: &'a ast::Component, constants: &Constants) -> Option<Component<'a>> {
        let term = match &component.term {
            ast::Term::Literal(text) => Term::Literal(self.text(text, constants)?, text.span),
            ast::Term::Wildcard(_) => Term::Wildcard,
            ast::Term::Variable(variable) => Term::Variable(variable),
        };
        Some(Component { key: component.key.as_ref().map(|k| k.node.as_str()), term, span: component.span })
    }

    /// A class, label or repository.
    fn name(&mut self, text: &Spanned<Text>, constants: &Constants, what: &str) -> Option<Name> {
        let rendered = self.text(text, constants)?;
        let starts_well = rendered.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || what == "a class";
        if !is_plain(&rendered) || !starts_well {
            let help = "names have letters, digits, `_`, `.` and `-`; labels and repositories start with a letter";
            self.problems.error("E0216", format!("`{rendered}` is not {what}"), text.span, format!("expected the name of {what}"), help);
            return None;
        }
        Some(rendered.into())
    }

    fn text(&mut self, text: &Spanned<Text>, constants: &Constants) -> Option<String> {
        if !text.node.is_template() {
            return Some(text.node.text.clone());
        }
        template::render(&text.node.text, constants, &self.settings.sets)
            .map_err(|failure| template_error(self.problems, failure, text.span, constants))
            .ok()
    }

    fn literal(&mut self, literal: &Spanned<Literal>, constants: &Constants) -> Option<serde_json::Value> {
        values::json(literal, &mut |text| template::render(text, constants, &self.settings.sets))
            .map_err(|(failure, span)| template_error(self.problems, failure, span, constants))
            .ok()
    }
}

/// Reports why a template could not be rendered.
pub(super) fn template_error(problems: &mut Problems, failure: Failure, span: ast::Span, constants: &Constants) {
    let (message, label, help) = match failure {
        Failure::Unknown(path) => {
            let known: Vec<String> = match path.rsplit_once('.').and_then(|(head, _)| constants.get(head).map(|value| (head, value))) {
                Some((head, serde_json::Value::Object(fields))) => fields.keys().map(|field| format!("{head}.{field}")).collect(),
                Some((head, _)) => vec![head.to_string()],
                None => constants.keys().cloned().collect(),
            };
            let help = suggest(&path, known.iter().map(String::as_str));
            (format!("`{{{{ {path} }}}}` names nothing"), "not known when compiling", help)
        }
        Failure::Syntax(reason) => {
            (format!("this is no template: {reason}"), "cannot be read", "a value is put in with `{{ name }}`".into())
        }
        Failure::Other(reason) => (format!("this template cannot be rendered: {reason}"), "fails", String::new()),
    };
    let help = match help.as_str() {
        "" => {
            "`{{ … }}` takes `let`s, variables of `for` blocks, and variables over a set (`<S in shops>`); any other variable is written `<DATE>`"
        }
        help => help,
    };
    problems.error("E0219", message, span, label, help);
}

/// Every text of a tuple that may be a template.
fn texts(tuple: &ast::Tuple) -> impl Iterator<Item = &Spanned<Text>> {
    let literals = tuple.components.iter().filter_map(|c| if let ast::Term::Literal(text) = &c.term { Some(text) } else { None });
    [&tuple.class, &tuple.label, &tuple.repository].into_iter().chain(literals)
}

fn names_variable(text: &str, name: &str, scope: &Scope<'_>) -> bool {
    text.contains("{{") && !scope.constants.contains_key(name) && template::names(text).contains(name)
}

/// Variables that stand for entries of a set: `<S in stores>`.
fn set_variables<'a>(tuples: impl Iterator<Item = &'a ast::Tuple>, settings: &'a Settings) -> BTreeMap<&'a str, &'a Set> {
    let mut found = BTreeMap::new();
    for component in tuples.flat_map(|tuple| &tuple.components) {
        let ast::Term::Variable(variable) = &component.term else { continue };
        let (Some(name), Some(Domain::One(domain))) = (plain(&variable.expr), &variable.domain) else { continue };
        if let Some(set) = plain(domain).and_then(|name| settings.sets.get(name)).filter(|_| is_name(name)) {
            found.insert(name, set);
        }
    }
    found
}

fn life(entry: &Entry) -> Life {
    Life { since: entry.since, until: entry.until }
}
