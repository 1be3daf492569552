//! What `docs/` says of the code is what the code says: every error code, every dependency, every room, and links that lead
//! somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use formake::diagnostic::codes::CODES;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the project")
}

/// `docs/errors.md` has every code once, in order, each with its kind, its meaning, and what leads to it or out of it.
#[test]
fn every_error_code_is_explained() {
    let page = read("docs/errors.md");
    let expected: Vec<String> =
        CODES.iter().map(|(code, kind, meaning)| format!("- **{code}** ({}) {meaning}.", format!("{kind:?}").to_lowercase())).collect();
    let found: Vec<&str> = page.lines().filter(|line| line.starts_with("- **E")).collect();
    for line in &expected {
        assert!(found.contains(&line.as_str()), "docs/errors.md lacks this line, and below it a line that helps:\n{line}");
    }
    assert_eq!(found, expected, "docs/errors.md has the codes in order, and no others");
    let lines: Vec<&str> = page.lines().collect();
    let bare = lines.windows(2).find(|pair| pair[0].starts_with("- **E") && !pair[1].starts_with("  "));
    assert_eq!(bare, None, "this code has nothing that helps");
}

/// `docs/libraries.md` has a line for every dependency of `Cargo.toml`, and for no other.
#[test]
fn every_library_has_its_reason() {
    let manifest = read("Cargo.toml");
    let sections = manifest.split("\n[").filter(|section| section.starts_with("dependencies]") || section.starts_with("dev-dependencies]"));
    let named =
        |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase()).then(|| line.split(' ').next().unwrap_or_default().to_string());
    let used: BTreeSet<String> = sections.flat_map(str::lines).skip(1).filter(|line| line.contains(" = ")).filter_map(named).collect();
    let page = read("docs/libraries.md");
    let explained: BTreeSet<String> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(str::to_string).collect();
    assert_eq!(explained, used, "docs/libraries.md and Cargo.toml");
}

/// `docs/architecture.md` has the rooms of `src/lib.rs`, in order.
#[test]
fn every_room_is_on_the_map() {
    let library = read("src/lib.rs");
    let rooms: Vec<&str> = library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let page = read("docs/architecture.md");
    let table = page.split("## Rooms").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    let shown: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(shown, rooms);
}

/// Links between the pages of `docs/` lead somewhere, also to the right heading.
#[test]
fn links_between_pages_lead_somewhere() {
    let mut pages = Vec::new();
    for folder in ["docs", "docs/language"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        pages.extend(fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a page").path()));
    }
    let mut broken = Vec::new();
    for page in pages.iter().filter(|page| page.extension().is_some_and(|ending| ending == "md")) {
        let text = fs::read_to_string(page).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.with_file_name(file) };
            if link.starts_with("http") || target.is_dir() {
                continue;
            }
            let there =
                fs::read_to_string(&target).is_ok_and(|text| heading.is_empty() || text.lines().any(|line| anchor(line) == heading));
            if !there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// How a heading is linked to; nothing for any other line.
fn anchor(line: &str) -> String {
    if !line.starts_with('#') {
        return String::new();
    }
    let kept = line.trim_start_matches('#').trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).map(|c| if c == ' ' { '-' } else { c }).collect()
}
