use std::collections::BTreeSet;

use super::{Policy, Proven};
use crate::Provenance;

impl Policy {
    /// The people who made an image: who wrote what is new in it, and who started its build, as far as what is proven
    /// says so. Whoever is not among the policy's people is named by address or account, in case that is what the policy
    /// calls them.
    ///
    /// All provenance is heard, and not only the best: who made something does not get rid of that by saying it again.
    pub fn makers(&self, proven: &[Proven<'_>]) -> BTreeSet<String> {
        let provenance = proven.iter().filter_map(|proven| Provenance::of(proven.fact.statement()));
        provenance.flat_map(|provenance| self.makers_in(&provenance)).collect()
    }

    fn makers_in(&self, provenance: &Provenance) -> Vec<String> {
        let authors = provenance.people.iter().map(|email| (self.person_of_author(email), email.clone()));
        let actor = provenance.actor.iter().flat_map(|actor| actor.login.iter().chain(&actor.email));
        let actors = actor.map(|account| {
            let system = provenance.system.as_deref().unwrap_or_default();
            let known = self.person_of_actor(&format!("{system}:{account}"));
            (known.or_else(|| self.person_of_author(account)), account.clone())
        });
        authors
            .chain(actors)
            .flat_map(|(person, name)| [person.map(str::to_owned), Some(name)])
            .flatten()
            .collect()
    }
}
