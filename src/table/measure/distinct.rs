//! How many different values there are, in fixed memory: HyperLogLog (Flajolet et al. 2007), told by the improved estimator of Ertl (2017), which
//! needs no corrections for few or many values.
//!
//! What is true here: the error is 1.1 % (one standard deviation), however many values there are, and however they were joined.

/// Bits of a hash that choose its register.
const CHOOSE: u32 = 13;
/// Registers of a byte each.
const REGISTERS: usize = 1 << CHOOSE;
/// Bits of a hash that are left.
const REST: usize = 64 - CHOOSE as usize;

/// Of values known by their hashes.
#[derive(Clone, Debug)]
pub(super) struct Distinct(Box<[u8; REGISTERS]>);

impl Distinct {
    pub fn new() -> Self {
        Self(Box::new([0; REGISTERS]))
    }

    /// Takes in the hash of a value; quick hashes may be uneven, and are mixed here as SplitMix64 does.
    #[inline]
    pub fn add(&mut self, hash: u64) {
        let mixed = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ mixed >> 31;
        let rank = (mixed << CHOOSE | 1 << (CHOOSE - 1)).leading_zeros() as u8 + 1;
        let register = &mut self.0[(mixed >> REST) as usize];
        if rank > *register {
            *register = rank;
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(here, there)| *here = (*here).max(*there));
    }

    pub fn estimate(&self) -> f64 {
        let mut counts = [0.0; REST + 2];
        self.0.iter().for_each(|rank| counts[usize::from(*rank)] += 1.0);
        let all = REGISTERS as f64;
        let highest = all * tau(1.0 - counts[REST + 1] / all);
        let sum = counts[1..=REST].iter().rev().fold(highest, |sum, count| 0.5 * (sum + count)) + all * sigma(counts[0] / all);
        all * all / (2.0 * std::f64::consts::LN_2 * sum)
    }
}

/// Of registers that are empty.
fn sigma(part: f64) -> f64 {
    if part == 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut factor, mut sum) = (part, 1.0, part);
    loop {
        power *= power;
        let before = sum;
        sum += power * factor;
        factor += factor;
        if sum == before {
            return sum;
        }
    }
}

/// Of registers that are full.
fn tau(part: f64) -> f64 {
    if part == 0.0 || part == 1.0 {
        return 0.0;
    }
    let (mut root, mut factor, mut sum) = (part, 1.0, 1.0 - part);
    loop {
        root = root.sqrt();
        let before = sum;
        factor *= 0.5;
        sum -= (1.0 - root) * (1.0 - root) * factor;
        if sum == before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_values_are_told_within_four_per_cent() {
        assert_eq!(Distinct::new().estimate(), 0.0);
        let mut all = Distinct::new();
        let mut count = 0_u64;
        for wanted in [1, 10, 100, 1000, 3000, 10_000, 30_000, 100_000, 1_000_000] {
            let mut others = Distinct::new();
            while count < wanted {
                // Numbers in order are the least that a hash may be.
                others.add(count);
                others.add(count);
                count += 1;
            }
            all.merge(&others);
            let error = all.estimate() / wanted as f64 - 1.0;
            assert!(error.abs() < 0.04, "{wanted}: {error}");
        }
    }
}
