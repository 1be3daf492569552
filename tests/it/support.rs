//! A project in a temporary folder, and the real program run in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub const FORMAKE: &str = env!("CARGO_BIN_EXE_formake");

/// Goes away with its folder.
pub struct Project {
    _folder: TempDir,
    pub root: PathBuf,
}

/// How a command ended, and what it printed.
#[derive(Debug)]
pub struct Ran {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Ran {
    /// All it printed.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// # Panics
    /// If it ended with another code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.text());
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// What `build --json` tells, an object a line.
    pub fn events(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// The identities that `build --json` tells `event` of.
    pub fn outputs_of(&self, event: &str) -> BTreeSet<String> {
        let told = self.events().into_iter().filter(|told| told["event"] == event);
        told.flat_map(|told| texts(&told["outputs"])).collect()
    }

    /// The identities to which a plan gives one of these actions.
    pub fn planned(&self, actions: &[&str]) -> BTreeSet<String> {
        let plan = self.json();
        let steps = plan["steps"].as_array().expect("steps").iter();
        let steps = steps.filter(|step| step["action"].as_str().is_some_and(|action| actions.contains(&action)));
        steps.map(|step| step["identity"].as_str().expect("an identity").to_string()).collect()
    }
}

/// The texts of a list.
pub fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_string())).collect()
}

impl Project {
    /// A folder named `project`, with these files in it.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("its path").join("project");
        fs::create_dir(&root).expect("a folder");
        let project = Self { _folder: folder, root };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// A copy of one of the examples, with what the examples share beside it.
    pub fn example(name: &str) -> Self {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let project = Self::new(&[]);
        copy(&examples.join(name), &project.root);
        fs::copy(examples.join("exports.py"), project.root.with_file_name("exports.py")).expect("a copy");
        project
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Replaces a text that must be there.
    #[track_caller]
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} holds {from:?}");
        self.write(path, &text.replace(from, to));
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        command.env("NO_COLOR", "1").env("TZ", "UTC").env("USER", "you").env("LANG", "C.UTF-8").env("FORMAKE", FORMAKE);
        command
    }

    /// `formake` with these arguments, written as in a shell.
    pub fn formake(&self, arguments: &str) -> Ran {
        let arguments = shlex::split(arguments).expect("closed quotes");
        self.command(FORMAKE).args(arguments).output().expect("formake runs").into()
    }

    pub fn shell(&self, line: &str) -> Ran {
        let folder = Path::new(FORMAKE).parent().expect("a folder").display();
        self.command("bash").args(["-c", &format!("PATH={folder}:$PATH; {{ {line}\n}} 2>&1")]).output().expect("bash runs").into()
    }

    /// What a terminal would show of these shell lines. Codes other than 0 are told; what is different each time is normalized.
    pub fn session(&self, lines: &str) -> String {
        let mut shown = String::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let ran = self.shell(line);
            let _ = write!(shown, "$ {line}\n{}", self.normal(&ran.stdout));
            if ran.code != Some(0) {
                let _ = writeln!(shown, "[exit {}]", ran.code.map_or("by a signal".into(), |code| code.to_string()));
            }
        }
        shown
    }

    /// What was printed, the same each time: the project's folder, durations and moments are named instead of told.
    pub fn normal(&self, printed: &str) -> String {
        let outside = self.root.parent().unwrap_or(&self.root).display().to_string();
        timeless(&printed.replace(&self.root.display().to_string(), "/project").replace(&outside, "/outside"))
    }

    /// A moment after all that has happened, and before all that will, as `--as-of` takes it.
    pub fn moment(&self) -> String {
        let pause = Duration::from_millis(2);
        thread::sleep(pause);
        let now = self.shell("date -u +%Y-%m-%dT%H:%M:%S.%3NZ").ended(0).stdout.trim().to_string();
        thread::sleep(pause);
        now
    }

    /// What every identity stands for now, by the hash of its content. Sources are left out.
    pub fn contents(&self) -> BTreeMap<String, String> {
        let listed = self.formake("ls --json").ended(0).json();
        let listed = listed["snapshots"].as_array().expect("snapshots").iter();
        let made = listed.filter(|listed| listed["snapshot"]["origin"]["kind"] == "run");
        let text = |value: &Value| value.as_str().expect("a text").to_string();
        made.map(|listed| (text(&listed["identity"]), text(&listed["snapshot"]["content"]))).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_name().to_string_lossy().as_ref() {
            // What somebody built in the example itself.
            ".formake" | "lake" | "__pycache__" => {}
            _ if path.is_dir() => copy(&path, &to),
            _ => drop(fs::copy(&path, &to).expect("a copy")),
        }
    }
}

/// Durations and moments are named instead of told.
fn timeless(text: &str) -> String {
    let mut shown = String::new();
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        let mut inside_word = false;
        while let Some(first) = rest.chars().next() {
            let length = if inside_word || !first.is_ascii_digit() { None } else { changing(rest) };
            if let Some((length, name)) = length {
                shown.push_str(name);
                rest = &rest[length..];
            } else {
                shown.push(first);
                rest = &rest[first.len_utf8()..];
            }
            inside_word = first.is_alphanumeric() || matches!(first, '-' | '.' | '@' | '=' | '_');
        }
    }
    // Plans tell how long a build will take only where that is a second or more.
    shown.replace(", about (time) to (time).", ".").replace(", about (time).", ".")
}

/// How long the moment or duration is that `text` begins with, and its name.
fn changing(text: &str) -> Option<(usize, &'static str)> {
    let shape: String = text.chars().take(32).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    for (moment, name) in [
        ("0000-00-00T00:00:00.000000Z", "(when)"),
        ("0000-00-00T00:00:00.000Z", "(when)"),
        ("0000-00-00T00:00:00Z", "(when)"),
        // As wide as it was: columns stay in place.
        ("0000-00-00 00:00:00", "YYYY-MM-DD hh:mm:ss"),
    ] {
        if shape.starts_with(moment) {
            return Some((moment.len(), name));
        }
    }
    let number = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let unit = ["ms", "s", "min"].into_iter().find(|unit| {
        let rest = text[number..].strip_prefix(' ').and_then(|rest| rest.strip_prefix(unit));
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
    })?;
    Some((number + 1 + unit.len(), "(time)"))
}
