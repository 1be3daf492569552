//! What running jobs hold, and what is left: processors, memory, and the pools of `formake.yaml`.

use std::collections::BTreeMap;

/// Capacities by name; `cpu` is the number of parallel jobs.
#[derive(Clone, Debug)]
pub struct Resources {
    free: BTreeMap<String, u64>,
    capacity: BTreeMap<String, u64>,
}

impl Resources {
    pub fn new(capacity: BTreeMap<String, u64>) -> Self {
        Self { free: capacity.clone(), capacity }
    }

    /// What a job asks for, one processor where it says nothing. More than there is counts as all there is, so that it can run alone.
    fn asked(&self, needs: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut asked: BTreeMap<String, u64> = BTreeMap::from([("cpu".to_string(), 1)]);
        asked.extend(needs.iter().map(|(name, amount)| (name.clone(), *amount)));
        asked.retain(|name, amount| match self.capacity.get(name) {
            Some(capacity) => {
                *amount = (*amount).min(*capacity);
                true
            }
            None => false,
        });
        asked
    }

    /// Takes what a job needs, all or nothing.
    pub fn take(&mut self, needs: &BTreeMap<String, u64>) -> bool {
        let asked = self.asked(needs);
        let enough = asked.iter().all(|(name, amount)| self.free.get(name).is_some_and(|free| free >= amount));
        if enough {
            for (name, amount) in asked {
                if let Some(free) = self.free.get_mut(&name) {
                    *free -= amount;
                }
            }
        }
        enough
    }

    pub fn give_back(&mut self, needs: &BTreeMap<String, u64>) {
        for (name, amount) in self.asked(needs) {
            if let Some(free) = self.free.get_mut(&name) {
                *free += amount;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
        list.iter().map(|(n, a)| (n.to_string(), *a)).collect()
    }

    #[test]
    fn pools_limit_and_too_much_runs_alone() {
        let mut r = Resources::new(needs(&[("cpu", 2), ("db", 1)]));
        assert!(r.take(&needs(&[("db", 1)])));
        assert!(!r.take(&needs(&[("db", 1)])));
        assert!(r.take(&needs(&[])));
        assert!(!r.take(&needs(&[])), "both processors are taken");
        r.give_back(&needs(&[]));
        r.give_back(&needs(&[("db", 1)]));
        assert!(r.take(&needs(&[("cpu", 64)])));
        assert!(!r.take(&needs(&[])));
    }
}
