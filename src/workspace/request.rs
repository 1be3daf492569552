//! What a plan or a build is asked for, and the graph it comes down to.

use std::collections::HashMap;

use super::Workspace;
use super::failure::Failure;
use super::outside::{Outside, Sight};
use super::tools;
use crate::catalog::{Reader, Standing};
use crate::diagnostic::Diagnostic;
use crate::formula::program::Program;
use crate::identity::target::Target;
use crate::identity::{Identity, Name};
use crate::plan::Observed;
use crate::report::look::Look;
use crate::report::reason;
use crate::resolve::{Blocked, Cause, Graph, NodeIx, Origin, Resolver};
use crate::validity::Recipes;

/// What a plan or a build is for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// As typed; none: the project's `targets:`, or else every class that nothing reads.
    pub targets: Vec<String>,
    pub label: Option<String>,
    /// Of a range, only what can be provided.
    pub available: bool,
    pub jobs: Option<usize>,
}

/// A request, resolved and looked at. Nothing has been changed.
pub struct Prepared {
    pub graph: Graph,
    pub recipes: Recipes,
    pub seen: HashMap<NodeIx, (Observed, Option<Sight>)>,
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

    /// Targets to a graph, the tools' answers, and a look at every source.
    pub(super) fn prepare(&self, request: &Request, program: &Program, reader: &dyn Reader) -> Result<Prepared, Failure> {
        let outside = Outside::new(&self.root, program, reader)?;
        let mut resolver = Resolver::new(program, &outside);
        let selected = self.select(request, program, &mut resolver);
        outside.check()?;
        let targets = selected?;
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
        let identities: Vec<Identity> = graph.nodes.iter().map(|n| n.identity.clone()).collect();
        let standings: Vec<Standing> = reader.standings(&identities)?;
        let seen = outside.observe(&graph, &standings)?;
        Ok(Prepared { graph, recipes, seen })
    }
}

/// Reads a target as typed.
pub fn parse(text: &str) -> Result<Target, Failure> {
    Target::parse(text).map_err(|error| {
        Diagnostic::error("E0600", error.to_string()).help("write `class@instance:label`, such as `churn_features@2024-01-01:prod`").into()
    })
}

/// Classes that a formula makes and no formula reads.
fn final_classes(program: &Program) -> Vec<String> {
    let read = |class: &Name| {
        let others = program.readers.get(class).into_iter().flatten();
        let mut others = others.filter(|id| !program.formulas[**id].outputs.iter().any(|o| o.pattern.class == *class));
        others.next().is_some()
    };
    program.makers.keys().filter(|class| !read(class)).map(|class| class.to_string()).collect()
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
