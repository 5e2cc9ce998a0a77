use std::collections::BTreeMap;

use super::PolicyError;
use super::document::PersonEntry;

/// Most addresses and accounts of one policy.
const ADDRESSES_MAX: usize = 20_000;

/// Who is who in git and where images are built. Letters count in either case: who is the author of something must not
/// become its approver by writing the address otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    authors: BTreeMap<String, String>,
    actors: BTreeMap<String, String>,
}

impl People {
    pub(super) fn of(entries: &[PersonEntry]) -> Result<Self, PolicyError> {
        let found = entries.iter().map(|entry| entry.git.len() + entry.ci.len()).sum();
        if found > ADDRESSES_MAX {
            return Err(PolicyError::TooMany { what: "addresses", found, at_most: ADDRESSES_MAX });
        }
        let mut people = Self::default();
        for PersonEntry { name, git, ci } in entries {
            git.iter().try_for_each(|address| enter(&mut people.authors, address, name))?;
            ci.iter().try_for_each(|account| enter(&mut people.actors, account, name))?;
        }
        Ok(people)
    }

    pub(super) fn of_author(&self, email: &str) -> Option<&str> {
        self.authors.get(&email.to_lowercase()).map(String::as_str)
    }

    pub(super) fn of_actor(&self, actor: &str) -> Option<&str> {
        self.actors.get(&actor.to_lowercase()).map(String::as_str)
    }
}

fn enter(known: &mut BTreeMap<String, String>, address: &str, name: &str) -> Result<(), PolicyError> {
    match known.insert(address.to_lowercase(), name.to_owned()) {
        Some(first) if first != name => {
            Err(PolicyError::TwoPeople { address: address.to_owned(), first, second: name.to_owned() })
        }
        _ => Ok(()),
    }
}
