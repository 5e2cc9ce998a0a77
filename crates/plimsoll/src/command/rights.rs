//! What users and robots may do, as the command line says it.

use clap::Args;
use plimsoll_store::catalogue::{Action, Grant};

/// What somebody may do: everything, or what is listed.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct RightsArguments {
    /// Everything, everywhere
    #[arg(long)]
    admin: bool,
    /// Actions in repositories, such as 'team/*:pull,push'; may be given several times
    #[arg(long = "grant", value_name = "PATTERN:ACTIONS")]
    grants: Vec<Grant>,
}

impl RightsArguments {
    pub(super) fn grants(&self) -> Vec<Grant> {
        if self.admin { vec![Grant::all()] } else { self.grants.clone() }
    }
}

/// Whether one of the rights is all rights.
pub(super) fn may_do_everything(grants: &[Grant]) -> bool {
    let everywhere = |grant: &&Grant| grant.repositories == plimsoll_store::Pattern::any();
    Action::ALL
        .into_iter()
        .all(|action| grants.iter().filter(everywhere).any(|grant| grant.actions.contains(&action)))
}

/// The rights in one line.
pub(super) fn printed(grants: &[Grant]) -> String {
    if may_do_everything(grants) {
        return "the right to everything".to_owned();
    }
    let grants: Vec<String> = grants.iter().map(Grant::to_string).collect();
    grants.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(texts: &[&str]) -> Vec<Grant> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn everything_may_be_granted_in_parts() {
        assert!(may_do_everything(&grants(&["*:*"])));
        assert!(may_do_everything(&grants(&["*:pull", "*:push,delete"])));
        assert!(!may_do_everything(&grants(&["*:pull,push"])));
        assert!(!may_do_everything(&grants(&["team/*:*"])));
        assert!(!may_do_everything(&[]));
        assert_eq!(printed(&grants(&["a:pull", "b/*:*"])), "a:pull b/*:pull,push,delete");
    }
}
