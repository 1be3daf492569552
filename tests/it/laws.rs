//! Laws of validity, one by one, with the real program: what stays, what is made again, what is refused.

use crate::support::Project;

const CHAIN: &str = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (clean, <DATE>, prod, dl) { run "grep -v '^#' {{ inputs.raw }} > {{ output }}" }
(clean, <DATE>, prod, dl) -> (lines, <DATE>, prod, dl) { run "wc -l < {{ inputs.clean }} > {{ output }}" }
"#;

fn chain() -> Project {
    let project = Project::new(&[("pipeline.formula", CHAIN), ("raw/2024-01-01.csv", "a\nb\n")]);
    project.formake("build lines@2024-01-01").ended(0);
    project
}

/// The classes of the jobs that a build of the target ran.
#[track_caller]
fn ran(project: &Project, target: &str) -> Vec<String> {
    let made = project.formake(&format!("build {target} --json")).ended(0).outputs_of("job_done");
    made.iter().map(|identity| identity.split(['@', ':']).next().unwrap_or_default().to_string()).collect()
}

#[track_caller]
fn nothing_to_do(project: &Project, target: &str) {
    project.formake(&format!("plan {target} --exit-code")).ended(0);
}

#[test]
fn the_same_result_stops_what_is_over_it() {
    let project = chain();
    project.write("raw/2024-01-01.csv", "a\n# remark\nb\n");
    assert_eq!(ran(&project, "lines@2024-01-01"), ["clean"]);
    nothing_to_do(&project, "lines@2024-01-01");
}

#[test]
fn bytes_that_came_before_are_not_computed_again() {
    let project = chain();
    project.write("raw/2024-01-01.csv", "a\n");
    assert_eq!(ran(&project, "lines@2024-01-01"), ["clean", "lines"]);
    project.write("raw/2024-01-01.csv", "a\nb\n");
    assert!(ran(&project, "lines@2024-01-01").is_empty());
    nothing_to_do(&project, "lines@2024-01-01");
}

#[test]
fn a_vanished_source_counts_by_its_hash_until_a_job_must_read_it() {
    let project = chain();
    std::fs::remove_file(project.root.join("raw/2024-01-01.csv")).expect("removed");
    nothing_to_do(&project, "lines@2024-01-01");
    project.edit("pipeline.formula", "wc -l", "wc -c");
    assert_eq!(ran(&project, "lines@2024-01-01"), ["lines"]);
    project.edit("pipeline.formula", "grep -v", "grep -hv");
    project.formake("build lines@2024-01-01").ended(5);
}

#[test]
fn a_copied_source_outlives_its_file() {
    let project = Project::new(&[
        (
            "pipeline.formula",
            "source (k, prod, dl) from \"k.txt\" { copy }\n(k, prod, dl) -> (l, prod, dl) { run \"cat {{ inputs.k }} > {{ output }}\" }\n",
        ),
        ("k.txt", "k"),
    ]);
    project.formake("build l").ended(0);
    std::fs::remove_file(project.root.join("k.txt")).expect("removed");
    project.edit("pipeline.formula", "cat ", "cat -u ");
    assert_eq!(ran(&project, "l"), ["l"]);
}

#[test]
fn a_copied_source_that_lost_its_copy_is_copied_again() {
    let project = Project::new(&[
        (
            "pipeline.formula",
            "source (k, prod, dl) from \"k.txt\" { copy }\n(k, prod, dl) -> (l, prod, dl) { run \"cat {{ inputs.k }} > {{ output }}\" }\n",
        ),
        ("k.txt", "k"),
    ]);
    project.formake("build l").ended(0);
    std::fs::remove_dir_all(project.root.join("lake/k")).expect("removed");
    project.edit("pipeline.formula", "cat ", "cat -u ");
    assert_eq!(ran(&project, "l"), ["l"]);
}

#[test]
fn condemned_bytes_stay_refused_when_they_return() {
    let project = chain();
    project.formake("invalidate raw@2024-01-01 --because bad --yes").ended(0);
    project.formake("build lines@2024-01-01").ended(5);
    project.write("raw/2024-01-01.csv", "a\n");
    assert_eq!(ran(&project, "lines@2024-01-01"), ["clean", "lines"]);
    project.write("raw/2024-01-01.csv", "a\nb\n");
    project.formake("build lines@2024-01-01").ended(5);
}

#[test]
fn what_was_invalidated_is_made_again_never_taken_again() {
    let project = chain();
    project.formake("invalidate clean@2024-01-01 --because wrong --yes").ended(0);
    assert_eq!(ran(&project, "lines@2024-01-01"), ["clean"]);
    nothing_to_do(&project, "lines@2024-01-01");
}

#[test]
fn a_held_result_stays_until_it_is_released() {
    let project = chain();
    project.write("by-hand.csv", "a\nb\nc\n");
    project.formake("publish clean@2024-01-01 by-hand.csv --hold --because repaired").ended(0);
    assert_eq!(ran(&project, "lines@2024-01-01"), ["lines"]);
    project.write("raw/2024-01-01.csv", "a\n");
    nothing_to_do(&project, "lines@2024-01-01");
    project.formake("release clean@2024-01-01").ended(0);
    assert_eq!(ran(&project, "lines@2024-01-01"), ["clean", "lines"]);
}

/// Under two labels: the same work is done once, but for effects and for recipes that say the label.
#[test]
fn labels_share_what_does_not_depend_on_them() {
    let mut text = String::from("source (raw, prod, dl) from \"raw.csv\"\n");
    for label in ["prod", "dev"] {
        for (class, recipe) in [("plain", "cat {{ inputs.raw }} > {{ output }}"), ("named", "echo {{ label }} > {{ output }}")] {
            text.push_str(&format!("(raw, prod, dl) -> ({class}, {label}, dl) {{ run \"{recipe}\" }}\n"));
        }
        text.push_str(&format!("(plain, {label}, dl) -> (sent, {label}, dl) {{\n effect\n run \"echo sent > {{{{ output }}}}\"\n}}\n"));
    }
    let project = Project::new(&[("pipeline.formula", &text), ("raw.csv", "a\n")]);
    assert_eq!(ran(&project, "sent:prod named:prod"), ["named", "plain", "sent"]);
    assert_eq!(ran(&project, "sent:dev named:dev"), ["named", "sent"]);
    nothing_to_do(&project, "sent:dev named:dev");
    // Invalidating takes the pointer away under every label.
    project.formake("invalidate plain:dev --because wrong --yes").ended(0);
    assert_eq!(ran(&project, "sent:prod"), ["plain"]);
}
