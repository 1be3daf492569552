//! Small programs, and the jobs they become.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::digest::{ContentHash, of_bytes};
use crate::formula::program::{Entry, Set};
use crate::formula::settings::{Files, Settings};
use crate::formula::{Compiled, compile};
use crate::identity::{Component, Identity, Instance, Type, Value, Var};

/// One formula file and nothing else.
struct One(String);

impl Files for One {
    fn read(&self, path: &str) -> io::Result<String> {
        if path == "pipeline.formula" { Ok(self.0.clone()) } else { Err(io::ErrorKind::NotFound.into()) }
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

fn compiled(formulas: &str) -> Compiled {
    let entry = |id: &str, currency: &str| Entry {
        id: id.into(),
        fields: [("id", id), ("currency", currency)].map(|(k, v)| (k.to_string(), v.into())).into(),
        since: None,
        until: None,
    };
    let shops = Set { name: "shops".into(), entries: vec![entry("nyc", "USD"), entry("lon", "GBP"), entry("it's; $(x)", "é'")] };
    let settings = Settings { sets: BTreeMap::from([("shops".into(), shops)]), ..Settings::default() };
    compile(&One(formulas.into()), &settings)
}

fn identity(class: &str, components: &[(Option<&str>, Type, &str)]) -> Identity {
    let component = |(key, ty, text): &(Option<&str>, Type, &str)| Component {
        key: key.map(Into::into),
        value: ty.read(text).unwrap_or_else(|| panic!("{text} is a {ty}")),
    };
    Identity {
        class: class.into(),
        instance: Instance::new(components.iter().map(component)),
        label: "prod".into(),
        repository: "dl".into(),
    }
}

fn part(identity: Identity, values: Vec<Value>, name: &str) -> GivenPart {
    let content = of_bytes(identity.to_string().as_bytes());
    GivenPart { identity, content, alternative: 0, values, name: name.into(), folder: false, at: "/store/x".into(), files: vec![] }
}

const DAY: Type = Type::Time(crate::identity::Precision::Day);

/// Parts of `sales` by shop, on one day.
fn sales(shops: &[&str]) -> Vec<GivenPart> {
    let one = |shop: &&str| {
        part(
            identity("sales", &[(Some("shop"), Type::Text, shop), (None, DAY, "2024-01-31")]),
            vec![Value::Text((*shop).into())],
            "x.csv.gz",
        )
    };
    shops.iter().map(one).collect()
}

const SALES: &str = r#"source (sales, shop=<S in shops>,<DATE>, prod, dl) from "sales/<S>/<DATE>.csv"
source (fx, <DATE>, prod, dl) from "fx/<DATE>.csv"
"#;

/// The job of the last formula, on the last of January 2024.
fn job(formula: &str, inputs: &[Vec<GivenPart>]) -> Result<Job, RecipeError> {
    let compiled = compiled(&format!("{SALES}{formula}"));
    assert_eq!(compiled.diagnostics, []);
    let formula = compiled.program.formulas.last().expect("a formula");
    let mut binding = formula.binding();
    if let Some(date) = formula.variable("DATE") {
        binding[date.0 as usize] = DAY.read("2024-01-31");
    }
    let outputs: Vec<Identity> = formula.outputs.iter().map(|o| o.pattern.instantiate(&binding).expect("bound")).collect();
    render(&compiled.program, formula, &binding, inputs, &outputs, Path::new("/project"))
}

fn script(formula: &str, inputs: &[Vec<GivenPart>]) -> String {
    match job(formula, inputs).unwrap_or_else(|e| panic!("{e}")).action {
        Action::Shell { script } | Action::Sql { query: script } => script,
        Action::Copy => "copy".into(),
    }
}

#[test]
fn parts_have_paths_variables_and_fields() {
    let report = r#"(sales, shop=<S>,<DATE>, prod, dl) + (fx, <latest F in DATE-3d..DATE>, prod, dl)? -> (report, <DATE>, prod, dl) {
        run """{% for p in sales %}{{ p }} {{ p.S }} {{ p.S.currency }} {{ p.shop }} {{ p.date }};{% endfor %} {{ DATE }} {{ F }}[{{ fx.path }}]{% if fx is defined %}!{% endif %} > {{ output }}"""
    }"#;
    let fx = part(identity("fx", &[(None, DAY, "2024-01-30")]), vec![DAY.read("2024-01-30").unwrap()], "fx.csv");
    assert_eq!(
        script(report, &[sales(&["nyc"]), vec![fx]]),
        "'in/sales/shop=nyc,2024-01-31.csv.gz' nyc USD nyc 2024-01-31; 2024-01-31 2024-01-30[in/fx.csv]! > out/report"
    );
    // Hostile entries stay one word each; what is left out prints nothing.
    assert_eq!(
        script(report, &[sales(&["it's; $(x)"]), vec![]]),
        r#"'in/sales/shop=it%27s%3B%20%24%28x%29,2024-01-31.csv.gz' "it's; "'$(x)' "é'" "it's; "'$(x)' 2024-01-31; 2024-01-31 [] > out/report"#
    );
}

#[test]
fn inputs_of_a_query_are_tables() {
    let sql = r#"(sales, shop=<S>,<DATE>, prod, dl) + (fx, <DATE>, prod, dl)? -> (report, <DATE>, prod, dl) {
        sql """select * from {{ sales }}{% if fx %}, {{ fx }}{% endif %} where shop in ({{ S }}) and d = {{ DATE }} and p < {{ params.p }}"""
        param p = -1.5
    }"#;
    assert_eq!(
        script(sql, &[sales(&["nyc", "it's; $(x)"]), vec![]]),
        "select * from \"sales\" where shop in ('nyc', 'it''s; $(x)') and d = '2024-01-31' and p < (-1.5)"
    );
}

#[test]
fn paths_follow_at_and_stay_apart() {
    let with = |at: &str, out: &str| {
        let formula = format!(r#"(sales, shop=<S>,<DATE>, prod, dl) at "{at}" -> (report, <DATE>, prod, dl){out} {{ run "true" }}"#);
        job(&formula, &[sales(&["nyc", "it's; $(x)"])])
            .map(|job| {
                format!("{} {}", job.inputs[0].parts.iter().map(|p| p.link.as_str()).collect::<Vec<_>>().join(" "), job.outputs[0].path)
            })
            .unwrap_or_else(|e| e.to_string())
    };
    assert_eq!(with("inc/<S>.h", r#" at "./o/{{ DATE }}""#), "inc/nyc.h inc/it%27s%3B%20%24%28x%29.h o/2024-01-31");
    assert!(with("inc/{{ DATE }}", "").contains("would both stand at `inc/2024-01-31`"));
    assert!(with("out/report/<S>", "").contains("would stand below the output `report`"));
}

#[test]
fn endings_are_of_names() {
    for (path, expected) in [
        ("a/b.csv", "csv"),
        ("b.csv.gz", "csv.gz"),
        ("b.gz", "gz"),
        ("a.b/c", ""),
        (".hidden", ""),
        ("x.tar.gz", "tar.gz"),
        ("a.b.parquet", "parquet"),
        ("v1. final", ""),
    ] {
        assert_eq!(ending(path), expected, "{path}");
    }
}

#[test]
fn only_what_is_read_counts() {
    let values = |template: &str| {
        let text = format!("(sales, shop=<S>,<DATE>, prod, dl) -> (report, <DATE>, prod, dl) {{ run \"\"\"{template}\"\"\" }}");
        let compiled = compiled(&format!("{SALES}let level = 3\n{text}"));
        assert_eq!(compiled.diagnostics, []);
        let formula = &compiled.program.formulas[0];
        let s = formula.variable("S").expect("S");
        let expanded: Vec<(Var, Value)> = ["nyc", "lon"].map(|shop| (s, Value::Text(shop.into()))).into();
        json!(values_read(&compiled.program, formula, &reads_of(formula), &formula.binding(), "prod", &expanded))
    };
    assert_eq!(values("{{ DATE }} {{ output }} {{ S }} {% for p in sales %}{{ p }}{{ p.S }}{% endfor %}"), json!({}));
    assert_eq!(values("{{ label }} {{ level }}"), json!({ "label": "prod", "level": 3 }));
    let currencies = json!({ "S[lon].currency": "GBP", "S[nyc].currency": "USD" });
    assert_eq!(values("{% for s in S %}{{ s.currency }}{% endfor %}"), currencies);
    assert_eq!(values("{% for p in inputs.sales %}{{ p.S.currency }}{% endfor %}"), currencies);
    assert_eq!(values("{% for s in sets.shops %}{{ s.id }}{% endfor %}"), json!({ "sets.shops.*.id": ["nyc", "lon", "it's; $(x)"] }));
    let all = json!({ "S[lon]": { "id": "lon", "currency": "GBP" }, "S[nyc]": { "id": "nyc", "currency": "USD" } });
    assert_eq!(values("{{ S | map(attribute=params.a) | list }}"), all);
}

#[test]
fn names_that_are_not_there_are_found() {
    let problems = |recipe: &str| {
        let formula = format!(
            "(sales, shop=<S>,<DATE>, prod, dl) + (fx, <DATE>, prod, dl) -> (report, <DATE>, prod, dl) + (log, <DATE>, prod, dl) {{ {recipe}\n param limit = 1 }}"
        );
        let text = format!("{SALES}{formula}");
        let compiled = compiled(&text);
        assert_eq!(compiled.diagnostics, []);
        let found = check(&compiled.program, &|span| compiled.place(span));
        found
            .iter()
            .map(|d| format!("{} {} {}", d.code, &text[d.labels[0].0.start..d.labels[0].0.end], d.help.join(" ")))
            .collect::<Vec<_>>()
    };
    for (recipe, expected) in [
        ("run \"a {{ inputs.fxx }}\"", "E0406 inputs.fxx did you mean `fx`?"),
        ("run \"a {{ DTE }}\"", "E0406 DTE did you mean `DATE`?"),
        ("run \"a {{ limit }}\"", "E0406 limit a parameter is read as `params.limit`"),
        ("run \"a {{ params.limt }}\"", "E0406 params.limt did you mean `limit`?"),
        ("run \"a {{ fx.hsh }}\"", "E0406 fx.hsh did you mean `hash`?"),
        ("run \"a {{ sales.path }}\"", "E0406 sales.path take one after the other"),
        ("run \"{% for s in S %}{{ s.curency }}{% endfor %}\"", "E0406 s.curency did you mean `currency`?"),
        ("run \"a {{ output }}\"", "E0406 output write `outputs.report` or `outputs.log`"),
        ("run \"\"\"a '{{ DATE }}'\"\"\"", "E0407 DATE take the quotes"),
        ("sql \"\"\"select 1 -- {{ DATE }}\"\"\"", "E0408 DATE to comment a tag out"),
        ("run \"a {% if %}\"", "E0405"),
        ("sql \"\"\"select * from fx, sale\"\"\"", "E0409 sale did you mean `sales`?"),
        ("sql \"\"\"select * from sales where date = {{ DATE }}\"\"\"", "E0410"),
        ("sql \"\"\"select * fro fx, sales\"\"\"", "E0450 fro"),
        ("sql \"\"\"select * from sales, fx where {% if fx %}and{% endif %} a = {{ DATE }}\"\"\"", "E0450"),
    ] {
        let found = problems(recipe);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{recipe}: {found:?}");
    }
    assert_eq!(
        problems("run \"\"\"{{ fx.hash }} {% for p in sales %}{{ p.S.currency }}{% endfor %} {{ outputs.log }}\"\"\""),
        [] as [String; 0]
    );
}

#[test]
fn a_job_file_says_what_a_job_may_know() {
    let formula = "(fx, <DATE>, prod, dl) -> (report, <DATE>, prod, dl) { run \"true\"\nparam p = [1, \"a\"] }";
    let fx = part(identity("fx", &[(None, DAY, "2024-01-31")]), vec![], "fx.csv");
    let hash = fx.content.to_hex();
    let text = job_file(&job(formula, &[vec![fx]]).expect("a job"));
    let instance = json!({ "date": "2024-01-31" });
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON"),
        json!({
            "schema": "formake.job/1", "class": "report", "instance": "2024-01-31", "params": { "p": [1, "a"] },
            "inputs": [{ "name": "fx", "path": "in/fx.csv", "class": "fx", "instance": "2024-01-31", "variables": instance, "hash": hash }],
            "outputs": [{ "name": "report", "path": "out/report", "class": "report", "instance": "2024-01-31", "variables": instance }],
        })
    );
    assert!(!text.contains("prod"));
}
