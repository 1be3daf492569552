//! Graphs as pictures: what is drawn, apart from how. Of formulas (a box per dataset class) or of identities.

pub mod mermaid;
pub mod dot;
pub mod svg;
pub mod affected;

use std::collections::{BTreeMap, BTreeSet};

use crate::formula::program::{self, Program};
use crate::identity::{Identity, Name, Pattern};
use crate::report::gather::gathered;
use crate::report::units;
use crate::resolve::{Graph, Origin};

/// More boxes than this are gathered by class.
const BOXES: usize = 60;

/// Boxes and arrows. Arrows go from what is read to what is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    pub boxes: Vec<Node>,
    pub arrows: Vec<Arrow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub title: String,
    /// Smaller lines below the title.
    pub lines: Vec<String>,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Made,
    Source,
    Published,
    Held,
    Blocked,
    /// Under a label with a base: made by a formula that changed.
    Changed,
    Runs,
    MayRun,
    Reused,
    /// Would break.
    Breaks,
    /// What is read as it stands in the base.
    Inherited,
}

impl Kind {
    /// Fill and stroke; what is simply made has none of its own.
    fn colors(self) -> Option<(&'static str, &'static str)> {
        match self {
            Kind::Made => None,
            Kind::Source => Some(("#e8f1fb", "#4a7fc1")),
            Kind::Published => Some(("#fdf3e1", "#c98a1b")),
            Kind::Held => Some(("#f0e9fa", "#8155ba")),
            Kind::Blocked => Some(("#fde8e8", "#c53030")),
            Kind::Changed => Some(("#fef08a", "#a16207")),
            Kind::Runs => Some(("#fef9c3", "#ca8a04")),
            Kind::MayRun => Some(("#fefce8", "#eab308")),
            Kind::Reused => Some(("#dcfce7", "#16a34a")),
            Kind::Breaks => Some(("#fecaca", "#b91c1c")),
            Kind::Inherited => Some(("#f1f5f9", "#94a3b8")),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Arrow {
    pub from: usize,
    pub to: usize,
    /// May be left out: `?`, `|`, `any`.
    pub optional: bool,
}

/// A box of a program's picture: a class under a label, in a repository.
type Shelf = (Name, Name, Name);

/// A box per class (and label and repository, where there are several). With `targets`, only what they need.
pub fn of_program(program: &Program, targets: &[&str]) -> Picture {
    let shelf = |pattern: &Pattern| (pattern.class.clone(), pattern.label.clone(), pattern.repository.clone());
    let mut drawing = Drawing::default();
    for source in &program.sources {
        let line = source.from.as_ref().map_or_else(|| "by hand".to_string(), |path| path.text.clone());
        let kind = if source.from.is_some() { Kind::Source } else { Kind::Published };
        drawing.touch(shelf(&source.pattern), kind, Some(line));
    }
    for formula in &program.formulas {
        for output in &formula.outputs {
            drawing.touch(shelf(&output.pattern), Kind::Made, Some(recipe(&formula.recipe)));
        }
    }
    for formula in &program.formulas {
        for input in &formula.inputs {
            let chosen = formula.variables.iter().enumerate().any(|(i, variable)| {
                let expanded = input.expands.iter().any(|var| usize::from(var.0) == i);
                expanded && matches!(variable.role, program::Role::Expanded { choose: program::Choose::Any, .. })
            });
            let optional = input.optional || input.alternatives.len() > 1 || chosen;
            for pattern in input.alternatives.iter().flat_map(|alternative| alternative.pattern.all()) {
                let from = drawing.touch(shelf(pattern), Kind::Published, None);
                for output in &formula.outputs {
                    let to = drawing.touch(shelf(&output.pattern), Kind::Made, None);
                    drawing.arrow(from, to, optional);
                }
            }
        }
    }
    let mut picture = drawing.finish(program);
    if !targets.is_empty() {
        picture.keep_needed(targets);
    }
    picture
}

#[derive(Default)]
struct Drawing {
    index: BTreeMap<Shelf, usize>,
    shelves: Vec<(Shelf, Kind, BTreeSet<String>)>,
    /// Whether every formula that draws this arrow may leave it out.
    arrows: BTreeMap<(usize, usize), bool>,
    /// Boxes that read their own past.
    rolling: BTreeSet<usize>,
}

impl Drawing {
    fn touch(&mut self, shelf: Shelf, kind: Kind, line: Option<String>) -> usize {
        let at = *self.index.entry(shelf.clone()).or_insert_with(|| {
            self.shelves.push((shelf, kind, BTreeSet::new()));
            self.shelves.len() - 1
        });
        self.shelves[at].2.extend(line);
        at
    }

    fn arrow(&mut self, from: usize, to: usize, optional: bool) {
        if from == to {
            self.rolling.insert(from);
        } else {
            *self.arrows.entry((from, to)).or_insert(true) &= optional;
        }
    }

    fn finish(self, program: &Program) -> Picture {
        let several = |part: fn(&Shelf) -> &Name| self.index.keys().map(part).collect::<BTreeSet<_>>().len() > 1;
        let named = several(|shelf| &shelf.1) || several(|shelf| &shelf.2);
        let node = |(at, ((class, label, repository), kind, recipes)): (usize, &(Shelf, Kind, BTreeSet<String>))| {
            let mut lines = Vec::new();
            let dimensions: Vec<&str> = program.classes.get(class).map_or(vec![], |known| {
                known.dimensions.iter().map(|dimension| dimension.key.as_deref().unwrap_or(dimension.ty.word())).collect()
            });
            lines.extend((!dimensions.is_empty()).then(|| format!("per {}", dimensions.join(", "))));
            lines.extend(named.then(|| format!("{label}/{repository}")));
            // A label reads what its base makes.
            let base = self.shelves.iter().find(|((c, _, r), _, recipes)| (c, r) == (class, repository) && !recipes.is_empty());
            let kind = base.filter(|_| recipes.is_empty()).map_or(kind, |(_, kind, _)| kind);
            lines.extend(match recipes.len() {
                0 if base.is_some() => Some("as in its base".to_string()),
                0 => Some("by hand".to_string()),
                1 => recipes.first().cloned(),
                several => Some(units::count(several, if *kind == Kind::Made { "recipe" } else { "place" })),
            });
            lines.extend(self.rolling.contains(&at).then(|| "reads its own past".to_string()));
            Node { title: class.to_string(), lines, kind: *kind }
        };
        Picture {
            boxes: self.shelves.iter().enumerate().map(node).collect(),
            arrows: self.arrows.iter().map(|(&(from, to), &optional)| Arrow { from, to, optional }).collect(),
        }
    }
}

fn recipe(recipe: &program::Recipe) -> String {
    match &recipe.kind {
        program::Kind::Sql { origin: Some(file), .. } => format!("sql {file}"),
        program::Kind::Sql { .. } => "sql".into(),
        program::Kind::Run { .. } => match recipe.uses.as_slice() {
            [one] => format!("run {}", one.path),
            _ => "run".into(),
        },
        program::Kind::Copy => "copy".into(),
    }
}

/// A box per identity; of big graphs a box per class, label and repository, with counts.
pub fn of_graph(graph: &Graph) -> Picture {
    let kind = |origin: &Origin| match origin {
        Origin::Job { .. } => Kind::Made,
        Origin::Source { .. } => Kind::Source,
        Origin::Published => Kind::Published,
        Origin::Held => Kind::Held,
        Origin::Blocked(_) => Kind::Blocked,
    };
    let apart = graph.nodes.len() <= BOXES;
    let mut boxes: Vec<(Kind, Vec<&Identity>)> = Vec::new();
    let mut index = BTreeMap::new();
    let mut at = Vec::with_capacity(graph.nodes.len());
    for (i, node) in graph.nodes.iter().enumerate() {
        let (identity, kind) = (&node.identity, kind(&node.origin));
        let key = (&identity.class, &identity.label, &identity.repository, kind, if apart { i } else { 0 });
        let number = *index.entry(key).or_insert_with(|| {
            boxes.push((kind, Vec::new()));
            boxes.len() - 1
        });
        boxes[number].1.push(identity);
        at.push(number);
    }
    let mut arrows = BTreeSet::new();
    for job in &graph.jobs {
        for part in job.inputs.iter().flatten() {
            for output in &job.outputs {
                let (from, to) = (at[part.node.0 as usize], at[output.0 as usize]);
                if from != to {
                    arrows.insert(Arrow { from, to, optional: false });
                }
            }
        }
    }
    let node = |(kind, identities): &(Kind, Vec<&Identity>)| {
        let first = identities[0];
        let (_, text) = gathered(identities);
        // The class is the title; what follows it stands below.
        let mut lines = vec![text[first.class.len()..].trim_start_matches('@').trim_start_matches(':').to_string()];
        if identities.len() > 1 {
            lines.push(units::count(identities.len(), "identity"));
        }
        Node { title: first.class.to_string(), lines, kind: *kind }
    };
    Picture { boxes: boxes.iter().map(node).collect(), arrows: arrows.into_iter().collect() }
}

impl Picture {
    /// Leaves only boxes of these titles and what they need.
    fn keep_needed(&mut self, targets: &[&str]) {
        let mut needed: BTreeSet<usize> = (0..self.boxes.len()).filter(|at| targets.contains(&&*self.boxes[*at].title)).collect();
        let mut stack: Vec<usize> = needed.iter().copied().collect();
        while let Some(to) = stack.pop() {
            stack.extend(self.arrows.iter().filter(|arrow| arrow.to == to && needed.insert(arrow.from)).map(|arrow| arrow.from));
        }
        let place: BTreeMap<usize, usize> = needed.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        self.boxes = needed.iter().map(|old| self.boxes[*old].clone()).collect();
        self.arrows = (self.arrows.iter())
            .filter_map(|arrow| Some(Arrow { from: *place.get(&arrow.from)?, to: *place.get(&arrow.to)?, ..*arrow }))
            .collect();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Three boxes with names that every format must escape.
    pub fn hostile() -> Picture {
        let node = |title: &str, line: &str, kind| Node { title: title.into(), lines: vec![line.into()], kind };
        Picture {
            boxes: vec![
                node("raw \"a\" <b>", "raw/<DATE>.csv", Kind::Source),
                node("clean; end", "sql & more #1", Kind::Made),
                node("back\\slash", "per day]", Kind::Held),
            ],
            arrows: vec![Arrow { from: 0, to: 1, optional: false }, Arrow { from: 1, to: 2, optional: true }],
        }
    }

    #[test]
    fn only_what_a_target_needs_is_kept() {
        let mut picture = hostile();
        picture.keep_needed(&["clean; end"]);
        assert_eq!(picture.boxes.len(), 2);
        assert_eq!(picture.arrows, [Arrow { from: 0, to: 1, optional: false }]);
    }
}
