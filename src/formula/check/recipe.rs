//! Recipes: exactly one, its files read, its resources known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;

use super::problems::{Problems, suggest};
use super::properties::{Properties, RECIPES};
use super::values;
use crate::diagnostic::{Diagnostic, nearest};
use crate::digest::ContentHash;
use crate::formula::ast::{FileId, Quoting, Span};
use crate::formula::program::{CodeFile, Format, Kind, Recipe};
use crate::formula::settings::{Files, Settings};

/// Code files, each read or hashed once.
pub(super) struct Code<'f> {
    pub files: &'f dyn Files,
    hashes: HashMap<String, Option<ContentHash>>,
    texts: HashMap<String, Option<FileId>>,
    globs: HashMap<String, Vec<String>>,
}

impl<'f> Code<'f> {
    pub fn new(files: &'f dyn Files) -> Self {
        Self { files, hashes: HashMap::new(), texts: HashMap::new(), globs: HashMap::new() }
    }

    fn glob(&mut self, pattern: &str) -> Vec<String> {
        let files = self.files;
        self.globs.entry(pattern.into()).or_insert_with(|| files.glob(pattern).unwrap_or_default()).clone()
    }

    fn hash(&mut self, path: &str) -> Option<ContentHash> {
        let files = self.files;
        *self.hashes.entry(path.into()).or_insert_with(|| files.exists(path).then(|| files.hash(path).ok()).flatten())
    }

    /// A file that messages can show parts of.
    fn text(&mut self, path: &str, problems: &mut Problems) -> Option<FileId> {
        let files = self.files;
        *self.texts.entry(path.into()).or_insert_with(|| {
            let text = files.exists(path).then(|| files.read(path).ok()).flatten()?;
            problems.texts.push((path.into(), text));
            Some(FileId(problems.texts.len() as u32 - 1))
        })
    }

    /// The file spelled most like a missing one: in its folder, or of its name elsewhere.
    fn near(&mut self, path: &str) -> Option<String> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let beside = self.glob(&if folder.is_empty() { "*".into() } else { format!("{folder}/*") });
        if let Some(near) = nearest(path, beside.iter().map(String::as_str)) {
            return Some(near.into());
        }
        if name.contains(['*', '?', '[', '{']) {
            return None;
        }
        self.glob(&format!("**/{name}")).into_iter().next()
    }
}

/// A recipe and the place of its text; `None` where it is missing or wrong.
pub(super) fn recipe(all: &mut Properties<'_, '_>, code: &mut Code<'_>, settings: &Settings, head: Span) -> Option<(Recipe, Span)> {
    let found: Vec<_> = RECIPES.iter().filter_map(|name| all.one(name)).collect();
    if let [first, second, ..] = found.as_slice() {
        let two = Diagnostic::error("E0304", format!("`{}` and `{}`: a formula has one recipe", first.name.node, second.name.node))
            .at(all.problems.place(second.span), "one recipe")
            .at(all.problems.place(first.span), "another")
            .help("keep one of them, or write two formulas, the second reading what the first makes");
        all.problems.report(two);
        return None;
    }
    let Some(property) = found.first() else {
        let help = "say how it is made: `{ sql \"jobs/report.sql\" }`, `{ run \"python3 jobs/report.py\" }` or `{ copy }`";
        all.problems.error("E0303", "the formula has no recipe", head, "nothing says how the output is made", help);
        return None;
    };
    let mut uses: BTreeMap<String, ContentHash> = BTreeMap::new();
    let (kind, span) = match property.name.node.as_str() {
        "copy" => {
            all.flag("copy");
            (Kind::Copy, property.span)
        }
        "run" => {
            let (text, _, span) = all.raw(property)?;
            uses.extend(named_files(text).into_iter().filter_map(|path| code.hash(&path).map(|hash| (path, hash))));
            (Kind::Run { text: text.into() }, span)
        }
        _ => match all.raw(property)? {
            (text, Quoting::Triple, span) => (Kind::Sql { text: text.into(), origin: None }, span),
            _ => sql_file(all, code)?,
        },
    };
    for (pattern, span) in all.texts("uses") {
        used(&pattern, span, &mut uses, all, code);
    }
    let (retries, retry_delay) = all.retry();
    let recipe = Recipe {
        kind,
        uses: uses.into_iter().map(|(path, hash)| CodeFile { path, hash }).collect(),
        tools: all.texts("tool").into_iter().map(|(text, _)| text).collect(),
        params: all.named("param").into_iter().map(|(name, (value, _))| (name, value)).collect(),
        env: env(all),
        secrets: secrets(all),
        effect: all.flag("effect"),
        format: format(all),
        file: file(all),
        folder: all.flag("folder"),
        needs: needs(all, settings),
        retries,
        retry_delay,
        timeout: all.duration("timeout"),
        volatile: all.duration("volatile"),
    };
    Some((recipe, span))
}

fn sql_file(all: &mut Properties<'_, '_>, code: &mut Code<'_>) -> Option<(Kind, Span)> {
    let (path, span) = all.text("sql")?;
    if !sensible(&path, span, all.problems) {
        return None;
    }
    let Some(id) = code.text(&path, all.problems) else {
        let mut missing = Diagnostic::error("E0401", format!("there is no file `{path}`"))
            .at(all.problems.place(span), "not found")
            .note("paths are relative to the project's root");
        missing = match code.near(&path) {
            Some(near) => missing.help(format!("did you mean `{near}`?")),
            None if path.contains(' ') => missing.help("SQL itself stands in triple quotes: sql \"\"\"SELECT …\"\"\""),
            None => missing.help("write the file, or put the SQL here in triple quotes: sql \"\"\"SELECT …\"\"\""),
        };
        all.problems.report(missing);
        return None;
    };
    let text = all.problems.texts[id.0 as usize].1.clone();
    let end = text.len();
    Some((Kind::Sql { text, origin: Some(path) }, Span { file: id, start: 0, end }))
}

fn used(pattern: &str, span: Span, uses: &mut BTreeMap<String, ContentHash>, all: &mut Properties<'_, '_>, code: &mut Code<'_>) {
    if !sensible(pattern, span, all.problems) {
        return;
    }
    let paths = if pattern.contains(['*', '?', '[', '{']) { code.glob(pattern) } else { vec![pattern.into()] };
    let found: Vec<(String, ContentHash)> = paths.into_iter().filter_map(|path| code.hash(&path).map(|hash| (path, hash))).collect();
    if found.is_empty() {
        let mut missing = Diagnostic::error("E0402", format!("no file matches `{pattern}`"))
            .at(all.problems.place(span), "uses nothing")
            .note("paths are relative to the project's root");
        if let Some(near) = code.near(pattern) {
            missing = missing.help(format!("did you mean `{near}`?"));
        }
        all.problems.report(missing);
    }
    uses.extend(found);
}

/// Words of a script that may name project files. Words with template tags are left out; where quotes do not pair, blanks separate.
fn named_files(script: &str) -> BTreeSet<String> {
    let plain = without_tags(script);
    let words = shlex::Shlex::new(&plain);
    let pieces = plain.split(|c: char| c.is_whitespace() || "'\"`;|&()<>".contains(c)).map(str::to_string);
    words
        .chain(pieces)
        .map(|word| word.strip_prefix("./").map(str::to_string).unwrap_or(word))
        .filter(|word| !word.is_empty() && !word.contains('\0') && !word.starts_with(['-', '/']) && !word.split('/').any(|p| p == ".."))
        .collect()
}

/// Template tags as a character that no path has.
fn without_tags(script: &str) -> String {
    let mut plain = String::new();
    let mut rest = script;
    while let Some((at, close)) =
        [("{{", "}}"), ("{%", "%}"), ("{#", "#}")].iter().filter_map(|(o, c)| rest.find(o).map(|at| (at, *c))).min()
    {
        plain.push_str(&rest[..at]);
        plain.push('\0');
        rest = rest[at..].find(close).map_or("", |end| &rest[at + end + close.len()..]);
    }
    plain + rest
}

fn env(all: &mut Properties<'_, '_>) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (name, (value, span)) in all.named("env") {
        match value {
            Json::String(text) => drop(env.insert(name, text)),
            Json::Array(_) => {
                all.problems.error("E0305", format!("`env {name}` is a list"), span, "expected one value", "write it as one text")
            }
            value => drop(env.insert(name, value.to_string())),
        }
    }
    env
}

fn secrets(all: &mut Properties<'_, '_>) -> Vec<String> {
    let mut names = BTreeSet::new();
    for (name, span) in all.texts("secret") {
        if super::draft::is_name(&name) {
            names.insert(name);
        } else {
            let help = "write the variable's name alone: `secret DB_PASSWORD`; its value comes from the environment of `formake build`";
            all.problems.error("E0305", format!("`{name}` is no name of an environment variable"), span, "not a name", help);
        }
    }
    names.into_iter().collect()
}

fn format(all: &mut Properties<'_, '_>) -> Option<Format> {
    let (word, span) = all.text("format")?;
    let known = [("csv", Format::Csv), ("jsonl", Format::Jsonl), ("parquet", Format::Parquet)];
    let format = known.iter().find(|(name, _)| *name == word).map(|(_, format)| *format);
    if format.is_none() {
        let help = suggest(&word, known.map(|(name, _)| name));
        all.problems.error("E0305", format!("there is no format `{word}`"), span, "not known", help);
    }
    format
}

fn file(all: &mut Properties<'_, '_>) -> Option<String> {
    let (name, span) = all.text("file")?;
    if !sensible(&name, span, all.problems) {
        return None;
    }
    if name.contains('/') && !name.contains("{{") {
        let help = "write the name alone; `at \"folder/name\"` on the output says where the job leaves it";
        all.problems.error("E0404", format!("`{name}` is not a file's name"), span, "has a `/`", help);
        return None;
    }
    Some(name)
}

/// A path inside the project or the job's folder.
pub(super) fn sensible(path: &str, span: Span, problems: &mut Problems) -> bool {
    let wrong = match path {
        "" => "is empty",
        _ if path.starts_with('/') => "is absolute",
        _ if path.split('/').any(|part| part == "..") => "leads out of its folder",
        _ => return true,
    };
    problems.error("E0404", format!("the path `{path}` {wrong}"), span, wrong, "write a relative path without `..`");
    false
}

fn needs(all: &mut Properties<'_, '_>, settings: &Settings) -> BTreeMap<String, u64> {
    let mut needs = BTreeMap::new();
    for (name, (value, span)) in all.named("needs") {
        let count = match (name.as_str(), &value) {
            ("memory", Json::String(size)) => values::bytes(size),
            ("memory", _) => None,
            (_, value) => value.as_u64().filter(|n| *n > 0),
        };
        let pool = settings.pools.get(name.as_str()).copied();
        let known = matches!(name.as_str(), "cpu" | "memory" | "gpu");
        if !known && pool.is_none() {
            let help = match suggest(&name, settings.pools.keys().map(|n| &**n).chain(["cpu", "memory", "gpu"])) {
                help if help.starts_with("did") => help,
                _ => format!("give the pool a size in formake.yaml: `pools: {{ {name}: 4 }}`"),
            };
            all.problems.error("E0309", format!("there is no resource `{name}`"), span, "neither cpu, memory, gpu nor a pool", help);
            continue;
        }
        match (count, pool) {
            (Some(count), Some(size)) if count > size => {
                let message = format!("the pool `{name}` has {size}, and {count} are needed");
                all.problems.error("E0309", message, span, "could never run", "need less, or make the pool larger in formake.yaml");
            }
            (Some(count), _) => drop(needs.insert(name, count)),
            (None, _) if name == "memory" => {
                let help = "write a number with a unit: `memory = \"4GiB\"` (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)";
                all.problems.error("E0305", format!("`{value}` is no size of memory"), span, "cannot be read", help);
            }
            (None, _) => {
                let help = format!("write a whole number: `{name} = 2`");
                all.problems.error("E0305", format!("`{value}` is no number of `{name}`"), span, "cannot be read", help);
            }
        }
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_script_name_files() {
        let names = named_files("python3 jobs/a.py --x=1 {{ inputs.raw }}/b.py < ./c.sql; bash 'd e.sh' | tee \"f.txt\" ../g /h it's");
        for path in ["jobs/a.py", "c.sql", "d e.sh", "f.txt", "python3"] {
            assert!(names.contains(path), "{path} in {names:?}");
        }
        for path in ["b.py", "/b.py", "../g", "/h"] {
            assert!(!names.contains(path), "{path}");
        }
    }
}
