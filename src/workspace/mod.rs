//! Configuration, backends, and the outline of a request.

mod yaml;
pub mod config;
