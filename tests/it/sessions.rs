//! Every command, as a terminal shows it: what it prints on both outputs, and its exit code where that is not 0.

mod asking;
mod blessing;
mod by_hand;
mod labels;
mod making;
mod permission;
mod query;
mod restating;
mod reading;
mod review;
mod promoting;
mod saved;

use std::collections::BTreeMap;
use std::io::Read;
use std::process::Stdio;

use insta::assert_snapshot;

use crate::support::{FORMAKE, Project};

/// `head` reads a file and no pipe: it stops early, and a pipe would break.
const FORMULAS: &str = r#"# Sales of two days, by store; and the month.
source (sales, <DATE>, prod, dl) from "raw/<DATE>.csv" { columns (store text, amount int) }

source (goals, <MONTH: month>, prod, dl) { doc "published by hand" }

(sales, <DATE>, prod, dl) -> (daily, <DATE>, prod, dl) {
    doc    "the day by store"
    sql    "jobs/daily.sql"
    format csv
}

(daily, <any DATE in MONTH>, prod, dl) -> (report, <MONTH: month>, prod, dl) {
    run    "echo summing up; cat {{ inputs.daily }} > all; head -n {{ params.lines }} all > {{ output }}"
    param  lines = 10
    format csv
}

(report, <MONTH>, prod, dl) + (goals, <MONTH>, prod, dl) -> (review, <MONTH>, prod, dl) {
    run "cat {{ inputs.report }} {{ inputs.goals }} > {{ output }}"
}
"#;

fn shop() -> Project {
    Project::new(&[
        ("formake.yaml", "targets: [report@2024-01]\nrepositories: { dl: { root: lake } }\n"),
        ("pipeline.formula", FORMULAS),
        ("jobs/daily.sql", "-- One row per store.\nselect store, sum(amount) as amount from sales group by store order by store\n"),
        ("raw/2024-01-01.csv", "store,amount\nnyc,3\nlon,4\nnyc,5\n"),
        ("raw/2024-01-02.csv", "store,amount\nlon,6\n"),
    ])
}

fn built() -> Project {
    let project = shop();
    project.formake("build -j 1").ended(0);
    project
}

#[test]
fn completions_and_manual_pages() {
    let project = Project::new(&[]);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = project.formake(&format!("completions {shell}")).ended(0).stdout;
        assert!(script.contains("formake") && script.contains("why-not"), "{shell}");
    }
    project.shell("formake completions bash | bash -n").ended(0);
    project.formake("man pages").ended(0);
    let page = project.read("pages/formake-build.1");
    assert!(page.contains(".TH formake-build 1") && page.contains("keep\\-going"), "{page}");
    assert!(project.formake("man").ended(0).stdout.contains(".TH formake 1"));
}

#[test]
fn every_json_document_names_its_schema() {
    let project = built();
    let commands = [
        "check",
        "plan",
        "build --dry-run",
        "why report@2024-01",
        "why-not review@2024-01",
        "ls",
        "show report@2024-01",
        "lineage report@2024-01",
        "diff report@2024-01",
        "history",
        "invalidate report@2024-01 --dry-run",
        "label ls",
        "label show prod",
        "gc --dry-run",
        "verify report@2024-01",
    ];
    let schemas: BTreeMap<_, _> =
        commands.map(|command| (command, project.formake(&format!("{command} --json")).json()["schema"].clone())).into();
    assert_snapshot!(schemas.iter().map(|(command, schema)| format!("{command}: {schema}\n")).collect::<String>(), @r#"
    build --dry-run: "formake.plan/1"
    check: "formake.check/1"
    diff report@2024-01: "formake.diff/1"
    gc --dry-run: "formake.gc/1"
    history: "formake.history/1"
    invalidate report@2024-01 --dry-run: "formake.invalidate/1"
    label ls: "formake.labels/1"
    label show prod: "formake.label/1"
    lineage report@2024-01: "formake.lineage/1"
    ls: "formake.ls/1"
    plan: "formake.plan/1"
    show report@2024-01: "formake.show/1"
    verify report@2024-01: "formake.verify/1"
    why report@2024-01: "formake.why/1"
    why-not review@2024-01: "formake.why/1"
    "#);
    let events = project.formake("build --json").ended(0).events();
    assert_eq!((&events[0]["schema"], &events[0]["event"]), (&"formake.events/1".into(), &"started".into()));
    assert_eq!(events.last().map(|event| &event["event"]), Some(&"summary".into()));
}

#[test]
fn exit_codes() {
    let project = shop();
    let code = |arguments: &str| project.formake(arguments).code;
    assert_eq!(code("build"), Some(0));
    assert_eq!(code("plan --exit-code"), Some(0));
    assert_eq!(code("plan daily@2024-01-03 --exit-code"), Some(5), "blocked comes before work");
    assert_eq!(code("build daily@2024-01-03"), Some(5));
    assert_eq!(code("build dayly@2024-01-03"), Some(2));
    assert_eq!(code("build --no-such-option"), Some(2));
    assert_eq!(code("build daily@@"), Some(2));
    assert_eq!(code("show review@2024-01"), Some(5));
    project.write("raw/2024-01-03.csv", "store,amount\nlon,1\n");
    assert_eq!(code("plan"), Some(0));
    assert_eq!(code("plan --exit-code"), Some(3));
    project.edit("pipeline.formula", "echo summing up", "false");
    assert_eq!(code("build"), Some(1));
    project.write("formake.yaml", "targetz: [report]\n");
    assert_eq!(code("plan"), Some(2));
}

#[test]
fn a_reader_that_goes_away_is_no_problem() {
    let project = shop();
    let mut child = project.command(FORMAKE).arg("explain").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("formake starts");
    drop(child.stdout.take());
    let mut complaint = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut complaint).expect("text");
    assert_eq!((child.wait().expect("it ends").code(), complaint.as_str()), (Some(0), ""));
    // A build goes on.
    let mut child = project.command(FORMAKE).arg("build").stdout(Stdio::piped()).spawn().expect("formake starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    project.formake("plan --exit-code").ended(0);
}

#[test]
fn from_anywhere() {
    let project = built();
    assert_snapshot!(project.session(
        "cd raw && formake plan
        formake -C raw plan
        cd raw && cat $(formake path daily@2024-01-02)
        cd .. && formake plan
        formake -C nowhere plan
        cd .. && formake -C project/raw path daily@2024-01-02 | xargs -I{} test -f {}"
    ), @r"
    $ cd raw && formake plan
    Nothing to do: all 3 are valid.
    $ formake -C raw plan
    Nothing to do: all 3 are valid.
    $ cd raw && cat $(formake path daily@2024-01-02)
    store,amount
    lon,6
    $ cd .. && formake plan
    error[E0901]: no project here: neither /outside nor any folder above has a formake.yaml or a pipeline.formula
     |
     = help: start one with `formake init`, or name its folder with `-C DIR`

    1 error
    [exit 2]
    $ formake -C nowhere plan
    error[E0902]: /project/nowhere is not a folder

    1 error
    [exit 2]
    $ cd .. && formake -C project/raw path daily@2024-01-02 | xargs -I{} test -f {}
    ");
}
