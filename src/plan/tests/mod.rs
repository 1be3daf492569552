//! Plans under a label with a base, on small programs and a made-up outside: what becomes of columns, and what changes come down to.

mod columns;
pub(crate) mod review;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use super::breaks::{Breaks, ColumnChange, Effect, NotKnown};
use super::columns::{Columns, Subject, Tables};
use super::consumers::breaks;
use super::review::Facts;
use super::{Action, Owed, Plan, Review, SourceState, Step};
use crate::catalog::{Outcome, Run, RunId, RunInput, SnapshotId};
use crate::digest::{ContentHash, FixedHash, Key, of_bytes};
use crate::formula::program::{Bases, Column, Formula, Program, Source};
use crate::formula::{Files, Settings, compile};
use crate::identity::target::Target;
use crate::identity::{Binding, Identity, Name};
use crate::resolve::{Graph, JobIx, NodeIx, Offer, Origin, Resolver, Standing, World};
use crate::table::columns::declared;
use crate::validity::{Reason, Recipes};

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
pub(crate) struct Case {
    pub text: String,
    pub program: Program,
    pub graph: Graph,
    /// Columns of the class's results in the base, `id int, v text`; classes that have none there are no tables, or are not there.
    held: BTreeMap<String, Vec<Column>>,
    /// Columns of sources, as they are now, by class or by class and instance.
    sources: BTreeMap<String, Vec<Column>>,
    /// The query by which the base's result was made.
    queries: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
}

fn columns(text: &str) -> Vec<Column> {
    let column = |text: &str| text.trim().split_once(' ').map(|(name, ty)| Column { name: name.into(), ty: ty.into() });
    text.split(", ").filter_map(column).collect()
}

pub(crate) fn case(formulas: &str, targets: &[&str]) -> Case {
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
    pub fn holds(mut self, class: &str, text: &str) -> Self {
        self.held.insert(class.into(), columns(text));
        self
    }

    pub fn source(mut self, class: &str, text: &str) -> Self {
        self.sources.insert(class.into(), columns(text));
        self.holds(class, text)
    }

    pub fn file_of(mut self, source: &str, text: &str) -> Self {
        self.sources.insert(source.into(), columns(text));
        self
    }

    pub fn made_by(mut self, class: &str, query: &str) -> Self {
        self.queries.insert(class.into(), query.into());
        self
    }

    pub fn file(mut self, path: &str, text: &str) -> Self {
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

    pub fn breaks(&self, run: &[&str], changed: &[&str]) -> Breaks {
        self.breaks_of(&self.plan(run), changed)
    }

    fn breaks_of(&self, plan: &Plan, changed: &[&str]) -> Breaks {
        let own = self.program.formulas.iter().filter(|formula| changed.contains(&&*formula.outputs[0].pattern.class));
        let changed: BTreeSet<usize> = own.map(|formula| formula.id).collect();
        let bases = ["prod".into()];
        let (program, graph, label) = (&self.program, &self.graph, &"pr-1".into());
        let contract = |(path, text): (&String, &String)| {
            let class = path.strip_prefix("contracts/")?.strip_suffix(".yaml")?;
            crate::quality::read(path, text, class).0
        };
        let contracts = &crate::quality::Contracts::new(self.files.iter().filter_map(contract));
        breaks(&Subject { program, graph, plan, label, bases: &bases, changed: &changed, contracts }, self)
    }

    /// Runs by which the base's results were made, with the formulas that stood there then.
    fn runs(&self, then: &str) -> HashMap<JobIx, Run> {
        let old = case(then, &[]).program;
        let recipes = Recipes::new(&old, &BTreeMap::new());
        let now = Recipes::new(&self.program, &BTreeMap::new());
        let shape = |formula: usize| now.0[formula].shape;
        let mut runs = HashMap::new();
        for (index, job) in self.graph.jobs.iter().enumerate() {
            let identity = &self.graph.nodes[job.outputs[0].0 as usize].identity;
            let makes = |f: &&Formula| f.outputs[0].pattern.class == identity.class && f.label().is_some_and(|label| &**label == "prod");
            let Some(formula) = old.formulas.iter().find(makes).filter(|_| self.held.contains_key(&*identity.class)) else { continue };
            let recipe = &recipes.0[formula.id];
            // Another window: it read a part less.
            let less = usize::from(self.program.formulas[job.formula].of.is_some() && shape(job.formula) != recipe.shape);
            let read = formula.inputs.iter().zip(&job.inputs);
            let read = read.flat_map(|(input, parts)| parts.iter().skip(less).map(move |part| (input, part)));
            let read = read.map(|(input, part)| RunInput {
                name: input.name.clone(),
                identity: self.graph.nodes[part.node.0 as usize].identity.clone(),
                snapshot: SnapshotId(0),
                content: of_bytes(b""),
            });
            let run = Run {
                id: RunId(index as i64),
                formula: formula.title.clone(),
                place: formula.place.clone(),
                label: "prod".into(),
                key: Key([0; 32]),
                fixed: FixedHash([0; 32]),
                fingerprint: recipe.fingerprint,
                shape: Some(recipe.shape),
                recipe: recipe.to_json(),
                variables: "{\"reads sets.shops\":\"[1]\"}".into(),
                effect: false,
                inputs: read.collect(),
                outputs: vec![],
                started: 0,
                seconds: 1.0,
                outcome: Outcome::Succeeded,
                message: None,
                attempts: 1,
                folder: String::new(),
                user: "ana".into(),
            };
            runs.insert(JobIx(index as u32), run);
        }
        runs
    }

    /// The review of a plan, where the base's results were made by the formulas `then`.
    pub fn review(&self, plan: &Plan, then: &str, unmade: &[(Identity, String, String)]) -> Review {
        let recipes = Recipes::new(&self.program, &BTreeMap::new());
        let made = self.runs(then);
        let of = |node: &NodeIx| &self.graph.nodes[node.0 as usize].identity;
        let owed =
            |job: &crate::resolve::Instance| plan.steps.iter().find(|step| step.identity == *of(&job.outputs[0])).and_then(|s| s.owed);
        let changed: Vec<bool> = self.graph.jobs.iter().map(|job| owed(job) == Some(Owed::Change)).collect();
        let values = made.keys().map(|job| (*job, "{\"reads sets.shops\":\"[1]\"}".to_string())).collect();
        let held = self.held.keys().map(|class| (Name::from(class.as_str()), "dl".into())).collect();
        let (program, graph, recipes) = (&self.program, &self.graph, &recipes);
        let (label, base, made, values, held) = (&"pr-1".into(), &"prod".into(), &made, &values, &held);
        let facts = Facts { program, graph, plan, recipes, label, base, changed: &changed, made, values, held, unmade };
        let formulas = super::review::formulas(&facts);
        let changed: Vec<String> = formulas.iter().flat_map(|f| f.classes.iter().map(|class| class.to_string())).collect();
        let breaks = self.breaks_of(plan, &changed.iter().map(String::as_str).collect::<Vec<_>>());
        super::review::review(&facts, formulas, breaks)
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
        let of = self.sources.get(&format!("{}@{}", identity.class, identity.instance)).or_else(|| self.sources.get(&*identity.class));
        of.map(|columns| declared(columns).expect("types")).ok_or(NotKnown::BytesGone)
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
