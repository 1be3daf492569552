//! What moved between a saved plan and one of today: a comparison of witnesses and steps.
//!
//! What is true here: where anything differs, something is told; causes are, and what follows from them is not.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::action::{Action, Plan};
use super::witness::{SeenJob, SeenNode, SeenRecipe, SeenStep, Stood, Witness};
use crate::digest::ContentHash;
use crate::validity::{Difference, Reason, manifest};

/// One thing that is no longer as it was.
#[derive(Clone, Debug, PartialEq)]
pub enum Moved {
    /// Of a formula, whatever its jobs.
    Recipe {
        formula: String,
        place: String,
        differences: Vec<Difference>,
    },
    /// Variables, and what templates read.
    Values {
        identity: String,
        differences: Vec<Difference>,
    },
    /// A job reads other parts.
    Parts {
        identity: String,
        input: String,
        gone: Vec<String>,
        new: Vec<String>,
    },
    /// The bytes of a source, of a publication, or of what is held.
    Content {
        identity: String,
        was: Option<ContentHash>,
        is: Option<ContentHash>,
    },
    Pointer {
        identity: String,
        of_base: bool,
        was: Option<Stood>,
        is: Option<Stood>,
    },
    /// For another reason: bytes that are lost, time that went by, a hold, a result under another label.
    Action {
        identity: String,
        was: String,
        is: String,
        why: Option<Reason>,
    },
    /// In a way that nothing above tells.
    Key {
        identity: String,
    },
    /// It is now, or was before, part of what the targets need.
    Needed {
        identity: String,
        now: bool,
    },
}

/// What moved between a saved plan and one of today, causes before what follows from them; what follows is not told. Nothing: they are the same.
pub fn moved(was: (&Witness, &[SeenStep]), is: (&Witness, &Plan)) -> Vec<Moved> {
    let mut moved = differences(was, (is.0, &SeenStep::of(is.1)));
    for one in &mut moved {
        let Moved::Action { identity, why, .. } = one else { continue };
        let step = is.1.steps.iter().find(|step| step.identity.to_string() == *identity);
        *why = step.and_then(|step| match &step.action {
            Action::Run { why } | Action::Reuse { why, .. } => Some(why.clone()),
            _ => None,
        });
    }
    moved
}

fn differences(was: (&Witness, &[SeenStep]), is: (&Witness, &[SeenStep])) -> Vec<Moved> {
    let comparison = Comparison {
        was_nodes: was.0.nodes.iter().map(|node| (&*node.identity, node)).collect(),
        was_jobs: by_output(&was.0.jobs),
        is_jobs: by_output(&is.0.jobs),
        was_steps: was.1.iter().map(|step| (&*step.identity, step)).collect(),
        is_steps: is.1.iter().map(|step| (&*step.identity, step)).collect(),
        was: was.0,
        is: is.0,
        touched: HashSet::new(),
        recipes: HashSet::new(),
        found: Vec::new(),
    };
    comparison.run()
}

fn by_output(jobs: &[SeenJob]) -> HashMap<&str, &SeenJob> {
    jobs.iter().flat_map(|job| job.outputs.iter().map(move |output| (&**output, job))).collect()
}

struct Comparison<'a> {
    was: &'a Witness,
    is: &'a Witness,
    was_nodes: HashMap<&'a str, &'a SeenNode>,
    was_jobs: HashMap<&'a str, &'a SeenJob>,
    is_jobs: HashMap<&'a str, &'a SeenJob>,
    was_steps: HashMap<&'a str, &'a SeenStep>,
    is_steps: HashMap<&'a str, &'a SeenStep>,
    /// Identities of which something was told, or which follow from such.
    touched: HashSet<&'a str>,
    /// Pairs of recipes that were told.
    recipes: HashSet<(usize, usize)>,
    found: Vec<Moved>,
}

impl<'a> Comparison<'a> {
    fn run(mut self) -> Vec<Moved> {
        let mut new = Vec::new();
        for node in &self.is.nodes {
            let Some(before) = self.was_nodes.remove(&*node.identity) else {
                self.touched.insert(&node.identity);
                new.push(Moved::Needed { identity: node.identity.clone(), now: true });
                continue;
            };
            let told = self.found.len();
            let mut follows = false;
            let (was_job, is_job) = (self.was_jobs.get(&*node.identity).copied(), self.is_jobs.get(&*node.identity).copied());
            match (was_job, is_job) {
                (Some(was), Some(is)) => follows = self.job(&node.identity, was, is),
                (None, None) if before.content != node.content => {
                    self.found.push(Moved::Content { identity: node.identity.clone(), was: before.content, is: node.content });
                }
                // The step tells.
                _ => {}
            }
            for (of_base, was, is) in [(false, before.stands, node.stands), (true, before.base, node.base)] {
                // Of what no job makes, the bytes were told.
                if was != is && (is_job.is_some() || self.found.len() == told) {
                    self.found.push(Moved::Pointer { identity: node.identity.clone(), of_base, was, is });
                }
            }
            if !follows && self.found.len() == told {
                self.step(node);
            }
            if !follows && self.found.len() == told && before.content != node.content {
                self.found.push(Moved::Key { identity: node.identity.clone() });
            }
            if follows || self.found.len() > told {
                self.touched.insert(&node.identity);
            }
        }
        if self.found.is_empty() {
            self.found = new;
            let nodes: HashSet<&str> = self.was.nodes.iter().map(|node| &*node.identity).collect();
            let gone = self.was.nodes.iter().filter(|node| self.was_nodes.contains_key(&*node.identity)).map(|node| &*node.identity);
            let mut steps: Vec<&str> = self.was_steps.keys().copied().collect();
            steps.retain(|step| !self.is_steps.contains_key(step) && !nodes.contains(step));
            steps.sort_unstable();
            self.found.extend(gone.chain(steps).map(|identity| Moved::Needed { identity: identity.into(), now: false }));
        }
        self.found
    }

    /// What differs of a job; whether the rest follows from what was told of it, or of what it reads.
    fn job(&mut self, identity: &str, was: &'a SeenJob, is: &'a SeenJob) -> bool {
        let told = self.found.len();
        let above = is.inputs.iter().flat_map(|input| &input.parts).any(|part| self.touched.contains(&**part));
        if is.outputs.first().is_some_and(|first| first != identity) && was.outputs == is.outputs {
            // Told of its first output.
            return above || self.differs(was, is);
        }
        let recipes = (was.recipe, is.recipe);
        let mut follows = self.recipes.contains(&recipes);
        if !follows && let (Some(old), Some(new)) = (self.was.recipes.get(was.recipe), self.is.recipes.get(is.recipe)) {
            let differences = manifest::differences(&old.parts, &new.parts);
            if !differences.is_empty() {
                follows = true;
                self.recipes.insert(recipes);
                let SeenRecipe { formula, place, .. } = new;
                self.found.push(Moved::Recipe { formula: formula.clone(), place: place.clone(), differences });
            }
        }
        let listed = |values: &BTreeMap<String, String>| values.iter().map(|(n, v)| (n.clone(), v.clone())).collect::<Vec<_>>();
        let mut differences = manifest::differences(&listed(&was.values), &listed(&is.values));
        if was.outputs != is.outputs {
            let outputs = |job: &SeenJob| Some(job.outputs.join(", "));
            differences.push(Difference { part: "outputs".into(), old: outputs(was), new: outputs(is) });
        }
        if !differences.is_empty() {
            self.found.push(Moved::Values { identity: identity.into(), differences });
        }
        self.parts(identity, was, is, follows);
        follows |= above || self.found.len() > told;
        if !follows && self.differs(was, is) {
            self.found.push(Moved::Key { identity: identity.into() });
            follows = true;
        }
        follows
    }

    fn differs(&self, was: &SeenJob, is: &SeenJob) -> bool {
        was.fixed != is.fixed || was.key != is.key || was.inputs != is.inputs
    }

    /// Parts that an input lost or gained; inputs that the recipe named before, or names now, it has told.
    fn parts(&mut self, identity: &str, was: &SeenJob, is: &SeenJob, recipe_told: bool) {
        let parts = |job: &SeenJob, name: &str| -> Option<Vec<String>> {
            job.inputs.iter().find(|input| input.name == name).map(|input| input.parts.clone())
        };
        let mut names: Vec<&String> = is.inputs.iter().chain(&was.inputs).map(|input| &input.name).collect();
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(*name));
        for name in names {
            let (old, new) = (parts(was, name), parts(is, name));
            if recipe_told && (old.is_none() || new.is_none()) {
                continue;
            }
            let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
            let without = |all: &[String], other: &[String]| all.iter().filter(|part| !other.contains(part)).cloned().collect::<Vec<_>>();
            let (gone, added) = (without(&old, &new), without(&new, &old));
            if !gone.is_empty() || !added.is_empty() {
                self.found.push(Moved::Parts { identity: identity.into(), input: name.clone(), gone, new: added });
            }
        }
    }

    fn step(&mut self, node: &SeenNode) {
        let (was, is) = (self.was_steps.get(&*node.identity), self.is_steps.get(&*node.identity));
        if was != is {
            let words = |step: Option<&&SeenStep>| step.map_or_else(|| "nothing".to_string(), |step| step.words());
            self.found.push(Moved::Action { identity: node.identity.clone(), was: words(was), is: words(is), why: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::witness::SeenInput;
    use super::*;
    use crate::catalog::SnapshotId;
    use crate::digest::{FixedHash, Key, of_bytes};

    fn stood(snapshot: i64) -> Option<Stood> {
        Some(Stood { snapshot: SnapshotId(snapshot), content: of_bytes(b"") })
    }

    type Decided = (Witness, Vec<SeenStep>);

    /// `raw`, from which `a` is made, from which `b` is made; each job's key is made of `raw`'s bytes.
    fn chain(raw: &str, param: &str) -> Decided {
        let content = of_bytes(raw.as_bytes());
        let recipe = |name: &str, param: &str| SeenRecipe {
            formula: name.into(),
            place: String::new(),
            parts: vec![("param k".into(), param.into())],
        };
        let job = |recipe, output: &str, input: &str| SeenJob {
            outputs: vec![output.into()],
            recipe,
            values: BTreeMap::new(),
            inputs: vec![SeenInput { name: input.into(), parts: vec![input.into()] }],
            fixed: FixedHash(of_bytes(if output == "a" { param } else { "" }.as_bytes()).0),
            key: Some(Key(content.0)),
        };
        let node = |identity: &str, content, stands| SeenNode { identity: identity.into(), content, stands, base: None };
        let step = |identity: &str, action: &str| SeenStep { identity: identity.into(), action: action.into(), snapshot: None };
        let witness = Witness {
            recipes: vec![recipe("raw -> a", param), recipe("a -> b", "")],
            jobs: vec![job(0, "a", "raw"), job(1, "b", "a")],
            nodes: vec![node("raw", Some(content), None), node("a", None, stood(1)), node("b", None, stood(2))],
        };
        (witness, vec![step("raw", "source"), step("a", "run"), step("b", "may_run")])
    }

    fn told(was: &Decided, is: &Decided) -> Vec<Moved> {
        differences((&was.0, &was.1), (&is.0, &is.1))
    }

    #[test]
    fn causes_are_told_and_what_follows_is_not() {
        let was = chain("x", "1");
        assert_eq!(told(&was, &chain("x", "1")), []);
        let bytes = |text: &str| Some(of_bytes(text.as_bytes()));
        assert_eq!(told(&was, &chain("y", "1")), [Moved::Content { identity: "raw".into(), was: bytes("x"), is: bytes("y") }]);
        let mut is = chain("x", "2");
        is.1[2].action = "run".into();
        let differences = vec![Difference { part: "param k".into(), old: Some("1".into()), new: Some("2".into()) }];
        assert_eq!(told(&was, &is), [Moved::Recipe { formula: "raw -> a".into(), place: String::new(), differences }]);
    }

    #[test]
    fn nothing_that_differs_is_told_as_nothing() {
        let was = chain("x", "1");
        let changes: [fn(&mut Decided); 8] = [
            |is| is.0.nodes[2].stands = stood(3),
            |is| is.0.nodes[1].base = stood(3),
            |is| is.1[2].action = "run".into(),
            |is| is.1[2].snapshot = Some(SnapshotId(1)),
            |is| is.0.jobs[1].key = None,
            |is| is.0.jobs[0].inputs[0].parts.push("more".into()),
            |is| drop(is.0.nodes.pop()),
            |is| drop(is.1.pop()),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut is = chain("x", "1");
            change(&mut is);
            assert_eq!(told(&was, &is).len(), 1, "change {index}");
            assert_eq!(told(&is, &was).len(), 1, "change {index}, the other way");
        }
    }
}
