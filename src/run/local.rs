//! The workshop on this machine: jobs in folders below `.formake/jobs`, outputs into the local store.
//!
//! What is true here: a job's folder is new and its own; what it left is hashed in the store's hands; after it, every snapshot it read is
//! looked at once more, so that nothing is committed that was made from bytes which changed meanwhile. A failed job's folder stays to be looked at.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk::Disk;
use super::look::{Against, Looks};
use super::workshop::{Failure, Held, Task, Workshop};
use crate::catalog::{self, Looked, Made, NewSnapshot, Timestamp};
use crate::digest::of_bytes;
use crate::executor::{Cancel, Executor, JobError, WORK, log};
use crate::formula::program::Program;
use crate::identity::Identity;
use crate::plan::{Condition, Judge};
use crate::quality::Contracts;
use crate::recipe::{self, Action, Job, JobOutput};
use crate::resolve::JobIx;
use crate::store::tree::Links;
use crate::store::{Content, Stored, content};
use crate::validity::Keys;

/// Marks the folder of a job that ended, and failed: it stays to be looked at, its log free of secrets.
const ENDED: &str = "ended";

/// So many of a failed job's last lines are shown.
const TAIL: usize = 12;

pub struct LocalWorkshop<'a, E> {
    program: &'a Program,
    disk: &'a dyn Disk,
    executor: E,
    root: &'a Path,
    jobs: PathBuf,
    logs: PathBuf,
    clock: fn() -> Timestamp,
    contracts: &'a Contracts,
    spill: PathBuf,
    threads: usize,
}

impl<'a, E: Executor> LocalWorkshop<'a, E> {
    /// `own`: formake's folder in the project.
    pub fn new(
        program: &'a Program,
        disk: &'a dyn Disk,
        executor: E,
        root: &'a Path,
        own: PathBuf,
        contracts: &'a Contracts,
        clock: fn() -> Timestamp,
    ) -> io::Result<Self> {
        let (jobs, logs) = (own.join("jobs"), own.join("logs"));
        fs::create_dir_all(&jobs)?;
        fs::create_dir_all(&logs)?;
        sweep(&jobs)?;
        Ok(Self {
            program,
            disk,
            executor,
            root,
            jobs,
            logs,
            clock,
            contracts,
            spill: own,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        })
    }

    /// Unique among all builds of this project: when, by whom, which one.
    fn folder_name(&self, started: Timestamp) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        format!("{started}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
    }

    fn keep(&self, output: &JobOutput, identity: &Identity, job: &Job, folder: &Path) -> Result<Stored, Failure> {
        let store = self.disk.store();
        let place = (&*identity.repository, &*identity.class, &identity.instance);
        let kept = if matches!(job.action, Action::Copy) {
            let part = job.inputs.first().and_then(|input| input.parts.first()).ok_or_else(|| failure("there is nothing to copy"))?;
            let name = part.at.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if part.files.is_empty() {
                store.take_copy(&part.at, place.0, place.1, place.2, &name)
            } else {
                let gathered = folder.join(&*output.name);
                for file in &part.files {
                    let to = gathered.join(file);
                    let made = to.parent().map_or(Ok(()), fs::create_dir_all);
                    made.and_then(|()| fs::copy(part.at.join(file), &to)).map_err(|e| failure(&e.to_string()))?;
                }
                store.take_in(&gathered, place.0, place.1, place.2, &output.name)
            }
        } else {
            let name = Path::new(&output.path).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            store.take_in(&folder.join(WORK).join(&output.path), place.0, place.1, place.2, &name)
        };
        kept.map_err(|error| failure(&format!("its output cannot be kept: {error}")))
    }

    /// What changed under the job's hands, if anything did.
    fn check_reads(&self, task: &Task, job: &Job, folder: &Path) -> Result<(), Failure> {
        for snapshot in &task.reads {
            let now = self.disk.condition(snapshot);
            if now == Condition::Intact {
                continue;
            }
            let message = if snapshot.stored {
                format!("its input {} is not what it was before: a job must not change what it reads", snapshot.identity)
            } else {
                format!("its source {} changed while it ran; build again to use the new bytes", snapshot.identity)
            };
            return Err(Failure { message, damaged: vec![snapshot.clone()], ..Failure::default() });
        }
        for (path, _) in &job.uses {
            let known = self.program.formulas.iter().flat_map(|f| &f.recipe.uses).find(|file| file.path == *path).map(|file| file.hash);
            let used = fs::read(folder.join(WORK).join(path)).ok().map(|bytes| of_bytes(&bytes));
            let project = fs::read(self.root.join(path)).ok().map(|bytes| of_bytes(&bytes));
            if project != known && used != known {
                return Err(failure(&format!("the code file {path} changed while it ran; build again to use the new code")));
            }
        }
        Ok(())
    }
}

/// Removes the folders of jobs whose build died under them. Only under the lock of a build, so that none of them is another's.
fn sweep(jobs: &Path) -> io::Result<()> {
    for entry in fs::read_dir(jobs)? {
        let folder = entry?.path();
        if !folder.join(ENDED).exists() {
            let _ = crate::store::local::remove(&folder);
        }
    }
    Ok(())
}

/// What a job left as an output; of a copy, what it would hand on.
fn hashed(job: &Job, output: &JobOutput, folder: &Path) -> Result<Content, Failure> {
    let part = job.inputs.first().and_then(|input| input.parts.first()).filter(|_| matches!(job.action, Action::Copy));
    let content = match part {
        Some(part) if part.files.is_empty() => content::of_path(&part.at, Links::Anywhere),
        Some(part) => content::of_files(&part.at, &part.files).map(Some),
        None => content::of_path(&folder.join(WORK).join(&output.path), Links::Inside),
    };
    let content = content.map_err(|error| failure(&format!("its output cannot be read: {error}")))?;
    content.ok_or_else(|| failure("it left no output"))
}

/// Nobody gets any of it where one breaks its contract.
fn unless_refused(made: Vec<NewSnapshot>) -> Result<Vec<NewSnapshot>, Failure> {
    match made.iter().find_map(|new| new.looked.refused.clone()) {
        Some(message) => Err(Failure { message, refused: made, ..Failure::default() }),
        None => Ok(made),
    }
}

fn failure(message: &str) -> Failure {
    Failure { message: message.to_string(), ..Failure::default() }
}

impl<E: Executor> Workshop for LocalWorkshop<'_, E> {
    fn prepare(&self, judge: &Judge<'_>, job: JobIx, _: &Keys, attempt: u32) -> Result<Task, Failure> {
        let instance = judge.instance(job);
        let formula = judge.formula(job);
        let mut reads = Vec::new();
        let mut inputs = Vec::with_capacity(instance.inputs.len());
        for parts in &instance.inputs {
            let mut given = Vec::with_capacity(parts.len());
            for part in parts {
                let snapshot = judge.settled[part.node.0 as usize].as_ref().and_then(|s| s.snapshot.as_ref());
                let snapshot = snapshot.ok_or_else(|| Failure::bug("an input was not settled"))?;
                let (at, files) = self.disk.data(snapshot);
                given.push(recipe::GivenPart {
                    identity: judge.identity(part.node).clone(),
                    content: snapshot.content,
                    alternative: part.alternative,
                    values: part.values.clone(),
                    name: Path::new(&snapshot.path).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
                    folder: snapshot.kind == crate::store::Kind::Folder,
                    at,
                    files,
                });
                reads.push(snapshot.clone());
            }
            inputs.push(given);
        }
        let outputs = judge.outputs(job);
        let work =
            recipe::render(self.program, formula, &instance.binding, &inputs, &outputs, self.root).map_err(|e| failure(&e.to_string()))?;
        let against = outputs.iter().map(|output| self.looks().against(judge.reader, self.disk, output));
        let against = against.collect::<Result<_, _>>().map_err(|e| failure(&e.to_string()))?;
        let started = (self.clock)();
        let folder = self.folder_name(started);
        Ok(Task { job, attempt, started, folder, work: Some(work), made: None, reads, outputs, against })
    }

    fn hold(&self, judge: &Judge<'_>, job: JobIx, made: &Made) -> catalog::Result<Held> {
        let looks = self.looks();
        if made.outputs.iter().all(|snapshot| self.contracts.of(&snapshot.identity.class).is_none()) {
            return Ok(Held::Good);
        }
        let ids: Vec<_> = made.outputs.iter().map(|snapshot| snapshot.id).collect();
        let mut unseen = false;
        for (looked, snapshot) in judge.reader.looked(&ids)?.iter().zip(&made.outputs) {
            match looks.known(&snapshot.identity.class, looked) {
                Some(true) => {}
                Some(false) => return Ok(Held::Broken),
                // Of bytes that are gone nothing can be said; they are looked at when somebody needs them, and they are made.
                None => unseen |= judge.condition(snapshot) == Condition::Intact,
            }
        }
        if !unseen {
            return Ok(Held::Good);
        }
        let outputs = judge.outputs(job);
        let against = outputs.iter().map(|output| looks.against(judge.reader, self.disk, output)).collect::<Result<_, _>>()?;
        let mut task = Task::never_started(judge, job, 1, (self.clock)());
        task.made = Some(made.clone());
        task.against = against;
        Ok(Held::Unseen(Box::new(task)))
    }

    fn make(&self, task: &Task, cancel: &Cancel) -> Result<Vec<NewSnapshot>, Failure> {
        if let Some(made) = &task.made {
            return self.look_at(task, made);
        }
        let made = self.try_to_make(task, cancel);
        if made.is_err() {
            let _ = fs::write(self.jobs.join(&task.folder).join(ENDED), "");
        }
        made
    }

    fn seal(&self, made: &[&NewSnapshot]) -> Result<(), String> {
        let places: Vec<(&str, &str)> = made.iter().map(|new| (&*new.identity.repository, new.path.as_str())).collect();
        self.disk.store().seal(&places).map_err(|error| error.to_string())
    }

    fn clear(&self, task: &Task) {
        let _ = crate::store::local::remove(&self.jobs.join(&task.folder));
    }
}

impl<E: Executor> LocalWorkshop<'_, E> {
    /// Makes a job's outputs aside: they are hashed where the job left them, and its folder goes. Nothing enters the store.
    pub fn make_aside(&self, task: &Task, cancel: &Cancel) -> Result<Vec<Content>, Failure> {
        let made = self.execute(task, cancel).and_then(|job| {
            let folder = self.jobs.join(&task.folder);
            job.outputs.iter().map(|output| hashed(job, output, &folder)).collect()
        });
        self.clear(task);
        made
    }

    /// Runs a job; its outputs lie in its folder then, and what it read is what it was.
    fn execute<'t>(&self, task: &'t Task, cancel: &Cancel) -> Result<&'t Job, Failure> {
        let Some(job) = &task.work else { return Err(Failure::bug("a job was not prepared")) };
        let folder = self.jobs.join(&task.folder);
        if let Err(error) = self.executor.execute(job, &folder, cancel) {
            let tail = match &error {
                JobError::Sql(_) => Vec::new(),
                _ => log::tail(&folder.join("log.txt"), TAIL),
            };
            // A job that damaged what it read is told so, whatever else went wrong.
            let damaged = self.check_reads(task, job, &folder).err().map(|f| f.damaged).unwrap_or_default();
            return Err(Failure { message: error.to_string(), tail, may_retry: error.may_retry(), damaged, ..Failure::default() });
        }
        self.check_reads(task, job, &folder)?;
        Ok(job)
    }

    fn try_to_make(&self, task: &Task, cancel: &Cancel) -> Result<Vec<NewSnapshot>, Failure> {
        let job = self.execute(task, cancel)?;
        let folder = self.jobs.join(&task.folder);
        let mut made: Vec<NewSnapshot> = Vec::with_capacity(task.outputs.len());
        for (output, identity) in job.outputs.iter().zip(&task.outputs) {
            let kept = self.keep(output, identity, job, &folder)?;
            let at = self.disk.store().path(&identity.repository, &kept.path).map_err(|e| failure(&e.to_string()))?;
            let seen = self.looks().look(identity, &at, &[], task.against.get(made.len()).unwrap_or(&Against::default()));
            made.push(NewSnapshot {
                identity: identity.clone(),
                content: kept.content.hash,
                kind: kept.content.kind,
                bytes: kept.content.bytes,
                files: kept.content.files,
                path: kept.path,
                stored: true,
                stamp: kept.content.stamp,
                looked: seen.looked,
            });
        }
        // All that counts lies in the store now; its log is kept where it says something.
        let log = folder.join("log.txt");
        if fs::metadata(&log).is_ok_and(|m| m.len() > 0) {
            let _ = fs::rename(&log, self.logs.join(format!("{}.log", task.folder)));
        }
        self.clear(task);
        unless_refused(made)
    }

    /// Looks at what another run made, for this task's outputs. Of bytes that are gone nothing is said.
    fn look_at(&self, task: &Task, made: &Made) -> Result<Vec<NewSnapshot>, Failure> {
        let seen = made.outputs.iter().zip(&task.outputs).zip(&task.against).map(|((snapshot, identity), against)| {
            let (at, files) = self.disk.data(snapshot);
            let look = || self.looks().look(identity, &at, &files, against).looked;
            NewSnapshot {
                identity: identity.clone(),
                content: snapshot.content,
                kind: snapshot.kind,
                bytes: snapshot.bytes,
                files: snapshot.files,
                path: snapshot.path.clone(),
                stored: snapshot.stored,
                stamp: snapshot.stamp,
                looked: if self.disk.condition(snapshot) == Condition::Intact { look() } else { Looked::default() },
            }
        });
        unless_refused(seen.collect())
    }

    fn looks(&self) -> Looks<'_> {
        Looks { program: self.program, contracts: self.contracts, spill: &self.spill, threads: self.threads }
    }
}
