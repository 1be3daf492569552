//! What a formula's head asks of its inputs.
//!
//! It is in no key: the parts that a job reads are, one by one. It tells two reasons apart for which a job may read other parts than before:
//! the formula asks for others (a longer window, another set), or other ones are there.

use crate::digest::{Encoder, Shape};
use crate::formula::program::{Choose, Domain, Formula, PatternChoice, Program, Role};
use crate::identity::{Base, Expr, Pattern, Term};

/// The shape of a formula. Labels, repositories and names of files do not count.
pub fn shape(program: &Program, formula: &Formula) -> Shape {
    let mut encoder = Encoder::new("shape");
    for input in &formula.inputs {
        encoder.text(&input.name).number(u64::from(input.optional)).number(input.alternatives.len() as u64);
        for alternative in &input.alternatives {
            match &alternative.pattern {
                PatternChoice::One(one) => pattern(&mut encoder, formula, one),
                PatternChoice::ByEntry { patterns, .. } => {
                    encoder.number(patterns.len() as u64);
                    for (entry, one) in patterns {
                        encoder.text(&entry.to_string());
                        pattern(&mut encoder, formula, one);
                    }
                }
            }
        }
        encoder.number(input.expands.len() as u64);
        for var in &input.expands {
            let variable = &formula.variables[var.0 as usize];
            encoder.text(&variable.name).text(variable.ty.word());
            let Role::Expanded { domain: values, choose } = &variable.role else { continue };
            encoder.text(match choose {
                Choose::All => "all",
                Choose::Any => "any",
                Choose::Latest => "latest",
            });
            domain(&mut encoder, program, formula, values);
        }
    }
    Shape(encoder.finish())
}

fn pattern(encoder: &mut Encoder, formula: &Formula, pattern: &Pattern) {
    encoder.text(&pattern.class).number(pattern.terms.len() as u64);
    for (key, term) in &pattern.terms {
        encoder.text(key.as_deref().unwrap_or_default());
        match term {
            Term::Literal(value) => encoder.text("literal").text(&value.to_string()),
            Term::Wildcard => encoder.text("any"),
            Term::Expr(one) => {
                expr(encoder, formula, one);
                continue;
            }
        };
    }
}

fn expr(encoder: &mut Encoder, formula: &Formula, expr: &Expr) {
    match &expr.base {
        Base::Var(var) => encoder.text("variable").text(&formula.variables[var.0 as usize].name),
        Base::Literal(value) => encoder.text("value").text(&value.to_string()),
    };
    encoder.text(expr.truncate.map_or("", |precision| precision.word())).number(expr.steps.len() as u64);
    for step in &expr.steps {
        encoder.text(&step.to_string());
    }
    encoder.text(&expr.number.to_string());
}

fn domain(encoder: &mut Encoder, program: &Program, formula: &Formula, domain: &Domain) {
    match domain {
        Domain::Set(name) => {
            let entries = program.sets.get(name).map(|set| set.entries.as_slice()).unwrap_or_default();
            encoder.text("set").number(entries.len() as u64);
            let time = |period: Option<crate::identity::Period>| period.map_or(String::new(), |p| p.to_string());
            let mut entries: Vec<_> = entries.iter().map(|e| (e.id.clone(), time(e.since), time(e.until))).collect();
            entries.sort();
            for (id, since, until) in &entries {
                encoder.text(id).text(since).text(until);
            }
        }
        Domain::Ints { first, last } => {
            encoder.text("ints").text(&first.to_string()).text(&last.to_string());
        }
        Domain::Time { first, last } => {
            encoder.text("time");
            expr(encoder, formula, first);
            expr(encoder, formula, last);
        }
        Domain::Union(parts) => {
            encoder.text("union").number(parts.len() as u64);
            for part in parts {
                self::domain(encoder, program, formula, part);
            }
        }
    }
}
