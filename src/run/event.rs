//! What happens in a run, as it happens. Progress, JSON lines and summaries are readers of this one stream.

use std::sync::Arc;

use crate::catalog::RunId;
use crate::identity::Identity;
use crate::quality::Verdict;
use crate::resolve::Blocked;
use crate::validity::Reason;

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// First: the plan's bounds, in jobs.
    Started {
        jobs: usize,
        valid: usize,
        at_least: usize,
        at_most: usize,
        blocked: usize,
    },
    /// Nothing can provide what was asked for, or something that it needs: the derivation.
    Blocked {
        #[serde(serialize_with = "Blocked::write_shortened")]
        on: Arc<Blocked>,
    },
    JobStarted {
        job: u32,
        outputs: Vec<Identity>,
        formula: String,
        why: Reason,
        attempt: u32,
    },
    /// Its outputs are committed: readable, durable.
    JobDone {
        job: u32,
        outputs: Vec<Identity>,
        run: RunId,
        seconds: f64,
        bytes: u64,
        /// The bytes are those it had before: nothing downstream changes.
        unchanged: bool,
    },
    /// What a contract only warns of: of a source, or of an output before its job is done.
    Warned {
        identity: Identity,
        verdicts: Vec<Verdict>,
    },
    /// It will be tried again after `delay` seconds.
    JobRetried {
        job: u32,
        outputs: Vec<Identity>,
        attempt: u32,
        delay: f64,
        message: String,
    },
    JobFailed {
        job: u32,
        outputs: Vec<Identity>,
        run: Option<RunId>,
        seconds: f64,
        message: String,
        /// Last lines of its log, and where the whole is.
        tail: Vec<String>,
        log: String,
        /// How its outputs break their contracts: they are quarantined then.
        broken: Vec<(Identity, Vec<Verdict>)>,
    },
    /// Decided to be valid after all (early cutoff).
    JobValid {
        job: u32,
        outputs: Vec<Identity>,
    },
    JobReused {
        job: u32,
        outputs: Vec<Identity>,
        run: RunId,
    },
    JobBlocked {
        job: u32,
        outputs: Vec<Identity>,
        because: String,
    },
    Warning {
        message: String,
    },
    /// Last.
    Summary(Summary),
}

/// Jobs, but for `seconds`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    pub ran: usize,
    pub reused: usize,
    pub valid: usize,
    /// The base's, used as they are (the stale ones included).
    pub inherited: usize,
    pub failed: usize,
    pub blocked: usize,
    /// Rules of contracts that failed and only warn.
    pub warnings: usize,
    /// Stopped before they could be decided (a failure without `--keep-going`, an interruption).
    pub skipped: usize,
    pub interrupted: bool,
    pub seconds: f64,
}
