//! What can be said of recipes without running them: templates that do not parse, names they do not find, tags where
//! quoting does not hold; SQL that is none, and tables that are no inputs.

use std::collections::BTreeSet;
use std::ops::Range;

use super::names::{self, Root};
use super::quoted::{self, Misplaced, Place as Where};
use super::reads::{Read, Step, reads};
use super::sample;
use super::template::TemplateError;
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::formula::ast::Span;
use crate::formula::program::{Entry, Formula, Kind, Program};
use crate::identity::Var;
use crate::table::{self, SqlProblem};

/// All problems of all recipes. Formulas that one `for` block expands to share a text: each problem is said once.
pub fn check(program: &Program, place: &dyn Fn(Span) -> Place) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for formula in &program.formulas {
        for problem in check_formula(program, formula, place) {
            if seen.insert((problem.code, problem.message.clone(), problem.labels.first().map(|(p, _)| (p.file.clone(), p.start)))) {
                problems.push(problem);
            }
        }
    }
    problems
}

/// Finds the tags that stand where quoting would not hold.
type Finder = fn(&str) -> Result<Vec<Misplaced>, TemplateError>;

fn check_formula(program: &Program, formula: &Formula, place: &dyn Fn(Span) -> Place) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let paths = (formula.inputs.iter().map(|input| (&input.at, input.span)))
        .chain(formula.outputs.iter().map(|output| (&output.at, output.span)))
        .chain([(&formula.recipe.file, formula.span)]);
    for (text, span) in paths {
        if let Some(text) = text {
            problems.extend(check_names(program, formula, text, &|_| place(span)));
        }
    }
    let (text, misplaced): (_, Finder) = match &formula.recipe.kind {
        Kind::Run { text } => (text, quoted::in_shell),
        Kind::Sql { text, .. } => (text, quoted::in_sql),
        Kind::Copy => return problems,
    };
    let at = |range: Range<usize>| located(place(formula.recipe_span), text.len(), range);
    problems.extend(check_names(program, formula, text, &at));
    // A template that does not parse is reported already.
    let shell = matches!(formula.recipe.kind, Kind::Run { .. });
    problems.extend(misplaced(text).unwrap_or_default().iter().map(|tag| out_of_place(tag, text, shell, &at)));
    if !shell && problems.is_empty() {
        problems.extend(check_query(program, formula, text, &at));
    }
    problems
}

/// What is wrong with a query's SQL, and with the tables it names. Every rendering is read; the first one that is wrong is told.
fn check_query(program: &Program, formula: &Formula, text: &str, at: &dyn Fn(Range<usize>) -> Place) -> Vec<Diagnostic> {
    let inputs: Vec<&str> = formula.inputs.iter().map(|input| &*input.name).collect();
    let mut unread: BTreeSet<&str> = inputs.iter().copied().collect();
    let queries = sample::queries(program, formula, text);
    for query in &queries {
        let tables = match table::tables(query) {
            Ok(tables) => tables,
            Err(problem) => return vec![no_query(&problem, text, query, at)],
        };
        if let Some(missing) = tables.iter().find(|name| !inputs.contains(&name.as_str())) {
            let start = text.find(missing.as_str()).unwrap_or(0);
            let end = if start == 0 { text.len() } else { start + missing.len() };
            let problem =
                Diagnostic::error("E0409", format!("the query reads `{missing}`, which is no input")).at(at(start..end), "not an input");
            let help = match nearest(missing, inputs.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if inputs.is_empty() => "the formula has no inputs: name what it reads before the arrow".to_string(),
                None => format!(
                    "the inputs are {}; `as` gives one another name",
                    inputs.iter().map(|i| format!("`{i}`")).collect::<Vec<_>>().join(", ")
                ),
            };
            return vec![problem.help(help)];
        }
        unread.retain(|name| !tables.iter().any(|table| table == name));
    }
    if queries.is_empty() {
        return Vec::new();
    }
    let warnings = formula.inputs.iter().filter(|input| unread.contains(&*input.name)).map(|input| {
        Diagnostic::warning("E0410", format!("the query never reads its input `{}`", input.name))
            .at(at(0..text.len()), format!("`{}` is not in it", input.name))
            .note("the job waits for it and is made again when it changes")
            .help("take it out of the formula, or read it")
    });
    warnings.collect()
}

fn no_query(problem: &SqlProblem, text: &str, query: &str, at: &dyn Fn(Range<usize>) -> Place) -> Diagnostic {
    let diagnostic = Diagnostic::error(problem.code(), problem.to_string());
    match problem.offset() {
        // Rendering left the text as it is.
        Some(offset) if text == query => {
            let word = query[offset..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(query.len() - offset);
            let end = query[offset..].chars().next().map_or(offset, |c| offset + word.max(c.len_utf8()));
            diagnostic.at(at(offset..end), "here")
        }
        Some(offset) => {
            let line = query[..offset].rfind('\n').map_or(0, |n| n + 1);
            let rendered = query[line..].lines().next().unwrap_or_default().trim();
            diagnostic.at(at(0..text.len()), "when it is rendered").note(format!("with sample values the line reads: {rendered}"))
        }
        None => diagnostic.at(at(0..text.len()), "here"),
    }
}

/// A range of a recipe's text as a place: the text stands in `span`, with its quotes where it is inline.
fn located(span: Place, length: usize, range: Range<usize>) -> Place {
    let quotes = match (span.end - span.start).saturating_sub(length) {
        extra @ (0 | 2 | 6) => extra / 2,
        // Escapes moved the text: point at all of it.
        _ => return span,
    };
    Place { start: span.start + quotes + range.start, end: span.start + quotes + range.end, ..span }
}

fn check_names(program: &Program, formula: &Formula, text: &str, at: &dyn Fn(Range<usize>) -> Place) -> Vec<Diagnostic> {
    match reads(text) {
        Ok(found) => found.iter().filter_map(|read| unknown(program, formula, read, at)).collect(),
        Err(error) => {
            let help = "`{{ value }}` puts a value in; the tags are `if`, `for`, `set` and `with`; literal braces go into `{% raw %}`";
            vec![Diagnostic::error("E0405", format!("the template does not parse: {error}")).at(at(error.at), "here").help(help)]
        }
    }
}

/// A name that rendering would not find.
fn unknown(program: &Program, formula: &Formula, read: &Read, at: &dyn Fn(Range<usize>) -> Place) -> Option<Diagnostic> {
    let not_one_of = |what: &str, name: &str, known: Vec<String>| {
        let problem = Diagnostic::error("E0406", format!("{what} `{name}` is not known here")).at(at(read.at.clone()), "read here");
        match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => problem.note("there is none at all"),
            None => problem.help(format!("there are {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", "))),
        }
    };
    let below = |what: &str, known: Vec<String>| match read.name(0) {
        Some(name) if !known.iter().any(|k| k == name) => Some(not_one_of(what, name, known)),
        _ => None,
    };
    if let Some((input, steps)) = names::input_of(formula, read) {
        let fan_in = names::is_fan_in(formula, input);
        let (looped, name) = match steps {
            [Step::Each, Step::Name(name), ..] => (true, name),
            [Step::Name(name), ..] => (false, name),
            _ => return None,
        };
        if fan_in && !looped {
            let help = format!("take one after the other: `{{% for part in {} %}}{{{{ part.{name} }}}}{{% endfor %}}`", input.name);
            let message = format!("the input `{}` has many parts, and `.{name}` is of one", input.name);
            return Some(Diagnostic::error("E0406", message).at(at(read.at.clone()), "read here").help(help));
        }
        let known = of_parts(program, formula, input);
        return if known.contains(name) { None } else { Some(not_one_of("of an input's part, the name", name, known)) };
    }
    match names::root(formula, &read.root) {
        Root::Reserved => match read.root.as_str() {
            "inputs" => below("the input", formula.inputs.iter().map(|input| input.name.to_string()).collect()),
            "outputs" => below("the output", formula.outputs.iter().map(|output| output.name.to_string()).collect()),
            "output" if formula.outputs.len() > 1 => {
                let outputs: Vec<String> = formula.outputs.iter().map(|output| format!("`outputs.{}`", output.name)).collect();
                let problem =
                    Diagnostic::error("E0406", "there are several outputs, and `output` is one").at(at(read.at.clone()), "which one?");
                Some(problem.help(format!("write {}", outputs.join(" or "))))
            }
            "params" => below("the parameter", formula.recipe.params.keys().cloned().collect()),
            "sets" => {
                below("the set", program.sets.keys().map(|name| name.to_string()).collect()).or_else(|| match read.steps.as_slice() {
                    [Step::Name(set), Step::Each, Step::Name(name), ..] => {
                        let known = fields(program.sets.get(set.as_str()).into_iter().flat_map(|set| &set.entries));
                        (!known.contains(name)).then(|| not_one_of("of an entry, the field", name, known))
                    }
                    _ => None,
                })
            }
            _ => None,
        },
        Root::Constant(value) => match (value.as_object(), read.name(0)) {
            (Some(object), Some(name)) if !object.contains_key(name) => {
                Some(not_one_of(&format!("of `{}`, the field", read.root), name, object.keys().cloned().collect()))
            }
            _ => None,
        },
        Root::Variable(var) => {
            let name = read.steps.iter().find_map(|step| if let Step::Name(name) = step { Some(name) } else { None })?;
            let known = fields(names::entries(program, formula, var));
            (!known.contains(name)).then(|| not_one_of(&format!("of `{}`, the field", read.root), name, known))
        }
        Root::Input(_) => None,
        Root::Unknown if formula.recipe.params.contains_key(&read.root) => {
            let problem =
                Diagnostic::error("E0406", format!("the name `{}` is not known here", read.root)).at(at(read.at.clone()), "read here");
            Some(problem.help(format!("a parameter is read as `params.{}`", read.root)))
        }
        Root::Unknown => {
            let mut known: Vec<String> = formula.variables.iter().map(|v| v.name.to_string()).collect();
            known.extend(formula.constants.keys().cloned());
            known.extend(formula.inputs.iter().map(|input| input.name.to_string()));
            known.extend(names::RESERVED.map(str::to_string));
            Some(not_one_of("the name", &read.root, known))
        }
    }
}

fn fields<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Vec<String> {
    let names: BTreeSet<&String> = entries.into_iter().flat_map(|entry| entry.fields.keys()).collect();
    names.into_iter().cloned().collect()
}

/// The attributes of an input's parts.
fn of_parts(program: &Program, formula: &Formula, input: &crate::formula::program::Input) -> Vec<String> {
    let mut known: Vec<String> = names::PART.map(str::to_string).to_vec();
    known.extend(
        (0..formula.variables.len())
            .map(|index| Var(index as u16))
            .filter(|var| names::of_part(formula, input, *var))
            .map(|var| formula.variables[var.0 as usize].name.to_string()),
    );
    let patterns = input.alternatives.iter().flat_map(|alternative| alternative.pattern.all());
    for class in patterns.filter_map(|pattern| program.classes.get(&pattern.class)) {
        known.extend(class.dimensions.iter().map(|d| names::component_name(d.key.as_ref(), d.ty).to_string()));
    }
    known.sort();
    known.dedup();
    known
}

fn out_of_place(tag: &Misplaced, text: &str, shell: bool, at: &dyn Fn(Range<usize>) -> Place) -> Diagnostic {
    let expr = text.get(tag.at.clone()).unwrap_or_default();
    let raw = format!("or, to quote it yourself, write `{{{{ {expr} | raw }}}}`");
    let own = if shell { "as a shell word" } else { "as an SQL literal" };
    let (message, label, help) = match tag.place {
        Where::Double if !shell => (
            "a value is put inside quotes".to_string(),
            "this brings quotes of its own".to_string(),
            format!("to name a column, write `{{{{ {expr} | ident }}}}` without quotes around it; as a value, `{{{{ {expr} }}}}`"),
        ),
        Where::Single | Where::Double | Where::Escaped => (
            "a value is put inside quotes".to_string(),
            format!("this is quoted already, {own}"),
            format!("take the quotes around `{{{{ {expr} }}}}` away; join texts inside the tag: `{{{{ \"text \" ~ {expr} }}}}`; {raw}"),
        ),
        Where::Comment => (
            "a value is put into a comment".to_string(),
            "a line break in it would end the comment".to_string(),
            "to comment a tag out, write `{# … #}`".to_string(),
        ),
        Where::HereDocument => (
            "a value is put into a here-document".to_string(),
            "no quoting holds there".to_string(),
            format!(
                "give it as a word: `<<< {{{{ {expr} }}}}`, or an argument; $FORMAKE_JOB has inputs, outputs and params as JSON; {raw}"
            ),
        ),
        Where::Backticks => (
            "a value is put between backticks".to_string(),
            "a backtick in it would end the command".to_string(),
            "write `$(…)` instead of backticks".to_string(),
        ),
        Where::Arithmetic | Where::Braces => (
            "a value is put where the shell computes".to_string(),
            "it would be read as an expression, not as a word".to_string(),
            format!("give it a name before: `value={{{{ {expr} }}}}`; {raw}"),
        ),
        Where::Glued(c) => (
            format!("a value stands right beside `{c}`"),
            format!("`{c}` changes what its quotes mean"),
            format!("put a blank between them, or join texts inside the tag: `{{{{ \"text\" ~ {expr} }}}}`; {raw}"),
        ),
        Where::Adjacent => (
            "a value stands right behind another".to_string(),
            "two literals without a sign between them become one".to_string(),
            "put a comma or an operator between them, or join them inside one tag: `{{ a ~ b }}`".to_string(),
        ),
        Where::Redirected => (
            "a value stands right before a redirection".to_string(),
            "a number there would name a descriptor".to_string(),
            "put a blank between them".to_string(),
        ),
        Where::Branches => (
            "a quote is opened in one branch, and not in the other".to_string(),
            "what follows is inside quotes or not".to_string(),
            "close every quote in the branch that opens it".to_string(),
        ),
    };
    let code = if matches!(tag.place, Where::Single | Where::Double | Where::Escaped) { "E0407" } else { "E0408" };
    Diagnostic::error(code, message).at(at(tag.at.clone()), label).help(help)
}
