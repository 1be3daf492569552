//! The pass as a whole: files in, profile and counts out.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array, LargeStringArray,
    ListArray, NullArray, RecordBatch, StringArray, StringViewArray, StructArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use super::all as all_of;
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
        ("code", "text, 0 nulls, 4 distinct, ..a, -, 007*1 7*1 a*1 *1"),
        ("none", "text, 4 nulls, 0 distinct, -..-, -, "),
        ("mixed", "text, 0 nulls, 4 distinct, 1..x, -, 1*1 2*1 x*1 1.0*1"),
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
            "uint64, 1 nulls, 2 distinct, 0..18446744073709551615, 9223372036854775808.000±9223372036854775808.000, 18446744073709551615*1 0*1",
        ),
        ("f", "double, 0 nulls, 3 distinct, 1.0..NaN, 1.000±0.000, NaN*1 inf*1 1.0*1"),
        ("dec", "decimal(10, 2), 1 nulls, 2 distinct, -0.25..1.50, 0.625±0.875, 1.50*1 -0.25*1"),
        ("day", "date, 1 nulls, 2 distinct, 1970-01-01..1970-01-02, 43200.000±43200.000, 1970-01-01*1 1970-01-02*1"),
        (
            "ts",
            "timestamptz, 2 nulls, 1 distinct, 1970-01-01T00:00:01.500Z..1970-01-01T00:00:01.500Z, 1.500±0.000, 1970-01-01T00:00:01.500Z*1",
        ),
        ("time", "time, 2 nulls, 1 distinct, 01:00:00..01:00:00, -, 01:00:00*1"),
        ("bin", "binary, 1 nulls, 2 distinct, 00..01ff, -, 01ff*1 00*1"),
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
    assert_eq!(one("l[]", Some(Logical::Integer), most(whole(1))), "1/3: 1 2");
    assert_eq!(one("o[].k", None, Test::Present), "1/3: 1 null");
    assert_eq!(one("l", None, Test::Items { least: Some(1), most: None }), "1/3: 2 []");
    assert_eq!(one("l", Some(Logical::Array), Test::UniqueItems), "1/3: 1 [1, 2, 2]");
    assert_eq!(one("l", Some(Logical::Object), Test::Reads), "2/3: 1 [1, 2, 2], 2 []");
    assert_eq!(one("a", Some(Logical::Object), Test::Reads), "0/3: ");
    assert_eq!(one("a", None, Test::Present), "1/3: 2 null");
    assert_eq!(one("s", Some(Logical::Text), Test::Reads), "0/3: ");
    let measured = run(&table, &Asked::default());
    assert_eq!(line(&measured, "l"), "bigint[], 1 nulls, 2 distinct, -..-, -, [1, 2, 2]*1 []*1");
    assert_eq!(line(&measured, "s"), "text, 1 nulls, 2 distinct, 5..q, -, q*1 5*1");
    assert_eq!(measured.profile.column("when").unwrap().ty, "timestamp");
}

#[test]
fn json_lines_may_be_sparse_or_have_a_name_twice() {
    let folder = Folder::new();
    let text = r#"{"a":1}
{"b":[{"c":1}],"a":null}
{"d":"x","d":"y","b":[],"b":[{"c":2.5}]}
"#;
    let table = folder.put("x.jsonl", text);
    let measured = run(&table, &asked(vec![column("b[].c", None, vec![most(whole(1))]), column("d", None, vec![Test::Present])]));
    assert_eq!(line(&measured, "a"), "bigint, 2 nulls, 1 distinct, 1..1, 1.000±0.000, 1*1");
    assert_eq!(line(&measured, "b"), "struct(c double)[], 1 nulls, 2 distinct, -..-, -, [{c: 1}]*1 [{c: 2.5}]*1");
    assert_eq!(line(&measured, "d"), "text, 2 nulls, 1 distinct, y..y, -, y*1");
    let tests: Vec<String> = measured.tests.iter().flatten().flatten().map(drawn).collect();
    assert_eq!(tests, ["1/3: 3 2.5", "2/3: 1 null, 2 null"]);
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
    assert_eq!(one("l[]", None, most(whole(4))), "1/3: 3 5");
    assert_eq!(one("l[]", None, Test::Present), "1/3: 3 null");
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

/// What a naive reader makes of a table of numbers and texts.
struct Naive {
    numbers: Vec<Option<i64>>,
    texts: Vec<Option<String>>,
}

impl Naive {
    fn failing(&self, fails: impl Fn(Option<i64>, Option<&str>) -> bool) -> (u64, Vec<u64>) {
        let rows = self.numbers.iter().zip(&self.texts).enumerate();
        let rows: Vec<u64> = rows.filter(|(_, (n, t))| fails(**n, t.as_deref())).map(|(at, _)| at as u64 + 1).collect();
        (rows.len() as u64, rows.into_iter().take(5).collect())
    }

    /// Keys of both columns that stand in several rows, and the rows whose key stands in an earlier one.
    fn repeated(&self) -> (u64, Vec<u64>) {
        let (mut seen, mut again, mut rows) = (HashMap::new(), HashSet::new(), Vec::new());
        for (at, key) in self.numbers.iter().zip(&self.texts).enumerate().filter(|(_, (n, t))| n.is_some() && t.is_some()) {
            if seen.insert(key, at).is_some() {
                again.insert(key);
                rows.push(at as u64 + 1);
            }
        }
        (again.len() as u64, rows.into_iter().take(5).collect())
    }

    fn files(&self, folder: &Folder) -> [TableInput; 3] {
        let cell = |n: &Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
        let rows = || self.numbers.iter().zip(&self.texts);
        let csv: String = rows().map(|(n, t)| format!("{},{}\n", cell(n), t.as_deref().unwrap_or_default())).collect();
        let json: String = rows().map(|(n, t)| format!("{}\n", serde_json::json!({ "n": n, "t": t }))).collect();
        [
            folder.put("x.csv", &format!("n,t\n{csv}")),
            folder.put("x.jsonl", &json),
            folder.parquet(
                vec![("n", Arc::new(Int64Array::from(self.numbers.clone()))), ("t", Arc::new(StringArray::from(self.texts.clone())))],
                7,
            ),
        ]
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn counts_are_those_of_a_naive_count_however_it_is_done(rows in prop::collection::vec((prop::option::of(-20_i64..20), prop::option::of("[a-c]{1,3}")), 1..60)) {
        let naive = Naive { numbers: rows.iter().map(|row| row.0).collect(), texts: rows.into_iter().map(|row| row.1).collect() };
        // Of a column that is null throughout, nothing is known.
        prop_assume!(naive.numbers.iter().any(Option::is_some) && naive.texts.iter().any(Option::is_some));
        let folder = Folder::new();
        let both = || vec![least(whole(-5)), Test::NoneOf(vec![whole(7), whole(8)])];
        let asked = Asked {
            columns: vec![
                column("n", Some(Logical::Integer), vec![
                    Test::Present,
                    Test::Reads,
                    Test::AtMost(Bound { limit: number(3.5), exclusive: false }),
                    Test::AtLeast(Bound { limit: whole(-3), exclusive: true }),
                    Test::OneOf((0..12).map(whole).collect()),
                    Test::MultipleOf(3.0),
                    Test::All { tests: both(), nulls: true },
                    Test::All { tests: both(), nulls: false },
                ]),
                column("t", Some(Logical::Text), vec![
                    Test::Present,
                    Test::OneOf(vec![text("a"), text("bc"), whole(1)]),
                    Test::Matches(Pattern::new("ab|^c").unwrap()),
                    Test::Length { least: Some(2), most: Some(2) },
                    least(text("b")),
                ]),
            ],
            keys: vec![vec!["n".into(), "t".into()]],
        };
        let all = |n: i64| n < -5 || n == 7 || n == 8;
        let expected = [
            naive.failing(|n, _| n.is_none()),
            naive.failing(|_, _| false),
            naive.failing(|n, _| n.is_some_and(|n| n > 3)),
            naive.failing(|n, _| n.is_some_and(|n| n <= -3)),
            naive.failing(|n, _| n.is_some_and(|n| !(0..12).contains(&n))),
            naive.failing(|n, _| n.is_some_and(|n| n % 3 != 0)),
            naive.failing(|n, _| n.is_none_or(all)),
            naive.failing(|n, _| n.is_some_and(all)),
            naive.failing(|_, t| t.is_none()),
            naive.failing(|_, t| t.is_some_and(|t| t != "a" && t != "bc")),
            naive.failing(|_, t| t.is_some_and(|t| !t.contains("ab") && !t.starts_with('c'))),
            naive.failing(|_, t| t.is_some_and(|t| t.len() != 2)),
            naive.failing(|_, t| t.is_some_and(|t| t < "b")),
            naive.repeated(),
        ];
        let mut first: Option<Measured> = None;
        for table in naive.files(&folder) {
            for (threads, memory, share) in [(1, 1 << 20, 1), (2, 1 << 20, 1), (2, 0, 20), (1, 64, 1 << 20)] {
                let limits = MeasureLimits { memory, spill: Some(folder.0.path().join("spill")), threads };
                let measured = all_of(&table, &asked, &limits, share).unwrap();
                let tests = measured.tests.iter().flatten().flatten().chain(measured.keys.iter().flatten());
                let counts: Vec<(u64, Vec<u64>)> = tests.map(|f| (f.count, f.samples.iter().map(|s| s.row).collect())).collect();
                prop_assert_eq!(&counts, &expected, "{:?}, {} threads", table.parts[0].at, threads);
                prop_assert!(measured.tests.iter().flatten().flatten().all(|f| f.of == naive.texts.len() as u64));
                let there = first.get_or_insert_with(|| measured.clone());
                for (one, other) in there.profile.columns.iter().zip(&measured.profile.columns) {
                    prop_assert_eq!((&one.ty, one.nulls, one.distinct), (&other.ty, other.nulls, other.distinct));
                    prop_assert_eq!((&one.min, &one.max, &one.top), (&other.min, &other.max, &other.top));
                    let quantiles = |column: &ColumnProfile| column.numbers.as_ref().map(|numbers| numbers.quantiles.clone());
                    prop_assert_eq!(quantiles(one), quantiles(other));
                }
            }
        }
    }
}

#[test]
fn what_values_look_like_may_change_late() {
    let folder = Folder::new();
    let rows = (0..20_000_u32).map(|row| {
        let late = row > 9000;
        let number = if late { ["7.0", "7.5"][row as usize % 2].into() } else { (row % 50).to_string() };
        let mixed = if row == 15_000 { "x".into() } else { (row % 50).to_string() };
        let day = if late {
            ["2024-01-02T00:00:00", "2024-01-02T05:00"][row as usize % 2].into()
        } else {
            format!("2024-01-{:02}", row % 20 + 1)
        };
        format!("{number},{mixed},{day},{}\n", if late { "\"\"" } else { "" })
    });
    let table = folder.put("x.csv", &("number,mixed,day,empty\n".to_string() + &rows.collect::<String>()));
    let mut both = (1..3).map(|threads| {
        let limits = MeasureLimits { threads, ..MeasureLimits::default() };
        measure(&table, &asked(vec![column("mixed", None, vec![Test::AtMost(Bound { limit: whole(48), exclusive: false })])]), &limits)
            .unwrap()
    });
    let (one, two) = (both.next().unwrap(), both.next().unwrap());
    let start = |name: &str| line(&one, name).split(", ").take(4).collect::<Vec<_>>().join(", ");
    assert_eq!(start("number"), "double, 0 nulls, 51 distinct, 0.0..49.0");
    assert_eq!(start("mixed"), "text, 0 nulls, 51 distinct, 0..x");
    assert_eq!(start("day"), "timestamp, 0 nulls, 21 distinct, 2024-01-01T00:00:00..2024-01-20T00:00:00");
    assert_eq!(start("empty"), "text, 9001 nulls, 1 distinct, ..");
    assert_eq!(one.profile.column("number").unwrap().top[0], ("7.0".to_string(), 5499 + 180));
    assert_eq!(drawn(&one.tests[0].as_ref().unwrap()[0]), "401/20000: 50 49, 100 49, 150 49, 200 49, 250 49");
    assert_eq!(one.tests, two.tests);
    for (one, two) in one.profile.columns.iter().zip(two.profile.columns) {
        let without = |column: &ColumnProfile| ColumnProfile { numbers: None, ..column.clone() };
        assert_eq!(without(one), without(&two));
    }
}

#[test]
fn many_values_are_estimated_well_on_one_thread_and_on_two() {
    let folder = Folder::new();
    let rows = 40_000_i64;
    let ids = Int64Array::from_iter_values((0..rows).map(|n| (n * 7919) % 1_000_003));
    let codes = StringArray::from_iter_values((0..rows).map(|n| if n % 10 == 0 { "often".into() } else { format!("code-{n}") }));
    let table = folder.parquet(vec![("id", Arc::new(ids)), ("code", Arc::new(codes))], 5_000);
    let asked = Asked { columns: vec![], keys: vec![vec!["id".into()], vec!["code".into()]] };
    for threads in [1, 2] {
        let measured = all_of(&table, &asked, &MeasureLimits { threads, ..MeasureLimits::default() }, 20_000).unwrap();
        let column = |name: &str| measured.profile.column(name).unwrap();
        for (name, exact) in [("id", 40_000_f64), ("code", 36_001.0)] {
            let error = (column(name).distinct as f64 - exact).abs() / exact;
            assert!(error < 0.06, "{name}: {error}");
            assert!(!column(name).complete);
        }
        let (often, count) = &column("code").top[0];
        assert_eq!(often, "often");
        assert!((3000..=4000).contains(count), "{count}");
        let numbers = column("id").numbers.as_ref().unwrap();
        assert!((numbers.mean - 500_001.0).abs() < 5000.0, "{}", numbers.mean);
        assert!(numbers.quantiles.iter().enumerate().all(|(at, q)| (q - at as f64 * 10_000.0).abs() < 30_000.0), "{:?}", numbers.quantiles);
        assert!(numbers.quantiles.is_sorted());
        let keys: Vec<u64> = measured.keys.iter().flatten().map(|keys| keys.count).collect();
        assert_eq!(keys, [0, 1]);
    }
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
fn damaged_bytes_are_an_error_or_other_values_but_never_a_panic() {
    let folder = Folder::new();
    let texts = StringArray::from_iter_values((0..300).map(|n| format!("text {}", n % 7)));
    let table = folder.parquet(vec![("n", Arc::new(Int64Array::from_iter_values(0..300))), ("t", Arc::new(texts))], 100);
    let path = &table.parts[0].at;
    let whole = std::fs::read(path).unwrap();
    let asked = Asked { keys: vec![vec!["n".into(), "t".into()]], ..asked(vec![column("t", None, vec![Test::Present])]) };
    for end in (0..whole.len()).step_by(97) {
        std::fs::write(path, &whole[..end]).unwrap();
        let error = measure(&table, &asked, &MeasureLimits::default()).unwrap_err();
        assert_eq!(error.code(), "E0751", "{end}: {error}");
    }
    for at in (4..whole.len()).step_by(31) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x15;
        std::fs::write(path, &bytes).unwrap();
        if let Err(error) = measure(&table, &asked, &MeasureLimits { threads: 2, ..MeasureLimits::default() }) {
            assert!(["E0751", "E0759"].contains(&error.code()), "{at}: {error}");
        }
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, "a,b\n".repeat(5000).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let path = folder.0.path().join("x.csv.gz");
    std::fs::write(&path, &packed[..packed.len() - 9]).unwrap();
    assert_eq!(measure(&input(&path), &Asked::default(), &MeasureLimits::default()).unwrap_err().code(), "E0750");
    std::fs::write(folder.0.path().join("x.csv"), b"a\n\xff\n").unwrap();
    let error = measure(&input(&folder.0.path().join("x.csv")), &Asked::default(), &MeasureLimits::default()).unwrap_err();
    assert!(error.to_string().contains("line 2: byte 1 of the row is not UTF-8"), "{error}");
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
