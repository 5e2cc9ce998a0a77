use plimsoll_oci::{RepositoryName, Tag};
use plimsoll_store::Pattern;

/// Tags that stay where they first pointed, in the repositories that match.
///
/// Tags of the referrers tag schema (`sha256-…`) are never immutable: clients keep lists in them and must rewrite them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImmutableTags {
    /// In which repositories.
    pub repositories: Pattern,
    /// Which tags.
    pub tags: Pattern,
}

impl ImmutableTags {
    /// Whether the rule holds for a tag.
    pub fn cover(&self, repository: &RepositoryName, tag: &Tag) -> bool {
        !tag.is_evidence()
            && self.repositories.matches(repository.as_str())
            && self.tags.matches(tag.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_tags_may_always_move() {
        let rule = ImmutableTags { repositories: Pattern::any(), tags: Pattern::any() };
        let repository = "team/app".parse().unwrap();
        let evidence = format!("sha256-{}.sig", "a".repeat(64)).parse().unwrap();
        assert!(rule.cover(&repository, &"v1".parse().unwrap()));
        assert!(!rule.cover(&repository, &evidence));
    }
}
