//! The pass as a whole: files in, profile and counts out.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array, LargeStringArray,
    ListArray, NullArray, RecordBatch, StringViewArray, StructArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::formula::program::Column;
use crate::table::TablePart;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, text: &str) -> TableInput {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        input(&path)
    }

    fn parquet(&self, columns: Vec<(&str, ArrayRef)>, group: usize) -> TableInput {
        let path = self.0.path().join("x.parquet");
        let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        input(&path)
    }
}

fn input(path: &Path) -> TableInput {
    let part = TablePart { at: path.to_path_buf(), files: vec![], values: vec![] };
    TableInput { name: "t".into(), parts: vec![part], dimensions: vec![], columns: None }
}

fn path(text: &str) -> Vec<PathStep> {
    let mut steps = Vec::new();
    for part in text.split('.') {
        let name = part.trim_end_matches("[]");
        steps.push(PathStep::Field(name.into()));
        steps.extend((0..(part.len() - name.len()) / 2).map(|_| PathStep::Items));
    }
    steps
}

fn column(at: &str, logical: Option<Logical>, tests: Vec<Test>) -> AskedColumn {
    AskedColumn { path: path(at), logical, tests }
}

fn asked(columns: Vec<AskedColumn>) -> Asked {
    Asked { columns, keys: vec![] }
}

fn run(input: &TableInput, asked: &Asked) -> Measured {
    measure(input, asked, &MeasureLimits::default()).unwrap()
}

/// `count/of: row value, row value`.
fn drawn(failing: &Failing) -> String {
    let samples: Vec<String> = failing.samples.iter().map(|sample| format!("{} {}", sample.row, sample.value)).collect();
    format!("{}/{}: {}", failing.count, failing.of, samples.join(", "))
}

/// What each test of a column found.
fn found(input: &TableInput, at: &str, logical: Option<Logical>, tests: Vec<Test>) -> Vec<String> {
    let measured = run(input, &asked(vec![column(at, logical, tests)]));
    measured.tests[0].as_ref().map_or(vec!["not there".into()], |tests| tests.iter().map(drawn).collect())
}

/// A column's profile on one line.
fn line(measured: &Measured, name: &str) -> String {
    let column = measured.profile.column(name).unwrap();
    let end = |end: &Option<String>| end.clone().unwrap_or("-".into());
    let top: Vec<String> = column.top.iter().map(|(text, count)| format!("{text}*{count}")).collect();
    let mean = column.numbers.as_ref().map_or("-".into(), |numbers| format!("{:.3}±{:.3}", numbers.mean, numbers.deviation));
    let complete = if column.complete { "" } else { "…" };
    format!(
        "{}, {} nulls, {} distinct, {}..{}, {mean}, {}{complete}",
        column.ty,
        column.nulls,
        column.distinct,
        end(&column.min),
        end(&column.max),
        top.join(" ")
    )
}

fn text(value: &str) -> Scalar {
    Scalar::Text(value.into())
}

fn number(value: f64) -> Scalar {
    Scalar::Number(serde_json::Number::from_f64(value).unwrap())
}

fn whole(value: i64) -> Scalar {
    Scalar::Number(value.into())
}

fn least(limit: Scalar) -> Test {
    Test::AtLeast(Bound { limit, exclusive: false })
}

fn most(limit: Scalar) -> Test {
    Test::AtMost(Bound { limit, exclusive: false })
}

#[test]
fn a_csv_file_is_profiled_as_what_all_its_values_look_like() {
    let folder = Folder::new();
    let mut csv = String::from("id,amount,day,flag,code,none,mixed\n");
    csv +=
        "1,1,2024-01-01,true,007,,1\n2,,2024-01-01T05:00,True,\"\",,2\n3,2.50,2024-01-02,FALSE,7,,x\n4,2.5,2024-01-02T00:00:00,,a,,1.0\n";
    let measured = run(&folder.put("x.csv", &csv), &Asked::default());
    assert_eq!(measured.profile.rows, 4);
    for (name, expected) in [
        ("id", "bigint, 0 nulls, 4 distinct, 1..4, 2.500±1.118, 1*1 2*1 3*1 4*1"),
        ("amount", "double, 1 nulls, 2 distinct, 1.0..2.5, 2.000±0.707, 2.5*2 1.0*1"),
        (
            "day",
            "timestamp, 0 nulls, 3 distinct, 2024-01-01T00:00:00..2024-01-02T00:00:00, 1704114900.000±39219.765, 2024-01-02T00:00:00*2 2024-01-01T00:00:00*1 2024-01-01T05:00:00*1",
        ),
        ("flag", "boolean, 1 nulls, 2 distinct, false..true, -, true*2 false*1"),
        ("code", "text, 0 nulls, 4 distinct, ..a, -, *1 007*1 7*1 a*1"),
        ("none", "text, 4 nulls, 0 distinct, -..-, -, "),
        ("mixed", "text, 0 nulls, 4 distinct, 1..x, -, 1*1 1.0*1 2*1 x*1"),
    ] {
        assert_eq!(line(&measured, name), expected, "{name}");
    }
    let types: Vec<String> = measured.columns.iter().map(|c| format!("{} {}", c.ty, c.declared)).collect();
    assert_eq!(types[0], "Int64 false");
    assert_eq!(types[3], "Boolean false");
}

#[test]
fn a_parquet_file_keeps_its_types() {
    let folder = Folder::new();
    let dictionary: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("a")].into_iter().collect();
    let table = folder.parquet(
        vec![
            ("u", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(0)]))),
            ("f", Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(f64::INFINITY), Some(1.0)]))),
            ("dec", Arc::new(Decimal128Array::from(vec![Some(150), Some(-25), None]).with_precision_and_scale(10, 2).unwrap())),
            ("day", Arc::new(Date32Array::from(vec![Some(0), Some(1), None]))),
            ("ts", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_500_000), None, None]).with_timezone("UTC"))),
            ("time", Arc::new(Time64MicrosecondArray::from(vec![Some(3_600_000_000), None, None]))),
            ("bin", Arc::new(BinaryArray::from(vec![Some(&b"\x01\xff"[..]), Some(b"\x00"), None]))),
            ("dict", Arc::new(dictionary)),
            ("large", Arc::new(LargeStringArray::from(vec!["x", "y", "x"]))),
            ("view", Arc::new(StringViewArray::from(vec!["a view that is longer than twelve bytes", "b", "b"]))),
            ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(true), None]))),
            ("nothing", Arc::new(NullArray::new(3))),
            ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]))),
            (
                "object",
                Arc::new(StructArray::from(vec![(
                    Arc::new(Field::new("a", DataType::Int64, true)),
                    Arc::new(Int64Array::from(vec![1, 2, 1])) as ArrayRef,
                )])),
            ),
        ],
        2,
    );
    let measured = run(&table, &Asked::default());
    for (name, expected) in [
        (
            "u",
            "uint64, 1 nulls, 2 distinct, 0..18446744073709551615, 9223372036854775808.000±9223372036854775808.000, 0*1 18446744073709551615*1",
        ),
        ("f", "double, 0 nulls, 3 distinct, 1.0..NaN, 1.000±0.000, 1.0*1 NaN*1 inf*1"),
        ("dec", "decimal(10, 2), 1 nulls, 2 distinct, -0.25..1.50, 0.625±0.875, -0.25*1 1.50*1"),
        ("day", "date, 1 nulls, 2 distinct, 1970-01-01..1970-01-02, 43200.000±43200.000, 1970-01-01*1 1970-01-02*1"),
        (
            "ts",
            "timestamptz, 2 nulls, 1 distinct, 1970-01-01T00:00:01.500Z..1970-01-01T00:00:01.500Z, 1.500±0.000, 1970-01-01T00:00:01.500Z*1",
        ),
        ("time", "time, 2 nulls, 1 distinct, 01:00:00..01:00:00, -, 01:00:00*1"),
        ("bin", "binary, 1 nulls, 2 distinct, 00..01ff, -, 00*1 01ff*1"),
        ("dict", "text, 1 nulls, 1 distinct, a..a, -, a*2"),
        ("large", "text, 0 nulls, 2 distinct, x..y, -, x*2 y*1"),
        ("view", "text, 0 nulls, 2 distinct, a view that is longer than twelve bytes..b, -, b*2 a view that is longer than twelve bytes*1"),
        ("flag", "boolean, 1 nulls, 1 distinct, true..true, -, true*2"),
        ("nothing", "null, 3 nulls, 0 distinct, -..-, -, "),
        ("list", "bigint[], 1 nulls, 2 distinct, -..-, -, [1, ]*1 []*1"),
        ("object", "struct(a bigint), 0 nulls, 2 distinct, -..-, -, {a: 1}*2 {a: 2}*1"),
    ] {
        assert_eq!(line(&measured, name), expected, "{name}");
    }
    assert!(measured.columns.iter().all(|column| column.declared));
}

#[test]
fn tests_count_cells_that_fail_and_show_the_first() {
    let folder = Folder::new();
    let table = folder.put("x.csv", "n,t,d\n1,ab,2024-01-01\n,,\n2.5,abc,2024-01-02\nx,é,no\n-3,a@b.c,2024-02-01\n");
    let n = |test: Test| found(&table, "n", Some(Logical::Number), vec![test]).remove(0);
    assert_eq!(n(Test::Present), "1/5: 2 null");
    assert_eq!(n(Test::Reads), "1/5: 4 x");
    assert_eq!(n(least(whole(1))), "1/5: 5 -3");
    assert_eq!(n(most(number(2.4))), "1/5: 3 2.5");
    assert_eq!(n(Test::AtLeast(Bound { limit: whole(1), exclusive: true })), "2/5: 1 1, 5 -3");
    assert_eq!(n(Test::OneOf(vec![number(1.0), whole(-3), text("x")])), "1/5: 3 2.5");
    assert_eq!(n(Test::NoneOf(vec![number(2.5), Scalar::Null])), "1/5: 3 2.5");
    assert_eq!(n(Test::MultipleOf(0.5)), "0/5: ");
    assert_eq!(n(Test::MultipleOf(1.0)), "1/5: 3 2.5");
    let both = vec![least(whole(1)), Test::NoneOf(vec![whole(1)])];
    assert_eq!(n(Test::All { tests: both.clone(), nulls: true }), "3/5: 1 1, 2 null, 5 -3");
    assert_eq!(n(Test::All { tests: both, nulls: false }), "2/5: 1 1, 5 -3");
    let t = |test: Test| found(&table, "t", None, vec![test]).remove(0);
    assert_eq!(t(Test::Length { least: Some(2), most: Some(3) }), "2/5: 4 é, 5 a@b.c");
    assert_eq!(t(Test::Matches(Pattern::new("^a").unwrap())), "1/5: 4 é");
    assert_eq!(t(Test::Format(TextFormat::Email)), "3/5: 1 ab, 3 abc, 4 é");
    assert_eq!(t(least(text("abc"))), "2/5: 1 ab, 5 a@b.c");
    let d = |test: Test| found(&table, "d", Some(Logical::Date), vec![test]).remove(0);
    assert_eq!(d(most(text("2024-01-01"))), "2/5: 3 2024-01-02, 5 2024-02-01");
    assert_eq!(d(least(text("2024-01-01T12:00:00"))), "1/5: 1 2024-01-01");
    assert_eq!(d(Test::OneOf(vec![text("2024-01-01")])), "2/5: 3 2024-01-02, 5 2024-02-01");
    assert_eq!(found(&table, "gone", None, vec![Test::Present]), ["not there"]);
}

#[test]
fn without_a_type_texts_are_compared_as_what_they_are_compared_with() {
    let folder = Folder::new();
    let table = folder.put("x.csv", "n,d,e\n10,2024-01-01,\"\"\n9,2024-01-01T05:00,1\nx,x,\n");
    let n = |test: Test| found(&table, "n", None, vec![test]).remove(0);
    assert_eq!(n(least(whole(10))), "2/3: 2 9, 3 x");
    assert_eq!(n(Test::OneOf(vec![number(10.0), text("x")])), "1/3: 2 9");
    assert_eq!(n(Test::Reads), "0/3: ");
    assert_eq!(found(&table, "d", None, vec![least(text("2024-01-01T01:00"))]), ["2/3: 1 2024-01-01, 3 x"]);
    // A quoted empty field is null among numbers.
    assert_eq!(found(&table, "e", None, vec![Test::Present]), ["2/3: 1 null, 3 null"]);
    assert_eq!(found(&table, "e", Some(Logical::Text), vec![Test::Present]), ["1/3: 3 null"]);
}

#[test]
fn json_lines_are_looked_into() {
    let folder = Folder::new();
    let text_of = r#"{"a":{"b":1},"l":[1,2,2],"o":[{"k":"x"},{"k":null},{}],"s":"q","when":"2024-01-01"}
{"a":null,"l":[],"o":[],"s":5}
{"a":{"b":"x"},"l":null,"s":null,"when":"2024-01-02T00:00:00"}
"#;
    let table = folder.put("x.jsonl", text_of);
    let one = |at: &str, logical, test: Test| found(&table, at, logical, vec![test]).remove(0);
    assert_eq!(one("a.b", None, Test::Present), "0/3: ");
    assert_eq!(one("a.b", Some(Logical::Integer), Test::Reads), "1/3: 3 x");
    assert_eq!(one("a.gone", None, Test::Present), "not there");
    assert_eq!(one("l[]", Some(Logical::Integer), most(whole(1))), "2/3: 1 2, 1 2");
    assert_eq!(one("o[].k", None, Test::Present), "2/3: 1 null, 1 null");
    assert_eq!(one("l", None, Test::Items { least: Some(1), most: None }), "1/3: 2 []");
    assert_eq!(one("l", Some(Logical::Array), Test::UniqueItems), "1/3: 1 [1, 2, 2]");
    assert_eq!(one("l", Some(Logical::Object), Test::Reads), "2/3: 1 [1, 2, 2], 2 []");
    assert_eq!(one("a", Some(Logical::Object), Test::Reads), "0/3: ");
    assert_eq!(one("a", None, Test::Present), "1/3: 2 null");
    assert_eq!(one("s", Some(Logical::Text), Test::Reads), "0/3: ");
    let measured = run(&table, &Asked::default());
    assert_eq!(line(&measured, "l"), "bigint[], 1 nulls, 2 distinct, -..-, -, [1, 2, 2]*1 []*1");
    assert_eq!(line(&measured, "s"), "text, 1 nulls, 2 distinct, 5..q, -, 5*1 q*1");
    assert_eq!(measured.profile.column("when").unwrap().ty, "timestamp");
}

#[test]
fn parquet_is_looked_into() {
    let folder = Folder::new();
    let inner = StructArray::try_new(
        vec![Field::new("b", DataType::Int64, true)].into(),
        vec![Arc::new(Int64Array::from(vec![Some(1), Some(7), None]))],
        Some(vec![true, false, true].into()),
    );
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), Some(1)]), None, Some(vec![None, Some(5)])]);
    let table = folder.parquet(vec![("a", Arc::new(inner.unwrap())), ("l", Arc::new(lists))], 2);
    let one = |at: &str, logical, test: Test| found(&table, at, logical, vec![test]).remove(0);
    assert_eq!(one("a.b", None, Test::Present), "1/3: 3 null");
    assert_eq!(one("a.b", None, most(whole(0))), "1/3: 1 1");
    assert_eq!(one("a.c", None, Test::Present), "not there");
    assert_eq!(one("l[]", None, most(whole(4))), "1/4: 3 5");
    assert_eq!(one("l[]", None, Test::Present), "1/4: 3 null");
    assert_eq!(one("l", Some(Logical::Array), Test::UniqueItems), "1/3: 1 [1, 1]");
    assert_eq!(one("l", Some(Logical::Text), Test::Reads), "2/3: 1 [1, 1], 3 [, 5]");
}

#[test]
fn keys_that_stand_in_several_rows_are_counted() {
    let folder = Folder::new();
    let table = folder.put("x.csv", "a,b\n1,x\n1.0,x\n1,y\n,x\n,x\n1,x\n2,z\n2,z\n");
    let keys = vec![vec!["a".to_string(), "b".into()], vec!["b".into()], vec!["c".into()]];
    let asked = Asked { columns: vec![], keys };
    let drawn_keys = |limits: &MeasureLimits| -> Vec<String> {
        let keys = measure(&table, &asked, limits).unwrap().keys;
        keys.iter().map(|keys| keys.as_ref().map_or("not there".into(), drawn)).collect()
    };
    let expected = ["2/8: 2 1, x, 6 1, x, 8 2, z", "2/8: 2 x, 4 x, 5 x, 6 x, 8 z", "not there"];
    assert_eq!(drawn_keys(&MeasureLimits::default()), expected);
    let spilling = MeasureLimits { memory: 0, spill: Some(folder.0.path().join("spill")), threads: 1 };
    assert_eq!(drawn_keys(&spilling), expected);
}

#[test]
fn files_without_rows_have_columns_all_the_same() {
    let folder = Folder::new();
    let tests = || vec![Test::Present];
    assert_eq!(found(&folder.put("x.csv", "a,b\n"), "a", None, tests()), ["0/0: "]);
    assert_eq!(found(&folder.put("x.csv", "a,b\n"), "c", None, tests()), ["not there"]);
    assert_eq!(found(&folder.put("x.jsonl", ""), "c", None, tests()), ["0/0: "]);
    let empty: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    let table = folder.parquet(vec![("a", empty)], 10);
    assert_eq!(found(&table, "a", None, tests()), ["0/0: "]);
    assert_eq!(line(&run(&table, &Asked::default()), "a"), "bigint, 0 nulls, 0 distinct, -..-, -, ");
}

#[test]
fn declared_columns_are_read_as_such() {
    let folder = Folder::new();
    let mut table = folder.put("x.csv", "id,n\n007,1\n7,x\n");
    table.columns = Some(vec![Column { name: "id".into(), ty: "text".into() }, Column { name: "n".into(), ty: "int".into() }]);
    let asked = asked(vec![column("n", None, vec![Test::Reads])]);
    let measured = run(&table, &asked);
    assert_eq!(line(&measured, "id"), "text, 0 nulls, 2 distinct, 007..7, -, 007*1 7*1");
    assert_eq!(line(&measured, "n"), "int, 0 nulls, 1 distinct, 1..1, 1.000±0.000, 1*1");
    table.columns = Some(vec![Column { name: "m".into(), ty: "int".into() }]);
    assert_eq!(measure(&table, &asked, &MeasureLimits::default()).unwrap_err().code(), "E0752");
}

#[test]
fn what_is_broken_ends_the_pass_with_its_place() {
    let folder = Folder::new();
    for (name, text, message) in [
        ("x.csv", "a,b\n1,2\n3\n", "line 3: the row has 1 fields, the header has 2"),
        ("x.jsonl", "{\"a\":1}\n[]\n", "line 2: not a JSON object; a table in JSON has one object on each line"),
        ("x.jsonl", "{\"a\":1}\n{\"a\":[]}\n", "line 2: `a` is a list here, and was a plain value above; make them alike"),
        ("x.txt", "hello", "is not a table: its name says no format that can be read"),
        ("x.parquet", "PAR1", "not a Parquet file that can be read"),
    ] {
        let error = measure(&folder.put(name, text), &Asked::default(), &MeasureLimits::default()).unwrap_err();
        assert!(error.to_string().contains(message), "{name}: {error}");
    }
}

#[test]
fn long_values_are_cut() {
    let folder = Folder::new();
    let table = folder.put("x.csv", &format!("a\n{}\n", "é".repeat(10_000)));
    let measured = run(&table, &asked(vec![column("a", None, vec![Test::Matches(Pattern::new("x").unwrap())])]));
    let column = &measured.profile.columns[0];
    assert_eq!(column.top[0].0.chars().count(), 201);
    assert_eq!(column.max.as_ref().unwrap().chars().count(), 201);
    assert_eq!(measured.tests[0].as_ref().unwrap()[0].samples[0].value.chars().count(), 201);
}
