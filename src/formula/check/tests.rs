//! Small programs and what becomes of them.

use std::collections::BTreeMap;
use std::io;

use super::{Compiled, compile};
use crate::digest::{ContentHash, of_bytes};
use crate::formula::program::{Choose, Domain, Entry, Formula, Kind, PatternChoice, Program, Role, Set};
use crate::formula::settings::{Files, Settings};
use crate::identity::{Term, Type, Value};

struct Memory(BTreeMap<String, String>);

impl Files for Memory {
    fn read(&self, path: &str) -> io::Result<String> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn hash(&self, path: &str) -> io::Result<ContentHash> {
        self.read(path).map(|text| of_bytes(text.as_bytes()))
    }

    fn exists(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn glob(&self, pattern: &str) -> io::Result<Vec<String>> {
        let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build().map_err(io::Error::other)?.compile_matcher();
        Ok(self.0.keys().filter(|path| glob.is_match(path)).cloned().collect())
    }
}

fn set(name: &str, entries: &[&str]) -> Set {
    let entry = |id: &&str| Entry { id: (*id).into(), fields: BTreeMap::new(), since: None, until: None };
    Set { name: name.into(), entries: entries.iter().map(entry).collect() }
}

fn shops() -> Set {
    let entry = |id: &str, currency: &str, repository: &str| Entry {
        id: id.into(),
        fields: [("id", id), ("currency", currency), ("repository", repository)].map(|(k, v)| (k.to_string(), v.into())).into(),
        since: None,
        until: None,
    };
    Set { name: "shops".into(), entries: vec![entry("nyc", "USD", "dl"), entry("lon", "GBP", "pii")] }
}

fn settings() -> Settings {
    let sets = [set("stores", &["007", "8"]), set("cities", &["nyc", "lon"]), shops()];
    Settings {
        repositories: ["dl", "pii", "dw"].map(|name| name.into()).into(),
        sets: sets.map(|set| (set.name.clone(), set)).into(),
        pools: BTreeMap::from([("db".into(), 4)]),
        ..Settings::default()
    }
}

fn compiled_with(formulas: &str, files: &[(&str, &str)]) -> Compiled {
    let files = files.iter().copied().chain([("pipeline.formula", formulas)]);
    compile(&Memory(files.map(|(path, text)| (path.into(), text.into())).collect()), &settings())
}

fn program(formulas: &str) -> Program {
    let compiled = compiled_with(formulas, &[]);
    assert_eq!(compiled.diagnostics, [], "{formulas}");
    compiled.program
}

/// Codes of what is wrong, in order.
fn codes(formulas: &str) -> Vec<&'static str> {
    compiled_with(formulas, &[]).diagnostics.iter().map(|d| d.code).collect()
}

fn types(program: &Program, class: &str) -> Vec<Type> {
    program.classes[class].dimensions.iter().map(|d| d.ty).collect()
}

fn role<'p>(formula: &'p Formula, name: &str) -> &'p Role {
    let var = formula.variable(name).unwrap_or_else(|| panic!("{name} is a variable"));
    &formula.variables[var.0 as usize].role
}

fn day(text: &str) -> Type {
    Type::from_word(text).unwrap_or_else(|| panic!("{text} is a type"))
}

#[test]
fn types_do_not_depend_on_order() {
    // The hour is said once, far away; it reaches everything that is linked, through formulas, windows and arithmetic.
    let statements = [
        "(a, <X>, prod, dl) -> (b, <X>, prod, dl) { copy }",
        "(b, <H - 6h>, prod, dl) -> (c, <H>, prod, dl) { run \"x\" }",
        "(c, <H>, prod, dl) + (c, <latest D in H-3h..H-1h>, prod, dl) as late -> (d, t=<H>, prod, dl) { run \"x\" }",
        "source (a, <T: hour>, prod, dl)",
        "(d, t=<H in DATE>, prod, dl) -> (e, <DATE>, prod, dl) { run \"x\" }",
        "(e, <D in M>, prod, dl) + (f, <M.year>, k=<S in stores>, prod, dl) -> (g, <M: month>, k=<R in 1..2>, prod, dl) { run \"x\" }",
    ];
    let mut orders: Vec<Vec<usize>> =
        (0..statements.len()).map(|i| (0..statements.len()).map(|j| (i + j) % statements.len()).collect()).collect();
    orders.push((0..statements.len()).rev().collect());
    for order in orders {
        let text = order.iter().map(|i| statements[*i]).collect::<Vec<_>>().join("\n");
        let program = program(&text);
        for class in ["a", "b", "c", "d"] {
            assert_eq!(types(&program, class), [day("hour")], "{class} in {order:?}");
        }
        assert_eq!(types(&program, "e"), [day("day")]);
        assert_eq!(types(&program, "f"), [day("year"), Type::Text]);
        assert_eq!(types(&program, "g"), [day("month"), Type::Int]);
    }
}

#[test]
fn what_nobody_says_is_a_day_without_a_key_and_text_with_one() {
    let program = program(
        "source (a, k=<S>, <D>, prod, dl)\nsource (b, US, prod, dl)\nsource (c, 2024-01, prod, dl)\nsource (d, m=2024-01, prod, dl)",
    );
    assert_eq!(types(&program, "a"), [Type::Text, day("day")]);
    assert_eq!(types(&program, "b"), [Type::Text]);
    assert_eq!(types(&program, "c"), [day("month")]);
    assert_eq!(types(&program, "d"), [Type::Text]);
}

#[test]
fn two_sayings_are_one_error_in_any_order() {
    let (a, b) = ("source (x, <H: hour>, prod, dl)", "(x, <D: day>, prod, dl) -> (y, <D>, prod, dl) { run \"x\" }");
    let forth = compiled_with(&format!("{a}\n{b}"), &[]).diagnostics;
    let back = compiled_with(&format!("{b}\n{a}"), &[]).diagnostics;
    assert_eq!([forth.len(), back.len()], [1, 1]);
    assert_eq!((forth[0].code, forth[0].labels.len()), ("E0205", 2));
    assert_eq!(back[0].code, "E0205");
}

#[test]
fn the_odd_use_of_a_class_is_the_error_not_the_others() {
    let compiled = compiled_with(
        "(x, prod, dl) -> (z, prod, dl) { run \"x\" }\nsource (x, <D>, prod, dl)\n(x, <D>, prod, dl) -> (y, <D>, prod, dl) { run \"x\" }",
        &[],
    );
    assert_eq!(compiled.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), ["E0204"]);
    assert_eq!(compiled.program.formulas.len(), 1);
}

#[test]
fn values_keep_their_text() {
    let program = program("source (x, store=<S in stores>, 2024-01-01, prod, dl)\nsource (x, store=007, <D: day>, pr-1, dl)");
    let Term::Literal(value) = &program.sources[1].pattern.terms[0].1 else { panic!("a literal") };
    assert_eq!(*value, Value::Text("007".into()));
    assert!(matches!(program.sources[0].pattern.terms[1].1, Term::Literal(Value::Time(_))));
}

#[test]
fn roles_follow_from_outputs_and_domains() {
    let program = program(
        "source (raw, s=<S in stores>, <D>, prod, dl)
        (raw, s=<S>, <D>, prod, dl) -> (clean, s=<S>, <D>, prod, dl) { run \"x\" }
        (clean, s=<S>, <DATE>, prod, dl) + (clean, s=<S>, <any D in DATE-6d..DATE>, prod, dl) as week -> (all, <DATE>, prod, dl) { run \"x\" }",
    );
    let all = &program.formulas[1];
    assert_eq!(*role(all, "DATE"), Role::Bound { domain: None });
    assert_eq!(
        *role(all, "S"),
        Role::Expanded { domain: Domain::Set("stores".into()), choose: Choose::All },
        "from the source, through `clean`"
    );
    assert!(matches!(role(all, "D"), Role::Expanded { domain: Domain::Time { .. }, choose: Choose::Any }));
    let names = |input: usize| all.inputs[input].expands.iter().map(|v| all.variables[v.0 as usize].name.to_string()).collect::<Vec<_>>();
    assert_eq!((names(0), names(1)), (vec!["S".to_string()], vec!["S".to_string(), "D".to_string()]));
    assert_eq!(all.title, "clean -> all");
    assert_eq!(all.place, "pipeline.formula:3");
}

#[test]
fn a_class_has_the_domains_of_all_its_makers() {
    let makers =
        "source (a, <N in 1..2>, prod, dl)\nsource (a, <N in 5..6>, pr-1, dl)\n(a, <N>, prod, dl) -> (all, prod, dl) { run \"x\" }";
    let Role::Expanded { domain: Domain::Union(parts), .. } = role(&program(makers).formulas[0], "N").clone() else { panic!("a union") };
    assert_eq!(parts, [Domain::Ints { first: 1, last: 2 }, Domain::Ints { first: 5, last: 6 }]);
    assert_eq!(codes(&makers.replace("<N in 5..6>", "<N>")), ["E0208"], "one maker leaves it open");
    // A rolling table gives itself what its inputs have.
    let rolling = "source (new, s=<S in stores>, <D>, prod, dl)
        (t, s=<S>, <D-1d>, prod, dl)? + (new, s=<S>, <D>, prod, dl) -> (t, s=<S>, <D>, prod, dl) { run \"x\"
 since 2024-01-01 }
        (t, s=<S>, <D>, prod, dl) -> (sum, <D>, prod, dl) { run \"x\" }";
    assert_eq!(*role(&program(rolling).formulas[1], "S"), Role::Expanded { domain: Domain::Set("stores".into()), choose: Choose::All });
}

#[test]
fn entries_of_a_set_of_objects() {
    let program = program(
        "for shop in shops {
            source (sales, s={{ shop.id }}, <D>, prod, {{ shop.repository }})
        }
        (sales, s=<S in shops>, <D>, prod, {{ S.repository }}) -> (report, <D>, prod, dl) { run \"x\" }
        (sales, s=<S>, <D>, prod, {{ S.repository }}) -> (eur, s=<S in shops>, <D>, prod, {{ S.repository }}) { run \"x\" }",
    );
    assert_eq!(program.sources.iter().map(|s| &*s.pattern.repository).collect::<Vec<_>>(), ["dl", "pii"]);
    let report = &program.formulas[0];
    let PatternChoice::ByEntry { patterns, .. } = &report.inputs[0].alternatives[0].pattern else { panic!("by entry") };
    assert_eq!(&*patterns[&Value::Text("lon".into())].repository, "pii");
    let lon = &program.formulas[2];
    assert_eq!(*role(lon, "S"), Role::Fixed(Value::Text("lon".into())));
    assert_eq!(lon.outputs[0].pattern.terms[0].1, Term::Literal(Value::Text("lon".into())));
    assert_eq!(&*lon.inputs[0].alternatives[0].pattern.all()[0].repository, "pii");
}

#[test]
fn defaults_are_overridden_and_gathered() {
    let program = program(
        "let level = 3
        defaults {
            retry 2
            param a = 1, b = \"{{ level }}\"
            since 2024-01-01
        }
        -> (x, <Y: year>, prod, dl) {
            run \"x\"
            retry 5 every 1min 30s
            param a = 2
        }
        -> (y, prod, dl) {
            run \"x {{ params.b }}\"
        }",
    );
    let [x, y] = program.formulas.as_slice() else { panic!("two formulas") };
    assert_eq!((x.recipe.retries, x.recipe.retry_delay, y.recipe.retries), (5, 90.0, 2));
    assert_eq!((&x.recipe.params["a"], &x.recipe.params["b"]), (&2.into(), &"3".into()));
    assert!(x.life.since.is_some() && y.life.since.is_none(), "a default `since` holds where there is a time");
    assert_eq!(y.recipe.kind, Kind::Run { text: "x {{ params.b }}".into() });
}

#[test]
fn code_files_are_found() {
    let files =
        [("jobs/a.py", "a"), ("jobs/lib/b.py", "b"), ("q.sql", "SELECT 1"), ("teams/x.formula", "-> (z, prod, dl) { sql \"q.sql\" }")];
    let text = "include \"teams/*.formula\"\n-> (x, prod, dl) {\n run \"python3 jobs/a.py {{ output }}\"\n uses \"jobs/lib/**/*.py\"\n}";
    let compiled = compiled_with(text, &files);
    assert_eq!(compiled.diagnostics, []);
    let [z, x] = compiled.program.formulas.as_slice() else { panic!("two formulas") };
    assert_eq!(x.recipe.uses.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["jobs/a.py", "jobs/lib/b.py"]);
    assert_eq!(z.recipe.kind, Kind::Sql { text: "SELECT 1".into(), origin: Some("q.sql".into()) });
    assert_eq!(&*compiled.texts[z.recipe_span.file.0 as usize].0, "q.sql");
}

#[test]
fn recursion_needs_a_beginning_and_a_step_back() {
    let rolling = |input: &str, block: &str| format!("(t, {input}, prod, dl)? -> (t, <D>, prod, dl) {{\n run \"x\"\n {block}\n}}");
    assert_eq!(codes(&rolling("<D-1d>", "since 2024-01-01")), [""; 0]);
    assert_eq!(codes(&rolling("<D-1d>", "")), ["E0312"]);
    assert_eq!(codes(&rolling("<D>", "since 2024-01-01")), ["E0313"]);
    assert_eq!(codes(&rolling("<any E in D-6d..D-1d>", "since 2024-01-01")), [""; 0]);
    assert_eq!(codes(&rolling("<any E in D-6d..D>", "since 2024-01-01")), ["E0313"]);
    assert_eq!(codes("(t, <D>, prod, dl) -> (t, <D>, prod, dw) { copy }"), [""; 0], "another repository");
    assert_eq!(codes("(t, k=a, prod, dl) -> (t, k=b, prod, dl) { run \"x\" }"), [""; 0], "another instance");
    let program = program(&rolling("<D-1d>", "since 2024-01-01"));
    assert!(program.formulas[0].inputs[0].alternatives[0].own_class);
}

#[test]
fn makers_are_told_apart() {
    let two = |a: &str, b: &str| codes(&format!("source (x, {a}, prod, dl)\nsource (x, {b}, prod, dl)"));
    assert_eq!(two("k=a", "k=b"), [""; 0]);
    assert_eq!(two("k=a", "k=<S>"), ["E0310"]);
    assert_eq!(two("k=a", "k=<S in cities>"), [""; 0]);
    assert_eq!(two("k=nyc", "k=<S in cities>"), ["E0310"]);
    assert_eq!(two("k=<S in stores>", "k=<S in cities>"), [""; 0]);
    assert_eq!(two("<N in 1..3>", "<N in 3..4>"), ["E0310"]);
    let old_and_new = "source (x, <D>, prod, dl) {\n until 2024-01-01\n}\nsource (x, <D>, prod, dl) {\n since 2024-01-01\n}";
    assert_eq!(codes(old_and_new), [""; 0]);
    assert_eq!(codes(&old_and_new.replace("since 2024-01-01", "since 2023-12-31")), ["E0310"]);
}

#[test]
fn one_mistake_is_one_message() {
    // Everything behind a formula that cannot be used is still known, or not concluded about.
    assert_eq!(
        codes("(a, <X>, prod, dl) -> (b, <X + 1d>, prod, dl) { run \"x\" }\n(b, <D>, prod, dl) -> (c, prod, dl) { run \"x\" }"),
        ["E0210"]
    );
    assert_eq!(
        codes("for s in shosp {\n source (a, k={{ s.id }}, prod, dl)\n}\n(a, k=<S>, prod, dl) -> (b, prod, dl) { run \"x\" }"),
        ["E0203"]
    );
    assert_eq!(codes("for s in shops {\n -> (a, k={{ s.id }}, prod, dl) { rum \"x\" }\n}"), ["E0303", "E0301"], "not once per entry");
}
