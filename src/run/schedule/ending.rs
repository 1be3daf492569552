//! How jobs end: what they made is committed in groups, settled and told; what failed is recorded, and blocks what needs it.

use std::time::{Duration, Instant};

use super::{Decided, Place, RunError, Scheduler};
use crate::catalog::{Applied, Change, NewRun, NewSnapshot, Outcome, RunId, Snapshot};
use crate::identity::Identity;
use crate::quality::Verdict;
use crate::resolve::{JobIx, NodeIx};
use crate::run::event::Event;
use crate::run::look;
use crate::run::state::State;
use crate::run::workers::Ended;
use crate::run::workshop::{Failure, Task};
use crate::validity::Keys;

impl Scheduler<'_, '_> {
    pub(super) fn finish(&mut self, ended: Vec<Ended>) -> Result<(), RunError> {
        let (looks, ended): (Vec<_>, Vec<_>) = ended.into_iter().partition(|ended| ended.task.made.is_some());
        self.looked(looks)?;
        for ended in &ended {
            let needs = &self.judge.formula(ended.task.job).recipe.needs;
            self.resources.give_back(needs);
        }
        let kept = |ended: &'_ Ended| match &ended.result {
            Ok(made) => made.clone(),
            Err(failure) => failure.refused.clone(),
        };
        let made: Vec<NewSnapshot> = ended.iter().flat_map(kept).collect();
        if !made.is_empty() {
            self.workshop.seal(&made.iter().collect::<Vec<_>>()).map_err(RunError::Store)?;
        }
        let mut changes = Vec::new();
        let (mut finished, mut warned) = (Vec::new(), Vec::new());
        for Ended { task, result, seconds } in ended {
            match result {
                Ok(outputs) => {
                    let Some((keys, _)) = self.running.get(&task.job) else { continue };
                    warned.push(outputs.iter().map(|output| (output.identity.clone(), look::warnings(&output.looked))).collect::<Vec<_>>());
                    changes.push(Change::Run(Box::new(self.record(&task, keys, outputs, seconds, Outcome::Succeeded, None))));
                    changes.extend(self.saw(task.job));
                    finished.push((task, seconds));
                }
                Err(failure) => self.fail(task, failure, seconds, &mut changes)?,
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        let applied = self.catalog.commit(&self.options.actor, (self.options.clock)(), &changes)?;
        let runs = applied.iter().zip(&changes).filter_map(|(applied, change)| match (applied, change) {
            (Applied::Run { run, outputs }, Change::Run(new)) if new.outcome == Outcome::Succeeded => Some((*run, outputs.clone())),
            _ => None,
        });
        let runs: Vec<_> = runs.collect();
        for (((task, seconds), warned), (run, ids)) in finished.into_iter().zip(warned).zip(runs) {
            let snapshots = self.catalog.snapshots(&ids)?;
            for (identity, verdicts) in warned {
                self.warned(identity, verdicts);
            }
            self.done(task, seconds, run, &snapshots);
        }
        Ok(())
    }

    /// Results of earlier runs were looked at: they are used, or passed over.
    fn looked(&mut self, looks: Vec<Ended>) -> Result<(), RunError> {
        let mut changes = Vec::new();
        for Ended { task, result, .. } in looks {
            let (Some(made), Some((_, why))) = (task.made, self.running.remove(&task.job)) else { continue };
            let (seen, good) = match result {
                Ok(seen) => (seen, true),
                Err(failure) => (failure.refused, false),
            };
            for (snapshot, new) in made.outputs.iter().zip(seen) {
                if good {
                    self.warned(new.identity, look::warnings(&new.looked));
                }
                changes.push(Change::Look { snapshot: snapshot.id, looked: new.looked });
            }
            if good {
                self.reused.push((task.job, made, why));
            } else {
                self.pass_over(task.job, made.run);
            }
        }
        if !changes.is_empty() {
            self.catalog.commit(&self.options.actor, (self.options.clock)(), &changes)?;
        }
        Ok(())
    }

    fn warned(&mut self, identity: Identity, verdicts: Vec<Verdict>) {
        if !verdicts.is_empty() {
            self.summary.warnings += verdicts.len();
            (self.events)(&Event::Warned { identity, verdicts });
        }
    }

    fn done(&mut self, task: Task, seconds: f64, run: RunId, snapshots: &[Snapshot]) {
        let job = task.job;
        let Some((keys, _)) = self.running.remove(&job) else { return };
        let nodes = &self.judge.instance(job).outputs;
        let before = |node: &NodeIx| self.judge.standings.own[node.0 as usize].current.as_ref().map(|c| c.snapshot.content);
        let unchanged = nodes.iter().zip(snapshots).all(|(node, s)| before(node) == Some(s.content));
        let bytes = snapshots.iter().map(|s| s.bytes).sum();
        self.now_stands(job, &keys, snapshots);
        if self.judge.has_base_again(job, &keys) {
            self.inherit(job);
        }
        self.summary.ran += 1;
        let outputs = self.judge.outputs(job);
        (self.events)(&Event::JobDone { job: job.0, outputs, run, seconds, bytes, unchanged });
        self.states.set(job, State::Done);
        self.wake_parked(job, &keys);
    }

    pub(super) fn place(&self, job: JobIx, keys: &Keys) -> Place {
        (keys.key, self.judge.outputs(job).into_iter().map(|o| o.repository).collect())
    }

    /// Who waited for what a job was making is judged again.
    pub(super) fn no_longer_making(&mut self, job: JobIx, place: &Place) {
        if self.making.get(place).is_some_and(|(maker, _)| *maker == job)
            && let Some((_, waiting)) = self.making.remove(place)
        {
            for parked in waiting {
                self.states.set(parked, State::Ready);
            }
        }
    }

    fn wake_parked(&mut self, job: JobIx, keys: &Keys) {
        let place = self.place(job, keys);
        self.no_longer_making(job, &place);
    }

    fn record(
        &self,
        task: &Task,
        keys: &Keys,
        outputs: Vec<NewSnapshot>,
        seconds: f64,
        outcome: Outcome,
        message: Option<String>,
    ) -> NewRun {
        let formula = self.judge.formula(task.job);
        let instance = self.judge.instance(task.job);
        let recipe = &self.judge.recipes.0[instance.formula];
        let mut inputs = Vec::new();
        for (input, parts) in formula.inputs.iter().zip(&instance.inputs) {
            for part in parts {
                if let Some(snapshot) = self.judge.settled[part.node.0 as usize].as_ref().and_then(|s| s.snapshot.as_ref()) {
                    inputs.push((input.name.clone(), self.judge.identity(part.node).clone(), snapshot.id));
                }
            }
        }
        let targets = self.judge.outputs(task.job);
        NewRun {
            formula: formula.title.clone(),
            place: formula.place.clone(),
            label: targets.first().map_or_else(|| "".into(), |t| t.label.clone()),
            key: keys.key,
            fixed: keys.fixed,
            fingerprint: recipe.fingerprint,
            shape: recipe.shape,
            recipe: recipe.to_json(),
            variables: self.judge.variables_json(task.job),
            effect: formula.recipe.effect,
            inputs,
            targets,
            outputs,
            started: task.started,
            seconds,
            outcome,
            message,
            attempts: task.attempt,
            folder: task.folder.clone(),
        }
    }

    // Failing.

    pub(super) fn fail(&mut self, task: Task, failure: Failure, seconds: f64, changes: &mut Vec<Change>) -> Result<(), RunError> {
        let job = task.job;
        let outputs = self.judge.outputs(job);
        let recipe = &self.judge.formula(job).recipe;
        let interrupted = self.cancel.is_cancelled();
        for snapshot in &failure.damaged {
            self.judge.forget(snapshot);
        }
        if failure.may_retry && task.attempt <= recipe.retries && !interrupted {
            let delay = recipe.retry_delay;
            if let Some((keys, why)) = self.running.remove(&job) {
                let (attempt, message) = (task.attempt + 1, failure.message.clone());
                (self.events)(&Event::JobRetried { job: job.0, outputs, attempt, delay, message });
                let at = Instant::now() + Duration::try_from_secs_f64(delay).unwrap_or(Duration::from_secs(1));
                self.delayed.push((at, Decided { job, keys, why, attempt }));
            }
            self.workshop.clear(&task);
            return Ok(());
        }
        let Some((keys, _)) = self.running.remove(&job) else { return Ok(()) };
        let outcome = if interrupted { Outcome::Interrupted } else { Outcome::Failed };
        let broken = failure.refused.iter().map(|new| (new.identity.clone(), look::errors(&new.looked)));
        let broken = broken.filter(|(_, verdicts)| !verdicts.is_empty()).collect();
        let refused = if interrupted { Vec::new() } else { failure.refused };
        let record = self.record(&task, &keys, refused, seconds, outcome, Some(failure.message.clone()));
        changes.push(Change::Run(Box::new(record)));
        if interrupted {
            self.wake_parked(job, &keys);
            return Ok(());
        }
        let log = outputs.first().map(|o| o.to_string()).unwrap_or_default();
        let name = log.clone();
        let (message, tail) = (failure.message, failure.tail);
        (self.events)(&Event::JobFailed { job: job.0, outputs, run: None, seconds, message, tail, log, broken });
        let blocked = self.states.set(job, State::Failed);
        self.report_blocked(&blocked, &format!("{name} failed"));
        self.wake_parked(job, &keys);
        self.stopping |= !self.options.keep_going;
        Ok(())
    }

    pub(super) fn block(&mut self, job: JobIx, because: &str) {
        let mut blocked = self.states.set(job, State::Blocked);
        blocked.insert(0, job);
        self.report_blocked(&blocked, because);
    }

    fn report_blocked(&mut self, blocked: &[JobIx], because: &str) {
        for job in blocked {
            (self.events)(&Event::JobBlocked { job: job.0, outputs: self.judge.outputs(*job), because: because.to_string() });
        }
    }
}
