//! `--as-of`: questions about what was.

use jiff::tz::TimeZone;

use super::session::Stop;
use crate::catalog::Timestamp;
use crate::workspace::moment;

#[derive(clap::Args, Debug)]
pub struct AsOf {
    /// As it was then: `2024-01-31` (its end), `2024-01-31T05:30`, with a zone or in yours; or how long ago: `3d`, `2h 30min`
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
}

impl AsOf {
    /// The moment asked for; times without a zone are of `zone`.
    pub fn moment(&self, zone: &TimeZone) -> Result<Option<Timestamp>, Stop> {
        Ok(self.as_of.as_deref().map(|text| moment::read(text, zone)).transpose()?)
    }
}
