//! Every command, as a terminal shows it: what it prints on both outputs, and its exit code where that is not 0.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::Stdio;

use insta::assert_snapshot;

use crate::support::{FORMAKE, Project};

const FORMULAS: &str = r#"# Sales of two days, by store; and the month.
source (sales, <DATE>, prod, dl) from "raw/<DATE>.csv" { columns (store text, amount int) }

source (goals, <MONTH: month>, prod, dl) { doc "published by hand" }

(sales, <DATE>, prod, dl) -> (daily, <DATE>, prod, dl) {
    doc    "the day by store"
    sql    "jobs/daily.sql"
    format csv
}

(daily, <any DATE in MONTH>, prod, dl) -> (report, <MONTH: month>, prod, dl) {
    run    "echo summing up; cat {{ inputs.daily }} | head -n {{ params.lines }} > {{ output }}"
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
fn init() {
    let project = Project::new(&[]);
    assert_snapshot!(project.session(
        "formake init demo
        formake -C demo check
        formake -C demo build | tail -n 1
        formake -C demo plan
        cat $(formake -C demo path monthly_report@2024-01)
        formake init demo"
    ), @r"
    $ formake init demo
    A small project is in demo:

      formake.yaml               settings: where data lives, what is built by default
      pipeline.formula           what is made from what
      jobs/monthly_report.sql    a recipe in its own file
      raw/sales/2024-01-01.csv   data that comes from outside

    Type next:

      cd demo
      formake plan                            what would be made, and why
      formake build                           make it
      formake show monthly_report@2024-01     what came out, and where it is
      formake plan                            nothing to do: change a file or a formula, and ask again
    $ formake -C demo check
    2 formulas, 1 source, 3 dataset classes: no mistakes.
    $ formake -C demo build | tail -n 1
    Done: 3 made, in (time).
    $ formake -C demo plan
    Nothing to do: all 3 are valid.
    $ cat $(formake -C demo path monthly_report@2024-01)
    store,days,revenue
    lon,2,88.5
    nyc,2,82.5
    $ formake init demo
    error[E0905]: formake.yaml exists already in ./demo, and init overwrites nothing
     |
     = help: this is a project already: look at it with `formake check`

    1 error
    [exit 2]
    ");
}

#[test]
fn check_and_fmt() {
    let project = shop();
    project.write("teams/other.formula", "(daily,<D>,prod,dl)->(copy_of_daily,<D>,prod,dl){copy}\n");
    assert_snapshot!(project.session(
        "formake check
        formake check --json
        formake fmt --check teams/other.formula
        formake fmt teams/other.formula
        cat teams/other.formula
        formake fmt --check teams/other.formula
        formake fmt && formake fmt --check
        sed -i 's/<DATE>, prod, dl) {/<DAY>, prod, dl) {/' pipeline.formula
        formake check
        formake plan"
    ), @r#"
    $ formake check
    3 formulas, 2 sources, 5 dataset classes: no mistakes.
    $ formake check --json
    {
      "schema": "formake.check/1",
      "problems": []
    }
    $ formake fmt --check teams/other.formula
    not canonical teams/other.formula
    [exit 1]
    $ formake fmt teams/other.formula
    laid out teams/other.formula
    $ cat teams/other.formula
    (daily, <D>, prod, dl) -> (copy_of_daily, <D>, prod, dl) { copy }
    $ formake fmt --check teams/other.formula
    Nothing to do: every file is laid out canonically.
    $ formake fmt && formake fmt --check
    Nothing to do: every file is laid out canonically.
    Nothing to do: every file is laid out canonically.
    $ sed -i 's/<DATE>, prod, dl) {/<DAY>, prod, dl) {/' pipeline.formula
    $ formake check
    error[E0208]: `DATE` has no value
     --> pipeline.formula:6:10
      |
    6 | (sales, <DATE>, prod, dl) -> (daily, <DAY>, prod, dl) {
      |          ^^^^ the outputs do not name it, and nothing says its values
      |
      = note: what makes `sales` does not say its values either: each maker could say a set or a range of integers there
      = help: name `DATE` in the outputs, or say its values: `<DATE in DATE-6d..DATE>`

    1 error
    [exit 2]
    $ formake plan
    error[E0208]: `DATE` has no value
     --> pipeline.formula:6:10
      |
    6 | (sales, <DATE>, prod, dl) -> (daily, <DAY>, prod, dl) {
      |          ^^^^ the outputs do not name it, and nothing says its values
      |
      = note: what makes `sales` does not say its values either: each maker could say a set or a range of integers there
      = help: name `DATE` in the outputs, or say its values: `<DATE in DATE-6d..DATE>`

    1 error
    [exit 2]
    "#);
}

#[test]
fn plan_and_build() {
    let project = shop();
    assert_snapshot!(project.session(
        "formake plan --exit-code
        formake build -j 1
        formake build
        formake plan --exit-code
        touch raw/2024-01-02.csv && sed -i 's/One row/A row/' jobs/daily.sql && formake plan --exit-code
        echo nyc,1 >> raw/2024-01-02.csv
        formake build --dry-run
        formake build -j 1
        sed -i 's/lines = 10/lines = 100/' pipeline.formula
        formake build -j 1
        formake plan daily@2024-01-01..2024-01-03
        formake plan daily@2024-01-01..2024-01-03 --available
        formake plan review@2024-01"
    ), @r"
    $ formake plan --exit-code
    source  sales@2024-01-01:prod/dl  new
    run     daily@2024-01-01:prod/dl  not made yet
    source  sales@2024-01-02:prod/dl  new
    run     daily@2024-01-02:prod/dl  not made yet
    run     report@2024-01:prod/dl    not made yet

    3 to run. Runs 3 jobs.
    [exit 3]
    $ formake build -j 1
    Running 3 of 3 jobs.
          run daily@2024-01-01:prod/dl  not made yet
         made daily@2024-01-01:prod/dl  (time), 25 B
          run daily@2024-01-02:prod/dl  not made yet
         made daily@2024-01-02:prod/dl  (time), 19 B
          run report@2024-01:prod/dl  not made yet
         made report@2024-01:prod/dl  (time), 44 B
    Done: 3 made, in (time).
    $ formake build
    Nothing to do: all 3 are valid.
    $ formake plan --exit-code
    Nothing to do: all 3 are valid.
    $ touch raw/2024-01-02.csv && sed -i 's/One row/A row/' jobs/daily.sql && formake plan --exit-code
    Nothing to do: all 3 are valid.
    $ echo nyc,1 >> raw/2024-01-02.csv
    $ formake build --dry-run
    source   sales@2024-01-01:prod/dl  raw/<DATE>.csv
    valid    daily@2024-01-01:prod/dl
    source   sales@2024-01-02:prod/dl  changed
    run      daily@2024-01-02:prod/dl  input sales@2024-01-02: 4736d13e9e72 -> 7156355817c4
    may run  report@2024-01:prod/dl    after daily@2024-01-02:prod/dl

    1 to run, 1 may run, 1 valid. Runs at least 1, at most 2 jobs.
    $ formake build -j 1
    Running at least 1, at most 2 of 3 jobs.
          run daily@2024-01-02:prod/dl  input sales@2024-01-02: 4736d13e9e72 -> 7156355817c4
         made daily@2024-01-02:prod/dl  (time), 25 B
          run report@2024-01:prod/dl  input daily@2024-01-02: 4736d13e9e72 -> 7156355817c4
         made report@2024-01:prod/dl  (time), 50 B
    Done: 2 made, 1 valid, in (time).
    $ sed -i 's/lines = 10/lines = 100/' pipeline.formula
    $ formake build -j 1
    Running 1 of 3 jobs.
          run report@2024-01:prod/dl  param lines: 10 -> 100
         made report@2024-01:prod/dl  (time), 50 B, the same bytes as before
    Done: 1 made, 2 valid, in (time).
    $ formake plan daily@2024-01-01..2024-01-03
    source   sales@2024-01-01:prod/dl  raw/<DATE>.csv
    valid    daily@2024-01-01:prod/dl
    source   sales@2024-01-02:prod/dl  raw/<DATE>.csv
    valid    daily@2024-01-02:prod/dl
    blocked  daily@2024-01-03:prod/dl  needs sales@2024-01-03:prod/dl: there is no file raw/2024-01-03.csv

    daily@2024-01-03:prod/dl cannot be provided:
      needs sales@2024-01-03:prod/dl as `sales`
        there is no file raw/2024-01-03.csv
        help: put the file there, mark the input optional with `?`, or take what there is with --available

    1 blocked, 2 valid.
    [exit 5]
    $ formake plan daily@2024-01-01..2024-01-03 --available
    Nothing to do: all 2 are valid.
    $ formake plan review@2024-01
    blocked  review@2024-01:prod/dl  needs goals@2024-01:prod/dl: it is published by hand, and nobody has published it

    review@2024-01:prod/dl cannot be provided:
      needs goals@2024-01:prod/dl as `goals`
        it is published by hand, and nobody has published it
        help: formake publish goals@2024-01:prod/dl FILE

    1 blocked.
    [exit 5]
    ");
}

#[test]
fn why_and_why_not() {
    let project = built();
    assert_snapshot!(project.session(
        "formake why report@2024-01
        echo nyc,1 >> raw/2024-01-02.csv
        formake why daily@2024-01-02
        formake why report@2024-01
        formake why-not report@2024-01
        formake why-not review@2024-01
        formake why-not daily@2024-01-05
        formake why sales@2024-01-01
        formake why nothing@2024-01"
    ), @r"
    $ formake why report@2024-01
    report@2024-01:prod/dl is valid: its key, computed now, is the one it was made under.
      by daily -> report (pipeline.formula:12)

    It stands for 8406b6b1dab7 (44 B), made by run 3, by you, YYYY-MM-DD hh:mm:ss, in (time).
      formula daily -> report (pipeline.formula:12)
      daily  daily@2024-01-01:prod/dl  23c94ba5803b
      daily  daily@2024-01-02:prod/dl  4736d13e9e72
    $ echo nyc,1 >> raw/2024-01-02.csv
    $ formake why daily@2024-01-02
    daily@2024-01-02:prod/dl will be made: input sales@2024-01-02: 4736d13e9e72 -> 7156355817c4
      by sales -> daily (pipeline.formula:6)

    It stands for 4736d13e9e72 (19 B), made by run 2, by you, YYYY-MM-DD hh:mm:ss, in (time).
      formula sales -> daily (pipeline.formula:6)
      sales  sales@2024-01-02:prod/dl  4736d13e9e72
    $ formake why report@2024-01
    report@2024-01:prod/dl may be made: that is decided when these are ready
      daily@2024-01-02:prod/dl
      by daily -> report (pipeline.formula:12)

    It stands for 8406b6b1dab7 (44 B), made by run 3, by you, YYYY-MM-DD hh:mm:ss, in (time).
      formula daily -> report (pipeline.formula:12)
      daily  daily@2024-01-01:prod/dl  23c94ba5803b
      daily  daily@2024-01-02:prod/dl  4736d13e9e72
    $ formake why-not report@2024-01
    report@2024-01:prod/dl may be made: that is decided when these are ready
      daily@2024-01-02:prod/dl
      by daily -> report (pipeline.formula:12)

    No earlier result of this instance is in its repository, under any label.
    $ formake why-not review@2024-01
    review@2024-01:prod/dl cannot be provided:
      needs goals@2024-01:prod/dl as `goals`
        it is published by hand, and nobody has published it
        help: formake publish goals@2024-01:prod/dl FILE

    No earlier result of this instance is in its repository, under any label.
    $ formake why-not daily@2024-01-05
    daily@2024-01-05:prod/dl cannot be provided:
      needs sales@2024-01-05:prod/dl as `sales`
        there is no file raw/2024-01-05.csv
        help: put the file there, mark the input optional with `?`, or take what there is with --available

    No earlier result of this instance is in its repository, under any label.
    $ formake why sales@2024-01-01
    sales@2024-01-01:prod/dl is a source whose files are as recorded.
      by raw/<DATE>.csv (pipeline.formula:2)

    It stands for 81f95cdb7698 (31 B), source raw/2024-01-01.csv, YYYY-MM-DD hh:mm:ss.
    $ formake why nothing@2024-01
    error[E0601]: no dataset class is called `nothing`
     |
     = help: the classes are: daily, goals, report, review, sales

    1 error
    [exit 2]
    ");
}

#[test]
fn looking() {
    let project = built();
    assert_snapshot!(project.session(
        "formake ls
        formake ls daily@2024-01-02
        formake ls review
        formake path report@2024-01 daily@2024-01
        formake path review@2024-01
        formake log report@2024-01
        formake export daily@2024-01-01..2024-01-02 copies
        cat copies/*
        formake export daily@2024-01 copies"
    ), @r"
    $ formake ls
    identity                  made                 size  content       from
    daily@2024-01-01:prod/dl  YYYY-MM-DD hh:mm:ss  25 B  23c94ba5803b  run 1
    daily@2024-01-02:prod/dl  YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  run 2
    report@2024-01:prod/dl    YYYY-MM-DD hh:mm:ss  44 B  8406b6b1dab7  run 3
    sales@2024-01-01:prod/dl  YYYY-MM-DD hh:mm:ss  31 B  81f95cdb7698  source raw/2024-01-01.csv
    sales@2024-01-02:prod/dl  YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  source raw/2024-01-02.csv
    $ formake ls daily@2024-01-02
    identity                  made                 size  content       from
    daily@2024-01-02:prod/dl  YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  run 2
    $ formake ls review
    Nothing that was made, read or published is meant by this.
    $ formake path report@2024-01 daily@2024-01
    /project/lake/report/2024-01/8406b6b1dab7d78dfbebf1e4778de42425ce8971edcdcfbc9e00b02f2cc1f584/report.csv
    /project/lake/daily/2024-01-01/23c94ba5803b84aed648533bd54416afbc4011550ddc8b4779cc1192cfc58ee9/daily.csv
    /project/lake/daily/2024-01-02/4736d13e9e72550c7ac8064327d525f30a35aabab08606ff20360653151aac5d/daily.csv
    $ formake path review@2024-01
    error[E0616]: `review@2024-01` has no snapshot under the label prod
     |
     = help: `formake why-not review@2024-01` tells what it waits for; `formake ls` shows what there is

    1 error
    [exit 5]
    $ formake log report@2024-01
    report@2024-01:prod/dl: run 3, by you, YYYY-MM-DD hh:mm:ss, in (time)
    summing up
    $ formake export daily@2024-01-01..2024-01-02 copies
    2 snapshots in copies
    $ cat copies/*
    store,amount
    lon,4
    nyc,8
    store,amount
    lon,6
    $ formake export daily@2024-01 copies
    error[E0808]: `./copies/daily@2024-01-01.csv` is there already
     |
     = help: export into an empty folder

    1 error
    [exit 2]
    ");
    // Keys and fingerprints are of the recipe's inner form, which a version may change.
    assert_snapshot!(project.session("formake show daily@2024-01-02 | sed -E 's/^( *(key|fingerprint) +).*/\\1…/'"), @r#"
    $ formake show daily@2024-01-02 | sed -E 's/^( *(key|fingerprint) +).*/\1…/'
    daily@2024-01-02:prod/dl

      content  4736d13e9e72550c7ac8064327d525f30a35aabab08606ff20360653151aac5d
      size     19 B, 1 file
      made     YYYY-MM-DD hh:mm:ss
      from     run 2
      path     /project/lake/daily/2024-01-02/4736d13e9e72550c7ac8064327d525f30a35aabab08606ff20360653151aac5d/daily.csv
      formula  sales -> daily (pipeline.formula:6)
      run      2, by you, YYYY-MM-DD hh:mm:ss, in (time)
      key      …

    Made from:
      sales  sales@2024-01-02:prod/dl  4736d13e9e72
    "#);
}

#[test]
fn lineage_and_graph() {
    let project = built();
    assert_snapshot!(project.session(
        "formake lineage report@2024-01
        formake lineage sales@2024-01-01 --down
        formake graph
        formake graph report@2024-01 --of identities --format dot
        formake graph --format svg -o graph.svg && head -c 4 graph.svg"
    ), @r##"
    $ formake lineage report@2024-01
    report@2024-01:prod/dl  8406b6b1dab7  run 3: daily -> report
    ├─ daily@2024-01-01:prod/dl  23c94ba5803b  run 1: sales -> daily
    │  └─ sales@2024-01-01:prod/dl  81f95cdb7698  source raw/2024-01-01.csv
    └─ daily@2024-01-02:prod/dl  4736d13e9e72  run 2: sales -> daily
       └─ sales@2024-01-02:prod/dl  4736d13e9e72  source raw/2024-01-02.csv
    $ formake lineage sales@2024-01-01 --down
    sales@2024-01-01:prod/dl  81f95cdb7698  source raw/2024-01-01.csv
    └─ daily@2024-01-01:prod/dl  23c94ba5803b  run 1: sales -> daily
       └─ report@2024-01:prod/dl  8406b6b1dab7  run 3: daily -> report
    $ formake graph
    flowchart LR
      n0[("sales<br/>per day<br/>raw/#60;DATE#62;.csv")]
      n1(["goals<br/>per month<br/>by hand"])
      n2["daily<br/>per day<br/>sql jobs/daily.sql"]
      n3["report<br/>per month<br/>run"]
      n4["review<br/>per month<br/>run"]
      n0 --> n2
      n1 --> n4
      n2 -.-> n3
      n3 --> n4
      classDef source fill:#e8f1fb,stroke:#4a7fc1
      class n0 source
      classDef published fill:#fdf3e1,stroke:#c98a1b
      class n1 published
    $ formake graph report@2024-01 --of identities --format dot
    digraph formake {
      rankdir=LR;
      node [shape=box, style="rounded,filled", fillcolor="#ffffff", color="#475569", fontname="Helvetica"];
      edge [color="#64748b"];
      n0 [label="sales\n2024-01-01:prod/dl", shape=cylinder, style=filled, fillcolor="#e8f1fb", color="#4a7fc1"];
      n1 [label="daily\n2024-01-01:prod/dl"];
      n2 [label="sales\n2024-01-02:prod/dl", shape=cylinder, style=filled, fillcolor="#e8f1fb", color="#4a7fc1"];
      n3 [label="daily\n2024-01-02:prod/dl"];
      n4 [label="report\n2024-01:prod/dl"];
      n0 -> n1;
      n1 -> n4;
      n2 -> n3;
      n3 -> n4;
    }
    $ formake graph --format svg -o graph.svg && head -c 4 graph.svg
    <svg
    "##);
}

#[test]
fn publish_hold_and_release() {
    let project = built();
    project.write("goals.csv", "nyc,10\n");
    project.write("audited.csv", "audited\n");
    assert_snapshot!(project.session(
        "formake build review@2024-01
        formake publish goals@2024-01 goals.csv
        formake build review@2024-01
        formake publish report@2024-01 audited.csv
        formake publish report@2024-01 audited.csv --hold --because 'numbers of the audit'
        formake plan review@2024-01
        formake build review@2024-01
        cat $(formake path review@2024-01)
        formake ls report
        formake release report@2024-01
        formake release report@2024-01
        formake plan review@2024-01"
    ), @r#"
    $ formake build review@2024-01
    review@2024-01:prod/dl cannot be provided:
      needs goals@2024-01:prod/dl as `goals`
        it is published by hand, and nobody has published it
        help: formake publish goals@2024-01:prod/dl FILE
    Blocked: 1 blocked, in (time).
    [exit 5]
    $ formake publish goals@2024-01 goals.csv
    goals@2024-01:prod/dl is published.
    $ formake build review@2024-01
    Running 1 of 4 jobs.
          run review@2024-01:prod/dl  not made yet
         made review@2024-01:prod/dl  (time), 51 B
    Done: 1 made, 3 valid, in (time).
    $ formake publish report@2024-01 audited.csv
    error[E0806]: report@2024-01:prod/dl is made by pipeline.formula:12, so it is not published by hand
     |
     = help: to put your data in its place, and keep it there until `formake release`, add `--hold --because "…"`

    1 error
    [exit 2]
    $ formake publish report@2024-01 audited.csv --hold --because 'numbers of the audit'
    report@2024-01:prod/dl is published, and held.
    $ formake plan review@2024-01
    held       report@2024-01:prod/dl  numbers of the audit
    published  goals@2024-01:prod/dl
    run        review@2024-01:prod/dl  input report@2024-01: 8406b6b1dab7 -> 6498a02f3af2

    1 to run, 1 held. Runs 1 job.
    $ formake build review@2024-01
    Running 1 of 1 job.
          run review@2024-01:prod/dl  input report@2024-01: 8406b6b1dab7 -> 6498a02f3af2
         made review@2024-01:prod/dl  (time), 15 B
    Done: 1 made, in (time).
    $ cat $(formake path review@2024-01)
    audited
    nyc,10
    $ formake ls report
    identity                made                 size  content       from
    report@2024-01:prod/dl  YYYY-MM-DD hh:mm:ss   8 B  6498a02f3af2  published  held
    $ formake release report@2024-01
    report@2024-01:prod/dl is no longer held.
    $ formake release report@2024-01
    error[E0809]: nothing that `report@2024-01` stands for is held
     |
     = help: `formake ls` marks what is held

    1 error
    [exit 2]
    $ formake plan review@2024-01
    source     sales@2024-01-01:prod/dl  raw/<DATE>.csv
    valid      daily@2024-01-01:prod/dl
    source     sales@2024-01-02:prod/dl  raw/<DATE>.csv
    valid      daily@2024-01-02:prod/dl
    reuse      report@2024-01:prod/dl    made before by run 3 as report@2024-01:prod/dl
    published  goals@2024-01:prod/dl
    reuse      review@2024-01:prod/dl    made before by run 4 as review@2024-01:prod/dl

    2 to reuse, 2 valid.
    "#);
}

#[test]
fn invalidate() {
    let project = built();
    assert_snapshot!(project.session(
        "formake invalidate sales@2024-01-02 --because 'amounts in cents'
        formake invalidate sales@2024-01-02 --because 'amounts in cents' --yes
        formake build
        printf 'store,amount\\nlon,600\\n' > raw/2024-01-02.csv
        formake build -j 1
        formake invalidate report@2024-01 --because 'a test' --yes
        formake build -j 1
        formake ls --all report"
    ), @r#"
    $ formake invalidate sales@2024-01-02 --because 'amounts in cents'
    sales@2024-01-02:prod/dl  4736d13e9e72  source raw/2024-01-02.csv
    └─ daily@2024-01-02:prod/dl  4736d13e9e72  run 2: sales -> daily
       └─ report@2024-01:prod/dl  8406b6b1dab7  run 3: daily -> report

    1 snapshot to invalidate; 2 snapshots made from that.
    error[E0807]: invalidating asks first, and nobody is there to answer
     |
     = help: add `--yes`

    1 error
    [exit 2]
    $ formake invalidate sales@2024-01-02 --because 'amounts in cents' --yes
    sales@2024-01-02:prod/dl  4736d13e9e72  source raw/2024-01-02.csv
    └─ daily@2024-01-02:prod/dl  4736d13e9e72  run 2: sales -> daily
       └─ report@2024-01:prod/dl  8406b6b1dab7  run 3: daily -> report

    1 snapshot to invalidate; 2 snapshots made from that.
    1 snapshot invalidated.
    $ formake build
    Running 1 of 2 jobs.
          run report@2024-01:prod/dl  input daily@2024-01-02: 4736d13e9e72 -> none
         made report@2024-01:prod/dl  (time), 25 B
    Done: 1 made, 1 valid, in (time).
    $ printf 'store,amount\nlon,600\n' > raw/2024-01-02.csv
    $ formake build -j 1
    Running at least 1, at most 2 of 3 jobs.
          run daily@2024-01-02:prod/dl  input sales@2024-01-02: 4736d13e9e72 -> 995574df9ee7
         made daily@2024-01-02:prod/dl  (time), 21 B
          run report@2024-01:prod/dl  input daily@2024-01-02: none -> 995574df9ee7
         made report@2024-01:prod/dl  (time), 46 B
    Done: 2 made, 1 valid, in (time).
    $ formake invalidate report@2024-01 --because 'a test' --yes
    report@2024-01:prod/dl  5b9abdcebfe4  run 6

    1 snapshot to invalidate; 0 snapshots made from that.
    1 snapshot invalidated.
    $ formake build -j 1
    Running 1 of 3 jobs.
          run report@2024-01:prod/dl  invalidated: a test
         made report@2024-01:prod/dl  (time), 46 B
    Done: 1 made, 2 valid, in (time).
    $ formake ls --all report
    identity                made                 size  content       from
    report@2024-01:prod/dl  YYYY-MM-DD hh:mm:ss  44 B  8406b6b1dab7  run 3  earlier
    report@2024-01:prod/dl  YYYY-MM-DD hh:mm:ss  25 B  23c94ba5803b  run 4  earlier
    report@2024-01:prod/dl  YYYY-MM-DD hh:mm:ss  46 B  5b9abdcebfe4  run 6  invalidated
    report@2024-01:prod/dl  YYYY-MM-DD hh:mm:ss  46 B  5b9abdcebfe4  run 7
    "#);
}

#[test]
fn history() {
    let project = built();
    assert_snapshot!(project.session(
        "formake history
        formake history report@2024-01"
    ), @r"
    $ formake history
    YYYY-MM-DD hh:mm:ss  you  source  sales@2024-01-01:prod/dl  -> 1  formake build -j 1
    YYYY-MM-DD hh:mm:ss  you  source  sales@2024-01-02:prod/dl  -> 2  formake build -j 1
    YYYY-MM-DD hh:mm:ss  you  run     daily@2024-01-01:prod/dl  -> 3  formake build -j 1
    YYYY-MM-DD hh:mm:ss  you  run     daily@2024-01-02:prod/dl  -> 4  formake build -j 1
    YYYY-MM-DD hh:mm:ss  you  run     report@2024-01:prod/dl    -> 5  formake build -j 1
    $ formake history report@2024-01
    YYYY-MM-DD hh:mm:ss  you  run  report@2024-01:prod/dl  -> 5  formake build -j 1
    ");
}

#[test]
fn explain() {
    let project = Project::new(&[]);
    assert_snapshot!(project.session(
        "formake explain E0901
        formake explain E9999
        formake explain | head -n 3"
    ), @r"
    $ formake explain E0901
    E0901: no project is here, nor in any folder above

    Go to the project's folder, name it with `-C`, or start one with `formake init`.

    It is an error in a command, a formula or the configuration; the exit code is 2.
    $ formake explain E9999
    error[E0906]: `E9999` is not an error code
     |
     = help: `formake explain` lists all codes

    1 error
    [exit 2]
    $ formake explain | head -n 3
    E0101  something else was expected here
    E0102  a line begins no statement, or a block belongs to none
    E0103  a formula's or source's head is not complete, or its signs are not the right ones
    ");
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
        "history",
    ];
    let schemas: BTreeMap<_, _> =
        commands.map(|command| (command, project.formake(&format!("{command} --json")).json()["schema"].clone())).into();
    assert_snapshot!(schemas.iter().map(|(command, schema)| format!("{command}: {schema}\n")).collect::<String>(), @r#"
    build --dry-run: "formake.plan/1"
    check: "formake.check/1"
    history: "formake.history/1"
    lineage report@2024-01: "formake.lineage/1"
    ls: "formake.ls/1"
    plan: "formake.plan/1"
    show report@2024-01: "formake.show/1"
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
