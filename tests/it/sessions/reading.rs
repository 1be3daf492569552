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
