//! What resolving asks of the outside: which source files are there, what was published, what is held.

use crate::digest::ContentHash;
use crate::formula::program::Source;
use crate::identity::{Binding, Identity};

/// A source's answer for one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The file is there.
    There,
    /// It was there once, and its hash is recorded.
    Vanished,
    Missing {
        path: String,
    },
    /// Its bytes (there or recorded) were invalidated.
    Condemned {
        content: ContentHash,
    },
    /// Its bytes break the contract of its class.
    Quarantined {
        because: String,
    },
}

/// What a person said of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Nothing,
    Published,
    Held,
    HeldEmpty { because: String },
}

/// The outside, as far as it decides what can be provided.
pub trait World {
    fn source(&self, source: &Source, binding: &Binding, identity: &Identity) -> Offer;
    /// The bindings of all instances of a source with a path pattern: files that are there, and recorded ones.
    fn source_instances(&self, source: &Source) -> Vec<Binding>;
    fn standing(&self, identity: &Identity) -> Standing;
    /// Published and held identities of a class.
    fn published(&self, class: &str) -> Vec<Identity>;
}
