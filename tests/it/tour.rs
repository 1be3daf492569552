//! The README's tour, and the manual's sessions: every command in the ```console blocks of a page is run, in order, in one folder, and what it
//! prints is what stands there.
//!
//! Times, sizes that depend on them, and hashes may differ; the lines of a build, whose jobs run in parallel, may come in another order.
//! `BLESS=1` writes what is printed now into the page.

#![allow(clippy::disallowed_methods)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One `$ command` with what the page says it prints.
struct Told {
    command: String,
    output: String,
}

fn told(block: &str) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), all.last_mut()) {
            (Some(command), _) => all.push(Told { command: command.to_string(), output: String::new() }),
            (None, Some(last)) => {
                let _ = writeln!(last.output, "{line}");
            }
            (None, None) => panic!("a console block starts with a command: {line}"),
        }
    }
    all
}

/// Runs a command in `folder`; gives what it printed, and the folder it ended in.
fn run(command: &str, folder: &Path) -> (String, PathBuf) {
    let binary = Path::new(env!("CARGO_BIN_EXE_formake"));
    let path = format!("{}:{}", binary.parent().expect("a folder").display(), std::env::var("PATH").unwrap_or_default());
    let script = format!("{{ {command}\n}} 2>&1; echo; pwd");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env("TZ", "UTC")
        .env("USER", "you")
        .output()
        .expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (printed, ended) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
    let printed = printed.strip_suffix('\n').unwrap_or(printed);
    let printed = if printed.is_empty() || printed.ends_with('\n') { printed.to_string() } else { format!("{printed}\n") };
    (printed, PathBuf::from(ended))
}

/// What may differ taken out: each number with a unit of time, dates and times of day, hexadecimal digits of hashes, runs of blanks.
fn comparable(text: &str, any_order: bool) -> String {
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let words: Vec<String> = line.split_whitespace().map(word).collect();
            let mut out: Vec<String> = Vec::new();
            for word in words {
                let unit = matches!(word.trim_end_matches([',', '.']), "ms" | "s" | "min");
                // Jobs in parallel are numbered as they come.
                let number = word.trim_end_matches(':');
                let word = if out.last().is_some_and(|last| last == "run") && number.parse::<u32>().is_ok() { "N".into() } else { word };
                match out.last_mut() {
                    Some(last) if unit && last.chars().all(|c| c.is_ascii_digit() || c == '.') => *last = "TIME".into(),
                    _ => out.push(word),
                }
            }
            // Estimates are told where they are long enough.
            out.join(" ").replace(", about TIME", "").replace(" about TIME", "")
        })
        .collect();
    if any_order {
        lines.sort();
    }
    lines.join("\n")
}

fn word(word: &str) -> String {
    let hex = word.len() >= 12 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let bare = word.trim_end_matches(':');
    let time = bare.len() >= 8 && bare.matches(':').count() == 2 && bare.bytes().all(|b| b.is_ascii_digit() || b == b':' || b == b',');
    let date = word.starts_with("20") && word.len() == 10 && word.matches('-').count() == 2;
    if hex {
        "HASH".into()
    } else if time {
        "TIME".into()
    } else if date {
        "DATE".into()
    } else {
        // A path in the store holds a hash.
        word.split('/').map(|part| if part.len() == 64 { "HASH" } else { part }).collect::<Vec<_>>().join("/")
    }
}

#[test]
fn the_tour_says_what_is_printed() {
    assert!(follow("README.md") > 10, "the tour was found");
}

#[test]
fn the_chapter_on_labels_says_what_is_printed() {
    assert!(follow("docs/language/labels.md") > 10, "its sessions were found");
}

/// Runs a page's commands; gives how many they are.
fn follow(page: &str) -> usize {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(&page).expect("a page");
    let start = tempfile::tempdir().expect("a folder");
    let mut folder = start.path().canonicalize().expect("a path");
    let home = folder.display().to_string();
    let bless = std::env::var_os("BLESS").is_some();
    let (mut written, mut rest, mut commands) = (String::new(), text.as_str(), 0);
    while let Some(at) = rest.find("```console\n") {
        let (before, block) = rest.split_at(at + "```console\n".len());
        let (block, after) = block.split_at(block.find("```").expect("a block ends"));
        written.push_str(before);
        for Told { command, output } in told(block) {
            commands += 1;
            let (printed, ended) = run(&command, &folder);
            let printed = printed.replace(&home, "/tmp");
            folder = ended;
            let _ = write!(written, "$ {command}\n{printed}");
            if !bless {
                let any_order = command.contains("formake build");
                assert_eq!(comparable(&printed, any_order), comparable(&output, any_order), "`{command}` prints\n{printed}");
            }
        }
        rest = after;
    }
    written.push_str(rest);
    if bless {
        std::fs::write(&page, written).expect("the page is written");
    }
    commands
}
