//! Where the values of variables come from: outputs bind them, or a domain says them, or what makes the class they stand in does.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::draft::{Draft, Term, is_name, plain};
use super::problems::{Problems, list};
use super::terms::Names;
use crate::diagnostic::Diagnostic;
use crate::formula::ast::{self, Choose, Span};
use crate::formula::program::{Domain, Role, Variable};
use crate::identity::{Name, Type};

/// What one draft says of its variables.
#[derive(Default)]
pub(super) struct Survey {
    /// By name: its domain, how it is used, and where that is said.
    pub domains: HashMap<String, (Domain, Choose, Span)>,
    /// The variables of the outputs, by output and component.
    pub outputs: Vec<Vec<Option<String>>>,
    /// Components of input classes in which a variable stands bare.
    pub bare: HashMap<String, Vec<(Name, usize)>>,
    /// Where a variable stands first.
    first: BTreeMap<String, Span>,
}

/// Reads what a draft says of its variables; `None` where that was wrong.
pub(super) fn survey(draft: &Draft<'_>, names: &Names<'_>, problems: &mut Problems) -> Option<Survey> {
    let mut survey = Survey::default();
    let mut good = true;
    for (tuple, output) in draft.tuples() {
        for (i, variable) in tuple.variables() {
            good &= survey.variable(variable, names, problems).is_some();
            if let Some(name) = plain(&variable.expr).filter(|name| is_name(name) && !output) {
                survey.bare.entry(name.into()).or_default().push((tuple.class.clone(), i));
            }
        }
    }
    for tuple in &draft.outputs {
        let mut bound = Vec::new();
        for component in &tuple.components {
            bound.push(match &component.term {
                Term::Literal(..) => None,
                Term::Variable(v) if plain(&v.expr).is_some_and(is_name) && v.choose == Choose::All => Some(v.expr.base.node.clone()),
                Term::Wildcard | Term::Variable(_) => {
                    let what = if draft.is_source() { "a source" } else { "an output" };
                    let message = format!("{what} has bare variables or literals only");
                    let help = "write `<DATE>` here, and put what is computed on the inputs' side: `(x, <DATE-1d>, …) -> (y, <DATE>, …)`";
                    let error = Diagnostic::error("E0210", message)
                        .at(problems.place(component.span), "computed, or many values")
                        .note("a target is read backwards: from it follow the variables' values, and from those the inputs")
                        .help(help);
                    problems.report(error);
                    good = false;
                    None
                }
            });
        }
        survey.outputs.push(bound);
    }
    good.then_some(survey)
}

impl Survey {
    fn variable(&mut self, variable: &ast::Variable, names: &Names<'_>, problems: &mut Problems) -> Option<()> {
        let name = variable.expr.base.node.as_str();
        if !is_name(name) {
            let help = format!("write it without `<` and `>`: `{name}`");
            problems.error("E0201", format!("`{name}` is no variable"), variable.span, "a literal", help);
            return None;
        }
        self.first.entry(name.into()).or_insert(variable.expr.base.span);
        let Some(domain) = &variable.domain else {
            if variable.choose != Choose::All {
                let word = if variable.choose == Choose::Latest { "latest" } else { "any" };
                let help = format!("say of what: `<{word} {name} in DATE-3d..DATE>`");
                problems.error("E0217", format!("`{word}` needs a domain"), variable.span, "of which values?", help);
                return None;
            }
            return Some(());
        };
        if plain(&variable.expr).is_none() {
            let help = format!("write `<{name} in …>`, and shift the bounds instead");
            problems.error("E0217", "a domain belongs to a bare variable", variable.span, "computed", help);
            return None;
        }
        let domain = names.domain(name, domain, problems)?;
        let ty = names.typed(name).ty;
        if variable.choose == Choose::Latest && ty == Type::Text {
            let message = format!("`{name}` is text, which has no latest one");
            problems.error("E0217", message, variable.span, "not in order of time", "`<any …>` takes all that can be provided");
            return None;
        }
        match self.domains.get(name) {
            Some((known, choose, first)) if (known, choose) != (&domain, &variable.choose) => {
                let two = Diagnostic::error("E0209", format!("`{name}` has two domains"))
                    .at(problems.place(variable.span), "one here")
                    .at(problems.place(*first), "another here")
                    .note("a variable has one value, or one list of values, in the whole formula")
                    .help("use two variables, or leave the domain out in one place");
                problems.report(two);
                None
            }
            Some(_) => Some(()),
            None => {
                self.domains.insert(name.into(), (domain, variable.choose, variable.span));
                Some(())
            }
        }
    }

    fn bound(&self) -> HashSet<&str> {
        self.outputs.iter().flatten().flatten().map(String::as_str).collect()
    }
}

/// What all makers of a class say of a component: `None` where one of them leaves it open.
pub(super) type ClassDomains = HashMap<(Name, usize), Vec<Domain>>;

/// Domains of the components of classes, as their makers give them; a maker that says nothing hands on what its inputs have.
pub(super) fn class_domains(drafts: &[Draft<'_>], surveys: &[Option<Survey>]) -> ClassDomains {
    type At = (Name, usize);
    // What each maker gives: domains it says, or components of its inputs that it hands on.
    enum Gives {
        Domain(Domain),
        Hands(Vec<At>),
        Open,
    }
    let mut makers: HashMap<At, Vec<Gives>> = HashMap::new();
    for (draft, survey) in drafts.iter().zip(surveys) {
        let Some(survey) = survey else { continue };
        for (tuple, bound) in draft.outputs.iter().zip(&survey.outputs) {
            for (i, variable) in bound.iter().enumerate() {
                let said = variable.as_ref().and_then(|name| survey.domains.get(name));
                let gives = match (said, variable.as_ref().and_then(|name| survey.bare.get(name))) {
                    (Some((domain @ (Domain::Set(_) | Domain::Ints { .. }), ..)), _) => Gives::Domain(domain.clone()),
                    (None, Some(hands)) => Gives::Hands(hands.clone()),
                    _ => Gives::Open,
                };
                makers.entry((tuple.class.clone(), i)).or_default().push(gives);
            }
        }
    }
    // First what is open: where a maker says nothing and every component that it hands on is open (or made by nobody).
    let mut open: HashSet<At> = HashSet::new();
    let is_open = |open: &HashSet<At>, at: &At| open.contains(at) || !makers.contains_key(at);
    loop {
        let before = open.len();
        for (at, makers) in &makers {
            let opens = |gives: &Gives| match gives {
                Gives::Domain(_) => false,
                Gives::Hands(hands) => hands.iter().all(|hand| is_open(&open, hand)),
                Gives::Open => true,
            };
            if !open.contains(at) && makers.iter().any(opens) {
                open.insert(at.clone());
            }
        }
        if open.len() == before {
            break;
        }
    }
    // Then what the others have, round by round until nothing is added. Of several components that are handed on, the first that has
    // something counts: a rolling table has what its other inputs have.
    let mut domains: ClassDomains = makers.keys().filter(|at| !open.contains(*at)).map(|at| (at.clone(), vec![])).collect();
    let mut chosen: HashMap<(At, usize), At> = HashMap::new();
    loop {
        let before = domains.clone();
        let known = |hand: &At| before.get(hand).filter(|found| !found.is_empty());
        for (at, found) in &mut domains {
            for (i, gives) in makers[at].iter().enumerate() {
                let more = match gives {
                    Gives::Domain(domain) => vec![domain.clone()],
                    Gives::Hands(hands) => {
                        let key = (at.clone(), i);
                        if let Some(hand) = hands.iter().find(|hand| known(hand).is_some()).filter(|_| !chosen.contains_key(&key)) {
                            chosen.insert(key.clone(), hand.clone());
                        }
                        chosen.get(&key).and_then(known).cloned().unwrap_or_default()
                    }
                    Gives::Open => vec![],
                };
                for domain in more {
                    if !found.contains(&domain) {
                        found.push(domain);
                    }
                }
            }
        }
        if domains == before {
            return domains;
        }
    }
}

/// The variables of a draft with their roles; `None` where one has no values.
pub(super) fn roles(
    draft: &Draft<'_>,
    survey: &Survey,
    names: &Names<'_>,
    classes: &ClassDomains,
    problems: &mut Problems,
) -> Option<Vec<Variable>> {
    let bound = survey.bound();
    same_variables(draft, survey, problems)?;
    let mut variables = Vec::new();
    let mut good = true;
    for name in &names.variables {
        let ty = names.typed(name).ty;
        let said = survey.domains.get(name);
        let role = if let Some(entry) = draft.fixed(name) {
            // That the entry is of the type was checked with the set.
            ty.read(entry).map(Role::Fixed)
        } else if bound.contains(name.as_str()) {
            bound_role(name, said, problems)
        } else if let Some((domain, choose, span)) = said {
            bounds_known(domain, names, &bound, draft, *span, problems).map(|()| Role::Expanded { domain: domain.clone(), choose: *choose })
        } else {
            inherited_domain(name, survey, classes).map(|domain| Role::Expanded { domain, choose: Choose::All }).or_else(|| {
                unbound(name, ty, survey, problems);
                None
            })
        };
        good &= role.is_some();
        variables.extend(role.map(|role| Variable { name: name.as_str().into(), ty, role }));
    }
    good.then_some(variables)
}

/// All outputs bind the same variables.
fn same_variables(draft: &Draft<'_>, survey: &Survey, problems: &mut Problems) -> Option<()> {
    let of = |output: &Vec<Option<String>>| -> HashSet<String> {
        output.iter().flatten().filter(|name| draft.fixed(name).is_none()).cloned().collect()
    };
    let first = of(survey.outputs.first()?);
    for (tuple, output) in draft.outputs.iter().zip(&survey.outputs).skip(1) {
        let mut differing: Vec<String> = of(output).symmetric_difference(&first).cloned().collect();
        if differing.is_empty() {
            continue;
        }
        differing.sort();
        let error = Diagnostic::error("E0211", format!("one output has {}, and another has not", list(&differing)))
            .at(problems.place(tuple.ast.span), bound_here(&of(output)))
            .at(problems.place(draft.outputs[0].ast.span), bound_here(&first))
            .note("one job makes all outputs together, so that each of them must say which job")
            .help("give all outputs the same variables, or write two formulas");
        problems.report(error);
        return None;
    }
    Some(())
}

fn bound_here(names: &HashSet<String>) -> String {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    format!("has {}", list(&names))
}

fn bound_role(name: &str, said: Option<&(Domain, Choose, Span)>, problems: &mut Problems) -> Option<Role> {
    match said {
        None => Some(Role::Bound { domain: None }),
        Some((domain @ (Domain::Set(_) | Domain::Ints { .. }), Choose::All, _)) => Some(Role::Bound { domain: Some(domain.clone()) }),
        Some((_, choose, span)) => {
            let (message, help) = match choose {
                Choose::All => (
                    format!("`{name}` is bound by the output, and cannot run over a time too"),
                    "use another variable for the inputs' window; periods that exist are said with `since` and `until`",
                ),
                _ => (
                    format!("`{name}` is bound by the output, so that there is nothing to choose"),
                    "use another variable on the inputs' side, or take it out of the output",
                ),
            };
            problems.error("E0217", message, *span, "one value a job", help);
            None
        }
    }
}

/// The bounds of a window are known before it is expanded.
fn bounds_known(
    domain: &Domain,
    names: &Names<'_>,
    bound: &HashSet<&str>,
    draft: &Draft<'_>,
    span: Span,
    problems: &mut Problems,
) -> Option<()> {
    let Domain::Time { first, last } = domain else { return Some(()) };
    for var in [first, last].into_iter().filter_map(|expr| expr.variable()) {
        let name = names.variables[var.0 as usize].as_str();
        if !bound.contains(name) && draft.fixed(name).is_none() {
            let message = format!("the bound `{name}` has no value of its own here");
            let help = format!("name `{name}` in the output, or write the bounds as times: `2024-01-01..2024-01-31`");
            problems.error("E0217", message, span, "bounds are variables of the output, or literals", help);
            return None;
        }
    }
    Some(())
}

fn inherited_domain(name: &str, survey: &Survey, classes: &ClassDomains) -> Option<Domain> {
    let mut found = survey.bare.get(name)?.iter().find_map(|at| classes.get(at).filter(|domains| !domains.is_empty()))?.clone();
    Some(if found.len() == 1 { found.remove(0) } else { Domain::Union(found) })
}

fn unbound(name: &str, ty: Type, survey: &Survey, problems: &mut Problems) {
    if problems.incomplete {
        return; // What could not be read might have given the domain.
    }
    let Some(span) = survey.first.get(name) else { return };
    let example = match ty {
        Type::Text => format!("<{name} in stores>"),
        Type::Int => format!("<{name} in 1..10>"),
        Type::Time(_) => format!("<{name} in DATE-6d..DATE>"),
    };
    let mut error = Diagnostic::error("E0208", format!("`{name}` has no value"))
        .at(problems.place(*span), "the outputs do not name it, and nothing says its values")
        .help(format!("name `{name}` in the outputs, or say its values: `{example}`"));
    if let Some((class, _)) = survey.bare.get(name).and_then(|at| at.first()) {
        error = error
            .note(format!("what makes `{class}` does not say its values either: each maker could say a set or a range of integers there"));
    }
    problems.report(error);
}
