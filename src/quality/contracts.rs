//! The contracts of a project.

use std::collections::BTreeMap;

use super::contract::Contract;
use crate::identity::Name;

/// At most one contract a dataset class.
#[derive(Clone, Debug, Default)]
pub struct Contracts(BTreeMap<Name, Contract>);

impl Contracts {
    pub fn new(contracts: impl IntoIterator<Item = Contract>) -> Self {
        Self(contracts.into_iter().map(|contract| (contract.class.clone(), contract)).collect())
    }

    pub fn of(&self, class: &str) -> Option<&Contract> {
        self.0.get(class)
    }

    /// In order of their classes.
    pub fn iter(&self) -> impl Iterator<Item = &Contract> {
        self.0.values()
    }
}
