//! What makes: `init`, `check`, `fmt`, `plan`, `build`.

use insta::assert_snapshot;

use super::shop;
use crate::support::Project;

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
      formake plan --label pr-1               what that change would make anew, beside prod
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
