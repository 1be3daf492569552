//! What the identities of a graph stand for before anything is done; under a label with a base, what the base stands for too.

use std::collections::{BTreeSet, HashMap};

use crate::catalog::{self, Current, Reader, Saw, Standing};
use crate::formula::program::Program;
use crate::identity::{Identity, Name};
use crate::resolve::{Graph, Origin};

/// By node.
#[derive(Default)]
pub struct Standings {
    pub own: Vec<Standing>,
    /// What shows through from below; `None` where the label has no base, or the base stands for nothing.
    pub beneath: Vec<Option<Beneath>>,
    /// Whose label has a base.
    pub based: Vec<bool>,
    /// Whose label is one that the targets' label falls through to: read as it stands, and never written.
    pub foreign: Vec<bool>,
}

/// What a base stands for, and under which of its identities.
#[derive(Clone, Debug, PartialEq)]
pub struct Beneath {
    pub from: Identity,
    pub current: Current,
}

impl Standings {
    /// Reads all at one moment.
    pub fn read(program: &Program, graph: &Graph, reader: &dyn Reader) -> catalog::Result<Self> {
        let mut chains: HashMap<Name, Vec<Name>> = HashMap::new();
        for node in &graph.nodes {
            if !chains.contains_key(&node.identity.label) {
                chains.insert(node.identity.label.clone(), program.bases.chain(&node.identity.label));
            }
        }
        let targets: BTreeSet<&Name> = graph.targets.iter().map(|t| &graph.nodes[t.0 as usize].identity.label).collect();
        let below: BTreeSet<&Name> = targets.iter().flat_map(|label| &chains[*label]).filter(|label| !targets.contains(label)).collect();
        let mut identities: Vec<Identity> = graph.nodes.iter().map(|node| node.identity.clone()).collect();
        for node in &graph.nodes {
            identities.extend(chains[&node.identity.label].iter().map(|base| node.identity.under(base)));
        }
        let mut own = reader.standings(&identities)?;
        let mut further = own.split_off(graph.nodes.len()).into_iter().zip(&identities[graph.nodes.len()..]);
        let mut all = Self { own, ..Self::default() };
        for node in &graph.nodes {
            let chain = &chains[&node.identity.label];
            let mut seen = None;
            let mut ends = false;
            for (standing, identity) in further.by_ref().take(chain.len()) {
                if seen.is_none() && !ends {
                    // Held empty: the base stands for nothing, whatever is below it.
                    ends = standing.hold.is_some() && standing.current.is_none();
                    seen = standing.current.map(|current| Beneath { from: identity.clone(), current });
                }
            }
            all.beneath.push(seen);
            all.based.push(!chain.is_empty());
            all.foreign.push(below.contains(&node.identity.label));
        }
        Ok(all)
    }

    /// What shows through from the base, as a build of the label remembers it.
    pub fn saw(&self, node: usize) -> Saw {
        self.beneath[node].as_ref().map(|beneath| beneath.current.snapshot.id)
    }

    /// Whether what a leaf (published, held) stands for was said under its own label, rather than shows through.
    pub fn is_said(&self, node: usize, origin: &Origin) -> bool {
        let own = &self.own[node];
        match origin {
            Origin::Held => own.hold.is_some(),
            _ => own.current.as_ref().is_some_and(|current| current.snapshot.origin == catalog::Origin::Published),
        }
    }

    /// What a leaf stands for.
    pub fn leaf(&self, node: usize, origin: &Origin) -> Option<&Current> {
        let own = self.own[node].current.as_ref();
        let beneath = self.beneath[node].as_ref().map(|beneath| &beneath.current);
        if self.is_said(node, origin) { own } else { beneath.or(own) }
    }
}
