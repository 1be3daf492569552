//! Bad programs and what is said of them.
//!
//! Each file of `bad/` is one case: the text of `pipeline.formula`, then further files behind lines `--- path`, then, behind a line `===`,
//! the whole message. Its name begins with the code of its first error. `BLESS=1` writes the messages anew, to be read before they are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use formake::diagnostic::codes::CODES;
use formake::diagnostic::{Diagnostic, render};
use formake::digest::{self, ContentHash};
use formake::formula::{Files, compile};
use formake::recipe;
use formake::workspace::config;

struct Memory(BTreeMap<String, String>);

impl Files for Memory {
    fn read(&self, path: &str) -> io::Result<String> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn hash(&self, path: &str) -> io::Result<ContentHash> {
        self.read(path).map(|text| digest::of_bytes(text.as_bytes()))
    }

    fn exists(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<String>> {
        let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build().map_err(io::Error::other)?.compile_matcher();
        Ok(self.0.keys().filter(|path| glob.is_match(path)).cloned().collect())
    }
}

/// Everything that is found wrong with a project before anything is looked up or run.
fn problems(files: &Memory) -> Vec<Diagnostic> {
    let text = files.0.get(config::FILE).map_or("", String::as_str);
    let (config, mut found) = config::read(text);
    let compiled = compile(files, &config.settings);
    let of_recipes = recipe::check(&compiled.program, &|span| compiled.place(span));
    found.extend(compiled.diagnostics);
    found.extend(of_recipes);
    found
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/bad");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).expect("the folder of cases").map(|entry| entry.expect("a case").path()).collect();
    cases.sort();
    cases
}

fn code(case: &Path) -> String {
    case.file_name().expect("a name").to_string_lossy().chars().take(5).collect()
}

#[test]
#[allow(clippy::disallowed_methods)]
fn every_mistake_has_its_message() {
    let bless = env::var_os("BLESS").is_some();
    let mut wrong = String::new();
    for case in cases() {
        let text = fs::read_to_string(&case).expect("a case");
        let (program, expected) = text.split_once("\n===\n").unwrap_or((text.trim_end(), ""));
        let mut files = BTreeMap::new();
        for section in format!("\n--- pipeline.formula\n{program}").split("\n--- ").skip(1) {
            let (path, content) = section.split_once('\n').unwrap_or((section, ""));
            files.insert(path.to_string(), format!("{}\n", content.trim_end()));
        }
        let files = Memory(files);
        let problems = problems(&files);
        let found = render::render(&problems, &|name| files.0.get(name).cloned(), false);
        if bless {
            fs::write(&case, format!("{program}\n===\n{found}")).expect("the case is written");
        } else if found != expected {
            let _ = write!(wrong, "\n{}\nexpected:\n{expected}\nfound:\n{found}", case.display());
        }
        let first = problems.first().map_or("nothing", |problem| problem.code);
        if first != code(&case) {
            let _ = write!(wrong, "\n{}\nis named after its first error, which is {first}\n{found}", case.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_code_of_checking_has_a_case() {
    let shown: BTreeSet<String> = cases().iter().map(|case| code(case)).collect();
    // E0403: a file that cannot be read, as none of these can be.
    let checked = |code: &&str| *code != "E0403" && ["E02", "E03", "E04", "E05"].iter().any(|range| code.starts_with(range));
    let missing: Vec<&str> = CODES.iter().map(|(code, ..)| *code).filter(checked).filter(|code| !shown.contains(*code)).collect();
    assert!(missing.is_empty(), "no case in tests/it/bad for {missing:?}");
}
