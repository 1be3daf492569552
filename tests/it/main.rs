//! All integration tests, one binary.

mod architecture;
mod bad;
mod docs;
mod manual;
mod property;
mod tour;
