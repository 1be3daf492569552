//! What goes wrong: jobs that fail in every way, bytes that get lost, kills at any moment. Nothing half made is ever visible, and the next
//! build puts things right.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::support::{FORMAKE, Project, Ran};

const DAY: &str = "2024-01-01";

/// `raw -> out -> after`, of three days, where `out` is made as `block` says.
fn project(block: &str) -> Project {
    let formulas = format!(
        "source (raw, <D>, prod, dl) from \"raw/<D>.txt\"\n\
         (raw, <D>, prod, dl) -> (out, <D>, prod, dl) {{\n{block}\n}}\n\
         (out, <D>, prod, dl) -> (after, <D>, prod, dl) {{\nrun \"cat {{{{ inputs.out }}}} > {{{{ output }}}}\"\n}}\n"
    );
    let days = [("raw/2024-01-01.txt", "one\n"), ("raw/2024-01-02.txt", "two\n"), ("raw/2024-01-03.txt", "three\n")];
    let settings = "targets: [after]\nrepositories: { dl: { root: lake } }\n";
    Project::new(&[&days[..], &[("formake.yaml", settings), ("pipeline.formula", &formulas)]].concat())
}

const UPPER: &str = r#"run "tr a-z A-Z < {{ inputs.raw }} > {{ output }}""#;

/// Every file in a folder, but not in Formake's own folders.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let inside = entries.filter(|entry| entry.file_name() != ".formake").map(|entry| entry.path());
    inside.flat_map(|path| if path.is_dir() { files(&path) } else { BTreeSet::from([path]) }).collect()
}

/// Waits for what another process does.
#[track_caller]
fn until(what: &str, happened: impl Fn() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what} did not happen");
        sleep(Duration::from_millis(5));
    }
}

fn running(pid: &str) -> bool {
    // What has ended and was not waited for yet is a zombie.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
}

fn start(project: &Project, arguments: &[&str]) -> Child {
    project.command(FORMAKE).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("formake starts")
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("it runs");
}

/// How a build of one day fails that is told to make `out` so; nothing of it is kept.
fn failure(block: &str) -> String {
    let project = project(block);
    let ran = project.formake("build after@2024-01-01").ended(1);
    assert!(ran.stdout.contains("Failed: 1 failed, 1 blocked"), "{}", ran.text());
    assert_eq!(project.contents().len(), 0);
    assert_eq!(files(&project.root.join("lake")), BTreeSet::new());
    let shown = project.normal(&ran.stdout);
    let told = shown.lines().skip_while(|line| !line.contains("failed out")).take_while(|line| !line.contains("whole log"));
    told.map(|line| format!("{}\n", line.trim())).collect()
}

#[test]
fn jobs_that_fail() {
    let ways = [
        r#"run "echo to stdout; echo to stderr >&2; echo x > {{ output }}; exit 3""#,
        r#"run "no-such-program""#,
        r#"run "false | cat > {{ output }}""#,
        r#"run "true""#,
        r#"run "echo x > elsewhere.txt""#,
        r#"run "mkdir {{ output }}.d; ln -s /etc/hostname {{ output }}""#,
        r#"run "echo x > {{ output }}; kill -9 $$""#,
        "run \"echo x > {{ output }}; sleep 60\"\ntimeout 1s",
        r#"run "chmod +w {{ inputs.raw }}; echo x > {{ inputs.raw }}; cp {{ inputs.raw }} {{ output }}""#,
        r#"sql """select * from raws""""#,
    ];
    assert_snapshot!(ways.map(failure).join(""), @r"
    failed out@2024-01-01:prod/dl  after (time): it ended with exit status 3
    | to stdout
    | to stderr
    failed out@2024-01-01:prod/dl  after (time): it ended with exit status 127: a command in it was not found
    | bash: line 1: no-such-program: command not found
    failed out@2024-01-01:prod/dl  after (time): it ended with exit status 1
    failed out@2024-01-01:prod/dl  after (time): it ended well, but left nothing at out/out; it left no file at all
    failed out@2024-01-01:prod/dl  after (time): it ended well, but left nothing at out/out; it left elsewhere.txt
    failed out@2024-01-01:prod/dl  after (time): it left a link at out/out: write the data itself there
    failed out@2024-01-01:prod/dl  after (time): it ended with SIGKILL (perhaps out of memory)
    failed out@2024-01-01:prod/dl  after (time): it took longer than its timeout of (time)
    failed out@2024-01-01:prod/dl  after (time): its source raw@2024-01-01:prod/dl changed while it ran; build again to use the new bytes
    failed out@2024-01-01:prod/dl  after (time): there is no table `raws`; did you mean `raw`? there are `raw`
    ");
}

#[test]
fn what_a_job_leaves_running_is_ended() {
    let project = Project::new(&[]);
    let pid = project.root.join("pid");
    project.write(
        "pipeline.formula",
        &format!("-> (out, prod, dl) {{ run \"sleep 60 & echo $! > {}; echo x > {{{{ output }}}}\" }}\n", pid.display()),
    );
    project.formake("build out").ended(0);
    let pid = project.read("pid");
    until("its end", || !running(pid.trim()));
}

#[test]
fn a_job_that_changes_a_snapshot_it_reads_fails_and_the_snapshot_is_healed() {
    let project = project(UPPER);
    project.formake("build out").ended(0);
    let good = project.contents();
    project.edit(
        "pipeline.formula",
        "cat {{ inputs.out }}",
        "chmod +w $(readlink {{ inputs.out }}); echo x >> {{ inputs.out }}; cat {{ inputs.out }}",
    );
    let failed = project.formake("build after@2024-01-01").ended(1);
    assert!(failed.stdout.contains("a job must not change what it reads"), "{}", failed.stdout);
    assert_eq!(project.contents(), good);
    let healed = project.formake("build out@2024-01-01 --json").ended(0);
    assert_eq!(healed.outputs_of("job_done"), BTreeSet::from(["out@2024-01-01:prod/dl".to_string()]));
    assert_eq!(project.contents(), good);
}

/// Damages the bytes of `out`, and lets builds heal it.
fn healed(damage: impl Fn(&Path)) {
    let project = project(UPPER);
    project.formake("build").ended(0);
    let good = project.contents();
    let bytes = project.root.join(project.formake("path out@2024-01-01").ended(0).stdout.trim());
    damage(&bytes);
    // Nothing needs these bytes: what was made from them is valid.
    project.formake("plan --exit-code").ended(0);
    let built = project.formake("build out after --json").ended(0);
    assert_eq!(built.outputs_of("job_done"), BTreeSet::from(["out@2024-01-01:prod/dl".to_string()]), "its reader does not run again");
    assert_eq!(project.contents(), good);
    assert_eq!(fs::read_to_string(&bytes).expect("it is back"), "ONE\n");
    // A job that must run reads them.
    damage(&bytes);
    project.edit("pipeline.formula", "cat {{ inputs.out }}", "cat -n {{ inputs.out }}");
    let built = project.formake("build after@2024-01-01 --json").ended(0);
    let both = ["after@2024-01-01:prod/dl", "out@2024-01-01:prod/dl"].map(String::from);
    assert_eq!(built.outputs_of("job_done"), BTreeSet::from(both));
    let after = project.formake("path after@2024-01-01").ended(0);
    assert_eq!(project.read(after.stdout.trim()), "     1\tONE\n");
}

#[test]
fn damaged_bytes_are_healed() {
    healed(|path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("writable");
        fs::write(path, "TWO\n").expect("written");
    });
}

#[test]
fn deleted_bytes_are_healed() {
    healed(|path| {
        // Snapshots are read-only, folders too.
        for above in path.ancestors().take(2) {
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).expect("writable");
        }
        fs::remove_file(path).expect("deleted");
    });
}

#[test]
fn a_source_that_changes_while_it_is_read_fails_the_job() {
    let project = project("");
    let here = project.root.display().to_string();
    let wait =
        format!(r#"run "cat {{{{ inputs.raw }}}} > {{{{ output }}}}; touch {here}/began; until test -e {here}/go; do sleep 0.01; done""#);
    project.edit("pipeline.formula", "(out, <D>, prod, dl) {\n\n", &format!("(out, <D>, prod, dl) {{\n{wait}\n"));
    let build = start(&project, &["build", "out@2024-01-01"]);
    until("the job's start", || project.root.join("began").exists());
    project.write("raw/2024-01-01.txt", "uno\n");
    project.write("go", "");
    let ran = Ran::from(build.wait_with_output().expect("it ends")).ended(1);
    assert!(ran.stdout.contains("its source raw@2024-01-01:prod/dl changed while it ran; build again"), "{}", ran.stdout);
    assert_eq!(project.contents().len(), 0);
    project.formake("build out@2024-01-01").ended(0);
    let path = project.formake("path out@2024-01-01").ended(0);
    assert_eq!(project.read(path.stdout.trim()), "uno\n");
}

#[test]
fn repositories_that_cannot_be_written_say_why() {
    let refused = |project: &Project, reason: &str| {
        let ran = project.formake("build out@2024-01-01").ended(1);
        assert!(ran.stdout.contains("of the repository `dl` cannot be used") && ran.stdout.contains(reason), "{}", ran.text());
        assert_eq!(project.contents().len(), 0);
    };
    let a_file = project(UPPER);
    a_file.write("lake", "not a folder");
    refused(&a_file, "it is a file");

    let missing = project(UPPER);
    let elsewhere = missing.root.with_file_name("mnt").join("lake");
    missing.edit("formake.yaml", "root: lake", &format!("root: {}", elsewhere.display()));
    refused(&missing, "not mounted");
    fs::create_dir(elsewhere.parent().expect("a folder")).expect("mounted");
    missing.formake("build out@2024-01-01").ended(0);

    // Permissions do not bind root.
    if !geteuid().is_root() {
        let read_only = project(UPPER);
        fs::create_dir(read_only.root.join("lake")).expect("a folder");
        fs::set_permissions(read_only.root.join("lake"), fs::Permissions::from_mode(0o555)).expect("read-only");
        refused(&read_only, "ermission denied");
    }
}

/// Twelve days through three jobs each, every one of them slow enough to be hit.
fn slow() -> Project {
    let step = |from: &str, to: &str| {
        format!(
            "({from}, <D>, prod, dl) -> ({to}, <D>, prod, dl) {{ run \"head -c 1 {{{{ inputs.{from} }}}} > {{{{ output }}}}; sleep 0.02; cat {{{{ inputs.{from} }}}} >> {{{{ output }}}}\" }}\n"
        )
    };
    let formulas = format!("source (raw, <D>, prod, dl) from \"raw/<D>.txt\"\n{}{}{}", step("raw", "a"), step("a", "b"), step("b", "c"));
    let project = Project::new(&[("pipeline.formula", &formulas), ("formake.yaml", "targets: [c]\n")]);
    for day in 1..=12 {
        project.write(&format!("raw/2024-01-{day:02}.txt"), &format!("day {day}\n"));
    }
    project
}

#[test]
fn killed_at_any_moment_the_next_build_finishes_the_same() {
    let undisturbed = slow();
    undisturbed.formake("build").ended(0);
    let wanted = undisturbed.contents();
    assert_eq!(wanted.len(), 36);
    let mut caught = 0;
    for milliseconds in [10, 60, 150, 300] {
        let project = slow();
        let mut build = start(&project, &["build", "-j", "2"]);
        sleep(Duration::from_millis(milliseconds));
        signal(&build, Signal::KILL);
        caught += usize::from(build.wait().expect("it ended").code().is_none());
        let half = project.contents();
        assert!(half.iter().all(|(identity, content)| wanted[identity] == *content), "what is visible is whole");
        project.formake("build").ended(0);
        assert_eq!(project.contents(), wanted, "killed after {milliseconds} ms");
        project.formake("plan --exit-code").ended(0);
    }
    assert!(caught >= 2, "most were killed in the middle");
}

#[test]
fn a_cleaning_killed_at_any_moment_takes_nothing_that_is_needed() {
    let project = slow();
    project.write("formake.yaml", "targets: [c]\nkeep: { history: 0d, last: 0 }\n");
    project.formake("build").ended(0);
    project.edit("pipeline.formula", "head -c 1 ", "head -c 2 ");
    project.formake("build").ended(0);
    let wanted = project.contents();
    let lake = project.root.join("lake");
    assert_eq!(files(&lake).len(), 72);
    let mut caught = 0;
    for milliseconds in [4, 8, 12, 16, 20, 30] {
        let mut cleaning = start(&project, &["gc", "--yes"]);
        sleep(Duration::from_millis(milliseconds));
        signal(&cleaning, Signal::KILL);
        caught += usize::from(cleaning.wait().expect("it ended").code().is_none());
        project.formake("plan --exit-code").ended(0);
    }
    assert!(caught >= 2, "most were killed in the middle");
    project.formake("gc --yes").ended(0);
    assert_eq!((files(&lake).len(), project.contents()), (36, wanted));
    assert_eq!(fs::read_dir(lake.join(".formake/incoming")).map_or(0, Iterator::count), 0);
    assert!(project.formake("gc").ended(0).stdout.starts_with("Nothing is to be removed."));
    project.formake("build c b a --json").ended(0).events().iter().for_each(|event| assert_ne!(event["event"], "job_done"));
}

#[test]
fn interrupted_builds_end_their_jobs_and_leave_nothing() {
    let project = Project::new(&[("formake.yaml", "sets: { parts: [a, b] }\ntargets: [out]\nrepositories: { dl: { root: lake } }\n")]);
    let here = project.root.display();
    project.write(
        "pipeline.formula",
        &format!(
            "-> (out, <P in parts>, prod, dl) {{ run \"echo x > {{{{ output }}}}; sleep 60 & echo $$ $! > {here}/pids-{{{{ P }}}}; wait\" }}\n"
        ),
    );
    let build = start(&project, &["build", "-j", "2"]);
    let pids = || ["a", "b"].map(|part| fs::read_to_string(project.root.join(format!("pids-{part}"))).unwrap_or_default());
    until("both jobs' start", || pids().iter().all(|text| text.ends_with('\n')));
    signal(&build, Signal::INT);
    let ran = Ran::from(build.wait_with_output().expect("it ends")).ended(130);
    assert!(ran.stdout.contains("Interrupted:"), "{}", ran.text());
    for pid in pids().iter().flat_map(|text| text.split_whitespace()) {
        assert!(!running(pid), "{pid} is left");
    }
    assert_eq!(project.contents().len(), 0);
    assert_eq!(files(&project.root.join("lake")), BTreeSet::new());
}

#[test]
fn two_builds_at_once_run_each_job_once() {
    let project = slow();
    let builds = [start(&project, &["build", "--json"]), start(&project, &["build", "--json"])];
    let ran = builds.map(|build| Ran::from(build.wait_with_output().expect("it ends")).ended(0));
    let done = |ran: &Ran| ran.events().iter().filter(|event| event["event"] == "job_done").count();
    assert_eq!(ran.iter().map(done).sum::<usize>(), 36);
    assert_eq!(project.contents().len(), 36);
}

#[test]
fn failures_are_tried_again_after_a_while() {
    let project = project("");
    let tries = project.root.join("tries").display().to_string();
    let block =
        format!("run \"echo x >> {tries}; test $(wc -l < {tries}) = 3; cp {{{{ inputs.raw }}}} {{{{ output }}}}\"\nretry 2 every 1s");
    project.edit("pipeline.formula", "(out, <D>, prod, dl) {\n\n", &format!("(out, <D>, prod, dl) {{\n{block}\n"));
    let start = Instant::now();
    let ran = project.formake("build out@2024-01-01 --json").ended(0);
    assert!(start.elapsed() >= Duration::from_secs(2), "a second between tries");
    let attempts: Vec<_> = ran.events().iter().filter(|e| e["event"] == "job_started").map(|e| e["attempt"].as_u64()).collect();
    assert_eq!(attempts, [Some(1), Some(2), Some(3)]);
    assert_eq!(project.read("tries"), "x\nx\nx\n");
}

#[test]
fn keep_going_makes_what_does_not_depend_on_a_failure() {
    let project = project(r#"run "grep -v one {{ inputs.raw }} > {{ output }}""#);
    let stopped = project.formake("build -j 1 --json").ended(1);
    assert_eq!(stopped.outputs_of("job_done"), BTreeSet::new(), "the first failure ends a build");
    let ran = project.formake("build -j 1 --keep-going --json").ended(1);
    let others = ["out@2024-01-02", "out@2024-01-03", "after@2024-01-02", "after@2024-01-03"];
    assert_eq!(ran.outputs_of("job_done"), others.map(|identity| format!("{identity}:prod/dl")).into());
    assert_eq!(ran.outputs_of("job_failed"), BTreeSet::from([format!("out@{DAY}:prod/dl")]));
    assert_eq!(ran.outputs_of("job_blocked"), BTreeSet::from([format!("after@{DAY}:prod/dl")]));
}

#[test]
fn secrets_are_written_nowhere() {
    let secret = "correct-horse-battery";
    for end in ["exit 1", "cp {{ inputs.raw }} {{ output }}"] {
        let project = project(&format!("run \"set -x; echo got $DB_PASSWORD; {end}\"\nsecret DB_PASSWORD"));
        let shown =
            project.shell(&format!("export DB_PASSWORD={secret}; formake build out@{DAY}; formake log out@{DAY}; formake show out@{DAY}"));
        assert!(shown.stdout.contains("got ***"), "{}", shown.stdout);
        assert!(!shown.stdout.contains(secret), "{}", shown.stdout);
        let found = project.shell(&format!("grep -rl {secret} .")).stdout;
        assert_eq!(found, "", "{end}");
        // Another value is no reason to run again.
        if !end.starts_with("exit") {
            project.shell(&format!("DB_PASSWORD=other formake plan --exit-code out@{DAY}")).ended(0);
        }
    }
}
