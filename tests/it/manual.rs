//! The manual is a test: every fenced block of `docs/language/` is compiled, and every statement about what reads what is resolved.
//!
//! A chapter is read from top to bottom. What a block is, its info string says:
//!
//! | info string | what happens |
//! |---|---|
//! | `yaml` | `formake.yaml` from here on, in place of an earlier one |
//! | `<language> <path>` | a file of the project from here on |
//! | `yaml contracts/… E1003 …` | a contract, of which these codes are said, in this order, and no others |
//! | `yaml rules` | rules of a contract's schema; nothing must be said of them |
//! | `formula` | all of `pipeline.formula`; it must compile without a diagnostic |
//! | `formula error E0212 …` | it must give these codes, in this order, and no others |
//! | `formula same recipe`, `formula other recipe` | its formula's fingerprint is, or is not, that of the `formula` block before |
//! | `resolve` | statements about the `formula` block before, see [`Outside`] |
//! | `console` | commands, run by the test of the tour |
//! | `sh`, `text` | for people |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use formake::digest::{self, ContentHash};
use formake::formula::program::{Bases, Kind, Program, Source};
use formake::formula::{Files, compile};
use formake::identity::target::{Choice, Target};
use formake::identity::{Binding, Component, Identity, Instance, Name};
use formake::quality;
use formake::recipe;
use formake::resolve::{Offer, Origin, Resolver, Standing, World};
use formake::table;
use formake::validity::Recipes;
use formake::workspace::config;

/// The project of a chapter, as far as it was written down.
#[derive(Clone, Default)]
struct Project(BTreeMap<String, String>);

impl Files for Project {
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

/// What a `resolve` block says is there:
///
/// ```text
/// there      sales/{nyc,lon}/2024-01-{01..03}.csv
/// published  total@2024-01-01
/// report@2024-01-03  reads  sales@storeId=lon,2024-01-03, sales@storeId=nyc,2024-01-03; fx@2024-01-03
/// report@2024-01-09  is blocked on  sales@storeId=lon,2024-01-09
/// report             means  report@2024-01-01, report@2024-01-02
/// calendar           fails with  E0607
/// ```
///
/// Under a label with a base, the base's formulas hold too, and what is published under the base shows through.
///
/// Inputs are parted by `;`, in the order of the formula, and `nothing` stands for one without parts; the default label and the repository
/// `dl` are left out; of more than seven, the first and the last are written, and how many there are.
#[derive(Default)]
struct Outside {
    files: BTreeSet<String>,
    published: Vec<Identity>,
    bases: Bases,
}

impl World for Outside {
    fn source(&self, source: &Source, binding: &Binding, _: &Identity) -> Offer {
        let path = source.from.as_ref().and_then(|from| from.render(binding)).unwrap_or_default();
        if self.files.contains(&path) { Offer::There } else { Offer::Missing { path } }
    }

    fn source_instances(&self, source: &Source) -> Vec<Binding> {
        let Some(from) = &source.from else { return vec![] };
        self.files.iter().filter_map(|path| from.matches(path, source.variables.len())).collect()
    }

    fn standing(&self, identity: &Identity) -> Standing {
        let bases = self.bases.chain(&identity.label);
        let published = self.published.contains(identity) || bases.iter().any(|base| self.published.contains(&identity.under(base)));
        if published { Standing::Published } else { Standing::Nothing }
    }

    fn published(&self, class: &str) -> Vec<Identity> {
        self.published.iter().filter(|identity| *identity.class == *class).cloned().collect()
    }
}

/// A compiled example, and what is said about it.
struct Example {
    program: Program,
    default_label: Name,
}

impl Example {
    fn identities(&self, outside: &Outside, target: &str) -> Result<Vec<Identity>, String> {
        let target = Target::parse(target).map_err(|error| error.to_string())?;
        let selected = Resolver::new(&self.program, outside).select(&target, &self.default_label, false);
        selected.map(|selection| selection.identities).map_err(|error| error.diagnostic().code.to_string())
    }

    /// With what the labels that a `resolve` block speaks of take over from their bases.
    fn under(&self, block: &str) -> Self {
        let first = block.lines().filter_map(|line| line.split_whitespace().next());
        let labels: Vec<Name> = first.filter_map(|target| Target::parse(target).ok()?.label).collect();
        Self { program: self.program.clone().under(&labels), default_label: self.default_label.clone() }
    }

    /// The identity that a target without ranges names, whether anything makes it or not.
    fn one(&self, target: &str) -> Option<Identity> {
        let target = Target::parse(target).ok()?;
        let class = self.program.classes.get(&target.class)?;
        let given = target.components.unwrap_or_default();
        let components = class.dimensions.iter().zip(given).map(|(dimension, component)| match component.choice {
            Choice::One(text) => Some(Component { key: dimension.key.clone(), value: dimension.ty.read(&text)? }),
            _ => None,
        });
        let instance = Instance::new(components.collect::<Option<Vec<_>>>()?);
        let label = target.label.unwrap_or_else(|| self.default_label.clone());
        Some(Identity { class: target.class, instance, label, repository: target.repository.unwrap_or_else(|| "dl".into()) })
    }

    fn means(&self, outside: &Outside, target: &str) -> String {
        match self.identities(outside, target) {
            Ok(all) => self.listed(all.iter()),
            Err(error) => format!("fails with {error}"),
        }
    }

    /// The verb and what follows it.
    fn found(&self, outside: &Outside, target: &str) -> String {
        let identities = match self.identities(outside, target) {
            Ok(identities) => identities,
            Err(error) => return format!("fails with {error}"),
        };
        let [identity] = identities.as_slice() else { return format!("means {}", self.listed(identities.iter())) };
        let mut resolver = Resolver::new(&self.program, outside);
        resolver.node(identity);
        let graph = resolver.finish(&identities);
        match &graph.nodes[graph.targets[0].0 as usize].origin {
            Origin::Job { job, .. } => {
                let inputs = graph.jobs[job.0 as usize].inputs.iter();
                if inputs.len() == 0 {
                    return "has no inputs".into();
                }
                let inputs = inputs.map(|parts| self.listed(parts.iter().map(|part| &graph.nodes[part.node.0 as usize].identity)));
                format!("reads {}", inputs.collect::<Vec<_>>().join("; "))
            }
            Origin::Blocked(why) if why.root().identity == *identity => "is blocked".into(),
            Origin::Blocked(why) => format!("is blocked on {}", self.short(&why.root().identity)),
            Origin::Source { .. } => "is a source".into(),
            Origin::Published => "is published".into(),
            Origin::Held => "is held".into(),
        }
    }

    fn short(&self, identity: &Identity) -> String {
        let text = identity.to_string();
        let text = text.strip_suffix("/dl").unwrap_or(&text);
        text.strip_suffix(&format!(":{}", self.default_label)).unwrap_or(text).to_string()
    }

    fn listed<'i>(&self, identities: impl Iterator<Item = &'i Identity>) -> String {
        let all: Vec<String> = identities.map(|identity| self.short(identity)).collect();
        match all.as_slice() {
            [] => "nothing".into(),
            [first, .., last] if all.len() > 7 => format!("{first} … {last} ({})", all.len()),
            _ => all.join(", "),
        }
    }

    /// The statements of a `resolve` block that do not hold.
    fn wrong(&self, block: &str) -> Vec<String> {
        let mut outside = Outside { bases: self.program.bases.clone(), ..Outside::default() };
        let mut wrong = Vec::new();
        let mut statements = 0;
        for line in block.lines().filter(|line| !line.trim().is_empty()) {
            let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
            match words.split_once(' ').unwrap_or((&words, "")) {
                ("there", paths) => outside.files.extend(paths.split(' ').flat_map(braces)),
                ("published", targets) => {
                    outside.published.extend(targets.split(' ').map(|target| self.one(target).expect("one identity")));
                }
                (target, said) => {
                    statements += 1;
                    let found = match said.starts_with("means ") {
                        true => format!("means {}", self.means(&outside, target)),
                        false => self.found(&outside, target),
                    };
                    if found != said {
                        wrong.push(format!("said: {target} {said}\nis:   {target} {found}"));
                    }
                }
            }
        }
        if statements == 0 {
            wrong.push("nothing is said here".into());
        }
        wrong
    }
}

/// `{nyc,lon}` and `{01..31}`, expanded.
fn braces(text: &str) -> Vec<String> {
    let Some((before, rest)) = text.split_once('{') else { return vec![text.into()] };
    let (inside, after) = rest.split_once('}').expect("a closing brace");
    let values: Vec<String> = match inside.split_once("..") {
        None => inside.split(',').map(str::to_string).collect(),
        Some((first, last)) => {
            let number = |text: &str| text.parse::<usize>().expect("a number");
            (number(first)..=number(last)).map(|n| format!("{n:0width$}", width = first.len())).collect()
        }
    };
    values.iter().flat_map(|value| braces(&format!("{before}{value}{after}"))).collect()
}

struct Block {
    line: usize,
    info: String,
    text: String,
}

fn blocks(chapter: &str) -> Vec<Block> {
    let mut all: Vec<Block> = Vec::new();
    let mut inside = false;
    for (i, line) in chapter.lines().enumerate() {
        match (line.strip_prefix("```"), inside) {
            (Some(_), true) => inside = false,
            (Some(info), false) => {
                all.push(Block { line: i + 1, info: info.trim().into(), text: String::new() });
                inside = true;
            }
            (None, true) => {
                if let Some(block) = all.last_mut() {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
            }
            (None, false) => {}
        }
    }
    assert!(!inside, "a block is not closed");
    all
}

/// What does not hold in a chapter, each with its line.
fn check(chapter: &str) -> Vec<(usize, String)> {
    let mut project = Project::default();
    let mut example: Option<Example> = None;
    let mut wrong = Vec::new();
    for Block { line, info, text } in blocks(chapter) {
        let mut fail = |message: String| wrong.push((line, message));
        match info.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["yaml"] => drop(project.0.insert(config::FILE.into(), text)),
            ["console" | "sh" | "text"] => {}
            ["resolve"] => match &example {
                Some(example) => example.under(&text).wrong(&text).into_iter().for_each(fail),
                None => fail("there is no example above that compiles".into()),
            },
            ["yaml", "rules"] => {
                let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
                let whole = format!("{CONTRACT}schema:\n  - name: t\n    quality:\n{indented}");
                contract("contracts/t.odcs.yaml", &whole, &[]).into_iter().for_each(fail);
            }
            ["yaml", path, expected @ ..] if path.starts_with("contracts/") => contract(path, &text, expected).into_iter().for_each(fail),
            [_, path] if path.contains('.') => drop(project.0.insert((*path).into(), text)),
            ["formula", marks @ ..] => {
                project.0.insert("pipeline.formula".into(), text);
                let (config, mut problems) = config::read(project.0.get(config::FILE).map_or("", String::as_str));
                let compiled = compile(&project, &config.settings);
                problems.extend(recipe::check(&compiled.program, &|span| compiled.place(span)));
                problems.extend(compiled.diagnostics);
                let codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
                for query in queries(&compiled.program) {
                    if let Err(problem) = table::check(query) {
                        fail(problem.to_string());
                    }
                }
                let before = example.take().map(|example| example.program);
                match marks {
                    ["error", expected @ ..] if !expected.is_empty() => {
                        if codes != expected {
                            fail(format!("said: {expected:?}\nis:   {codes:?}"));
                        }
                        continue;
                    }
                    [which @ ("same" | "other"), "recipe"] => {
                        let fingerprint = |program: &Program| Recipes::new(program, &BTreeMap::new()).0.first().map(|r| r.fingerprint);
                        let (old, new) = (before.as_ref().and_then(fingerprint), fingerprint(&compiled.program));
                        if old.is_none() || (old == new) != (*which == "same") {
                            fail(format!("this is not the {which} recipe as before"));
                        }
                    }
                    [] => {}
                    _ => fail(format!("`{info}` is not known")),
                }
                if !codes.is_empty() {
                    let text = |name: &str| project.0.get(name).cloned();
                    fail(formake::diagnostic::render::render(&problems, &text, false));
                }
                example = Some(Example { program: compiled.program, default_label: config.settings.default_label });
            }
            _ => fail(format!("`{info}` is not known")),
        }
    }
    wrong
}

/// How a contract begins.
const CONTRACT: &str = "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: 1.0.0\nstatus: active\n";

/// What is said of a contract, where that is not what is expected.
fn contract(path: &str, text: &str, expected: &[&str]) -> Option<String> {
    let class = Path::new(path).file_name()?.to_str()?.split('.').next()?;
    let (read, mut said) = quality::read(path, text, class);
    said.extend(read.iter().flat_map(|contract| quality::check(contract, None)));
    let codes: Vec<&str> = said.iter().map(|said| said.code).collect();
    (codes != expected).then(|| formake::diagnostic::render::render(&said, &|_| Some(text.to_string()), false))
}

/// Queries without template tags, which are SQL as they stand.
fn queries(program: &Program) -> impl Iterator<Item = &str> {
    let sql = program
        .formulas
        .iter()
        .filter_map(|formula| if let Kind::Sql { text, .. } = &formula.recipe.kind { Some(text.as_str()) } else { None });
    sql.filter(|text| !text.contains("{{") && !text.contains("{%"))
}

fn chapters() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/language");
    let mut all: Vec<PathBuf> = fs::read_dir(folder).expect("the manual").map(|entry| entry.expect("a chapter").path()).collect();
    all.sort();
    all
}

#[test]
fn every_example_of_the_manual_holds() {
    let mut wrong = String::new();
    for path in chapters() {
        let chapter = fs::read_to_string(&path).expect("a chapter");
        for (line, message) in check(&chapter) {
            let _ = write!(wrong, "\n{}:{line}\n{message}\n", path.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn an_example_that_does_not_hold_is_found() {
    let wrong = |chapter: &str| check(&chapter.replace('~', "```")).len();
    let good = "~formula\nsource (a, <D>, prod, dl) from \"a/<D>.csv\"\n(a, <D>, prod, dl) -> (b, <D>, prod, dl) { run \"x\" }\n~\n";
    let statement = |text: &str| format!("{good}~resolve\nthere a/2024-01-{{01..02}}.csv\n{text}\n~");
    assert_eq!(wrong(&statement("b@2024-01-02 reads a@2024-01-02")), 0);
    assert_eq!(wrong(&statement("b@2024-01-03 reads a@2024-01-03")), 1);
    assert_eq!(wrong(&statement("b means b@2024-01-01, b@2024-01-02")), 0);
    assert_eq!(wrong(&statement("b means b@2024-01-01")), 1);
    assert_eq!(wrong(&statement("")), 1, "nothing is said");
    assert_eq!(wrong(&good.replace("~formula", "~formula error E0208")), 1);
    assert_eq!(wrong(&good.replace("-> (b, <D>", "-> (b, <E>")), 1);
    assert_eq!(wrong(&format!("{good}{}", good.replace("~formula", "~formula other recipe"))), 1);
    assert_eq!(wrong(&format!("{good}{}", good.replace("~formula", "~formula same recipe").replace("\"x\"", "\"y\""))), 1);
    assert_eq!(wrong("~formulas\n~"), 1, "an unknown kind of block");
}
