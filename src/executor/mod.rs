//! Executors: starting a job, waiting for it, ending it.
//!
//! What is true here: a job runs in a fresh folder, in a process group of its own, with an environment that holds nothing but what its recipe
//! says; when it ends, however it ends, no process of its group is left. Nothing is decided here, and nothing becomes visible.
//!
//! A job's folder: `work/` (where it runs: `in/`, `out/`, and code files at their project paths), `tmp/`, `job.json` (`$FORMAKE_JOB`), `log.txt`.

pub mod cancel;
pub mod error;
pub mod log;
pub mod process;
pub mod sql;
pub mod local;

pub use cancel::Cancel;
pub use error::JobError;
pub use local::{LocalExecutor, WORK};

use std::path::Path;

use crate::recipe::Job;

/// What a job left behind that is worth a word, besides its outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Produced {
    pub warnings: Vec<String>,
}

/// Runs one job to its end. Called from many threads at once.
pub trait Executor: Send + Sync {
    /// Blocks until the job ended. `folder` does not exist yet; outputs lie below its `work/` afterwards.
    fn execute(&self, job: &Job, folder: &Path, cancel: &Cancel) -> Result<Produced, JobError>;
}

#[cfg(test)]
mod tests;
