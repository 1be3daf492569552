//! Jobs that really run, and how they end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::digest::of_bytes;
use crate::formula::program::Format;
use crate::identity::Instance;
use crate::recipe::{Action, JobInput, JobOutput, JobPart};

/// One input `in/a.txt`, one output `out/b`.
fn job(script: &str, input: &Path) -> Job {
    let none = Instance::new([]);
    let part = JobPart {
        class: "a".into(),
        instance: none.clone(),
        content: of_bytes(b""),
        at: input.into(),
        files: vec![],
        link: "in/a.txt".into(),
    };
    Job {
        title: "b".into(),
        action: Action::Shell { script: script.into() },
        inputs: vec![JobInput { name: "a".into(), fan_in: false, parts: vec![part], dimensions: Arc::new(vec![]), columns: None }],
        outputs: vec![JobOutput {
            name: "b".into(),
            class: "b".into(),
            instance: none,
            path: "out/b".into(),
            folder: false,
            format: Format::Parquet,
        }],
        uses: vec![],
        env: BTreeMap::from([("GIVEN".into(), "a b".into())]),
        secrets: vec!["TOKEN".into()],
        params: BTreeMap::new(),
        timeout: None,
    }
}

fn environment(name: &str) -> Option<OsString> {
    match name {
        "TOKEN" => Some("hunter2".into()),
        "PATH" => Some("/usr/bin:/bin".into()),
        _ => None,
    }
}

struct Ran {
    folder: tempfile::TempDir,
    end: Result<Produced, JobError>,
}

impl Ran {
    fn output(&self) -> String {
        assert!(self.end.is_ok(), "{:?}", self.end);
        fs::read_to_string(self.folder.path().join("job/work/out/b")).expect("an output")
    }

    fn error(&self) -> String {
        self.end.as_ref().expect_err("it fails").to_string()
    }
}

fn run(script: &str, change: impl FnOnce(&mut Job), cancel: &Cancel) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("store.txt");
    fs::write(&input, "data\n").expect("written");
    let mut job = job(script, &input);
    change(&mut job);
    let end = LocalExecutor::new(environment).execute(&job, &folder.path().join("job"), cancel);
    Ran { folder, end }
}

fn plain(script: &str) -> Ran {
    run(script, |_| {}, &Cancel::new())
}

#[test]
fn a_job_sees_what_it_is_given_and_no_more() {
    let ran = plain(
        r#"env | cut -d= -f1 | sort | tr '\n' ' ' > "$FORMAKE_OUTPUT"; cat in/a.txt >> out/b; ls >> out/b; readlink in/a.txt | tail -c 10 >> out/b"#,
    );
    let shell = ["_ ", "OLDPWD ", "PWD ", "SHLVL "];
    let seen = shell.iter().fold(ran.output(), |seen, own| seen.replacen(own, "", 1));
    assert_eq!(seen, "FORMAKE_JOB FORMAKE_OUTPUT GIVEN HOME LANG PATH TMPDIR TOKEN TZ data\nin\nout\nstore.txt\n");
}

#[test]
fn ends_are_told_in_words() {
    for (script, expected) in [
        ("exit 3", "it ended with exit status 3"),
        ("kill -9 $$", "it ended with SIGKILL (perhaps out of memory)"),
        ("echo $UNSET", "it ended with exit status 1"),
        ("true", "it ended well, but left nothing at out/b; it left no file at all"),
        ("touch out/c", "it ended well, but left nothing at out/b; it left out/c"),
        ("mkfifo out/b", "it left a pipe, socket or device at out/b, where a file or folder is expected"),
        ("ln -s /etc/hostname out/b", "it left a link at out/b: write the data itself there"),
    ] {
        assert_eq!(plain(script).error(), expected, "{script}");
    }
    let folder = run("touch out/b", |job| job.outputs[0].folder = true, &Cancel::new());
    assert_eq!(folder.error(), "it left a file at out/b, where a folder is expected");
    let unset = run("touch out/b", |job| job.secrets.push("NOT_SET".into()), &Cancel::new());
    assert!(unset.error().contains("NOT_SET is not in the environment"));
}

#[test]
fn a_timeout_ends_the_whole_group() {
    let start = Instant::now();
    let ran = run("sleep 60 & echo $! > pid; wait", |job| job.timeout = Some(Duration::from_millis(300)), &Cancel::new());
    assert!(matches!(ran.end, Err(JobError::Timeout(_))), "{:?}", ran.end);
    assert!(start.elapsed() < Duration::from_secs(20));
    gone(&ran);
    let forever = run("touch out/b", |job| job.timeout = Some(Duration::MAX), &Cancel::new());
    assert!(forever.end.is_ok());
}

#[test]
fn what_runs_on_behind_a_job_is_ended_with_it() {
    let ran = plain("sleep 60 & echo $! > pid; touch out/b");
    ran.output();
    gone(&ran);
}

/// The process whose number a job left has ended.
fn gone(ran: &Ran) {
    let pid = fs::read_to_string(ran.folder.path().join("job/work/pid")).expect("a number");
    let stat = format!("/proc/{}/stat", pid.trim());
    let ended = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    let deadline = Instant::now() + Duration::from_secs(10);
    while !ended() {
        assert!(Instant::now() < deadline, "process {pid} runs on");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_cancelled_job_ends_at_once() {
    let cancel = Cancel::new();
    let start = Instant::now();
    let ran = thread::scope(|scope| {
        let running = scope.spawn(|| run("sleep 60", |_| {}, &cancel));
        thread::sleep(Duration::from_millis(200));
        cancel.cancel();
        running.join().expect("no panic")
    });
    assert!(matches!(ran.end, Err(JobError::Interrupted)), "{:?}", ran.end);
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_log_may_hold_anything() {
    let ran = plain(r"head -c 3000000 /dev/zero | tr '\0' x; printf '\n\377\n\033[1mbold\033[0m %s\n' $TOKEN; touch out/b");
    ran.output();
    let log = ran.folder.path().join("job/log.txt");
    assert_eq!(log::tail(&log, 2), ["\u{fffd}", "bold ***"]);
    assert!(!fs::read(&log).expect("a log").windows(7).any(|bytes| bytes == b"hunter2"));
}
