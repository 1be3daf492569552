//! Tables made here, compared, and the answer held against what loops over rows say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::table::TablePart;

fn input(folder: &Path, name: &str, text: &str) -> TableInput {
    let at = folder.join(name);
    std::fs::write(&at, text).unwrap();
    TableInput { name: "t".into(), parts: vec![TablePart { at, files: vec![], values: vec![] }], dimensions: vec![], columns: None }
}

fn compared(was: &str, now: &str, key: &[&str], samples: usize) -> Result<RowDiff, TableError> {
    let folder = tempfile::tempdir().unwrap();
    let (was, now) = (input(folder.path(), "was.csv", was), input(folder.path(), "now.csv", now));
    let asked = AskedRows { key: key.iter().map(ToString::to_string).collect(), samples };
    diff_rows(&was, &now, &asked, &Limits::default())
}

/// `+1`, `-2`, `~3`, and of what changed how.
fn shown(diff: &RowDiff) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or("null".into());
    let sample = |row: &SampleRow| {
        let key: Vec<String> = row.key.iter().map(|(_, value)| text(value)).collect();
        let cells = row.cells.iter().map(|cell| match row.change {
            Kind::Changed => format!("{} {}→{}", cell.column, text(&cell.was), text(&cell.now)),
            Kind::Added => text(&cell.now),
            Kind::Removed => text(&cell.was),
        });
        let cells: Vec<String> = cells.collect();
        format!("{:?} {} {} ×{}", row.change, key.join(","), cells.join(" "), row.count)
    };
    diff.samples.iter().map(sample).collect()
}

#[test]
fn rows_are_paired_by_their_key() {
    let was = "id,name,charge,plan\n1,a,1.5,x\n2,b,2.5,x\n3,c,,y\n,null key,1,x\n5,e,5,y\n";
    let now = "plan,id,name,charge,new\nx,5,e,5,1\nx,1,a,1.5,1\nx,2,b,3.5,1\ny,3,c,4,1\nx,,null key,1,1\nz,6,f,6,1\n";
    let diff = compared(was, now, &["id"], 2).unwrap();
    assert_eq!(diff.schema, [SchemaChange::Added { column: "new".into(), now: "bigint".into() }]);
    assert_eq!((diff.rows, diff.same, diff.added, diff.removed, diff.changed), ((5, 6), 2, 1, 0, 3));
    assert_eq!(shown(&diff), ["Changed 2 charge 2.5→3.5 ×1", "Changed 3 charge null→4.0 ×1", "Added 6 z f 6.0 ×1"]);
    let columns: Vec<_> =
        diff.columns.iter().map(|column| (column.column.as_str(), column.changed, column.was.mean, column.now.mean)).collect();
    assert_eq!(
        columns,
        [
            ("plan", Some(1), None, None),
            ("id", Some(0), Some(2.75), Some(3.4)),
            ("name", Some(0), None, None),
            ("charge", Some(2), Some(2.5), Some(3.5))
        ]
    );
    let charge = &diff.columns[3];
    assert_eq!((charge.was.nulls, charge.was.distinct, charge.now.distinct, charge.now.max.as_deref()), (1, 4, 6, Some("6.0")));
}

#[test]
fn without_a_key_rows_are_counted() {
    let diff = compared("a,b\n1,x\n1,x\n1,x\n2,y\n", "b,a\ny,2\nx,1\nz,3\n", &[], 5).unwrap();
    assert_eq!((diff.same, diff.added, diff.removed, diff.changed), (2, 1, 2, 0));
    assert_eq!(shown(&diff), ["Added  z 3 ×1", "Removed  x 1 ×2"]);
    assert!(compared("a,b\n1,x\n2,y\n", "b,a\ny,2\nx,1\n", &[], 5).unwrap().is_same());
    let diff = compared("a\n1\n1\n", "a\n1\n2\n", &["a"], 0).unwrap();
    assert_eq!((diff.repeated, diff.key.len(), diff.added, diff.removed), (Some((1, 0)), 0, 1, 1));
    let diff = compared("a\n1\n", "b\n1\n2\n", &[], 5).unwrap();
    assert_eq!((diff.schema.len(), diff.added, diff.removed), (2, 2, 1));
    assert_eq!(compared("a\n1\n", "a\n1\n", &["b"], 5).unwrap_err().to_string(), "there is no column `b`; there are `a`");
}

#[test]
fn a_column_of_two_types_is_compared_as_what_holds_both() {
    let diff =
        compared("id,n,t,d\n1,1,1,2024-01-01\n2,2,x,2024-01-02\n", "id,n,t,d\n1,1.0,1,2024-01-01\n2,2.5,2,2024-01-02T00:00\n", &["id"], 5)
            .unwrap();
    assert_eq!(shown(&diff), ["Changed 2 n 2.0→2.5 t x→2 ×1"]);
    let retyped = diff.schema.iter().map(|change| match change {
        SchemaChange::Retyped { column, was, now } => format!("{column} {was} {now}"),
        other => format!("{other:?}"),
    });
    assert_eq!(retyped.collect::<Vec<_>>(), ["n bigint double", "t text bigint", "d date timestamp"]);
}

#[test]
fn nested_values_are_compared_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let was = input(folder.path(), "was.jsonl", "{\"id\":1,\"o\":{\"a\":[1,2]},\"l\":[1]}\n{\"id\":2,\"o\":{\"a\":[3]},\"l\":[]}\n");
    let now = input(folder.path(), "now.jsonl", "{\"id\":1,\"o\":{\"a\":[1,3]},\"l\":[1]}\n{\"id\":2,\"o\":{\"a\":[3]},\"l\":[2]}\n");
    for (key, changed) in [(vec!["id".to_string()], 2), (vec![], 0)] {
        let diff = diff_rows(&was, &now, &AskedRows { key, samples: 1 }, &Limits::default()).unwrap();
        assert_eq!((diff.same, diff.changed, diff.added), (0, changed, 2 - changed));
    }
}

#[test]
fn a_table_without_rows_has_the_other_s_types() {
    let diff = compared("id,v\n", "id,v,w\n1,2.5,x\n", &["id"], 1).unwrap();
    assert_eq!(diff.schema, [SchemaChange::Added { column: "w".into(), now: "text".into() }]);
    assert_eq!((diff.rows, diff.added, shown(&diff)), ((0, 1), 1, vec!["Added 1 2.5 ×1".to_string()]));
}

type Row = (Option<i64>, Option<i64>, bool);

fn csv(rows: &[Row]) -> String {
    let cell = |value: &Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
    let lines = rows.iter().map(|(key, value, flag)| format!("{},{},{flag},end\n", cell(key), cell(value)));
    format!("key,value,flag,end\n{}", lines.collect::<String>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_those_of_a_loop(
        was in prop::collection::vec((prop::option::of(0..9i64), prop::option::of(0..3i64), any::<bool>()), 0..9),
        now in prop::collection::vec((prop::option::of(0..9i64), prop::option::of(0..3i64), any::<bool>()), 0..9),
    ) {
        let count = |rows: &[Row]| rows.iter().fold(BTreeMap::<Row, u64>::new(), |mut counts, row| { *counts.entry(*row).or_default() += 1; counts });
        let (before, after) = (count(&was), count(&now));
        let more = |a: &BTreeMap<Row, u64>, b: &BTreeMap<Row, u64>| -> u64 {
            a.iter().map(|(row, n)| n.saturating_sub(b.get(row).copied().unwrap_or_default())).sum()
        };
        let diff = compared(&csv(&was), &csv(&now), &[], 1).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!((diff.added, diff.removed), (more(&after, &before), more(&before, &after)));
        prop_assert_eq!(diff.same + diff.removed, was.len() as u64);

        let unique = |rows: &[Row]| -> BTreeMap<Option<i64>, Row> { rows.iter().rev().map(|row| (row.0, *row)).collect() };
        let (before, after) = (unique(&was), unique(&now));
        let rows = |rows: &BTreeMap<Option<i64>, Row>| csv(&rows.values().copied().collect::<Vec<_>>());
        let diff = compared(&rows(&before), &rows(&after), &["key"], 3).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let (old, new): (BTreeSet<_>, BTreeSet<_>) = (before.keys().collect(), after.keys().collect());
        let changed = before.iter().filter(|(key, row)| after.get(*key).is_some_and(|now| now != *row)).count() as u64;
        prop_assert_eq!((diff.added, diff.removed, diff.changed), (new.difference(&old).count() as u64, old.difference(&new).count() as u64, changed));
        prop_assert_eq!(diff.samples.len() as u64, diff.added.min(3) + diff.removed.min(3) + diff.changed.min(3));
    }
}
