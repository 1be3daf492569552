//! All integration tests, one binary.

mod architecture;
mod bad;
mod manual;
mod property;
