use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_sbom::{Distribution, PackageType};

use crate::feed::{Evaluation, Naming, PROGRAM_ECOSYSTEM, Reason, Terms, system_feed};
use crate::index::{Index, Shard};

/// The ecosystems of languages, and of programs known by their bytes.
const LANGUAGES: &[(PackageType, &str)] = &[
    (PackageType::Golang, "Go"),
    (PackageType::Cargo, "crates.io"),
    (PackageType::Pypi, "PyPI"),
    (PackageType::Npm, "npm"),
    (PackageType::Maven, "Maven"),
    (PackageType::Gem, "RubyGems"),
    (PackageType::Nuget, "NuGet"),
    (PackageType::Composer, "Packagist"),
    (PackageType::Generic, PROGRAM_ECOSYSTEM),
];

/// The ecosystem whose advisories answer for a language's packages; `None` for a distribution's.
pub fn language_ecosystem(package_type: PackageType) -> Option<&'static str> {
    LANGUAGES.iter().find(|(language, _)| *language == package_type).map(|(_, ecosystem)| *ecosystem)
}

/// The shards that answer for components of one kind, and what is to be said of the answer.
#[derive(Debug)]
pub(super) struct Lane<'i> {
    /// The kind, where it is a distribution's.
    pub(super) package_type: Option<PackageType>,
    pub(super) shards: Vec<&'i Shard>,
    pub(super) naming: Naming,
    pub(super) evaluation: Arc<Evaluation>,
}

impl<'i> Lane<'i> {
    /// For the packages of the image's distribution.
    pub(super) fn of_system(index: &'i Index, distribution: Option<&Distribution>, terms: &Terms) -> Self {
        let Some(distribution) = distribution else { return Self::closed(Reason::DistributionUnknown) };
        let feed = match system_feed(distribution) {
            Ok(feed) => feed,
            Err(reason) => return Self::closed(reason),
        };
        let ecosystem = feed.ecosystems.first().cloned().unwrap_or_default();
        let shards: Vec<&Shard> = feed.ecosystems.iter().filter_map(|name| index.shard(name)).collect();
        let package_type = Some(feed.package_type);
        let lane = if shards.len() < feed.ecosystems.len() {
            Self::closed(Reason::NoFeed(ecosystem))
        } else {
            Self::open(ecosystem, shards, terms, terms.end_of_life(distribution))
        };
        Self { package_type, naming: feed.naming, ..lane }
    }

    /// For each language. Repositories besides an ecosystem's own, as Drupal's, have shards of their own.
    pub(super) fn of_languages(index: &'i Index, terms: &Terms) -> Vec<(PackageType, Self)> {
        let lane = |ecosystem: &str| {
            let shards: Vec<&Shard> = index.shards_of(ecosystem).collect();
            if index.shard(ecosystem).is_none() {
                return Self::closed(Reason::NoFeed(ecosystem.to_owned()));
            }
            Self::open(ecosystem.to_owned(), shards, terms, None)
        };
        LANGUAGES.iter().map(|(package_type, ecosystem)| (*package_type, lane(ecosystem))).collect()
    }

    fn open(ecosystem: String, shards: Vec<&'i Shard>, terms: &Terms, reason: Option<Reason>) -> Self {
        let oldest =
            shards.iter().filter_map(|shard| shard.data_time()).min().unwrap_or(Timestamp::UNIX_EPOCH);
        let reasons = reason.into_iter().chain(terms.staleness(&ecosystem, oldest)).collect();
        let evaluation = Arc::new(Evaluation::by(ecosystem, reasons));
        Self { package_type: None, shards, naming: Naming::Binary, evaluation }
    }

    fn closed(reason: Reason) -> Self {
        let evaluation = Arc::new(Evaluation::NotEvaluated(reason));
        Self { package_type: None, shards: Vec::new(), naming: Naming::Binary, evaluation }
    }
}
