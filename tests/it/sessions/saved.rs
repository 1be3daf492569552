//! Saved plans: `plan -o`, `apply`.

use insta::assert_snapshot;

use super::{built, shop};
use crate::support::Project;
use formake::digest::of_bytes;

#[test]
fn a_plan_is_saved_and_applied() {
    let project = shop();
    assert_snapshot!(project.session(
        "formake plan -o plan.json
        formake apply plan.json --dry-run
        formake apply plan.json -j 1
        formake plan --exit-code
        formake apply plan.json"
    ), @"
    $ formake plan -o plan.json
    source  sales@2024-01-01:prod/dl  new
    run     daily@2024-01-01:prod/dl  not made yet
    source  sales@2024-01-02:prod/dl  new
    run     daily@2024-01-02:prod/dl  not made yet
    run     report@2024-01:prod/dl    not made yet

    3 to run. Runs 3 jobs.
    Saved: `formake apply plan.json` builds just that.
    $ formake apply plan.json --dry-run
    source  sales@2024-01-01:prod/dl  new
    run     daily@2024-01-01:prod/dl  not made yet
    source  sales@2024-01-02:prod/dl  new
    run     daily@2024-01-02:prod/dl  not made yet
    run     report@2024-01:prod/dl    not made yet

    3 to run. Runs 3 jobs.
    $ formake apply plan.json -j 1
    Running 3 of 3 jobs.
          run daily@2024-01-01:prod/dl  not made yet
         made daily@2024-01-01:prod/dl  (time), 25 B
          run daily@2024-01-02:prod/dl  not made yet
         made daily@2024-01-02:prod/dl  (time), 19 B
          run report@2024-01:prod/dl  not made yet
         made report@2024-01:prod/dl  (time), 44 B
    Done: 3 made, in (time).
    $ formake plan --exit-code
    Nothing to do: all 3 are valid.
    $ formake apply plan.json
    error[E0830]: the plan in `plan.json` no longer holds: 3 things moved since it was made
     |
     = note: daily@2024-01-01:prod/dl stood for nothing, and stands for snapshot 3 (23c94ba5803b) now
     = note: daily@2024-01-02:prod/dl stood for nothing, and stands for snapshot 4 (4736d13e9e72) now
     = note: report@2024-01:prod/dl stood for nothing, and stands for snapshot 5 (8406b6b1dab7) now
     = help: look at what is to be done now, and save that: `formake plan -o plan.json`

    1 error
    [exit 1]
    ");
    assert!(!project.shell("cat plan.json").stdout.contains(&project.root.display().to_string()), "paths are the project's");
    project.formake("plan -o other.json").ended(0);
    let events = project.formake("apply other.json --json").ended(0).events();
    assert_eq!(events.last().map(|event| &event["valid"]), Some(&3.into()));
}

#[test]
fn the_same_plan_gives_the_same_file() {
    let files = [shop(), shop()].map(|project| {
        project.formake("plan -o plan.json").ended(0);
        project.read("plan.json")
    });
    assert_eq!(files[0], files[1]);
}

#[test]
fn what_moved_is_told() {
    let project = built();
    project.write("raw/2024-01-02.csv", "store,amount\nlon,7\n");
    project.formake("plan -o plan.json").ended(0);
    let refused = |edit: &dyn Fn(&Project), back: &dyn Fn(&Project)| {
        edit(&project);
        let ran = project.formake("apply plan.json").ended(1);
        back(&project);
        assert_eq!(project.formake("apply plan.json --dry-run").code, Some(0), "it holds again");
        project.normal(&ran.text())
    };
    let source = refused(&|p| p.write("raw/2024-01-01.csv", "store,amount\nnyc,9\n"), &|p| {
        p.write("raw/2024-01-01.csv", "store,amount\nnyc,3\nlon,4\nnyc,5\n")
    });
    assert_snapshot!(source, @"
    error[E0830]: the plan in `plan.json` no longer holds: 1 thing moved since it was made
     |
     = note: sales@2024-01-01:prod/dl: its bytes were 81f95cdb7698, and are a95b34a461af now
     = help: look at what is to be done now, and save that: `formake plan -o plan.json`

    1 error
    ");
    let more = refused(&|p| p.write("raw/2024-01-03.csv", "store,amount\nnyc,9\n"), &|p| drop(p.shell("rm raw/2024-01-03.csv")));
    assert_snapshot!(more, @"
    error[E0830]: the plan in `plan.json` no longer holds: 1 thing moved since it was made
     |
     = note: report@2024-01:prod/dl reads now also daily@2024-01-03:prod/dl as `daily`
     = help: look at what is to be done now, and save that: `formake plan -o plan.json`

    1 error
    ");
    let formula =
        refused(&|p| p.edit("pipeline.formula", "lines = 10", "lines = 20"), &|p| p.edit("pipeline.formula", "lines = 20", "lines = 10"));
    assert_snapshot!(formula, @"
    error[E0830]: the plan in `plan.json` no longer holds: 1 thing moved since it was made
     |
     = note: daily -> report (pipeline.formula:12): param lines: 10 -> 20
     = help: look at what is to be done now, and save that: `formake plan -o plan.json`

    1 error
    ");
    let sql =
        refused(&|p| p.edit("jobs/daily.sql", "by store\n", "by amount\n"), &|p| p.edit("jobs/daily.sql", "by amount\n", "by store\n"));
    assert_snapshot!(sql, @"
    error[E0830]: the plan in `plan.json` no longer holds: 1 thing moved since it was made
     |
     = note: sales -> daily (pipeline.formula:6):
             sql changed, from line 5:
                 group by store
               - order by store
               + order by amount
     = help: look at what is to be done now, and save that: `formake plan -o plan.json`

    1 error
    ");
    let held = refused(&|p| drop(p.shell("formake publish daily@2024-01-01 raw/2024-01-01.csv --hold --because audit").ended(0)), &|p| {
        p.shell("formake release daily@2024-01-01 && formake build daily@2024-01-01").ended(0);
    });
    assert_snapshot!(held, @"
    error[E0830]: the plan in `plan.json` no longer holds: 1 thing moved since it was made
     |
     = note: daily@2024-01-01:prod/dl stood for snapshot 3 (23c94ba5803b), and stands for snapshot 6 (81f95cdb7698) now
     = help: look at what is to be done now, and save that: `formake plan -o plan.json`

    1 error
    ");
    let lost = refused(&|p| drop(p.shell("chmod -R u+w lake && mv lake/daily/2024-01-01 lost").ended(0)), &|p| {
        drop(p.shell("mv lost lake/daily/2024-01-01").ended(0))
    });
    assert_snapshot!(lost, @"
    error[E0830]: the plan in `plan.json` no longer holds: 1 thing moved since it was made
     |
     = note: daily@2024-01-01:prod/dl: the plan says valid (snapshot 3), and a plan of now says may run
     = help: look at what is to be done now, and save that: `formake plan -o plan.json`

    1 error
    ");
    // What does not matter to it does not refuse it.
    project.edit("pipeline.formula", "# Sales of two days", "\n\n# Sales of two days");
    project.write("raw/2024-02-01.csv", "store,amount\nnyc,9\n");
    project.formake("build daily@2024-02-01").ended(0);
    project.formake("apply plan.json").ended(0);
}

/// A plan for a label with a base is no longer true when the base moved.
#[test]
fn the_base_was_built_meanwhile() {
    let project = built();
    project.write("formake.yaml", "repositories: { dl: { root: lake } }\nlabels: { prod: {}, 'pr-*': { base: prod } }\n");
    project.edit("pipeline.formula", "lines = 10", "lines = 20");
    project.formake("plan --label pr-42 -o plan.json").ended(0);
    project.write("raw/2024-01-02.csv", "store,amount\nlon,7\n");
    assert_snapshot!(project.session(
        "formake apply plan.json
        formake plan --label pr-42 -o plan.json | tail -n 1
        formake build daily@2024-01-02 | tail -n 1
        formake apply plan.json
        formake plan --label pr-42 -o plan.json | tail -n 1
        formake apply plan.json -j 1
        formake plan --label pr-42 | tail -n 1"
    ), @"
    $ formake apply plan.json
    error[E0830]: the plan in `plan.json` no longer holds: 1 thing moved since it was made
     |
     = note: sales@2024-01-02:pr-42/dl: its bytes were 4736d13e9e72, and are 1e88c51e41ae now
     = help: look at what is to be done now, and save that: `formake plan --label pr-42 -o plan.json`

    1 error
    [exit 1]
    $ formake plan --label pr-42 -o plan.json | tail -n 1
    Saved: `formake apply plan.json` builds just that.
    $ formake build daily@2024-01-02 | tail -n 1
    Done: 1 made, in (time).
    $ formake apply plan.json
    error[E0830]: the plan in `plan.json` no longer holds: 1 thing moved since it was made
     |
     = note: daily@2024-01-02:pr-42/dl, in its label's base, stood for snapshot 4 (4736d13e9e72), and stands for snapshot 7 (1e88c51e41ae) now
     = help: look at what is to be done now, and save that: `formake plan --label pr-42 -o plan.json`

    1 error
    [exit 1]
    $ formake plan --label pr-42 -o plan.json | tail -n 1
    Saved: `formake apply plan.json` builds just that.
    $ formake apply plan.json -j 1
    Running 1 of 3 jobs.
          run report@2024-01:pr-42/dl  param lines and input daily@2024-01-02 changed
         made report@2024-01:pr-42/dl  (time), 44 B
    Done: 1 made, 2 inherited, in (time).
    $ formake plan --label pr-42 | tail -n 1
    Nothing to do: 2 inherited, 1 valid.
    ");
}

#[test]
fn code_and_tools_count() {
    let project = Project::new(&[
        ("pipeline.formula", "-> (calendar, prod, dl) {\n    run  \"bash year.sh > {{ output }}\"\n    tool \"cat version\"\n}\n"),
        ("year.sh", "echo 2024\n"),
        ("version", "1.0"),
    ]);
    project.formake("plan -o plan.json").ended(0);
    project.write("year.sh", "echo 2025\n");
    project.write("version", "1.1");
    assert_snapshot!(project.session("formake apply plan.json"), @"
    $ formake apply plan.json
    error[E0830]: the plan in `plan.json` no longer holds: 1 thing moved since it was made
     |
     = note: -> calendar (pipeline.formula:1):
             code year.sh: 376263e893e5 -> bb06f5a04d9d
             tool cat version: 1.0 -> 1.1
     = help: look at what is to be done now, and save that: `formake plan -o plan.json`

    1 error
    [exit 1]
    ");
}

/// The last line but one holds the digest of the text before it.
fn sealed(text: &str) -> String {
    let start = text.rfind(",\n  \"seal\"").expect("a seal");
    format!("{},\n  \"seal\": \"{}\"\n}}\n", &text[..start], of_bytes(&text.as_bytes()[..start]))
}

#[test]
fn a_file_that_is_not_as_it_was_written_runs_nothing() {
    let project = built();
    project.write("raw/2024-01-02.csv", "store,amount\nlon,7\n");
    project.formake("plan -o plan.json").ended(0);
    let plan = project.read("plan.json");
    let before = project.contents();
    for cut in (0..plan.len()).step_by(plan.len() / 40) {
        project.write("cut.json", &plan[..cut]);
        project.formake("apply cut.json").ended(2);
    }
    let edited = |from: &str, to: &str| {
        assert!(plan.contains(from), "{from}");
        plan.replacen(from, to, 1)
    };
    project.write("changed.json", &edited("\"valid\"", "\"run\""));
    project.write("newer.json", &edited("saved-plan/1", "saved-plan/2"));
    project.write("unknown.json", &edited("\"available\": false", "\"available\": false, \"sorted\": true"));
    // Whoever writes a seal of their own gets no further.
    project.write(
        "more.json",
        &sealed(&edited("\"daily@2024-01-01:prod/dl\", \"action\": \"valid\"", "\"daily@2024-01-01:prod/dl\", \"action\": \"run\"")),
    );
    project.write("unasked.json", &sealed(&edited("\"report@2024-01:prod/dl\"\n", "\"report@2024-02:prod/dl\"\n")));
    assert_snapshot!(project.session(
        "formake plan --json > shown.json
        formake apply shown.json
        formake apply changed.json 2>&1 | sed 's/line [0-9]*/line N/'
        formake apply newer.json
        formake apply unknown.json
        formake apply more.json
        formake apply unasked.json
        formake apply nowhere.json"
    ), @"
    $ formake plan --json > shown.json
    $ formake apply shown.json
    error[E0831]: `shown.json` is not a saved plan: it is a `formake.plan/1`
     |
     = help: save one with `formake plan -o FILE`

    1 error
    [exit 2]
    $ formake apply changed.json 2>&1 | sed 's/line [0-9]*/line N/'
    error[E0831]: `changed.json` is not a saved plan, or not whole
     |
     = note: line N, the seal is not that of the text above it: somebody changed the file
     = help: save the plan again, and apply it as it was written

    1 error
    $ formake apply newer.json
    error[E0832]: `newer.json` has the schema formake.saved-plan/2, and this formake knows formake.saved-plan/1
     |
     = note: formake 0.1.0 wrote it
     = help: apply it with that version, or save the plan again

    1 error
    [exit 2]
    $ formake apply unknown.json
    error[E0831]: `unknown.json` is not a saved plan, or not whole
     |
     = note: line 7, column 32: unknown field `sorted`, expected one of `targets`, `label`, `available`, `fresh`, `like`
     = help: save the plan again, and apply it as it was written

    1 error
    [exit 2]
    $ formake apply more.json
    error[E0830]: the plan in `more.json` no longer holds: 1 thing moved since it was made
     |
     = note: daily@2024-01-01:prod/dl: the plan says run (snapshot 3), and a plan of now says valid (snapshot 3)
     = help: look at what is to be done now, and save that: `formake plan -o more.json`

    1 error
    [exit 1]
    $ formake apply unasked.json
    error[E0830]: the plan in `unasked.json` no longer holds: 6 things moved since it was made
     |
     = note: report@2024-02:prod/dl is needed now, and was not
     = note: sales@2024-01-01:prod/dl was needed, and is not any more
     = note: daily@2024-01-01:prod/dl was needed, and is not any more
     = note: sales@2024-01-02:prod/dl was needed, and is not any more
     = note: daily@2024-01-02:prod/dl was needed, and is not any more
     = note: report@2024-01:prod/dl was needed, and is not any more
     = help: look at what is to be done now, and save that: `formake plan -o unasked.json`

    1 error
    [exit 1]
    $ formake apply nowhere.json
    error[E0831]: `nowhere.json` cannot be read: No such file or directory (os error 2)

    1 error
    [exit 2]
    ");
    assert_eq!(project.contents(), before);
    project.write("plan.json", &sealed(&plan));
    project.formake("apply plan.json").ended(0);
}

#[test]
fn a_file_of_another_project() {
    let project = built();
    project.formake("plan report@2024-01 -o plan.json").ended(0);
    let other = Project::new(&[("pipeline.formula", "-> (calendar, prod, dl) { run \"echo 2024 > {{ output }}\" }\n")]);
    other.write("plan.json", &project.read("plan.json"));
    assert_snapshot!(other.session("formake apply plan.json"), @"
    $ formake apply plan.json
    error[E0830]: the plan in `plan.json` no longer holds: 1 thing moved since it was made
     |
     = note: no dataset class is called `report`
             help: the classes are: calendar
     = help: look at what is to be done now, and save that: `formake plan report@2024-01 -o plan.json`
     = help: or was it saved in another project?

    1 error
    [exit 1]
    ");
}

#[test]
fn nothing_runs_that_the_plan_does_not_say() {
    // `spoils` destroys the bytes of `valid`, which another job still has to read.
    let formulas = r#"
-> (valid, prod, dl) { run "echo valid > {{ output }}" }

(valid, prod, dl) -> (spoils, prod, dl) { run "chmod -R u+w ../../../../lake/valid && rm -r ../../../../lake/valid; false" }

-> (slow, prod, dl) { run "sleep 1; echo slow > {{ output }}" }

(valid, prod, dl) + (slow, prod, dl) -> (both, prod, dl) { run "cat {{ inputs.valid }} {{ inputs.slow }} > {{ output }}" }
"#;
    let project = Project::new(&[
        ("formake.yaml", "targets: [spoils, both]\nrepositories: { dl: { root: lake } }\n"),
        ("pipeline.formula", formulas),
    ]);
    project.formake("build valid").ended(0);
    project.formake("plan -o plan.json").ended(0);
    let ran = project.formake("apply plan.json -k -j 2 --json").ended(1);
    assert_eq!(ran.outputs_of("job_started"), ["slow:prod/dl", "spoils:prod/dl"].map(String::from).into());
    let because = ran
        .events()
        .into_iter()
        .find(|event| event["event"] == "job_blocked")
        .map(|event| event["because"].as_str().unwrap_or_default().to_string());
    assert_snapshot!(because.expect("something is blocked"), @"it would have to be made (its bytes are gone), and the plan that is applied does not say so");
    // A build is free to.
    project.formake("build both").ended(0);
}
