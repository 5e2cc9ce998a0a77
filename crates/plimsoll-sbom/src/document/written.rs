use super::Ignored;
use super::property;
use crate::{Component, Distribution, Located, PackageType, Purl};

/// A component as either format writes it.
pub(super) struct WrittenComponent {
    pub(super) purl: Option<String>,
    pub(super) group: Option<String>,
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) licenses: Vec<String>,
    pub(super) path: Option<String>,
    pub(super) properties: Vec<(String, String)>,
}

/// Where nothing says how a component was found.
const FOUND_BY_DOCUMENT: &str = "sbom";

impl WrittenComponent {
    /// The component that is meant, and the distribution that its package URL names. One that names none is counted.
    pub(super) fn locate(self, ignored: &mut Ignored) -> Option<(Located, Option<Distribution>)> {
        let Some(purl) = self.purl.as_deref().filter(|purl| !purl.is_empty()) else {
            ignored.without_purl += 1;
            return None;
        };
        let Ok(purl) = purl.parse::<Purl>() else {
            ignored.malformed += 1;
            return None;
        };
        let Some((mut component, distribution)) = Component::from_purl(&purl) else {
            ignored.other_types += 1;
            return None;
        };
        if component.version.is_empty() {
            component.version = self.version.clone().unwrap_or_default();
        }
        component.licenses.clone_from(&self.licenses);
        let mut located = Located {
            component,
            path: self.path.as_deref().unwrap_or_default().trim_start_matches('/').to_owned(),
            layer: None,
            found_by: FOUND_BY_DOCUMENT.to_owned(),
            owner: None,
        };
        for (name, value) in &self.properties {
            property::tell(&mut located, name, value);
        }
        self.respell(&mut located.component, &purl);
        Some((located, distribution))
    }

    /// Takes over the document's own spelling of the name, if its package URL is the same: package URLs fold the case
    /// of Go's and npm's names, which are told apart by case, and leave out what their type does not allow.
    fn respell(&self, component: &mut Component, purl: &Purl) {
        for (namespace, name) in self.spellings(component.package_type, purl) {
            let spelled = Component { namespace, name, ..component.clone() };
            let again = spelled.purl(None);
            let is_same_namespace =
                component.package_type.is_system() || again.namespace() == purl.namespace();
            if again.name() == purl.name() && is_same_namespace {
                *component = spelled;
                return;
            }
        }
    }

    /// Namespace and name as they may be meant: in members of their own, joined, or the name alone.
    fn spellings(&self, package_type: PackageType, purl: &Purl) -> Vec<(Option<String>, String)> {
        if let Some(group) = self.group.as_ref().filter(|group| !group.is_empty()) {
            return vec![(Some(group.clone()), self.name.clone())];
        }
        let separator = if package_type == PackageType::Maven { ':' } else { '/' };
        let split = || {
            let at = self.name.len().checked_sub(purl.name().len())?;
            let (left, name) = self.name.split_at_checked(at)?;
            Some((Some(left.strip_suffix(separator)?.to_owned()), name.to_owned()))
        };
        split().into_iter().chain([(None, self.name.clone())]).collect()
    }
}
