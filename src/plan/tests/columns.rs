//! The laws of columns: what goes, who reads it, and what cannot be told.

use super::{Case, case, told};
use insta::assert_snapshot;

const PIPELINE: &str = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"

(raw, <DATE>, prod, dl) -> (clean, <DATE>, prod, dl) { sql """select id, region from raw""" }

(clean, <DATE>, prod, dl) -> (copies, <DATE>, prod, dl) { sql """select * from clean""" }

(copies, <DATE>, prod, dl) -> (report, <DATE>, prod, dl) { sql """select id, amount * 2 as twice from copies""" }

(clean, <DATE>, prod, dl) -> (model, <DATE>, prod, dl) {
    run """
        echo training
        python3 jobs/train.py in/clean.parquet amount > {{ output }}
    """
    uses "jobs/train.py"
}

(clean, <DATE>, prod, dl) + (raw, <DATE>, prod, dl) -> (joined, <DATE>, prod, dl) {
    sql """select clean.id, raw.amount from clean join raw on clean.id = raw.id"""
}
"#;

fn dropped(targets: &[&str]) -> Case {
    case(PIPELINE, targets)
        .source("raw", "id bigint, region text, amount double")
        .holds("clean", "id bigint, region text, amount double")
        .holds("copies", "id bigint, region text, amount double, date date")
        .holds("report", "id bigint, twice double")
        .holds("joined", "id bigint, amount double")
        .holds("model", "")
        .file("jobs/train.py", "import csv\nfor row in rows:\n    total += row['amount']\n    amounts = 1\n")
}

#[test]
fn a_contract_is_held_to_as_a_reader_is() {
    let contract = "apiVersion: v3.1.0\nkind: DataContract\nid: clean\nversion: 1.0.0\nstatus: active\nschema:\n  - name: clean\n    properties:\n      \
                    - {name: id, logicalType: integer, required: true}\n      - {name: amount, logicalType: number}\n";
    let told = told(&dropped(&["clean@2024-01-01"]).file("contracts/clean.yaml", contract).breaks(&["clean"], &["clean"]));
    let of_contract: Vec<&str> = told.lines().filter(|line| line.contains("contracts/")).collect();
    assert_eq!(of_contract, ["would break: clean at contracts/clean.yaml:10 for clean: amount: the recipe gives no column `amount`"]);
}

#[test]
fn a_dropped_column_is_followed_to_all_who_read_it() {
    // All of it planned.
    let targets = ["report@2024-01-01", "model@2024-01-01", "joined@2024-01-01"];
    let all = dropped(&targets).breaks(&["clean", "copies", "report", "model", "joined"], &["clean"]);
    assert_snapshot!(told(&all), @r"
    clean (clean@2024-01-01:pr-1/dl): -amount double
    copies (copies@2024-01-01:pr-1/dl): -amount double
    would break: report at pipeline.formula:8 for copies: amount: there is no column `amount`; there are `id`, `region`, `date`
    may break: model at pipeline.formula:10 for clean: mentions amount (jobs/train.py:3, pipeline.formula:13)
    ");
    // One class planned, the others read it.
    let one = dropped(&["clean@2024-01-01"]).breaks(&["clean"], &["clean"]);
    assert_snapshot!(told(&one), @r"
    clean (clean@2024-01-01:pr-1/dl): -amount double
    copies (later): -amount double
    would break: report at pipeline.formula:8 for copies, not planned: amount: there is no column `amount`; there are `id`, `region`, `date`
    may break: model at pipeline.formula:10 for clean, not planned: mentions amount (jobs/train.py:3, pipeline.formula:13)
    ");
    assert!(all.would_break() && one.would_break());
}

#[test]
fn who_reads_only_what_stays_does_not_break() {
    let case = dropped(&["joined@2024-01-01", "copies@2024-01-01"]).holds("clean", "id bigint, region text, amount double, other int");
    let text = case.text.replace("select id, region from raw", "select id, region, amount from raw");
    let case = Case { program: super::case(&text, &["joined@2024-01-01"]).program, text, ..case };
    assert_snapshot!(told(&case.breaks(&["clean", "copies", "joined"], &["clean"])), @"clean (clean@2024-01-01:pr-1/dl): -other int");
}

#[test]
fn types_are_compared_where_they_are_kept() {
    let formulas = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (a, <DATE>, prod, dl) { sql """select id, cast(n as text) as n, region from raw""" }
(raw, <DATE>, prod, dl) -> (b, <DATE>, prod, dl) {
    sql """select id, cast(n as text) as n, cast(n as decimal(9, 2)) as price from raw"""
    format csv
}
(a, <DATE>, prod, dl) -> (c, <DATE>, prod, dl) { sql """select n + 1 as more, region from a""" }
(b, <DATE>, prod, dl) -> (d, <DATE>, prod, dl) { sql """select price + 1 as more, n + 1 as x from b""" }
"#;
    let case = case(formulas, &["c@2024-01-01", "d@2024-01-01"])
        .source("raw", "id bigint, region text, n bigint")
        .holds("a", "id bigint, n bigint, region text")
        .made_by("a", "select id, n, coalesce(region, '') as region from raw")
        .holds("b", "id bigint, n bigint, price double")
        .holds("c", "more bigint, region text")
        .holds("d", "more double, x int");
    assert_snapshot!(told(&case.breaks(&["a", "b", "c", "d"], &["a", "b"])), @r"
    a (a@2024-01-01:pr-1/dl): n bigint -> text, region may be null
    would break: c at pipeline.formula:8 for a: n: the query cannot be run: Cannot coerce arithmetic expression Utf8 + Int64 to valid types
    ");
    let case = case.made_by("b", "select id, n, cast(n as decimal(9, 2)) as price from raw");
    assert_snapshot!(told(&case.breaks(&["b"], &["b"])), @r#"
    b (b@2024-01-01:pr-1/dl): n bigint -> text
    unchecked: pipeline.formula:9 for b: Guessed { why: "the query cannot be run: Cannot coerce arithmetic expression Utf8 + Int64 to valid types" }
    "#);
}

#[test]
fn what_cannot_be_told_is_said() {
    let formulas = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (a, <DATE>, prod, dl) { run "cp {{ inputs.raw }} {{ output }}" }
(a, <DATE>, prod, dl) -> (b, <DATE>, prod, dl) { sql """select id from a""" }
(raw, <DATE>, prod, dl) -> (c, <DATE>, prod, dl) { sql """select id from raw""" }
(c, <DATE>, prod, dl) -> (d, <DATE>, prod, dl) { sql """select wrong from c""" }
(c, <DATE>, prod, dl) -> (e, <DATE>, prod, dl) { sql """select {{ c.hash[:x] }} from c""" }
"#;
    let mut case = case(formulas, &["b@2024-01-01", "c@2024-01-01"])
        .source("raw", "id bigint, v text")
        .holds("a", "id bigint")
        .holds("b", "id bigint")
        .holds("c", "id bigint, v text");
    assert_snapshot!(told(&case.breaks(&["a", "b", "c"], &["a", "c"])), @r#"
    c (c@2024-01-01:pr-1/dl): -v text
    unchecked: pipeline.formula:3 for a: Command
    unchecked: pipeline.formula:6 for c: NeverFitted { why: "there is no column `wrong`; there are `id`, `date`" }
    unchecked: pipeline.formula:7 for c: Template { why: "it depends on values that only a job has" }
    "#);
    // The source's bytes are gone, and the base's are no table.
    case.sources.clear();
    case = case.holds("b", "");
    assert_snapshot!(told(&case.breaks(&["b", "c"], &["b", "c"])), @r#"
    unchecked: pipeline.formula:4 for b: NoTable { why: "model.bin is not a table" }
    unchecked: pipeline.formula:5 for c: Input { name: "raw", because: BytesGone }
    "#);
}

#[test]
fn a_changed_query_that_does_not_fit_is_told_once() {
    let formulas = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (a, <DATE>, prod, dl) { sql """select id from raw""" }
(a, <DATE>, prod, dl) -> (b, <DATE>, prod, dl) { sql """select id, v, 1 as one from a""" }
(b, <DATE>, prod, dl) -> (c, <DATE>, prod, dl) { sql """select id from b""" }
(raw, <DATE>, prod, dl) -> (d, <DATE>, prod, dl) { sql """select mistake from raw""" }
"#;
    let case = case(formulas, &["c@2024-01-01", "d@2024-01-01"])
        .source("raw", "id bigint, v text")
        .holds("a", "id bigint, v text")
        .holds("b", "id bigint, v text")
        .holds("c", "id bigint");
    assert_snapshot!(told(&case.breaks(&["a", "b", "c", "d"], &["a", "b", "d"])), @r"
    a (a@2024-01-01:pr-1/dl): -v text
    would break: b at pipeline.formula:4 for a: v: there is no column `v`; there are `id`, `date`
    would break: d at pipeline.formula:6 for itself: mistake: there is no column `mistake`; there are `id`, `v`, `date`
    ");
}

#[test]
fn a_rolling_table_begins_somewhere() {
    let formulas = r#"
source (changes, <DATE>, prod, dl) from "raw/<DATE>.csv"
(kept, <DATE-1d>, prod, dl)? + (changes, <DATE>, prod, dl) -> (kept, <DATE>, prod, dl) {
    since 2024-01-01
    sql   """select id, z from changes {% if inputs.kept %} union all select id, z from kept {% endif %}"""
}
(kept, <DATE>, prod, dl) -> (last, <DATE>, prod, dl) { sql """select id, v from kept""" }
"#;
    let case = case(formulas, &["kept@2024-01-03"])
        .source("changes", "id bigint, z text, v text")
        .holds("kept", "id bigint, v text")
        .holds("last", "id bigint, v text");
    assert_snapshot!(told(&case.breaks(&["kept"], &["kept"])), @r"
    kept (kept@2024-01-03:pr-1/dl): -v text, +z text
    would break: last at pipeline.formula:7 for kept, not planned: v: there is no column `v`; there are `id`, `z`, `date`
    ");
}

#[test]
fn parts_of_one_input_may_have_different_columns() {
    let formulas = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <D in DATE-2d..DATE>, prod, dl) -> (a, <DATE>, prod, dl) { sql """select id, extra from raw""" }
"#;
    let case = case(formulas, &["a@2024-01-03"]).source("raw", "id bigint").holds("a", "id bigint");
    let plain = told(&case.breaks(&["a"], &["a"]));
    assert_snapshot!(plain, @"would break: a at pipeline.formula:3 for itself: extra: there is no column `extra`; there are `id`, `date`");
    assert_snapshot!(told(&case.file_of("raw@2024-01-01", "id bigint, extra text").breaks(&["a"], &["a"])), @"a (a@2024-01-03:pr-1/dl): +extra text");
}
