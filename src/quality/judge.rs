//! What was found of a snapshot to verdicts, one for every rule.

use arrow::datatypes::DataType;

use super::ask::Answer;
use super::contract::{Contract, Limit, Rule, Severity, Unit, What};
use super::evidence::{Evidence, Found};
use super::verdict::{Outcome, Report, Verdict};
use super::words::{allowance, count, fault, kind, number, percent, wanted};
use super::{document, drift};
use crate::diagnostic::nearest;
use crate::table::measure::{Failing, Logical, Measured, PathStep, Test};
use crate::table::types;

/// One verdict for every rule, in their order. Of what is no table, one that says so in place of those about columns and rows.
pub fn judge(contract: &Contract, evidence: &Evidence) -> Report {
    let (_, answers) = contract.questions();
    let broken = evidence.measured.err().filter(|_| contract.needs_table());
    let no_table = broken.map(|error| Verdict {
        rule: "table".into(),
        column: None,
        severity: Severity::Error,
        outcome: Outcome::Failed,
        found: None,
        message: format!("it cannot be read as a table: {error}"),
        samples: Vec::new(),
    });
    let rules = contract.rules.iter().enumerate().zip(answers);
    let verdicts = rules.filter_map(|((at, rule), answer)| {
        let found = match (&rule.what, evidence.measured) {
            (What::Number { pointer, limit }, _) => document::judge(evidence, pointer, limit),
            (_, Err(_)) => return None,
            (What::Query { path, .. }, Ok(measured)) if !path.is_empty() && find(measured, path).is_none() => missing(measured, path, None),
            (What::Query { limit, .. }, Ok(_)) => query(evidence.answers.get(&at), *limit, rule),
            (What::Over { over, limit, unit }, Ok(measured)) => drift::judge(evidence, &measured.profile, over, *limit, *unit),
            (what, Ok(measured)) => counted(contract, measured, what, answer),
        };
        Some(found.verdict(rule))
    });
    Report { verdicts: no_table.into_iter().chain(verdicts).collect() }
}

fn counted(contract: &Contract, measured: &Measured, what: &What, answer: Answer) -> Found {
    let test = |column: usize, test: usize| measured.tests.get(column).and_then(|tests| tests.as_ref()?.get(test));
    match what {
        What::There { path } => there(contract, measured, path),
        What::Type { path, logical, physical } => match (find(measured, path), answer) {
            (Some((ty, true)), _) => declared(ty, *logical, physical.as_deref()),
            (Some((ty, false)), Answer::Test(column, at)) => match test(column, at) {
                Some(failing) => cells(failing, &Test::Reads, path, Some(*logical), Limit::Be(0.0), Unit::Rows),
                None => declared(ty, *logical, physical.as_deref()),
            },
            _ => missing(measured, path, None),
        },
        What::Cells { path, test: asked, limit, unit } => {
            let logical = contract.logical(path);
            match answer {
                Answer::Test(column, at) => match test(column, at) {
                    Some(failing) => cells(failing, asked, path, logical, *limit, *unit),
                    None => missing(measured, path, Some((asked, *limit, *unit))),
                },
                _ => Found::skipped("it was not counted"),
            }
        }
        What::Duplicates { columns, limit, unit } => {
            let Answer::Key(at) = answer else { return Found::skipped("it was not counted") };
            match measured.keys.get(at).and_then(Option::as_ref) {
                Some(repeated) => duplicates(repeated, columns, *limit, *unit),
                None if measured.documents => {
                    let none = Failing { count: 0, of: measured.profile.rows, samples: Vec::new() };
                    duplicates(&none, columns, *limit, *unit)
                }
                None => {
                    let gone = columns.iter().find(|name| measured.columns.iter().all(|column| column.name != **name));
                    Found::skipped(no_column(measured, gone.unwrap_or(&columns[0])))
                }
            }
        }
        What::Rows { limit } => {
            let rows = measured.profile.rows;
            let noun = if rows == 1 { "row" } else { "rows" };
            Found::judged(limit.holds(rows as f64), rows as f64, format!("{} {noun}; wanted: {}", count(rows), wanted(*limit, "")))
        }
        What::Query { .. } | What::Over { .. } | What::Number { .. } => Found::skipped("it was not counted"),
    }
}

fn query(answer: Option<&Result<Option<f64>, String>>, limit: Limit, rule: &Rule) -> Found {
    let of = rule
        .description
        .as_ref()
        .map_or_else(|| "the query gives".to_string(), |words| format!("{}:", words.trim().trim_end_matches(['.', ':'])));
    match answer {
        Some(Ok(Some(found))) => {
            Found::judged(limit.holds(*found), *found, format!("{of} {}; wanted: {}", number(*found), wanted(limit, "")))
        }
        Some(Ok(None)) => Found::said(false, format!("{of} nothing; wanted: {}", wanted(limit, ""))),
        Some(Err(why)) => Found::said(false, format!("the query cannot be run: {why}")),
        None => Found::skipped("the query was not run"),
    }
}

/// `3 of 7,043 cells are null; none may be`
fn cells(failing: &Failing, test: &Test, path: &[PathStep], logical: Option<Logical>, limit: Limit, unit: Unit) -> Found {
    let share = percent(failing.count, failing.of);
    let found = if unit == Unit::Percent { share } else { failing.count as f64 };
    let holds = limit.holds(found);
    let fault = fault(test, logical);
    let below = path.contains(&PathStep::Items);
    let message = if failing.of == 0 && holds {
        "there are no rows".to_string()
    } else if failing.count == 0 && holds {
        let of = if below { "items" } else { "cells" };
        let of = if failing.of == 1 || below {
            format!("no {} is", of.trim_end_matches('s'))
        } else {
            format!("none of {} {of} is", count(failing.of))
        };
        format!("{of} {fault}")
    } else {
        let verb = match (below, failing.count) {
            (true, 1) => "has an item that is",
            (true, _) => "have an item that is",
            (false, 1) => "is",
            (false, _) => "are",
        };
        let noun = match (below, failing.count == 1 && failing.of == 1) {
            (true, true) => "row",
            (true, false) => "rows",
            (false, true) => "cell",
            (false, false) => "cells",
        };
        let share = if unit == Unit::Percent { format!(" ({} %)", number(share)) } else { String::new() };
        let may = allowance(limit, unit, if below { "" } else { "be" });
        format!("{} of {} {noun} {verb} {fault}{share}; {may}", count(failing.count), count(failing.of))
    };
    Found::judged(holds, found, message).with(&failing.samples)
}

/// `2 values stand in more than one row; none may`
fn duplicates(repeated: &Failing, columns: &[String], limit: Limit, unit: Unit) -> Found {
    let share = percent(repeated.count, repeated.of);
    let found = if unit == Unit::Percent { share } else { repeated.count as f64 };
    let holds = limit.holds(found);
    let of = match columns {
        [_] => String::new(),
        several => format!(" of ({})", several.join(", ")),
    };
    if repeated.count == 0 && holds {
        return Found::judged(holds, found, format!("every value{of} stands in one row only"));
    }
    let (noun, verb) = if repeated.count == 1 { ("value", "stands") } else { ("values", "stand") };
    let share = if unit == Unit::Percent { format!(" ({} % of rows)", number(share)) } else { String::new() };
    let message = format!("{} {noun}{of} {verb} in more than one row{share}; {}", count(repeated.count), allowance(limit, unit, ""));
    Found::judged(holds, found, message).with(&repeated.samples)
}

fn there(contract: &Contract, measured: &Measured, path: &[PathStep]) -> Found {
    if find(measured, path).is_some() {
        return Found::said(true, "the column is there".into());
    }
    let (required, name) = column_of(contract, path);
    // A field of JSON that nothing requires may be missing everywhere.
    if measured.documents && (!required || path.len() > 1) {
        return Found::said(true, "no row has it, and none must".into());
    }
    match parent(measured, path) {
        Some(names) => Found::said(false, no_name(name, &names)),
        None => Found::skipped("what it is inside of is not there, or is no object or list"),
    }
}

/// A rule about a column that is not there.
fn missing(measured: &Measured, path: &[PathStep], asked: Option<(&Test, Limit, Unit)>) -> Found {
    let name = path.first().map_or("", |step| if let PathStep::Field(name) = step { name } else { "" });
    if measured.documents {
        // In JSON it is a column of nulls.
        let rows = measured.profile.rows;
        let nulls = |test: &Test| matches!(test, Test::Present | Test::All { nulls: true, .. }) && path.len() == 1;
        return match asked {
            Some((test, limit, unit)) => {
                let failing = Failing { count: if nulls(test) { rows } else { 0 }, of: rows, samples: Vec::new() };
                cells(&failing, test, path, None, limit, unit)
            }
            None => Found::said(true, "no row has it".into()),
        };
    }
    if measured.columns.iter().any(|column| column.name == name) {
        return Found::skipped("what it is inside of is not there, or is no object or list");
    }
    Found::skipped(no_column(measured, name))
}

fn no_column(measured: &Measured, name: &str) -> String {
    let names: Vec<&str> = measured.columns.iter().map(|column| column.name.as_str()).collect();
    no_name(name, &names)
}

fn no_name(name: &str, names: &[&str]) -> String {
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("there is no column `{name}`; did you mean `{near}`?"),
        None => format!("there is no column `{name}`"),
    }
}

/// Whether a column is required, and its own name.
fn column_of<'a>(contract: &Contract, path: &'a [PathStep]) -> (bool, &'a str) {
    let name =
        path.iter().rev().find_map(|step| if let PathStep::Field(name) = step { Some(name.as_str()) } else { None }).unwrap_or_default();
    (contract.columns.iter().any(|column| column.required && column.name == name), name)
}

/// The type at a path, and whether it is the file's own.
fn find<'a>(measured: &'a Measured, path: &[PathStep]) -> Option<(&'a DataType, bool)> {
    let (PathStep::Field(first), rest) = path.split_first()? else { return None };
    let column = measured.columns.iter().find(|column| column.name == *first)?;
    rest.iter().try_fold(&column.ty, |ty, step| inside(ty, step)).map(|ty| (ty, column.declared))
}

fn inside<'a>(ty: &'a DataType, step: &PathStep) -> Option<&'a DataType> {
    match (ty, step) {
        (DataType::Struct(fields), PathStep::Field(name)) => {
            fields.iter().find(|field| field.name() == name).map(|field| field.data_type())
        }
        (
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) | DataType::ListView(item),
            PathStep::Items,
        ) => Some(item.data_type()),
        _ => None,
    }
}

/// The names beside a path's last step; `None` where there is no object.
fn parent<'a>(measured: &'a Measured, path: &[PathStep]) -> Option<Vec<&'a str>> {
    match path {
        [_] => Some(measured.columns.iter().map(|column| column.name.as_str()).collect()),
        [before @ .., _] => match find(measured, before)?.0 {
            DataType::Struct(fields) => Some(fields.iter().map(|field| field.name().as_str()).collect()),
            _ => None,
        },
        [] => None,
    }
}

/// A type of the file's own against the kind that the contract names.
fn declared(ty: &DataType, logical: Logical, physical: Option<&str>) -> Found {
    let holds = fits(ty, logical);
    let name = types::name(ty);
    let wanted = match physical {
        Some(physical) => format!("{} ({physical})", kind(logical)),
        None => kind(logical).to_string(),
    };
    Found::said(holds, if holds { format!("the column is {name}") } else { format!("the column is {name}; wanted: {wanted}") })
}

/// Whole numbers and others go for each other, as the reference tool has it.
pub(super) fn fits(ty: &DataType, logical: Logical) -> bool {
    let numbers = [Logical::Integer, Logical::Number];
    logical_of(ty).is_some_and(|found| found == logical || numbers.contains(&found) && numbers.contains(&logical))
}

/// The kind of a column's type; `None` of those that the standard has no word for.
pub(super) fn logical_of(ty: &DataType) -> Option<Logical> {
    Some(match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Logical::Text,
        DataType::Dictionary(_, values) => return logical_of(values),
        DataType::Boolean => Logical::Boolean,
        DataType::Date32 | DataType::Date64 => Logical::Date,
        DataType::Timestamp(..) => Logical::Timestamp,
        DataType::Time32(_) | DataType::Time64(_) => Logical::Time,
        DataType::Struct(_) | DataType::Map(..) => Logical::Object,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::ListView(_) | DataType::LargeListView(_) => {
            Logical::Array
        }
        ty if ty.is_integer() => Logical::Integer,
        ty if ty.is_numeric() => Logical::Number,
        _ => return None,
    })
}
