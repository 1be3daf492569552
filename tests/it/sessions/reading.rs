//! What reads under a label with a base, at an earlier time, and side by side: `ls`, `show`, `path`, `lineage`, `export`, `diff`.

use insta::assert_snapshot;

use super::{FORMULAS, shop};
use crate::support::Project;

/// The shop, built; under pr-42, over prod, one day is made otherwise and the goals are others.
fn branched() -> Project {
    let project = shop();
    project.edit("formake.yaml", "repositories:", "labels: { prod: {}, \"pr-*\": { base: prod } }\nrepositories:");
    let own = r#"
source (goals, <MONTH: month>, pr-42, dl)

(sales, <DATE>, prod, dl) -> (daily, <DATE>, pr-42, dl) {
    sql    "jobs/daily.sql"
    format csv
    since  2024-01-02
    param  rounded = true
}
"#;
    project.write("pipeline.formula", &format!("{FORMULAS}{own}"));
    project.write("goals.csv", "nyc,10\n");
    project.write("other.csv", "nyc,11\n");
    project.formake("build -j 1").ended(0);
    project.formake("publish goals@2024-01 goals.csv").ended(0);
    project.formake("publish goals@2024-01:pr-42 other.csv").ended(0);
    project.formake("build daily@2024-01-02:pr-42").ended(0);
    project
}

#[test]
fn reading_falls_through_to_the_base() {
    let project = branched();
    assert_snapshot!(project.session(
        "formake ls daily
        formake ls daily:pr-42
        formake ls --label pr-42
        cat $(formake path goals@2024-01 --label pr-42)
        formake show report@2024-01:pr-42 | grep -v 'key'
        formake lineage report@2024-01:pr-42
        formake export daily:pr-42 out
        formake invalidate report@2024-01:pr-42 --because 'a test' --yes
        formake ls report:pr-7"
    ), @r"
    $ formake ls daily
    identity                   made                 size  content       from
    daily@2024-01-01:prod/dl   YYYY-MM-DD hh:mm:ss  25 B  23c94ba5803b  run 1
    daily@2024-01-02:pr-42/dl  YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  run 4
    daily@2024-01-02:prod/dl   YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  run 2
    $ formake ls daily:pr-42
    identity                   made                 size  content       from
    daily@2024-01-01:pr-42/dl  YYYY-MM-DD hh:mm:ss  25 B  23c94ba5803b  run 1  prod's
    daily@2024-01-02:pr-42/dl  YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  run 4
    $ formake ls --label pr-42
    identity                   made                 size  content       from
    daily@2024-01-01:pr-42/dl  YYYY-MM-DD hh:mm:ss  25 B  23c94ba5803b  run 1                      prod's
    daily@2024-01-02:pr-42/dl  YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  run 4
    goals@2024-01:pr-42/dl     YYYY-MM-DD hh:mm:ss   7 B  2439ef6cad69  published
    report@2024-01:pr-42/dl    YYYY-MM-DD hh:mm:ss  44 B  8406b6b1dab7  run 3                      prod's
    sales@2024-01-01:pr-42/dl  YYYY-MM-DD hh:mm:ss  31 B  81f95cdb7698  source raw/2024-01-01.csv  prod's
    sales@2024-01-02:pr-42/dl  YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  source raw/2024-01-02.csv  prod's
    $ cat $(formake path goals@2024-01 --label pr-42)
    nyc,11
    $ formake show report@2024-01:pr-42 | grep -v 'key'
    report@2024-01:pr-42/dl

      content    8406b6b1dab7d78dfbebf1e4778de42425ce8971edcdcfbc9e00b02f2cc1f584
      size       44 B, 1 file
      made       YYYY-MM-DD hh:mm:ss
      from       run 3
      inherited  from report@2024-01:prod/dl
      path       /project/lake/report/2024-01/8406b6b1dab7d78dfbebf1e4778de42425ce8971edcdcfbc9e00b02f2cc1f584/report.csv
      formula    daily -> report (pipeline.formula:12)
      run        3, by you, YYYY-MM-DD hh:mm:ss, in (time)

    Made from:
      daily  daily@2024-01-01:prod/dl  23c94ba5803b
      daily  daily@2024-01-02:prod/dl  4736d13e9e72

    Rows: 4, 2 columns
      column  type  nulls  distinct  min  median  max     most frequent
      store   text      -         3  lon          store   lon 50%, nyc 25%, store 25%
      amount  text      -         4  4            amount
    $ formake lineage report@2024-01:pr-42
    report@2024-01:pr-42/dl is report@2024-01:prod/dl  8406b6b1dab7  run 3: daily -> report
    ├─ daily@2024-01-01:prod/dl  23c94ba5803b  run 1: sales -> daily
    │  └─ sales@2024-01-01:prod/dl  81f95cdb7698  source raw/2024-01-01.csv
    └─ daily@2024-01-02:prod/dl  4736d13e9e72  run 2: sales -> daily
       └─ sales@2024-01-02:prod/dl  4736d13e9e72  source raw/2024-01-02.csv
    $ formake export daily:pr-42 out
    2 snapshots in out, 1 of them prod's
    $ formake invalidate report@2024-01:pr-42 --because 'a test' --yes
    error[E0616]: `report@2024-01:pr-42` has no snapshot under the label pr-42
     |
     = note: what is read there is that of its base: report@2024-01:prod/dl
     = help: `formake why-not report@2024-01:pr-42` tells what it waits for; `formake ls` shows what there is

    1 error
    [exit 5]
    $ formake ls report:pr-7
    identity                made                 size  content       from
    report@2024-01:pr-7/dl  YYYY-MM-DD hh:mm:ss  44 B  8406b6b1dab7  run 3  prod's
    ");
    let listed = project.formake("ls daily:pr-42 --json").ended(0).json();
    let fields: Vec<_> =
        listed["snapshots"].as_array().expect("a list").iter().map(|row| [&row["identity"], &row["inherited_from"]]).collect();
    assert_snapshot!(serde_json::to_string(&fields).expect("JSON"), @r#"[["daily@2024-01-01:pr-42/dl","daily@2024-01-01:prod/dl"],["daily@2024-01-02:pr-42/dl",null]]"#);
    assert_snapshot!(project.formake("lineage report@2024-01:pr-42 --json").ended(0).json()["targets"].to_string(), @r#"[{"identity":"report@2024-01:pr-42/dl","inherited_from":"report@2024-01:prod/dl","snapshot":5}]"#);
    assert_eq!(project.formake("show report@2024-01:pr-42 --json").json()["identities"][0]["inherited_from"], "report@2024-01:prod/dl");
}

#[test]
fn what_was() {
    let project = branched();
    let before = project.moment();
    project.write("raw/2024-01-01.csv", "store,amount\nnyc,1\n");
    project.formake("build -j 1").ended(0);
    let told = project.session(&format!(
        "formake ls daily:pr-42 --as-of {before}
        formake ls daily:pr-42
        cat $(formake path daily@2024-01-01 --as-of {before})
        formake show daily@2024-01-01:pr-42 --as-of {before} | grep -E 'content|inherited|History'
        formake lineage report@2024-01 --as-of {before}
        formake lineage sales@2024-01-02 --down --as-of {before}
        formake export report@2024-01 then --as-of {before} && cat then/*
        formake path daily@2024-01-01 --as-of 2020-01-01
        formake ls --as-of 2020-01-01
        formake ls --as-of tomorrow
        formake ls --as-of 2999-01-01"
    ));
    assert_snapshot!(told.replace(&before, "BEFORE"), @r"
    $ formake ls daily:pr-42 --as-of BEFORE
    identity                   made                 size  content       from
    daily@2024-01-01:pr-42/dl  YYYY-MM-DD hh:mm:ss  25 B  23c94ba5803b  run 1  prod's  earlier
    daily@2024-01-02:pr-42/dl  YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  run 4
    $ formake ls daily:pr-42
    identity                   made                 size  content       from
    daily@2024-01-01:pr-42/dl  YYYY-MM-DD hh:mm:ss  19 B  918b6c996645  run 5  prod's
    daily@2024-01-02:pr-42/dl  YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  run 4
    $ cat $(formake path daily@2024-01-01 --as-of BEFORE)
    store,amount
    lon,4
    nyc,8
    $ formake show daily@2024-01-01:pr-42 --as-of BEFORE | grep -E 'content|inherited|History'
      content    23c94ba5803b84aed648533bd54416afbc4011550ddc8b4779cc1192cfc58ee9
      inherited  from daily@2024-01-01:prod/dl
    $ formake lineage report@2024-01 --as-of BEFORE
    report@2024-01:prod/dl  8406b6b1dab7  run 3: daily -> report
    ├─ daily@2024-01-01:prod/dl  23c94ba5803b  run 1: sales -> daily
    │  └─ sales@2024-01-01:prod/dl  81f95cdb7698  source raw/2024-01-01.csv
    └─ daily@2024-01-02:prod/dl  4736d13e9e72  run 2: sales -> daily
       └─ sales@2024-01-02:prod/dl  4736d13e9e72  source raw/2024-01-02.csv
    $ formake lineage sales@2024-01-02 --down --as-of BEFORE
    sales@2024-01-02:prod/dl  4736d13e9e72  source raw/2024-01-02.csv
    ├─ daily@2024-01-02:prod/dl  4736d13e9e72  run 2: sales -> daily
    │  └─ report@2024-01:prod/dl  8406b6b1dab7  run 3: daily -> report
    └─ daily@2024-01-02:pr-42/dl  4736d13e9e72  run 4: sales -> daily
    $ formake export report@2024-01 then --as-of BEFORE && cat then/*
    1 snapshot in then
    store,amount
    lon,4
    nyc,8
    store,amount
    lon,6
    $ formake path daily@2024-01-01 --as-of 2020-01-01
    error[E0616]: `daily@2024-01-01` had no snapshot under the label prod at that time
     |
     = help: `formake ls daily@2024-01-01 --all` shows all that it ever stood for, and when

    1 error
    [exit 5]
    $ formake ls --as-of 2020-01-01
    Nothing that was made, read or published by then is meant by this.
    $ formake ls --as-of tomorrow
    error[E0910]: `tomorrow` is no point in time
     |
     = help: write a date, a minute or a second: `2024-01-31`, `2024-01-31T05:30`, `(when)`
     = help: or how long ago it was: `3d`, `2h 30min`; units are `s min h d w`

    1 error
    [exit 2]
    $ formake ls --as-of 2999-01-01
    error[E0911]: `2999-01-01` lies in the future
     |
     = help: leave the time away for what is now

    1 error
    [exit 2]
    ");
}

/// Two days made otherwise under pr-42, with the report that follows from them; and goals that prod has not.
fn changed() -> Project {
    let project = shop();
    project.edit("formake.yaml", "repositories:", "labels: { prod: {}, \"pr-*\": { base: prod } }\nrepositories:");
    let own = r#"
source (goals, <MONTH: month>, pr-42, dl)

(sales, <DATE>, prod, dl) -> (daily, <DATE>, pr-42, dl) {
    sql    "jobs/net.sql"
    format csv
}

(daily, <any DATE in MONTH>, pr-42, dl) -> (report, <MONTH: month>, pr-42, dl) {
    run    "echo summing up; cat {{ inputs.daily }} > all; head -n {{ params.lines }} all > {{ output }}"
    param  lines = 10
    format csv
}
"#;
    project.write("jobs/net.sql", "select store, sum(amount) as amount\nfrom sales\nwhere amount > 3\ngroup by store\norder by store\n");
    project.write("pipeline.formula", &format!("{FORMULAS}{own}"));
    project.write("goals.csv", "nyc,10\n");
    project.formake("build -j 1").ended(0);
    project.formake("publish goals@2024-01:pr-42 goals.csv").ended(0);
    project.formake("build -j 1 report@2024-01:pr-42").ended(0);
    project
}

#[test]
fn labels_side_by_side() {
    let project = changed();
    assert_snapshot!(project.session(
        "formake diff prod pr-42
        formake diff pr-42 --class daily --all
        formake diff prod pr-42 --class report --exit-code
        formake diff prod pr-7 --exit-code
        formake diff prod pr-42 --format markdown"
    ), @r"
    $ formake diff prod pr-42
    only in pr-42  goals@2024-01:pr-42/dl     1d1d72893efa                  published
    other bytes    daily@2024-01-01:pr-42/dl  23c94ba5803b -> 292dead99f2c  sql changed
        sql changed, from line 4:
            from sales
          + where amount > 3
            group by store
    other bytes    report@2024-01:pr-42/dl    8406b6b1dab7 -> 8a277b9bc883  input daily@2024-01-01: 23c94ba5803b -> 292dead99f2c

    prod and pr-42 differ: 2 identities have other bytes, 1 is only in pr-42. The bytes of 3 identities are the same. 1 of them was made otherwise: see --all.
    $ formake diff pr-42 --class daily --all
    other bytes  daily@2024-01-01:pr-42/dl  23c94ba5803b -> 292dead99f2c  sql changed
        sql changed, from line 4:
            from sales
          + where amount > 3
            group by store
        2 rows, 1 added, 1 removed, 1 column changed, mean of amount 6.000 → 4.500
    same bytes   daily@2024-01-02:pr-42/dl  4736d13e9e72                  sql changed
        sql changed, from line 4:
            from sales
          + where amount > 3
            group by store

    prod and pr-42 differ: 1 identity has other bytes. The bytes of 1 identity are the same. 1 of them was made otherwise.
    $ formake diff prod pr-42 --class report --exit-code
    other bytes  report@2024-01:pr-42/dl  8406b6b1dab7 -> 8a277b9bc883  input daily@2024-01-01: 23c94ba5803b -> 292dead99f2c
        4 rows, 1 added, 1 removed

    prod and pr-42 differ: 1 identity has other bytes.
    [exit 3]
    $ formake diff prod pr-7 --exit-code
    prod and pr-7 have the same bytes: 5 identities.
    $ formake diff prod pr-42 --format markdown
    ### `prod` and `pr-42` differ: 2 identities have other bytes, 1 is only in `pr-42`

    The bytes of 3 identities are the same. 1 of them was made otherwise: see --all.

    | | | identities | why |
    |---|---:|---|---|
    | only in `pr-42` | 1 | `goals@2024-01:pr-42/dl` | `published` |
    | other bytes | 1 | `daily@2024-01-01:pr-42/dl` | `sql changed` |
    | other bytes | 1 | `report@2024-01:pr-42/dl` | `input daily@2024-01-01: 23c94ba5803b -> 292dead99f2c` |

    <details><summary>daily@2024-01-01:pr-42/dl</summary>

    ```diff
    sql changed, from line 4:
      from sales
    + where amount > 3
      group by store
    ```

    </details>
    ");
}

#[test]
fn snapshots_side_by_side() {
    let project = changed();
    let before = project.moment();
    project.write("raw/2024-01-01.csv", "store,amount\nnyc,1\n");
    project.write("raw/2024-01-03.csv", "store,amount\nnyc,1\n");
    project.edit("pipeline.formula", "lines = 10\n    format csv\n}\n\n(report", "lines = 5\n    format csv\n}\n\n(report");
    project.formake("build -j 1").ended(0);
    let told = project.session(&format!(
        "formake diff report@2024-01
        formake diff daily@2024-01
        formake diff report@2024-01:prod report@2024-01:pr-42
        formake diff daily@2024-01-01 daily@2024-01-02
        formake diff prod --as-of {before}
        formake diff sales --as-of {before}
        formake diff prod pr-42 --as-of {before} | tail -1
        formake diff goals@2024-01:pr-42"
    ));
    assert_snapshot!(told.replace(&before, "BEFORE"), @r"
    $ formake diff report@2024-01
    -  report@2024-01:prod/dl  YYYY-MM-DD hh:mm:ss  44 B  8406b6b1dab7  run 3: daily -> report
    +  report@2024-01:prod/dl  YYYY-MM-DD hh:mm:ss  51 B  ade76454d5fb  run 9: daily -> report

    param lines: 10 -> 5
    input daily@2024-01-01: 23c94ba5803b -> 918b6c996645
    input daily@2024-01-03: none -> 918b6c996645

    4 rows, 2 added, 2 removed, 1 column changed

    The bytes differ.
    $ formake diff daily@2024-01
    new          2  daily@2024-01-02..2024-01-03:prod/dl                                by sales -> daily
    other bytes     daily@2024-01-01:prod/dl              23c94ba5803b -> 918b6c996645  input sales@2024-01-01: 81f95cdb7698 -> 918b6c996645

    Compared with what was before: 1 identity has other bytes, 2 are new.
    $ formake diff report@2024-01:prod report@2024-01:pr-42
    -  report@2024-01:prod/dl   YYYY-MM-DD hh:mm:ss  51 B  ade76454d5fb  run 9: daily -> report
    +  report@2024-01:pr-42/dl  YYYY-MM-DD hh:mm:ss  44 B  8a277b9bc883  run 6: daily -> report

    param lines: 5 -> 10
    input daily@2024-01-01: 918b6c996645 -> 292dead99f2c
    input daily@2024-01-03: 918b6c996645 -> none

    4 rows, 2 added, 2 removed, 1 column changed

    The bytes differ.
    $ formake diff daily@2024-01-01 daily@2024-01-02
    -  daily@2024-01-01:prod/dl  YYYY-MM-DD hh:mm:ss  19 B  918b6c996645  run 7: sales -> daily
    +  daily@2024-01-02:prod/dl  YYYY-MM-DD hh:mm:ss  19 B  4736d13e9e72  run 2: sales -> daily

    variable DATE: 2024-01-01 -> 2024-01-02
    input sales@2024-01-02: none -> 4736d13e9e72
    input sales@2024-01-01: 918b6c996645 -> none

    1 row, 1 added, 1 removed, 2 columns changed, mean of amount 1.000 → 6.000

    The bytes differ.
    $ formake diff prod --as-of BEFORE
    other bytes  sales@2024-01-01:prod/dl  81f95cdb7698 -> 918b6c996645  source raw/2024-01-01.csv
    new          sales@2024-01-03:prod/dl  918b6c996645                  source raw/2024-01-03.csv
    other bytes  daily@2024-01-01:prod/dl  23c94ba5803b -> 918b6c996645  input sales@2024-01-01: 81f95cdb7698 -> 918b6c996645
    new          daily@2024-01-03:prod/dl  918b6c996645                  by sales -> daily
    other bytes  report@2024-01:prod/dl    8406b6b1dab7 -> ade76454d5fb  param lines and 2 inputs changed
        param lines: 10 -> 5
        input daily@2024-01-01: 23c94ba5803b -> 918b6c996645
        input daily@2024-01-03: none -> 918b6c996645

    prod as of YYYY-MM-DD hh:mm:ss and prod now differ: 3 identities have other bytes, 2 are new. The bytes of 2 identities are the same.
    $ formake diff sales --as-of BEFORE
    other bytes  sales@2024-01-01:prod/dl  81f95cdb7698 -> 918b6c996645  source raw/2024-01-01.csv
    new          sales@2024-01-03:prod/dl  918b6c996645                  source raw/2024-01-03.csv

    sales as of YYYY-MM-DD hh:mm:ss and sales now differ: 1 identity has other bytes, 1 is new. The bytes of 1 identity are the same.
    $ formake diff prod pr-42 --as-of BEFORE | tail -1
    As of YYYY-MM-DD hh:mm:ss, prod and pr-42 differ: 2 identities have other bytes, 1 is only in pr-42. The bytes of 3 identities are the same. 1 of them was made otherwise: see --all.
    $ formake diff goals@2024-01:pr-42
    +  goals@2024-01:pr-42/dl  YYYY-MM-DD hh:mm:ss  7 B  1d1d72893efa  published

    It stood for nothing before.
    ");
    let content = |target: &str| {
        let shown = project.formake(&format!("show {target} --json")).ended(0).json();
        shown["identities"][0]["snapshot"]["content"].as_str().expect("a hash")[..12].to_string()
    };
    let (ours, theirs) = (content("report@2024-01"), content("report@2024-01:pr-42"));
    assert_eq!(
        project.formake(&format!("diff {ours} {theirs}")).stdout.lines().next(),
        project.formake("diff report@2024-01:prod report@2024-01:pr-42").stdout.lines().next(),
    );
}

#[test]
fn what_cannot_be_compared() {
    let project = changed();
    assert_snapshot!(project.session(
        "formake diff prod
        formake diff prod report
        formake diff prod repart
        formake diff prod pr-42 --class repart
        formake diff review@2024-01
        formake diff report@2024-01:prod report@2024-02:prod
        formake diff 4736d13e9e72
        formake diff 4736d13e9e72 --as-of 0s"
    ), @r"
    $ formake diff prod
    error[E0913]: the label prod has no base to be compared with
     |
     = help: name another label, `formake diff prod pr-42`, or a time, `formake diff prod --as-of 1d`

    1 error
    [exit 2]
    $ formake diff prod report
    error[E0913]: a label is compared with another label, a target or a snapshot with another target or snapshot
     |
     = help: `formake diff prod pr-42`, `formake diff report@2024-01:prod report@2024-01:pr-42`

    1 error
    [exit 2]
    $ formake diff prod repart
    error[E0913]: `repart` is no label, no dataset class and no content hash here
     |
     = help: did you mean `report`?
     = help: `formake ls` shows what there is

    1 error
    [exit 2]
    $ formake diff prod pr-42 --class repart
    error[E0601]: nothing of a dataset class called `repart` was ever made, read or published
     |
     = help: did you mean `report`?

    1 error
    [exit 2]
    $ formake diff review@2024-01
    error[E0616]: `review@2024-01` has no snapshot under the label prod
     |
     = help: `formake why-not review@2024-01` tells what it waits for; `formake ls` shows what there is

    1 error
    [exit 5]
    $ formake diff report@2024-01:prod report@2024-02:prod
    error[E0616]: `report@2024-02:prod` has no snapshot under the label prod
     |
     = help: `formake why-not report@2024-02:prod` tells what it waits for; `formake ls` shows what there is

    1 error
    [exit 5]
    $ formake diff 4736d13e9e72
    error[E0912]: `4736d13e9e72` are the first digits of several snapshots
     |
     = note: 4736d13e9e72  sales@2024-01-02:prod/dl
     = note: 4736d13e9e72  daily@2024-01-02:prod/dl
     = note: 4736d13e9e72  daily@2024-01-02:pr-42/dl
     = help: write more digits, or name the identity

    1 error
    [exit 2]
    $ formake diff 4736d13e9e72 --as-of 0s
    error[E0913]: a snapshot is the same at any time
     |
     = help: leave `--as-of` away, or name an identity instead of a content hash

    1 error
    [exit 2]
    ");
}
