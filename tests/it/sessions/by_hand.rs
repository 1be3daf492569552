//! What people do by hand: `publish`, `release`, `invalidate`.

use insta::assert_snapshot;

use super::built;

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
    ), @r"
    $ formake invalidate sales@2024-01-02 --because 'amounts in cents'
    sales@2024-01-02:prod/dl  4736d13e9e72  source raw/2024-01-02.csv

    under prod
      loses it      sales@2024-01-02:prod/dl
      made from it  daily@2024-01-02:prod/dl  the day by store
      made from it  report@2024-01:prod/dl

    1 snapshot to invalidate; 2 identities under 1 label stand for what was made from it.
    error[E0807]: invalidating asks first, and nobody is there to answer
     |
     = help: add `--yes`

    1 error
    [exit 2]
    $ formake invalidate sales@2024-01-02 --because 'amounts in cents' --yes
    sales@2024-01-02:prod/dl  4736d13e9e72  source raw/2024-01-02.csv

    under prod
      loses it      sales@2024-01-02:prod/dl
      made from it  daily@2024-01-02:prod/dl  the day by store
      made from it  report@2024-01:prod/dl

    1 snapshot to invalidate; 2 identities under 1 label stand for what was made from it.
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

    under prod
      loses it  report@2024-01:prod/dl

    1 snapshot to invalidate; nothing stands for what was made from it.
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
    ");
}
