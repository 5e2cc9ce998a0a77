//! What readers of lock files have in common: the components are named but need not be there, and a file names a
//! bounded number of them.

use crate::{Component, Facts, Kinship, Note};

pub(super) mod cargo;
pub(super) mod go_mod;
pub(super) mod toml;

/// Components that one lock file may name: large monorepos lock some thousands.
const COMPONENTS_MAX: usize = 20_000;
/// A name, a version or a licence longer than this is nobody's.
pub(super) const TEXT_BYTES_MAX: usize = 256;

/// Components gathered from a lock file.
#[derive(Default)]
pub(super) struct Locked {
    components: Vec<Component>,
    left_out: usize,
}

impl Locked {
    pub(super) fn push(&mut self, mut component: Component) {
        if !is_text(&component.name) || component.version.len() > TEXT_BYTES_MAX {
            return;
        }
        if self.components.len() == COMPONENTS_MAX {
            self.left_out += 1;
            return;
        }
        component.kinship = Kinship::Locked;
        self.components.push(component);
    }

    /// The facts: each component once, since lock files list one for every place that it goes to.
    pub(super) fn finish(mut self) -> Facts {
        let key = |component: &Component| {
            let Component { namespace, name, version, .. } = component;
            (namespace.clone(), name.clone(), version.clone())
        };
        self.components.sort_by_cached_key(key);
        self.components.dedup();
        let mut facts = Facts::of_components(self.components);
        if self.left_out > 0 {
            facts.notes.push(Note::unread(format!(
                "left out {}: it names more than {COMPONENTS_MAX} components",
                self.left_out
            )));
        }
        facts
    }
}

impl Extend<Component> for Locked {
    fn extend<T: IntoIterator<Item = Component>>(&mut self, components: T) {
        components.into_iter().for_each(|component| self.push(component));
    }
}

/// Whether it can be a name or a version: one word, not empty and not long.
pub(super) fn is_text(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= TEXT_BYTES_MAX
        && !text.chars().any(|character| character.is_control() || character.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PackageType;

    #[test]
    fn what_goes_past_the_limit_is_counted() {
        let mut locked = Locked::default();
        locked.extend(
            (0..COMPONENTS_MAX + 3).map(|index| Component::new(PackageType::Npm, format!("p{index}"), "1")),
        );
        let facts = locked.finish();
        assert_eq!(facts.components.len(), COMPONENTS_MAX);
        assert!(facts.notes[0].text.starts_with("left out 3:"), "{}", facts.notes[0].text);
    }

    #[test]
    fn a_component_is_named_once() {
        let mut locked = Locked::default();
        locked.extend(["b", "a", "b"].map(|name| Component::new(PackageType::Npm, name, "1")));
        let facts = locked.finish();
        assert_eq!(facts.components.len(), 2);
        assert!(facts.components.iter().all(|component| component.kinship == Kinship::Locked));
    }
}
