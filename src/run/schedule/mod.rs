//! The run: jobs in parallel, decided when what they read is settled, committed in groups.
//!
//! # Approach
//!
//! One thread decides: it alone knows states, keys and the catalog. Worker threads make: each takes a task, runs it in a fresh folder, hashes its outputs
//! and moves them into the store. Results come back through a channel; all that have arrived are sealed (synced) together and committed in one
//! transaction, and only then are they settled, reported done, and their readers judged.
//!
//! In this order below: `run` (the loop), judging, starting. How jobs end, well or not: `ending`.

mod ending;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::event::{Event, Summary};
use super::resources::Resources;
use super::state::{State, States};
use super::workers::{Ended, Work, worker};
use super::workshop::{Held, Task, Workshop};
use crate::catalog::{Actor, Catalog, CatalogError, Change, Current, Made, RunId, Snapshot, Timestamp};
use crate::digest::Key;
use crate::executor::Cancel;
use crate::identity::Name;
use crate::plan::{Action, Condition, Decision, Draft, Judge, Step, Verdict};
use crate::resolve::{JobIx, NodeIx};
use crate::validity::{Keys, Reason};

/// How to run.
pub struct Options {
    /// Parallel jobs.
    pub jobs: usize,
    /// After a failure, go on with what does not depend on it.
    pub keep_going: bool,
    /// Capacities of `cpu`, `memory`, `gpu` and the pools.
    pub capacity: BTreeMap<String, u64>,
    pub actor: Actor,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
    /// Only these jobs may run; `None`: all.
    pub may_run: Option<BTreeSet<JobIx>>,
    /// What contracts warned of before: of sources.
    pub warnings: usize,
}

/// What ends a run before its jobs do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error("what was made could not be kept: {0}")]
    Store(String),
}

struct Decided {
    job: JobIx,
    keys: Keys,
    why: Reason,
    attempt: u32,
}

/// What is made once: a key in the outputs' repositories.
type Place = (Key, Vec<Name>);

pub struct Scheduler<'a, 'e> {
    judge: Judge<'a>,
    catalog: &'a dyn Catalog,
    workshop: &'a dyn Workshop,
    options: &'a Options,
    cancel: &'a Cancel,
    events: &'e mut dyn FnMut(&Event),
    states: States,
    verdicts: Vec<Verdict>,
    forced: HashMap<JobIx, Reason>,
    resources: Resources,
    /// Decided to run, waiting for resources or a worker.
    queue: VecDeque<Decided>,
    delayed: Vec<(Instant, Decided)>,
    /// What is being made, and who waits to use it.
    making: HashMap<Place, (JobIx, Vec<JobIx>)>,
    running: HashMap<JobIx, (Keys, Reason)>,
    /// Results of earlier runs that somebody has to look at first.
    looking: VecDeque<(Task, Keys, Reason)>,
    reused: Vec<(JobIx, Made, Reason)>,
    /// Pointers that go with the next commit.
    withdrawn: Vec<Change>,
    summary: Summary,
    stopping: bool,
}

impl<'a, 'e> Scheduler<'a, 'e> {
    pub fn new(
        judge: Judge<'a>,
        draft: Draft,
        catalog: &'a dyn Catalog,
        workshop: &'a dyn Workshop,
        options: &'a Options,
        cancel: &'a Cancel,
        events: &'e mut dyn FnMut(&Event),
    ) -> Self {
        let states = States::new(judge.graph);
        // Blocked without a job that could make it; blocked jobs are counted by their states.
        let jobless = |step: &&Step| step.job.is_none() && matches!(step.action, Action::Blocked { .. });
        let blocked = draft.plan.steps.iter().filter(jobless).count();
        Self {
            states,
            resources: Resources::new(options.capacity.clone()),
            judge,
            catalog,
            workshop,
            options,
            cancel,
            events,
            verdicts: draft.verdicts,
            forced: draft.forced.into_iter().collect(),
            queue: VecDeque::new(),
            delayed: Vec::new(),
            making: HashMap::new(),
            running: HashMap::new(),
            looking: VecDeque::new(),
            reused: Vec::new(),
            withdrawn: Vec::new(),
            summary: Summary { blocked, warnings: options.warnings, ..Summary::default() },
            stopping: false,
        }
    }

    /// Runs to the end; what was committed stays, whatever happens.
    pub fn run(mut self) -> Result<Summary, RunError> {
        let start = Instant::now();
        self.begin();
        let work = Work::default();
        let (done, results) = mpsc::channel();
        let outcome = std::thread::scope(|scope| {
            let workers =
                self.verdicts.iter().filter(|v| !v.is_settled() && !matches!(v, Verdict::Blocked(_))).count().min(self.options.jobs);
            for _ in 0..workers {
                let (work, done) = (&work, done.clone());
                let (workshop, cancel) = (self.workshop, self.cancel);
                scope.spawn(move || worker(work, &done, workshop, cancel));
            }
            let outcome = self.turn(&work, &results);
            if outcome.is_err() {
                self.cancel.cancel();
            }
            work.close();
            outcome
        });
        outcome?;
        if !self.withdrawn.is_empty() {
            self.catalog.commit(&self.options.actor, (self.options.clock)(), &self.withdrawn)?;
        }
        let count = |what: State| self.states.count(|s| s == what);
        let unneeded = self.verdicts.iter().filter(|verdict| **verdict == Verdict::Unneeded).count();
        self.summary.valid = count(State::Valid).saturating_sub(self.summary.inherited + unneeded);
        self.summary.failed = count(State::Failed);
        self.summary.blocked += count(State::Blocked);
        self.summary.skipped = self.states.count(|s| !s.is_final());
        self.summary.interrupted = self.cancel.is_cancelled();
        self.summary.seconds = start.elapsed().as_secs_f64();
        (self.events)(&Event::Summary(self.summary.clone()));
        Ok(self.summary)
    }

    /// Takes over what the plan found.
    fn begin(&mut self) {
        for index in 0..self.verdicts.len() {
            let job = JobIx(index as u32);
            match self.verdicts[index].clone() {
                verdict if verdict.is_settled() => {
                    self.summary.inherited += usize::from(!matches!(verdict, Verdict::Valid | Verdict::Unneeded));
                    self.states.set(job, State::Valid);
                }
                Verdict::Blocked(why) => {
                    self.states.set(job, State::Blocked);
                    let because = format!("{} cannot be provided", why.root().identity);
                    (self.events)(&Event::JobBlocked { job: job.0, outputs: self.judge.outputs(job), because });
                }
                _ => {}
            }
        }
    }

    fn turn(&mut self, work: &Work, results: &Receiver<Ended>) -> Result<(), RunError> {
        loop {
            self.judge_ready()?;
            self.start(work)?;
            // A job that could not even be prepared may have woken another that waited for it.
            if self.states.count(|state| state == State::Ready) > 0 && self.running.is_empty() {
                continue;
            }
            if self.running.is_empty() && self.delayed.is_empty() && self.reused.is_empty() {
                return Ok(());
            }
            if self.running.is_empty() && self.stopping {
                return Ok(());
            }
            let until_retry = self.delayed.iter().map(|(at, _)| at.saturating_duration_since(Instant::now())).min();
            // Cancelling wakes running jobs at once; a delayed retry looks here.
            let patience = until_retry.unwrap_or(Duration::from_secs(3600)).min(if self.delayed.is_empty() {
                Duration::from_secs(3600)
            } else {
                Duration::from_millis(200)
            });
            let mut ended = Vec::new();
            if !self.running.is_empty() {
                match results.recv_timeout(patience) {
                    Ok(first) => ended.push(first),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
                }
            } else {
                std::thread::sleep(patience);
            }
            ended.extend(results.try_iter());
            if !ended.is_empty() {
                self.finish(ended)?;
            }
            self.stopping |= self.cancel.is_cancelled();
            let now = Instant::now();
            let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.delayed).into_iter().partition(|(at, _)| *at <= now);
            self.delayed = later;
            self.queue.extend(due.into_iter().map(|(_, decided)| decided));
        }
    }

    // Judging.

    fn judge_ready(&mut self) -> Result<(), RunError> {
        loop {
            while let Some(job) = self.states.next_ready() {
                self.judge_one(job)?;
            }
            if self.reused.is_empty() {
                return Ok(());
            }
            self.commit_reused()?;
        }
    }

    fn judge_one(&mut self, job: JobIx) -> Result<(), RunError> {
        // What the plan serves from a base without looking at its inputs is never judged by them.
        if matches!(self.verdicts[job.0 as usize], Verdict::StaleInBase { .. } | Verdict::Unneeded | Verdict::AsItStands { .. }) {
            self.states.set(job, State::Valid);
            return Ok(());
        }
        let Some(keys) = self.judge.keys(job) else { return Ok(()) };
        match self.judge.decide(job, &keys, self.forced.get(&job))? {
            Decision::Valid => {
                self.judge.settle_valid(job);
                if !matches!(self.verdicts[job.0 as usize], Verdict::Valid) {
                    (self.events)(&Event::JobValid { job: job.0, outputs: self.judge.outputs(job) });
                }
                self.states.set(job, State::Valid);
            }
            Decision::Inherited => {
                self.inherit(job);
                if !self.verdicts[job.0 as usize].is_settled() {
                    self.summary.inherited += 1;
                    (self.events)(&Event::JobValid { job: job.0, outputs: self.judge.outputs(job) });
                }
                self.states.set(job, State::Valid);
            }
            Decision::Reuse { made, why } => match self.workshop.hold(&self.judge, job, &made)? {
                Held::Good => {
                    self.states.set(job, State::Running);
                    self.reused.push((job, made, why));
                }
                Held::Broken => self.pass_over(job, made.run),
                Held::Unseen(task) => {
                    self.states.set(job, State::Running);
                    self.looking.push_back((*task, keys, why));
                }
            },
            Decision::Run { why } => self.decided_to_run(job, keys, why)?,
        }
        Ok(())
    }

    /// A result is not used again, since it breaks a contract; the job is judged once more without it.
    pub(super) fn pass_over(&mut self, job: JobIx, run: RunId) {
        self.judge.pass_over(run);
        self.states.set(job, State::Ready);
    }

    /// The base's serves: what the label had of its own goes with the next commit.
    fn inherit(&mut self, job: JobIx) {
        for node in &self.judge.instance(job).outputs {
            if self.judge.standings.own[node.0 as usize].current.is_some() {
                let because = "the result is the base's".to_string();
                self.withdrawn.push(Change::Withdraw { identity: self.judge.identity(*node).clone(), because });
            }
        }
        self.judge.settle_inherited(job);
    }

    fn decided_to_run(&mut self, job: JobIx, keys: Keys, mut why: Reason) -> Result<(), RunError> {
        if self.is_beyond_the_plan(job, &why) {
            return Ok(());
        }
        let place = self.place(job, &keys);
        if !self.judge.formula(job).recipe.effect {
            if let Some((_, waiting)) = self.making.get_mut(&place) {
                waiting.push(job);
                self.states.set(job, State::Parked);
                return Ok(());
            }
            self.making.insert(place.clone(), (job, Vec::new()));
        }
        if !self.inputs_are_there(job) {
            self.no_longer_making(job, &place);
            return Ok(());
        }
        self.judge.explain(job, &mut why)?;
        self.states.set(job, State::Running);
        self.queue.push_back(Decided { job, keys, why, attempt: 1 });
        Ok(())
    }

    /// Blocks a job that a plan which is applied did not say may run.
    fn is_beyond_the_plan(&mut self, job: JobIx, why: &Reason) -> bool {
        let beyond = self.options.may_run.as_ref().is_some_and(|may_run| !may_run.contains(&job));
        if beyond {
            let found = match why {
                Reason::BytesGone => "its bytes are gone",
                Reason::BytesDamaged => "its bytes are damaged",
                Reason::Expired { .. } => "it expired meanwhile",
                _ => "what it is made from is no longer as it was",
            };
            self.block(job, &format!("it would have to be made ({found}), and the plan that is applied does not say so"));
        }
        beyond
    }

    /// Whether a job's inputs have their bytes. Those that have not are made again first, or block the job.
    fn inputs_are_there(&mut self, job: JobIx) -> bool {
        let mut missing: Vec<(NodeIx, Reason)> = Vec::new();
        for part in self.judge.instance(job).inputs.iter().flatten() {
            let Some(snapshot) = self.judge.settled[part.node.0 as usize].as_ref().and_then(|s| s.snapshot.as_ref()) else { continue };
            match self.judge.condition(snapshot) {
                Condition::Intact => {}
                Condition::Gone => missing.push((part.node, Reason::BytesGone)),
                Condition::Damaged => missing.push((part.node, Reason::BytesDamaged)),
            }
        }
        if missing.is_empty() {
            return true;
        }
        if let Some((node, _)) = missing.iter().find(|(node, _)| self.judge.maker(*node).is_none()) {
            let because = format!("the bytes of {} are gone, and nothing makes them again", self.judge.identity(*node));
            self.block(job, &because);
            return false;
        }
        for (node, why) in missing {
            if let Some(maker) = self.judge.maker(node) {
                self.forced.insert(maker, why);
                self.states.unsettle(maker);
            }
        }
        false
    }

    fn commit_reused(&mut self) -> Result<(), RunError> {
        let reused = std::mem::take(&mut self.reused);
        let mut changes = Vec::new();
        for (job, made, _) in &reused {
            let because = format!("made under the same key by run {}", made.run.0);
            for (identity, snapshot) in self.judge.outputs(*job).into_iter().zip(&made.outputs) {
                changes.push(Change::Point { identity, snapshot: snapshot.id, expect: None, because: because.clone() });
            }
            changes.extend(self.saw(*job));
        }
        self.catalog.commit(&self.options.actor, (self.options.clock)(), &changes)?;
        for (job, made, _) in reused {
            let Some(keys) = self.judge.keys(job) else { continue };
            self.now_stands(job, &keys, &made.outputs);
            self.summary.reused += 1;
            (self.events)(&Event::JobReused { job: job.0, outputs: self.judge.outputs(job), run: made.run });
            self.states.set(job, State::Reused);
        }
        Ok(())
    }

    /// What the base of a job's label stood for when it was decided.
    fn saw(&self, job: JobIx) -> Vec<Change> {
        if !self.judge.is_based(job) {
            return Vec::new();
        }
        let outputs = self.judge.instance(job).outputs.iter();
        let saw = outputs.map(|node| (self.judge.identity(*node).clone(), self.judge.standings.saw(node.0 as usize)));
        saw.map(|(identity, base)| Change::Saw { identity, base }).collect()
    }

    /// Settles a job's outputs, and remembers that the catalog says so now.
    fn now_stands(&mut self, job: JobIx, keys: &Keys, snapshots: &[Snapshot]) {
        self.forced.remove(&job);
        self.judge.settle(job, snapshots);
        let shape = self.judge.recipes.0[self.judge.instance(job).formula].shape;
        for (node, snapshot) in self.judge.instance(job).outputs.iter().zip(snapshots) {
            self.judge.standings.own[node.0 as usize].current = Some(Current {
                snapshot: snapshot.clone(),
                key: Some(keys.key),
                fixed: Some(keys.fixed),
                shape: Some(shape),
                since: snapshot.made,
                saw: None,
            });
        }
    }

    // Starting.

    fn start(&mut self, work: &Work) -> Result<(), RunError> {
        if self.stopping {
            // Decided, but never begun: neither failed nor blocked.
            self.queue.clear();
            self.delayed.clear();
            self.looking.clear();
            return Ok(());
        }
        for (task, keys, why) in self.looking.drain(..) {
            self.running.insert(task.job, (keys, why));
            work.give(task);
        }
        let mut waiting = VecDeque::new();
        while let Some(decided) = self.queue.pop_front() {
            let needs = self.judge.formula(decided.job).recipe.needs.clone();
            if !self.resources.take(&needs) {
                waiting.push_back(decided);
                // Small jobs may pass a big one, but not the whole queue of them.
                if waiting.len() > 32 {
                    break;
                }
                continue;
            }
            match self.workshop.prepare(&self.judge, decided.job, &decided.keys, decided.attempt) {
                Ok(task) => {
                    let outputs = self.judge.outputs(decided.job);
                    let formula = self.judge.formula(decided.job).title.clone();
                    let (why, attempt) = (decided.why.clone(), decided.attempt);
                    (self.events)(&Event::JobStarted { job: decided.job.0, outputs, formula, why, attempt });
                    self.running.insert(decided.job, (decided.keys, decided.why));
                    work.give(task);
                }
                Err(failure) => {
                    self.resources.give_back(&needs);
                    let task = Task::never_started(&self.judge, decided.job, decided.attempt, (self.options.clock)());
                    self.running.insert(decided.job, (decided.keys, decided.why));
                    self.fail(task, failure, 0.0, &mut Vec::new())?;
                }
            }
        }
        waiting.append(&mut self.queue);
        self.queue = waiting;
        Ok(())
    }
}
