//! The columns that a plan's jobs would give, formula by formula, and those that the base holds.
//!
//! What is true here: a formula is judged by one job of it, the newest, from the columns of what that job reads. Where the columns of
//! something that is made anew cannot be told, its readers are judged by those that the base holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::action::{Action, Plan, Step};
use super::breaks::NotKnown;
use crate::catalog::SnapshotId;
use crate::formula::program::{Column, Format, Formula, Kind, Program};
use crate::identity::{Identity, Name};
use crate::quality::Contracts;
use crate::recipe::{self, GivenPart};
use crate::resolve::{Graph, JobIx, NodeIx, Origin, Part};
use crate::table::{self, Known, KnownTable, TableError};

/// Where the last part of an input does not tell, so many more are looked at.
const PARTS: usize = 200;

/// The columns of some bytes.
pub type Columns = Result<Vec<Known>, NotKnown>;

type Declared<'a> = Option<&'a Arc<Vec<Column>>>;

/// What the check of columns asks of the outside.
pub trait Tables {
    /// Of a snapshot's data. `declared`: as its source says.
    fn snapshot(&self, id: SnapshotId, declared: Declared<'_>) -> Columns;
    /// Of a source's files as they are now.
    fn source(&self, identity: &Identity, declared: Declared<'_>) -> Columns;
    /// What an identity of the label stands for in the base.
    fn base(&self, identity: &Identity) -> Option<SnapshotId>;
    /// What the newest instance of a class stands for.
    fn newest(&self, class: &Name, label: &Name, repository: &Name) -> Option<SnapshotId>;
    /// The query that a snapshot was made by, and the params it read.
    fn query(&self, id: SnapshotId) -> Option<(String, BTreeMap<String, serde_json::Value>)>;
    /// A file of the project, where it is text.
    fn text(&self, path: &str) -> Option<String>;
}

/// A plan under a label with a base.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub program: &'a Program,
    pub graph: &'a Graph,
    pub plan: &'a Plan,
    pub label: &'a Name,
    /// The label's base, that one's base, and so on.
    pub bases: &'a [Name],
    /// Formulas whose own recipe is another than the base's results were made with.
    pub changed: &'a BTreeSet<usize>,
    pub contracts: &'a Contracts,
}

/// Which of two worlds columns are asked of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// What the base holds.
    Was,
    Now,
}

/// Why a formula's columns are not there.
#[derive(Clone)]
pub(super) enum Trouble {
    NotKnown(NotKnown),
    /// The engine refuses the query.
    Fails(Box<Refused>),
}

/// A query that does not fit its tables.
#[derive(Clone)]
pub(super) struct Refused {
    pub error: TableError,
    pub query: String,
    /// It may be for types that can only be guessed.
    pub guessed: bool,
}

impl Refused {
    pub fn new(error: TableError, query: &str, tables: &[KnownTable]) -> Box<Self> {
        let inexact = tables.iter().flat_map(|table| &table.columns).any(|column| !column.exact);
        let guessed = inexact && !matches!(error, TableError::UnknownColumn { .. } | TableError::UnknownTable { .. });
        Box::new(Self { error, query: query.to_string(), guessed })
    }
}

impl From<NotKnown> for Trouble {
    fn from(because: NotKnown) -> Self {
        Trouble::NotKnown(because)
    }
}

pub(super) type Made = Result<Vec<Known>, Trouble>;

/// What is known so far.
pub(super) struct Walk<'a> {
    pub s: Subject<'a>,
    pub tables: &'a dyn Tables,
    pub steps: HashMap<&'a Identity, &'a Step>,
    /// By formula, in topological order of the first job of each.
    pub jobs: Vec<(usize, Vec<JobIx>)>,
    made: HashMap<usize, Rc<Made>>,
    /// Formulas whose columns are being asked for.
    open: BTreeSet<usize>,
}

impl<'a> Walk<'a> {
    pub fn new(subject: &Subject<'a>, tables: &'a dyn Tables) -> Self {
        let mut jobs: Vec<(usize, Vec<JobIx>)> = Vec::new();
        let mut at = HashMap::new();
        for (index, job) in subject.graph.jobs.iter().enumerate() {
            let at = *at.entry(job.formula).or_insert_with(|| {
                jobs.push((job.formula, Vec::new()));
                jobs.len() - 1
            });
            jobs[at].1.push(JobIx(index as u32));
        }
        let steps = subject.plan.steps.iter().map(|step| (&step.identity, step)).collect();
        Self { s: *subject, tables, steps, jobs, made: HashMap::new(), open: BTreeSet::new() }
    }

    pub fn formula(&self, id: usize) -> &'a Formula {
        &self.s.program.formulas[id]
    }

    pub fn identity(&self, node: NodeIx) -> &'a Identity {
        &self.s.graph.nodes[node.0 as usize].identity
    }

    pub fn action(&self, node: NodeIx) -> Option<&'a Action> {
        self.steps.get(self.identity(node)).map(|step| &step.action)
    }

    /// The formula whose job makes a node anew.
    fn maker(&self, node: NodeIx) -> Option<usize> {
        let Origin::Job { job, .. } = &self.s.graph.nodes[node.0 as usize].origin else { return None };
        matches!(self.action(node)?, Action::Run { .. } | Action::MayRun { .. }).then(|| self.s.graph.jobs[job.0 as usize].formula)
    }

    /// Whether the plan makes a step's identity anew.
    pub fn anew(step: &Step) -> bool {
        matches!(step.action, Action::Run { .. } | Action::MayRun { .. })
    }

    pub fn jobs_of(&self, formula: usize) -> &[JobIx] {
        self.jobs.iter().find(|(id, _)| *id == formula).map_or(&[], |(_, jobs)| jobs)
    }

    /// The newest of the jobs that pass, those first of which the base holds something.
    pub fn newest(&self, formula: usize, pass: impl Fn(&Step) -> bool) -> Option<JobIx> {
        let first = |job: JobIx| self.s.graph.jobs[job.0 as usize].outputs[0];
        let passing =
            self.jobs_of(formula).iter().copied().filter(|job| self.steps.get(self.identity(first(*job))).is_some_and(|s| pass(s)));
        passing.max_by_key(|job| {
            let identity = self.identity(first(*job));
            (self.tables.base(identity).is_some(), &identity.instance)
        })
    }

    /// The columns that the jobs of a formula give which are made anew.
    pub fn made(&mut self, id: usize) -> Rc<Made> {
        if let Some(known) = self.made.get(&id) {
            return known.clone();
        }
        if !self.open.insert(id) {
            return Rc::new(self.beginning(id));
        }
        let made = match self.newest(id, Self::anew) {
            Some(job) => self.plan_job(Side::Now, job, self.formula(id)),
            None => Err(NotKnown::Nothing.into()),
        };
        self.open.remove(&id);
        let made = Rc::new(made);
        self.made.insert(id, made.clone());
        made
    }

    /// Of a formula that reads its own past: the columns of a job that has none.
    fn beginning(&self, id: usize) -> Made {
        let first = self.jobs_of(id).iter().copied().find(|job| {
            let parts = self.s.graph.jobs[job.0 as usize].inputs.iter().flatten();
            parts.into_iter().all(|part| self.maker(part.node).is_none())
        });
        let Some(job) = first else { return Err(NotKnown::Recursive.into()) };
        // Nothing that it reads is made anew, so that nothing is asked twice.
        let mut alone = Walk::new(&self.s, self.tables);
        alone.plan_job(Side::Now, job, self.formula(id))
    }

    /// What the query that the base's result was made by gives, over what the base holds.
    pub fn planned_before(&mut self, id: usize, job: JobIx) -> Option<Vec<Known>> {
        let base = self.tables.base(self.identity(self.s.graph.jobs[job.0 as usize].outputs[0]))?;
        let (text, params) = self.tables.query(base)?;
        let mut formula = self.formula(id).clone();
        formula.recipe.kind = Kind::Sql { text, origin: None };
        formula.recipe.params = params;
        self.plan_job(Side::Was, job, &formula).ok()
    }

    /// The columns that a job gives, were it made by this formula.
    pub fn plan_job(&mut self, side: Side, job: JobIx, formula: &Formula) -> Made {
        match self.plan_from(side, job, formula, 1) {
            // Other parts may have what the newest has not.
            Err(Trouble::Fails(_)) if self.s.graph.jobs[job.0 as usize].inputs.iter().any(|parts| parts.len() > 1) => {
                self.plan_from(side, job, formula, PARTS)
            }
            made => made,
        }
    }

    /// `parts`: so many of those that one maker has made are looked at.
    fn plan_from(&mut self, side: Side, job: JobIx, formula: &Formula, parts: usize) -> Made {
        let instance = &self.s.graph.jobs[job.0 as usize];
        let text = match &formula.recipe.kind {
            Kind::Run { .. } => return Err(NotKnown::Command.into()),
            Kind::Copy => return Ok(self.table(side, job, formula, 0, parts)?.map(|(columns, _)| columns).ok_or(NotKnown::Nothing)?),
            Kind::Sql { text, .. } => text,
        };
        let given = |part: &Part| GivenPart::unmade(self.identity(part.node).clone(), part.alternative, part.values.clone());
        let inputs: Vec<Vec<GivenPart>> = instance.inputs.iter().map(|parts| parts.iter().map(given).collect()).collect();
        let label = &self.identity(instance.outputs[0]).label;
        let query = recipe::query(self.s.program, formula, text, &instance.binding, label, &inputs)
            .map_err(|error| NotKnown::Template { why: error.to_string() })?;
        let names = table::tables(&query).map_err(|problem| Trouble::Fails(Refused::new(problem.into(), &query, &[])))?;
        let mut tables = Vec::new();
        for (index, input) in formula.inputs.iter().enumerate().filter(|(_, input)| names.iter().any(|name| **name == *input.name)) {
            if let Some((columns, class)) = self.table(side, job, formula, index, parts).map_err(|trouble| match trouble {
                Trouble::NotKnown(because) => NotKnown::Input { name: input.name.clone(), because: Box::new(because) }.into(),
                fails => fails,
            })? {
                tables.push(self.with_dimensions(&input.name, columns, &class));
            }
        }
        table::result(&query, &tables, written(formula).unwrap_or(Format::Parquet)).map_err(|error| match error {
            TableError::Engine { why } => NotKnown::Unreadable { why }.into(),
            error => Trouble::Fails(Refused::new(error, &query, &tables)),
        })
    }

    pub fn with_dimensions(&self, name: &Name, columns: Vec<Known>, class: &Name) -> KnownTable {
        let dimensions = self.s.program.classes.get(class).map(|class| table::dimension_columns(&class.dimensions)).unwrap_or_default();
        KnownTable { name: name.to_string(), columns }.with_dimensions(&dimensions)
    }

    /// An input's columns, with its class: those of all its makers together. Nothing where it has no parts.
    fn table(
        &mut self,
        side: Side,
        job: JobIx,
        formula: &Formula,
        index: usize,
        most: usize,
    ) -> Result<Option<(Vec<Known>, Name)>, Trouble> {
        let Some(parts) = self.s.graph.jobs[job.0 as usize].inputs.get(index) else { return Ok(None) };
        // A few parts of each maker tell for all: the last ones.
        let mut groups: BTreeMap<(bool, bool, usize), Vec<&Part>> = BTreeMap::new();
        for part in parts.iter().rev() {
            let of = match (&self.s.graph.nodes[part.node.0 as usize].origin, self.maker(part.node)) {
                (_, Some(formula)) if side == Side::Now => (false, false, formula),
                (Origin::Job { job, .. }, _) => (true, false, self.s.graph.jobs[job.0 as usize].formula),
                (Origin::Source { source, .. }, _) => (true, true, *source),
                _ => (true, true, usize::MAX),
            };
            let group = groups.entry(of).or_default();
            // What is made anew is one for all.
            if group.len() < if of.0 { most } else { 1 } {
                group.push(part);
            }
        }
        let mut joined: Option<Vec<Known>> = None;
        let mut class = None;
        for part in groups.into_values().flatten() {
            let identity = self.identity(part.node);
            class.get_or_insert_with(|| identity.class.clone());
            let declared = formula.inputs.get(index).and_then(|i| i.alternatives.get(part.alternative)).and_then(|a| a.columns.as_ref());
            let mut columns = self.part(side, part.node, declared)?;
            if side == Side::Was
                && let Ok(now) = self.part(Side::Now, part.node, declared)
            {
                // Nulls that come with other data are no change of this query.
                let nulls = |name: &str| now.iter().find(|column| column.name == name).is_none_or(|column| column.nullable);
                columns.iter_mut().for_each(|column| column.nullable |= nulls(&column.name));
            }
            joined = Some(match joined {
                None => columns,
                Some(before) => join(before, columns)?,
            });
        }
        Ok(joined.zip(class))
    }

    fn part(&mut self, side: Side, node: NodeIx, declared: Declared<'_>) -> Columns {
        let identity = self.identity(node);
        if side == Side::Now
            && let Some(maker) = self.maker(node)
        {
            return match &*self.made(maker) {
                Ok(columns) => {
                    let format = written(self.formula(maker)).unwrap_or(Format::Parquet);
                    Ok(columns.iter().cloned().map(|column| column.read_from(format)).collect())
                }
                // It is told of the maker itself.
                Err(_) => self.held(identity, declared),
            };
        }
        match self.action(node) {
            _ if side == Side::Was && identity.label == *self.s.label && self.tables.base(identity).is_some() => {
                self.held(identity, declared)
            }
            Some(
                Action::Valid { snapshot }
                | Action::Inherited { snapshot, .. }
                | Action::StaleInBase { snapshot, .. }
                | Action::Reuse { snapshot, .. }
                | Action::Published { snapshot }
                | Action::Held { snapshot: Some(snapshot), .. },
            ) => self.tables.snapshot(*snapshot, declared),
            Some(Action::Source { .. }) => match (self.tables.source(identity, declared), declared) {
                (Err(_), Some(declared)) => table::columns::declared(declared).map_err(|error| NotKnown::of(&error)),
                (columns, _) => columns,
            },
            _ => self.held(identity, declared),
        }
    }

    /// The columns that the base holds: of the identity, or of its class.
    fn held(&self, identity: &Identity, declared: Declared<'_>) -> Columns {
        let of_class = || self.s.bases.iter().find_map(|base| self.tables.newest(&identity.class, base, &identity.repository));
        let snapshot = self.tables.base(identity).or_else(of_class).ok_or(NotKnown::Nothing)?;
        self.tables.snapshot(snapshot, declared)
    }
}

/// In what format a query's rows are written; nothing for other recipes.
pub(super) fn written(formula: &Formula) -> Option<Format> {
    if matches!(formula.recipe.kind, Kind::Sql { .. }) { recipe::format_of(formula) } else { None }
}

/// The columns of two tables, one below the other.
fn join(mut before: Vec<Known>, columns: Vec<Known>) -> Result<Vec<Known>, Trouble> {
    for one in &mut before {
        one.nullable |= columns.iter().all(|column| column.name != one.name || column.nullable);
    }
    for column in columns {
        match before.iter_mut().find(|there| there.name == column.name) {
            None => before.push(Known { nullable: true, ..column }),
            Some(there) if there.ty == column.ty => {}
            Some(there) if !there.exact || !column.exact => there.exact = false,
            Some(there) => {
                let (was, now) = (column.type_name(), there.type_name());
                let why = format!("column `{}` is {now} where it is made anew, and {was} in what stays", column.name);
                return Err(Trouble::Fails(Refused::new(TableError::Planning { why }, "", &[])));
            }
        }
    }
    Ok(before)
}
