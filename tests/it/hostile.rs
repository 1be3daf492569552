//! Values that would like to be something else: whatever is in them, they stay one word of the shell, one literal of SQL, one name of a path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use formake::digest::{ContentHash, of_bytes};
use formake::executor::{Cancel, Executor, LocalExecutor, WORK};
use formake::formula::program::Program;
use formake::formula::{Files, Settings, compile};
use formake::identity::path::PathPattern;
use formake::identity::{Component, Identity, Instance, Type, Value, Var};
use formake::recipe::{GivenPart, render};
use formake::store::local::LocalStore;
use proptest::prelude::*;
use serde_json::json;

const HOSTILE: &[&str] = &[
    "it's",
    "\"quoted\"",
    "$(touch pwned)",
    "`touch pwned`",
    "${HOME}",
    "; touch pwned #",
    "&& touch pwned",
    "a\nb; touch pwned\n",
    "-rf",
    "--help",
    "-- comment",
    "/* comment",
    "'; DROP TABLE sales; --",
    "' OR '1'='1",
    "100%",
    "%s%n",
    "%2e%2e%2f",
    "..",
    ".",
    "../../pwned",
    "/pwned",
    "~",
    "*",
    "{a,b}",
    "!!",
    "\\",
    "\\'",
    "{{ params }}",
    "{% raw %}",
    "$1",
    "?1",
    "NULL",
    " ",
    "a  b\t",
    "é\u{202e}\u{feff}🦀",
    "=1+1",
    "\r\n",
];

/// Short texts made of what means something somewhere, each once.
fn hostile() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof![Just('\''), Just('"'), Just('\\'), Just('$'), Just('`'), Just('\n'), Just('%'), Just('-'), any::<char>()];
    let text =
        prop::collection::vec(piece.prop_filter("a NUL", |c| *c != '\0'), 1..8).prop_map(|chars| chars.into_iter().collect::<String>());
    prop::collection::btree_set(text, 1..10).prop_map(|texts| texts.into_iter().collect())
}

struct One<'a>(&'a str);

impl Files for One<'_> {
    fn read(&self, path: &str) -> io::Result<String> {
        if path == "pipeline.formula" { Ok(self.0.into()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn hash(&self, path: &str) -> io::Result<ContentHash> {
        self.read(path).map(|text| of_bytes(text.as_bytes()))
    }

    fn exists(&self, path: &str) -> bool {
        path == "pipeline.formula"
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<String>> {
        Ok(if pattern == "pipeline.formula" { vec![pattern.into()] } else { vec![] })
    }
}

fn program(formula: &str) -> Program {
    let compiled = compile(&One(&format!("source (sales, shop=<S: text>, prod, dl)\n{formula}")), &Settings::default());
    assert_eq!(compiled.diagnostics, []);
    compiled.program
}

fn identity(class: &str, shop: &str) -> Identity {
    let shop = Component { key: Some("shop".into()), value: Value::Text(shop.into()) };
    Identity { class: class.into(), instance: Instance::new([shop]), label: "prod".into(), repository: "dl".into() }
}

/// Runs the program's only formula for a text, with texts as its parameter `words`, and with one part of `sales` for each of them, whose
/// bytes `bytes` says. What it made, and all that lies in its folder.
fn made(program: &mut Program, text: &str, words: &[String], bytes: impl Fn(&str) -> String, ending: impl Fn(&str) -> String) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let part = |(n, word): (usize, &String)| {
        let at = folder.path().join(format!("{n}.csv"));
        fs::write(&at, bytes(word)).expect("a file");
        let (identity, name) = (identity("sales", word), format!("data.{}", ending(word)));
        GivenPart { identity, content: of_bytes(word.as_bytes()), alternative: 0, values: vec![], name, folder: false, at, files: vec![] }
    };
    let parts: Vec<GivenPart> = words.iter().enumerate().map(part).collect();
    program.formulas[0].recipe.params.insert("words".into(), json!(words));
    let binding = vec![Some(Value::Text(text.into()))];
    let job = render(program, &program.formulas[0], &binding, &[parts], &[identity("seen", text)], folder.path()).expect("a job");
    let ran = LocalExecutor::new(|name| (name == "PATH").then(|| "/usr/local/bin:/usr/bin:/bin".into())).execute(
        &job,
        &folder.path().join("job"),
        &Cancel::default(),
    );
    ran.unwrap_or_else(|error| panic!("{error}\n{text:?} {words:?}\n{:?}", job.action));
    let names = |folder: &Path| -> BTreeSet<String> {
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    let work = folder.path().join("job").join(WORK);
    let known = ["in", "out"].map(str::to_string).into();
    assert!(names(&work).is_subset(&known), "{:?} were made: {text:?} {words:?}", names(&work));
    assert_eq!(names(folder.path()).len(), words.len() + 1, "{text:?} {words:?}");
    fs::read(work.join(&job.outputs[0].path)).expect("an output")
}

/// Every value arrives in the shell as it is: as a word, in a list of words, as the name of a file.
fn stays_in_the_shell(text: &str, words: &[String]) {
    let mut program = program(
        r#"(sales, shop=*, prod, dl) -> (seen, shop=<V: text>, prod, dl) {
            run   """printf '%s\0' {{ V }} {{ params.words }} > {{ output }}; cat {{ sales }} >> {{ output }}"""
            param words = []
        }"#,
    );
    let mut expected: Vec<u8> =
        [text].into_iter().chain(words.iter().map(String::as_str)).flat_map(|w| [w.as_bytes(), b"\0"].concat()).collect();
    expected.extend(words.concat().bytes());
    let ending = |word: &str| word.replace('/', "");
    let found = made(&mut program, text, words, str::to_string, ending);
    assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected));
}

/// Every value arrives in SQL as it is: as a literal, in a list of them, as the name of a column, and from an instance.
fn stays_in_sql(text: &str, words: &[String]) {
    let mut program = program(
        r#"(sales, shop=*, prod, dl) -> (seen, shop=<V: text>, prod, dl) {
            sql    """SELECT shop, word, {{ V }} AS v, 5 -{{ 0 - 1 }} AS six, 1 AS {{ ("c" ~ V) | ident }}
                      FROM {{ sales }} WHERE shop IN ({{ params.words }})"""
            param  words = []
            format jsonl
        }"#,
    );
    let found = made(&mut program, text, words, |_| "word\nx\n".into(), |_| "csv".into());
    let found = String::from_utf8(found).expect("text");
    let rows: Vec<serde_json::Value> = found.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let column = format!("c{text}");
    let expected: Vec<_> = words.iter().map(|word| json!({ "shop": word, "word": "x", "v": text, "six": 6, column.as_str(): 1 })).collect();
    assert_eq!(rows, expected);
}

/// What is kept lies below the repository's root, a value adds no folder, and two values have two paths.
fn stays_in_the_store(words: &[String]) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path").join("lake");
    let store = LocalStore::new(BTreeMap::from([("dl".to_string(), root.clone())]));
    store.ready("dl").expect("a root");
    let mut kept = BTreeSet::new();
    for word in words {
        let from = folder.path().join("made");
        fs::write(&from, "x").expect("a file");
        let stored = store.take_in(&from, "dl", word, &identity("sales", word).instance, "made").expect("kept");
        let at = root.join(&stored.path).canonicalize().expect("a file");
        assert!(at.starts_with(&root), "{word:?}: {}", at.display());
        assert_eq!(stored.path.split('/').count(), 4, "{word:?}: {}", stored.path);
        assert!(kept.insert(stored.path), "{word:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing beside the root");
}

/// A source's path is read back as it was written, and no value leaves its folder.
fn stays_in_a_source(words: &[String]) {
    for pattern in ["raw/<V>.csv", "raw/<V>", "<V>/data.csv", "raw/<V>/"] {
        let pattern = PathPattern::parse(pattern, &mut |_| Some((Var(0), Type::Text))).expect("a pattern");
        for word in words {
            let binding = vec![Some(Value::Text(word.as_str().into()))];
            let Some(path) = pattern.render(&binding) else {
                // No value stands for several folders, nor for a hidden file.
                assert!(word.contains('/') || word.starts_with('.'), "{word:?} has no path");
                continue;
            };
            assert!(!path.split('/').any(|name| matches!(name, ".." | "." | "")), "{word:?}: {path}");
            assert_eq!(path.matches('/').count(), 1, "{word:?}: {path}");
            assert_eq!(pattern.matches(&path, 1), Some(binding), "{path}");
        }
    }
}

fn words() -> Vec<String> {
    HOSTILE.iter().map(|word| word.to_string()).collect()
}

#[test]
fn known_tricks_do_not_work() {
    let words = words();
    stays_in_the_store(&words);
    stays_in_a_source(&words);
    for text in HOSTILE {
        stays_in_the_shell(text, &words[..3]);
        stays_in_sql(text, &words[..3]);
    }
    stays_in_the_shell("x", &words);
    stays_in_sql("x", &words);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_gets_out(words in hostile()) {
        stays_in_the_store(&words);
        stays_in_a_source(&words);
        stays_in_the_shell(&words[0], &words);
        stays_in_sql(&words[0], &words);
    }
}

#[test]
fn nul_has_no_place_in_scripts_and_queries() {
    for recipe in [r#"run "echo {{ V }} > {{ output }}""#, r#"sql """SELECT {{ V }} AS v FROM sales""""#] {
        let program = program(&format!("(sales, shop=<V>, prod, dl) -> (seen, shop=<V: text>, prod, dl) {{ {recipe} }}"));
        let error = render(
            &program,
            &program.formulas[0],
            &vec![Some(Value::Text("a\0b".into()))],
            &[vec![]],
            &[identity("seen", "x")],
            Path::new("/"),
        );
        assert!(error.expect_err("refused").to_string().contains("NUL"), "{recipe}");
    }
}
