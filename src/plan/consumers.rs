//! Who reads what a label's changes take away.
//!
//! What is true here: a class's columns are compared with those of the bytes that the base holds. A reader of which the plan makes nothing is
//! planned with made-up values; what it gives is followed to its own readers, to the end.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::action::{Action, Owed, Step};
use super::breaks::{Breaks, ColumnChange, Consumer, Effect, Mention, NotKnown, TableChange, Unchecked, blamed, compare, mentions};
use super::columns::{Refused, Side, Subject, Tables, Trouble, Walk, written};
use crate::diagnostic::Severity;
use crate::formula::program::{Alternative, Format, Formula, Input, Kind};
use crate::identity::{Identity, Instance, Name};
use crate::quality;
use crate::recipe;
use crate::table::{self, Known, KnownTable, TableError};

/// Checks the columns of all that a label changed.
pub fn breaks(subject: &Subject<'_>, tables: &dyn Tables) -> Breaks {
    let mut check = Check { walk: Walk::new(subject, tables), news: Vec::new(), found: Breaks::default() };
    let formulas: Vec<usize> = check.walk.jobs.iter().map(|(formula, _)| *formula).collect();
    for formula in formulas {
        check.look(formula);
    }
    let mut next = 0;
    while let Some(news) = check.news.get(next).cloned() {
        for reader in check.readers(&news) {
            check.read(reader, &news);
        }
        next += 1;
    }
    let mut found = check.found;
    found.consumers.sort_by_key(|c| (matches!(c.effect, Effect::MayBreak { .. }), c.place.clone(), c.title.clone()));
    found
}

/// A class whose columns change.
struct News {
    class: Name,
    repository: Name,
    /// As who reads them sees them.
    was: Vec<Known>,
    now: Vec<Known>,
    changes: Vec<ColumnChange>,
    by: usize,
}

struct Check<'a> {
    walk: Walk<'a>,
    news: Vec<Rc<News>>,
    found: Breaks,
}

impl<'a> Check<'a> {
    /// Whether a step makes, or made, something else than the base holds.
    fn differs(&self, step: &Step) -> bool {
        match &step.action {
            Action::Run { .. } | Action::MayRun { .. } | Action::Reuse { .. } => step.owed == Some(Owed::Change),
            Action::Valid { snapshot } => self.walk.tables.base(&step.identity).is_some_and(|base| base != *snapshot),
            _ => false,
        }
    }

    /// Compares what a formula's outputs will be with what the base holds.
    fn look(&mut self, id: usize) {
        let formula = self.walk.formula(id);
        if formula.label() != Some(self.walk.s.label) {
            return;
        }
        let Some(job) = self.walk.newest(id, |step| self.differs(step)) else { return };
        for (output, node) in self.walk.s.graph.jobs[job.0 as usize].outputs.iter().enumerate() {
            let identity = self.walk.identity(*node);
            let was = self.walk.tables.base(identity).ok_or(NotKnown::Nothing).and_then(|id| self.walk.tables.snapshot(id, None));
            let (now, format) = match self.walk.action(*node) {
                Some(Action::Run { .. } | Action::MayRun { .. }) => ((*self.walk.made(id)).clone(), written(formula)),
                Some(Action::Reuse { snapshot, .. } | Action::Valid { snapshot }) => {
                    (self.walk.tables.snapshot(*snapshot, None).map_err(Trouble::from), None)
                }
                _ => continue,
            };
            let program = self.walk.s.program;
            let read_by_sql = || program.formulas.iter().any(|f| sql(f) && reads(f, &identity.class) && f.id != id);
            match (was, now) {
                (_, Err(Trouble::Fails(refused))) => {
                    if output == 0 && self.walk.s.changed.contains(&id) {
                        self.refuses(formula, &refused);
                    }
                }
                // There is nothing that anybody could miss.
                (Err(NotKnown::Nothing), _) => {}
                // A command's columns matter where somebody asks for them.
                (_, Err(Trouble::NotKnown(NotKnown::Command))) if !(self.walk.s.changed.contains(&id) && read_by_sql()) => {}
                (_, Err(Trouble::NotKnown(NotKnown::NoTable { .. }))) | (Err(NotKnown::NoTable { .. }), _)
                    if !sql(formula) && !read_by_sql() => {}
                (_, Err(Trouble::NotKnown(because))) | (Err(because), _) => self.unchecked(formula, &identity.class, because),
                (Ok(was), Ok(now)) => {
                    let planned = format.and_then(|_| self.walk.planned_before(id, job));
                    let changes = compare(&was, planned.as_deref(), &now, format);
                    let now = now.into_iter().map(|column| column.read_from(format.unwrap_or(Format::Parquet))).collect();
                    self.tell(id, identity, Some(identity.clone()), was, now, changes);
                }
            }
        }
    }

    fn tell(&mut self, by: usize, of: &Identity, instance: Option<Identity>, was: Vec<Known>, now: Vec<Known>, changes: Vec<ColumnChange>) {
        if changes.is_empty() {
            return;
        }
        let Formula { title, place, .. } = self.walk.formula(by);
        let (class, repository) = (of.class.clone(), of.repository.clone());
        let same = |t: &TableChange| t.class == class && t.repository == repository && t.place == *place && t.columns == changes;
        if !self.found.tables.iter().any(same) {
            let (class, repository, columns) = (class.clone(), repository.clone(), changes.clone());
            self.found.tables.push(TableChange { class, repository, title: title.clone(), place: place.clone(), instance, columns });
        }
        self.held_to_its_contract(&class, &was, &now, &changes);
        self.news.push(Rc::new(News { class, repository, was, now, changes, by }));
    }

    /// What the contract of a class says of its columns, and holds no longer.
    fn held_to_its_contract(&mut self, class: &Name, was: &[Known], now: &[Known], changes: &[ColumnChange]) {
        let Some(contract) = self.walk.s.contracts.of(class) else { return };
        let before = quality::check(contract, Some(was));
        let broken = quality::check(contract, Some(now)).into_iter().filter(|problem| problem.severity == Severity::Error);
        let text = self.walk.tables.text(&contract.file).unwrap_or_default();
        let line = |at: usize| text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        let mut found: Vec<(usize, Effect)> = Vec::new();
        for problem in broken.filter(|problem| !before.contains(problem)) {
            let at = problem.labels.first().map_or(0, |(place, _)| place.start);
            let column = changes.iter().map(ColumnChange::column).find(|column| problem.message.contains(&format!("`{column}`")));
            found.push((line(at), Effect::WouldBreak { column: column.map(str::to_string), why: problem.message }));
        }
        for change in changes {
            let ColumnChange::Nullable { column } = change else { continue };
            let Some(required) = contract.columns.iter().find(|known| known.name == *column && known.required) else { continue };
            let at = line(required.at.0);
            let mentions = vec![Mention { file: contract.file.clone(), line: at }];
            found.push((at, Effect::MayBreak { column: column.clone(), mentions }));
        }
        for (at, effect) in found {
            let (title, place) = (format!("the contract of {class}"), format!("{}:{at}", contract.file));
            self.found.consumers.push(Consumer {
                title,
                place,
                classes: vec![class.clone()],
                reads: Some(class.clone()),
                planned: true,
                effect,
            });
        }
    }

    /// A changed query does not fit what it reads.
    fn refuses(&mut self, formula: &'a Formula, refused: &Refused) {
        let Refused { error, query, guessed } = refused;
        if *guessed {
            let class = formula.outputs[0].pattern.class.clone();
            return self.unchecked(formula, &class, NotKnown::Guessed { why: error.to_string() });
        }
        let taken = |news: &News, column: &str| news.changes.iter().any(|change| change.takes() && change.column() == column);
        let at_fault = |news: &Rc<News>| {
            let column = blamed(error, query, &news.changes).filter(|column| taken(news, column))?;
            Some((news.class.clone(), column))
        };
        let (reads, column) = match self.news.iter().rev().filter(|news| reads(formula, &news.class)).find_map(at_fault) {
            Some((class, column)) => (Some(class), Some(column)),
            None => (None, blamed(error, query, &[])),
        };
        self.consumer(formula, reads, Effect::WouldBreak { column, why: error.to_string() });
    }

    fn consumer(&mut self, formula: &Formula, reads: Option<Name>, effect: Effect) {
        let mut classes: Vec<Name> = formula.outputs.iter().map(|output| output.pattern.class.clone()).collect();
        classes.dedup();
        let planned = !self.walk.jobs_of(formula.id).is_empty();
        let consumer = Consumer { title: formula.title.clone(), place: formula.place.clone(), classes, reads, planned, effect };
        if !self.found.consumers.contains(&consumer) {
            self.found.consumers.push(consumer);
        }
    }

    fn unchecked(&mut self, formula: &Formula, class: &Name, because: NotKnown) {
        let (title, place) = (formula.title.clone(), formula.place.clone());
        let unchecked = Unchecked { title, place, class: class.clone(), because };
        if !self.found.unchecked.contains(&unchecked) {
            self.found.unchecked.push(unchecked);
        }
    }

    /// Formulas that read a class whose columns change, each once: the label's, and those of others that read the base.
    fn readers(&self, news: &News) -> Vec<usize> {
        let mut seen = BTreeSet::new();
        let named = |formula: &Formula, label: &Name| {
            let patterns = formula.inputs.iter().flat_map(|i| &i.alternatives).flat_map(|a| a.pattern.all());
            patterns.into_iter().any(|p| p.class == news.class && p.repository == news.repository && p.label == *label)
        };
        let reading = self.walk.s.program.formulas.iter().filter(|formula| {
            let own = formula.label() == Some(self.walk.s.label) && named(formula, self.walk.s.label);
            let base = |label: &Name| self.walk.s.bases.contains(label);
            let foreign = || !formula.label().is_some_and(|label| label == self.walk.s.label || base(label));
            own || (foreign() && self.walk.s.bases.iter().any(|label| named(formula, label)))
        });
        reading.filter(|formula| formula.id != news.by && seen.insert(self.root(formula))).map(|formula| formula.id).collect()
    }

    fn root(&self, formula: &Formula) -> usize {
        formula.of.map_or(formula.id, |of| self.root(self.walk.formula(of)))
    }

    fn read(&mut self, id: usize, news: &News) {
        let formula = self.walk.formula(id);
        match &formula.recipe.kind {
            Kind::Run { .. } => {
                let texts = self.texts(formula);
                for change in news.changes.iter().filter(|change| change.takes()) {
                    let mentions = mentions(&texts, change.column());
                    if !mentions.is_empty() {
                        let column = change.column().to_string();
                        self.consumer(formula, Some(news.class.clone()), Effect::MayBreak { column, mentions });
                    }
                }
            }
            Kind::Copy if self.is_planned(id) => {}
            Kind::Copy => self.pass_on(formula, news.was.clone(), news.now.clone(), news.changes.clone()),
            Kind::Sql { .. } if self.is_planned(id) => self.read_planned(formula, news),
            Kind::Sql { text, .. } => self.read_elsewhere(formula, text, news),
        }
    }

    /// The plan makes it anew, so that [`Walk::look`] tells of its own columns.
    fn is_planned(&self, id: usize) -> bool {
        self.walk.newest(id, Walk::anew).is_some()
    }

    fn read_planned(&mut self, formula: &'a Formula, news: &News) {
        let Err(Trouble::Fails(refused)) = &*self.walk.made(formula.id) else { return };
        // A changed query that does not fit is told already.
        if self.walk.s.changed.contains(&formula.id) {
            return;
        }
        let before = self.walk.newest(formula.id, Walk::anew).map(|job| self.walk.plan_job(Side::Was, job, formula));
        self.judge_reader(formula, news, refused, matches!(before, Some(Ok(_))));
    }

    /// `fitted`: it goes with what the base holds.
    fn judge_reader(&mut self, formula: &Formula, news: &News, refused: &Refused, fitted: bool) {
        let why = refused.error.to_string();
        match (fitted, refused.guessed) {
            (true, false) => {
                let effect = Effect::WouldBreak { column: blamed(&refused.error, &refused.query, &news.changes), why };
                self.consumer(formula, Some(news.class.clone()), effect);
            }
            (true, true) => self.unchecked(formula, &news.class, NotKnown::Guessed { why }),
            (false, _) => self.unchecked(formula, &news.class, NotKnown::NeverFitted { why }),
        }
    }

    /// A reader of which the plan makes nothing: with made-up values, and the newest of all else that it reads.
    fn read_elsewhere(&mut self, formula: &'a Formula, text: &str, news: &News) {
        let queries = recipe::queries(self.walk.s.program, formula, text);
        if queries.is_empty() {
            let why = "it depends on values that only a job has".to_string();
            return self.unchecked(formula, &news.class, NotKnown::Template { why });
        }
        for (at, query) in queries.iter().enumerate() {
            let (was, now) = match (self.tables_of(formula, query, news, Side::Was), self.tables_of(formula, query, news, Side::Now)) {
                (Ok(was), Ok(now)) => (was, now),
                (Err(because), _) | (_, Err(because)) => return self.unchecked(formula, &news.class, because),
            };
            let format = written(formula).unwrap_or(Format::Parquet);
            let before = table::result(query, &was, format);
            match table::result(query, &now, format) {
                Err(TableError::Engine { why }) => return self.unchecked(formula, &news.class, NotKnown::Unreadable { why }),
                Err(error) => return self.judge_reader(formula, news, &Refused::new(error, query, &now), before.is_ok()),
                Ok(after) if at == 0 => {
                    let Ok(before) = before else { continue };
                    let changes = compare(&before, Some(&before), &after, None);
                    let seen = |columns: Vec<Known>| columns.into_iter().map(|column| column.read_from(format)).collect();
                    self.pass_on(formula, seen(before), seen(after), changes);
                }
                Ok(_) => {}
            }
        }
    }

    /// What changes in a reader's own columns, for its readers.
    fn pass_on(&mut self, formula: &'a Formula, was: Vec<Known>, now: Vec<Known>, changes: Vec<ColumnChange>) {
        for output in &formula.outputs {
            let (class, repository) = (output.pattern.class.clone(), output.pattern.repository.clone());
            // Once: a circle of classes must end.
            if self.news.iter().any(|news| news.class == class && news.by == formula.id) {
                continue;
            }
            let of = Identity { class, instance: Instance::new([]), label: self.walk.s.label.clone(), repository };
            self.tell(formula.id, &of, None, was.clone(), now.clone(), changes.clone());
        }
    }

    fn tables_of(&self, formula: &Formula, query: &str, news: &News, side: Side) -> Result<Vec<KnownTable>, NotKnown> {
        let names = table::tables(query).unwrap_or_default();
        let mut tables = Vec::new();
        for input in formula.inputs.iter().filter(|input| names.iter().any(|name| **name == *input.name)) {
            let (columns, class) = self.of_class(input, news, side)?;
            tables.push(self.walk.with_dimensions(&input.name, columns, &class));
        }
        Ok(tables)
    }

    /// The columns of the class that an input names: of what changes first, else the newest that there is.
    fn of_class(&self, input: &Input, news: &News, side: Side) -> Result<(Vec<Known>, Name), NotKnown> {
        let changed = |alternative: &Alternative| {
            let pattern = alternative.pattern.all().first().copied()?.clone();
            let of = |n: &News| n.class == pattern.class && n.repository == pattern.repository;
            let found = if of(news) { Some(news) } else { self.news.iter().map(Rc::as_ref).find(|n| of(n)) }?;
            Some((if side == Side::Now { &found.now } else { &found.was }.clone(), found.class.clone()))
        };
        if let Some(found) = input.alternatives.iter().find_map(changed) {
            return Ok(found);
        }
        let mut because = NotKnown::Nothing;
        for alternative in &input.alternatives {
            let Some(pattern) = alternative.pattern.all().first().copied() else { continue };
            let labels = std::iter::once(&pattern.label).chain(self.walk.s.bases.iter().filter(|_| pattern.label == *self.walk.s.label));
            let declared = alternative.columns.as_ref();
            let mut there = labels.into_iter().filter_map(|label| self.walk.tables.newest(&pattern.class, label, &pattern.repository));
            let columns = match (there.next(), declared) {
                (Some(snapshot), _) => self.walk.tables.snapshot(snapshot, declared),
                (None, Some(declared)) => table::columns::declared(declared).map_err(|error| NotKnown::of(&error)),
                (None, None) => continue,
            };
            match columns {
                Ok(columns) => return Ok((columns, pattern.class.clone())),
                Err(why) => because = why,
            }
        }
        Err(NotKnown::Input { name: input.name.clone(), because: Box::new(because) })
    }

    /// A command's text with its place, and its code files.
    fn texts(&self, formula: &Formula) -> Vec<(String, usize, String)> {
        let Kind::Run { text: script } = &formula.recipe.kind else { return Vec::new() };
        let mut texts = Vec::new();
        if let Some((file, head)) = formula.place.rsplit_once(':') {
            let text = self.walk.tables.text(file).unwrap_or_default();
            let span = &formula.recipe_span;
            let first = script.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            texts.push(match text.get(span.start..span.end).filter(|there| there.contains(first)) {
                Some(there) => (file.to_string(), 1 + text[..span.start].matches('\n').count(), there.to_string()),
                // Written elsewhere: its formula's head stands for it.
                None => (file.to_string(), head.parse().unwrap_or(1), script.replace('\n', " ")),
            });
        }
        for file in &formula.recipe.uses {
            texts.extend(self.walk.tables.text(&file.path).map(|text| (file.path.clone(), 1, text)));
        }
        texts
    }
}

fn sql(formula: &Formula) -> bool {
    matches!(formula.recipe.kind, Kind::Sql { .. })
}

fn reads(formula: &Formula, class: &Name) -> bool {
    formula.inputs.iter().flat_map(|input| &input.alternatives).flat_map(|a| a.pattern.all()).any(|pattern| pattern.class == *class)
}
