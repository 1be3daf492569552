//! What asks: `why`, `why-not`, `ls`, `show`, `path`, `log`, `export`, `lineage`, `graph`, `history`, `explain`.

use insta::assert_snapshot;

use super::built;
use crate::support::Project;

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

    Rows: 1, 2 columns
      column  type    nulls  distinct  min  median  max  most frequent
      store   text        -         1  lon          lon
      amount  bigint      -         1  6    6       6
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
