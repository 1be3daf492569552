//! Where jobs are made: what the scheduler asks of the world.

use super::look::Against;
use crate::catalog::{self, Made, NewSnapshot, Snapshot, Timestamp};
use crate::executor::Cancel;
use crate::identity::Identity;
use crate::plan::Judge;
use crate::recipe;
use crate::resolve::JobIx;
use crate::validity::Keys;

/// One try at one job, ready to be made.
pub struct Task {
    pub job: JobIx,
    /// From 1.
    pub attempt: u32,
    pub started: Timestamp,
    /// Its folder's name, unique on this machine: also the name under which its log is found.
    pub folder: String,
    /// `None` where it could not be prepared, or where there is nothing to run.
    pub work: Option<recipe::Job>,
    /// What another run made, and what is to be looked at instead of running.
    pub made: Option<Made>,
    /// What it reads: looked at once more when it has ended.
    pub reads: Vec<Snapshot>,
    pub outputs: Vec<Identity>,
    /// What its outputs are compared with when they are looked at, each.
    pub against: Vec<Against>,
}

impl Task {
    /// A task whose recipe could not be rendered: only its failure is recorded.
    pub fn never_started(judge: &Judge<'_>, job: JobIx, attempt: u32, started: Timestamp) -> Self {
        Self {
            job,
            attempt,
            started,
            folder: String::new(),
            work: None,
            made: None,
            reads: Vec::new(),
            outputs: judge.outputs(job),
            against: Vec::new(),
        }
    }
}

/// Why a try gave nothing.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    pub message: String,
    /// The log's last lines.
    pub tail: Vec<String>,
    /// Another try may succeed.
    pub may_retry: bool,
    /// Snapshots that were found changed.
    pub damaged: Vec<Snapshot>,
    /// All that it made, where some of it breaks a contract: to be kept and looked at.
    pub refused: Vec<NewSnapshot>,
}

impl Failure {
    pub fn bug(message: &str) -> Self {
        Self { message: format!("{message}: this is a bug in formake"), ..Self::default() }
    }
}

/// What the contracts, as they are now, say of a result that is to be used again.
pub enum Held {
    Good,
    Broken,
    /// Nobody looked yet: this task does.
    Unseen(Box<Task>),
}

/// Prepares, makes, keeps and clears away.
pub trait Workshop: Sync {
    /// On the deciding thread: recipe and values to a task.
    fn prepare(&self, judge: &Judge<'_>, job: JobIx, keys: &Keys, attempt: u32) -> Result<Task, Failure>;
    /// On the deciding thread: whether what an earlier run made may be a job's result.
    fn hold(&self, _judge: &Judge<'_>, _job: JobIx, _made: &Made) -> catalog::Result<Held> {
        Ok(Held::Good)
    }
    /// On a worker: runs the job, or looks at what was made; its outputs, hashed, lie in the store when this returns, and its folder is gone. A
    /// failed one's stays.
    fn make(&self, task: &Task, cancel: &Cancel) -> Result<Vec<NewSnapshot>, Failure>;
    /// Makes many outputs durable at once.
    fn seal(&self, made: &[&NewSnapshot]) -> Result<(), String>;
    /// A failed task's folder is no longer needed: there is another try.
    fn clear(&self, task: &Task);
}
