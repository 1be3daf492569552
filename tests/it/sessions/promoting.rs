//! From a label to its base, and back: `promote` and `rollback`.

use insta::assert_snapshot;

use crate::support::Project;

const FORMULAS: &str = r#"
source (sales, <DATE>, prod, dl) from "raw/<DATE>.csv"

(sales, <DATE>, prod, dl) -> (daily, <DATE>, prod, dl) { run "sort {{ inputs.sales }} > {{ output }}" }

(daily, <any DATE in MONTH>, prod, dl) -> (report, <MONTH: month>, prod, dl) {
    run   "cat {{ inputs.daily }} > all; head -n {{ params.lines }} all > {{ output }}"
    param lines = 10
}

(report, <MONTH>, prod, dl) -> (page, <MONTH: month>, prod, dl) { run "wc -l < {{ inputs.report }} > {{ output }}" }

(report, <MONTH>, prod, dl) -> (sent, <MONTH: month>, prod, dl) {
    run "echo sent > {{ output }}"
    effect
}

(report, <MONTH>, prod, dl) -> (named, <MONTH: month>, prod, dl) { run "echo {{ label }} > {{ output }}" }
"#;

/// prod is built.
fn built() -> Project {
    let project = Project::new(&[
        (
            "formake.yaml",
            "targets: [page@2024-01]\nrepositories: { dl: { root: lake } }\nlabels: { prod: {}, \"pr-*\": { base: prod }, staging: {} }\n",
        ),
        ("pipeline.formula", FORMULAS),
        ("raw/2024-01-01.csv", "nyc,3\nlon,4\nnyc,5\n"),
        ("raw/2024-01-02.csv", "lon,6\n"),
    ]);
    project.formake("build -j 1").ended(0);
    project
}

/// A branch that changes the report, built under its label.
fn changed() -> Project {
    let project = built();
    project.edit("pipeline.formula", "lines = 10", "lines = 3");
    project.formake("build page@2024-01 --label pr-42 -j 1").ended(0);
    project
}

/// The names and bytes of all files of the lake.
fn lake(project: &Project) -> String {
    project.shell("find lake -type f -exec sha256sum {} + | sort").ended(0).stdout
}

#[test]
fn there_and_back() {
    let project = changed();
    let before = (lake(&project), project.contents());
    assert_snapshot!(project.session(
        "formake promote --from pr-42 --dry-run
        formake promote --from pr-42 --because 'three lines are enough'
        formake plan
        formake plan --label pr-42
        formake promote --from pr-42
        formake rollback prod --dry-run
        formake rollback prod
        formake rollback prod --yes --because 'too short'
        formake build -j 1
        formake plan
        formake rollback prod --yes
        formake rollback prod --list
        formake promote --from pr-42
        formake release report@2024-01
        formake release page@2024-01
        formake promote page@2024-01 --from pr-42"
    ), @r"
    $ formake promote --from pr-42 --dry-run
    promote  report@2024-01:prod/dl  f81b72c06986 -> 3725104ae631
    promote  page@2024-01:prod/dl    0051fb8f5c82 -> 49124bf4f7f3

    Would promote 2 identities from pr-42 to prod.
    $ formake promote --from pr-42 --because 'three lines are enough'
    promote  report@2024-01:prod/dl  f81b72c06986 -> 3725104ae631
    promote  page@2024-01:prod/dl    0051fb8f5c82 -> 49124bf4f7f3

    Promoted 2 identities from pr-42 to prod. To take it back: formake rollback prod --to 1
    $ formake plan
    Nothing to do: all 4 are valid.
    $ formake plan --label pr-42
    Never made for prod, and not in this plan:
      named, sent

    Nothing to do: all 4 inherited.
    $ formake promote --from pr-42
    left out  report@2024-01:pr-42/dl  prod has the same
    left out  page@2024-01:pr-42/dl    prod has the same

    Nothing to promote from pr-42 to prod.
    $ formake rollback prod --dry-run
    back  report@2024-01:prod/dl  3725104ae631 -> f81b72c06986
    back  page@2024-01:prod/dl    49124bf4f7f3 -> 0051fb8f5c82

    Would take back promotion 1 of prod: 2 identities, held from then on.
    $ formake rollback prod
    back  report@2024-01:prod/dl  3725104ae631 -> f81b72c06986
    back  page@2024-01:prod/dl    49124bf4f7f3 -> 0051fb8f5c82

    Would take back promotion 1 of prod: 2 identities, held from then on.
    error[E0829]: rolling back asks first, and nobody is there to answer
     |
     = help: add `--yes`

    1 error
    [exit 2]
    $ formake rollback prod --yes --because 'too short'
    back  report@2024-01:prod/dl  3725104ae631 -> f81b72c06986
    back  page@2024-01:prod/dl    49124bf4f7f3 -> 0051fb8f5c82

    Took back promotion 1 of prod: 2 identities, held until `formake release`.
    $ formake build -j 1
    Nothing to do: all 0 are valid.
    $ formake plan
    Nothing to do: all 1 are valid, 1 of them held.
    $ formake rollback prod --yes
    Nothing to roll back: no promotion of prod is left to take back.
    $ formake rollback prod --list
    1  YYYY-MM-DD hh:mm:ss  you  promotion from pr-42  2 identities  taken back by 2  three lines are enough
    2  YYYY-MM-DD hh:mm:ss  you  rollback of 1         2 identities                   too short
    $ formake promote --from pr-42
    error[E0824]: page@2024-01:prod/dl is held
     |
     = note: by you: rolled back promotion 1: too short
     = help: formake release page@2024-01:prod/dl

    error[E0824]: report@2024-01:prod/dl is held
     |
     = note: by you: rolled back promotion 1: too short
     = help: formake release report@2024-01:prod/dl

    2 errors
    [exit 1]
    $ formake release report@2024-01
    report@2024-01:prod/dl is no longer held.
    $ formake release page@2024-01
    page@2024-01:prod/dl is no longer held.
    $ formake promote page@2024-01 --from pr-42
    promote  report@2024-01:prod/dl  f81b72c06986 -> 3725104ae631, page@2024-01:prod/dl was made from it
    promote  page@2024-01:prod/dl    0051fb8f5c82 -> 49124bf4f7f3

    Promoted 2 identities from pr-42 to prod. To take it back: formake rollback prod --to 3
    ");
    assert_eq!(lake(&project), before.0, "no bytes were written");
    project.formake("rollback prod --yes").ended(0);
    assert_eq!(project.contents(), before.1);
}

#[test]
fn what_forbids_it() {
    let project = changed();
    assert_snapshot!(project.session(
        "formake promote --from staging
        formake promote --from pr-42 --to staging
        formake promote page@2024-01:prod --from pr-42
        formake build sent@2024-01 named@2024-01 --label pr-42 -j 1
        formake promote --from pr-42 --dry-run
        formake promote sent@2024-01 named@2024-01 --from pr-42
        sed -i 's/lines = 3/lines = 2/' pipeline.formula
        formake promote page@2024-01 --from pr-42
        formake promote daily@2024-01-01 --from pr-42
        sed -i 's/lines = 2/lines = 3/' pipeline.formula
        formake promote report@2024-02 --from pr-42
        rm -r lake/report/2024-01
        formake promote report@2024-01 --from pr-42"
    ), @r#"
    $ formake promote --from staging
    error[E0821]: the label staging has no base to promote to
     |
     = help: say it in formake.yaml: `labels: { "staging": { base: prod } }`

    1 error
    [exit 2]
    $ formake promote --from pr-42 --to staging
    error[E0821]: the base of pr-42 is prod, not staging
     |
     = note: a label is promoted to what it was planned and built against
     = help: promote to prod, and from there on; or give pr-42 another base in formake.yaml

    1 error
    [exit 2]
    $ formake promote page@2024-01:prod --from pr-42
    error[E0821]: page@2024-01:prod/dl is not under pr-42, from which is promoted
     |
     = help: name it as it is under pr-42, or without a label

    1 error
    [exit 2]
    $ formake build sent@2024-01 named@2024-01 --label pr-42 -j 1
    Running 2 of 5 jobs.
          run sent@2024-01:pr-42/dl  not made yet
         made sent@2024-01:pr-42/dl  (time), 5 B
          run named@2024-01:pr-42/dl  not made yet
         made named@2024-01:pr-42/dl  (time), 6 B
    Done: 2 made, 1 valid, 2 inherited, in (time).
    $ formake promote --from pr-42 --dry-run
    promote   report@2024-01:prod/dl  f81b72c06986 -> 3725104ae631
    promote   page@2024-01:prod/dl    0051fb8f5c82 -> 49124bf4f7f3
    left out  sent@2024-01:pr-42/dl   it is the receipt of an effect, which acts once for each label
    left out  named@2024-01:pr-42/dl  its recipe writes {{ label }}

    Would promote 2 identities from pr-42 to prod.
    $ formake promote sent@2024-01 named@2024-01 --from pr-42
    error[E0825]: sent@2024-01:pr-42/dl cannot be promoted: it is the receipt of an effect, which acts once for each label
     |
     = help: build it under prod: the effect happens there then

    error[E0825]: named@2024-01:pr-42/dl cannot be promoted: its recipe writes {{ label }}
     |
     = help: build it under prod, or leave the label out of the recipe

    2 errors
    [exit 1]
    $ sed -i 's/lines = 3/lines = 2/' pipeline.formula
    $ formake promote page@2024-01 --from pr-42
    error[E0822]: report@2024-01:pr-42/dl is not what a build under pr-42 would give now
     |
     = note: it would be made: param lines: 10 -> 2
     = help: `formake build page@2024-01:pr-42/dl`, and promote then

    1 error
    [exit 1]
    $ formake promote daily@2024-01-01 --from pr-42
    left out  daily@2024-01-01:pr-42/dl  prod has the same

    Nothing to promote from pr-42 to prod.
    $ sed -i 's/lines = 2/lines = 3/' pipeline.formula
    $ formake promote report@2024-02 --from pr-42
    error[E0822]: report@2024-02:pr-42/dl cannot be provided under pr-42
     |
     = note: its input `daily` has not a single part that can be provided
     = help: mark the input optional with `?` if it may be empty

    1 error
    [exit 1]
    $ rm -r lake/report/2024-01
    $ formake promote report@2024-01 --from pr-42
    error[E0822]: report@2024-01:pr-42/dl is not what a build under pr-42 would give now
     |
     = note: it would be made: its bytes are gone
     = help: `formake build report@2024-01:pr-42/dl`, and promote then

    1 error
    [exit 1]
    "#);
}

#[test]
fn prod_moves_while_a_branch_is_open() {
    let project = changed();
    project.write("raw/2024-01-01.csv", "nyc,1\npar,2\nosl,3\n");
    project.edit("pipeline.formula", "lines = 3", "lines = 10");
    project.formake("build -j 1").ended(0);
    project.edit("pipeline.formula", "lines = 10", "lines = 3");
    assert_snapshot!(project.session(
        "formake promote --from pr-42
        formake build page@2024-01 --label pr-42 -j 1
        formake promote --from pr-42
        formake plan"
    ), @r"
    $ formake promote --from pr-42
    error[E0823]: daily@2024-01-01:prod/dl moved since pr-42 was built
     |
     = note: report@2024-01:pr-42/dl was made from snapshot 3, and prod stands for snapshot 10 now
     = help: `formake build page@2024-01:pr-42/dl report@2024-01:pr-42/dl`, and promote then

    1 error
    [exit 1]
    $ formake build page@2024-01 --label pr-42 -j 1
    Running at least 1, at most 2 of 4 jobs.
          run report@2024-01:pr-42/dl  param lines: 10 -> 3
         made report@2024-01:pr-42/dl  (time), 18 B
          run page@2024-01:pr-42/dl  input report@2024-01: 10285c11ebc4 -> fa8b6871a2be
         made page@2024-01:pr-42/dl  (time), 2 B, the same bytes as before
    Done: 2 made, 2 inherited, in (time).
    $ formake promote --from pr-42
    promote  report@2024-01:prod/dl  10285c11ebc4 -> fa8b6871a2be
    promote  page@2024-01:prod/dl    0051fb8f5c82 -> 49124bf4f7f3

    Promoted 2 identities from pr-42 to prod. To take it back: formake rollback prod --to 1
    $ formake plan
    Nothing to do: all 4 are valid.
    ");
}

/// What was stale in prod before stays so; what the label made is not touched by it.
#[test]
fn sources_that_only_the_label_has_read_go_along() {
    let project = built();
    project.edit("pipeline.formula", "lines = 10", "lines = 3");
    project.write("raw/2024-01-02.csv", "par,7\n");
    project.formake("build report@2024-01 --label pr-42 -j 1").ended(0);
    assert_snapshot!(project.session(
        "formake promote --from pr-42
        formake plan report@2024-01
        rm raw/2024-01-02.csv
        formake plan report@2024-01
        formake plan
        formake rollback prod --yes
        formake ls sales"
    ), @r"
    $ formake promote --from pr-42
    promote  sales@2024-01-02:prod/dl  fc881aa6c1f6 -> 5ca67f460c91, daily@2024-01-02:prod/dl was made from it
    promote  daily@2024-01-02:prod/dl  fc881aa6c1f6 -> 5ca67f460c91
    promote  report@2024-01:prod/dl    f81b72c06986 -> 3725104ae631

    Promoted 3 identities from pr-42 to prod. To take it back: formake rollback prod --to 1
    $ formake plan report@2024-01
    Nothing to do: all 3 are valid.
    $ rm raw/2024-01-02.csv
    $ formake plan report@2024-01
    Nothing to do: all 3 are valid.
    $ formake plan
    source  sales@2024-01-01:prod/dl  raw/<DATE>.csv
    valid   daily@2024-01-01:prod/dl
    source  sales@2024-01-02:prod/dl  no longer there; its recorded hash counts
    valid   daily@2024-01-02:prod/dl
    valid   report@2024-01:prod/dl
    run     page@2024-01:prod/dl      input report@2024-01: f81b72c06986 -> 3725104ae631

    1 to run, 3 valid. Runs 1 job.
    $ formake rollback prod --yes
    back    daily@2024-01-02:prod/dl  5ca67f460c91 -> fc881aa6c1f6
    back    report@2024-01:prod/dl    3725104ae631 -> f81b72c06986
    source  sales@2024-01-02:prod/dl  stays as it is

    Took back promotion 1 of prod: 2 identities, held until `formake release`.
    $ formake ls sales
    identity                   made                 size  content       from
    sales@2024-01-01:prod/dl   YYYY-MM-DD hh:mm:ss  18 B  8e2ad1b44c3f  source raw/2024-01-01.csv
    sales@2024-01-02:pr-42/dl  YYYY-MM-DD hh:mm:ss   6 B  5ca67f460c91  source raw/2024-01-02.csv
    sales@2024-01-02:prod/dl   YYYY-MM-DD hh:mm:ss   6 B  5ca67f460c91  source raw/2024-01-02.csv
    ");
}

#[test]
fn what_was_made_from_a_promotion_goes_back_with_it() {
    let project = built();
    project.edit("pipeline.formula", "lines = 10", "lines = 3");
    project.formake("build report@2024-01 --label pr-42 -j 1").ended(0);
    project.formake("promote report@2024-01 --from pr-42").ended(0);
    project.formake("build -j 1").ended(0);
    assert_snapshot!(project.session(
        "formake rollback prod --yes
        formake rollback prod --yes --cascade
        formake rollback prod --to 1 --yes
        formake rollback prod --to 2 --yes
        formake rollback prod --to 3 --yes
        formake plan"
    ), @r"
    $ formake rollback prod --yes
    error[E0828]: page@2024-01:prod/dl was made since from what goes back
     |
     = note: it was made from report@2024-01:prod/dl
     = help: `--cascade` takes it back too, to what it stood for before the promotion

    1 error
    [exit 1]
    $ formake rollback prod --yes --cascade
    back  report@2024-01:prod/dl  3725104ae631 -> f81b72c06986
    back  page@2024-01:prod/dl    49124bf4f7f3 -> 0051fb8f5c82, made from report@2024-01:prod/dl

    Took back promotion 1 of prod: 2 identities, held until `formake release`.
    $ formake rollback prod --to 1 --yes
    error[E0826]: promotion 1 was taken back already, by 2
     |
     = help: `formake rollback prod --list` shows them

    1 error
    [exit 2]
    $ formake rollback prod --to 2 --yes
    error[E0826]: 2 is a rollback itself
     |
     = help: promote again what it took back; `formake rollback prod --list` shows them

    1 error
    [exit 2]
    $ formake rollback prod --to 3 --yes
    error[E0826]: no promotion of prod has the number 3
     |
     = help: `formake rollback prod --list` shows them

    1 error
    [exit 2]
    $ formake plan
    Nothing to do: all 1 are valid, 1 of them held.
    ");
}

#[test]
fn as_json() {
    let project = changed();
    let schema = |arguments: &str, code| project.formake(arguments).ended(code).json()["schema"].clone();
    let planned = project.formake("promote --from pr-42 --dry-run --json").ended(0).json();
    assert_eq!((&planned["schema"], &planned["promotion"]), (&"formake.promote/1".into(), &serde_json::Value::Null));
    assert_eq!(planned["moves"][1]["identity"], "page@2024-01:prod/dl");
    assert_eq!(planned["moves"][1]["why"]["kind"], "asked");
    assert_eq!(project.formake("promote --from pr-42 --json").ended(0).json()["promotion"], 1);
    project.edit("pipeline.formula", "lines = 3", "lines = 2");
    let refused = project.formake("promote page@2024-01 --from pr-42 --json").ended(1).json();
    assert_eq!((&refused["refused"][0]["kind"], &refused["rebuild"][0]), (&"stale".into(), &"page@2024-01:pr-42/dl".into()));
    assert_eq!(schema("rollback prod --list --json", 0), "formake.promotions/1");
    assert_eq!(schema("rollback prod --to 9 --json", 2), "formake.rollback/1");
    let back = project.formake("rollback prod --yes --json").ended(0).json();
    assert_eq!((&back["undoes"][0], &back["promotion"]), (&1.into(), &2.into()));
}

#[test]
fn who_may_not_write_under_the_base_may_not_promote() {
    let project = changed();
    let settings = project.read("formake.yaml").replace("prod: {}", "prod: { protected: true, writers: [alice] }");
    project.write("formake.yaml", &settings);
    assert_snapshot!(project.session(
        "formake promote --from pr-42 --dry-run
        formake promote --from pr-42
        USER=alice formake promote --from pr-42 | tail -1
        formake rollback prod --dry-run
        formake rollback prod --yes
        formake history | grep refuse"
    ), @r"
    $ formake promote --from pr-42 --dry-run
    promote  report@2024-01:prod/dl  f81b72c06986 -> 3725104ae631
    promote  page@2024-01:prod/dl    0051fb8f5c82 -> 49124bf4f7f3

    you may not write under the label prod (alice may):
      report@2024-01:prod/dl
      page@2024-01:prod/dl

    Would promote 2 identities from pr-42 to prod.
    [exit 4]
    $ formake promote --from pr-42
    error[E0820]: you may not write under the label prod
     |
     = note: this would change report@2024-01:prod/dl, page@2024-01:prod/dl
     = note: formake.yaml says so: `labels: prod`
     = help: alice may

    1 error
    [exit 4]
    $ USER=alice formake promote --from pr-42 | tail -1
    Promoted 2 identities from pr-42 to prod. To take it back: formake rollback prod --to 1
    $ formake rollback prod --dry-run
    back  report@2024-01:prod/dl  3725104ae631 -> f81b72c06986
    back  page@2024-01:prod/dl    49124bf4f7f3 -> 0051fb8f5c82

    you may not write under the label prod (alice may):
      report@2024-01:prod/dl
      page@2024-01:prod/dl

    Would take back promotion 1 of prod: 2 identities, held from then on.
    [exit 4]
    $ formake rollback prod --yes
    error[E0820]: you may not write under the label prod
     |
     = note: this would change report@2024-01:prod/dl, page@2024-01:prod/dl
     = note: formake.yaml says so: `labels: prod`
     = help: alice may

    1 error
    [exit 4]
    $ formake history | grep refuse
    YYYY-MM-DD hh:mm:ss  you    refuse   report@2024-01:prod/dl    5 -> 5  you may not write under the label prod, here and for 1 more: alice may
    YYYY-MM-DD hh:mm:ss  you    refuse   report@2024-01:prod/dl    7 -> 7  you may not write under the label prod, here and for 1 more: alice may
    ");
}

#[test]
fn a_publication_that_was_promoted_goes_back_to_nothing() {
    let project = built();
    let formulas = project.read("pipeline.formula")
        + "source (goals, <MONTH: month>, prod, dl)\n(goals, <MONTH>, prod, dl) -> (plan, <MONTH: month>, prod, dl) { run \"cat {{ inputs.goals }} > {{ output }}\" }\n";
    project.write("pipeline.formula", &formulas);
    project.write("ten.txt", "10\n");
    project.write("twelve.txt", "12\n");
    project.formake("publish goals@2024-01:pr-42 ten.txt").ended(0);
    project.formake("build plan@2024-01 --label pr-42").ended(0);
    assert_snapshot!(project.session(
        "formake promote plan@2024-01 --from pr-42
        formake plan plan@2024-01
        formake rollback prod --yes
        formake plan plan@2024-01
        formake plan goals@2024-01
        formake release goals
        formake release plan
        formake publish goals@2024-01 twelve.txt
        formake promote plan@2024-01 --from pr-42"
    ), @r"
    $ formake promote plan@2024-01 --from pr-42
    promote  goals@2024-01:prod/dl  new, plan@2024-01:prod/dl was made from it
    promote  plan@2024-01:prod/dl   new

    Promoted 2 identities from pr-42 to prod. To take it back: formake rollback prod --to 1
    $ formake plan plan@2024-01
    Nothing to do: it is valid.
    $ formake rollback prod --yes
    empty  goals@2024-01:prod/dl  stood for nothing before
    empty  plan@2024-01:prod/dl   stood for nothing before

    Took back promotion 1 of prod: 2 identities, held until `formake release`.
    $ formake plan plan@2024-01
    blocked  plan@2024-01:prod/dl  it is held empty: rolled back promotion 1

    plan@2024-01:prod/dl cannot be provided:
      it is held empty: rolled back promotion 1
      help: formake release plan@2024-01:prod/dl

    1 blocked.
    [exit 5]
    $ formake plan goals@2024-01
    blocked  goals@2024-01:prod/dl  it is held empty: rolled back promotion 1

    goals@2024-01:prod/dl cannot be provided:
      it is held empty: rolled back promotion 1
      help: formake release goals@2024-01:prod/dl

    1 blocked.
    [exit 5]
    $ formake release goals
    goals@2024-01:prod/dl is no longer held.
    $ formake release plan
    plan@2024-01:prod/dl is no longer held.
    $ formake publish goals@2024-01 twelve.txt
    goals@2024-01:prod/dl is published.
    $ formake promote plan@2024-01 --from pr-42
    error[E0823]: goals@2024-01:prod/dl moved after it was published or held under pr-42
     |
     = help: if it is to be as under pr-42, publish it there again, and promote then

    1 error
    [exit 1]
    ");
}
