//! Jobs on this machine.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::cancel::Cancel;
use super::error::JobError;
use super::process::{self, End};
use super::{Executor, Produced, log, sql};
use crate::recipe::{self, Action, Job, JobOutput};

/// Where a job runs, below its folder.
pub const WORK: &str = "work";

/// Shell jobs as processes, SQL jobs on the calling thread.
pub struct LocalExecutor {
    path: OsString,
    home: OsString,
    /// Formake's own environment, for `secret`.
    environment: fn(&str) -> Option<OsString>,
}

impl LocalExecutor {
    /// `environment` reads formake's own environment: PATH, HOME and secrets.
    pub fn new(environment: fn(&str) -> Option<OsString>) -> Self {
        let path = environment("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        Self { path, home: environment("HOME").unwrap_or_else(|| "/".into()), environment }
    }
}

impl Executor for LocalExecutor {
    fn execute(&self, job: &Job, folder: &Path, cancel: &Cancel) -> Result<Produced, JobError> {
        if cancel.is_cancelled() {
            return Err(JobError::Interrupted);
        }
        let work = folder.join(WORK);
        for fresh in [&work.join("out"), &folder.join("tmp")] {
            fs::create_dir_all(fresh).map_err(JobError::Folder)?;
        }
        match &job.action {
            Action::Sql { query } => {
                for output in &job.outputs {
                    sql::run(query, job, output, &work, &folder.join("tmp"))?;
                }
            }
            Action::Shell { script } => {
                lay_out(job, &work)?;
                self.shell(job, script, folder, &work, cancel)?;
            }
            Action::Copy => {}
        }
        if !matches!(job.action, Action::Copy) {
            for output in &job.outputs {
                check_output(output, &work)?;
            }
        }
        Ok(Produced::default())
    }
}

impl LocalExecutor {
    fn shell(&self, job: &Job, script: &str, folder: &Path, work: &Path, cancel: &Cancel) -> Result<(), JobError> {
        let job_file = folder.join("job.json");
        fs::write(&job_file, recipe::job_file(job)).map_err(JobError::Folder)?;
        let log = folder.join("log.txt");
        let out = File::create(&log).map_err(JobError::Folder)?;
        let err = out.try_clone().map_err(JobError::Folder)?;
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", script]).current_dir(work);
        command.env_clear().env("PATH", &self.path).env("HOME", &self.home).env("LANG", "C.UTF-8").env("TZ", "UTC");
        command.env("TMPDIR", folder.join("tmp")).envs(&job.env).env("FORMAKE_JOB", &job_file);
        if let Some(first) = job.outputs.first() {
            command.env("FORMAKE_OUTPUT", &first.path);
        }
        let mut secrets = Vec::new();
        for name in &job.secrets {
            let value = (self.environment)(name).ok_or_else(|| JobError::NoSecret { name: name.clone() })?;
            command.env(name, &value);
            secrets.push(value.into_vec());
        }
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let end = process::run(&mut command, job.timeout, cancel).map_err(JobError::Start)?;
        log::mask(&log, &secrets).map_err(JobError::Folder)?;
        match (end, job.timeout) {
            (End::Exited(status), _) if status.success() => Ok(()),
            (End::Exited(status), _) => Err(JobError::Ended(process::in_words(status))),
            (End::Timeout, Some(limit)) => Err(JobError::Timeout(limit)),
            (End::Timeout, None) | (End::Cancelled, _) => Err(JobError::Interrupted),
        }
    }
}

/// Links the inputs and copies the code files: a job cannot change the project's own through its copy.
fn lay_out(job: &Job, work: &Path) -> Result<(), JobError> {
    for part in job.inputs.iter().flat_map(|input| &input.parts) {
        if part.files.is_empty() {
            link(&part.at, work, &part.link)?;
        } else {
            for file in &part.files {
                link(&part.at.join(file), work, &format!("{}/{file}", part.link))?;
            }
        }
    }
    for (path, from) in &job.uses {
        let to = work.join(path);
        parent(&to).and_then(|()| fs::copy(from, &to)).map_err(JobError::Folder)?;
    }
    for output in &job.outputs {
        parent(&work.join(&output.path)).map_err(JobError::Folder)?;
    }
    Ok(())
}

fn link(from: &Path, work: &Path, at: &str) -> Result<(), JobError> {
    let to = work.join(at);
    parent(&to).map_err(JobError::Folder)?;
    std::os::unix::fs::symlink(from, &to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => JobError::SameLink { path: at.to_string() },
        _ => JobError::Folder(error),
    })
}

fn parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn check_output(output: &JobOutput, work: &Path) -> Result<(), JobError> {
    let path = output.path.clone();
    let Ok(metadata) = fs::symlink_metadata(work.join(&output.path)) else {
        return Err(JobError::NoOutput { path, found: left(work) });
    };
    if metadata.is_symlink() {
        return Err(JobError::Link { path });
    }
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(JobError::WrongKind { path, is: "pipe, socket or device", wanted: "file or folder" });
    }
    if output.folder && !metadata.is_dir() {
        return Err(JobError::WrongKind { path, is: "file", wanted: "folder" });
    }
    Ok(())
}

/// What a job wrote, wherever it did: a few paths, for the message.
fn left(work: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut stack = vec![PathBuf::new()];
    while let Some(folder) = stack.pop() {
        let Ok(entries) = fs::read_dir(work.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let path = folder.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => stack.push(path),
                Ok(kind) if kind.is_file() => found.push(path.to_string_lossy().into_owned()),
                _ => {}
            }
        }
    }
    found.sort();
    if found.len() > 5 {
        let more = found.len() - 5;
        found.truncate(5);
        found.push(format!("{more} more"));
    }
    found
}
