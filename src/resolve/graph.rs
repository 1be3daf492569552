//! The graph of identities: who makes what from what.

use std::collections::HashMap;
use std::sync::Arc;

use crate::digest::ContentHash;
use crate::identity::pattern::Mismatch;
use crate::identity::{Binding, Identity, Value};

/// An index into [`Graph::nodes`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeIx(pub u32);

/// An index into [`Graph::jobs`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct JobIx(pub u32);

/// All that the targets need. Jobs stand in topological order: what a job reads is made by jobs before it.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub jobs: Vec<Instance>,
    pub targets: Vec<NodeIx>,
    pub index: HashMap<Identity, NodeIx>,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub identity: Identity,
    pub origin: Origin,
}

/// What an identity comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Output `output` of a job.
    Job { job: JobIx, output: usize },
    /// A source with a path pattern: its file is there, or was.
    Source { source: usize, binding: Binding },
    /// Published by hand.
    Published,
    /// Held: stays as it is.
    Held,
    /// It cannot be provided.
    Blocked(Arc<Blocked>),
}

/// One instantiated formula.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Index into the program's formulas.
    pub formula: usize,
    /// Values of the variables that have one; expanded ones are `None`, their values stand in the parts.
    pub binding: Binding,
    /// By the formula's inputs.
    pub inputs: Vec<Vec<Part>>,
    pub outputs: Vec<NodeIx>,
}

/// One identity of an input: the only one, or one of a fan-in.
#[derive(Clone, Debug)]
pub struct Part {
    pub node: NodeIx,
    /// Which alternative of the input it came from.
    pub alternative: usize,
    /// Values of the expanded variables, in the order of the input's `expands`.
    pub values: Vec<Value>,
}

/// Why something cannot be provided: a derivation, from what was asked for to what is missing.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Blocked {
    pub identity: Identity,
    pub cause: Cause,
    /// Candidates that did not fit, nearest first.
    pub near: Vec<Near>,
    /// So many links are left out between this one and that of its cause: see [`Blocked::shortened`].
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Links of a derivation that are written at each of its ends.
const WRITTEN: usize = 16;

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// No formula and no source makes it.
    NoMaker,
    /// The source's file is not there and never was.
    NoFile {
        path: String,
    },
    /// It is published by hand, and nobody did.
    NotPublished,
    /// Its bytes are gone or damaged, a job must read them, and nothing makes them again.
    BytesGone,
    /// It is of a label that the one asked for falls through to, and was not made or read there as it is now: a build of the other one reads
    /// it, and never makes it.
    NotMadeInBase {
        /// The label asked for.
        label: String,
    },
    /// Its recorded bytes were invalidated.
    Condemned {
        content: ContentHash,
    },
    /// Its bytes break the contract of its class.
    Quarantined {
        because: String,
    },
    /// It was rolled back to nothing, and is held so.
    HeldEmpty {
        because: String,
    },
    /// Outside `since` and `until`, or not in the set.
    OutsideLife {
        since: Option<String>,
        until: Option<String>,
    },
    NotInDomain {
        variable: String,
        value: Value,
    },
    /// A needed input cannot be provided.
    Input {
        name: String,
        because: Arc<Blocked>,
        /// For a target with a window: the next instance whose window is complete.
        #[serde(skip_serializing_if = "Option::is_none")]
        first_complete: Option<Identity>,
    },
    /// A fan-in, `latest` or `any` without a single part.
    NoPart {
        name: String,
        because: Option<Arc<Blocked>>,
    },
    /// Several formulas or sources make it (places of each).
    Ambiguous {
        places: Vec<String>,
    },
    /// A `*` over a class whose instances nothing bounds.
    Unbounded {
        class: String,
        formula: String,
        variable: String,
    },
    /// It needs itself.
    Cycle {
        through: Vec<Identity>,
    },
}

impl Blocked {
    /// The derivation, from what was asked for to what is missing.
    pub fn chain(&self) -> Vec<&Blocked> {
        let mut chain = vec![self];
        let mut end = self;
        while let Cause::Input { because, .. } | Cause::NoPart { because: Some(because), .. } = &end.cause {
            end = because;
            chain.push(end);
        }
        chain
    }

    pub fn new(identity: Identity, cause: Cause) -> Self {
        Self { identity, cause, near: Vec::new(), omitted: 0 }
    }

    /// The derivation without the middle of a long one: what is written has each link inside the one before, and not every reader goes so deep.
    pub fn shortened(&self) -> Self {
        let chain = self.chain();
        let Some(omitted) = chain.len().checked_sub(2 * WRITTEN).filter(|omitted| *omitted > 0) else { return self.clone() };
        let mut short = chain[WRITTEN + omitted].clone();
        for (distance, link) in chain[..WRITTEN].iter().rev().enumerate() {
            let mut link = (*link).clone();
            if let Cause::Input { because, .. } | Cause::NoPart { because: Some(because), .. } = &mut link.cause {
                *because = Arc::new(short);
            }
            link.omitted = if distance == 0 { omitted } else { 0 };
            short = link;
        }
        short
    }

    /// For `serialize_with`.
    pub fn write_shortened<S: serde::Serializer>(on: &Arc<Self>, serializer: S) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(&on.shortened(), serializer)
    }

    /// It is there, and nobody may read it: it is chosen as if it could be provided, and what chose it is blocked.
    pub fn is_refused(&self) -> bool {
        matches!(self.root().cause, Cause::Quarantined { .. })
    }

    /// The end of the derivation: what is missing.
    pub fn root(&self) -> &Blocked {
        let mut end = self;
        while let Cause::Input { because, .. } | Cause::NoPart { because: Some(because), .. } = &end.cause {
            end = because;
        }
        end
    }
}

/// A formula or source that came near, and the part that did not fit.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Near {
    pub title: String,
    pub place: String,
    pub mismatch: Mismatch,
}

/// What the targets need of all that was resolved, renumbered; the order, which is topological, stays.
pub fn reachable(nodes: Vec<Node>, jobs: Vec<Instance>, targets: &[NodeIx]) -> Graph {
    const OUT: u32 = u32::MAX;
    let mut job_at = vec![OUT; jobs.len()];
    let mut node_at = vec![OUT; nodes.len()];
    let mut stack: Vec<NodeIx> = targets.to_vec();
    while let Some(ix) = stack.pop() {
        if node_at[ix.0 as usize] != OUT {
            continue;
        }
        node_at[ix.0 as usize] = 0;
        if let Origin::Job { job, .. } = &nodes[ix.0 as usize].origin
            && job_at[job.0 as usize] == OUT
        {
            job_at[job.0 as usize] = 0;
            let job = &jobs[job.0 as usize];
            stack.extend(job.outputs.iter().copied());
            stack.extend(job.inputs.iter().flatten().map(|part| part.node));
        }
    }
    for at in [&mut job_at, &mut node_at] {
        for (next, place) in at.iter_mut().filter(|place| **place != OUT).enumerate() {
            *place = next as u32;
        }
    }
    let mut graph = Graph { targets: targets.iter().map(|t| NodeIx(node_at[t.0 as usize])).collect(), ..Graph::default() };
    for (old, mut node) in nodes.into_iter().enumerate().filter(|(old, _)| node_at[*old] != OUT) {
        if let Origin::Job { job, .. } = &mut node.origin {
            *job = JobIx(job_at[job.0 as usize]);
        }
        graph.index.insert(node.identity.clone(), NodeIx(node_at[old]));
        graph.nodes.push(node);
    }
    for (_, mut job) in jobs.into_iter().enumerate().filter(|(old, _)| job_at[*old] != OUT) {
        for node in job.outputs.iter_mut().chain(job.inputs.iter_mut().flatten().map(|part| &mut part.node)) {
            *node = NodeIx(node_at[node.0 as usize]);
        }
        graph.jobs.push(job);
    }
    graph
}
