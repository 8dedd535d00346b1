//! How a registration is doing, told alike by all who keep one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use polywire_core::{LeaseHealth, RegistryError};

/// What came of renewing a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// It is there and goes on.
    Kept,
    /// Its lease ran out, or somebody took it away; it is to be announced again.
    Gone,
    /// Another instance has registered by the same id since. It is left there: two that put
    /// themselves back in turn would help nobody.
    Superseded,
}

/// What the lease of a registration says, and the log lines that go with it: one when a trouble
/// begins, however long it goes on.
#[derive(Debug)]
pub(crate) struct Health {
    /// What logs call the instance and its registry.
    name: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    told: LeaseHealth,
    is_superseded: bool,
}

impl Health {
    pub(crate) fn of(name: String) -> Self {
        Self { name, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the lease is to say.
    pub(crate) fn told(&self) -> LeaseHealth {
        self.state().told.clone()
    }

    /// Takes note of a renewal; of one that found the record gone once it is back.
    pub(crate) fn renewed(&self, renewal: Renewal) {
        let mut state = self.state();
        let State { told, is_superseded } = &mut *state;
        let (instance, failures) = (&self.name, told.failures);
        match renewal {
            Renewal::Superseded => {
                if !*is_superseded {
                    tracing::warn!(
                        instance,
                        "another instance has registered by the same id; it is left there"
                    );
                }
                let why = format!(
                    "{instance}: another instance has registered by the same id since, and is left there"
                );
                told.error = Some(RegistryError::new(why));
                told.failures = failures.saturating_add(1);
                *is_superseded = true;
                return;
            }
            Renewal::Gone => {
                tracing::warn!(instance, "was gone from the registry and is back");
                told.recoveries = told.recoveries.saturating_add(1);
            }
            Renewal::Kept => {}
        }
        if failures > 0 && !*is_superseded {
            tracing::info!(instance, failures, "the registry is back");
        }
        (told.error, told.failures, *is_superseded) = (None, 0, false);
    }

    /// Takes note that the registry did not do what it was asked.
    pub(crate) fn failed(&self, error: RegistryError) {
        let mut state = self.state();
        let State { told, is_superseded } = &mut *state;
        if told.failures == 0 || *is_superseded {
            let instance = &self.name;
            tracing::warn!(instance, %error, "cannot be kept in the registry, goes on trying");
        }
        told.failures = told.failures.saturating_add(1);
        (told.error, *is_superseded) = (Some(error), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_until_the_registry_confirms_the_instance() {
        let health = Health::of("`a` of `s`".to_owned());
        let told = || {
            let told = health.told();
            (told.error.map(|error| error.to_string()), told.failures, told.recoveries)
        };
        health.renewed(Renewal::Kept);
        assert_eq!(told(), (None, 0, 0));
        health.failed(RegistryError::new("down"));
        health.failed(RegistryError::new("down"));
        assert_eq!(told(), (Some("down".to_owned()), 2, 0));
        health.renewed(Renewal::Gone);
        assert_eq!(told(), (None, 0, 1));
        health.renewed(Renewal::Superseded);
        health.renewed(Renewal::Superseded);
        let why =
            "`a` of `s`: another instance has registered by the same id since, and is left there";
        assert_eq!(told(), (Some(why.to_owned()), 2, 1));
        health.renewed(Renewal::Kept);
        assert_eq!(told(), (None, 0, 1));
    }
}
