//! All integration tests, one binary.

mod architecture;
mod bad;
mod contracts;
mod corruption;
mod docs;
mod examples;
mod faults;
mod hostile;
mod label_property;
mod labels;
mod laws;
mod manual;
mod property;
mod sessions;
mod support;
mod tour;
