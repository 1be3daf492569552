//! Whole contracts: what is said of them, and the verdicts on made-up measurements.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use super::*;
use crate::diagnostic::render::render;
use crate::table::measure::{Failing, FoundColumn, Measured, Profile, Repeated, Sample};

const HEAD: &str = "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n";

/// With the beginning that every contract has.
fn written(rest: &str) -> String {
    format!("{HEAD}{rest}")
}

/// A contract without anything to say against it.
fn good(rest: &str) -> Contract {
    let text = written(rest);
    let (contract, found) = read("c.yaml", &text, "t");
    assert_eq!(found, [], "{}", render(&found, &|_| Some(text.clone()), false));
    contract.unwrap()
}

/// All that is said of a contract.
fn said(text: &str) -> String {
    let (contract, found) = read("c.yaml", text, "t");
    assert_eq!(contract.is_none(), found.iter().any(|found| found.severity == crate::diagnostic::Severity::Error));
    render(&found, &|_| Some(text.to_string()), false)
}

/// Measurements of a table with columns that all pass, but for what is changed.
fn measured(contract: &Contract, columns: &[(&str, DataType, bool)], rows: u64, change: impl FnOnce(&mut Measured)) -> Measured {
    let asked = contract.asked();
    let passing = Failing { count: 0, of: rows, samples: vec![] };
    let there = |name: &str| columns.iter().any(|(column, ..)| *column == name);
    let first = |path: &[crate::table::measure::PathStep]| match path {
        [crate::table::measure::PathStep::Field(name), ..] => there(name),
        _ => false,
    };
    let mut measured = Measured {
        profile: Profile { rows, columns: vec![] },
        columns: columns
            .iter()
            .map(|(name, ty, declared)| FoundColumn { name: (*name).into(), ty: ty.clone(), declared: *declared })
            .collect(),
        documents: false,
        tests: asked.columns.iter().map(|column| first(&column.path).then(|| vec![passing.clone(); column.tests.len()])).collect(),
        keys: asked
            .keys
            .iter()
            .map(|key| key.iter().all(|name| there(name)).then(|| Repeated { values: 0, rows: passing.clone() }))
            .collect(),
    };
    change(&mut measured);
    measured
}

fn evidence<'a>(measured: &'a Measured) -> Evidence<'a> {
    Evidence { measured: Ok(measured), answers: BTreeMap::new(), history: &[], document: None, documents: BTreeMap::new(), end: None }
}

/// `passed  id: type: the column is bigint`
fn lines(report: &Report) -> String {
    let line = |verdict: &Verdict| {
        let outcome = match verdict.outcome {
            Outcome::Passed => "passed",
            Outcome::Failed => "FAILED",
            Outcome::Skipped => "skipped",
        };
        format!("{outcome:<7} {} | {}\n", verdict.rule, verdict.message)
    };
    report.verdicts.iter().map(line).collect()
}

#[test]
fn a_schema_becomes_rules_and_verdicts() {
    let contract = good(
        "schema:
- name: t
  properties:
  - { name: id, logicalType: integer, primaryKey: true, logicalTypeOptions: { minimum: 1, exclusiveMaximum: 100 } }
  - name: code
    physicalName: CODE
    physicalType: varchar(3)
    required: true
    unique: true
    logicalTypeOptions: { maxLength: 3, pattern: '^[a-z]+$' }
    enum: [{ value: abc }, { value: 'yes' }]
  - { name: day, logicalType: date, logicalTypeOptions: { minimum: 2024-01-01 } }
  - name: tags
    logicalType: array
    logicalTypeOptions: { minItems: 1, uniqueItems: true }
    items: { logicalType: string, required: true }
  - name: where
    logicalType: object
    properties: [{ name: city, logicalType: string, required: true }]
  quality:
  - { metric: rowCount, mustBeGreaterThan: 5 }
",
    );
    let city = DataType::Struct(vec![arrow::datatypes::Field::new("city", DataType::Utf8, true)].into());
    let tags = DataType::new_list(DataType::Utf8, true);
    let columns = [
        ("id", DataType::Int64, true),
        ("code", DataType::Utf8, true),
        ("day", DataType::Utf8, false),
        ("tags", tags, true),
        ("where", city, true),
    ];
    let table = measured(&contract, &columns, 7043, |measured| {
        let failing = |count| Failing { count, of: 7043, samples: vec![Sample { row: 2, value: "x".into() }] };
        let at = |name: &str| contract.rules.iter().position(|rule| rule.name == name).unwrap();
        for (rule, count) in
            [("id: primary key", 3), ("id: exclusiveMaximum", 1), ("day: type", 2), ("tags[]: required", 4), ("tags: uniqueItems", 1)]
        {
            let ask::Answer::Test(column, test) = contract.questions().1[at(rule)] else { panic!("{rule}") };
            measured.tests[column].as_mut().unwrap()[test] = failing(count);
        }
        measured.keys[1] = Some(Repeated { values: 2, rows: failing(5) });
    });
    insta::assert_snapshot!(lines(&judge(&contract, &evidence(&table))), @r"
passed  id: present | the column is there
passed  id: type | the column is bigint
FAILED  id: primary key | 3 of 7,043 cells are null; none may be
passed  id: minimum | none of 7,043 cells is below 1
FAILED  id: exclusiveMaximum | 1 of 7,043 cells is not below 100; none may be
FAILED  CODE: present | there is no column `CODE`; did you mean `code`?
skipped CODE: type | there is no column `CODE`; did you mean `code`?
skipped CODE: required | there is no column `CODE`; did you mean `code`?
skipped CODE: unique | there is no column `CODE`; did you mean `code`?
skipped CODE: pattern | there is no column `CODE`; did you mean `code`?
skipped CODE: maxLength | there is no column `CODE`; did you mean `code`?
skipped CODE: enum | there is no column `CODE`; did you mean `code`?
passed  day: present | the column is there
FAILED  day: type | 2 of 7,043 cells are no date; none may be
passed  day: minimum | none of 7,043 cells is below 2024-01-01
passed  tags: present | the column is there
passed  tags: type | the column is text[]
FAILED  tags: uniqueItems | 1 of 7,043 cells is a list with an item twice; none may be
passed  tags: minItems | none of 7,043 cells is shorter than 1 item
passed  tags[]: type | the column is text
FAILED  tags[]: required | 4 of 7,043 rows have an item that is null; none may
passed  where: present | the column is there
passed  where: type | the column is struct(city text)
passed  where.city: present | the column is there
passed  where.city: type | the column is text
passed  where.city: required | none of 7,043 cells is null
FAILED  id: primary key unique | 2 values stand in more than one row (5 rows too many); none may
passed  row count | 7,043 rows; wanted: more than 5
");
}
