//! Where jobs are made: what the scheduler asks of the world.

use super::look::Against;
use crate::catalog::{NewSnapshot, Snapshot, Timestamp};
use crate::executor::Cancel;
use crate::identity::Identity;
use crate::plan::Judge;
use crate::quality::Verdict;
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
    /// `None` where it could not be prepared.
    pub work: Option<recipe::Job>,
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
    /// What it made, where that breaks a contract.
    pub refused: Box<Refused>,
}

/// What a job made, and nobody gets.
#[derive(Clone, Debug, Default)]
pub struct Refused {
    /// All its outputs, to be kept and looked at.
    pub made: Vec<NewSnapshot>,
    /// How some of them break their contracts.
    pub broken: Vec<(Identity, Vec<Verdict>)>,
}

impl Failure {
    pub fn bug(message: &str) -> Self {
        Self { message: format!("{message}: this is a bug in formake"), ..Self::default() }
    }
}

/// Prepares, makes, keeps and clears away.
pub trait Workshop: Sync {
    /// On the deciding thread: recipe and values to a task.
    fn prepare(&self, judge: &Judge<'_>, job: JobIx, keys: &Keys, attempt: u32) -> Result<Task, Failure>;
    /// On a worker: runs the job; its outputs, hashed, lie in the store when this returns, and its folder is gone. A failed one's stays.
    fn make(&self, task: &Task, cancel: &Cancel) -> Result<Vec<NewSnapshot>, Failure>;
    /// Makes many outputs durable at once.
    fn seal(&self, made: &[&NewSnapshot]) -> Result<(), String>;
    /// A failed task's folder is no longer needed: there is another try.
    fn clear(&self, task: &Task);
}
