//! Patterns: identities with variables in them, and unification, which reads an identity back into the values of the variables.
//!
//! What is true here: an output's terms are literals and bare variables, so that unification has at most one answer; an input's terms may
//! compute (`<DATE - 1d>`) or stand for many values, and are evaluated, never inverted. The one exception is
//! [`Expr::invert`], which enumeration uses to propose candidates that are then judged by evaluation.

use std::fmt;

use super::{
    Component, Identity, Instance, Name,
    time::{Period, Precision, Step},
    value::Value,
};

/// A variable of one formula: an index into its list of variables.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Var(pub u16);

/// What an expression starts from.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Base {
    Var(Var),
    Literal(Value),
}

/// `<DATE.month - 1mo>`: a base, truncated to a precision, then stepped. For integers `number` is added.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Expr {
    pub base: Base,
    pub truncate: Option<Precision>,
    pub steps: Vec<Step>,
    /// `<N - 1>` for an integer variable.
    pub number: i64,
}

/// What stands in one component of a pattern.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Term {
    Literal(Value),
    Expr(Expr),
    /// `*`: all that can be provided.
    Wildcard,
}

/// An identity with variables in it. Label and repository are never variables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    pub class: Name,
    pub terms: Vec<(Option<Name>, Term)>,
    pub label: Name,
    pub repository: Name,
}

/// Values of a formula's variables, by [`Var`]; `None` where not (yet) bound.
pub type Binding = Vec<Option<Value>>;

impl Expr {
    pub fn var(var: Var) -> Self {
        Self { base: Base::Var(var), truncate: None, steps: Vec::new(), number: 0 }
    }

    pub fn literal(value: Value) -> Self {
        Self { base: Base::Literal(value), truncate: None, steps: Vec::new(), number: 0 }
    }

    /// The variable, where the expression is nothing but one.
    pub fn bare(&self) -> Option<Var> {
        match self.base {
            Base::Var(var) if self.truncate.is_none() && self.steps.is_empty() && self.number == 0 => Some(var),
            _ => None,
        }
    }

    pub fn variable(&self) -> Option<Var> {
        match self.base {
            Base::Var(var) => Some(var),
            Base::Literal(_) => None,
        }
    }

    /// The value under a binding; `None` where the variable is unbound, or the result lies outside the calendar or the integers.
    pub fn eval(&self, binding: &Binding) -> Option<Value> {
        let value = match &self.base {
            Base::Var(var) => binding.get(var.0 as usize)?.clone()?,
            Base::Literal(value) => value.clone(),
        };
        match value {
            Value::Time(mut period) => {
                if let Some(precision) = self.truncate {
                    period = period.truncate(precision);
                }
                for step in &self.steps {
                    period = period.step(*step)?;
                }
                Some(Value::Time(period))
            }
            Value::Int(n) => n.checked_add(self.number).map(Value::Int),
            text => Some(text),
        }
    }

    /// Values of the variable (of `precision`, where it is a time) for which this expression may give `value`: a superset of the right ones.
    pub fn invert(&self, value: &Value, precision: Option<Precision>) -> Vec<Value> {
        match value {
            Value::Int(n) => n.checked_sub(self.number).map(Value::Int).into_iter().collect(),
            Value::Text(_) => vec![value.clone()],
            Value::Time(period) => {
                let Some(precision) = precision else { return vec![] };
                let mut low = *period;
                let mut high = *period;
                for step in self.steps.iter().rev() {
                    let back = Step { count: -step.count, unit: step.unit };
                    let (Some(l), Some(h)) = (low.step(back), high.step(back)) else { return vec![] };
                    // Month ends clip, so that several days step to the same one: look a few further on both sides.
                    let slack = if step.unit > Precision::Week && l.precision < Precision::Month {
                        l.step(Step { count: 4, unit: Precision::Day }).map_or(0, |x| x.index - l.index)
                    } else {
                        0
                    };
                    low = Period::new(l.precision, l.index - slack);
                    high = Period::new(h.precision, h.index + slack);
                }
                let (first, last) = if precision > low.precision {
                    (low.truncate(precision), high.truncate(precision))
                } else {
                    (low.range_of(precision).0, high.range_of(precision).1)
                };
                (first.index..=last.index).map(|i| Value::Time(Period::new(precision, i))).collect()
            }
        }
    }
}

impl Pattern {
    /// Reads an identity back: binds bare variables, compares everything else. On failure says which part differs.
    pub fn unify(&self, identity: &Identity, binding: &mut Binding) -> Result<(), Mismatch> {
        if self.class != identity.class {
            return Err(Mismatch::Class);
        }
        if self.label != identity.label {
            return Err(Mismatch::Label { pattern: self.label.clone() });
        }
        if self.repository != identity.repository {
            return Err(Mismatch::Repository { pattern: self.repository.clone() });
        }
        self.unify_instance(&identity.instance, binding)
    }

    /// [`Pattern::unify`] for the instance alone.
    pub fn unify_instance(&self, instance: &Instance, binding: &mut Binding) -> Result<(), Mismatch> {
        if self.terms.len() != instance.0.len() {
            return Err(Mismatch::Dimensions);
        }
        for (index, ((key, term), component)) in self.terms.iter().zip(instance.0.iter()).enumerate() {
            if *key != component.key {
                return Err(Mismatch::Dimensions);
            }
            let expected = match term {
                Term::Wildcard => continue,
                Term::Literal(value) => value.clone(),
                Term::Expr(expr) => match (expr.bare(), expr.eval(binding)) {
                    (Some(var), None) => {
                        binding[var.0 as usize] = Some(component.value.clone());
                        continue;
                    }
                    (_, Some(value)) => value,
                    (None, None) => continue,
                },
            };
            if expected != component.value {
                return Err(Mismatch::Component { index, pattern: expected });
            }
        }
        Ok(())
    }

    /// An empty binding, large enough for this pattern's variables.
    pub fn blank(&self) -> Binding {
        let vars = self.terms.iter().filter_map(|(_, term)| match term {
            Term::Expr(expr) => expr.variable(),
            _ => None,
        });
        vec![None; vars.map(|v| v.0 as usize + 1).max().unwrap_or(0)]
    }

    /// The identity under a binding. `None` where a variable is unbound, a term is a wildcard, or a value lies outside the calendar.
    pub fn instantiate(&self, binding: &Binding) -> Option<Identity> {
        let mut components = Vec::with_capacity(self.terms.len());
        for (key, term) in &self.terms {
            let value = match term {
                Term::Literal(value) => value.clone(),
                Term::Expr(expr) => expr.eval(binding)?,
                Term::Wildcard => return None,
            };
            components.push(Component { key: key.clone(), value });
        }
        Some(Identity {
            class: self.class.clone(),
            instance: Instance::new(components),
            label: self.label.clone(),
            repository: self.repository.clone(),
        })
    }
}

/// Why a pattern does not match an identity.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mismatch {
    Class,
    Label { pattern: Name },
    Repository { pattern: Name },
    Dimensions,
    Component { index: usize, pattern: Value },
}

impl Mismatch {
    /// How much of the identity fitted before this part did not.
    pub fn depth(&self) -> usize {
        match self {
            Mismatch::Class => 0,
            Mismatch::Dimensions => 1,
            Mismatch::Label { .. } => 2,
            Mismatch::Repository { .. } => 3,
            Mismatch::Component { index, .. } => 4 + index,
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Base::Var(var) => write!(f, "<{}>", var.0),
            Base::Literal(value) => value.fmt(f),
        }
    }
}
