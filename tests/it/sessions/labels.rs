//! Labels and cleaning: `label ls`, `show`, `drop`; `gc`.

use std::collections::BTreeSet;
use std::fs;

use insta::assert_snapshot;

use super::{FORMULAS, built};
use crate::support::Project;

/// As [`built`], and beside it a label `pr-1` over `prod` with a daily and a report of its own.
fn branched(expires: &str) -> Project {
    let project = built();
    let settings = format!(
        "targets: [report@2024-01]\nlabels: {{ prod: {{}}, kept: {{ protected: true, base: prod }}, \"pr-*\": {{ base: prod, expires: {expires} }} }}\n\
         keep: {{ history: 0d, last: 0 }}\n"
    );
    project.write("formake.yaml", &settings);
    let of_label = r#"
(sales, <DATE>, prod, dl) -> (daily, <DATE>, pr-1, dl) {
    sql    """select store, sum(amount) as amount from sales group by store order by store desc"""
    format csv
}

(daily, <any DATE in MONTH>, pr-1, dl) -> (report, <MONTH: month>, pr-1, dl) {
    run    "cat {{ inputs.daily }} > {{ output }}"
    format csv
}
"#;
    project.write("pipeline.formula", &format!("{FORMULAS}{of_label}"));
    project.formake("build -j 1 report@2024-01:pr-1").ended(0);
    project
}

#[test]
fn labels_are_listed_shown_and_dropped() {
    let project = branched("14d");
    project.write("audited.csv", "audited\n");
    assert_snapshot!(project.session(
        "formake publish report@2024-01:pr-1 audited.csv --hold --because 'numbers of the audit'
        formake label ls
        formake label show pr-1
        formake label show pr-2
        formake label drop prod
        formake label drop kept
        formake label drop pr-1
        formake label drop pr-1 --yes
        formake label drop pr-1 --yes
        formake label drop pr-2 --yes
        formake label drop other --yes
        formake label ls
        formake history report@2024-01:pr-1
        formake label show pr-1"
    ), @r#"
    $ formake publish report@2024-01:pr-1 audited.csv --hold --because 'numbers of the audit'
    report@2024-01:pr-1/dl is published, and held.
    $ formake label ls
    label  base  own  size  held  last
    kept   prod                                        protected
    pr-1   prod    3  52 B     1  YYYY-MM-DD hh:mm:ss  by pr-*, expires YYYY-MM-DD hh:mm:ss
    prod           5  88 B        YYYY-MM-DD hh:mm:ss

    For labels that match, formake.yaml says:
      pr-*  base prod, expires 14 d after the last activity
    $ formake label show pr-1
    pr-1

      settings  pr-*: base prod, expires 14 d after the last activity
      expires   YYYY-MM-DD hh:mm:ss
      has       3 identities of its own, 52 B, 1 held
      active    YYYY-MM-DD hh:mm:ss to YYYY-MM-DD hh:mm:ss

    Its own:
      daily@2024-01-01:pr-1/dl  25 B  a8301d590c18  the base: 23c94ba5803b
      daily@2024-01-02:pr-1/dl  19 B  4736d13e9e72  as the base's
      report@2024-01:pr-1/dl     8 B  6498a02f3af2  the base: 8406b6b1dab7  held
    $ formake label show pr-2
    error[E0841]: there is no label `pr-2`
     |
     = help: did you mean `pr-1`?
     = help: `formake label ls` shows all labels; one begins with its first build: `formake build --label NAME`

    1 error
    [exit 2]
    $ formake label drop prod
    error[E0840]: the label `prod` is not dropped: it is the base of `kept` and 1 more
     |
     = help: what they have not made themselves, they read from it; give them another base first

    1 error
    [exit 2]
    $ formake label drop kept
    error[E0840]: the label `kept` is not dropped: it is protected
     |
     = help: its entry in `labels:` of formake.yaml says so

    1 error
    [exit 2]
    $ formake label drop pr-1
    2  daily@2024-01-01..2024-01-02:pr-1/dl  44 B
       report@2024-01:pr-1/dl                 8 B
    held: report@2024-01:pr-1/dl (numbers of the audit, you)

    To be taken away from pr-1: 3 identities and 1 hold. It then reads what prod has. Nothing is deleted; `formake gc` does that.
    error[E0807]: dropping a label asks first, and nobody is there to answer
     |
     = help: add `--yes`

    1 error
    [exit 2]
    $ formake label drop pr-1 --yes
    2  daily@2024-01-01..2024-01-02:pr-1/dl  44 B
       report@2024-01:pr-1/dl                 8 B
    held: report@2024-01:pr-1/dl (numbers of the audit, you)

    To be taken away from pr-1: 3 identities and 1 hold. It then reads what prod has. Nothing is deleted; `formake gc` does that.
    pr-1 is dropped: 3 identities and 1 hold.
    $ formake label drop pr-1 --yes
    pr-1 has nothing of its own.
    $ formake label drop pr-2 --yes
    pr-2 has nothing of its own.
    $ formake label drop other --yes
    error[E0841]: there is no label `other`
     |
     = help: `formake label ls` shows all labels; one begins with its first build: `formake build --label NAME`

    1 error
    [exit 2]
    $ formake label ls
    label  base  own  size  held  last
    kept   prod                                        protected
    pr-1   prod                   YYYY-MM-DD hh:mm:ss  by pr-*
    prod           5  88 B        YYYY-MM-DD hh:mm:ss

    For labels that match, formake.yaml says:
      pr-*  base prod, expires 14 d after the last activity
    $ formake history report@2024-01:pr-1
    YYYY-MM-DD hh:mm:ss  you  run       report@2024-01:pr-1/dl  -> 8    formake build -j 1 report@2024-01:pr-1
    YYYY-MM-DD hh:mm:ss  you  publish   report@2024-01:pr-1/dl  8 -> 9  formake publish report@2024-01:pr-1 audited.csv --hold --because 'numbers of the audit'
    YYYY-MM-DD hh:mm:ss  you  hold      report@2024-01:pr-1/dl  9 -> 9  numbers of the audit
    YYYY-MM-DD hh:mm:ss  you  release   report@2024-01:pr-1/dl  9 -> 9  formake label drop pr-1 --yes
    YYYY-MM-DD hh:mm:ss  you  withdraw  report@2024-01:pr-1/dl  9 ->    the label was dropped
    $ formake label show pr-1
    pr-1

      settings  pr-*: base prod, expires 14 d after the last activity
      has       nothing of its own since YYYY-MM-DD hh:mm:ss
    "#);
}

#[test]
fn cleaning_shows_first_and_removes_what_nothing_keeps() {
    let project = branched("0s");
    assert_snapshot!(project.session(
        "formake label ls
        formake gc --dry-run
        formake gc
        formake gc --yes
        formake gc
        formake plan
        formake build report@2024-01:pr-1 | tail -n 1"
    ), @r#"
    $ formake label ls
    label  base  own  size  held  last
    kept   prod                                        protected
    pr-1   prod    3  88 B        YYYY-MM-DD hh:mm:ss  by pr-*, expired YYYY-MM-DD hh:mm:ss
    prod           5  88 B        YYYY-MM-DD hh:mm:ss

    For labels that match, formake.yaml says:
      pr-*  base prod, expires (time) after the last activity
    $ formake gc --dry-run
    pr-1 has expired, untouched since YYYY-MM-DD hh:mm:ss; 3 identities are taken away.
    goes  daily@2024-01-01:pr-1/dl  25 B  (time) to make again
    goes  report@2024-01:pr-1/dl    44 B  (time) to make again
    1 log, 11 B

    2 snapshots, 80 B, to be removed; to make them again takes (time).
    stays  3  current  88 B
    $ formake gc
    pr-1 has expired, untouched since YYYY-MM-DD hh:mm:ss; 3 identities are taken away.
    goes  daily@2024-01-01:pr-1/dl  25 B  (time) to make again
    goes  report@2024-01:pr-1/dl    44 B  (time) to make again
    1 log, 11 B

    2 snapshots, 80 B, to be removed; to make them again takes (time).
    stays  3  current  88 B
    error[E0807]: removing asks first, and nobody is there to answer
     |
     = help: add `--yes`

    1 error
    [exit 2]
    $ formake gc --yes
    pr-1 has expired, untouched since YYYY-MM-DD hh:mm:ss; 3 identities are taken away.
    goes  daily@2024-01-01:pr-1/dl  25 B  (time) to make again
    goes  report@2024-01:pr-1/dl    44 B  (time) to make again
    1 log, 11 B

    2 snapshots, 80 B, to be removed; to make them again takes (time).
    stays  3  current  88 B
    Removed: 2 snapshots, 69 B; 1 expired label; 1 log.
    $ formake gc
    Nothing is to be removed.
    stays  3  current  88 B
    $ formake plan
    Nothing to do: all 3 are valid.
    $ formake build report@2024-01:pr-1 | tail -n 1
    Done: 2 made, 1 reused, in (time).
    "#);
}

#[test]
fn what_the_settings_keep_stays() {
    let project = super::shop();
    project.formake("build").ended(0);
    let bytes = |project: &Project| fs::read_dir(project.root.join("lake/report/2024-01")).map_or(0, Iterator::count);
    for lines in 1..=3 {
        project.edit("pipeline.formula", &format!("lines = {}", if lines == 1 { 10 } else { lines - 1 }), &format!("lines = {lines}"));
        project.formake("build").ended(0);
    }
    let stays = |keep: &str| {
        project.write("formake.yaml", &format!("targets: [report@2024-01]\nkeep: {keep}\n"));
        let told = project.formake("gc --dry-run --json").ended(0).json();
        let reasons = told["stays"].as_array().expect("places").iter().filter(|place| place["identities"][0] == "report@2024-01:prod/dl");
        let reasons: Vec<String> = reasons.map(|place| place["reason"].as_str().expect("a reason").to_string()).collect();
        (reasons.join(" "), told["goes"].as_array().expect("places").len())
    };
    assert_eq!(stays("{}"), ("history history history current".into(), 0));
    assert_eq!(stays("{ history: 0d }"), ("last current".into(), 2));
    assert_eq!(stays("{ history: 0d, last: 2 }"), ("last last current".into(), 1));
    assert_eq!(stays("{ history: 0d, last: 0 }"), ("current".into(), 3));
    assert_eq!(bytes(&project), 4, "nothing was changed");
    // A failed job's folder and logs go with the past.
    project.edit("pipeline.formula", "echo summing up;", "echo summing up; false;");
    project.formake("build").ended(1);
    let files = |folder: &str| fs::read_dir(project.root.join(".formake").join(folder)).map_or(0, Iterator::count);
    assert!(files("jobs") == 1 && files("logs") > 0);
    project.formake("gc --yes").ended(0);
    assert_eq!((bytes(&project), files("jobs"), files("logs")), (1, 0, 0));
    project.edit("pipeline.formula", "echo summing up; false;", "echo summing up;");
    project.formake("plan --exit-code").ended(0);
    // What went is made again, and not taken from where it was.
    project.edit("pipeline.formula", "lines = 3", "lines = 1");
    let ran = project.formake("build --json").ended(0);
    assert_eq!(ran.outputs_of("job_done"), BTreeSet::from(["report@2024-01:prod/dl".to_string()]));
}

#[test]
fn what_others_may_not_remove_stays() {
    let project = built();
    project.edit("pipeline.formula", "lines = 10", "lines = 1");
    project.formake("build").ended(0);
    project.write("formake.yaml", "labels: { prod: { writers: [alice] } }\nkeep: { history: 0d, last: 0 }\n");
    project.shell("rm -r .formake/logs").ended(0);
    assert_snapshot!(project.session(
        "USER=bob formake gc --dry-run
        USER=bob formake gc --yes
        USER=alice formake gc --yes 2> shown.txt
        USER=bob formake gc"
    ), @r"
    $ USER=bob formake gc --dry-run
    Nothing is to be removed.
    stays  3  current  57 B

    bob may not write under the label prod (alice may):
      report@2024-01:prod/dl
    [exit 4]
    $ USER=bob formake gc --yes
    Nothing is to be removed.
    stays  3  current  57 B

    bob may not write under the label prod (alice may):
      report@2024-01:prod/dl
    error[E0820]: bob may not write under the label prod
     |
     = note: this would change report@2024-01:prod/dl
     = note: formake.yaml says so: `labels: prod`
     = help: alice may

    1 error
    [exit 4]
    $ USER=alice formake gc --yes 2> shown.txt
    Removed: 1 snapshot, 44 B.
    $ USER=bob formake gc
    Nothing is to be removed.
    stays  3  current  57 B
    ");
}
