//! Who may write where: every command that writes is refused to others before it does anything, and that it was refused is recorded.

use insta::assert_snapshot;

use super::shop;
use crate::support::Project;

const SETTINGS: &str = r#"targets: [report@2024-01]
repositories: { dl: { root: lake }, pii: { root: vault, writers: ["group:keepers"] } }
labels: { prod: { protected: true, writers: [alice, "group:release"] }, "pr-*": {}, archive: { protected: true } }
"#;

/// The shop, in which alice has built.
fn guarded() -> Project {
    let project = shop();
    project.write("formake.yaml", SETTINGS);
    project.shell("USER=alice formake build -j 1").ended(0);
    project
}

/// All that a refused command must leave as it is: catalog and bytes.
fn state(project: &Project) -> String {
    let there = project.shell("find lake vault -type f | sort | xargs -r md5sum; USER=bob formake ls --all --json").ended(0).stdout;
    let rows = project.shell("USER=bob formake history").ended(0).stdout;
    rows.lines().filter(|row| !row.contains("  refuse  ")).map(|row| format!("{row}\n")).collect::<String>() + &there
}

/// What is shown, without whether this machine knows the users.
fn shown(project: &Project, lines: &str) -> String {
    let shown = project.session(lines);
    shown.lines().filter(|line| !line.contains("the groups of ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn others_are_refused_before_anything_is_done() {
    let project = guarded();
    project.write("goals.csv", "nyc,10\n");
    project.shell("USER=alice formake publish report@2024-01 goals.csv --hold --because audited").ended(0);
    project.write("raw/2024-01-03.csv", "store,amount\nlon,1\n");
    let before = state(&project);
    assert_snapshot!(shown(&project,
        "USER=bob formake plan daily@2024-01-01..2024-01-03
        USER=bob formake build daily@2024-01-01..2024-01-03
        USER=bob formake publish goals@2024-01 goals.csv
        USER=bob formake release report@2024-01
        USER=bob formake invalidate sales@2024-01-02 --because 'amounts in cents' --yes
        USER=bob formake history | grep refuse"
    ), @r"
    $ USER=bob formake plan daily@2024-01-01..2024-01-03
    source  sales@2024-01-01:prod/dl  raw/<DATE>.csv
    valid   daily@2024-01-01:prod/dl
    source  sales@2024-01-02:prod/dl  raw/<DATE>.csv
    valid   daily@2024-01-02:prod/dl
    source  sales@2024-01-03:prod/dl  new
    run     daily@2024-01-03:prod/dl  not made yet

    bob may not write under the label prod (alice and group:release may):
      sales@2024-01-03:prod/dl
      daily@2024-01-03:prod/dl

    1 to run, 2 valid. Runs 1 job.
    [exit 4]
    $ USER=bob formake build daily@2024-01-01..2024-01-03
    error[E0820]: bob may not write under the label prod
     |
     = note: this would change sales@2024-01-03:prod/dl, daily@2024-01-03:prod/dl
     = note: formake.yaml says so: `labels: prod`
     = help: alice and group:release may

    1 error
    [exit 4]
    $ USER=bob formake publish goals@2024-01 goals.csv
    error[E0820]: bob may not write under the label prod
     |
     = note: this would change goals@2024-01:prod/dl
     = note: formake.yaml says so: `labels: prod`
     = help: alice and group:release may

    1 error
    [exit 4]
    $ USER=bob formake release report@2024-01
    error[E0820]: bob may not write under the label prod
     |
     = note: this would change report@2024-01:prod/dl
     = note: formake.yaml says so: `labels: prod`
     = help: alice and group:release may

    1 error
    [exit 4]
    $ USER=bob formake invalidate sales@2024-01-02 --because 'amounts in cents' --yes
    sales@2024-01-02:prod/dl  4736d13e9e72  source raw/2024-01-02.csv

    under prod
      loses it      sales@2024-01-02:prod/dl
      made from it  daily@2024-01-02:prod/dl  the day by store
      1 snapshot made from it earlier, for which nothing stands now

    1 snapshot to invalidate; 1 identity under 1 label stands for what was made from it.
    error[E0820]: bob may not write under the label prod
     |
     = note: this would change sales@2024-01-02:prod/dl
     = note: formake.yaml says so: `labels: prod`
     = help: alice and group:release may

    1 error
    [exit 4]
    $ USER=bob formake history | grep refuse
    YYYY-MM-DD hh:mm:ss  bob    refuse   sales@2024-01-03:prod/dl          bob may not write under the label prod, here and for 1 more: alice and group:release may
    YYYY-MM-DD hh:mm:ss  bob    refuse   goals@2024-01:prod/dl             bob may not write under the label prod: alice and group:release may
    YYYY-MM-DD hh:mm:ss  bob    refuse   report@2024-01:prod/dl    6 -> 6  bob may not write under the label prod: alice and group:release may
    YYYY-MM-DD hh:mm:ss  bob    refuse   sales@2024-01-02:prod/dl  2 -> 2  bob may not write under the label prod: alice and group:release may
    ");
    assert_eq!(state(&project), before);
    project.shell("USER=alice formake build daily@2024-01-01..2024-01-03").ended(0);
    project.shell("USER=alice formake publish goals@2024-01 goals.csv").ended(0);
    project.shell("USER=alice formake release report@2024-01").ended(0);
    project.shell("USER=alice formake invalidate sales@2024-01-02 --because wrong --yes").ended(0);
}

#[test]
fn reading_is_for_everybody() {
    let project = guarded();
    // Only the stamp of a source moved: nothing is written but what was seen.
    project.shell("touch raw/*.csv").ended(0);
    for command in ["build", "plan --exit-code", "why report@2024-01", "path report@2024-01", "ls", "lineage report@2024-01"] {
        project.shell(&format!("USER=bob formake {command}")).ended(0);
    }
}

#[test]
fn a_plan_tells_it_in_json_and_comes_before_what_is_blocked() {
    let project = guarded();
    project.edit("jobs/daily.sql", "sum(amount)", "sum(2 * amount)");
    let mut plan = project.shell("USER=bob formake plan daily@2024-01-01..2024-01-03 --json").ended(4).json();
    // Whether this machine knows bob.
    plan["not_permitted"][0].as_object_mut().expect("a refusal").remove("groups_unknown");
    assert_snapshot!(format!("{:#}", plan["not_permitted"]), @r#"
    [
      {
        "user": "bob",
        "kind": "label",
        "name": "prod",
        "entry": "prod",
        "writers": [
          "alice",
          "group:release"
        ],
        "identities": [
          "daily@2024-01-01:prod/dl",
          "daily@2024-01-02:prod/dl"
        ]
      }
    ]
    "#);
    project.shell("USER=alice formake plan daily@2024-01-01..2024-01-03").ended(5);
    project.shell("USER=bob formake build --dry-run").ended(4);
}

#[test]
fn labels_repositories_and_groups() {
    let project = shop();
    project.write("formake.yaml", SETTINGS);
    let copies =
        |label: &str, repository: &str| format!("(daily, <DATE>, prod, dl) -> (daily, <DATE>, {label}, {repository}) {{ copy }}\n");
    let formulas = project.read("pipeline.formula");
    project.write("pipeline.formula", &(formulas + &copies("archive", "dl") + &copies("pr-1", "pii") + &copies("pr-1", "dl")));
    project.shell("USER=alice formake build -j 1").ended(0);
    // A label that nobody may write under, a repository for a group, and what is free.
    assert_snapshot!(shown(&project,
        "USER=alice formake build daily@2024-01-01:archive/dl
        USER=alice formake build daily@2024-01-01:pr-1/pii
        USER=bob formake build daily@2024-01-01:pr-1/dl"
    ), @r"
    $ USER=alice formake build daily@2024-01-01:archive/dl
    error[E0820]: alice may not write under the label archive
     |
     = note: this would change daily@2024-01-01:archive/dl
     = note: formake.yaml says so: `labels: archive`
     = help: nobody may: it is `protected`, and its entry names no `writers`

    1 error
    [exit 4]
    $ USER=alice formake build daily@2024-01-01:pr-1/pii
    error[E0820]: alice may not write into the repository pii
     |
     = note: this would change daily@2024-01-01:pr-1/pii
     = note: formake.yaml says so: `repositories: pii`
     = help: group:keepers may

    1 error
    [exit 4]
    $ USER=bob formake build daily@2024-01-01:pr-1/dl
    Running 1 of 2 jobs.
          run daily@2024-01-01:pr-1/dl  not made yet
         made daily@2024-01-01:pr-1/dl  (time), 25 B
    Done: 1 made, 1 valid, in (time).
    ");
    // The groups that the system knows of whoever runs this.
    let me = project.shell("id -un").ended(0).stdout.trim().to_string();
    let group = project.shell("id -gn").ended(0).stdout.trim().to_string();
    let build = format!("USER={me} formake build daily@2024-01-01:pr-1/pii");
    project.shell(&build).ended(4);
    project.edit("formake.yaml", "keepers", &group);
    project.shell(&build).ended(0);
    // Without a name, the groups of the process count.
    project.shell("env -u USER -u LOGNAME formake build daily@2024-01-02:pr-1/pii").ended(0);
    project.shell("USER=--help formake build daily@2024-01-01..2024-01-02:pr-1/pii").ended(0);
    project.write("raw/2024-01-02.csv", "store,amount\nlon,7\n");
    project.shell("USER=alice formake build daily@2024-01-02").ended(0);
    project.shell("USER=--help formake build daily@2024-01-02:pr-1/pii").ended(4);
}

#[test]
fn what_keeps_a_label_in_order_waits_for_who_may() {
    let project = shop();
    let labels = "labels: { prod: { writers: [alice] }, staging: { base: prod, writers: [alice] } }\n";
    project.write("formake.yaml", &format!("targets: [report@2024-01]\n{labels}"));
    let own = "\n(daily, <any DATE in MONTH>, staging, dl) -> (report, <MONTH: month>, staging, dl) { run \"cat {{ inputs.daily }} > {{ output }}\" }\n";
    let formulas = project.read("pipeline.formula");
    project.write("pipeline.formula", &(formulas + own));
    let ran = |user: &str, command: &str| project.shell(&format!("USER={user} formake {command}"));
    ran("alice", "build -j 1").ended(0);
    ran("alice", "build --label staging").ended(0);
    project.edit("pipeline.formula", "summing up", "summing");
    ran("bob", "build").ended(4);
    ran("alice", "build").ended(0);
    // The base moved; what staging stands for did not.
    let seen = |user: &str| {
        ran(user, "plan --label staging --exit-code").ended(0);
        ran(user, "build --label staging").ended(0);
        let catalog = rusqlite::Connection::open(project.root.join(".formake/catalog.db")).expect("a catalog");
        catalog.query_row("select saw from current where saw is not null", [], |row| row.get::<_, i64>(0)).expect("one of staging's own")
    };
    let before = seen("bob");
    assert_eq!(ran("bob", "history").ended(0).stdout.matches("refuse").count(), 1, "nothing was to do, so nothing was refused");
    assert!(seen("alice") != before, "her build says what the base stands for now");
}

#[test]
fn cleaning_and_dropping_ask_too() {
    let project = shop();
    let labels = "labels: { prod: { writers: [alice] }, \"pr-*\": { base: prod, writers: [alice] } }";
    project.write("formake.yaml", &format!("targets: [report@2024-01]\n{labels}\nkeep: {{ history: 0d, last: 0 }}\n"));
    let own = "\n(daily, <any DATE in MONTH>, pr-1, dl) -> (report, <MONTH: month>, pr-1, dl) { run \"cat {{ inputs.daily }} | tail -n 1 > {{ output }}\" }\n";
    let formulas = project.read("pipeline.formula");
    project.write("pipeline.formula", &(formulas + own));
    let ran = |user: &str, command: &str| project.shell(&format!("USER={user} formake {command}"));
    ran("alice", "build").ended(0);
    ran("alice", "build --label pr-1").ended(0);
    project.edit("pipeline.formula", "lines = 10", "lines = 2");
    ran("alice", "build").ended(0);
    for command in ["gc --yes", "label drop pr-1 --yes"] {
        let before = state(&project);
        ran("bob", command).ended(4);
        assert_eq!(state(&project), before, "{command}");
        ran("alice", command).ended(0);
        assert_ne!(state(&project), before, "{command}");
    }
    assert_eq!(ran("bob", "history").ended(0).stdout.matches("  refuse  ").count(), 2);
}
