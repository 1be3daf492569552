//! Queries rendered with made-up values, to be read before there is data.
//!
//! What is true here: a query is rendered twice, once with every input and once without those that may be left out. What a rendering cannot
//! tell (a branch for one store, say) is told when the job is rendered.

use super::landing::Landing;
use super::names::{self, GivenPart, Part, Scene};
use super::template::TemplateError;
use crate::formula::program::{Domain, Formula, Input, Program, Role};
use crate::identity::{Binding, Component, Identity, Instance, Period, Term, Type, Value, Var};

/// The query with all inputs, and without the optional ones; those renderings that succeed.
pub fn queries(program: &Program, formula: &Formula, text: &str) -> Vec<String> {
    let bound: Binding = (0..formula.variables.len()).map(|index| value(program, formula, Var(index as u16))).collect();
    let binding: Binding = formula
        .variables
        .iter()
        .zip(&bound)
        .map(|(variable, value)| value.clone().filter(|_| !matches!(variable.role, Role::Expanded { .. })))
        .collect();
    let given: Vec<Option<GivenPart>> = formula.inputs.iter().map(|input| part(program, input, &bound)).collect();
    let label = formula.outputs.first().map_or("", |output| &*output.pattern.label);
    let mut queries = Vec::new();
    for optional in [true, false] {
        let inputs = formula.inputs.iter().zip(&given).map(|(input, given)| {
            let part = given.as_ref().filter(|_| optional || !input.optional);
            part.cloned().into_iter().collect()
        });
        let query = query(program, formula, text, &binding, label, &inputs.collect::<Vec<_>>());
        queries.extend(query.ok().filter(|query| !queries.contains(query)));
    }
    queries
}

/// The query of one job, whether or not the bytes of its inputs are there. `inputs` stand by the formula's inputs.
///
/// # Errors
/// The template cannot be rendered with these values.
pub fn query(
    program: &Program,
    formula: &Formula,
    text: &str,
    binding: &Binding,
    label: &str,
    inputs: &[Vec<GivenPart>],
) -> Result<String, TemplateError> {
    let inputs = formula.inputs.iter().zip(inputs).map(|(input, parts)| {
        let link = format!("in/{}", input.name);
        parts.iter().map(|given| Part { given, link: link.clone() }).collect()
    });
    let outputs = formula.outputs.iter().map(|output| (output.name.clone(), format!("out/{}", output.name)));
    let scene = Scene { program, formula, binding, label, inputs: inputs.collect(), outputs: outputs.collect() };
    scene.text(text, Landing::Sql)
}

/// One value that a variable may have.
fn value(program: &Program, formula: &Formula, var: Var) -> Option<Value> {
    let variable = &formula.variables[var.0 as usize];
    match &variable.role {
        Role::Fixed(value) => Some(value.clone()),
        Role::Bound { domain: Some(Domain::Ints { first, .. }) } | Role::Expanded { domain: Domain::Ints { first, .. }, .. } => {
            Some(Value::Int(*first))
        }
        _ => match names::entries(program, formula, var).first() {
            Some(entry) => variable.ty.read(&entry.id),
            None => Some(of_type(variable.ty)),
        },
    }
}

fn of_type(ty: Type) -> Value {
    match ty {
        Type::Int => Value::Int(1),
        Type::Text => Value::Text("sample".into()),
        Type::Time(precision) => Value::Time(Period::containing_minute(precision, Period::day(2024, 1, 31).start_minutes())),
    }
}

fn part(program: &Program, input: &Input, bound: &Binding) -> Option<GivenPart> {
    let pattern = input.alternatives.first()?.pattern.under(bound)?;
    let dimensions = &program.classes.get(&pattern.class)?.dimensions;
    let components = pattern.terms.iter().zip(dimensions).map(|((key, term), dimension)| {
        let value = match term {
            Term::Literal(value) => Some(value.clone()),
            Term::Expr(expr) => expr.eval(bound),
            Term::Wildcard => None,
        };
        Component { key: key.clone(), value: value.unwrap_or_else(|| of_type(dimension.ty)) }
    });
    let identity = Identity {
        class: pattern.class.clone(),
        instance: Instance::new(components),
        label: pattern.label.clone(),
        repository: pattern.repository.clone(),
    };
    Some(GivenPart::unmade(identity, 0, input.expands.iter().filter_map(|var| bound[var.0 as usize].clone()).collect()))
}
