//! What a plan or a build is asked for, and the graph it comes down to.

use std::collections::HashMap;
use std::sync::Arc;

use super::Workspace;
use super::failure::Failure;
use super::outside::{Outside, Sight};
use super::tools;
use crate::catalog::{Filter, Reader};
use crate::diagnostic::Diagnostic;
use crate::formula::program::Program;
use crate::identity::target::Target;
use crate::identity::{Identity, Name};
use crate::plan::{Observed, Standings};
use crate::quality::Contracts;
use crate::report::look::Look;
use crate::report::reason;
use crate::resolve::{Blocked, Cause, Graph, NodeIx, Origin, Resolver};
use crate::validity::Recipes;

/// What a plan or a build is for.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// As typed; none: the project's `targets:`, or else every class that nothing reads.
    pub targets: Vec<String>,
    pub label: Option<String>,
    /// Of a range, only what can be provided.
    pub available: bool,
    /// Of this machine, now: no part of a saved plan.
    #[serde(skip)]
    pub jobs: Option<usize>,
    /// Under a label with a base, make what is stale in the base too.
    pub fresh: bool,
    /// In place of targets: the identities that this label holds.
    pub like: Option<Like>,
}

/// Targets taken from what another label holds now: what runs made for it, receipts of `effect` jobs left out.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Like {
    /// `None`: the base of the label asked for.
    pub label: Option<String>,
    /// Of instances with a time, only those of the last so many seconds before the newest.
    pub last: Option<f64>,
    /// Only these classes; none: all.
    pub classes: Vec<String>,
}

/// A request, resolved and looked at. Nothing has been changed.
pub struct Prepared {
    pub graph: Graph,
    pub recipes: Recipes,
    pub seen: HashMap<NodeIx, (Observed, Option<Sight>)>,
    /// What the label that was looked at for targets holds, and no formula makes any more.
    pub unmade: Vec<Identity>,
    pub contracts: Arc<Contracts>,
}

impl Prepared {
    /// What the sources show, for the plan.
    pub fn observed(&self) -> HashMap<NodeIx, Observed> {
        self.seen.iter().map(|(node, (observed, _))| (*node, observed.clone())).collect()
    }
}

impl Workspace {
    pub(super) fn label(&self, asked: Option<&str>) -> Name {
        asked.map_or_else(|| self.config.settings.default_label.clone(), Into::into)
    }

    /// The program as it is under the labels that a request names.
    pub(super) fn program_for(&self, request: &Request) -> Result<Program, Failure> {
        let mut labels = vec![self.label(request.label.as_deref())];
        labels.extend(request.targets.iter().filter_map(|text| parse(text).ok()?.label));
        Ok(self.program()?.under(&labels))
    }

    /// The label whose identities are the targets, where a request names none.
    fn like(&self, request: &Request) -> Option<(Name, Like)> {
        let base = self.config.settings.bases.of(&self.label(request.label.as_deref()));
        match &request.like {
            Some(like) => Some((like.label.as_deref().map(Into::into).or(base)?, like.clone())),
            None if request.targets.is_empty() => Some((base?, Like::default())),
            None => None,
        }
    }

    /// The targets as identities, resolved.
    pub(super) fn select(&self, request: &Request, program: &Program, resolver: &mut Resolver<'_>) -> Result<Vec<Identity>, Failure> {
        let texts = match request.targets.as_slice() {
            [] if !self.config.targets.is_empty() => self.config.targets.clone(),
            [] => final_classes(program),
            named => named.to_vec(),
        };
        if texts.is_empty() {
            return Err(Diagnostic::error("E0614", "no target is named, and the project has no formulas")
                .help("write a formula, or start with `formake init`")
                .into());
        }
        let label = self.label(request.label.as_deref());
        let mut identities = Vec::new();
        let mut problems = Vec::new();
        for text in &texts {
            match parse(text)
                .and_then(|target| resolver.select(&target, &label, request.available).map_err(|e| Failure::from(e.diagnostic())))
            {
                Ok(selection) => identities.extend(selection.identities),
                Err(failure) => problems.extend(failure.diagnostics),
            }
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let mut seen = std::collections::HashSet::new();
        identities.retain(|identity| seen.insert(identity.clone()));
        Ok(identities)
    }

    /// What another label holds, under the label asked for; and what of that nothing makes.
    fn alike(
        &self,
        request: &Request,
        (holder, like): &(Name, Like),
        reader: &dyn Reader,
        resolver: &Resolver<'_>,
    ) -> Result<(Vec<Identity>, Vec<Identity>), Failure> {
        let label = self.label(request.label.as_deref());
        let chain = self.config.settings.bases.chain(holder);
        let listed = reader.list(&Filter::default())?.into_iter();
        let mut held: Vec<Identity> = listed
            .filter(|l| l.identity.label == *holder || chain.contains(&l.identity.label))
            .filter(|l| {
                l.snapshot.origin.run().is_some() && (like.classes.is_empty() || like.classes.iter().any(|c| **c == *l.identity.class))
            })
            .map(|l| l.identity.under(&label))
            .collect();
        held.sort();
        held.dedup();
        if let Some(last) = like.last {
            let start = |identity: &Identity| identity.instance.time().map(|time| time.start_minutes());
            let newest = held.iter().filter_map(start).max().unwrap_or_default();
            held.retain(|identity| start(identity).is_none_or(|start| ((newest - start) as f64) * 60.0 < last));
        }
        // What acts on the outside is done for who asks for it by name.
        held.retain(|identity| !resolver.is_effect(identity));
        Ok(held.into_iter().partition(|identity| resolver.made_by(identity).is_some()))
    }

    /// Targets to a graph, the tools' answers, and a look at every source; with what the identities stand for.
    pub(super) fn prepare(&self, request: &Request, program: &Program, reader: &dyn Reader) -> Result<(Prepared, Standings), Failure> {
        let contracts = self.contracts()?;
        let outside = Outside::new(&self.root, program, &contracts, reader)?;
        let mut resolver = Resolver::new(program, &outside);
        let (mut alike, mut unmade) = (Vec::new(), Vec::new());
        let like = self.like(request);
        if let Some(like) = &like {
            (alike, unmade) = self.alike(request, like, reader, &resolver)?;
            if alike.is_empty() && unmade.is_empty() && request.like.is_some() {
                return Err(Diagnostic::error("E0617", format!("{} holds nothing like that which a run made", like.0))
                    .help("name targets, or another label: `--like LABEL`; `formake ls` shows what there is")
                    .into());
            }
        }
        // A label that is asked for nothing in particular is what its base is.
        let selected = if alike.is_empty() && unmade.is_empty() { self.select(request, program, &mut resolver) } else { Ok(alike) };
        outside.check()?;
        let targets = selected?;
        refuse_mixture(program, &targets)?;
        for target in &targets {
            resolver.node(target);
        }
        // A few examples say enough.
        for target in targets.iter().take(50) {
            resolver.name_first_complete(target);
        }
        outside.check()?;
        let graph = resolver.finish(&targets);
        refuse_mistakes(&graph)?;
        let answers = tools::ask(&self.root, program, graph.jobs.iter().map(|job| job.formula))?;
        let recipes = Recipes::new(program, &answers);
        let standings = Standings::read(program, &graph, reader)?;
        let seen = outside.observe(&graph, &standings)?;
        Ok((Prepared { graph, recipes, seen, unmade, contracts }, standings))
    }
}

/// Reads a target as typed.
pub fn parse(text: &str) -> Result<Target, Failure> {
    Target::parse(text).map_err(|error| {
        Diagnostic::error("E0600", error.to_string()).help("write `class@instance:label`, such as `churn_features@2024-01-01:prod`").into()
    })
}

/// Classes that a formula makes and no formula reads.
pub(super) fn final_classes(program: &Program) -> Vec<String> {
    let read = |class: &Name| {
        let others = program.readers.get(class).into_iter().flatten();
        let mut others = others.filter(|id| !program.formulas[**id].outputs.iter().any(|o| o.pattern.class == *class));
        others.next().is_some()
    };
    program.makers.keys().filter(|class| !read(class)).map(|class| class.to_string()).collect()
}

/// A label with a base is planned and built alone: what it inherits must stand still meanwhile.
fn refuse_mixture(program: &Program, targets: &[Identity]) -> Result<(), Failure> {
    let Some(based) = targets.iter().find(|target| program.bases.of(&target.label).is_some()) else { return Ok(()) };
    match targets.iter().find(|target| target.label != based.label) {
        None => Ok(()),
        Some(other) => Err(Diagnostic::error("E0618", format!("{} and {} are targets of one request", based.label, other.label))
            .note(format!("{} falls through to a base, and reads what stands there", based.label))
            .help("ask for one of the two labels at a time")
            .into()),
    }
}

/// Targets that cannot be provided because the formulas are wrong, rather than for want of data.
fn refuse_mistakes(graph: &Graph) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for target in &graph.targets {
        let Origin::Blocked(why) = &graph.nodes[target.0 as usize].origin else { continue };
        let code = match (&why.cause, &why.root().cause) {
            (Cause::NoMaker, _) => "E0610",
            (_, Cause::Ambiguous { .. }) => "E0611",
            (_, Cause::Cycle { .. }) => "E0612",
            (_, Cause::Unbounded { .. }) => "E0613",
            _ => continue,
        };
        problems.push(derivation(code, why));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

/// A failed derivation as a diagnostic.
pub fn derivation(code: &'static str, why: &Blocked) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(code, format!("{} cannot be provided", why.identity));
    for line in reason::derivation(why, &Look::plain()) {
        match line.trim().strip_prefix("help: ") {
            Some(help) => diagnostic = diagnostic.help(help),
            None => diagnostic = diagnostic.note(line.trim()),
        }
    }
    diagnostic
}
