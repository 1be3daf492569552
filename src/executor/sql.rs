pub fn run(
    _: &str,
    _: &crate::recipe::Job,
    _: &crate::recipe::JobOutput,
    _: &std::path::Path,
    _: &std::path::Path,
) -> Result<(), super::JobError> {
    Ok(())
}
