use std::collections::BTreeSet;
use std::sync::Arc;

use plimsoll_sbom::{Component, ParsePurlError, Purl};
use plimsoll_vuln::Ecosystem;
use plimsoll_vuln::feed::{Evaluation, Reason};
use plimsoll_vuln::finding::Finding;
use plimsoll_vuln::index::Index;
use plimsoll_vuln::matching::{Matcher, language_ecosystem};

use crate::inventory::{folded, names};

/// What is looked for in a line: a vulnerability, or a component.
#[derive(Clone, Debug)]
pub struct Question {
    about: About,
    /// The folded names of the packages that it is about.
    names: BTreeSet<Box<str>>,
}

#[derive(Clone, Debug)]
enum About {
    Vulnerability {
        id: String,
        /// The ecosystems of languages whose advisories tell of it; nothing for a distribution's.
        ecosystems: BTreeSet<Option<&'static str>>,
    },
    Component {
        package_type: String,
        name: String,
        version: Option<String>,
    },
}

/// Why nothing can be looked for.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// The vulnerability is not known.
    #[error("the advisories in force say nothing of `{0}`")]
    Unmentioned(String),
    /// The component's name is none.
    #[error("`{text}` names no component")]
    Purl {
        /// The name.
        text: String,
        /// Why not.
        source: ParsePurlError,
    },
}

/// What is to be said of one component.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is what is looked for, or has it; with the finding, where a vulnerability is looked for.
    Held(Option<Arc<Finding>>),
    /// It is not, or has it not.
    Free,
    /// Nobody can tell.
    NotEvaluated(Reason),
}

impl Question {
    /// Reads a package URL, or the id of a vulnerability of which the advisories must speak.
    pub fn parse(text: &str, index: &Index) -> Result<Self, QuestionError> {
        if text.starts_with("pkg:") {
            return Self::component(text);
        }
        let mentions = index.mentions(text);
        if mentions.is_empty() {
            return Err(QuestionError::Unmentioned(text.to_owned()));
        }
        let ecosystem = |name: &str| {
            Ecosystem::parse(name).filter(|known| !known.is_distribution()).map(|known| known.name())
        };
        let ecosystems = mentions.iter().map(|mention| ecosystem(mention.shard.name())).collect();
        let names = mentions.iter().flat_map(|mention| &mention.packages).map(|name| folded(name)).collect();
        Ok(Self { about: About::Vulnerability { id: text.to_owned(), ecosystems }, names })
    }

    fn component(text: &str) -> Result<Self, QuestionError> {
        let purl: Purl =
            text.parse().map_err(|source| QuestionError::Purl { text: text.to_owned(), source })?;
        // A distribution's namespace is not part of a package's name there.
        let name = match (purl.package_type(), purl.namespace()) {
            ("deb" | "apk" | "rpm", _) | (_, None) => purl.name().to_owned(),
            ("maven", Some(namespace)) => format!("{namespace}:{}", purl.name()),
            (_, Some(namespace)) => format!("{namespace}/{}", purl.name()),
        };
        let names = BTreeSet::from([folded(&name)]);
        let version = purl.version().map(str::to_owned);
        Ok(Self {
            about: About::Component { package_type: purl.package_type().to_owned(), name, version },
            names,
        })
    }

    /// The folded names of the packages that it is about.
    pub(crate) fn names(&self) -> &BTreeSet<Box<str>> {
        &self.names
    }

    /// Whether a component may be what is looked for, in some version.
    pub fn concerns(&self, component: &Component) -> bool {
        if names(component).is_disjoint(&self.names) {
            return false;
        }
        match &self.about {
            About::Vulnerability { ecosystems, .. } => {
                ecosystems.contains(&language_ecosystem(component.package_type))
            }
            About::Component { package_type, name, .. } => {
                let own = [component.full_name(), component.name.clone()];
                component.package_type.as_str() == package_type && own.contains(name)
            }
        }
    }

    /// What is to be said of a component that it concerns. The matcher is one for the component's distribution.
    pub fn answer(&self, component: &Component, matcher: &mut Matcher<'_>) -> Answer {
        match &self.about {
            About::Component { version, .. } => {
                let is_asked = version.as_ref().is_none_or(|version| {
                    let (_, without_epoch) =
                        component.version.split_once(':').unwrap_or(("", &component.version));
                    *version == component.version || version == without_epoch
                });
                if is_asked { Answer::Held(None) } else { Answer::Free }
            }
            About::Vulnerability { id, .. } => {
                let matches = matcher.matches(component);
                if let Evaluation::NotEvaluated(reason) = &*matches.evaluation {
                    return Answer::NotEvaluated(reason.clone());
                }
                let found = matches.findings.into_iter().find(|finding| {
                    finding.is_called(id)
                        && finding.counts()
                        && !matches.not_affected.iter().any(|id| finding.ids.contains(id))
                });
                found.map_or(Answer::Free, |finding| Answer::Held(Some(finding)))
            }
        }
    }

    /// Whether a vulnerability is looked for.
    pub fn is_about_vulnerability(&self) -> bool {
        matches!(self.about, About::Vulnerability { .. })
    }
}
