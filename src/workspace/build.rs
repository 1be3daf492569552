//! Planning and building: numbers 3 to 7 of the outline.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::failure::Failure;
use super::lock::Lock;
use super::permit;
use super::request::{Prepared, Request};
use super::saved::{self, Saved};
use super::{OWN, Workspace, clock};
use crate::catalog::sqlite::Mode;
use crate::catalog::{Applied, Catalog, Change, Gate, Looked, NewSnapshot, Reader};
use crate::diagnostic::Diagnostic;
use crate::executor::{Cancel, LocalExecutor};
use crate::formula::program::Program;
use crate::identity::Identity;
use crate::plan::own::{keep_label, read_by_jobs};
use crate::plan::witness::Witness;
use crate::plan::{self, Draft, Judge, Plan, Recording, Review, Standings};
use crate::quality::{Contracts, Report, Verdict};
use crate::resolve::{Graph, NodeIx, Origin};
use crate::run::local::LocalWorkshop;
use crate::run::look::{Looks, Seen};
use crate::run::{self, Event, Scheduler, Summary};

/// A plan with what it was made from.
pub struct Planned {
    pub plan: Plan,
    pub graph: Graph,
    pub program: Program,
    /// What the label that was looked at for targets holds, and no formula makes any more.
    pub unmade: Vec<Identity>,
    /// Under a label with a base: what its changes come down to.
    pub review: Option<Review>,
}

/// How to build.
#[derive(Clone, Debug, Default)]
pub struct BuildOptions {
    pub keep_going: bool,
    /// Only what this plan says, and only where it still holds.
    pub saved: Option<Arc<Saved>>,
}

impl Workspace {
    /// What a build would do now, and why. Changes nothing.
    pub fn plan(&self, request: &Request) -> Result<Planned, Failure> {
        self.planned(request, |_, _| Ok(()))
    }

    /// The same, written to a file together with all that it was decided on.
    pub fn save_plan(&self, request: &Request, file: &Path) -> Result<Planned, Failure> {
        self.planned(request, |judge, draft| {
            let targets: Vec<String> = judge.graph.targets.iter().map(|target| judge.identity(*target).to_string()).collect();
            saved::write(file, request, &targets, &draft.plan, &Witness::of(judge))
        })
    }

    /// A saved plan as it is today. Changes nothing.
    ///
    /// # Errors
    /// It no longer holds.
    pub fn saved_plan(&self, saved: &Saved, jobs: Option<usize>) -> Result<Planned, Failure> {
        let planned = self.planned(&saved.request(jobs), |judge, draft| saved.holds(judge, draft).map(drop));
        planned.map_err(|failure| saved.unresolved(failure))
    }

    /// `then`: with what the plan was decided on.
    fn planned(&self, request: &Request, then: impl FnOnce(&Judge<'_>, &Draft) -> Result<(), Failure>) -> Result<Planned, Failure> {
        let program = self.program_for(request)?;
        let catalog = self.catalog(Mode::Read)?;
        let (prepared, standings) = self.prepare(request, &program, &catalog)?;
        let (judge, mut draft) = self.draft(request, &program, &prepared, standings, &catalog)?;
        draft.plan.not_permitted = permit::refusals(&catalog, &prepared, &judge, &draft, &read_by_jobs(&judge, &draft));
        then(&judge, &draft)?;
        let review = self.review(&program, &prepared, &judge, &draft, &catalog)?;
        drop(judge);
        Ok(Planned { plan: draft.plan, graph: prepared.graph, program, unmade: prepared.unmade, review })
    }

    /// Builds exactly what a saved plan says, or nothing where it no longer holds.
    pub fn apply(
        &self,
        saved: &Arc<Saved>,
        jobs: Option<usize>,
        keep_going: bool,
        cancel: &Cancel,
        events: &mut dyn FnMut(&Event),
    ) -> Result<Summary, Failure> {
        let options = BuildOptions { keep_going, saved: Some(Arc::clone(saved)) };
        self.build(&saved.request(jobs), &options, cancel, events).map_err(|failure| saved.unresolved(failure))
    }

    pub(super) fn draft<'a>(
        &'a self,
        request: &Request,
        program: &'a Program,
        prepared: &'a Prepared,
        standings: Standings,
        reader: &'a dyn Reader,
    ) -> Result<(Judge<'a>, Draft), Failure> {
        let mut judge = Judge::new(program, &prepared.graph, &prepared.recipes, reader, &self.bytes, clock::now(), standings)?;
        let options = plan::Options { jobs: self.jobs(request), fresh: request.fresh };
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
        let program = self.program_for(request)?;
        let own = self.root.join(OWN);
        fs::create_dir_all(&own).map_err(|e| unwritable(&own, &e))?;
        let waiting = &mut |holder: &str| {
            let message = format!("another build of this project is running ({holder}); waiting for it to end");
            events(&Event::Warning { message });
        };
        let _lock = Lock::take(&own.join("lock"), waiting).map_err(|e| unwritable(&own.join("lock"), &e))?;
        let catalog = self.catalog(Mode::Write)?;
        loop {
            let (prepared, standings) = self.prepare(request, &program, &catalog)?;
            let (mut judge, draft) = self.draft(request, &program, &prepared, standings, &catalog)?;
            let may_run = options.saved.as_ref().map(|saved| saved.holds(&judge, &draft)).transpose()?;
            let read = read_by_jobs(&judge, &draft);
            permit::ask(&catalog, &prepared, &judge, &draft, &read)?;
            // Deciding ends here, unless a source breaks its contract: then all is decided anew, without its bytes.
            let recorded = self.record_sources(&program, &prepared, &catalog, &mut judge, &read)?;
            if recorded.refused {
                continue;
            }
            let counts = &draft.plan.counts;
            events(&Event::Started {
                jobs: draft.verdicts.len(),
                valid: counts.valid + counts.inherited + counts.stale_in_base,
                at_least: draft.plan.at_least,
                at_most: draft.plan.at_most,
                blocked: counts.blocked,
            });
            for on in draft.plan.derivations() {
                events(&Event::Blocked { on: on.clone() });
            }
            let mut warnings = 0;
            for (identity, verdicts) in recorded.warned {
                warnings += verdicts.len();
                events(&Event::Warned { identity, verdicts });
            }
            let actor = clock::actor();
            let moves = permit::permitted(&catalog, keep_label(&judge, &draft, &read))?;
            if !moves.is_empty() {
                catalog.commit(&actor, clock::now(), &moves)?;
            }
            self.bytes.store.sweep();
            let jobs = self.jobs(request);
            let executor = LocalExecutor::new(environment);
            let workshop = LocalWorkshop::new(&program, &self.bytes, executor, &self.root, own, &prepared.contracts, clock::now)
                .map_err(|e| unwritable(&self.root.join(OWN), &e))?;
            let mut capacity: BTreeMap<String, u64> =
                self.config.settings.pools.iter().map(|(name, size)| (name.to_string(), *size)).collect();
            capacity.insert("cpu".into(), jobs as u64);
            capacity.insert("memory".into(), clock::memory());
            let run_options =
                run::Options { jobs, keep_going: options.keep_going, capacity, actor: actor.clone(), clock: clock::now, may_run, warnings };
            let summary = Scheduler::new(judge, draft, &catalog, &workshop, &run_options, cancel, events).run()?;
            let moved: Vec<Change> =
                self.bytes.take_moved().into_iter().map(|(snapshot, stamp)| Change::Restamp { snapshot, stamp }).collect();
            if !moved.is_empty() {
                catalog.commit(&actor, clock::now(), &moved)?;
            }
            return Ok(summary);
        }
    }

    /// From here on the sources that were read count as seen, under the bytes they had; but for those whose bytes break their contract.
    fn record_sources(
        &self,
        program: &Program,
        prepared: &Prepared,
        catalog: &Gate,
        judge: &mut Judge<'_>,
        read: &[bool],
    ) -> Result<RecordedSources, Failure> {
        let mut restamps = Vec::new();
        let mut taken: Vec<Taken> = Vec::new();
        // In the graph's order, so that the same build makes the same record.
        let mut seen: Vec<_> = prepared.seen.iter().collect();
        seen.sort_unstable_by_key(|(node, _)| node.0);
        for (node, (_, sight)) in seen {
            let Some(sight) = sight else { continue };
            let Origin::Source { source, .. } = &prepared.graph.nodes[node.0 as usize].origin else { continue };
            let identity = prepared.graph.nodes[node.0 as usize].identity.clone();
            match permit::recording(prepared, judge, *node, read) {
                Recording::Nothing => continue,
                Recording::Stamp(snapshot) => {
                    restamps.push(Change::Restamp { snapshot, stamp: sight.content.stamp });
                    continue;
                }
                Recording::Lost(copy) => judge.forget(&copy),
                Recording::Bytes => {}
            }
            let base = self.root.join(&sight.found.base);
            let (path, stored, content) = if program.sources[*source].copy {
                let name = base.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                let store = &self.bytes.store;
                let kept = store.take_copy(&base, &identity.repository, &identity.class, &identity.instance, &name)?;
                store.seal(&[(&identity.repository, &kept.path)])?;
                (kept.path, true, kept.content)
            } else {
                (sight.found.path.clone(), false, sight.content)
            };
            let new = NewSnapshot {
                identity,
                content: content.hash,
                kind: content.kind,
                bytes: content.bytes,
                files: content.files,
                path,
                stored,
                stamp: content.stamp,
                looked: Looked::default(),
            };
            taken.push(Taken { node: *node, new, at: base, files: sight.found.files.clone() });
        }
        if taken.is_empty() && restamps.is_empty() {
            return Ok(RecordedSources::default());
        }
        let reports = self.look_at(program, &prepared.contracts, catalog, &mut taken)?;
        let refused = taken.iter().any(|taken| taken.new.looked.refused.is_some());
        let nodes: Vec<NodeIx> = taken.iter().map(|taken| taken.node).collect();
        let good: Vec<NodeIx> = taken.iter().filter(|taken| taken.new.looked.refused.is_none()).map(|taken| taken.node).collect();
        let warned =
            taken.iter().zip(reports).filter(|(taken, report)| taken.new.looked.refused.is_none() && report.warnings().next().is_some());
        let warned = warned.map(|(taken, report)| (taken.new.identity.clone(), report.warnings().cloned().collect())).collect();
        let mut changes: Vec<Change> = taken.into_iter().map(|taken| Change::Source(Box::new(taken.new))).collect();
        changes.extend(permit::permitted(catalog, judge.saw(&good))?);
        changes.extend(restamps);
        let applied = catalog.commit(&clock::actor(), clock::now(), &changes)?;
        if refused {
            return Ok(RecordedSources { refused, warned });
        }
        for (node, applied) in nodes.into_iter().zip(applied) {
            let Applied::Snapshot(id) = applied else { continue };
            if let Some(snapshot) = catalog.snapshots(&[id])?.pop() {
                judge.recorded(node, snapshot);
            }
        }
        Ok(RecordedSources { refused, warned })
    }

    /// Looks at the bytes of sources, many at once.
    fn look_at(&self, program: &Program, contracts: &Contracts, reader: &dyn Reader, taken: &mut [Taken]) -> Result<Vec<Report>, Failure> {
        let own = self.root.join(OWN);
        let looks = Looks { program, contracts, spill: &own, threads: clock::processors() };
        let against = taken.iter().map(|taken| looks.against(reader, &self.bytes, &taken.new.identity)).collect::<Result<Vec<_>, _>>()?;
        let next = AtomicUsize::new(0);
        let seen: Vec<OnceLock<Seen>> = taken.iter().map(|_| OnceLock::new()).collect();
        // Threads of their own: a look may run a query.
        std::thread::scope(|scope| {
            for _ in 0..clock::processors().min(taken.len()) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(one) = taken.get(at) else { return };
                        let _ = seen[at].set(looks.look(&one.new.identity, &one.at, &one.files, &against[at]));
                    }
                });
            }
        });
        let seen = seen.into_iter().map(|seen| seen.into_inner().unwrap_or_default());
        Ok(taken
            .iter_mut()
            .zip(seen)
            .map(|(taken, seen)| {
                taken.new.looked = seen.looked;
                seen.report
            })
            .collect())
    }
}

/// A source's bytes on their way into the catalog.
struct Taken {
    node: NodeIx,
    new: NewSnapshot,
    at: PathBuf,
    files: Vec<String>,
}

/// What recording sources came to.
#[derive(Default)]
struct RecordedSources {
    /// Some broke their contract, and are quarantined now.
    refused: bool,
    warned: Vec<(Identity, Vec<Verdict>)>,
}

/// Formake's own environment, for PATH, HOME and secrets.
#[allow(clippy::disallowed_methods)]
pub(super) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

pub(super) fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Diagnostic::error("E0810", format!("`{}` cannot be written: {error}", path.display()))
        .help("a build keeps its lock, logs and catalog below the project's folder")
        .into()
}
