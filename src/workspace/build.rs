//! Planning and building: numbers 3 to 7 of the outline.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

use super::failure::Failure;
use super::lock::Lock;
use super::request::{Prepared, Request};
use super::{OWN, Workspace, clock};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Applied, Catalog, Change, Current, NewSnapshot, Reader};
use crate::diagnostic::Diagnostic;
use crate::executor::{Cancel, LocalExecutor};
use crate::formula::program::Program;
use crate::plan::{self, Condition, Draft, Judge, Plan, Settled, SourceState};
use crate::resolve::{Graph, NodeIx, Origin};
use crate::run::local::LocalWorkshop;
use crate::run::{self, Event, Scheduler, Summary};

/// A plan with what it was made from.
pub struct Planned {
    pub plan: Plan,
    pub graph: Graph,
    pub program: Program,
}

/// How to build.
#[derive(Clone, Debug, Default)]
pub struct BuildOptions {
    pub keep_going: bool,
}

impl Workspace {
    /// What a build would do now, and why. Changes nothing.
    pub fn plan(&self, request: &Request) -> Result<Planned, Failure> {
        let program = self.program()?;
        let catalog = self.catalog(Mode::Read)?;
        let prepared = self.prepare(request, &program, &catalog)?;
        let (_, draft) = self.draft(request, &program, &prepared, &catalog)?;
        Ok(Planned { plan: draft.plan, graph: prepared.graph, program })
    }

    pub(super) fn draft<'a>(
        &'a self,
        request: &Request,
        program: &'a Program,
        prepared: &'a Prepared,
        reader: &'a dyn Reader,
    ) -> Result<(Judge<'a>, Draft), Failure> {
        let mut judge = Judge::new(program, &prepared.graph, &prepared.recipes, reader, &self.bytes, clock::now())?;
        let options = plan::Options { jobs: self.jobs(request) };
        let draft = plan::build::build(&mut judge, &prepared.observed(), &options)?;
        Ok((judge, draft))
    }

    fn jobs(&self, request: &Request) -> usize {
        request.jobs.or(self.config.jobs).unwrap_or_else(clock::processors).max(1)
    }

    /// Plans, then makes what is missing or invalid. `events` hears everything as it happens, the summary last.
    pub fn build(
        &self,
        request: &Request,
        options: &BuildOptions,
        cancel: &Cancel,
        events: &mut dyn FnMut(&Event),
    ) -> Result<Summary, Failure> {
        let program = self.program()?;
        let own = self.root.join(OWN);
        fs::create_dir_all(&own).map_err(|e| unwritable(&own, &e))?;
        let waiting = &mut |holder: &str| {
            let message = format!("another build of this project is running ({holder}); waiting for it to end");
            events(&Event::Warning { message });
        };
        let _lock = Lock::take(&own.join("lock"), waiting).map_err(|e| unwritable(&own.join("lock"), &e))?;
        let catalog = self.catalog(Mode::Write)?;
        let prepared = self.prepare(request, &program, &catalog)?;
        let (mut judge, draft) = self.draft(request, &program, &prepared, &catalog)?;
        // Deciding ends here.
        let counts = &draft.plan.counts;
        events(&Event::Started {
            jobs: draft.verdicts.len(),
            valid: counts.valid,
            at_least: draft.plan.at_least,
            at_most: draft.plan.at_most,
            blocked: counts.blocked,
        });
        for on in draft.plan.derivations() {
            events(&Event::Blocked { on: on.clone() });
        }
        let actor = clock::actor();
        self.record_sources(&program, &prepared, &catalog, &mut judge)?;
        self.bytes.store.sweep();
        let jobs = self.jobs(request);
        let workshop = LocalWorkshop::new(&program, &self.bytes, LocalExecutor::new(environment), &self.root, own, clock::now)
            .map_err(|e| unwritable(&self.root.join(OWN), &e))?;
        let mut capacity: BTreeMap<String, u64> = self.config.settings.pools.iter().map(|(name, size)| (name.to_string(), *size)).collect();
        capacity.insert("cpu".into(), jobs as u64);
        capacity.insert("memory".into(), clock::memory());
        let run_options = run::Options { jobs, keep_going: options.keep_going, capacity, actor: actor.clone(), clock: clock::now };
        let summary = Scheduler::new(judge, draft, &catalog, &workshop, &run_options, cancel, events).run()?;
        let moved: Vec<Change> = self.bytes.take_moved().into_iter().map(|(snapshot, stamp)| Change::Restamp { snapshot, stamp }).collect();
        if !moved.is_empty() {
            catalog.commit(&actor, clock::now(), &moved)?;
        }
        Ok(summary)
    }

    /// From here on the sources that were read count as seen, under the bytes they had.
    fn record_sources(&self, program: &Program, prepared: &Prepared, catalog: &dyn Catalog, judge: &mut Judge<'_>) -> Result<(), Failure> {
        let mut changes = Vec::new();
        let mut nodes: Vec<NodeIx> = Vec::new();
        // In the graph's order, so that the same build makes the same record.
        let mut seen: Vec<_> = prepared.seen.iter().collect();
        seen.sort_unstable_by_key(|(node, _)| node.0);
        for (node, (observed, sight)) in seen {
            let Some(sight) = sight else { continue };
            let Origin::Source { source, .. } = &prepared.graph.nodes[node.0 as usize].origin else { continue };
            let identity = prepared.graph.nodes[node.0 as usize].identity.clone();
            let copied = program.sources[*source].copy;
            if copied && observed.state == SourceState::Unchanged {
                // The copy may be lost while the file is there: then it is taken again.
                let kept = judge.settled[node.0 as usize].as_ref().and_then(|s| s.snapshot.clone());
                let Some(lost) = kept.filter(|snapshot| judge.condition(snapshot) != Condition::Intact) else { continue };
                judge.forget(&lost);
            }
            let (path, stored, content) = if copied {
                let from = self.root.join(&sight.found.base);
                let name = from.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                let store = &self.bytes.store;
                let kept = store.take_copy(&from, &identity.repository, &identity.class, &identity.instance, &name)?;
                store.seal(&[(&identity.repository, &kept.path)])?;
                (kept.path, true, kept.content)
            } else {
                (sight.found.path.clone(), false, sight.content)
            };
            nodes.push(*node);
            changes.push(Change::Source(Box::new(NewSnapshot {
                identity,
                content: content.hash,
                kind: content.kind,
                bytes: content.bytes,
                files: content.files,
                path,
                stored,
                stamp: content.stamp,
            })));
        }
        if changes.is_empty() {
            return Ok(());
        }
        let applied = catalog.commit(&clock::actor(), clock::now(), &changes)?;
        for (node, applied) in nodes.into_iter().zip(applied) {
            let Applied::Snapshot(id) = applied else { continue };
            if let Some(snapshot) = catalog.snapshots(&[id])?.pop() {
                let since = snapshot.made;
                judge.settled[node.0 as usize] = Some(Settled::of(snapshot.clone()));
                judge.standings[node.0 as usize].current =
                    Some(Current { snapshot, key: None, fixed: None, shape: None, saw: None, since });
            }
        }
        Ok(())
    }
}

/// Formake's own environment, for PATH, HOME and secrets.
#[allow(clippy::disallowed_methods)]
fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Diagnostic::error("E0810", format!("`{}` cannot be written: {error}", path.display()))
        .help("a build keeps its lock, logs and catalog below the project's folder")
        .into()
}
