//! The values a variable may have, and what is remembered of a class's instances.

use std::collections::HashMap;
use std::rc::Rc;

use crate::formula::program::{Domain, Entry, Life, Program};
use crate::identity::{Binding, Identity, Name, Period, Precision, Type, Value};

/// More values than this in one domain are taken for a mistake.
pub const MOST: i64 = 10_000_000;

/// All values of a domain, sorted. `None` where a bound is unbound, outside the calendar, or the domain is absurdly large.
pub fn values(program: &Program, domain: &Domain, ty: Type, binding: &Binding) -> Option<Vec<Value>> {
    match domain {
        Domain::Set(name) => {
            let mut all: Vec<Value> = program.sets.get(name)?.entries.iter().filter_map(|e| ty.read(&e.id)).collect();
            all.sort();
            all.dedup();
            Some(all)
        }
        Domain::Ints { first, last } => (last - first < MOST).then(|| (*first..=*last).map(Value::Int).collect()),
        Domain::Time { first, last } => {
            let Type::Time(precision) = ty else { return None };
            let (first, last) = time_bounds(first.eval(binding)?.period()?, last.eval(binding)?.period()?, precision);
            (last - first < MOST).then(|| (first..=last).map(|i| Value::Time(Period::new(precision, i))).collect())
        }
        Domain::Union(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(values(program, part, ty, binding)?);
            }
            all.sort();
            all.dedup();
            Some(all)
        }
    }
}

/// Indices of the first and the last period of `precision` between two periods, both included.
pub fn time_bounds(first: Period, last: Period, precision: Precision) -> (i64, i64) {
    (first.range_of(precision).0.index, last.range_of(precision).1.index)
}

/// Whether a value lies in a domain.
pub fn contains(program: &Program, domain: &Domain, value: &Value, binding: &Binding) -> bool {
    match (domain, value) {
        (Domain::Set(_), _) => entry(program, domain, value).is_some(),
        (Domain::Ints { first, last }, Value::Int(n)) => first <= n && n <= last,
        (Domain::Time { first, last }, Value::Time(period)) => {
            let bound = |expr: &crate::identity::Expr| expr.eval(binding).and_then(|v| v.period());
            match (bound(first), bound(last)) {
                (Some(first), Some(last)) => {
                    let (first, last) = time_bounds(first, last, period.precision);
                    first <= period.index && period.index <= last
                }
                _ => false,
            }
        }
        (Domain::Union(parts), _) => parts.iter().any(|part| contains(program, part, value, binding)),
        _ => false,
    }
}

/// The set entry that a value names.
pub fn entry<'p>(program: &'p Program, domain: &Domain, value: &Value) -> Option<&'p Entry> {
    match domain {
        Domain::Set(name) => {
            let text = value.to_string();
            program.sets.get(name)?.entries.iter().find(|e| *e.id == *text)
        }
        Domain::Union(parts) => parts.iter().find_map(|part| entry(program, part, value)),
        _ => None,
    }
}

/// When the set entry that a value names exists; always, where the domain is no set.
pub fn life(program: &Program, domain: &Domain, value: &Value) -> Life {
    entry(program, domain, value).map_or(Life::default(), |e| Life { since: e.since, until: e.until })
}

/// Nothing bounds the instances of a class: which formula, and which of its variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbounded {
    pub class: Name,
    pub formula: String,
    pub place: String,
    pub variable: Name,
}

pub type Candidates = Result<Rc<Vec<Identity>>, Unbounded>;

/// Class, label and repository.
pub type Shelf = (Name, Name, Name);

/// Candidates by shelf; `None` while they are being found.
#[derive(Default)]
pub struct Cache(pub HashMap<Shelf, Option<Candidates>>);
