//! Rules over time: a profile against those of earlier instances.
//!
//! What is true here: only profiles are looked at, so that earlier bytes need not be there. Several earlier instances are one distribution,
//! each with the weight of its values. Of numbers it is known by 101 quantiles, between which it is taken for even; so a distance is right
//! to about 0.01.
//!
//! The population stability index is that of credit scoring (Siddiqi, Credit Risk Scorecards, 2006): the sum of (now - before) ln(now /
//! before) over ten bins that held a tenth each before, or over the values of a category. An empty bin counts as 0.0001. The
//! Kolmogorov-Smirnov statistic is the largest distance of the two cumulative distributions (Kolmogorov 1933, Smirnov 1948).

use std::collections::{BTreeMap, BTreeSet};

use super::contract::{Drift, Limit, Over, Unit};
use super::evidence::{Evidence, Found};
use super::words::{count, number, some, wanted};
use crate::table::measure::{ColumnProfile, Profile};

/// An empty bin's share, so that its logarithm is a number.
const EMPTY: f64 = 1e-4;

pub(super) fn judge(evidence: &Evidence, profile: &Profile, over: &Over, limit: Limit, unit: Unit) -> Found {
    let earlier: Vec<&Profile> = evidence.history.iter().take(over.window).collect();
    let known = |count: usize| match count {
        count if count < over.least || count == 0 => {
            let known = match count {
                0 => "no earlier instance is known".to_string(),
                1 => "1 earlier instance is known".to_string(),
                count => format!("{count} earlier instances are known"),
            };
            let needed = if over.least > 1 { format!("{} are", over.least) } else { "1 is".to_string() };
            Err(Found::skipped(format!("{known}, and {needed} needed")))
        }
        _ => Ok(()),
    };
    let Some(name) = &over.column else {
        return known(earlier.len()).map_or_else(|skipped| skipped, |()| rows(profile, &earlier, limit, unit));
    };
    let Some(now) = profile.column(name) else { return Found::skipped(format!("there is no column `{name}`")) };
    if over.drift == Drift::Freshness {
        return freshness(evidence, now, limit);
    }
    let before: Vec<(u64, &ColumnProfile)> = earlier.iter().filter_map(|earlier| Some((earlier.rows, earlier.column(name)?))).collect();
    if let Err(skipped) = known(before.len()) {
        return skipped;
    }
    let now = (profile.rows, now);
    match over.drift {
        Drift::NullShare => nulls(now, &before, limit, unit),
        Drift::Mean => mean(now.1, &before, limit, unit),
        Drift::Psi => psi(now, &before, limit),
        Drift::Ks => match (Distribution::of(&[now]), Distribution::of(&before)) {
            (Some(now), Some(before)) => distance("Kolmogorov-Smirnov statistic", now.furthest(&before), limit),
            _ => Found::skipped(format!("`{name}` has no numbers, dates or timestamps to compare")),
        },
        Drift::NewValues => values(now, &before, limit, true),
        _ => values(now, &before, limit, false),
    }
}

fn rows(profile: &Profile, earlier: &[&Profile], limit: Limit, unit: Unit) -> Found {
    let before = earlier.iter().map(|earlier| earlier.rows as f64).sum::<f64>() / earlier.len() as f64;
    if before == 0.0 {
        return Found::skipped("there were no rows before, which no change is a share of");
    }
    let now = profile.rows as f64;
    change(&format!("{} rows", count(profile.rows)), &number(before.round()), (now - before) / before, limit, unit)
}

fn nulls(now: (u64, &ColumnProfile), before: &[(u64, &ColumnProfile)], limit: Limit, unit: Unit) -> Found {
    let share = |(rows, column): (u64, &ColumnProfile)| if rows == 0 { 0.0 } else { column.nulls as f64 / rows as f64 };
    let then = before.iter().map(|before| share(*before)).sum::<f64>() / before.len() as f64;
    let percent = |share: f64| format!("{} %", number(share * 100.0));
    change(&format!("{} of cells are null", percent(share(now))), &percent(then), share(now) - then, limit, unit)
}

fn mean(now: &ColumnProfile, before: &[(u64, &ColumnProfile)], limit: Limit, unit: Unit) -> Found {
    let then: Vec<f64> = before.iter().filter_map(|(_, column)| Some(column.numbers.as_ref()?.mean)).collect();
    let (Some(numbers), false) = (&now.numbers, then.is_empty()) else {
        return Found::skipped(format!("`{}` has no numbers to compare", now.name));
    };
    let before = then.iter().sum::<f64>() / then.len() as f64;
    if before == 0.0 {
        return Found::skipped("the mean was 0 before, which no change is a share of");
    }
    change(&format!("the mean is {}", number(numbers.mean)), &number(before), (numbers.mean - before) / before.abs(), limit, unit)
}

/// `7,043 rows, 6,900 before: +2.1 %; wanted: from -10 % to 10 %`
fn change(now: &str, before: &str, change: f64, limit: Limit, unit: Unit) -> Found {
    let (change, sign) = if unit == Unit::Percent { (change * 100.0, " %") } else { (change, "") };
    let plus = if change > 0.0 { "+" } else { "" };
    let message = format!("{now}, {before} before: {plus}{}{sign}; wanted: {}", number(change), wanted(limit, sign));
    Found::judged(limit.holds(change), change, message)
}

fn distance(what: &str, found: f64, limit: Limit) -> Found {
    Found::judged(limit.holds(found), found, format!("{what} {}; wanted: {}", number(found), wanted(limit, "")))
}

fn freshness(evidence: &Evidence, now: &ColumnProfile, limit: Limit) -> Found {
    let Some(end) = evidence.end else { return Found::skipped("the instance has no period whose end it could be measured against") };
    if !["date", "timestamp", "timestamptz"].contains(&now.ty.as_str()) {
        return Found::skipped(format!("`{}` is {}, no date or timestamp", now.name, now.ty));
    }
    let Some(newest) = now.numbers.as_ref().and_then(|numbers| numbers.quantiles.last()) else {
        return Found::said(false, "there is no value".into());
    };
    let hours = (end - newest) / 3600.0;
    let newest = now.max.as_deref().unwrap_or("?");
    let message =
        format!("the newest value is {newest}, {} hours before the period's end; wanted: {}", number(hours), wanted(limit, " hours"));
    Found::judged(limit.holds(hours), hours, message)
}

fn psi(now: (u64, &ColumnProfile), before: &[(u64, &ColumnProfile)], limit: Limit) -> Found {
    let index = |shares: &mut dyn Iterator<Item = (f64, f64)>| {
        shares
            .map(|(now, before)| (now.max(EMPTY), before.max(EMPTY)))
            .map(|(now, before)| (now - before) * (now / before).ln())
            .sum::<f64>()
    };
    let what = "population stability index";
    if let (Some(now), Some(before)) = (Distribution::of(&[now]), Distribution::of(before)) {
        let cuts = before.deciles();
        let shares = |of: &Distribution| {
            let below: Vec<f64> = cuts.iter().map(|(at, included)| of.below(*at, *included)).chain([1.0]).collect();
            let mut last = 0.0;
            below.into_iter().map(|below| below - std::mem::replace(&mut last, below)).collect::<Vec<f64>>()
        };
        return distance(what, index(&mut shares(&now).into_iter().zip(shares(&before))), limit);
    }
    match (categories(&[now]), categories(before)) {
        (Ok(now), Ok(before)) => {
            let names: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
            let share = |of: &BTreeMap<String, f64>, name: &String| of.get(name).copied().unwrap_or(0.0);
            distance(what, index(&mut names.into_iter().map(|name| (share(&now, name), share(&before, name)))), limit)
        }
        (Err(skipped), _) | (_, Err(skipped)) => skipped,
    }
}

fn values(now: (u64, &ColumnProfile), before: &[(u64, &ColumnProfile)], limit: Limit, new: bool) -> Found {
    let (now, before) = match (categories(&[now]), categories(before)) {
        (Ok(now), Ok(before)) => (now, before),
        (Err(skipped), _) | (_, Err(skipped)) => return skipped,
    };
    let (of, other, what) = if new { (&now, &before, "new") } else { (&before, &now, "gone") };
    let found: Vec<&String> = of.keys().filter(|value| !other.contains_key(*value)).collect();
    let number = found.len() as f64;
    let message = match &found[..] {
        [] => format!("no value is {what}"),
        [only] => format!("1 value is {what}, `{only}`; wanted: {}", wanted(limit, "")),
        several => {
            format!("{} values are {what}, {}; wanted: {}", several.len(), some(several, |value| format!("`{value}`")), wanted(limit, ""))
        }
    };
    Found::judged(limit.holds(number), number, message)
}

/// All values of a column with their shares.
fn categories(of: &[(u64, &ColumnProfile)]) -> Result<BTreeMap<String, f64>, Found> {
    let mut found: BTreeMap<String, f64> = BTreeMap::new();
    for (_, column) in of {
        if !column.complete {
            return Err(Found::skipped(format!("`{}` has too many different values to know all of them", column.name)));
        }
        for (value, times) in &column.top {
            *found.entry(value.clone()).or_default() += *times as f64;
        }
    }
    let all: f64 = found.values().sum();
    if all > 0.0 {
        found.values_mut().for_each(|times| *times /= all);
    }
    Ok(found)
}

/// How the numbers of one or several instances are distributed.
pub(super) struct Distribution {
    /// Weight (they sum to 1) and quantiles.
    parts: Vec<(f64, Vec<f64>)>,
}

impl Distribution {
    /// `None` where one has no numbers, or all have no values.
    pub fn of(columns: &[(u64, &ColumnProfile)]) -> Option<Self> {
        let mut parts = Vec::new();
        for (rows, column) in columns {
            let values = rows.saturating_sub(column.nulls) as f64;
            match &column.numbers {
                Some(numbers) if numbers.quantiles.len() > 1 => parts.push((values, numbers.quantiles.clone())),
                None if values == 0.0 => {}
                _ => return None,
            }
        }
        let all: f64 = parts.iter().map(|(weight, _)| weight).sum();
        parts.iter_mut().for_each(|(weight, _)| *weight /= all);
        (all > 0.0).then_some(Self { parts })
    }

    /// The share of values below a number, or up to it.
    fn below(&self, at: f64, included: bool) -> f64 {
        self.parts.iter().map(|(weight, quantiles)| weight * share_below(quantiles, at, included)).sum()
    }

    fn points(&self) -> Vec<f64> {
        let mut points: Vec<f64> = self.parts.iter().flat_map(|(_, quantiles)| quantiles.iter().copied()).collect();
        points.sort_by(f64::total_cmp);
        points.dedup();
        points
    }

    /// Where nine cuts part the values into tenths, and whether the number itself is below its cut. A number that holds several tenths is
    /// parted from what lies on either side.
    pub fn deciles(&self) -> Vec<(f64, bool)> {
        let points = self.points();
        let mut cuts: Vec<(f64, bool)> = Vec::new();
        for tenth in 1..10 {
            let share = f64::from(tenth) / 10.0;
            let at = points.partition_point(|point| self.below(*point, true) < share).min(points.len() - 1);
            let (reached, low) = (self.below(points[at], false), if at == 0 { 0.0 } else { self.below(points[at - 1], true) });
            let cut = if at == 0 || reached < share || reached <= low {
                points[at]
            } else {
                points[at - 1] + (points[at] - points[at - 1]) * (share - low) / (reached - low)
            };
            match cuts.last() {
                Some((last, _)) if *last == cut => {
                    if !cuts.contains(&(cut, false)) {
                        cuts.insert(cuts.len() - 1, (cut, false));
                    }
                }
                _ => cuts.push((cut, true)),
            }
        }
        cuts
    }

    /// The largest distance of two cumulative distributions. Between their points both are straight, so that it is at one of these.
    pub fn furthest(&self, other: &Self) -> f64 {
        let points = self.points().into_iter().chain(other.points());
        points.flat_map(|at| [true, false].map(|included| (self.below(at, included) - other.below(at, included)).abs())).fold(0.0, f64::max)
    }
}

fn share_below(quantiles: &[f64], at: f64, included: bool) -> f64 {
    let last = quantiles.len() - 1;
    // The first quantile that is not below.
    let next = quantiles.partition_point(|quantile| if included { *quantile <= at } else { *quantile < at });
    if next == 0 {
        return 0.0;
    }
    if next > last {
        return 1.0;
    }
    let (low, high) = (quantiles[next - 1], quantiles[next]);
    let within = if high > low { (at - low) / (high - low) } else { 0.0 };
    ((next - 1) as f64 + within) / last as f64
}
