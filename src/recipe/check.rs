//! What can be said of recipes without running them: templates that do not parse, names they do not find, tags inside quotes.

use std::collections::BTreeSet;
use std::ops::Range;

use super::reads::{Read, reads};
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::formula::ast::Span;
use crate::formula::program::{Formula, Kind, Program};

/// All problems of all recipes. Formulas that one `for` block expands to share a text: each problem is said once.
pub fn check(program: &Program, place: &dyn Fn(Span) -> Place) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for formula in &program.formulas {
        let (text, shell) = match &formula.recipe.kind {
            Kind::Run { text } => (text, true),
            Kind::Sql { text, .. } => (text, false),
            Kind::Copy => continue,
        };
        let at = |range: Range<usize>| located(place(formula.recipe_span), text.len(), range);
        for problem in check_text(program, formula, text, shell, &at) {
            if seen.insert((problem.code, problem.message.clone(), problem.labels.first().map(|(p, _)| (p.file.clone(), p.start)))) {
                problems.push(problem);
            }
        }
    }
    problems
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

fn check_text(program: &Program, formula: &Formula, text: &str, shell: bool, at: &dyn Fn(Range<usize>) -> Place) -> Vec<Diagnostic> {
    let found = match reads(text) {
        Ok(found) => found,
        Err(error) => {
            return vec![
                Diagnostic::error("E0405", format!("the template does not parse: {}", error.message))
                    .at(at(error.at), "here")
                    .help("`{{ value }}` puts a value in; `{% if … %}`, `{% for … %}`, `{% set … %}` and `{% with … %}` steer; literal braces go into `{% raw %}`"),
            ];
        }
    };
    let mut problems: Vec<Diagnostic> = found.iter().filter_map(|read| unknown(program, formula, read, at)).collect();
    problems.extend(in_quotes(text, shell).into_iter().map(|(range, quote)| {
        let inner = text[range.clone()].trim_start_matches("{{").trim_end_matches("}}").trim_matches(['-', ' ']);
        let (place, way) = if shell {
            ("a shell word", format!("take the quotes away: `{{{{ {inner} }}}}` is quoted where it must be; to quote for yourself, write `{{{{ {inner} | raw }}}}`"))
        } else if quote == '"' {
            ("a literal", format!("to name a column, write `{{{{ {inner} | ident }}}}` without quotes"))
        } else {
            ("a literal", format!("take the quotes away: `{{{{ {inner} }}}}` becomes a literal with its quotes; inside one, join with `||`"))
        };
        Diagnostic::error("E0407", "a value is put inside quotes")
            .at(at(range), format!("this becomes {place} with quotes of its own, inside {quote}…{quote}"))
            .help(way)
    }));
    problems
}

/// A name that rendering would not find.
fn unknown(program: &Program, formula: &Formula, read: &Read, at: &dyn Fn(Range<usize>) -> Place) -> Option<Diagnostic> {
    let problem = |what: &str, name: &str, known: Vec<String>, listed: &str| {
        let d = Diagnostic::error("E0406", format!("{what} `{name}` is not known here")).at(at(read.at.clone()), "read here");
        match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => d.note(format!("there is no {listed}")),
            None => d.help(format!("{listed}: {}", known.join(", "))),
        }
    };
    let inputs: Vec<String> = formula.inputs.iter().map(|i| i.name.to_string()).collect();
    let params: Vec<String> = formula.recipe.params.keys().cloned().collect();
    let below = |known: Vec<String>, what: &str, listed: &str| match read.name(0) {
        Some(name) if !known.iter().any(|k| k == name) => Some(problem(what, name, known, listed)),
        _ => None,
    };
    match read.root.as_str() {
        "inputs" => below(inputs, "the input", "the inputs are"),
        "params" => below(params, "the parameter", "the parameters are"),
        "sets" => below(program.sets.keys().map(|k| k.to_string()).collect(), "the set", "the sets are"),
        "outputs" => below(formula.outputs.iter().map(|o| o.name.to_string()).collect(), "the output", "the outputs are"),
        "output" | "label" | "loop" | "range" | "dict" => None,
        root if formula.variable(root).is_some() || formula.constants.contains_key(root) || inputs.iter().any(|i| i == root) => None,
        root => {
            let mut known: Vec<String> = formula.variables.iter().map(|v| v.name.to_string()).collect();
            known.extend(formula.constants.keys().cloned());
            if params.iter().any(|p| p == root) {
                return Some(
                    problem("the name", root, Vec::new(), "variable of that name").help(format!("a parameter is read as `params.{root}`")),
                );
            }
            known.extend(inputs);
            Some(problem("the name", root, known, "names here are"))
        }
    }
}

/// `{{ … }}` tags that stand inside a quoted text of the shell or of SQL, unless their value is `| raw`: bytes, and the quote.
fn in_quotes(text: &str, shell: bool) -> Vec<(Range<usize>, char)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut quote: Option<char> = None;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        if let Some((open, close)) = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")].into_iter().find(|(open, _)| rest.starts_with(open)) {
            let end = rest.find(close).map_or(text.len(), |e| at + e + close.len());
            let inner = text[at..end].trim_end_matches("}}").trim_end_matches(['-', ' ']);
            if open == "{{"
                && let Some(quote) = quote
                && !inner.ends_with("raw")
                && !inner.ends_with("ident")
            {
                found.push((at..end, quote));
            }
            at = end;
            continue;
        }
        let c = bytes[at] as char;
        match quote {
            Some('"') if shell && c == '\\' => at += 1,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if shell && c == '\\' => at += 1,
            None if c == '\'' || c == '"' => quote = Some(c),
            // A comment may hold an apostrophe.
            None if shell && c == '#' && (at == 0 || bytes[at - 1].is_ascii_whitespace()) => at += rest.find('\n').unwrap_or(rest.len()),
            None if !shell && rest.starts_with("--") => at += rest.find('\n').unwrap_or(rest.len()),
            None if !shell && rest.starts_with("/*") => at += rest.find("*/").map_or(rest.len(), |e| e + 1),
            None => {}
        }
        at += 1;
        while at < bytes.len() && !text.is_char_boundary(at) {
            at += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::in_quotes;

    #[test]
    fn tags_inside_quotes_are_found() {
        let count = |text: &str, shell: bool| in_quotes(text, shell).len();
        assert_eq!(count("echo '{{ x }}' \"{{ y }}\" {{ z }}", true), 2);
        assert_eq!(count("echo '{{ x | raw }}' # don't\necho {{ y }}", true), 0);
        assert_eq!(count("echo \\' {{ y }} \"\\\"\" {{ z }}", true), 0);
        assert_eq!(count("select '{{ x }}' from t -- don't\nwhere a = {{ y }}", false), 1);
        assert_eq!(count("select 'it''s' /* ' */, {{ y }} from {{ t }}", false), 0);
        assert_eq!(count("select \"{{ c }}\", é, {{ d }}", false), 1);
    }
}
