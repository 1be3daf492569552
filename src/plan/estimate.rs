//! What running would cost: time and bytes, from the means of recorded runs.

use std::collections::HashMap;

use super::judge::Judge;
use crate::catalog::Cost;
use crate::resolve::JobIx;

/// Whether a job is counted, in the least or in the most that runs.
pub type Running<'a> = &'a dyn Fn(usize, bool) -> bool;

/// The time of at least and at most what will run: the longest chain, or all work spread over the parallel jobs, whichever is more. `None` where
/// no run of a formula was recorded.
pub fn seconds(judge: &Judge<'_>, running: Running<'_>, costs: &HashMap<String, Cost>, parallel: usize) -> Option<(f64, f64)> {
    let span = |counts: &dyn Fn(usize) -> bool| -> Option<f64> {
        let mut ends = vec![0.0_f64; judge.graph.jobs.len()];
        let (mut work, mut longest) = (0.0_f64, 0.0_f64);
        for index in 0..ends.len() {
            let job = JobIx(index as u32);
            let own = if counts(index) { costs.get(&judge.formula(job).title)?.seconds } else { 0.0 };
            let makers = judge.instance(job).inputs.iter().flatten().filter_map(|part| judge.maker(part.node));
            let start = makers.map(|maker| ends[maker.0 as usize]).fold(0.0, f64::max);
            ends[index] = start + own;
            work += own;
            longest = longest.max(ends[index]);
        }
        Some(longest.max(work / parallel.max(1) as f64))
    };
    Some((span(&|index| running(index, false))?, span(&|index| running(index, true))?))
}

/// The bytes that at least and at most all jobs that run will write, likewise.
pub fn bytes(judge: &Judge<'_>, running: Running<'_>, costs: &HashMap<String, Cost>) -> Option<(f64, f64)> {
    let sum = |most: bool| -> Option<f64> {
        let counted = (0..judge.graph.jobs.len()).filter(|index| running(*index, most));
        counted.map(|index| Some(costs.get(&judge.formula(JobIx(index as u32)).title)?.bytes)).sum()
    };
    Some((sum(false)?, sum(true)?))
}
