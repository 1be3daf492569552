//! Worker threads: they take tasks, make them, and report back.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use super::workshop::{Failure, Task, Workshop};
use crate::catalog::NewSnapshot;
use crate::executor::Cancel;

/// A task's end, as a worker reports it.
pub struct Ended {
    pub task: Task,
    pub result: Result<Vec<NewSnapshot>, Failure>,
    pub seconds: f64,
}

/// Tasks handed to workers.
#[derive(Default)]
pub struct Work {
    tasks: Mutex<(VecDeque<Task>, bool)>,
    more: Condvar,
}

impl Work {
    pub fn give(&self, task: Task) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).0.push_back(task);
        self.more.notify_one();
    }

    pub fn close(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.more.notify_all();
    }

    fn take(&self) -> Option<Task> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(task) = tasks.0.pop_front() {
                return Some(task);
            }
            if tasks.1 {
                return None;
            }
            tasks = self.more.wait(tasks).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One worker's life: until the work is closed.
pub fn worker(work: &Work, done: &Sender<Ended>, workshop: &dyn Workshop, cancel: &Cancel) {
    while let Some(task) = work.take() {
        let start = Instant::now();
        // A panic in a library becomes this job's failure, not the end of the run.
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| workshop.make(&task, cancel)));
        let result = made.unwrap_or_else(|_| Err(Failure::bug("formake itself failed while it ran this job")));
        let ended = Ended { task, result, seconds: start.elapsed().as_secs_f64() };
        if done.send(ended).is_err() {
            return;
        }
    }
}
