//! Immutable bytes: hashing, taking in, checking, finding.
//!
//! What is true here: data lies under its repository's root as `<class>/<instance>/<hash>/<name>` (percent-encoded, so that no value leaves
//! the root), files read-only; it gets there by one rename of something written and hashed elsewhere on the same file system; nothing
//! that is there is ever written again. A [`Stamp`] lets a later look be one `stat` instead of a hash.
//!
//! Reading order: [`error`], [`tree`] (the files of a path), [`content`] (what they are), [`files`] (moving, copying, removing), [`local`]
//! (repositories on disk), [`sources`] (files that come from outside).

pub mod error;
pub mod tree;
pub mod content;
pub mod files;
mod incoming;
pub mod local;
pub mod sources;

pub use content::{Content, Kind, Stamp};
pub use error::StoreError;
pub use local::{LocalStore, Stored};
pub use sources::Found;
