//! The room as a whole: files in, queries over them, files out.

use std::path::{Path, PathBuf};

use arrow::util::pretty::pretty_format_batches;
use datafusion::logical_expr::Volatility;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::engine::{Limits, rows, session};
use super::error::TableError;
use super::statement::{Asker, VOLATILE};
use super::{Known, KnownTable, Question, TableInput, TablePart, known, preview, read_schema, result, run};
use crate::formula::program::{Column, Format};
use crate::identity::{Period, Precision, Type, Value};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// An error's text, without the folder.
    fn message(&self, error: &TableError) -> String {
        error.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn input(name: &str, paths: &[&Path]) -> TableInput {
    let parts = paths.iter().map(|path| TablePart { at: path.to_path_buf(), files: vec![], values: vec![] }).collect();
    TableInput { name: name.into(), parts, dimensions: vec![], columns: None }
}

fn declared(mut input: TableInput, columns: &[(&str, &str)]) -> TableInput {
    input.columns = Some(columns.iter().map(|(name, ty)| Column { name: name.to_string(), ty: ty.to_string() }).collect());
    input
}

/// The rows as text, drawn without borders.
fn query(sql: &str, inputs: &[TableInput]) -> Result<Vec<String>, TableError> {
    let drawn = pretty_format_batches(&rows(sql, inputs, &Limits::default(), None)?).unwrap().to_string();
    let cells = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join("|");
    Ok(drawn.lines().filter(|line| line.starts_with('|')).map(cells).collect())
}

#[test]
fn types_come_from_all_values_of_all_parts() {
    let folder = Folder::new();
    let one = folder.put("1.csv", "id,n,day,code,none,flag\n1,1,2024-01-01,007,,true\n2,,2024-01-02,1,,\n");
    let two = folder.put("2.csv", "id,n,day,code,none,flag\n3,2.5,2024-01-03,2,,False\n");
    let many = input("t", &[&one, &two]);
    let types = query(
        "SELECT arrow_typeof(id) i, arrow_typeof(n) n, arrow_typeof(day) d, arrow_typeof(code) c, arrow_typeof(none) x, arrow_typeof(flag) f FROM t LIMIT 1",
        std::slice::from_ref(&many),
    );
    assert_eq!(types.unwrap()[1], "Int64|Float64|Date32|Utf8|Utf8|Boolean");
    let all = query("SELECT * FROM t", &[many]).unwrap();
    assert_eq!(all[1..], ["1|1.0|2024-01-01|007||true", "2||2024-01-02|1||", "3|2.5|2024-01-03|2||false"]);
}

#[test]
fn json_lines_have_structs_and_missing_fields() {
    let folder = Folder::new();
    let path = folder.put("x.jsonl", "{\"a\":1,\"b\":{\"c\":[1,2]},\"t\":\"2024-01-01T05:00:00\"}\n\n{\"a\":2.5,\"m\":7}\n{\"m\":\"x\"}\n");
    let types = read_schema(&path).unwrap();
    let columns: Vec<String> = types.columns.iter().map(|c| format!("{} {}", c.name, c.ty)).collect();
    assert_eq!(columns, ["a double", "b struct(c bigint[])", "t timestamp", "m text"]);
    assert_eq!(
        query("SELECT a, b['c'][2] AS c, t, m FROM x", &[input("x", &[&path])]).unwrap()[1..],
        ["1.0|2|2024-01-01T05:00:00|", "2.5|||7", "|||x"]
    );
}

#[test]
fn dimensions_are_columns_unless_the_data_has_them() {
    let folder = Folder::new();
    let part = |name: &str, day: i64, store: &str| TablePart {
        at: folder.put(&format!("{name}/part.csv"), "v,month\n1,x\n"),
        files: vec![],
        values: vec![Value::Text(store.into()), Value::Time(Period::day(2024, 1, day)), Value::Time(Period::new(Precision::Month, 0))],
    };
    let t = TableInput {
        name: "Sales".into(),
        parts: vec![part("b", 2, "lon"), part("a", 1, "nyc")],
        dimensions: vec![
            ("storeId".into(), Type::Text),
            ("date".into(), Type::Time(Precision::Day)),
            ("month".into(), Type::Time(Precision::Month)),
        ],
        columns: None,
    };
    let all = query("SELECT * FROM Sales", std::slice::from_ref(&t)).unwrap();
    assert_eq!(all, ["v|month|storeId|date", "1|x|lon|2024-01-02", "1|x|nyc|2024-01-01"]);
    assert_eq!(query("select DATE, Count(*) AS n from Sales where storeId = 'nyc' group by 1", &[t]).unwrap_err().code(), "E0754");
}

#[test]
fn names_keep_their_case_and_functions_have_none() {
    let folder = Folder::new();
    let t = input("Customers", &[&folder.put("c.csv", "customerID,Churn\nA,1\nB,0\n")]);
    let all =
        query("select COUNT(*) as N, Max(customerID) as \"Last ID\" from Customers where Churn >= 0", std::slice::from_ref(&t)).unwrap();
    assert_eq!(all, ["N|Last ID", "2|B"]);
    let error = query("SELECT customerid FROM Customers", std::slice::from_ref(&t)).unwrap_err();
    assert_eq!(error.to_string(), "there is no column `customerid`; did you mean `customerID`? there are `customerID`, `Churn`");
    let error = query("SELECT * FROM customers", &[t, TableInput { parts: vec![], ..input("gone", &[]) }]).unwrap_err();
    assert_eq!(error.to_string(), "there is no table `customers`; did you mean `Customers`? there are `Customers`");
}

#[test]
fn a_query_sees_its_inputs_only() {
    let folder = Folder::new();
    let path = folder.put("t.csv", "a\n1\n");
    let t = [input("t", &[&path])];
    for sql in [
        format!("SELECT * FROM '{}'", path.display()),
        format!("SELECT * FROM \"{}\"", path.display()),
        "SELECT * FROM information_schema.tables".into(),
        "SELECT * FROM information_schema.df_settings".into(),
        "SELECT * FROM datafusion.public.t2".into(),
    ] {
        assert_eq!(query(&sql, &t).unwrap_err().code(), "E0754", "{sql}");
    }
    assert_eq!(query("SELECT value FROM generate_series(1, 3)", &t).unwrap()[1..], ["1", "2", "3"]);
}

#[test]
fn the_engine_has_no_function_that_changes_its_mind() {
    let state = session(&Limits::default(), Asker::Recipe).unwrap().state();
    for (name, function) in state.scalar_functions() {
        assert!(function.signature().volatility == Volatility::Immutable, "{name} is {:?}", function.signature().volatility);
        assert!(!VOLATILE.contains(&name.as_str()), "{name}");
    }
    for (name, function) in state.aggregate_functions() {
        assert!(function.signature().volatility == Volatility::Immutable, "{name}");
    }
    let names: std::collections::BTreeSet<_> = state.table_functions().keys().map(String::as_str).collect();
    assert!(names.is_superset(&["generate_series", "range"].into()), "{names:?}");
}

#[test]
fn wrong_data_is_named() {
    let folder = Folder::new();
    let csv = folder.put("a.csv", "id,v\n1,2\n\n2,NA\n");
    let empty = folder.put("empty.csv", "");
    let latin = folder.put("latin.csv", "a\nx\n");
    std::fs::write(&latin, b"a\nx\n\xe9\n").unwrap();
    let json = folder.put("b.jsonl", "{\"a\": 1}\n{\"a\": [1]}\n");
    let array = folder.put("c.json", "[{\"a\": 1}]");
    let broken = folder.put("d.parquet", "PAR1");
    folder.put("mixed/a.csv", "a\n1\n");
    folder.put("mixed/b.jsonl", "{}\n");
    folder.put("none/_SUCCESS", "");
    let all = |path: &Path| query("SELECT * FROM t", &[input("t", &[path])]);
    let typed = |columns: &[(&str, &str)]| query("SELECT * FROM t", &[declared(input("t", &[&csv]), columns)]);
    for (result, code, message) in [
        (
            typed(&[("v", "int")]),
            "E0752",
            "a.csv, line 4: column `v` is declared int, and `NA` is not one; correct the data, or declare the column text",
        ),
        (typed(&[("w", "int")]), "E0752", "a.csv: there is no column `w`, which is declared; there are `id`, `v`"),
        (
            typed(&[("v", "intt")]),
            "E0752",
            "column `v` is declared intt, which is no type; write one of: int, bigint, smallint, float, double, decimal(p, s), text, date, timestamp, timestamptz, time, boolean",
        ),
        (all(&empty), "E0751", "empty.csv: the file is empty; a CSV file has at least a header row with the columns' names"),
        (all(&latin), "E0751", "latin.csv, line 3: byte 1 of the row is not UTF-8; write the file as UTF-8"),
        (all(&json), "E0751", "b.jsonl, line 2: `a` is a list here, and was a plain value above; make them alike"),
        (all(&array), "E0751", "c.json, line 1: not a JSON object; a table in JSON has one object on each line"),
        (all(&broken), "E0751", "d.parquet: not a Parquet file that can be read (EOF: Parquet file too small. Size is 4 but need 8)"),
        (all(&folder.path("mixed")), "E0750", "input `t` mixes formats: mixed/a.csv and mixed/b.jsonl; one table has one format"),
        (all(&folder.path("none")), "E0750", "none holds no data file (.csv, .tsv, .jsonl, .ndjson, .json, each also .gz, or .parquet)"),
        (
            all(&folder.put("x.bam", "")),
            "E0750",
            "x.bam is not a table: its name says no format that can be read; use .csv, .tsv, .jsonl, .ndjson, .json (each also .gz) or .parquet",
        ),
        (query("SELECT id / 0 FROM t", &[input("t", &[&csv])]), "E0755", "the query failed: Divide by zero error"),
    ] {
        let error = result.unwrap_err();
        assert_eq!((error.code(), folder.message(&error).as_str()), (code, message));
    }
    let headed = folder.put("headed.csv", "a,b\n");
    assert_eq!(all(&headed).unwrap(), ["a|b"]);
}

#[test]
fn parquet_parts_are_joined_by_name() {
    let folder = Folder::new();
    let make = |name: &str, sql: &str| {
        run(sql, &[], &folder.path(name), Format::Parquet, &Limits::default()).unwrap();
        folder.path(name)
    };
    let (one, two) = (make("1.parquet", "SELECT 1 AS a, 'x' AS b"), make("2.parquet", "SELECT DATE '2024-01-01' AS c, 2 AS a"));
    let other = make("3.parquet", "SELECT 'text' AS a");
    assert_eq!(query("SELECT * FROM t", &[input("t", &[&one, &two])]).unwrap(), ["a|b|c", "1|x|", "2||2024-01-01"]);
    assert_eq!(query("SELECT c FROM t", &[input("t", &[&one, &two])]).unwrap(), ["c", "", "2024-01-01"]);
    assert_eq!(query("SELECT count(*) AS n FROM t", &[input("t", &[&one, &two])]).unwrap(), ["n", "2"]);
    let error = query("SELECT * FROM t", &[input("t", &[&one, &other])]).unwrap_err();
    assert_eq!(
        folder.message(&error),
        "column `a` is bigint in 1.parquet, but text in 3.parquet; make them agree, or give the classes apart"
    );
}

#[test]
fn output_columns_are_checked() {
    let folder = Folder::new();
    for (sql, format, message) in [
        ("SELECT 1 AS a, 2 AS a", Format::Parquet, "2 output columns are called `a`; name each apart with AS"),
        ("SELECT 1 AS \" \"", Format::Csv, "output column 1 has no name; name it with AS"),
        (
            "SELECT [1] AS a",
            Format::Csv,
            "output column `a` is bigint[], which CSV cannot hold; write Parquet or `format jsonl`, or make it text, as with `array_to_string(x, ';')`",
        ),
        (
            "SELECT INTERVAL '1 day' AS a",
            Format::Parquet,
            "output column `a` is interval(monthdaynano), which Parquet cannot hold; write it as a number, as in `extract(epoch FROM x)`, or as text with `CAST(x AS text)`",
        ),
    ] {
        let error = run(sql, &[], &folder.path("out"), format, &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!folder.path("out").exists());
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let folder = Folder::new();
    let sql = "SELECT * FROM (VALUES (1, 0.1, 'a,\"b\"\nc', DATE '2024-01-31', TIMESTAMP '2024-01-31T05:30:00.25', true), (2, 1e300, '', NULL, NULL, NULL), (NULL, NULL, NULL, NULL, NULL, false)) t(i, f, s, d, t, b)";
    let mut seen = Vec::new();
    for format in [Format::Parquet, Format::Csv, Format::Jsonl] {
        let path = folder.path(&format!("x.{}", format.extension()));
        let written = run(sql, &[], &path, format, &Limits::default()).unwrap();
        assert_eq!((written.rows, written.columns), (3, 6));
        seen.push(query("SELECT *, s IS NULL AS n FROM t", &[input("t", &[&path])]).unwrap());
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    let csv = std::fs::read_to_string(folder.path("x.csv")).unwrap();
    assert_eq!(csv, "i,f,s,d,t,b\n1,0.1,\"a,\"\"b\"\"\nc\",2024-01-31,2024-01-31T05:30:00.250,true\n2,1e300,\"\",,,\n,,,,,false\n");
    assert!(preview(&folder.path("x.parquet"), 2).unwrap().ends_with("3 rows, 6 columns"));
}

#[test]
fn parquet_says_who_made_it_and_nothing_that_varies() {
    let folder = Folder::new();
    let path = folder.path("x.parquet");
    run("SELECT arrow_cast('a', 'Utf8View') AS a, NULL AS b", &[], &path, Format::Parquet, &Limits::default()).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&path).unwrap()).unwrap();
    let file = reader.metadata().file_metadata();
    assert_eq!((file.created_by(), file.key_value_metadata()), (Some("formake"), None));
    assert!(reader.schema().fields().iter().all(|field| field.data_type() == &arrow::datatypes::DataType::Utf8));
}

/// The law of the room: same inputs, same bytes, whatever runs beside it.
#[test]
fn the_same_inputs_give_the_same_bytes() {
    let folder = Folder::new();
    let mut text = String::from("id,g,x\n");
    for i in 0..20_000_u64 {
        // A fixed sequence without order, of floats whose sum depends on theirs.
        let mixed = i.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17);
        text.push_str(&format!("{i},g{},{}\n", mixed % 701, (mixed % 1_000_003) as f64 / 7.0 * 10f64.powi((mixed % 13) as i32 - 6)));
    }
    let (one, two) = (folder.put("one.csv", &text), folder.put("two.csv", "g,w\ng1,0.1\ng2,0.2\ng3,0.3\ng3,0.4\n"));
    let inputs = [input("t", &[&one, &one]), input("w", &[&two])];
    let queries = [
        "SELECT g, sum(x) AS s, avg(x) AS a, stddev(x) AS d, count(DISTINCT id) AS n, sum(DISTINCT x) AS sd FROM t GROUP BY g",
        "SELECT sum(x) AS s FROM (SELECT x FROM t UNION ALL SELECT w FROM w UNION ALL SELECT x FROM t WHERE id % 3 = 0)",
        "SELECT g, x FROM t WHERE id < 9000 UNION ALL SELECT g, w FROM w UNION ALL SELECT g, -x FROM t",
        "SELECT g FROM t UNION SELECT g FROM w",
        "SELECT DISTINCT g, id % 5 AS k FROM t",
        "SELECT a.g, a.id, b.w FROM t a JOIN w b USING (g)",
        "SELECT a.g, sum(a.x * b.w) AS s FROM t a LEFT JOIN w b ON a.g = b.g GROUP BY 1 ORDER BY s",
        "SELECT id, sum(x) OVER (PARTITION BY g ORDER BY id ROWS 5 PRECEDING) AS s, rank() OVER (ORDER BY g) AS r FROM t",
        "SELECT g, array_agg(DISTINCT id % 7) AS a, string_agg(CAST(id % 3 AS text), ',') AS s FROM t GROUP BY g",
        "SELECT g FROM t ORDER BY x LIMIT 50",
        "SELECT g FROM t EXCEPT SELECT g FROM w",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 50) SELECT n, count(*) AS c FROM r, t WHERE t.id = r.n GROUP BY n",
    ];
    let make = |thread: usize, at: usize| {
        let path = folder.path(&format!("{thread}-{at}.parquet"));
        run(queries[at], &inputs, &path, Format::Parquet, &Limits::default()).unwrap();
        std::fs::read(path).unwrap()
    };
    let runs: Vec<Vec<Vec<u8>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let make = &make;
                let len = queries.len();
                // Each thread in another order.
                scope.spawn(move || {
                    let mut made = vec![Vec::new(); len];
                    for step in 0..len {
                        let at = (step + thread * 5) % len;
                        made[at] = make(thread, at);
                    }
                    made
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (at, sql) in queries.iter().enumerate() {
        assert!(runs[0][at] == runs[1][at] && runs[0][at] == runs[2][at], "{sql}");
    }
}

#[test]
fn unions_keep_the_order_of_their_branches() {
    let sql = "SELECT * FROM (SELECT 3 AS a UNION ALL SELECT 1 UNION ALL SELECT * FROM generate_series(5, 6) UNION ALL SELECT 2)";
    assert_eq!(query(sql, &[]).unwrap(), ["a", "3", "1", "5", "6", "2"]);
    assert_eq!(query(&format!("{sql} LIMIT 2"), &[]).unwrap(), ["a", "3", "1"]);
    assert_eq!(query(&format!("{sql} ORDER BY a DESC LIMIT 1"), &[]).unwrap(), ["a", "6"]);
}

#[test]
fn little_memory_spills_or_says_so() {
    let folder = Folder::new();
    let limits = Limits { memory: 12 << 20, spill: Some(folder.path("spill")), stop: None };
    let many = "SELECT value AS v, md5(CAST(value AS text)) AS m FROM generate_series(1, 200000)";
    let sorted = rows(&format!("SELECT m FROM ({many}) ORDER BY m"), &[], &limits, None).unwrap();
    assert_eq!(sorted.iter().map(|batch| batch.num_rows()).sum::<usize>(), 200_000);
    let error = rows(
        &format!("SELECT count(*) AS n FROM ({many}) a JOIN ({many}) b ON a.m = b.m"),
        &[],
        &Limits { memory: 1 << 20, ..limits },
        None,
    );
    assert_eq!(error.unwrap_err().code(), "E0756");
}

fn columns(made: &[Known]) -> Vec<String> {
    made.iter().map(|c| format!("{} {}{}", c.name, c.type_name(), if c.nullable { "?" } else { "" })).collect()
}

#[test]
fn what_a_query_would_give_is_what_it_gives() {
    let folder = Folder::new();
    let sales = input("sales", &[&folder.put("s.csv", "store,amount,day\nnyc,3,2024-01-01\n,4,2024-01-02\n")]);
    let made = folder.path("sales.parquet");
    let sql = "SELECT coalesce(store, '-') AS store, amount, CAST(amount AS decimal(12, 2)) AS exact, day, 1 AS one FROM sales";
    run(sql, std::slice::from_ref(&sales), &made, Format::Parquet, &Limits::default()).unwrap();
    let said = result(sql, &[KnownTable { name: "sales".into(), columns: known(&sales).unwrap() }], Format::Parquet).unwrap();
    assert_eq!(columns(&said), ["store text", "amount bigint?", "exact decimal(12, 2)?", "day date?", "one bigint"]);
    // Read from the file, a column without nulls is known to have none.
    let read = known(&input("made", &[&made])).unwrap();
    assert_eq!(columns(&read), ["store text", "amount bigint", "exact decimal(12, 2)", "day date", "one bigint"]);
    let of = |sql: &str| result(sql, &[KnownTable { name: "t".into(), columns: read.clone() }], Format::Parquet);
    assert_eq!(
        columns(&of("SELECT a.store, b.amount, sum(a.one) AS n, count(*) AS c FROM t a LEFT JOIN t b USING (day) GROUP BY 1, 2").unwrap()),
        ["store text", "amount bigint?", "n bigint?", "c bigint"]
    );
    assert_eq!(columns(&of("SELECT * FROM t WHERE store = 'x' ORDER BY amount DESC LIMIT 3").unwrap()).len(), 5);
}

#[test]
fn what_does_not_fit_is_said_without_rows() {
    let column = |name: &str, ty: &str| Column { name: name.into(), ty: ty.into() };
    let table = KnownTable {
        name: "t".into(),
        columns: super::columns::declared(&[column("id", "int"), column("v", "text"), column("gone soon", "date")]).unwrap(),
    }
    .with_dimensions(&[("id".into(), Type::Text), ("date".into(), Type::Time(Precision::Day))]);
    assert_eq!(columns(&table.columns), ["id int?", "v text?", "gone soon date?", "date date?"]);
    let of = |sql: &str, format| result(sql, std::slice::from_ref(&table), format);
    let message = |sql: &str| of(sql, Format::Parquet).unwrap_err().to_string();
    assert_eq!(
        message("SELECT t.w FROM t"),
        "there is no column `t.w`; did you mean `t.v`? there are `t.id`, `t.v`, `t.gone soon`, `t.date`"
    );
    assert_eq!(message("SELECT id FROM u"), "there is no table `u`; there are `t`");
    assert_eq!(of("SELECT v - date AS x FROM t", Format::Parquet).unwrap_err().code(), "E0754");
    assert_eq!(of("SELECT id, id FROM t", Format::Parquet).unwrap_err().code(), "E0757");
    assert_eq!(of("SELECT array_agg(id) AS ids FROM t", Format::Csv).unwrap_err().code(), "E0757");
    // What is written as CSV is read by its looks.
    let sql = "SELECT id, CAST(id AS decimal(9, 2)) AS d, date, v FROM t";
    let seen: Vec<Known> = of(sql, Format::Csv).unwrap().into_iter().map(|c| c.read_from(Format::Csv)).collect();
    assert_eq!(columns(&seen), ["id bigint?", "d double?", "date date?", "v text?"]);
    assert!(seen.iter().all(|column| !column.exact));
}

#[test]
fn a_person_may_ask_the_clock_and_nothing_but_tables() {
    let folder = Folder::new();
    let t = input("t@2024-01-01:prod", &[&folder.put("t.csv", "id,v\n1,2\n2,\n")]);
    let sql = "select id, v, now() > date '2024-01-01' as later\nfrom \"t@2024-01-01:prod\" where \"t@2024-01-01:prod\".v is null or random() < 1";
    let question = Question::read(sql).unwrap();
    let named: Vec<_> = question.tables().map(|(name, place)| (name, &sql[place])).collect();
    assert_eq!(named, [("t@2024-01-01:prod", "\"t@2024-01-01:prod\"")]);
    let cells = question.cells(std::slice::from_ref(&t), &Limits::default(), Some(1)).unwrap();
    assert_eq!((cells.numbers, cells.rows), (vec![true, true, false], vec![vec![Some("1".into()), Some("2".into()), Some("true".into())]]));
    for (sql, code) in
        [("copy t to 'x.csv'", "E0451"), ("select * from read_csv('x')", "E0452"), ("select input_file_name() from t", "E0453")]
    {
        assert_eq!(Question::read(sql).err().map(|problem| problem.code()), Some(code), "{sql}");
    }
    let stop = Some(std::sync::Arc::new(true.into()));
    assert_eq!(question.cells(&[t], &Limits { stop, ..Limits::default() }, None), Err(TableError::Stopped));
}

#[test]
fn columns_that_are_not_asked_for_are_not_read() {
    let folder = Folder::new();
    let many = input("t", &[&folder.put("t.csv", "a,b\n1,x\n2,y\n")]);
    let path = folder.path("t.parquet");
    run("SELECT * FROM t", &[many], &path, Format::Parquet, &Limits::default()).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let (start, length) = reader.metadata().row_group(0).column(1).byte_range();
    bytes[start as usize..(start + length) as usize].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let ask = |sql: &str| query(sql, &[input("t", &[&path])]);
    assert_eq!(ask("select sum(a) as s, count(*) as n from t where a > 1").unwrap()[1..], ["2|1"]);
    assert_eq!(ask("select b from t").unwrap_err().code(), "E0751");
}
