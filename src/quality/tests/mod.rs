//! Whole contracts: what is said of them, and the verdicts on made-up measurements.

mod over;

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use super::*;
use crate::diagnostic::render::render;
use crate::table::measure::{ColumnProfile, Failing, FoundColumn, Measured, Numbers, Profile, Sample};

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
        keys: asked.keys.iter().map(|key| key.iter().all(|name| there(name)).then(|| passing.clone())).collect(),
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
        measured.keys[1] = Some(failing(2));
    });
    insta::assert_snapshot!(lines(&judge(&contract, &evidence(&table))), @r"
passed  id: present | the column is there
passed  id: type | the column is bigint
FAILED  id: primary key | 3 of 7,043 cells are null; none may be
passed  id: minimum | none of 7,043 cells is below 1
FAILED  id: exclusiveMaximum | 1 of 7,043 cells is 100 or above; none may be
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
FAILED  id: primary key unique | 2 values stand in more than one row; none may
passed  row count | 7,043 rows; wanted: more than 5
");
}

#[test]
fn library_metrics_queries_and_severities() {
    let contract = good(
        "schema:
- name: orders
  physicalName: t
  properties:
  - name: a
    logicalType: string
    quality:
    - { metric: nullValues, mustBeLessThan: 1, unit: percent, severity: warning }
    - { metric: missingValues, arguments: { missingValues: ['', n/a, null] }, mustBeLessOrEqualTo: 2 }
    - { metric: invalidValues, arguments: { validValues: [a, b], pattern: '^.$' }, mustBe: 0, severity: info }
    - { id: dup, metric: duplicateValues, mustBeBetween: [1, 3] }
    - { name: short, type: sql, query: 'SELECT max(length(${column})) FROM ${schema}.${table}', mustBeLessThan: 10 }
  - { name: b, logicalType: number }
  - name: o
    logicalType: object
    properties: [{ name: 'x y', unique: true }]
  quality:
  - { metric: duplicateValues, arguments: { properties: [a, b] }, mustBeLessThan: 5, unit: percent }
  - { type: sql, query: 'SELECT count(*) FROM orders WHERE orders.b < 0', mustBe: 0, description: negative prices }
  - { type: text, description: be good }
",
    );
    let queries: Vec<&str> = contract.queries().into_iter().map(|(_, sql)| sql).collect();
    assert_eq!(
        queries,
        [
            "SELECT max(length(\"a\")) FROM snapshot",
            "SELECT count(*) FROM (SELECT \"o\"['x y'] AS v, count(*) AS n FROM snapshot WHERE \"o\"['x y'] IS NOT NULL GROUP BY \"o\"['x y'] HAVING count(*) > 1)",
            "SELECT count(*) FROM snapshot AS \"orders\" WHERE orders.b < 0",
        ]
    );
    let columns = [("a", DataType::Utf8, true), ("b", DataType::Utf8, true), ("o", DataType::Int64, true)];
    let table = measured(&contract, &columns, 1000, |measured| {
        let failing = |count| Failing { count, of: 1000, samples: vec![] };
        let tests = measured.tests[0].as_mut().unwrap();
        tests[1..].clone_from_slice(&[failing(9), failing(3), failing(1)]);
        measured.keys[1] = Some(failing(60));
    });
    let mut evidence = evidence(&table);
    evidence.answers =
        contract.queries().into_iter().zip([Ok(Some(12.5)), Err("no".into()), Ok(None)]).map(|((at, _), answer)| (at, answer)).collect();
    let report = judge(&contract, &evidence);
    insta::assert_snapshot!(lines(&report), @r"
passed  a: present | the column is there
passed  a: type | the column is text
passed  a: nullValues | 9 of 1,000 cells are null (0.9 %); less than 1 % may be
FAILED  a: missingValues | 3 of 1,000 cells are null or one of ``, `n/a`; at most 2 may be
FAILED  a: invalidValues | 1 of 1,000 cells is other than `a`, `b` or without a match of `^.$`; none may be
FAILED  dup | 0 values stand in more than one row; 1 to 3 must
FAILED  short | the query gives 12.5; wanted: less than 10
passed  b: present | the column is there
FAILED  b: type | the column is text; wanted: number
passed  o: present | the column is there
FAILED  o: type | the column is bigint; wanted: object
skipped o.x y: present | what it is inside of is not there, or is no object or list
skipped o.x y: unique | what it is inside of is not there, or is no object or list
FAILED  duplicateValues (a, b) | 60 values of (a, b) stand in more than one row (6 % of rows); less than 5 % may
FAILED  sql | negative prices: nothing; wanted: 0
");
    assert_eq!(
        report.verdicts.iter().map(|verdict| verdict.severity).collect::<Vec<_>>()[2..5],
        [Severity::Warning, Severity::Error, Severity::Info]
    );
    assert!(report.warnings().next().is_none() && report.errors().count() == 7);
}

#[test]
fn what_is_no_table_is_said_once() {
    let contract = good("schema:\n- name: t\n  properties: [{ name: a }]\n");
    let error = crate::table::TableError::NotATable { path: "x.bin".into() };
    let report = judge(
        &contract,
        &Evidence { measured: Err(&error), answers: BTreeMap::new(), history: &[], document: None, documents: BTreeMap::new(), end: None },
    );
    assert_eq!(report.verdicts.len(), 1);
    assert!(report.blocks() && report.verdicts[0].message.starts_with("it cannot be read as a table: x.bin is not a table"));
}

#[test]
fn mistakes_have_places_and_ways_out() {
    let text = written(
        "colour: red
schema:
- name: t
  propertys: []
  properties:
  - { name: a, logicalType: strnig }
  - { name: b, logicalType: integer, requird: true, logicalTypeOptions: { pattern: x, minimum: low, format: i9 } }
  - { name: c, logicalType: string, required: maybe, logicalTypeOptions: { pattern: '(?=x', minLength: 4, maxLength: 2 } }
  - { name: d, logicalType: date, logicalTypeOptions: { minimum: 01.02.2024, format: dd.MM.yyyy } }
  - name: e
    enum: [{ value: 1 }, { value: 1 }, { value: NO }]
    quality:
    - { metric: nullValues }
    - { metric: nullValues, mustBe: 0, mustBeLessThan: 2 }
    - { metric: nullValue, mustBe: 0 }
    - { metric: rowCount, mustBe: 1 }
    - { metric: invalidValues, mustBe: 0 }
    - { metric: nullValues, mustBeBetween: [3, 1], severity: warnig }
    - { type: custom, engine: soda, implementation: x }
    - { type: custom, engine: formake, implementation: { metric: pis, mustBe: 0 } }
    - { type: sql, query: 'SELECT ${COLUMN}', mustBe: 0 }
  - { name: e }
  relationships: [{ from: t.a, to: u.a }]
",
    );
    insta::assert_snapshot!(said(&text));
}

#[test]
fn what_is_no_contract_says_how_one_begins() {
    for (text, code, message) in [
        ("", "E1002", "a data contract is a mapping of keys and values, found nothing"),
        ("a: [", "E1001", "this is not YAML: unclosed bracket '['"),
        ("kind: DataContract\n", "E1002", "the version of the standard is missing"),
        ("kind: DataProduct\napiVersion: v1.0.0\n", "E1002", "`DataProduct` is no data contract"),
        ("kind: DataContract\napiVersion: v2.2.2\n", "E1002", "version `v2.2.2` of the standard is not read"),
        (
            "dataContractSpecification: 1.2.0\n",
            "E1002",
            "this is a contract of the Data Contract Specification, which was given up for another standard",
        ),
        (&written("schema: [{ name: a }, { name: b }]\n"), "E1005", "none of the schemas is that of `t`"),
    ] {
        let (contract, found) = read("c.yaml", text, "t");
        assert!(contract.is_none(), "{text}");
        assert_eq!((found[0].code, found[0].message.as_str()), (code, message), "{text}");
    }
}

#[test]
fn what_never_holds_is_found_before_there_is_data() {
    let text = written(
        "schema:
- name: t
  properties:
  - { name: id, logicalType: integer, required: true, logicalTypeOptions: { minimum: 5, maximum: 3 }, enum: [{ value: a }] }
  - { name: code, logicalType: string, enum: [{ value: 1 }], quality: [{ metric: nullValues, mustBe: 0 }, { metric: nullValues, mustBe: 0 }] }
  - { name: day, logicalType: date }
  - { name: gone, logicalType: string }
  - { name: o, logicalType: object, properties: [{ name: x, logicalType: boolean }, { name: y }] }
  quality:
  - { type: sql, query: 'SELECT count(*) FROM ${table} JOIN other USING (id)', mustBe: 0 }
  - { type: sql, query: 'SELECT count(*) FRM t', mustBe: 0 }
  - { type: sql, query: 'SELECT count(*) FROM ${table} WHERE d < now()', mustBe: 0 }
  - { type: sql, query: 'SELECT count(*) FROM t WHERE t.dya IS NULL', mustBe: 0 }
  - { type: sql, query: 'SELECT count(*) FROM t WHERE t.day IS NULL', mustBe: 0 }
",
    );
    let (contract, _) = read("c.yaml", &text, "t");
    let o = DataType::Struct(vec![arrow::datatypes::Field::new("x", DataType::Int64, true)].into());
    let known = [("id", DataType::Int64), ("code", DataType::Utf8), ("day", DataType::Utf8), ("o", o)];
    let known = known.map(|(name, ty)| crate::table::Known { name: name.into(), ty, nullable: true, exact: true });
    let found = check(&contract.unwrap(), Some(&known));
    insta::assert_snapshot!(render(&found, &|_| Some(text.clone()), false));
}

#[test]
fn a_snapshot_passes_the_contract_that_is_inferred_from_it() {
    let column = |name: &str, ty: &str, nulls: u64, values: &[&str], distinct: u64| ColumnProfile {
        name: name.into(),
        ty: ty.into(),
        nulls,
        distinct,
        min: values.first().map(|value| (*value).into()),
        max: values.last().map(|value| (*value).into()),
        numbers: (ty == "bigint" || ty == "date").then(|| Numbers { mean: 1.5, deviation: 1.0, quantiles: vec![0.0; 101] }),
        top: if distinct as usize == values.len() { values.iter().map(|value| ((*value).to_string(), 20)).collect() } else { vec![] },
        complete: distinct as usize == values.len(),
    };
    let profile = Profile {
        rows: 100,
        columns: vec![
            column("customer ID", "text", 0, &["a", "z"], 99),
            column("yes", "bigint", 3, &["0", "1"], 2),
            column("kind: of", "text", 0, &["a b", "no", "é\n\"x\""], 3),
            column("day", "date", 0, &["2024-01-01", "2024-01-31"], 31),
            column("empty", "text", 100, &[], 0),
            column("other", "bigint", 0, &["0", "900"], 101),
        ],
    };
    let asked = asked_to_infer(&profile);
    assert_eq!(asked.keys, [["customer ID"], ["other"]]);
    let nested = DataType::new_list(DataType::Struct(vec![arrow::datatypes::Field::new("on", DataType::Utf8, true)].into()), true);
    let types = [DataType::Utf8, DataType::Int64, DataType::Utf8, DataType::Date32, DataType::Utf8, DataType::Int64];
    let mut columns: Vec<FoundColumn> =
        profile.columns.iter().zip(types).map(|(column, ty)| FoundColumn { name: column.name.clone(), ty, declared: false }).collect();
    columns.push(FoundColumn { name: "list".into(), ty: nested, declared: false });
    let of = Failing { count: 0, of: 100, samples: vec![] };
    let found = Measured { profile, columns, documents: false, tests: vec![], keys: vec![Some(of.clone()), Some(of)] };
    let text = infer("t", &found, &asked);
    insta::assert_snapshot!(text);
    let (contract, said) = read("c.yaml", &text, "t");
    assert_eq!(said, []);
    assert_eq!(check(&contract.unwrap(), None), []);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]
    /// Whatever is cut out of a contract or put into it, reading and judging it end in words.
    #[test]
    fn no_text_is_too_strange(at in 0_usize..2000, len in 0_usize..40, piece in proptest::sample::select(&[
        "", "-", ": ", "\n", "[", "{", "}", "~", "'", "\"", "é", "0", "-1", "1e999", "i0", "${x}", "null", "mustBe: 0", "&a", "*a", "  ",
    ][..])) {
        let whole = include_str!("whole.odcs.yaml");
        let start = whole.floor_char_boundary(at % whole.len());
        let end = whole.ceil_char_boundary((start + len).min(whole.len()));
        let text = format!("{}{piece}{}", &whole[..start], &whole[end..]);
        let (contract, found) = read("c.yaml", &text, "t");
        render(&found, &|_| Some(text.clone()), false);
        if let Some(contract) = contract {
            check(&contract, Some(&[]));
            let table = measured(&contract, &[("a", DataType::Int64, true)], 0, |_| ());
            judge(&contract, &evidence(&table));
        }
    }
}
