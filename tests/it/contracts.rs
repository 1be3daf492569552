//! What contracts forbid nobody gets: outputs, reuse, publications, promotions; and what they only warn of is said.

use crate::support::Project;

const FORMULAS: &str = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (clean, <DATE>, prod, dl) + (beside, <DATE>, prod, dl) {
    run "cp {{ inputs.raw }} {{ outputs.clean }}; echo beside > {{ outputs.beside }}"
    format csv
}
(clean, <DATE>, prod, dl) -> (report, <DATE>, prod, dl) { sql """select sum(n) as n from clean""" }
source (goals, prod, dl)
(raw, <DATE>, prod, dl) -> (model, <DATE>, prod, dl) {
    run "printf '{\"auc\": %s}' {{ params.auc }} > {{ output }}"
    file "model.json"
    param auc = 0.8
}
"#;

fn contract(class: &str, properties: &str, quality: &str) -> String {
    format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: {class}\nname: {class}\nversion: 1.0.0\nstatus: active\nschema:\n  - name: {class}\n\
         {properties}{quality}"
    )
}

const N: &str =
    "    properties:\n      - name: n\n        logicalType: integer\n        required: true\n        logicalTypeOptions: {maximum: 10}\n";

fn project() -> Project {
    let settings = "targets: [report]\nrepositories: { dl: { root: lake } }\nlabels: { prod: {}, \"pr-*\": { base: prod } }\n";
    let clean = contract("clean", N, "");
    Project::new(&[
        ("formake.yaml", settings),
        ("pipeline.formula", FORMULAS),
        ("contracts/clean.yaml", &clean),
        ("raw/2024-01-01.csv", "n\n1\n2\n"),
        ("raw/2024-01-02.csv", "n\n3\n"),
    ])
}

#[test]
fn an_output_that_breaks_its_contract_is_quarantined() {
    let project = project();
    project.formake("build").ended(0);
    let before = project.contents();
    project.write("raw/2024-01-01.csv", "n\n1\n11\n");
    let ran = project.formake("build").ended(1);
    assert!(ran.stdout.contains("n: maximum  1 of 2 cells is above 10; none may be"), "{}", ran.text());
    assert!(ran.stdout.contains("row 2: 11"), "{}", ran.text());
    assert!(ran.stdout.contains("Failed: 1 failed, 1 blocked"), "{}", ran.text());
    assert_eq!(project.contents(), before, "what stood before stands, the other output's too");
    // Kept to be looked at, and for nothing else.
    let listed = project.formake("ls --quarantined --json").ended(0).json();
    let classes: Vec<&str> =
        listed["quarantined"].as_array().expect("a list").iter().filter_map(|q| q["snapshot"]["identity"].as_str()).collect();
    assert_eq!(classes, ["clean@2024-01-01:prod/dl", "beside@2024-01-01:prod/dl"]);
    let shown = project.formake("show clean@2024-01-01 --quarantined").ended(0);
    assert!(shown.stdout.contains("quarantined: it breaks contracts/clean.yaml: n: maximum"), "{}", shown.text());
    // Asked for again, it is made again, and refused again; under another label too.
    project.formake("build report@2024-01-01").ended(1);
    project.formake("build report@2024-01-01 --label pr-1 --fresh").ended(1);
    assert_eq!(project.contents(), before);
    let why = project.formake("why clean@2024-01-01");
    assert!(why.text().contains("it breaks contracts/clean.yaml"), "{}", why.text());
    // A contract that asks less lets it through.
    project.edit("contracts/clean.yaml", "maximum: 10", "maximum: 100");
    project.formake("build").ended(0);
    assert_eq!(project.shell("cat $(formake path clean@2024-01-01)").stdout, "n\n1\n11\n");
}

#[test]
fn a_warning_lets_it_pass_and_is_said() {
    let project = project();
    let rule = "        quality:\n          - {metric: invalidValues, arguments: {validValues: [1, 2]}, mustBe: 0, severity: warning}\n";
    project.write("contracts/clean.yaml", &contract("clean", &format!("{N}{rule}"), ""));
    let ran = project.formake("build -j 1").ended(0);
    assert!(ran.stdout.contains("warning clean@2024-01-02:prod/dl  its contract warns:"), "{}", ran.text());
    assert!(ran.stdout.contains("1 warning, in"), "{}", ran.text());
    let shown = project.formake("show clean@2024-01-02").ended(0);
    assert!(shown.stdout.contains("Contract: "), "{}", shown.text());
    project.formake("contract check clean").ended(0);
    let told = project.formake("contract check clean@2024-01-02 --json").ended(0).json();
    let verdicts = told["checked"][0]["verdicts"].as_array().expect("verdicts").clone();
    assert!(verdicts.iter().any(|v| v["outcome"] == "failed" && v["severity"] == "warning" && v["found"] == 1.0), "{told}");
}

#[test]
fn what_stands_is_held_to_the_contract_as_it_is_now() {
    let project = project();
    project.formake("build").ended(0);
    let before = project.contents();
    project.edit("contracts/clean.yaml", "maximum: 10", "maximum: 1");
    project.formake("plan --exit-code").ended(0);
    let checked = project.formake("contract check clean").ended(1);
    assert!(checked.stdout.contains("2 snapshots checked, 2 of them broken"), "{}", checked.text());
    assert_eq!(project.contents(), before, "no pointer moves");
    let known = project.formake("contract check clean:pr-1").ended(1);
    assert!(known.stdout.contains("clean@2024-01-01:pr-1/dl"), "{}", known.text());
    // What an earlier contract let through is not taken for another identity.
    project.shell("formake invalidate clean@2024-01-01 --because old --yes").ended(0);
    assert!(project.formake("build report@2024-01-01").ended(1).stdout.contains("maximum"), "made again, and refused");
}

#[test]
fn what_is_used_again_is_looked_at_first() {
    let project = project();
    let source = |n: u32| project.write("raw/2024-01-01.csv", &format!("n\n{n}\n"));
    let builds: Vec<_> = [10, 3, 4].into_iter().map(|n| (source(n), project.formake("build").ended(0)).1).collect();
    assert!(builds[2].stdout.contains("2 made"), "{}", builds[2].text());
    let before = project.contents();
    project.edit("contracts/clean.yaml", "maximum: 10", "maximum: 5");
    // Made under an earlier contract that let it through: it is made again instead, and refused.
    source(10);
    let refused = project.formake("build").ended(1);
    assert!(refused.stdout.contains("n: maximum  1 of 1 cell is above 5"), "{}", refused.text());
    assert_eq!(project.contents(), before);
    source(10);
    project.formake("build").ended(1);
    // Good under both: used again.
    source(3);
    let again = project.formake("build").ended(0);
    assert!(again.stdout.contains("2 reused"), "{}", again.text());
}

#[test]
fn a_publication_is_held_to_its_contract() {
    let project = project();
    project.write("contracts/goals.yaml", &contract("goals", N, ""));
    project.write("bad.csv", "n\nmany\n");
    project.write("good.csv", "n\n5\n");
    let refused = project.formake("publish goals bad.csv").ended(1);
    assert!(refused.stderr.contains("E1060") && refused.stderr.contains("many"), "{}", refused.text());
    project.formake("path goals").ended(5);
    project.formake("publish goals good.csv").ended(0);
    let missing = project.formake("contract check report").ended(2);
    assert!(missing.stderr.contains("E1063") && missing.stderr.contains("contracts/report.yaml"), "{}", missing.text());
}

#[test]
fn a_model_that_is_worse_is_not_promoted() {
    let project = project();
    let rule = "    quality:\n      - name: no worse than prod\n        type: custom\n        engine: formake\n        implementation: {metric: number, \
                pointer: /auc, against: {label: prod}, mustBeGreaterOrEqualTo: -0.01}\n";
    project.write("contracts/model.yaml", &contract("model", "", rule));
    project.formake("check").ended(0);
    project.formake("build model@2024-01-01").ended(0);
    project.edit("pipeline.formula", "auc = 0.8", "auc = 0.7");
    let ran = project.formake("build model@2024-01-01 --label pr-1").ended(1);
    assert!(ran.stdout.contains("0.7, and `prod` has 0.8"), "{}", ran.text());
    project.edit("pipeline.formula", "auc = 0.7", "auc = 0.85");
    project.formake("build model@2024-01-01 --label pr-1").ended(0);
    // Meanwhile another one went ahead.
    project.edit("pipeline.formula", "auc = 0.85", "auc = 0.9");
    project.formake("build model@2024-01-01 --label pr-2").ended(0);
    project.formake("promote model@2024-01-01 --from pr-2 --to prod").ended(0);
    project.edit("pipeline.formula", "auc = 0.9", "auc = 0.85");
    let refused = project.formake("promote model@2024-01-01 --from pr-1 --to prod").ended(1);
    assert!(refused.stderr.contains("E1061") && refused.stderr.contains("0.85, and `prod` has 0.9"), "{}", refused.text());
}

#[test]
fn a_contract_decides_how_a_query_reads_text() {
    let project = project();
    let zip = "    properties:\n      - {name: n, logicalType: string}\n";
    project.write("contracts/clean.yaml", &contract("clean", zip, ""));
    project.edit("pipeline.formula", "select sum(n) as n from clean", "select max(n) as n from clean");
    project.write("raw/2024-01-01.csv", "n\n007\n06\n");
    project.formake("build report@2024-01-01").ended(0);
    let asked = project.formake("query 'select n from \"report@2024-01-01\"' --format csv").ended(0);
    assert_eq!(asked.stdout, "n\n06\n", "as texts, the last of them");
    // JSON may lack a column that is not required: the contract allows it, and so must the query.
    let formulas = "\nsource (events, prod, dl) from \"raw/events.jsonl\"\n(events, prod, dl) -> (counted, prod, dl) { sql \"\"\"select count(*) as n, max(id) as id from events\"\"\" }\n";
    project.write("pipeline.formula", &format!("{FORMULAS}{formulas}"));
    let columns = "    properties:\n      - {name: id, logicalType: string, required: true}\n      - {name: note, logicalType: string}\n";
    project.write("contracts/events.yaml", &contract("events", columns, ""));
    project.write("raw/events.jsonl", "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
    project.formake("build counted").ended(0);
}

#[test]
fn what_is_quarantined_is_never_left_out_silently() {
    let project = project();
    let formulas = "\n(raw, <any DATE in MONTH>, prod, dl) -> (month, <MONTH: month>, prod, dl) { run \"cat {{ inputs.raw }} > {{ output }}\" }\n\
                    (raw, <latest D in DATE-3d..DATE>, prod, dl) -> (newest, <DATE>, prod, dl) { run \"cat {{ inputs.raw }} > {{ output }}\" }\n\
                    (raw, <DATE>, prod, dl)? + (goals, prod, dl) -> (maybe, <DATE>, prod, dl) { run \"cat {{ inputs.goals }} > {{ output }}\" }\n";
    project.write("pipeline.formula", &format!("{FORMULAS}{formulas}"));
    project.write("contracts/raw.yaml", &contract("raw", N, ""));
    project.write("goals.csv", "n\n5\n");
    project.formake("publish goals goals.csv").ended(0);
    project.formake("build month@2024-01").ended(0);
    let before = project.contents();
    project.write("raw/2024-01-02.csv", "n\n99\n");
    for target in ["month@2024-01", "newest@2024-01-02", "maybe@2024-01-02", "month --available"] {
        let ran = project.formake(&format!("build {target}")).ended(5);
        assert!(ran.text().contains("1 of 1 cell is above 10"), "{target}: {}", ran.text());
    }
    assert_eq!(project.contents(), before);
}
