//! SQL over snapshots: `query`, `shell`; and `diff --rows`.

use insta::assert_snapshot;

use super::{FORMULAS, built, shop};
use crate::support::Project;

#[test]
fn snapshots_are_tables() {
    let project = built();
    assert_snapshot!(project.session(
        r#"formake query 'select * from daily'
        formake query 'select * from "daily@2024-01-01:prod" order by amount desc'
        formake query 'select store, sum(amount) as amount from "sales@2024-01-01..2024-01-02" group by store order by 1' --format csv
        formake query 'select d.store, r.store as noted from "daily@2024-01-02" d left join "report@2024-01" r on d.store = r.store' --format json
        formake query 'select * from daily' --limit 1
        formake query 'values (1, null)' --limit 0
        echo 'select count(*) as days from daily' > q.sql && formake query --file q.sql && formake query - < q.sql
        formake query 'select * from daily' -o daily.parquet && head -c 4 daily.parquet
        formake query 'select * from daily' --format parquet | cmp - daily.parquet"#
    ), @r#"
    $ formake query 'select * from daily'
    store  amount  date
    lon         4  2024-01-01
    nyc         8  2024-01-01
    lon         6  2024-01-02
    3 rows
    $ formake query 'select * from "daily@2024-01-01:prod" order by amount desc'
    store  amount
    nyc         8
    lon         4
    2 rows
    $ formake query 'select store, sum(amount) as amount from "sales@2024-01-01..2024-01-02" group by store order by 1' --format csv
    store,amount
    lon,10
    nyc,8
    $ formake query 'select d.store, r.store as noted from "daily@2024-01-02" d left join "report@2024-01" r on d.store = r.store' --format json
    {"store":"lon","noted":"lon"}
    {"store":"lon","noted":"lon"}
    $ formake query 'select * from daily' --limit 1
    store  amount  date
    lon         4  2024-01-01
    1 row, and there are more (--limit N, or 0 for all)
    $ formake query 'values (1, null)' --limit 0
    column1  column2
          1  null
    1 row
    $ echo 'select count(*) as days from daily' > q.sql && formake query --file q.sql && formake query - < q.sql
    days
       3
    1 row
    days
       3
    1 row
    $ formake query 'select * from daily' -o daily.parquet && head -c 4 daily.parquet
    3 rows in daily.parquet
    PAR1$ formake query 'select * from daily' --format parquet | cmp - daily.parquet
    "#);
}

#[test]
fn what_a_query_cannot() {
    let project = built();
    project.write("out.csv", "mine\n");
    assert_snapshot!(project.session(
        r#"formake query 'select * from dayly'
        formake query 'select * from "daily@2024-01-03", "goals@2024-01"'
        formake query 'select * from "daily 2024"'
        formake query 'select sotre from daily'
        formake query 'select store, from daily'
        formake query 'select 1; select 2'
        formake query 'drop table daily'
        formake query "select * from read_csv('raw/2024-01-01.csv')"
        formake query 'select * from daily' -o out.csv; cat out.csv
        formake query 'select 1 as a, 2 as a' -o out.csv --force; cat out.csv; ls
        formake query 'select * from daily' -o out
        formake query"#
    ), @r#"
    $ formake query 'select * from dayly'
    error[E0616]: `dayly` has no snapshot under the label prod
     --> query:1:15
      |
    1 | select * from dayly
      |               ^^^^^
      |
      = help: did you mean `daily`?
      = help: `formake why-not dayly` tells what it waits for; `formake ls` shows what there is

    1 error
    [exit 5]
    $ formake query 'select * from "daily@2024-01-03", "goals@2024-01"'
    error[E0616]: `daily@2024-01-03` has no snapshot under the label prod
     --> query:1:15
      |
    1 | select * from "daily@2024-01-03", "goals@2024-01"
      |               ^^^^^^^^^^^^^^^^^^
      |
      = help: `formake why-not daily@2024-01-03` tells what it waits for; `formake ls` shows what there is

    error[E0616]: `goals@2024-01` has no snapshot under the label prod
     --> query:1:35
      |
    1 | select * from "daily@2024-01-03", "goals@2024-01"
      |                                   ^^^^^^^^^^^^^^^
      |
      = help: `formake why-not goals@2024-01` tells what it waits for; `formake ls` shows what there is

    2 errors
    [exit 5]
    $ formake query 'select * from "daily 2024"'
    error[E0600]: `daily 2024` is not a target: found `2`: values with it are double-quoted; a target is written `class@instance:label/repository`; all but the class may be left out
     --> query:1:15
      |
    1 | select * from "daily 2024"
      |               ^^^^^^^^^^^^
      |
      = help: write `class@instance:label`, such as `churn_features@2024-01-01:prod`

    1 error
    [exit 2]
    $ formake query 'select sotre from daily'
    error[E0754]: there is no column `sotre`; did you mean `store`? there are `store`, `amount`, `date`
     --> query:1:8
      |
    1 | select sotre from daily
      |        ^^^^^

    1 error
    [exit 1]
    $ formake query 'select store, from daily'
    store
    lon
    nyc
    lon
    3 rows
    $ formake query 'select 1; select 2'
    error[E0920]: there are 2 statements, and a query is one
     |
     = help: `formake shell` takes several, each up to its `;`

    1 error
    [exit 2]
    $ formake query 'drop table daily'
    error[E0920]: DROP is not a query
     |
     = note: a query changes nothing: it is one SELECT, WITH or VALUES
     = help: what shall stay is made by a formula, or taken in with `formake publish`

    1 error
    [exit 2]
    $ formake query "select * from read_csv('raw/2024-01-01.csv')"
    error[E0921]: `read_csv(…)` in FROM cannot be used in a query
     |
     = note: a query reads snapshots, and nothing else
     = help: name targets in FROM, in double quotes: `"sales@2024-01-01:prod"`; `formake ls` shows what there is

    1 error
    [exit 2]
    $ formake query 'select * from daily' -o out.csv; cat out.csv
    error[E0923]: `out.csv` is there already
     |
     = help: name another file, or write over it with --force

    1 error
    mine
    $ formake query 'select 1 as a, 2 as a' -o out.csv --force; cat out.csv; ls
    error[E0757]: 2 output columns are called `a`; name each apart with AS

    1 error
    mine
    formake.yaml
    jobs
    lake
    out.csv
    pipeline.formula
    raw
    $ formake query 'select * from daily' -o out
    error[E0923]: `out` does not say in which format it is to be written
     |
     = help: end its name in .csv, .jsonl or .parquet, or say `--format csv`

    1 error
    [exit 2]
    $ formake query
    error: the following required arguments were not provided:
      <SQL>

    Usage: formake query <SQL>

    For more information, try '--help'.
    [exit 2]
    "#);
}

#[test]
fn a_query_reads_what_was_made_or_nothing() {
    let project = built();
    let before = project.moment();
    project.write("raw/2024-01-01.csv", "store,amount\nnyc,1\n");
    project.formake("build -j 1").ended(0);
    let told = project.session(&format!(
        r#"formake query 'select * from daily where date = date $$2024-01-01$$'
        formake query 'select * from "daily@2024-01-01"' --as-of {before}
        formake query 'select * from "sales@2024-01-01"' --as-of {before}
        rm -r lake/daily/2024-01-02 && formake query 'select count(*) from daily'
        echo store,amount,x > raw/2024-01-02.csv && formake query 'select count(*) from sales'
        echo '(broken' >> pipeline.formula && formake query 'select * from "sales@2024-01-01"'
        ls .formake"#
    ));
    assert_snapshot!(told.replace(&before, "BEFORE"), @r#"
    $ formake query 'select * from daily where date = date $$2024-01-01$$'
    store  amount  date
    nyc         1  2024-01-01
    1 row
    $ formake query 'select * from "daily@2024-01-01"' --as-of BEFORE
    store  amount
    lon         4
    nyc         8
    2 rows
    $ formake query 'select * from "sales@2024-01-01"' --as-of BEFORE
    error[E0814]: the bytes of sales@2024-01-01:prod/dl are no longer what was read then
     --> query:1:15
      |
    1 | select * from "sales@2024-01-01"
      |               ^^^^^^^^^^^^^^^^^^
      |
      = help: a source's earlier bytes stay where it says `copy`

    1 error
    [exit 1]
    $ rm -r lake/daily/2024-01-02 && formake query 'select count(*) from daily'
    error[E0814]: the bytes of daily@2024-01-02:prod/dl are gone or damaged
     --> query:1:22
      |
    1 | select count(*) from daily
      |                      ^^^^^
      |
      = help: `formake build daily@2024-01-02:prod/dl` makes them again

    1 error
    [exit 1]
    $ echo store,amount,x > raw/2024-01-02.csv && formake query 'select count(*) from sales'
    error[E0814]: the bytes of sales@2024-01-02:prod/dl are no longer what was read
     --> query:1:22
      |
    1 | select count(*) from sales
      |                      ^^^^^
      |
      = help: `formake build sales@2024-01-02:prod/dl` reads what is there now

    1 error
    [exit 1]
    $ echo '(broken' >> pipeline.formula && formake query 'select * from "sales@2024-01-01"'
    warning[E0924]: the project does not compile, so that the types which its sources declare are not known
     |
     = help: `formake check` says what is wrong; until then, types are those that values look like

    1 warning
    store  amount
    nyc         1
    1 row
    $ ls .formake
    catalog.db
    catalog.db-shm
    catalog.db-wal
    jobs
    lock
    logs
    "#);
}

/// A class of which an instance is copied, and one that had other dimensions once.
#[test]
fn instances_that_are_no_one_table() {
    let formulas = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (raw, <DATE>, prod, other) { copy }
source (goals, <MONTH: month>, prod, dl)
source (goals, <MONTH: month>, prod, other)
"#;
    let project = Project::new(&[
        ("formake.yaml", "repositories: { dl: { root: lake }, other: { root: other } }\n"),
        ("pipeline.formula", formulas),
        ("raw/2024-01-01.csv", "store,amount\nnyc,3\n"),
        ("a.csv", "goal\n1\n"),
        ("b.csv", "goal\n2\n"),
    ]);
    project.formake("build raw:prod/other").ended(0);
    project.formake("publish goals@2024-01:prod/dl a.csv").ended(0);
    project.formake("publish goals@2024-01:prod/other b.csv").ended(0);
    project.edit("pipeline.formula", "source (goals, <MONTH: month>, prod, dl)", "source (goals, region=<R>,<MONTH: month>, prod, dl)");
    project.edit("pipeline.formula", "source (goals, <MONTH: month>, prod, other)", "");
    project.formake("publish goals@region=eu,2024-01:prod/dl a.csv").ended(0);
    assert_snapshot!(project.session(
        r#"formake query 'select * from raw'
        formake query 'select * from goals'
        formake query 'select * from "goals:prod/dl"'
        formake query 'select * from "goals@region=*:prod/dl"'"#
    ), @r#"
    $ formake query 'select * from raw'
    store  amount  date
    nyc         3  2024-01-01
    1 row
    $ formake query 'select * from goals'
    error[E0606]: goals@2024-01:prod/dl and goals@2024-01:prod/other are one instance in two repositories, with other bytes in each
     --> query:1:15
      |
    1 | select * from goals
      |               ^^^^^
      |
      = note: `goals` stands for both
      = help: name the repository: `goals@…:prod/dl`

    1 error
    [exit 2]
    $ formake query 'select * from "goals:prod/dl"'
    error[E0922]: `goals:prod/dl` stands for instances with different components
     --> query:1:15
      |
    1 | select * from "goals:prod/dl"
      |               ^^^^^^^^^^^^^^^
      |
      = note: some have `<month>`, some `region=<text>,<month>`
      = help: name those of one kind, by a range or one by one

    1 error
    [exit 2]
    $ formake query 'select * from "goals@region=*:prod/dl"'
    goal  region  month
       1  eu      2024-01
    1 row
    "#);
}

#[test]
fn one_query_after_the_other() {
    let project = built();
    let asked = "-- How much?
.classes
select store, sum(amount) as amount
  from daily group by store order by store; select ';' as sign;
.columns \"daily@2024-01-01:prod\"
.limit 1
select * from daily;
.format csv
.as-of 2020-01-01
select * from daily;
.as-of
.label nowhere
select * from daily;
.label
.formt
.format parquet
selct 1;
select 1 as last";
    project.write("asked.sql", asked);
    assert_snapshot!(project.session("formake shell < asked.sql\nprintf '.quit\\nselect 1;' | formake shell\necho 'values (1);' | formake shell --format json"), @r#"
    $ formake shell < asked.sql
    daily   2 instances  the last 2024-01-02
    report   1 instance  the last 2024-01
    sales   2 instances  the last 2024-01-02
    store  amount
    lon        10
    nyc         8
    2 rows
    sign
    ;
    1 row
    store   text
    amount  bigint
    store  amount  date
    lon         4  2024-01-01
    1 row, and there are more (.limit N, or 0 for all)
    error[E0616]: `daily` had no snapshot under the label prod at that time
     --> query:1:15
      |
    1 | select * from daily;
      |               ^^^^^
      |
      = help: `formake ls daily --all` shows all that it ever stood for, and when

    1 error
    error[E0616]: `daily` has no snapshot under the label nowhere
     --> query:1:15
      |
    1 | select * from daily;
      |               ^^^^^
      |
      = help: `formake why-not daily` tells what it waits for; `formake ls` shows what there is

    1 error
    error[E0925]: `.formt` is no command
     |
     = help: did you mean `.format`?

    1 error
    error[E0923]: the shell writes no Parquet
     |
     = help: `formake query … -o rows.parquet` does

    1 error
    error[E0920]: SELCT is not a query
     |
     = note: a query changes nothing: it is one SELECT, WITH or VALUES
     = help: what shall stay is made by a formula, or taken in with `formake publish`

    1 error
    last
    1
    [exit 2]
    $ printf '.quit\nselect 1;' | formake shell
    $ echo 'values (1);' | formake shell --format json
    {"column1":1}
    "#);
}

#[test]
fn two_snapshots_row_by_row() {
    let project = shop();
    project.edit("formake.yaml", "repositories:", "labels: { prod: {}, \"pr-*\": { base: prod } }\nrepositories:");
    project.formake("build -j 1").ended(0);
    let own = r#"
(sales, <DATE>, prod, dl) -> (daily, <DATE>, pr-42, dl) {
    sql    "jobs/net.sql"
    format csv
}

(daily, <any DATE in MONTH>, pr-42, dl) -> (report, <MONTH: month>, pr-42, dl) {
    run "echo {{ inputs.daily }} > {{ output }}"
}
"#;
    project.write("pipeline.formula", &format!("{FORMULAS}{own}"));
    project.write("jobs/net.sql", "select store, sum(amount) * 0.75 as amount, count(*) as sales from sales where store <> 'lon' or amount < 5 group by store order by store\n");
    project.formake("build daily@2024-01-01:pr-42").ended(0);
    assert_snapshot!(project.session(
        "formake diff pr-42
        formake diff daily@2024-01-01:prod daily@2024-01-01:pr-42 | tail -3
        formake build report@2024-01:pr-42 -j 1 | tail -1
        formake diff pr-42 --rows --key store | grep -v sql | tail -32
        formake diff daily@2024-01-02:prod daily@2024-01-02:pr-42 --rows --samples 1 | tail -13
        formake diff daily@2024-01-01:prod daily@2024-01-01:pr-42 --rows --key shop
        formake diff prod pr-42 --class daily --rows --key store --samples 1 --format markdown | tail -40
        formake diff daily@2024-01-01:prod daily@2024-01-02:prod --rows --key store --samples 0 --json | jq -c '.entries[0].rows'
        rm -r lake/daily/2024-01-01 && formake diff daily@2024-01-01:prod daily@2024-01-01:pr-42 --rows | tail -3"
    ), @r#"
    $ formake diff pr-42
    other bytes  daily@2024-01-01:pr-42/dl  23c94ba5803b -> dc6ba964e3a4  sql changed
        sql changed, from line 2:
            select store,
          - sum (amount) as amount
          + sum (amount) * 0.75 as amount,
          + count (*) as sales
            from sales
          + where store <> 'lon'
          + or amount < 5
            group by store
        2 rows, 1 column added, 1 column of another type, 2 added, 2 removed, 1 column changed, mean of amount 6.000 → 4.500

    prod and pr-42 differ: 1 identity has other bytes. The bytes of 4 identities are the same.
    $ formake diff daily@2024-01-01:prod daily@2024-01-01:pr-42 | tail -3
    2 rows, 1 column added, 1 column of another type, 2 added, 2 removed, 1 column changed, mean of amount 6.000 → 4.500

    The bytes differ.
    $ formake build report@2024-01:pr-42 -j 1 | tail -1
    Done: 2 made, 1 valid, in (time).
    $ formake diff pr-42 --rows --key store | grep -v sql | tail -32
        input daily@2024-01-01: 23c94ba5803b -> dc6ba964e3a4
        input daily@2024-01-02: 4736d13e9e72 -> 8235627f30c0
        param lines: 10 -> none
        format: csv -> none

    daily@2024-01-01:pr-42/dl
    2 rows, 1 column added, 1 column of another type, 2 changed, 1 column changed, mean of amount 6.000 → 4.500
    ~ column amount: bigint → double
    + column sales: bigint
    by store: 2 changed

    column  rows  mean           min            max
    amount     2  6.000 → 4.500  4.000 → 3.000  8.000 → 6.000

    ~ store=lon  amount 4.0 → 3.0
    ~ store=nyc  amount 8.0 → 6.0

    daily@2024-01-02:pr-42/dl
    1 → 0 rows, 1 column added, 1 removed, 2 columns changed
    + column sales: text
    by store: 1 removed

    column  distinct  min         max
    store   1 → 0     lon → none  lon → none
    amount  1 → 0     6 → none    6 → none

    - store=lon  amount=6

    report@2024-01:pr-42/dl
    rows are not compared: lake/report/2024-01/dde5281b23e8827382c7ce1995b0fa62c698fcd4e9faf27db1013588604bd09d/report is not a table: its name says no format that can be read; use .csv, .tsv, .jsonl, .ndjson, .json (each also .gz) or .parquet

    prod and pr-42 differ: 3 identities have other bytes. The bytes of 2 identities are the same.
    $ formake diff daily@2024-01-02:prod daily@2024-01-02:pr-42 --rows --samples 1 | tail -13
        group by store

    1 → 0 rows, 1 column added, 1 removed, 2 columns changed
    + column sales: text
    whole rows: 1 removed

    column  distinct  min         max
    store   1 → 0     lon → none  lon → none
    amount  1 → 0     6 → none    6 → none

    - store=lon, amount=6

    The bytes differ.
    $ formake diff daily@2024-01-01:prod daily@2024-01-01:pr-42 --rows --key shop
    error[E0926]: rows cannot be paired: there is no column `shop`; there are `store`, `amount`

    1 error
    [exit 2]
    $ formake diff prod pr-42 --class daily --rows --key store --samples 1 --format markdown | tail -40

    ```diff
    ! column amount: bigint → double
    + column sales: bigint
    by store: 2 changed
    ! store=lon  amount 4.0 → 3.0
    ```

    </details>

    <details><summary>daily@2024-01-02:pr-42/dl: 1 → 0 rows, 1 column added, 1 removed, 2 columns changed</summary>

    | column |  |  | distinct |  | min | max |
    |---|---:|---|---|---|---|---|
    | `store` |  |  | `1 → 0` |  | `lon → none` | `lon → none` |
    | `amount` |  |  | `1 → 0` |  | `6 → none` | `6 → none` |

    ```diff
    + column sales: text
    by store: 1 removed
    - store=lon  amount=6
    ```

    </details>

    <details><summary>daily@2024-01-01..2024-01-02:pr-42/dl</summary>

    ```diff
    sql changed, from line 2:
      select store,
    - sum (amount) as amount
    + sum (amount) * 0.75 as amount,
    + count (*) as sales
      from sales
    + where store <> 'lon'
    + or amount < 5
      group by store
    ```

    </details>
    $ formake diff daily@2024-01-01:prod daily@2024-01-02:prod --rows --key store --samples 0 --json | jq -c '.entries[0].rows'
    {"kind":"tables","rows":[2,1],"schema":[],"columns":[{"column":"store","changed":0,"was":{"nulls":0,"distinct":2,"estimated":false,"mean":null,"min":"lon","max":"nyc"},"now":{"nulls":0,"distinct":1,"estimated":false,"mean":null,"min":"lon","max":"lon"}},{"column":"amount","changed":1,"was":{"nulls":0,"distinct":2,"estimated":false,"mean":6,"min":"4","max":"8"},"now":{"nulls":0,"distinct":1,"estimated":false,"mean":6,"min":"6","max":"6"}}],"key":["store"],"repeated":null,"same":0,"added":0,"removed":1,"changed":1,"samples":[]}
    $ rm -r lake/daily/2024-01-01 && formake diff daily@2024-01-01:prod daily@2024-01-01:pr-42 --rows | tail -3
    rows are not compared: the bytes of daily@2024-01-01:prod/dl are gone or damaged

    The bytes differ.
    "#);
}
