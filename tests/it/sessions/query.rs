//! SQL over snapshots: `query`.

use insta::assert_snapshot;

use super::built;
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
    ), @"");
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
    ), @"");
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
    assert_snapshot!(told.replace(&before, "BEFORE"), @"");
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
    ), @"");
}
