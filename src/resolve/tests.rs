//! The laws of choosing inputs, on small programs and a made-up outside.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::*;
use crate::digest::{ContentHash, of_bytes};
use crate::formula::program::{Entry, Program, Set, Source};
use crate::formula::{Files, Settings, compile};
use crate::identity::target::Target;
use crate::identity::{Binding, Identity, Period, Precision};

struct OneFile(String);

impl Files for OneFile {
    fn read(&self, _: &str) -> io::Result<String> {
        Ok(self.0.clone())
    }
    fn hash(&self, _: &str) -> io::Result<ContentHash> {
        Ok(of_bytes(self.0.as_bytes()))
    }
    fn exists(&self, path: &str) -> bool {
        path == "pipeline.formula"
    }
    fn glob(&self, pattern: &str) -> io::Result<Vec<String>> {
        Ok(vec![pattern.to_string()])
    }
}

/// Paths that are there, and identities (as text) that were published or are held empty.
#[derive(Default)]
struct Fake {
    files: BTreeSet<String>,
    published: Vec<Identity>,
    held_empty: Vec<String>,
}

impl World for Fake {
    fn source(&self, source: &Source, binding: &Binding, _: &Identity) -> Offer {
        let path = source.from.as_ref().and_then(|p| p.render(binding)).unwrap_or_default();
        if self.files.contains(&path) { Offer::There } else { Offer::Missing { path } }
    }
    fn source_instances(&self, source: &Source) -> Vec<Binding> {
        let Some(from) = &source.from else { return vec![] };
        self.files.iter().filter_map(|path| from.matches(path, source.variables.len())).collect()
    }
    fn standing(&self, identity: &Identity) -> Standing {
        if self.held_empty.contains(&identity.to_string()) {
            return Standing::HeldEmpty { because: "rolled back".into() };
        }
        if self.published.contains(identity) { Standing::Published } else { Standing::Nothing }
    }
    fn published(&self, class: &str) -> Vec<Identity> {
        self.published.iter().filter(|i| *i.class == *class).cloned().collect()
    }
}

struct Case {
    program: Program,
    world: Fake,
}

fn day(text: &str) -> Option<Period> {
    Period::parse(text, Precision::Day)
}

fn case(formulas: &str, files: &[&str]) -> Case {
    let entry = |id: &str, since: Option<&str>| Entry { id: id.into(), fields: BTreeMap::new(), since: since.and_then(day), until: None };
    let set = |name: &str, entries: Vec<Entry>| (name.into(), Set { name: name.into(), entries });
    let sets = [
        set("stores", vec![entry("nyc", None), entry("lon", None)]),
        set("shops", vec![entry("nyc", None), entry("lon", Some("2024-01-03"))]),
    ];
    let settings = Settings { sets: sets.into(), repositories: ["dl", "dw"].map(|n| n.into()).into(), ..Settings::default() };
    let compiled = compile(&OneFile(formulas.into()), &settings);
    assert!(compiled.diagnostics.is_empty(), "{:#?}", compiled.diagnostics);
    Case { program: compiled.program, world: Fake { files: files.iter().map(|f| f.to_string()).collect(), ..Fake::default() } }
}

impl Case {
    fn publish(mut self, target: &str) -> Self {
        // Typed by the class's dimensions, as `publish` does.
        let target = Target::parse(target).expect("a target");
        let mut all = Vec::new();
        {
            let mut resolver = Resolver::new(&self.program, &self.world);
            all.extend(resolver.select(&target, &"prod".into(), false).expect("an identity").identities);
        }
        self.world.published.extend(all);
        self
    }

    /// What the target reads: `name: class@instance, …` per input, `;` between inputs; or why it is blocked.
    fn reads(&self, target: &str) -> String {
        let mut resolver = Resolver::new(&self.program, &self.world);
        let target = Target::parse(target).expect("a target");
        let selection = match resolver.select(&target, &"prod".into(), false) {
            Ok(selection) => selection,
            Err(error) => return format!("error: {error}"),
        };
        assert_eq!(selection.identities.len(), 1, "{:?}", selection.identities);
        resolver.node(&selection.identities[0]);
        let graph = resolver.finish(&selection.identities);
        let short = |i: &Identity| i.to_string().replace(":prod/dl", "");
        match &graph.nodes[graph.targets[0].0 as usize].origin {
            Origin::Job { job, .. } => {
                let job = &graph.jobs[job.0 as usize];
                let formula = &self.program.formulas[job.formula];
                let inputs = formula.inputs.iter().zip(&job.inputs).map(|(input, parts)| {
                    let parts: Vec<String> = parts.iter().map(|p| short(&graph.nodes[p.node.0 as usize].identity)).collect();
                    format!("{}: {}", input.name, parts.join(", "))
                });
                inputs.collect::<Vec<_>>().join("; ")
            }
            Origin::Blocked(why) => format!("blocked: {}", short(&why.root().identity)),
            other => format!("{other:?}"),
        }
    }

    /// All identities that a target stands for.
    fn stands_for(&self, target: &str) -> String {
        let mut resolver = Resolver::new(&self.program, &self.world);
        match resolver.select(&Target::parse(target).expect("a target"), &"prod".into(), false) {
            Ok(s) => s.identities.iter().map(|i| i.to_string().replace(":prod/dl", "")).collect::<Vec<_>>().join(" "),
            Err(error) => format!("error: {error}"),
        }
    }
}

const RAW: &str = "source (raw, <DATE>, prod, dl) from \"raw/<DATE>.csv\"\n";
const SALES: &str = "source (sales, storeId=<S>,<DATE>, prod, dl) from \"sales/<S>/<DATE>.csv\"\n";

#[test]
fn windows_need_every_day() {
    let text = format!("{RAW}(raw, <D in DATE-2d..DATE>, prod, dl) -> (week, <DATE>, prod, dl) {{ run \"x\" }}");
    let c = case(&text, &["raw/2024-01-01.csv", "raw/2024-01-02.csv", "raw/2024-01-03.csv"]);
    assert_eq!(c.reads("week@2024-01-03"), "raw: raw@2024-01-01, raw@2024-01-02, raw@2024-01-03");
    assert_eq!(c.reads("week@2024-01-04"), "blocked: raw@2024-01-04");
    assert_eq!(c.reads("week@2024-01-02"), "blocked: raw@2023-12-31");
    assert_eq!(c.stands_for("week"), "week@2024-01-03");
    let early = Target::parse("week@2024-01-01").expect("a target");
    let mut resolver = Resolver::new(&c.program, &c.world);
    let early = resolver.select(&early, &"prod".into(), false).expect("an identity").identities.remove(0);
    resolver.name_first_complete(&early);
    let ix = resolver.node(&early);
    let why = resolver.blocked(ix).expect("blocked");
    let Cause::Input { first_complete: Some(first), .. } = &why.cause else { panic!("{why:?}") };
    assert_eq!(first.to_string(), "week@2024-01-03:prod/dl");
}

#[test]
fn a_long_derivation_is_written_without_its_middle() {
    let identity = |number: usize| Identity {
        class: format!("c{number}").into(),
        instance: crate::identity::Instance::new([]),
        label: "prod".into(),
        repository: "dl".into(),
    };
    let chain = |links: usize| {
        let end = Blocked::new(identity(links), Cause::NoMaker);
        (1..links).rev().fold(end, |because, number| {
            let cause = Cause::Input { name: "x".into(), because: Arc::new(because), first_complete: None };
            Blocked::new(identity(number), cause)
        })
    };
    assert_eq!(chain(32).shortened(), chain(32));
    let short = chain(500).shortened();
    let links = short.chain();
    let left_out: Vec<(&str, usize)> = links.iter().filter(|link| link.omitted > 0).map(|l| (&*l.identity.class, l.omitted)).collect();
    assert_eq!((links.len(), left_out), (32, vec![("c16", 468)]));
    assert_eq!((&*links[16].identity.class, &*short.root().identity.class), ("c485", "c500"));
}

#[test]
fn any_takes_what_there_is_but_something() {
    let text = format!("{RAW}(raw, <any D in DATE-2d..DATE>, prod, dl) -> (week, <DATE>, prod, dl) {{ run \"x\" }}");
    let c = case(&text, &["raw/2024-01-01.csv", "raw/2024-01-03.csv"]);
    assert_eq!(c.reads("week@2024-01-03"), "raw: raw@2024-01-01, raw@2024-01-03");
    assert_eq!(c.reads("week@2024-01-05"), "raw: raw@2024-01-03");
    assert!(c.reads("week@2024-02-01").starts_with("blocked"));
}

#[test]
fn latest_takes_the_newest_for_which_all_its_inputs_can_be_provided() {
    let text = format!(
        "{RAW}source (extra, <DATE>, prod, dl) from \"extra/<DATE>.csv\"\n\
         (raw, <latest D in DATE-3d..DATE>, prod, dl) + (extra, <D>, prod, dl) -> (x, <DATE>, prod, dl) {{ run \"x\" }}"
    );
    let c =
        case(&text, &["raw/2024-01-01.csv", "raw/2024-01-02.csv", "raw/2024-01-03.csv", "extra/2024-01-01.csv", "extra/2024-01-02.csv"]);
    assert_eq!(c.reads("x@2024-01-03"), "raw: raw@2024-01-02; extra: extra@2024-01-02");
    assert_eq!(c.reads("x@2024-01-05"), "raw: raw@2024-01-02; extra: extra@2024-01-02");
    assert!(c.reads("x@2024-01-09").starts_with("blocked"));
}

#[test]
fn latest_month_before_the_day() {
    let text = "source (model, <M: month>, prod, dl) from \"model/<M>.json\"\n\
                (model, <latest M in DATE.month-3mo..DATE.month-1mo>, prod, dl) -> (score, <DATE>, prod, dl) { run \"x\" }";
    let c = case(text, &["model/2024-01.json", "model/2024-02.json"]);
    assert_eq!(c.reads("score@2024-02-29"), "model: model@2024-01");
    assert_eq!(c.reads("score@2024-05-31"), "model: model@2024-02");
    assert!(c.reads("score@2024-01-31").starts_with("blocked"));
}

#[test]
fn a_month_needs_all_its_days() {
    let text = format!("{RAW}(raw, <D in M>, prod, dl) -> (month, <M: month>, prod, dl) {{ run \"x\" }}");
    let days: Vec<String> = (1..=29).map(|d| format!("raw/2024-02-{d:02}.csv")).collect();
    let c = case(&text, &days.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(c.reads("month@2024-02").matches("raw@").count(), 29);
    assert_eq!(c.reads("month@2024-03"), "blocked: raw@2024-03-01");
    assert_eq!(c.stands_for("month"), "month@2024-02");
}

#[test]
fn a_gap_in_a_rolling_table_blocks_and_never_restarts_it() {
    let text = format!(
        "{RAW}(total, <DATE-1d>, prod, dl)? + (raw, <DATE>, prod, dl) -> (total, <DATE>, prod, dl) {{\n run \"x\"\n since 2024-01-02\n}}"
    );
    let c = case(&text, &["raw/2024-01-01.csv", "raw/2024-01-02.csv", "raw/2024-01-03.csv", "raw/2024-01-05.csv"]);
    assert_eq!(c.reads("total@2024-01-02"), "total: ; raw: raw@2024-01-02");
    assert_eq!(c.reads("total@2024-01-03"), "total: total@2024-01-02; raw: raw@2024-01-03");
    assert_eq!(c.reads("total@2024-01-05"), "blocked: raw@2024-01-04");
    assert_eq!(c.reads("total@2024-01-01"), "blocked: total@2024-01-01", "before its since");
    assert_eq!(c.stands_for("total"), "total@2024-01-02 total@2024-01-03");
    let seeded = c.publish("total@2024-01-01:prod/dl");
    assert_eq!(seeded.reads("total@2024-01-02"), "total: total@2024-01-01; raw: raw@2024-01-02");
}

#[test]
fn a_rolling_table_may_be_long() {
    let text = format!(
        "{RAW}(total, <DATE-1d>, prod, dl)? + (raw, <DATE>, prod, dl) -> (total, <DATE>, prod, dl) {{\n run \"x\"\n since 1990-01-01\n}}"
    );
    let first = Period::parse("1990-01-01", Precision::Day).expect("a day");
    let days: Vec<String> = (0..12_000).map(|i| format!("raw/{}.csv", Period::new(Precision::Day, first.index + i))).collect();
    let c = case(&text, &days.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(c.reads("total@2022-11-08"), "total: total@2022-11-07; raw: raw@2022-11-08");
}

#[test]
fn latest_bridges_gaps() {
    let text = format!(
        "{RAW}(total, <latest P in DATE-9d..DATE-1d>, prod, dl)? + (raw, <DATE>, prod, dl) -> (total, <DATE>, prod, dl) {{\n run \"x\"\n since 2024-01-02\n}}"
    );
    let c = case(&text, &["raw/2024-01-02.csv", "raw/2024-01-05.csv", "raw/2024-01-20.csv"]);
    assert_eq!(c.reads("total@2024-01-05"), "total: total@2024-01-02; raw: raw@2024-01-05");
    assert!(c.reads("total@2024-01-20").starts_with("blocked"), "a gap longer than the window");
    assert_eq!(c.reads("total@2024-01-02"), "total: ; raw: raw@2024-01-02");
}

#[test]
fn alternatives_and_options_look_at_what_can_be_provided() {
    let text = format!(
        "{RAW}source (backup, <DATE>, prod, dl) from \"backup/<DATE>.csv\"\nsource (prices, <DATE>, prod, dl) from \"prices/<DATE>.csv\"\n\
         (raw, <DATE>, prod, dl) | (backup, <DATE>, prod, dl) as any_raw + (prices, <DATE>, prod, dl)? -> (x, <DATE>, prod, dl) {{ run \"x\" }}"
    );
    let c = case(&text, &["raw/2024-01-01.csv", "backup/2024-01-01.csv", "backup/2024-01-02.csv", "prices/2024-01-02.csv"]);
    assert_eq!(c.reads("x@2024-01-01"), "any_raw: raw@2024-01-01; prices: ");
    assert_eq!(c.reads("x@2024-01-02"), "any_raw: backup@2024-01-02; prices: prices@2024-01-02");
    assert!(c.reads("x@2024-01-03").starts_with("blocked"));
    assert_eq!(c.stands_for("x"), "x@2024-01-01 x@2024-01-02");
}

#[test]
fn parts_of_a_fan_in_are_sorted_by_value_and_a_shop_opens_later() {
    let text = format!("{SALES}(sales, storeId=<S in stores>,<DATE>, prod, dl) -> (report, <DATE>, prod, dl) {{ run \"x\" }}");
    let files = ["sales/nyc/2024-01-01.csv", "sales/lon/2024-01-01.csv", "sales/nyc/2024-01-02.csv"];
    let c = case(&text, &files);
    assert_eq!(c.reads("report@2024-01-01"), "sales: sales@storeId=lon,2024-01-01, sales@storeId=nyc,2024-01-01");
    assert_eq!(c.reads("report@2024-01-02"), "blocked: sales@storeId=lon,2024-01-02");
    let c = case(&text.replace("stores>", "shops>"), &files);
    assert_eq!(c.reads("report@2024-01-02"), "sales: sales@storeId=nyc,2024-01-02", "lon opens on 2024-01-03");
    assert_eq!(c.reads("report@2024-01-03"), "blocked: sales@storeId=lon,2024-01-03");
}

#[test]
fn two_inputs_over_one_variable_are_expanded_together() {
    let text = format!(
        "{SALES}source (costs, storeId=<S>,<DATE>, prod, dl) from \"costs/<S>/<DATE>.csv\"\n\
         (sales, storeId=<any S in stores>,<DATE>, prod, dl) + (costs, storeId=<S>,<DATE>, prod, dl) -> (report, <DATE>, prod, dl) {{ run \"x\" }}"
    );
    let c = case(&text, &["sales/nyc/2024-01-01.csv", "sales/lon/2024-01-01.csv", "costs/nyc/2024-01-01.csv"]);
    assert_eq!(c.reads("report@2024-01-01"), "sales: sales@storeId=nyc,2024-01-01; costs: costs@storeId=nyc,2024-01-01");
}

#[test]
fn wildcards_find_all_that_can_be_provided() {
    let text = format!(
        "{SALES}(sales, storeId=<S>,<DATE>, prod, dl) -> (clean, storeId=<S>,<DATE>, prod, dl) {{ run \"x\" }}\n\
         (clean, storeId=*,<DATE>, prod, dl) -> (report, <DATE>, prod, dl) {{ run \"x\" }}"
    );
    let c = case(&text, &["sales/b/2024-01-01.csv", "sales/a/2024-01-01.csv", "sales/a/2024-01-02.csv"]);
    assert_eq!(c.reads("report@2024-01-01"), "clean: clean@storeId=a,2024-01-01, clean@storeId=b,2024-01-01");
    assert_eq!(c.stands_for("report"), "report@2024-01-01 report@2024-01-02");
    assert_eq!(c.stands_for("clean@storeId=a"), "clean@storeId=a,2024-01-01 clean@storeId=a,2024-01-02");
    assert_eq!(c.stands_for("clean@b,2024-01-01"), "clean@storeId=b,2024-01-01");
    assert_eq!(c.stands_for("clean@storeId=*,2024-01-01"), "clean@storeId=a,2024-01-01 clean@storeId=b,2024-01-01");
    assert_eq!(c.stands_for("clean@storeId={b,c},2024-01-01"), "clean@storeId=b,2024-01-01 clean@storeId=c,2024-01-01");
    assert_eq!(c.stands_for("report@2024-01-30..2024-02-01"), "report@2024-01-30 report@2024-01-31 report@2024-02-01");
    assert_eq!(c.stands_for("report@2024-02").split(' ').count(), 29);
}

#[test]
fn an_unbounded_class_cannot_be_listed_but_named() {
    let c = case("-> (calendar, <Y: year>, prod, dl) { run \"x\" }", &[]);
    assert!(c.stands_for("calendar").starts_with("error: "));
    assert_eq!(c.reads("calendar@2024"), "");
    let bounded = case("-> (calendar, <Y: year>, prod, dl) {\n run \"x\"\n since 2023\n until 2025\n}", &[]);
    assert_eq!(bounded.stands_for("calendar"), "calendar@2023 calendar@2024");
}

#[test]
fn old_and_new_recipes_share_a_class() {
    let text = format!(
        "{RAW}(raw, <DATE>, prod, dl) -> (x, <DATE>, prod, dl) {{\n run \"old\"\n until 2024-01-02\n}}\n\
         (raw, <DATE-1d>, prod, dl) -> (x, <DATE>, prod, dl) {{\n run \"new\"\n since 2024-01-02\n}}"
    );
    let c = case(&text, &["raw/2024-01-01.csv"]);
    assert_eq!(c.reads("x@2024-01-01"), "raw: raw@2024-01-01");
    assert_eq!(c.reads("x@2024-01-02"), "raw: raw@2024-01-01");
}

#[test]
fn the_repository_may_be_left_out_where_no_copy_makes_it() {
    let text = format!("{RAW}(raw, <D>, prod, dl) -> (raw, <D>, prod, dw) {{ copy }}");
    let c = case(&text, &["raw/2024-01-01.csv"]);
    assert_eq!(c.stands_for("raw@2024-01-01"), "raw@2024-01-01");
    assert_eq!(c.stands_for("raw"), "raw@2024-01-01");
    assert_eq!(c.reads("raw@2024-01-01:prod/dw"), "raw: raw@2024-01-01");
    let text = format!("{RAW}(raw, <D>, prod, dl) -> (archive, <D>, prod, dw) {{ copy }}");
    let c = case(&text, &["raw/2024-01-01.csv"]);
    assert_eq!(c.stands_for("archive"), "archive@2024-01-01:prod/dw", "where nothing else makes it, the copy is meant");
}

#[test]
fn what_is_held_empty_is_blocked_with_all_over_it() {
    let text = format!(
        "{RAW}(raw, <D>, prod, dl) -> (x, <D>, prod, dl) {{ run \"x\" }}\n(x, <D>, prod, dl) -> (y, <D>, prod, dl) {{ run \"x\" }}"
    );
    let mut c = case(&text, &["raw/2024-01-01.csv"]);
    c.world.held_empty.push("x@2024-01-01:prod/dl".into());
    assert_eq!(c.reads("y@2024-01-01"), "blocked: x@2024-01-01");
}
