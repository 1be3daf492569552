//! Laws of labels with a base, one by one, with the real program: what is inherited, what a change makes anew, what never moves.

use std::collections::BTreeSet;

use crate::support::Project;

const CONFIG: &str = "labels: { prod: {}, \"pr-*\": { base: prod }, exp: { base: prod } }\n";

/// A chain over one source, a second source, and what reads both.
const FORMULAS: &str = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
source (other, <DATE>, prod, dl) from "other/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (clean, <DATE>, prod, dl) { run "grep -v '^#' {{ inputs.raw }} > {{ output }}" }
(clean, <DATE>, prod, dl) -> (lines, <DATE>, prod, dl) { run "wc -l < {{ inputs.clean }} > {{ output }}" }
(clean, <any D in DATE-1d..DATE>, prod, dl) -> (window, <DATE>, prod, dl) { run "cat {{ inputs.clean }} > {{ output }}" }
(other, <DATE>, prod, dl) -> (copied, <DATE>, prod, dl) { run "cat {{ inputs.other }} > {{ output }}" }
(copied, <DATE>, prod, dl) + (lines, <DATE>, prod, dl) -> (both, <DATE>, prod, dl) {
    run "cat {{ inputs.copied }} {{ inputs.lines }} > {{ output }}"
}
"#;

/// Three days, built under prod.
fn built() -> Project {
    let project = Project::new(&[("formake.yaml", CONFIG), ("pipeline.formula", FORMULAS)]);
    for day in 1..=3 {
        project.write(&format!("raw/2024-01-0{day}.csv"), &"line\n".repeat(day));
        project.write(&format!("other/2024-01-0{day}.csv"), &format!("{day}\n"));
    }
    project.formake("build").ended(0);
    project
}

/// `class@day` of the jobs that a build under the label ran.
#[track_caller]
fn ran(project: &Project, arguments: &str) -> Vec<String> {
    let made = project.formake(&format!("build {arguments} --json")).ended(0).outputs_of("job_done");
    short(made)
}

#[track_caller]
fn planned(project: &Project, arguments: &str, actions: &[&str]) -> Vec<String> {
    short(project.formake(&format!("plan {arguments} --json")).planned(actions))
}

/// `both@1`
fn short(identities: BTreeSet<String>) -> Vec<String> {
    identities.into_iter().map(|i| i.split(':').next().unwrap_or_default().replace("2024-01-0", "")).collect()
}

/// What prod stands for, and since when.
fn prod(project: &Project) -> String {
    project.formake("ls --json").ended(0).json()["snapshots"]
        .as_array()
        .expect("snapshots")
        .iter()
        .filter(|row| row["identity"].as_str().is_some_and(|identity| identity.contains(":prod/")))
        .map(|row| format!("{row}\n"))
        .collect()
}

/// Identities with a pointer of the label's own.
fn own(project: &Project, label: &str) -> Vec<String> {
    let listed = project.formake("ls --json").ended(0).json();
    let identities = listed["snapshots"].as_array().expect("snapshots").iter().filter_map(|row| row["identity"].as_str());
    short(identities.filter(|identity| identity.contains(&format!(":{label}/"))).map(String::from).collect())
}

#[test]
fn a_label_is_what_its_base_is_until_something_differs() {
    let project = built();
    assert!(planned(&project, "--label pr-1", &["run", "may_run", "reuse", "stale_in_base"]).is_empty());
    assert_eq!(planned(&project, "--label pr-1", &["inherited"]).len(), 16);
    assert!(ran(&project, "--label pr-1").is_empty());
    assert!(own(&project, "pr-1").is_empty(), "no row that pretends otherwise");
}

#[test]
fn a_change_makes_its_cone_anew_and_nothing_else() {
    let project = built();
    let before = prod(&project);
    project.edit("pipeline.formula", "wc -l", "wc -c");
    assert_eq!(planned(&project, "--label pr-1", &["run"]), ["lines@1", "lines@2", "lines@3"]);
    assert_eq!(planned(&project, "--label pr-1", &["may_run"]), ["both@1", "both@2", "both@3"]);
    assert_eq!(ran(&project, "--label pr-1").len(), 6);
    project.formake("plan --label pr-1 --exit-code").ended(0);
    assert_eq!(prod(&project), before);
    assert_eq!(own(&project, "pr-1").len(), 6);
    // A second label with the same change takes what the first one made.
    assert_eq!(planned(&project, "--label pr-2", &["reuse"]), ["both@1", "both@2", "both@3", "lines@1", "lines@2", "lines@3"]);
    assert!(ran(&project, "--label pr-2").is_empty());
    // The change is taken back: the pointers go.
    project.edit("pipeline.formula", "wc -c", "wc -l");
    project.formake("build --label pr-1").ended(0);
    assert!(own(&project, "pr-1").is_empty());
    assert_eq!(prod(&project), before);
}

#[test]
fn the_same_bytes_as_the_base_end_a_cone() {
    let project = built();
    project.edit("pipeline.formula", "grep -v", "grep -hv");
    assert_eq!(ran(&project, "--label pr-1"), ["clean@1", "clean@2", "clean@3"]);
    assert_eq!(planned(&project, "--label pr-1", &["inherited"]).len(), 13, "what is over it is the base's again");
}

#[test]
fn what_only_sources_moved_is_the_base_s_and_said_apart() {
    let project = built();
    project.write("other/2024-01-02.csv", "moved\n");
    assert_eq!(planned(&project, "--label pr-1", &["stale_in_base"]), ["both@2", "copied@2"]);
    assert!(ran(&project, "--label pr-1").is_empty());
    assert!(own(&project, "pr-1").is_empty(), "no source is recorded for a label that does not read it");
    assert_eq!(ran(&project, "--label pr-1 --fresh"), ["both@2", "copied@2"]);
    assert_eq!(own(&project, "pr-1"), ["both@2", "copied@2", "other@2"]);
    project.formake("plan --label pr-1 --exit-code").ended(0);
}

#[test]
fn what_a_changed_job_needs_is_judged_from_todays_sources() {
    let project = built();
    project.write("other/2024-01-02.csv", "moved\n");
    project.write("other/2024-01-03.csv", "moved too\n");
    project.edit("pipeline.formula", "cat {{ inputs.copied }}", "cat -n {{ inputs.copied }}");
    let plan = project.formake("plan --label pr-1 --json").json();
    let owed: Vec<String> = plan["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| Some(format!("{} {}", step["identity"].as_str()?.split(':').next()?, step["owed"].as_str()?)))
        .collect();
    assert_eq!(
        owed,
        [
            "both@2024-01-01 change",
            "copied@2024-01-02 stale_base",
            "both@2024-01-02 change",
            "copied@2024-01-03 stale_base",
            "both@2024-01-03 change"
        ]
    );
    assert_eq!(ran(&project, "--label pr-1"), ["both@1", "both@2", "both@3", "copied@2", "copied@3"]);
    // Without the change, no result of the label is left over what is stale.
    project.edit("pipeline.formula", "cat -n {{ inputs.copied }}", "cat {{ inputs.copied }}");
    project.formake("build --label pr-1").ended(0);
    assert!(own(&project, "pr-1").is_empty(), "{:?}", own(&project, "pr-1"));
}

#[test]
fn a_longer_window_is_a_change_and_a_new_day_is_not() {
    let project = built();
    project.edit("pipeline.formula", "DATE-1d", "DATE-2d");
    assert_eq!(planned(&project, "--label pr-1", &["run"]), ["window@3", "window@4"]);
    project.edit("pipeline.formula", "DATE-2d", "DATE-1d");
    project.write("raw/2024-01-04.csv", "late\n");
    assert_eq!(planned(&project, "--label pr-1", &["stale_in_base"]), ["window@4"]);
    assert!(planned(&project, "--label pr-1", &["run", "may_run"]).is_empty());
}

#[test]
fn a_source_read_from_elsewhere_is_a_change() {
    let project = built();
    project.shell("cp -r raw vendor && echo more >> vendor/2024-01-02.csv").ended(0);
    project.edit("pipeline.formula", "raw/<DATE>.csv", "vendor/<DATE>.csv");
    assert_eq!(planned(&project, "--label pr-1", &["run"]), ["clean@2"]);
    assert_eq!(ran(&project, "--label pr-1"), ["both@2", "clean@2", "lines@2", "window@2", "window@3"]);
}

#[test]
fn a_build_of_a_label_makes_nothing_for_its_base() {
    let project = built();
    project.write(
        "pipeline.formula",
        &format!(
            "{FORMULAS}(clean, <DATE>, prod, dl) -> (model, <DATE>, exp, dl) {{ run \"cat {{{{ inputs.clean }}}} > {{{{ output }}}}\" }}\n"
        ),
    );
    project.write("raw/2024-01-04.csv", "new\n");
    project.write("raw/2024-01-01.csv", "moved\n");
    let before = prod(&project);
    // Prod's clean data is read as it stands: stale on the first day, not there on the last.
    assert_eq!(planned(&project, "model:exp", &["run"]), ["model@1", "model@2", "model@3"]);
    let text = project.formake("plan model@2024-01-04:exp").ended(5).stdout;
    assert!(text.contains("a build under exp writes nothing there"), "{text}");
    assert_eq!(ran(&project, "model@2024-01-01..2024-01-03:exp"), ["model@1", "model@2", "model@3"]);
    assert_eq!(prod(&project), before);
    project.formake("plan clean:prod model:exp").ended(2);
}

#[test]
fn a_label_publishes_and_holds_for_itself() {
    let project = Project::new(&[
        ("formake.yaml", CONFIG),
        (
            "pipeline.formula",
            "source (goals, prod, dl)\n(goals, prod, dl) -> (report, prod, dl) { run \"cat {{ inputs.goals }} > {{ output }}\" }\n",
        ),
        ("a.txt", "a"),
        ("b.txt", "b"),
    ]);
    project.formake("publish goals a.txt").ended(0);
    project.formake("build report").ended(0);
    assert_eq!(planned(&project, "report:pr-1", &["published", "inherited"]), ["goals", "report"]);
    project.formake("publish goals:pr-1 b.txt").ended(0);
    assert_eq!(ran(&project, "report:pr-1"), ["report"]);
    assert_eq!(planned(&project, "report:prod", &["valid"]), ["report"]);
    // A hold of the base shows through; the label's own result comes first where its formula names the label.
    project.formake("publish report a.txt --hold --because audit").ended(0);
    assert_eq!(planned(&project, "report:pr-2", &["held"]), ["report"]);
    assert_eq!(planned(&project, "report:pr-1", &["held"]), ["report"]);
}

#[test]
fn lost_bytes_of_the_base_are_made_under_the_label() {
    let project = built();
    let before = prod(&project);
    project.shell("rm -rf lake/clean/2024-01-01").ended(0);
    assert!(planned(&project, "--label pr-1 --class lines", &["run", "may_run"]).is_empty(), "nobody needs them");
    project.edit("pipeline.formula", "wc -l", "wc -c");
    assert_eq!(ran(&project, "lines@2024-01-01:pr-1"), ["clean@1", "lines@1"]);
    assert_eq!(prod(&project), before);
    project.formake("plan lines@2024-01-01:pr-1 --exit-code").ended(0);
}

#[test]
fn what_acts_on_the_outside_is_not_done_for_a_label_that_did_not_ask() {
    let project = built();
    project.write(
        "pipeline.formula",
        &format!("{FORMULAS}(both, <DATE>, prod, dl) -> (sent, <DATE>, prod, dl) {{\n effect\n run \"cat {{{{ inputs.both }}}} > {{{{ output }}}}\"\n}}\n"),
    );
    project.formake("build").ended(0);
    project.edit("pipeline.formula", "wc -l", "wc -c");
    assert_eq!(ran(&project, "--label pr-1").len(), 6);
    assert_eq!(ran(&project, "sent@2024-01-01:pr-1"), ["sent@1"]);
}
