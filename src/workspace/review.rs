//! What a plan under a label with a base comes down to, from the plan, the catalog and the bytes that are there.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use super::breaks::Looks;
use super::request::Prepared;
use super::{Failure, Workspace};
use crate::catalog::{Filter, Listed, Reader, Run, RunId, SnapshotId};
use crate::formula::program::Program;
use crate::identity::{Identity, Instance, Name};
use crate::plan::columns::Subject;
use crate::plan::review::{self, Facts};
use crate::plan::{Draft, Judge, Review, consumers};
use crate::resolve::JobIx;

impl Workspace {
    /// The review of a plan; nothing where the plan's label has no base.
    pub(super) fn review(
        &self,
        program: &Program,
        prepared: &Prepared,
        judge: &Judge<'_>,
        draft: &Draft,
        reader: &dyn Reader,
    ) -> Result<Option<Review>, Failure> {
        let Some(target) = prepared.graph.targets.first() else { return Ok(None) };
        let label = &judge.identity(*target).label;
        let bases = program.bases.chain(label);
        let Some(base) = bases.first() else { return Ok(None) };
        let listed: Vec<Listed> =
            reader.list(&Filter::default())?.into_iter().filter(|listed| bases.contains(&listed.identity.label)).collect();
        let (made, values) = made(judge, draft, reader)?;
        let held: BTreeSet<(Name, Name)> = listed
            .iter()
            .filter(|listed| listed.snapshot.origin.run().is_some())
            .map(|listed| (listed.identity.class.clone(), listed.identity.repository.clone()))
            .collect();
        let unmade = unmade(&prepared.unmade, &bases, &listed, reader)?;
        let facts = Facts {
            program,
            graph: &prepared.graph,
            plan: &draft.plan,
            recipes: &prepared.recipes,
            label,
            base,
            changed: &draft.based.changed,
            made: &made,
            values: &values,
            held: &held,
            unmade: &unmade,
        };
        let formulas = review::formulas(&facts);
        let changed: BTreeSet<usize> = formulas.iter().filter_map(|formula| formula.id).collect();
        let graph = &prepared.graph;
        let subject =
            Subject { program, graph, plan: &draft.plan, label, bases: &bases, changed: &changed, contracts: &prepared.contracts };
        let newest = newest(&listed);
        let looks = Looks { workspace: self, prepared, judge, label, newest, seen: RefCell::default() };
        let breaks = consumers::breaks(&subject, &looks);
        Ok(Some(review::review(&facts, formulas, breaks)))
    }
}

type Made = (HashMap<JobIx, Run>, HashMap<JobIx, String>);

/// How the base's results of changed jobs were made, and what the jobs' variables and templates read now.
fn made(judge: &Judge<'_>, draft: &Draft, reader: &dyn Reader) -> Result<Made, Failure> {
    let changed = draft.based.changed.iter().enumerate().filter(|(_, changed)| **changed).map(|(index, _)| JobIx(index as u32));
    let by_run: Vec<(JobIx, RunId)> = changed
        .filter_map(|job| {
            let first = judge.instance(job).outputs.first()?;
            Some((job, judge.standings.beneath[first.0 as usize].as_ref()?.current.snapshot.origin.run()?))
        })
        .collect();
    let runs = runs(by_run.iter().map(|(_, run)| *run), reader)?;
    let values = by_run.iter().map(|(job, _)| (*job, judge.variables_json(*job))).collect();
    Ok((by_run.into_iter().filter_map(|(job, run)| Some((job, runs.get(&run)?.clone()))).collect(), values))
}

fn runs(ids: impl Iterator<Item = RunId>, reader: &dyn Reader) -> Result<HashMap<RunId, Run>, Failure> {
    let ids: BTreeSet<RunId> = ids.collect();
    Ok(reader.runs(&ids.into_iter().collect::<Vec<_>>())?.into_iter().map(|run| (run.id, run)).collect())
}

/// What nothing makes any more, with the title and place of the formula that did.
fn unmade(unmade: &[Identity], bases: &[Name], listed: &[Listed], reader: &dyn Reader) -> Result<Vec<(Identity, String, String)>, Failure> {
    let at: HashMap<&Identity, &Listed> = listed.iter().map(|listed| (&listed.identity, listed)).collect();
    let there = |identity: &Identity| bases.iter().find_map(|base| at.get(&identity.under(base)).copied());
    let found: Vec<(&Identity, RunId)> =
        unmade.iter().filter_map(|identity| Some((identity, there(identity)?.snapshot.origin.run()?))).collect();
    let runs = runs(found.iter().map(|(_, run)| *run), reader)?;
    let told = |(identity, run): (&Identity, RunId)| {
        let run = runs.get(&run)?;
        Some((identity.clone(), run.formula.clone(), run.place.clone()))
    };
    Ok(found.into_iter().filter_map(told).collect())
}

fn newest(listed: &[Listed]) -> HashMap<(Name, Name, Name), SnapshotId> {
    let mut newest: HashMap<(Name, Name, Name), (&Instance, SnapshotId)> = HashMap::new();
    for Listed { identity, snapshot, .. } in listed {
        let shelf = (identity.class.clone(), identity.label.clone(), identity.repository.clone());
        let known = newest.entry(shelf).or_insert((&identity.instance, snapshot.id));
        if *known.0 <= identity.instance {
            *known = (&identity.instance, snapshot.id);
        }
    }
    newest.into_iter().map(|(shelf, (_, snapshot))| (shelf, snapshot)).collect()
}
