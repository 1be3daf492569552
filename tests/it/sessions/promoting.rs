//! From a label to its base, and back: `promote` and `rollback`.

use insta::assert_snapshot;

use crate::support::Project;

const FORMULAS: &str = r#"
source (sales, <DATE>, prod, dl) from "raw/<DATE>.csv"

(sales, <DATE>, prod, dl) -> (daily, <DATE>, prod, dl) { run "sort {{ inputs.sales }} > {{ output }}" }

(daily, <any DATE in MONTH>, prod, dl) -> (report, <MONTH: month>, prod, dl) {
    run   "cat {{ inputs.daily }} | head -n {{ params.lines }} > {{ output }}"
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
    ), @"");
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
    ), @"");
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
    ), @"");
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
    ), @"");
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
    ), @"");
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
