//! A change without a meaning: `bless`, `verify`.

use insta::assert_snapshot;

use super::{built, shop};
use crate::support::Project;

const NAMED: (&str, &str) = ("sum(amount)", "sum(sales.amount)");

#[test]
fn a_blessing_lasts_until_the_recipe_changes() {
    let project = built();
    project.edit("jobs/daily.sql", NAMED.0, NAMED.1);
    assert_snapshot!(project.session(
        "formake plan | tail -n 1
        formake bless report@2024-01 --because 'names the table'
        formake bless daily@2024-01-01..2024-01-02 --because 'names the table'
        formake plan
        formake why daily@2024-01-01
        formake build
        formake verify daily@2024-01
        formake bless daily@2024-01-01 --because twice
        formake bless daily --because again"
    ), @"
    $ formake plan | tail -n 1
    2 to run, 1 may run. Runs at least 2, at most 3 jobs.
    $ formake bless report@2024-01 --because 'names the table'
    error[E0850]: report@2024-01:prod/dl cannot be blessed
     |
     = note: its inputs are not settled: daily@2024-01-01:prod/dl and 1 more would be made first
     = help: make or bless daily@2024-01-01:prod/dl first; both can be blessed by one command

    1 error
    [exit 1]
    $ formake bless daily@2024-01-01..2024-01-02 --because 'names the table'
    daily@2024-01-01:prod/dl is blessed.
    daily@2024-01-02:prod/dl is blessed.
      sql changed, from line 2:
          select store,
        - sum (amount) as amount
        + sum (sales.amount) as amount
          from sales
    `formake verify daily@2024-01-01:prod/dl` makes it again, aside, and compares the bytes.
    $ formake plan
    Nothing to do: all 3 are valid.
    $ formake why daily@2024-01-01
    daily@2024-01-01:prod/dl is valid, blessed by you on YYYY-MM-DD hh:mm:ss: names the table
      sql changed, from line 2:
          select store,
        - sum (amount) as amount
        + sum (sales.amount) as amount
          from sales
      by sales -> daily (pipeline.formula:6)

    It stands for 23c94ba5803b (25 B), made by run 1, by you, YYYY-MM-DD hh:mm:ss, in (time).
      formula sales -> daily (pipeline.formula:6)
      sales  sales@2024-01-01:prod/dl  81f95cdb7698
    $ formake build
    Nothing to do: all 3 are valid.
    $ formake verify daily@2024-01
    same  daily@2024-01-01:prod/dl  23c94ba5803b, 25 B
    same  daily@2024-01-02:prod/dl  4736d13e9e72, 19 B
    All 2 were made again with the same bytes.
    $ formake bless daily@2024-01-01 --because twice
    error[E0850]: daily@2024-01-01:prod/dl cannot be blessed
     |
     = note: it is valid without a blessing

    1 error
    [exit 1]
    $ formake bless daily --because again
    error[E0850]: daily@2024-01-01:prod/dl cannot be blessed
     |
     = note: it is valid without a blessing

    error[E0850]: daily@2024-01-02:prod/dl cannot be blessed
     |
     = note: it is valid without a blessing

    2 errors
    [exit 1]
    ");
    // Another change ends it, and takes nothing away: with the recipe of the blessing it holds again.
    project.edit("jobs/daily.sql", NAMED.1, "max(sales.amount)");
    assert_eq!(project.formake("plan --json").ended(0).planned(&["run"]).len(), 2);
    project.edit("jobs/daily.sql", "max(sales.amount)", NAMED.1);
    project.formake("plan --exit-code").ended(0);
    // So does other data, and only where it came in.
    project.write("raw/2024-01-02.csv", "store,amount\nlon,7\n");
    assert_eq!(project.formake("plan --json").ended(0).planned(&["run"]), ["daily@2024-01-02:prod/dl".to_string()].into());
    project.write("raw/2024-01-02.csv", "store,amount\nlon,6\n");
    assert_snapshot!(project.session(
        "formake bless daily@2024-01-02 --revoke
        formake bless daily@2024-01-02 --revoke
        formake plan --json | grep -c '\"run\"'
        formake history daily@2024-01-02 | grep -o '[a-z]*bless .*'"
    ), @r#"
    $ formake bless daily@2024-01-02 --revoke
    daily@2024-01-02:prod/dl is no longer blessed (said by you on YYYY-MM-DD hh:mm:ss: names the table)
    $ formake bless daily@2024-01-02 --revoke
    error[E0851]: nothing that `daily@2024-01-02` stands for is blessed
     |
     = help: `formake why daily@2024-01-02` tells why it is valid, or not

    1 error
    [exit 2]
    $ formake plan --json | grep -c '"run"'
    2
    $ formake history daily@2024-01-02 | grep -o '[a-z]*bless .*'
    bless    daily@2024-01-02:prod/dl  4 -> 4  names the table
    unbless  daily@2024-01-02:prod/dl  4 -> 4  formake bless daily@2024-01-02 --revoke
    "#);
}

#[test]
fn a_blessing_that_is_not_true_is_found_out() {
    let project = built();
    project.edit("jobs/daily.sql", "sum(amount)", "max(amount)");
    assert_snapshot!(project.session(
        "formake verify daily@2024-01
        formake verify daily@2024-01-02
        formake bless daily@2024-01 --because 'only faster'
        formake verify daily@2024-01
        formake verify daily@2024-01-01 --json | grep same"
    ), @r#"
    $ formake verify daily@2024-01
    different  daily@2024-01-01:prod/dl  23c94ba5803b, 25 B -> 292dead99f2c, 25 B
      it was made by another recipe than there is now:
      sql changed, from line 2:
          select store,
        - sum (amount) as amount
        + max (amount) as amount
          from sales
    same       daily@2024-01-02:prod/dl  4736d13e9e72, 19 B
    1 of 2 came out with the same bytes.
    [exit 1]
    $ formake verify daily@2024-01-02
    same  daily@2024-01-02:prod/dl  4736d13e9e72, 19 B
    Made again, with the same bytes.
    Where the recipe has changed, `formake bless daily@2024-01-02:prod/dl --because "…"` says so, and nothing is made again.
    $ formake bless daily@2024-01 --because 'only faster'
    daily@2024-01-01:prod/dl is blessed.
    daily@2024-01-02:prod/dl is blessed.
      sql changed, from line 2:
          select store,
        - sum (amount) as amount
        + max (amount) as amount
          from sales
    `formake verify daily@2024-01-01:prod/dl` makes it again, aside, and compares the bytes.
    $ formake verify daily@2024-01
    different  daily@2024-01-01:prod/dl  23c94ba5803b, 25 B -> 292dead99f2c, 25 B
      you said that it would not: only faster
      sql changed, from line 2:
          select store,
        - sum (amount) as amount
        + max (amount) as amount
          from sales
    same       daily@2024-01-02:prod/dl  4736d13e9e72, 19 B
    1 of 2 came out with the same bytes.
    [exit 1]
    $ formake verify daily@2024-01-01 --json | grep same
      "same": false,
          "same": false,
              "same": false,
          "same_key": false,
    "#);
}

#[test]
fn one_command_blesses_what_stands_on_each_other() {
    let project = built();
    project.edit("jobs/daily.sql", NAMED.0, NAMED.1);
    project.edit("pipeline.formula", "lines = 10", "lines = 20");
    assert_snapshot!(project.session(
        "formake bless report@2024-01 daily@2024-01 --because 'nothing is that long' --json | grep -E 'identity|part'
        formake plan
        formake bless report@2024-01 --revoke
        formake plan | tail -n 1"
    ), @r#"
    $ formake bless report@2024-01 daily@2024-01 --because 'nothing is that long' --json | grep -E 'identity|part'
          "identity": "daily@2024-01-01:prod/dl",
            "identity": "daily@2024-01-01:prod/dl",
              "part": "sql",
          "identity": "daily@2024-01-02:prod/dl",
            "identity": "daily@2024-01-02:prod/dl",
              "part": "sql",
          "identity": "report@2024-01:prod/dl",
            "identity": "report@2024-01:prod/dl",
              "part": "param lines",
    $ formake plan
    Nothing to do: all 3 are valid.
    $ formake bless report@2024-01 --revoke
    report@2024-01:prod/dl is no longer blessed (said by you on YYYY-MM-DD hh:mm:ss: nothing is that long)
    $ formake plan | tail -n 1
    1 to run, 2 valid. Runs 1 job.
    "#);
}

#[test]
fn what_cannot_be_blessed() {
    let project = built();
    let more = r#"
(report, <MONTH>, prod, dl) -> (sent, <MONTH>, prod, dl) {
    effect
    run "cp {{ inputs.report }} {{ output }}"
}

-> (chance, prod, dl) { run "date +%N > {{ output }}" }

-> (never, prod, dl) { run "echo > {{ output }}" }
"#;
    project.write("pipeline.formula", &(project.read("pipeline.formula") + more));
    project.write("goals.csv", "nyc,10\n");
    project.formake("publish goals@2024-01 goals.csv").ended(0);
    project.formake("build sent@2024-01 chance").ended(0);
    project.edit("pipeline.formula", "cp {{", "cp -p {{");
    project.write("raw/2024-01-02.csv", "store,amount\nlon,7\n");
    let refused = |target: &str| {
        let told = project.formake(&format!("bless {target} --because x")).ended(1).stderr;
        let told = told.lines().filter(|line| line.contains("= note") || line.starts_with("     "));
        told.map(|line| format!("{target}: {}\n", line.trim_start_matches([' ', '=']))).collect::<String>()
    };
    let targets =
        ["sales@2024-01-01", "goals@2024-01", "sent@2024-01", "chance", "never", "daily@2024-01-02", "review@2024-01"].map(refused);
    assert_snapshot!(targets.concat(), @"
    sales@2024-01-01: note: no formula makes it, so that there is no recipe that could have changed
    goals@2024-01: note: no formula makes it, so that there is no recipe that could have changed
    sent@2024-01: note: its job is an `effect`: what it did stays done, whatever the recipe is now
    chance: note: it is valid without a blessing
    never: note: it stands for nothing that could be blessed
    daily@2024-01-02: note: it was made from other data, and only a change of the recipe can be blessed
    daily@2024-01-02: input sales@2024-01-02: 4736d13e9e72 -> 1e88c51e41ae
    review@2024-01: note: its inputs are not settled: report@2024-01:prod/dl would be made first
    ");
    project.shell("chmod -R u+w lake && rm -r lake/daily/2024-01-01").ended(0);
    project.edit("jobs/daily.sql", NAMED.0, NAMED.1);
    assert_snapshot!(refused("daily@2024-01-01"), @"
    daily@2024-01-01: note: there is nothing that could stay: its bytes are gone
    ");
    project.formake("bless daily@2024-01-01").ended(2);
}

#[test]
fn verifying_changes_nothing() {
    let project = shop();
    project.formake("build").ended(0);
    project.formake("build daily@2024-01-01").ended(0);
    let all = || project.shell("find lake .formake -type f ! -name lock ! -name 'catalog.db-*' | sort; formake history --json").stdout;
    let before = all();
    project.formake("verify daily@2024-01 report@2024-01").ended(0);
    assert_eq!(all(), before);
}

#[test]
fn what_verifying_finds_and_refuses() {
    let formulas = r#"
source (raw, prod, dl) from "raw.csv"

-> (chance, prod, dl) { run "date +%N > {{ output }}" }

-> (tree, prod, dl) {
    run "mkdir {{ output }}; echo a > {{ output }}/a; ln -s a {{ output }}/b; printf '#!/bin/sh' > {{ output }}/c; chmod 744 {{ output }}/c"
    folder
}

(raw, prod, dl) -> (sent, prod, dl) {
    effect
    run "cp {{ inputs.raw }} {{ output }}"
}

(raw, prod, dl) -> (kept, prod, dl) { copy }

(raw, prod, dl) -> (many, prod, dl) + (few, prod, dl) { run "cp {{ inputs.raw }} {{ outputs.many }}; head -c 2 {{ inputs.raw }} > {{ outputs.few }}" }
"#;
    let project =
        Project::new(&[("formake.yaml", "repositories: { dl: { root: lake } }\n"), ("pipeline.formula", formulas), ("raw.csv", "a,b\n")]);
    project.formake("build").ended(0);
    project.edit("pipeline.formula", "head -c 2", "head -c 3");
    assert_snapshot!(project.session(
        "formake verify many kept tree
        formake verify chance | sed 's/ [0-9a-f]\\{12\\}, [0-9]* B/ HASH/g'
        formake verify sent raw
        sed -i 's/head -c 3/false/' pipeline.formula && formake verify few
        echo c > raw.csv && formake verify kept
        rm raw.csv && formake verify kept"
    ), @r"
    $ formake verify many kept tree
    same       many:prod/dl  bb8c3eaa2194, 4 B
    different  few:prod/dl   49479bb02762, 2 B -> d1411d157691, 3 B
      it was made by another recipe than there is now:
      run changed:
        - …utputs.many }}; head -c 2 {{ inputs.raw }} > {{ outputs.few }}
        + …utputs.many }}; head -c 3 {{ inputs.raw }} > {{ outputs.few }}
    same       kept:prod/dl  bb8c3eaa2194, 4 B
    same       tree:prod/dl  1830d8002e51, 13 B
    3 of 4 came out with the same bytes.
    [exit 1]
    $ formake verify chance | sed 's/ [0-9a-f]\{12\}, [0-9]* B/ HASH/g'
    different  chance:prod/dl  HASH -> HASH
      the same recipe from the same inputs gave other bytes: it is not deterministic
    0 of 1 came out with the same bytes.
    $ formake verify sent raw
    error[E0852]: sent:prod/dl cannot be verified
     |
     = note: its job is an `effect`: run again, it would act again on the outside

    error[E0852]: raw:prod/dl cannot be verified
     |
     = note: it is a source: no job makes it

    2 errors
    [exit 2]
    $ sed -i 's/head -c 3/false/' pipeline.formula && formake verify few
    failed  many:prod/dl  bb8c3eaa2194, 4 B
    failed  few:prod/dl   49479bb02762, 2 B
      it ended with exit status 1
      run changed:
        - … }} {{ outputs.many }}; head -c 2 {{ inputs.raw }} > {{ outputs.few }}
        + … }} {{ outputs.many }}; false {{ inputs.raw }} > {{ outputs.few }}
    0 of 2 came out with the same bytes.
    [exit 1]
    $ echo c > raw.csv && formake verify kept
    different  kept:prod/dl  bb8c3eaa2194, 4 B -> d1cd1ec45291, 2 B
      it was made from other data than there is now:
      input raw: bb8c3eaa2194 -> d1cd1ec45291
    0 of 1 came out with the same bytes.
    [exit 1]
    $ rm raw.csv && formake verify kept
    error[E0853]: kept:prod/dl cannot be verified: what it reads is not there
     |
     = note: raw:prod/dl: its bytes are gone
     = help: `formake build raw:prod/dl` makes it, where something can

    1 error
    [exit 5]
    ");
}

/// Said under a label of what it inherits, it holds in the base too, once the change is there.
#[test]
fn a_label_blesses_what_it_inherits() {
    let project = built();
    project.write("formake.yaml", "repositories: { dl: { root: lake } }\nlabels: { prod: {}, 'pr-*': { base: prod } }\n");
    let tagged = "\n-> (tagged, prod, dl) { run \"echo {{ label }} > {{ output }}\" }\n";
    project.write("pipeline.formula", &(project.read("pipeline.formula") + tagged));
    project.formake("build tagged").ended(0);
    project.edit("jobs/daily.sql", NAMED.0, NAMED.1);
    assert_snapshot!(project.session(
        "formake bless tagged:pr-42 --because 'the same'
        formake bless daily@2024-01 --label pr-42 --because 'names the table' | head -n 1
        formake plan --label pr-42 | tail -n 1
        formake why daily@2024-01-01:pr-42 | head -n 3
        formake plan daily@2024-01 --available
        formake why daily@2024-01-01 | head -n 2"
    ), @"
    $ formake bless tagged:pr-42 --because 'the same'
    error[E0850]: tagged:pr-42/dl cannot be blessed
     |
     = note: its recipe writes the label, which is another one here
     = help: `formake build tagged:pr-42/dl` makes it

    1 error
    [exit 1]
    $ formake bless daily@2024-01 --label pr-42 --because 'names the table' | head -n 1
    daily@2024-01-01:pr-42/dl is blessed.
    $ formake plan --label pr-42 | tail -n 1
    1 to run, 3 inherited. Runs 1 job. Writes about 5 B.
    $ formake why daily@2024-01-01:pr-42 | head -n 3
    daily@2024-01-01:pr-42/dl is inherited, blessed by you on YYYY-MM-DD hh:mm:ss: names the table
      sql changed, from line 2:
          select store,
    $ formake plan daily@2024-01 --available
    Nothing to do: all 2 are valid.
    $ formake why daily@2024-01-01 | head -n 2
    daily@2024-01-01:prod/dl is valid, blessed (as daily@2024-01-01:pr-42/dl) by you on YYYY-MM-DD hh:mm:ss: names the table
      sql changed, from line 2:
    ");
}

#[test]
fn only_who_may_write_blesses() {
    let project = built();
    project
        .write("formake.yaml", "targets: [report@2024-01]\nrepositories: { dl: { root: lake } }\nlabels: { prod: { writers: [alice] } }\n");
    project.edit("jobs/daily.sql", NAMED.0, NAMED.1);
    project.formake("bless daily@2024-01 --because x").ended(4);
    project.formake("plan --exit-code").ended(4);
    project.shell("USER=alice formake bless daily@2024-01 --because x").ended(0);
    project.formake("plan --exit-code").ended(0);
    project.formake("bless daily@2024-01 --revoke").ended(4);
    project.formake("verify daily@2024-01").ended(0);
}
