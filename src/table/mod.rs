//!
pub fn canonical(s: &str) -> String {
    s.to_string()
}

mod pending;
pub use pending::*;
