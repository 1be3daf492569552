//! Why a job gave nothing.

use std::time::Duration;

/// One line each; the log holds the rest.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("its folder could not be prepared: {0}")]
    Folder(std::io::Error),
    #[error("`bash` could not be started: {0}")]
    Start(std::io::Error),
    #[error("its secret {name} is not in the environment: set {name} where formake runs")]
    NoSecret { name: String },
    #[error("it ended with {0}")]
    Ended(String),
    #[error("it took longer than its timeout of {}", seconds(.0))]
    Timeout(Duration),
    #[error("it was interrupted")]
    Interrupted,
    #[error("it ended well, but left nothing at {path}{}", listed(.found))]
    NoOutput { path: String, found: Vec<String> },
    #[error("it left a {is} at {path}, where a {wanted} is expected")]
    WrongKind { path: String, is: &'static str, wanted: &'static str },
    #[error("it left a link at {path}: write the data itself there")]
    Link { path: String },
    #[error("two inputs would stand at {path}: say `at` for one of them")]
    SameLink { path: String },
    #[error("{0}")]
    Sql(String),
}

impl JobError {
    /// Its code in the list of codes.
    pub fn code(&self) -> &'static str {
        match self {
            JobError::Folder(_) => "E0710",
            JobError::Start(_) => "E0711",
            JobError::Ended(_) => "E0712",
            JobError::Timeout(_) => "E0713",
            JobError::Interrupted => "E0714",
            JobError::NoOutput { .. } => "E0715",
            JobError::WrongKind { .. } => "E0716",
            JobError::Link { .. } => "E0717",
            JobError::SameLink { .. } => "E0718",
            JobError::Sql(_) => "E0719",
            JobError::NoSecret { .. } => "E0720",
        }
    }

    /// Another try of the same job may succeed.
    pub fn may_retry(&self) -> bool {
        !matches!(self, JobError::Interrupted | JobError::SameLink { .. } | JobError::NoSecret { .. })
    }
}

fn seconds(limit: &Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

fn listed(found: &[String]) -> String {
    if found.is_empty() { "; it left no file at all".into() } else { format!("; it left {}", found.join(", ")) }
}
