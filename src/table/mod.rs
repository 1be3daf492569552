//!
pub fn canonical(s: &str) -> String {
    s.to_string()
}
