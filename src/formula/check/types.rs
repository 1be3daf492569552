//! Dimensions and types, found by unification over the whole project.
//!
//! What is true here: a component of a class and the variables that stand in it are one thing with one type, in all formulas together. A
//! type is *said* by `<H: hour>` and `<DATE.month>`; where nobody says one, sets, integer ranges and literals *hint* at one; else it is a day
//! without a key, and text with one. All that is said is gathered before anything is concluded, so that the order of files never matters.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::draft::{Draft, Term, Tuple, is_name, plain};
use super::problems::{Problems, list, suggest};
use crate::diagnostic::Diagnostic;
use crate::formula::ast::{self, Domain, Span};
use crate::formula::program::Class;
use crate::formula::settings::Settings;
use crate::identity::{Dimension, Name, Period, Precision, Type};

pub(super) struct Types {
    pub classes: BTreeMap<Name, Class>,
    /// By draft, then name.
    variables: Vec<HashMap<String, Typed>>,
    /// Drafts that disagree with others about dimensions or types: already reported, to be left out.
    pub broken: HashSet<usize>,
}

/// A type, and the place that says or hints it; `None` where it is the default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Typed {
    pub ty: Type,
    pub from: Option<Span>,
}

impl Types {
    pub fn variable(&self, draft: usize, name: &str) -> Typed {
        self.variables[draft].get(name).copied().unwrap_or(Typed { ty: Type::Text, from: None })
    }

    pub fn dimension(&self, class: &str, index: usize) -> Type {
        self.classes.get(class).and_then(|class| class.dimensions.get(index)).map_or(Type::Text, |d| d.ty)
    }
}

/// With its article: `a day`, `an hour`, `text`.
pub(super) fn phrase(ty: Type) -> &'static str {
    match ty {
        Type::Text => "text",
        Type::Int => "an integer",
        Type::Time(Precision::Minute) => "a minute",
        Type::Time(Precision::Hour) => "an hour",
        Type::Time(Precision::Day) => "a day",
        Type::Time(Precision::Week) => "a week",
        Type::Time(Precision::Month) => "a month",
        Type::Time(Precision::Quarter) => "a quarter",
        Type::Time(Precision::Year) => "a year",
    }
}

pub(super) fn infer(drafts: &[Draft<'_>], settings: &Settings, problems: &mut Problems) -> Types {
    let (shapes, mut broken) = shapes(drafts, problems);
    let mut nodes = Nodes::default();
    for (index, draft) in drafts.iter().enumerate() {
        for (tuple, _) in draft.tuples().filter(|(tuple, _)| fits(tuple, &shapes)) {
            nodes.tuple(index, tuple, settings, problems);
        }
    }
    let groups = nodes.groups();
    let mut types: HashMap<usize, Typed> = HashMap::new();
    for (root, group) in &groups {
        types.insert(*root, group.decide());
        if let Some((a, b)) = group.conflict() {
            let message = format!("{} {} in one place and {} in another", group.things(), phrase(a.ty), phrase(b.ty));
            let conflict = Diagnostic::error("E0205", message)
                .at(problems.place(a.span), format!("{} here", phrase(a.ty)))
                .at(problems.place(b.span), format!("{} here", phrase(b.ty)))
                .note("a component has one type in the whole project, and so have all that formulas hand its values on to")
                .help("say the same type in both places, or keep the two apart in different classes");
            problems.report(conflict);
            broken.extend(group.drafts.iter().copied());
        }
    }
    let mut variables: Vec<HashMap<String, Typed>> = vec![HashMap::new(); drafts.len()];
    let mut dimensions: HashMap<(Name, usize), Type> = HashMap::new();
    for (thing, node) in nodes.index.clone() {
        let typed = types[&nodes.find(node)];
        match thing {
            Thing::Dimension(class, i) => drop(dimensions.insert((class, i), typed.ty)),
            Thing::Variable(draft, name) => drop(variables[draft].insert(name, typed)),
        }
    }
    let classes = shapes
        .into_iter()
        .map(|(name, shape)| {
            let typed =
                |(i, key): (usize, Option<Name>)| Dimension { key, ty: dimensions.get(&(name.clone(), i)).copied().unwrap_or(Type::Text) };
            let dimensions = shape.keys.into_iter().enumerate().map(typed).collect();
            (name.clone(), Class { name: name.clone(), dimensions, span: shape.span })
        })
        .collect();
    Types { classes, variables, broken }
}

/// A class's keys, and a use that has them.
struct Shape {
    keys: Vec<Option<Name>>,
    span: Span,
}

fn keys(tuple: &Tuple<'_>) -> Vec<Option<Name>> {
    tuple.components.iter().map(|c| c.key.map(Name::from)).collect()
}

fn fits(tuple: &Tuple<'_>, shapes: &BTreeMap<Name, Shape>) -> bool {
    shapes.get(&tuple.class).is_some_and(|shape| shape.keys == keys(tuple))
}

/// The keys of every class as most of its uses have them (of equally many: as an output or a source has them), and the drafts that differ.
fn shapes(drafts: &[Draft<'_>], problems: &mut Problems) -> (BTreeMap<Name, Shape>, HashSet<usize>) {
    type Votes = Vec<(Vec<Option<Name>>, usize, bool, Span)>;
    let mut votes: BTreeMap<Name, Votes> = BTreeMap::new();
    for (tuple, output) in drafts.iter().flat_map(Draft::tuples) {
        let votes = votes.entry(tuple.class.clone()).or_default();
        let keys = keys(tuple);
        match votes.iter_mut().find(|(known, ..)| *known == keys) {
            Some((_, count, made, _)) => (*count, *made) = (*count + 1, *made || output),
            None => votes.push((keys, 1, output, tuple.ast.span)),
        }
    }
    let shapes: BTreeMap<Name, Shape> = votes
        .into_iter()
        .filter_map(|(class, votes)| {
            let best = votes.into_iter().rev().max_by_key(|(_, count, made, _)| (*count, *made))?;
            Some((class, Shape { keys: best.0, span: best.3 }))
        })
        .collect();
    let mut broken = HashSet::new();
    for (index, draft) in drafts.iter().enumerate() {
        for (tuple, _) in draft.tuples().filter(|(tuple, _)| !fits(tuple, &shapes)) {
            let shape = &shapes[&tuple.class];
            let differs = Diagnostic::error("E0204", format!("`{}` has other dimensions here than elsewhere", tuple.class))
                .at(problems.place(tuple.ast.span), described(&keys(tuple)))
                .at(problems.place(shape.span), described(&shape.keys))
                .note("every use of a class has the same components: as many, with the same keys, in the same order")
                .help("write the same components in both, or give the data another class");
            problems.report(differs);
            broken.insert(index);
        }
        for (tuple, _) in draft.tuples() {
            let mut seen = HashSet::new();
            for component in &tuple.components {
                if component.key.is_some_and(|key| !seen.insert(key)) {
                    let key = component.key.unwrap_or_default();
                    let help = "give each component its own key";
                    problems.error("E0204", format!("the key `{key}` stands twice in one tuple"), component.span, "again here", help);
                    broken.insert(index);
                }
            }
        }
    }
    (shapes, broken)
}

fn described(keys: &[Option<Name>]) -> String {
    let words: Vec<String> =
        keys.iter().map(|key| key.as_ref().map_or_else(|| "one without a key".into(), |key| format!("`{key}=`"))).collect();
    match words.len() {
        0 => "no components here".into(),
        1 => format!("one component here: {}", words[0]),
        n => format!("{n} components here: {}", words.join(", ")),
    }
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Thing {
    Dimension(Name, usize),
    Variable(usize, String),
}

/// How much a piece of evidence weighs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Weight {
    /// A literal, a set, a range.
    Hint,
    Said,
}

#[derive(Clone, Copy, Debug)]
struct Evidence {
    ty: Type,
    span: Span,
    weight: Weight,
}

/// Union-find over things, with the evidence of each.
#[derive(Default)]
struct Nodes {
    index: BTreeMap<Thing, usize>,
    parent: Vec<usize>,
    evidence: Vec<Vec<Evidence>>,
    /// Literals of a component: their type is known only together.
    literals: Vec<Vec<(String, Span)>>,
    keyless: Vec<bool>,
}

impl Nodes {
    fn node(&mut self, thing: Thing) -> usize {
        let next = self.parent.len();
        let node = *self.index.entry(thing).or_insert(next);
        if node == next {
            self.parent.push(next);
            self.evidence.push(vec![]);
            self.literals.push(vec![]);
            self.keyless.push(false);
        }
        node
    }

    fn find(&mut self, node: usize) -> usize {
        let mut root = node;
        while self.parent[root] != root {
            root = self.parent[root];
        }
        self.parent[node] = root;
        root
    }

    fn union(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a.max(b)] = a.min(b);
    }

    fn add(&mut self, node: usize, ty: Type, span: Span, weight: Weight) {
        self.evidence[node].push(Evidence { ty, span, weight });
    }

    fn tuple(&mut self, draft: usize, tuple: &Tuple<'_>, settings: &Settings, problems: &mut Problems) {
        for (i, component) in tuple.components.iter().enumerate() {
            let dimension = self.node(Thing::Dimension(tuple.class.clone(), i));
            self.keyless[dimension] |= component.key.is_none();
            match &component.term {
                Term::Wildcard => {}
                Term::Literal(text, span) => self.literals[dimension].push((text.clone(), *span)),
                Term::Variable(variable) => self.variable(draft, dimension, variable, settings, problems),
            }
        }
    }

    fn variable(&mut self, draft: usize, dimension: usize, variable: &ast::Variable, settings: &Settings, problems: &mut Problems) {
        if !is_name(&variable.expr.base.node) {
            return;
        }
        let node = self.node(Thing::Variable(draft, variable.expr.base.node.clone()));
        match &variable.expr.truncate {
            None => self.union(node, dimension),
            Some(precision) => self.add(dimension, Type::Time(precision.node), variable.span, Weight::Said),
        }
        if let Some(word) = &variable.ty {
            match Type::from_word(&word.node) {
                Some(ty) => self.add(node, ty, word.span, Weight::Said),
                None => {
                    let words = Precision::ALL.iter().map(|p| p.word()).chain(["text", "int"]);
                    let message = format!("there is no type `{}`", word.node);
                    problems.error("E0218", message, word.span, "expected a type", suggest(&word.node, words));
                }
            }
        }
        match &variable.domain {
            Some(Domain::One(word)) if plain(word).is_some_and(|word| settings.sets.contains_key(word)) => {
                self.add(node, Type::Text, word.span, Weight::Hint);
            }
            Some(Domain::Range(first, last)) => {
                let is_int = |expr: &ast::Expr| plain(expr).is_some_and(|text| text.parse::<i64>().is_ok());
                if is_int(first) && is_int(last) {
                    self.add(node, Type::Int, Span { end: last.span.end, ..first.span }, Weight::Hint);
                }
            }
            _ => {}
        }
    }

    fn groups(&mut self) -> BTreeMap<usize, Group> {
        let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
        for (thing, node) in self.index.clone() {
            let group = groups.entry(self.find(node)).or_default();
            group.evidence.extend(self.evidence[node].iter().copied());
            group.literals.extend(self.literals[node].iter().cloned());
            group.keyless |= self.keyless[node];
            if let Thing::Variable(draft, _) = &thing {
                group.drafts.insert(*draft);
            }
            group.nodes.push(thing);
        }
        for group in groups.values_mut() {
            group.evidence.sort_by_key(|e| (std::cmp::Reverse(e.weight), e.span));
        }
        groups
    }
}

/// All that is one thing.
#[derive(Default)]
struct Group {
    nodes: Vec<Thing>,
    drafts: HashSet<usize>,
    /// What is said first, then hints; each in order of place.
    evidence: Vec<Evidence>,
    literals: Vec<(String, Span)>,
    keyless: bool,
}

impl Group {
    fn said(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter().filter(|e| e.weight == Weight::Said)
    }

    fn conflict(&self) -> Option<(Evidence, Evidence)> {
        let first = *self.said().next()?;
        self.said().find(|e| e.ty != first.ty).map(|other| (first, *other))
    }

    fn decide(&self) -> Typed {
        if let Some(evidence) = self.evidence.first().filter(|e| e.weight == Weight::Said || self.hints_agree()) {
            return Typed { ty: evidence.ty, from: Some(evidence.span) };
        }
        if !self.keyless {
            return Typed { ty: Type::Text, from: None };
        }
        let from = self.literals.first().map(|(_, span)| *span);
        let precisions: Vec<Option<Precision>> =
            self.literals.iter().map(|(text, _)| Period::parse_any(text).map(|period| period.precision)).collect();
        match precisions.first() {
            Some(_) if precisions.contains(&None) => Typed { ty: Type::Text, from },
            Some(Some(first)) if precisions.iter().all(|p| *p == Some(*first)) => Typed { ty: Type::Time(*first), from },
            _ => Typed { ty: Type::Time(Precision::Day), from: None },
        }
    }

    fn hints_agree(&self) -> bool {
        self.evidence.windows(2).all(|pair| pair[0].ty == pair[1].ty)
    }

    /// `` components of `raw` and `clean` are ``
    fn things(&self) -> String {
        let mut classes: Vec<&str> =
            self.nodes.iter().filter_map(|t| if let Thing::Dimension(class, _) = t { Some(&**class) } else { None }).collect();
        classes.dedup();
        if classes.len() > 4 {
            return format!("{} and {} more classes are", list(&classes[..3]), classes.len() - 3);
        }
        match classes.len() {
            0 => "a variable is".into(),
            1 => format!("the component of {} is", list(&classes)),
            _ => format!("components of {} are", list(&classes)),
        }
    }
}
