//! Data that arrives broken, in every way that we could think of: each is caught or named with its verdict, nobody can read any of it, and
//! what stood before stands.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::Project;

const FORMULAS: &str = r#"
source (readings, <DATE>, prod, dl) from "raw/readings/<DATE>.csv"
source (packed, <DATE>, prod, dl) from "raw/packed/<DATE>.csv.gz"
source (events, <DATE>, prod, dl) from "raw/events/<DATE>.jsonl"
source (trips, <DATE>, prod, dl) from "raw/trips/<DATE>.parquet"

(readings, <DATE>, prod, dl) -> (daily, <DATE>, prod, dl) {
    sql """select station, count(*) as readings from readings group by station order by station"""
}
(packed, <DATE>, prod, dl) -> (unpacked, <DATE>, prod, dl) { sql """select count(*) as n from packed""" }
(events, <DATE>, prod, dl) -> (counted, <DATE>, prod, dl) { sql """select count(*) as n from events""" }
(trips, <DATE>, prod, dl) -> (length, <DATE>, prod, dl) { sql """select count(*) as n from trips""" }

# Makes the Parquet that the tests break.
(seed, prod, dl) -> (made, prod, dl) { sql """select id, km, city from seed""" }
source (seed, prod, dl) from "raw/seed.csv" { columns (id int, km double, city text) }
(seed, prod, dl) -> (retyped, prod, dl) { sql """select cast(id as text) || 'x' as id, km, city from seed""" }
"#;

const READINGS: &str = r"
apiVersion: v3.1.0
kind: DataContract
id: readings
name: readings
version: 1.0.0
status: active
schema:
  - name: readings
    logicalType: object
    properties:
      - {name: id, logicalType: integer, required: true, unique: true}
      - name: station
        logicalType: string
        required: true
        logicalTypeOptions: {pattern: '^[A-Z]{3}$', maxLength: 3}
        quality:
          - {type: library, metric: invalidValues, arguments: {validValues: [AAA, BBB, CCC, DDD]}, mustBe: 0}
          - type: custom
            engine: formake
            implementation: {metric: newValues, minimumHistory: 2, mustBe: 0}
      - {name: at, logicalType: timestamp, required: true}
      - name: value
        logicalType: number
        logicalTypeOptions: {minimum: -50, maximum: 60}
        quality:
          - type: custom
            engine: formake
            implementation: {metric: psi, minimumHistory: 2, mustBeLessThan: 0.5}
          - type: custom
            engine: formake
            implementation: {metric: nullShare, minimumHistory: 2, mustBeLessThan: 0.2}
    quality:
      - {type: library, metric: rowCount, mustBeGreaterThan: 0}
      - type: sql
        description: every hour has a reading
        query: select count(distinct date_part('hour', at)) from ${object}
        mustBe: 24
      - type: custom
        engine: formake
        implementation: {metric: rowCount, minimumHistory: 2, mustBeBetween: [-0.5, 0.5]}
";

const OTHERS: [(&str, &str); 3] = [
    ("packed", "      - {name: id, logicalType: integer, required: true}\n      - {name: text, logicalType: string}\n"),
    (
        "events",
        "      - {name: id, logicalType: integer, required: true}\n      - name: who\n        logicalType: object\n        properties:\n          \
         - {name: mail, logicalType: string, required: true, logicalTypeOptions: {format: email}}\n",
    ),
    (
        "trips",
        "      - {name: id, logicalType: integer, required: true, unique: true}\n      - {name: km, logicalType: number, \
         logicalTypeOptions: {minimum: 0}}\n      - {name: city, logicalType: string}\n",
    ),
];

/// Four readings an hour of a day, all as they should be.
fn readings(day: &str) -> String {
    let mut text = String::from("id,station,at,value\n");
    for row in 0..96 {
        let station = ["AAA", "BBB", "CCC"][row % 3];
        let _ = writeln!(text, "{row},{station},{day}T{:02}:{:02}:00,{}.5", row / 4, row % 4 * 15, 10 + row % 17);
    }
    text
}

/// The same with a row (from 1) in another form.
fn with(day: &str, row: usize, line: &str) -> Vec<u8> {
    let text = readings(day);
    let mut lines: Vec<&str> = text.lines().collect();
    lines[row] = line;
    (lines.join("\n") + "\n").into_bytes()
}

fn each(day: &str, change: impl Fn(usize, &str) -> Option<String>) -> Vec<u8> {
    let text = readings(day);
    let lines = text.lines().enumerate().filter_map(|(row, line)| if row == 0 { Some(line.to_string()) } else { change(row, line) });
    (lines.collect::<Vec<_>>().join("\n") + "\n").into_bytes()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text).expect("packed");
    packed.finish().expect("packed")
}

/// What is wrong, the bytes, and what must be said of it.
type Case = (&'static str, Vec<u8>, &'static str);

fn of_csv(day: &str) -> Vec<Case> {
    let line = |text: &str| with(day, 7, text);
    let at = format!("{day}T01:30:00");
    let good = readings(day);
    let columns: Vec<&str> = good.lines().map(|line| line.rsplit_once(',').expect("columns").0).collect();
    let wide: String = (0..10_000).map(|column| format!("c{column},")).collect();
    vec![
        ("text in a column of whole numbers", line(&format!("six,AAA,{at},1.5")), "id"),
        ("a fraction in a column of whole numbers", line(&format!("6.5,AAA,{at},1.5")), "id"),
        ("text in a column of numbers", line(&format!("6,AAA,{at},warm")), "value"),
        ("no value where one is required", line(&format!(",AAA,{at},1.5")), "id"),
        ("a key that is there already", line(&format!("3,AAA,{at},1.5")), "id"),
        ("too big", line(&format!("6,AAA,{at},61")), "value"),
        ("too small", line(&format!("6,AAA,{at},-400")), "value"),
        ("none of the values that may be", line(&format!("6,EEE,{at},1.5")), "station"),
        ("another pattern", line(&format!("6,aaa,{at},1.5")), "station"),
        ("too long", line(&format!("6,AAAA,{at},1.5")), "station"),
        ("no time", line("6,AAA,yesterday,1.5"), "at"),
        ("a day that is none", line("6,AAA,2024-02-31T01:30:00,1.5"), "at"),
        ("a column that is missing", (columns.join("\n") + "\n").into_bytes(), "value"),
        ("a column with another name", good.replacen("value", "reading", 1).into_bytes(), "value"),
        ("a row with a field too few", line("6,AAA,1.5"), "line 8"),
        ("a row with a field too many", line(&format!("6,AAA,{at},1.5,1.5")), "line 8"),
        ("a quote that is never closed", line(&format!("6,\"AAA,{at},1.5")), "quote"),
        ("Latin-1", with(day, 7, "6,AAA,x,y").iter().map(|b| if *b == b'x' { 0xe4 } else { *b }).collect(), "UTF-8"),
        ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect(), "line"),
        ("a file without a byte", Vec::new(), "header"),
        ("a header and nothing else", b"id,station,at,value\n".to_vec(), "row"),
        ("an hour that is missing", each(day, |row, line| ((row - 1) / 4 != 9).then(|| line.to_string())), "every hour"),
        ("all rows twice", format!("{good}{}", good.split_once('\n').expect("rows").1).into_bytes(), "id"),
        ("the first half", each(day, |row, line| (row <= 40).then(|| line.to_string())), "every hour"),
        ("semicolons", good.replace(',', ";").into_bytes(), "id"),
        (
            "values that drift",
            each(day, |row, line| Some(line.rsplit_once(',').map_or(String::new(), |(l, _)| format!("{l},{}", 45 + row % 5)))),
            "psi",
        ),
        ("a station that was never there", each(day, |_, line| Some(line.replace("AAA", "DDD"))), "new"),
        (
            "many nulls at once",
            each(day, |row, line| {
                Some(if row % 2 == 0 { line.rsplit_once(',').map_or(String::new(), |(l, _)| format!("{l},")) } else { line.to_string() })
            }),
            "null",
        ),
        (
            "three times as many rows",
            {
                let more = (96..400).map(|row| format!("{row},AAA,{at},{}.5\n", 10 + row % 17)).collect::<String>();
                format!("{good}{more}").into_bytes()
            },
            "row count",
        ),
        ("ten thousand other columns", format!("{}\n{}\n", wide.trim_end_matches(','), ",".repeat(9_999)).into_bytes(), "id"),
        ("Parquet's bytes", b"PAR1\x15\x04\xff\xfe\x00PAR1".to_vec(), "UTF-8"),
        ("a web page", b"<html><body>503 Service Unavailable</body></html>\n".to_vec(), "id"),
        ("not a number", line(&format!("6,AAA,{at},NaN")), "value"),
        ("nothing but zeros", vec![0; 4096], "id"),
    ]
}

fn of_others(day: &str, parquet: &[u8], retyped: &[u8]) -> Vec<(&'static str, String, Case)> {
    let packed = |case: Case| ("unpacked", format!("raw/packed/{day}.csv.gz"), case);
    let events = |case: Case| ("counted", format!("raw/events/{day}.jsonl"), case);
    let trips = |case: Case| ("length", format!("raw/trips/{day}.parquet"), case);
    let good = gzip(b"id,text\n1,a\n2,b\n");
    let event = |mail: &str| format!("{{\"id\":1,\"who\":{{\"mail\":{mail}}}}}\n").into_bytes();
    vec![
        packed(("plain text where it says gzip", b"id,text\n1,a\n".to_vec(), "gzip")),
        packed(("gzip that ends too early", good[..good.len() - 12].to_vec(), "deflate")),
        packed((
            "gzip with a byte changed",
            {
                let mut bad = good.clone();
                let at = bad.len() - 6;
                bad[at] ^= 0xff;
                bad
            },
            "gzip",
        )),
        packed(("gzip of gzip", gzip(&good), "UTF-8")),
        events(("a line that is no JSON", b"{\"id\":1}\n{\"id\":\n".to_vec(), "line 2")),
        events(("a number where an object should be", b"{\"id\":1,\"who\":5}\n".to_vec(), "who")),
        events(("a mail that is none", event("\"nobody\""), "who.mail")),
        events(("no mail", event("null"), "who.mail")),
        events(("a list where a row should be", b"[1,2]\n".to_vec(), "line 1")),
        trips(("Parquet that ends too early", parquet[..parquet.len() / 2].to_vec(), "trips")),
        trips((
            "Parquet with bytes changed",
            {
                let mut bad = parquet.to_vec();
                bad[10..40].fill(0xaa);
                bad
            },
            "trips",
        )),
        trips(("text where it says Parquet", b"id,km\n1,2\n".to_vec(), "Parquet")),
        trips(("a column of another type", retyped.to_vec(), "id")),
    ]
}

fn project() -> Project {
    let mut files: Vec<(String, String)> = vec![
        ("formake.yaml".into(), "targets: [daily]\nrepositories: { dl: { root: lake } }\n".into()),
        ("pipeline.formula".into(), FORMULAS.into()),
        ("contracts/readings.yaml".into(), READINGS.into()),
        (
            "raw/seed.csv".into(),
            format!("id,km,city\n{}", (0..200).map(|id| format!("{id},{}.5,city {}\n", id % 40, id % 7)).collect::<String>()),
        ),
    ];
    for (class, columns) in OTHERS {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: {class}\nname: {class}\nversion: 1.0.0\nstatus: active\nschema:\n  - name: {class}\n    \
             logicalType: object\n    properties:\n{columns}"
        );
        files.push((format!("contracts/{class}.yaml"), text));
    }
    for day in ["2024-01-01", "2024-01-02", "2024-01-03"] {
        files.push((format!("raw/readings/{day}.csv"), readings(day)));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    Project::new(&files)
}

/// A build of what is made from broken bytes is blocked, says what is wrong, and leaves nothing to be read.
fn refused(project: &Project, class: &str, path: &str, (what, bytes, said): &Case) -> Result<(), String> {
    let day = "2024-01-04";
    let file = project.root.join(path);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(&file, bytes).expect("written");
    let before = project.contents();
    let ran = project.formake(&format!("build {class}@{day}"));
    let text = ran.text();
    let hold = |holds: bool, why: &str| if holds { Ok(()) } else { Err(format!("{what}: {why}\n{text}")) };
    hold(ran.code == Some(5), "it is not blocked")?;
    hold(text.contains("quarantined") && text.contains(said), &format!("it does not say {said:?}"))?;
    hold(project.contents() == before, "something can be read")?;
    hold(project.formake(&format!("path {class}@{day}")).code == Some(5), "it has a path")?;
    // Asked again, it is known.
    let again = project.formake(&format!("plan {class}@{day}"));
    hold(again.code == Some(5) && again.text().contains("quarantined") && again.text().contains(said), &again.text())?;
    fs::remove_file(&file).expect("removed");
    Ok(())
}

#[test]
fn broken_sources_are_named_and_nobody_reads_them() {
    let project = project();
    project.formake("build daily@2024-01-01..2024-01-03 made retyped").ended(0);
    let bytes_of = |class: &str| fs::read(project.formake(&format!("path {class}")).ended(0).stdout.trim()).expect("bytes");
    let day = "2024-01-04";
    let cases = of_csv(day);
    let others = of_others(day, &bytes_of("made"), &bytes_of("retyped"));
    assert!(cases.len() + others.len() >= 40);
    let path = format!("raw/readings/{day}.csv");
    let all = cases.iter().map(|case| ("daily", &path, case)).chain(others.iter().map(|(class, path, case)| (*class, path, case)));
    let wrong: Vec<String> = all.filter_map(|(class, path, case)| refused(&project, class, path, case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Right bytes come through, and all that was refused is there to be looked at.
    project.write(&format!("raw/readings/{day}.csv"), &readings(day));
    project.formake(&format!("build daily@{day}")).ended(0);
    let quarantined = project.formake("ls --quarantined --json").ended(0).json()["quarantined"].as_array().map_or(0, Vec::len);
    assert_eq!(quarantined, cases.len() + others.len());
}

/// A gigabyte without a line's end: refused early, without a gigabyte of memory.
#[test]
fn a_line_without_an_end() {
    let project = project();
    project.formake("build daily@2024-01-01..2024-01-03").ended(0);
    let path = project.root.join("raw/readings/2024-01-04.csv");
    let mut file = fs::File::create(&path).expect("a file");
    file.write_all(b"id,station,at,value\n").expect("written");
    file.set_len(1 << 30).expect("grown");
    drop(file);
    let ran = project.formake("build daily@2024-01-04").ended(5);
    assert!(ran.text().contains("line 2"), "{}", ran.text());
}
