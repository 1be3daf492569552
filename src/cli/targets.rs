//! What plans and builds are for: targets, label, and how much of a range.

use crate::formula::duration;
use crate::workspace::Request;
use crate::workspace::request::Like;

#[derive(clap::Args, Debug)]
pub struct Targets {
    /// What to make: `class`, `class@instance`, `class@2024-01-01..2024-01-31:label`; the project's `targets` where none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// The label of targets that name none
    #[arg(long)]
    label: Option<String>,
    /// Of ranges, take what can be provided instead of asking for all
    #[arg(long)]
    available: bool,
    /// Jobs at the same time; as many as there are processors where nothing is said
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// In place of targets: what LABEL holds. A label with a base is asked for what its base holds, where nothing is named
    #[arg(long, value_name = "LABEL", conflicts_with = "targets")]
    like: Option<String>,
    /// Of what the base (or --like) holds, only the last days (or hours …) before the newest
    #[arg(long, value_name = "AGE", conflicts_with = "targets", value_parser = age)]
    last: Option<f64>,
    /// Of what the base (or --like) holds, only this class; may be said several times
    #[arg(long = "class", value_name = "CLASS", conflicts_with = "targets")]
    classes: Vec<String>,
    /// Under a label with a base: make what is stale in the base too
    #[arg(long)]
    fresh: bool,
}

/// Seconds of `7d`.
fn age(text: &str) -> Result<f64, String> {
    duration(text).ok_or_else(|| "it is written `7d`, with the units `min h d w`".to_string())
}

impl Targets {
    pub fn request(&self) -> Request {
        let narrowed = self.like.is_some() || self.last.is_some() || !self.classes.is_empty();
        let like = narrowed.then(|| Like { label: self.like.clone(), last: self.last, classes: self.classes.clone() });
        Request {
            targets: self.targets.clone(),
            label: self.label.clone(),
            available: self.available,
            jobs: self.jobs.map(usize::from),
            fresh: self.fresh,
            like,
        }
    }
}
