//! How each node is written on one line: the canonical spelling, without layout.
//!
//! What is true here: reading a spelling gives the node back. Quoted texts and numbers are taken from the file as they stand; quotes go where
//! a tuple's text does not need them.

use super::ast::*;
use super::mistake::RESERVED;

/// The cells of a tuple: class, instance (where there is one), label, repository.
pub(super) fn cells(tuple: &Tuple, text: &str) -> Vec<String> {
    let mut cells = vec![name(&tuple.class, text)];
    if !tuple.components.is_empty() {
        cells.push(joined(&tuple.components, ",", |component| self::component(component, text)));
    }
    cells.extend([name(&tuple.label, text), name(&tuple.repository, text)]);
    cells
}

pub(super) fn tuple(tuple: &Tuple, text: &str) -> String {
    format!("({})", cells(tuple, text).join(", "))
}

/// An input whose tuples are written already.
pub(super) fn input(input: &Input, tuples: &[String], text: &str) -> String {
    let alternatives = input.alternatives.iter().zip(tuples);
    let alternatives: Vec<String> =
        alternatives.map(|(alternative, tuple)| format!("{tuple}{}", if alternative.optional { "?" } else { "" })).collect();
    alternatives.join(" | ") + &placed(&input.name, &input.at, text)
}

pub(super) fn output(output: &Output, text: &str) -> String {
    tuple(&output.tuple, text) + &placed(&output.name, &output.at, text)
}

fn placed(name: &Option<Spanned<String>>, at: &Option<Spanned<Text>>, text: &str) -> String {
    let name = name.as_ref().map_or(String::new(), |name| format!(" as {}", name.node));
    name + &at.as_ref().map_or(String::new(), |at| format!(" at {}", slice(at.span, text)))
}

fn component(component: &Component, text: &str) -> String {
    let key = component.key.as_ref().map_or(String::new(), |key| format!("{}=", key.node));
    key + &match &component.term {
        Term::Literal(literal) => name(literal, text),
        Term::Wildcard(_) => "*".into(),
        Term::Variable(variable) => self::variable(variable),
    }
}

/// A text of a tuple, without quotes where it reads the same without them.
fn name(literal: &Spanned<Text>, text: &str) -> String {
    let Text { text: plain, quoting } = &literal.node;
    let letter = plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let bare = letter
        && plain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && !RESERVED.contains(&plain.as_str());
    if *quoting == Quoting::Double && bare { plain.clone() } else { slice(literal.span, text).into() }
}

fn variable(variable: &Variable) -> String {
    let choose = match variable.choose {
        Choose::All => "",
        Choose::Latest => "latest ",
        Choose::Any => "any ",
    };
    let ty = variable.ty.as_ref().map_or(String::new(), |ty| format!(": {}", ty.node));
    let domain = match &variable.domain {
        None => String::new(),
        Some(Domain::One(one)) => format!(" in {}", expr(one)),
        Some(Domain::Range(first, last)) => format!(" in {}..{}", expr(first), expr(last)),
    };
    format!("<{choose}{}{ty}{domain}>", expr(&variable.expr))
}

fn expr(expr: &Expr) -> String {
    let mut out = expr.base.node.clone();
    if let Some(precision) = &expr.truncate {
        out += &format!(".{}", precision.node.word());
    }
    // `2024 - 10` without spaces would be a month.
    let space = if expr.base.node.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { "" } else { " " };
    for step in &expr.steps {
        let Step { count, unit } = step.node;
        let sign = if count < 0 { '-' } else { '+' };
        out += &format!("{space}{sign}{space}{}{}", count.unsigned_abs(), unit.map_or("", |unit| unit.unit()));
    }
    out
}

pub(super) fn literal(literal: &Spanned<Literal>, text: &str) -> String {
    match &literal.node {
        Literal::List(items) => format!("[{}]", joined(items, ", ", |item| self::literal(item, text))),
        _ => slice(literal.span, text).into(),
    }
}

/// A property's arguments, each with the comma that stood behind it.
pub(super) fn arguments(property: &Property, text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (index, argument) in property.arguments.iter().enumerate() {
        let comma = property.arguments.get(index + 1).is_some_and(|next| has_comma(&text[end(argument)..start(next)]));
        out.push(self::argument(argument, text) + if comma { "," } else { "" });
    }
    out
}

fn argument(argument: &Argument, text: &str) -> String {
    match argument {
        Argument::Value(value) => literal(value, text),
        Argument::Named { name, value } => format!("{} = {}", name.node, literal(value, text)),
        Argument::Columns(columns) => format!("({})", joined(columns, ", ", |column| self::column(column, text))),
    }
}

pub(super) fn column((name, ty): &(Spanned<String>, Spanned<String>), text: &str) -> String {
    format!("{} {}", slice(name.span, text), ty.node)
}

fn start(argument: &Argument) -> usize {
    match argument {
        Argument::Value(value) => value.span.start,
        Argument::Named { name, .. } => name.span.start,
        Argument::Columns(columns) => columns.first().map_or(0, |(name, _)| name.span.start),
    }
}

fn end(argument: &Argument) -> usize {
    match argument {
        Argument::Value(value) | Argument::Named { value, .. } => value.span.end,
        Argument::Columns(columns) => columns.last().map_or(0, |(_, ty)| ty.span.end),
    }
}

/// Whether a comma stands in what separates two arguments, comments aside.
fn has_comma(between: &str) -> bool {
    between.lines().any(|line| line.split('#').next().is_some_and(|code| code.contains(',')))
}

fn slice(span: Span, text: &str) -> &str {
    &text[span.start..span.end]
}

fn joined<T>(items: &[T], separator: &str, spell: impl Fn(&T) -> String) -> String {
    items.iter().map(spell).collect::<Vec<_>>().join(separator)
}
