//! The house's law: a module uses only modules above it, and deciding rooms touch no disk, clock, environment or network.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that only decide.
const PURE: &[&str] = &["digest", "identity", "diagnostic", "yaml", "formula", "resolve", "recipe", "validity", "quality", "plan"];
/// What they must not name.
const IMPURE: &[&str] = &["std::fs", "std::env", "std::net", "std::process", "SystemTime::now", "Instant::now", "File::open", "rusqlite"];

/// The modules that a file declares, in order.
fn declared(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line
            .strip_prefix("pub(crate) ")
            .or_else(|| line.strip_prefix("pub(super) "))
            .or_else(|| line.strip_prefix("pub "))
            .unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_string)
    });
    names.filter(|name| name != "tests").collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the source folder can be listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// A file's text without its tests, comments and strings' contents that look like code.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    text[..end].lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Names that follow `prefix` anywhere in a text: `crate::plan` and `crate::{plan, run::x}` give `plan`, `run`.
fn named_after(text: &str, prefix: &str) -> Vec<String> {
    let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        let rest = &text[at + prefix.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = 0;
            for (i, c) in list.char_indices() {
                match c {
                    '{' => depth += 1,
                    ',' if depth == 0 => {
                        names.push(word(list[start..i].trim_start()));
                        start = i + 1;
                    }
                    '}' if depth == 0 => {
                        names.push(word(list[start..i].trim_start()));
                        break;
                    }
                    '}' => depth -= 1,
                    _ => {}
                }
            }
        } else {
            names.push(word(rest));
        }
    }
    names
}

#[test]
fn a_module_uses_only_modules_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rooms = declared(&fs::read_to_string(root.join("lib.rs")).expect("lib.rs"));
    let order: BTreeMap<&str, usize> = rooms.iter().enumerate().map(|(i, r)| (r.as_str(), i)).collect();
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut broken = Vec::new();
    for file in &files {
        let relative = file.strip_prefix(&root).expect("below src");
        let parts: Vec<String> = relative.iter().map(|p| p.to_string_lossy().trim_end_matches(".rs").to_string()).collect();
        let Some(own) = order.get(parts[0].as_str()) else { continue };
        let text = code(&fs::read_to_string(file).expect("a source file"));
        for used in named_after(&text, "crate::") {
            if order.get(used.as_str()).is_some_and(|at| at > own) {
                broken.push(format!("{}: uses `{used}`, which stands below `{}` in lib.rs", relative.display(), parts[0]));
            }
        }
        // Within a folder: siblings in the order of its mod.rs.
        if parts.len() >= 2 && parts[parts.len() - 1] != "mod" {
            let folder = file.parent().expect("a folder");
            let siblings = declared(&fs::read_to_string(folder.join("mod.rs")).expect("mod.rs"));
            let Some(own) = siblings.iter().position(|s| *s == parts[parts.len() - 1]) else { continue };
            let inside = format!("crate::{}::", parts[..parts.len() - 1].join("::"));
            for used in named_after(&text, "super::").into_iter().chain(named_after(&text, &inside)) {
                if siblings.iter().position(|s| *s == used).is_some_and(|at| at > own) {
                    broken.push(format!("{}: uses its sibling `{used}`, which stands below it in mod.rs", relative.display()));
                }
            }
        }
    }
    assert!(files.len() > 40, "the source was found");
    assert!(broken.is_empty(), "the law of imports is broken:\n{}", broken.join("\n"));
}

#[test]
fn deciding_rooms_touch_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for room in PURE {
        let mut files = Vec::new();
        match root.join(room) {
            folder if folder.is_dir() => rust_files(&folder, &mut files),
            _ => files.push(root.join(format!("{room}.rs"))),
        }
        for file in files {
            let text = code(&fs::read_to_string(&file).expect("a source file"));
            for word in IMPURE.iter().filter(|word| text.contains(**word)) {
                broken.push(format!("{}: names `{word}`", file.strip_prefix(&root).expect("below src").display()));
            }
        }
    }
    assert!(broken.is_empty(), "rooms that only decide touch the world:\n{}", broken.join("\n"));
}

/// Every write to a catalog file goes through the gate, which one function hands out. (What is behind it can be opened in `catalog` only.)
#[test]
fn there_is_one_door_to_the_catalog() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut doors = Vec::new();
    for file in files.iter().filter(|file| !file.starts_with(root.join("catalog"))) {
        let text = code(&fs::read_to_string(file).expect("a source file"));
        let named = text.matches("Gate::open").count() + text.matches("rusqlite::Connection").count();
        doors.extend(vec![file.strip_prefix(&root).expect("below src").display().to_string(); named]);
    }
    assert_eq!(doors, ["workspace/mod.rs"]);
}
