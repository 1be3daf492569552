//! What can be said of a contract before there is a snapshot: whether its queries can be run, its rules go together, and a recipe's result
//! can keep it.

use std::cmp::Ordering;

use arrow::datatypes::DataType;

use super::contract::{Column, Contract, Rule, What};
use super::judge::fits;
use super::shape::Findings;
use super::words::{kind, plain, scalar, some};
use crate::diagnostic::{Diagnostic, nearest};
use crate::formula::program::Format;
use crate::table::measure::{Bound, Logical, Scalar, Test};
use crate::table::{Known, KnownTable, SqlProblem, TableError, result, tables, types};

/// All that is wrong with a contract that was read. `columns` are those that the class's recipe will give, where they are known.
///
/// A column that is missing, or has another type for sure, is an error: no snapshot could pass.
pub fn check(contract: &Contract, columns: Option<&[Known]>) -> Vec<Diagnostic> {
    let mut findings = Findings::new(&contract.file);
    repeated(contract, &mut findings);
    sense(contract, &mut findings);
    queries(contract, columns, &mut findings);
    if let Some(known) = columns {
        fitting(contract, known, &mut findings);
    }
    findings.list
}

fn repeated(contract: &Contract, findings: &mut Findings) {
    for (at, rule) in contract.rules.iter().enumerate() {
        let form = format!("{:?}", rule.what);
        if let Some(first) = contract.rules[..at].iter().find(|other| format!("{:?}", other.what) == form) {
            findings.warning("E1011", format!("the rule `{}` checks what `{}` checks", rule.name, first.name), rule.at, "the second");
        }
    }
}

/// Values and limits that go with their column, and with each other.
fn sense(contract: &Contract, findings: &mut Findings) {
    let cells = |rule: &'_ Rule| if let What::Cells { path, test, .. } = &rule.what { Some((path.clone(), test.clone())) } else { None };
    for rule in &contract.rules {
        let Some((path, test)) = cells(rule) else { continue };
        let logical = contract.logical(&path);
        for values in listed(&test) {
            let strange: Vec<&Scalar> = values.iter().filter(|value| !goes_with(value, logical)).collect();
            let (Some(first), Some(logical)) = (strange.first(), logical) else { continue };
            let message = format!("{} is no {}, as the column's values are", scalar(first), kind(logical));
            match logical {
                // As text they are found all the same.
                Logical::Text => findings.warning("E1010", message, rule.at, "").help.push("write it in quotes".into()),
                _ => findings.error("E1010", message, rule.at, "").help.push("write values of the column's type".into()),
            }
        }
        let Test::AtMost(most) = &test else { continue };
        let least = contract.rules.iter().filter_map(cells).find_map(|(other, test)| match test {
            Test::AtLeast(least) if other == path => Some(least),
            _ => None,
        });
        if let Some(least) = least
            && nothing_between(&least, most)
        {
            findings.error("E1010", format!("nothing is between {} and {}", plain(&least.limit), plain(&most.limit)), rule.at, "");
        }
    }
}

fn listed(test: &Test) -> Vec<&[Scalar]> {
    match test {
        Test::OneOf(values) | Test::NoneOf(values) => vec![values],
        Test::All { tests, .. } => tests.iter().flat_map(listed).collect(),
        _ => vec![],
    }
}

fn goes_with(value: &Scalar, logical: Option<Logical>) -> bool {
    match (logical, value) {
        (None, _) | (_, Scalar::Null) => true,
        (Some(Logical::Integer | Logical::Number), value) => matches!(value, Scalar::Number(_)),
        (Some(Logical::Boolean), value) => matches!(value, Scalar::Bool(_)),
        (Some(Logical::Text | Logical::Date | Logical::Timestamp | Logical::Time), value) => matches!(value, Scalar::Text(_)),
        (Some(Logical::Object | Logical::Array), _) => false,
    }
}

fn nothing_between(least: &Bound, most: &Bound) -> bool {
    let order = match (&least.limit, &most.limit) {
        (Scalar::Number(least), Scalar::Number(most)) => least.as_f64().partial_cmp(&most.as_f64()),
        (Scalar::Text(least), Scalar::Text(most)) if least.len() == most.len() => Some(least.cmp(most)),
        _ => None,
    };
    match order {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => least.exclusive || most.exclusive,
        _ => false,
    }
}

fn queries(contract: &Contract, columns: Option<&[Known]>, findings: &mut Findings) {
    for rule in &contract.rules {
        let What::Query { sql, .. } = &rule.what else { continue };
        let problem = match tables(sql) {
            Ok(tables) => tables.iter().find(|table| *table != "snapshot").map(|table| {
                (format!("the query reads `{table}`"), "a rule reads the snapshot alone, which is called `${table}`".to_string())
            }),
            Err(problem) => Some(said(&problem)),
        };
        let problem = problem.or_else(|| {
            let columns = columns?;
            let table = KnownTable { name: "snapshot".into(), columns: columns.to_vec() };
            let error = result(sql, &[table], Format::Parquet).err()?;
            // Of types that are not sure, a mistake is not sure either; and what the result's columns are called says nothing here.
            let sure = matches!(error, TableError::UnknownColumn { .. }) || columns.iter().all(|column| column.exact);
            let named =
                matches!(error, TableError::EmptyColumn { .. } | TableError::DuplicateColumn { .. } | TableError::OutputType { .. });
            (sure && !named).then(|| (error.to_string(), String::new()))
        });
        if let Some((message, help)) = problem {
            let finding = findings.error("E1009", format!("the rule `{}` cannot be run: {message}", rule.name), rule.at, "");
            if !help.is_empty() {
                finding.help.push(help);
            }
        }
    }
}

fn said(problem: &SqlProblem) -> (String, String) {
    let help = match problem {
        SqlProblem::Volatile { .. } => "compare with a fixed date, or write a rule of the engine `formake` with the metric `freshness`",
        _ => "",
    };
    (problem.to_string(), help.into())
}

/// What the recipe gives against what the contract wants.
fn fitting(contract: &Contract, known: &[Known], findings: &mut Findings) {
    let there: Vec<(&str, &DataType, bool)> = known.iter().map(|known| (known.name.as_str(), &known.ty, known.exact)).collect();
    fit(&contract.columns, &there, "", findings);
    for rule in &contract.rules {
        let columns = match &rule.what {
            What::Duplicates { columns, .. } => columns.as_slice(),
            What::Over { over, .. } => over.column.as_slice(),
            _ => continue,
        };
        let said = |name: &String| contract.columns.iter().any(|column| column.name == *name);
        for gone in columns.iter().filter(|name| !said(name) && known.iter().all(|known| known.name != **name)) {
            findings.error("E1012", format!("the recipe gives no column `{gone}`"), rule.at, "wanted here");
        }
    }
}

/// `there`: name, type, and whether the type is sure.
fn fit(columns: &[Column], there: &[(&str, &DataType, bool)], of: &str, findings: &mut Findings) {
    for column in columns {
        let label = format!("{of}{}", column.name);
        let Some((_, ty, exact)) = there.iter().find(|(name, ..)| *name == column.name) else {
            let problem = findings.error("E1012", format!("the recipe gives no column `{label}`"), column.at, "wanted here");
            match nearest(&column.name, there.iter().map(|(name, ..)| *name)) {
                Some(near) => problem.help.push(format!("did you mean `{near}`?")),
                None => problem.notes.push(format!("it gives {}", some(there, |(name, ..)| format!("`{name}`")))),
            }
            continue;
        };
        let mut at = Some((column, *ty));
        let mut label = label;
        while let Some((column, ty)) = at.take() {
            match column.logical {
                Some(logical) if *exact && !fits(ty, logical) => {
                    let message = format!("the recipe gives `{label}` as {}, which is no {}", types::name(ty), kind(logical));
                    findings.error("E1012", message, column.at, "of another type");
                }
                _ => {
                    if let DataType::Struct(fields) = ty {
                        let fields: Vec<_> = fields.iter().map(|field| (field.name().as_str(), field.data_type(), *exact)).collect();
                        fit(&column.inside, &fields, &format!("{label}."), findings);
                    }
                    if let (DataType::List(item) | DataType::LargeList(item), Some(items)) = (ty, &column.items) {
                        label += "[]";
                        at = Some((items, item.data_type()));
                    }
                }
            }
        }
    }
}
