//! Columns of plans under a label with a base, on small programs and a made-up outside.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use insta::assert_snapshot;

use super::breaks::{Breaks, ColumnChange, Effect, NotKnown};
use super::columns::{Columns, Subject, Tables};
use super::consumers::breaks;
use super::{Action, Owed, Plan, SourceState, Step};
use crate::catalog::SnapshotId;
use crate::digest::{ContentHash, of_bytes};
use crate::formula::program::{Bases, Column, Program, Source};
use crate::formula::{Files, Settings, compile};
use crate::identity::target::Target;
use crate::identity::{Binding, Identity, Name};
use crate::resolve::{Graph, NodeIx, Offer, Origin, Resolver, Standing, World};
use crate::table::columns::declared;
use crate::validity::Reason;

struct OneFile(String);

impl Files for OneFile {
    fn read(&self, path: &str) -> io::Result<String> {
        if path == "pipeline.formula" { Ok(self.0.clone()) } else { Err(io::ErrorKind::NotFound.into()) }
    }
    fn hash(&self, path: &str) -> io::Result<ContentHash> {
        Ok(of_bytes(path.as_bytes()))
    }
    fn exists(&self, path: &str) -> bool {
        path == "pipeline.formula" || path.starts_with("jobs/")
    }
    fn glob(&self, pattern: &str) -> io::Result<Vec<String>> {
        Ok(vec![pattern.to_string()])
    }
}

/// Every source file is there.
struct Full;

impl World for Full {
    fn source(&self, _: &Source, _: &Binding, _: &Identity) -> Offer {
        Offer::There
    }
    fn source_instances(&self, _: &Source) -> Vec<Binding> {
        Vec::new()
    }
    fn standing(&self, _: &Identity) -> Standing {
        Standing::Nothing
    }
    fn published(&self, _: &str) -> Vec<Identity> {
        Vec::new()
    }
}

/// A program under `pr-1`, its base `prod`, and the graph of what is asked for.
pub(super) struct Case {
    pub text: String,
    pub program: Program,
    pub graph: Graph,
    /// Columns of the class's results in the base, `id int, v text`; classes that have none there are no tables, or are not there.
    held: BTreeMap<String, Vec<Column>>,
    /// Columns of sources, as they are now.
    sources: BTreeMap<String, Vec<Column>>,
    /// The query by which the base's result was made.
    queries: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

fn columns(text: &str) -> Vec<Column> {
    let column = |text: &str| text.trim().split_once(' ').map(|(name, ty)| Column { name: name.into(), ty: ty.into() });
    text.split(", ").filter_map(column).collect()
}

pub(super) fn case(formulas: &str, targets: &[&str]) -> Case {
    let bases = Bases(vec![("prod".into(), None), ("pr-*".into(), Some("prod".into()))]);
    let settings = Settings { bases, ..Settings::default() };
    let compiled = compile(&OneFile(formulas.into()), &settings);
    assert!(compiled.diagnostics.is_empty(), "{:#?}", compiled.diagnostics);
    let label: Name = "pr-1".into();
    let program = compiled.program.under([&label]);
    let mut resolver = Resolver::new(&program, &Full);
    let mut identities = Vec::new();
    for target in targets {
        let target = Target::parse(target).expect("a target");
        identities.extend(resolver.select(&target, &label, false).expect("identities").identities);
    }
    for identity in &identities {
        resolver.node(identity);
    }
    let graph = resolver.finish(&identities);
    let (held, sources, queries, files) = Default::default();
    Case { text: formulas.into(), program, graph, held, sources, queries, files }
}

impl Case {
    fn holds(mut self, class: &str, text: &str) -> Self {
        self.held.insert(class.into(), columns(text));
        self
    }

    fn source(mut self, class: &str, text: &str) -> Self {
        self.sources.insert(class.into(), columns(text));
        self.holds(class, text)
    }

    fn made_by(mut self, class: &str, query: &str) -> Self {
        self.queries.insert(class.into(), query.into());
        self
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    /// Jobs of these classes run, owed to the change; all others are inherited.
    pub fn plan(&self, run: &[&str]) -> Plan {
        let step = |(index, node): (usize, &crate::resolve::Node)| {
            let running = run.contains(&&*node.identity.class);
            let from = Identity { label: "prod".into(), ..node.identity.clone() };
            let action = match &node.origin {
                Origin::Source { .. } => Action::Source { state: SourceState::Unchanged },
                _ if running => Action::Run { why: Reason::Missing },
                _ => Action::Inherited { snapshot: self.base(&node.identity).unwrap_or(SnapshotId(-1)), from },
            };
            let job = if let Origin::Job { job, .. } = &node.origin { Some(job.0) } else { None };
            let formula = job.map(|job| &self.program.formulas[self.graph.jobs[job as usize].formula]);
            Step {
                identity: node.identity.clone(),
                action,
                job,
                maker: formula.map(|formula| formula.title.clone()),
                place: formula.map(|formula| formula.place.clone()),
                estimate: None,
                bytes: None,
                owed: running.then_some(Owed::Change),
                target: self.graph.targets.contains(&NodeIx(index as u32)),
            }
        };
        Plan { steps: self.graph.nodes.iter().enumerate().map(step).collect(), ..Plan::default() }
    }

    fn breaks(&self, run: &[&str], changed: &[&str]) -> Breaks {
        let plan = self.plan(run);
        let own = self.program.formulas.iter().filter(|formula| changed.contains(&&*formula.outputs[0].pattern.class));
        let changed: BTreeSet<usize> = own.map(|formula| formula.id).collect();
        let bases = ["prod".into()];
        let (program, graph, label) = (&self.program, &self.graph, &"pr-1".into());
        breaks(&Subject { program, graph, plan: &plan, label, bases: &bases, changed: &changed }, self)
    }
}

impl Tables for Case {
    fn snapshot(&self, id: SnapshotId, _: Option<&Arc<Vec<Column>>>) -> Columns {
        let columns = usize::try_from(id.0).ok().and_then(|at| self.held.values().nth(at)).ok_or(NotKnown::BytesGone)?;
        if columns.is_empty() {
            return Err(NotKnown::NoTable { why: "model.bin is not a table".into() });
        }
        Ok(declared(columns).expect("types"))
    }
    fn source(&self, identity: &Identity, _: Option<&Arc<Vec<Column>>>) -> Columns {
        self.sources.get(&*identity.class).map(|columns| declared(columns).expect("types")).ok_or(NotKnown::BytesGone)
    }
    fn base(&self, identity: &Identity) -> Option<SnapshotId> {
        self.held.keys().position(|class| **class == *identity.class).map(|at| SnapshotId(at as i64))
    }
    fn newest(&self, class: &Name, label: &Name, _: &Name) -> Option<SnapshotId> {
        self.held.keys().position(|held| **held == **class && &**label == "prod").map(|at| SnapshotId(at as i64))
    }
    fn query(&self, id: SnapshotId) -> Option<(String, BTreeMap<String, serde_json::Value>)> {
        let class = self.held.keys().nth(usize::try_from(id.0).ok()?)?;
        Some((self.queries.get(class)?.clone(), BTreeMap::new()))
    }
    fn text(&self, path: &str) -> Option<String> {
        if path == "pipeline.formula" { Some(self.text.clone()) } else { self.files.get(path).cloned() }
    }
}

/// A line for everything that was found.
fn told(breaks: &Breaks) -> String {
    let mut lines = Vec::new();
    for table in &breaks.tables {
        let at = table.instance.as_ref().map_or("later".to_string(), ToString::to_string);
        let change = |change: &ColumnChange| match change {
            ColumnChange::Gone { column, was } => format!("-{column} {was}"),
            ColumnChange::Type { column, was, now } => format!("{column} {was} -> {now}"),
            ColumnChange::Nullable { column } => format!("{column} may be null"),
            ColumnChange::Added { column, now } => format!("+{column} {now}"),
        };
        lines.push(format!("{} ({at}): {}", table.class, table.columns.iter().map(change).collect::<Vec<_>>().join(", ")));
    }
    for consumer in &breaks.consumers {
        let reads = consumer.reads.as_deref().unwrap_or("itself");
        let planned = if consumer.planned { "" } else { ", not planned" };
        let head = format!("{} at {} for {reads}{planned}", consumer.classes.join("+"), consumer.place);
        lines.push(match &consumer.effect {
            Effect::WouldBreak { column, why } => format!("would break: {head}: {}: {why}", column.as_deref().unwrap_or("?")),
            Effect::MayBreak { column, mentions } => {
                let mentions: Vec<String> = mentions.iter().map(|m| format!("{}:{}", m.file, m.line)).collect();
                format!("may break: {head}: mentions {column} ({})", mentions.join(", "))
            }
        });
    }
    lines.extend(breaks.unchecked.iter().map(|u| format!("unchecked: {} for {}: {:?}", u.place, u.class, u.because)));
    lines.join("\n")
}

const PIPELINE: &str = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"

(raw, <DATE>, prod, dl) -> (clean, <DATE>, prod, dl) { sql """select id, region from raw""" }

(clean, <DATE>, prod, dl) -> (copies, <DATE>, prod, dl) { sql """select * from clean""" }

(copies, <DATE>, prod, dl) -> (report, <DATE>, prod, dl) { sql """select id, amount * 2 as twice from copies""" }

(clean, <DATE>, prod, dl) -> (model, <DATE>, prod, dl) {
    run """
        echo training
        python3 jobs/train.py in/clean.parquet amount > {{ output }}
    """
    uses "jobs/train.py"
}

(clean, <DATE>, prod, dl) + (raw, <DATE>, prod, dl) -> (joined, <DATE>, prod, dl) {
    sql """select clean.id, raw.amount from clean join raw on clean.id = raw.id"""
}
"#;

fn dropped(targets: &[&str]) -> Case {
    case(PIPELINE, targets)
        .source("raw", "id bigint, region text, amount double")
        .holds("clean", "id bigint, region text, amount double")
        .holds("copies", "id bigint, region text, amount double, date date")
        .holds("report", "id bigint, twice double")
        .holds("joined", "id bigint, amount double")
        .holds("model", "")
        .file("jobs/train.py", "import csv\nfor row in rows:\n    total += row['amount']\n    amounts = 1\n")
}

#[test]
fn a_dropped_column_is_followed_to_all_who_read_it() {
    // All of it planned.
    let targets = ["report@2024-01-01", "model@2024-01-01", "joined@2024-01-01"];
    let all = dropped(&targets).breaks(&["clean", "copies", "report", "model", "joined"], &["clean"]);
    assert_snapshot!(told(&all), @r"
    clean (clean@2024-01-01:pr-1/dl): -amount double
    copies (copies@2024-01-01:pr-1/dl): -amount double
    would break: report at pipeline.formula:8 for copies: amount: there is no column `amount`; there are `id`, `region`, `date`
    may break: model at pipeline.formula:10 for clean: mentions amount (jobs/train.py:3, pipeline.formula:13)
    ");
    // One class planned, the others read it.
    let one = dropped(&["clean@2024-01-01"]).breaks(&["clean"], &["clean"]);
    assert_snapshot!(told(&one), @r"
    clean (clean@2024-01-01:pr-1/dl): -amount double
    copies (later): -amount double
    would break: report at pipeline.formula:8 for copies, not planned: amount: there is no column `amount`; there are `id`, `region`, `date`
    may break: model at pipeline.formula:10 for clean, not planned: mentions amount (jobs/train.py:3, pipeline.formula:13)
    ");
    assert!(all.would_break() && one.would_break());
}

#[test]
fn who_reads_only_what_stays_does_not_break() {
    let case = dropped(&["joined@2024-01-01", "copies@2024-01-01"]).holds("clean", "id bigint, region text, amount double, other int");
    let text = case.text.replace("select id, region from raw", "select id, region, amount from raw");
    let case = Case { program: super::tests::case(&text, &["joined@2024-01-01"]).program, text, ..case };
    assert_snapshot!(told(&case.breaks(&["clean", "copies", "joined"], &["clean"])), @r"
    clean (clean@2024-01-01:pr-1/dl): -other int
    ");
}

#[test]
fn types_are_compared_where_they_are_kept() {
    let formulas = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (a, <DATE>, prod, dl) { sql """select id, cast(n as text) as n, region from raw""" }
(raw, <DATE>, prod, dl) -> (b, <DATE>, prod, dl) {
    sql """select id, cast(n as text) as n, cast(n as decimal(9, 2)) as price from raw"""
    format csv
}
(a, <DATE>, prod, dl) -> (c, <DATE>, prod, dl) { sql """select n + 1 as more, region from a""" }
(b, <DATE>, prod, dl) -> (d, <DATE>, prod, dl) { sql """select price + 1 as more, n + 1 as x from b""" }
"#;
    let case = case(formulas, &["c@2024-01-01", "d@2024-01-01"])
        .source("raw", "id bigint, region text, n bigint")
        .holds("a", "id bigint, n bigint, region text")
        .made_by("a", "select id, n, coalesce(region, '') as region from raw")
        .holds("b", "id bigint, n bigint, price double")
        .holds("c", "more bigint, region text")
        .holds("d", "more double, x int");
    assert_snapshot!(told(&case.breaks(&["a", "b", "c", "d"], &["a", "b"])), @r"
    a (a@2024-01-01:pr-1/dl): n bigint -> text, region may be null
    would break: c at pipeline.formula:8 for a: n: the query cannot be run: Cannot coerce arithmetic expression Utf8 + Int64 to valid types
    ");
    let case = case.made_by("b", "select id, n, cast(n as decimal(9, 2)) as price from raw");
    assert_snapshot!(told(&case.breaks(&["b"], &["b"])), @r#"
    b (b@2024-01-01:pr-1/dl): n bigint -> text
    unchecked: pipeline.formula:9 for b: Guessed { why: "the query cannot be run: Cannot coerce arithmetic expression Utf8 + Int64 to valid types" }
    "#);
}

#[test]
fn what_cannot_be_told_is_said() {
    let formulas = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (a, <DATE>, prod, dl) { run "cp {{ inputs.raw }} {{ output }}" }
(a, <DATE>, prod, dl) -> (b, <DATE>, prod, dl) { sql """select id from a""" }
(raw, <DATE>, prod, dl) -> (c, <DATE>, prod, dl) { sql """select id from raw""" }
(c, <DATE>, prod, dl) -> (d, <DATE>, prod, dl) { sql """select wrong from c""" }
(c, <DATE>, prod, dl) -> (e, <DATE>, prod, dl) { sql """select {{ c.hash[:x] }} from c""" }
"#;
    let mut case = case(formulas, &["b@2024-01-01", "c@2024-01-01"])
        .source("raw", "id bigint, v text")
        .holds("a", "id bigint")
        .holds("b", "id bigint")
        .holds("c", "id bigint, v text");
    assert_snapshot!(told(&case.breaks(&["a", "b", "c"], &["a", "c"])), @r#"
    c (c@2024-01-01:pr-1/dl): -v text
    unchecked: pipeline.formula:3 for a: Command
    unchecked: pipeline.formula:6 for c: NeverFitted { why: "there is no column `wrong`; there are `id`, `date`" }
    unchecked: pipeline.formula:7 for c: Template { why: "it depends on values that only a job has" }
    "#);
    // The source's bytes are gone, and the base's are no table.
    case.sources.clear();
    case = case.holds("b", "");
    assert_snapshot!(told(&case.breaks(&["b", "c"], &["b", "c"])), @r#"
    unchecked: pipeline.formula:4 for b: NoTable { why: "model.bin is not a table" }
    unchecked: pipeline.formula:5 for c: Input { name: "raw", because: BytesGone }
    "#);
}

#[test]
fn a_changed_query_that_does_not_fit_is_told_once() {
    let formulas = r#"
source (raw, <DATE>, prod, dl) from "raw/<DATE>.csv"
(raw, <DATE>, prod, dl) -> (a, <DATE>, prod, dl) { sql """select id from raw""" }
(a, <DATE>, prod, dl) -> (b, <DATE>, prod, dl) { sql """select id, v, 1 as one from a""" }
(b, <DATE>, prod, dl) -> (c, <DATE>, prod, dl) { sql """select id from b""" }
(raw, <DATE>, prod, dl) -> (d, <DATE>, prod, dl) { sql """select mistake from raw""" }
"#;
    let case = case(formulas, &["c@2024-01-01", "d@2024-01-01"])
        .source("raw", "id bigint, v text")
        .holds("a", "id bigint, v text")
        .holds("b", "id bigint, v text")
        .holds("c", "id bigint");
    assert_snapshot!(told(&case.breaks(&["a", "b", "c", "d"], &["a", "b", "d"])), @r"
    a (a@2024-01-01:pr-1/dl): -v text
    would break: b at pipeline.formula:4 for a: v: there is no column `v`; there are `id`, `date`
    would break: d at pipeline.formula:6 for itself: mistake: there is no column `mistake`; there are `id`, `v`, `date`
    ");
}

#[test]
fn a_rolling_table_begins_somewhere() {
    let formulas = r#"
source (changes, <DATE>, prod, dl) from "raw/<DATE>.csv"
(kept, <DATE-1d>, prod, dl)? + (changes, <DATE>, prod, dl) -> (kept, <DATE>, prod, dl) {
    since 2024-01-01
    sql   """select id, z from changes {% if inputs.kept %} union all select id, z from kept {% endif %}"""
}
(kept, <DATE>, prod, dl) -> (last, <DATE>, prod, dl) { sql """select id, v from kept""" }
"#;
    let case = case(formulas, &["kept@2024-01-03"])
        .source("changes", "id bigint, z text, v text")
        .holds("kept", "id bigint, v text")
        .holds("last", "id bigint, v text");
    assert_snapshot!(told(&case.breaks(&["kept"], &["kept"])), @r"
    kept (kept@2024-01-03:pr-1/dl): -v text, +z text
    would break: last at pipeline.formula:7 for kept, not planned: v: there is no column `v`; there are `id`, `z`, `date`
    ");
}
