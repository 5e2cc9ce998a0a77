use std::borrow::Cow;
use std::fmt;

use crate::Order;
pub(crate) use known::Spelling;
use known::{KNOWN, Known};

mod known;

/// Longer names of ecosystems are of no ecosystem: they become names of shards.
const ECOSYSTEM_BYTES_MAX: usize = 200;

/// An ecosystem of OSV, `name[:release]`, whose versions have an order that is known.
///
/// What stands behind the colon is a distribution's release, or the repository that the packages come from. Each has
/// its own line of versions, so each is its own shard of the index.
#[derive(Clone, Copy)]
pub struct Ecosystem<'a> {
    known: &'static Known,
    full_name: &'a str,
}

impl<'a> Ecosystem<'a> {
    /// Reads OSV's `ecosystem`; `None` where the order of its versions is not known.
    ///
    /// ```
    /// use plimsoll_vuln::Ecosystem;
    ///
    /// let ecosystem = Ecosystem::parse("Ubuntu:22.04:LTS").unwrap();
    /// assert_eq!((ecosystem.name(), ecosystem.release()), ("Ubuntu", Some("22.04:LTS")));
    /// assert!(Ecosystem::parse("Plan 9").is_none());
    /// ```
    pub fn parse(text: &'a str) -> Option<Self> {
        let name = text.split_once(':').map_or(text, |(name, _)| name);
        let known = KNOWN.iter().find(|known| known.name == name)?;
        let is_printable = text.chars().all(|character| !character.is_control());
        (is_printable && text.len() <= ECOSYSTEM_BYTES_MAX).then_some(Self { known, full_name: text })
    }

    /// The name without the release.
    pub fn name(&self) -> &'static str {
        self.known.name
    }

    /// What follows the name: `12`, `v3.19`, `22.04:LTS`, `https://packages.drupal.org/8`.
    pub fn release(&self) -> Option<&'a str> {
        self.full_name.split_once(':').map(|(_, release)| release)
    }

    /// Whose rules order its versions.
    pub fn order(&self) -> Order {
        self.known.order
    }

    /// Whether it is a distribution, whose advisories speak of its own builds.
    pub fn is_distribution(&self) -> bool {
        self.known.is_distribution
    }

    /// Name and release as OSV writes them: the name of the ecosystem's shard.
    pub fn as_str(&self) -> &'a str {
        self.full_name
    }

    /// A package's name as it stands in the index, so that spellings that the ecosystem holds for one are one.
    pub fn normalise<'n>(&self, package: &'n str) -> Cow<'n, str> {
        self.known.spelling.normalise(package)
    }

    /// How its names are compared.
    pub(crate) fn spelling(&self) -> Spelling {
        self.known.spelling
    }
}

impl Spelling {
    /// See [`Ecosystem::normalise`].
    pub(crate) fn normalise(self, package: &str) -> Cow<'_, str> {
        match self {
            Self::Exact => Cow::Borrowed(package),
            Self::LowerCase => lower_case(package),
            Self::Python => python_name(package),
        }
    }
}

impl fmt::Debug for Ecosystem<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Ecosystem").field(&self.full_name).finish()
    }
}

impl fmt::Display for Ecosystem<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.full_name)
    }
}

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.chars().any(char::is_uppercase) { Cow::Owned(name.to_lowercase()) } else { Cow::Borrowed(name) }
}

/// The simple index's form (PEP 503): lower case, and one hyphen for each run of `-`, `_` and `.`.
fn python_name(name: &str) -> Cow<'_, str> {
    let is_normal = |name: &str| {
        !name.contains("--")
            && name.bytes().all(|byte| !byte.is_ascii_uppercase() && byte != b'_' && byte != b'.')
    };
    if is_normal(name) {
        return Cow::Borrowed(name);
    }
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            character => normal.push(character.to_ascii_lowercase()),
        }
    }
    Cow::Owned(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ecosystem_is_its_name_and_release() {
        for (text, name, release, order) in [
            ("PyPI", "PyPI", None, Order::Pep440),
            ("Debian:12", "Debian", Some("12"), Order::Dpkg),
            ("Alpine:v3.19", "Alpine", Some("v3.19"), Order::Apk),
            ("AlmaLinux:9", "AlmaLinux", Some("9"), Order::Rpm),
            ("Ubuntu:Pro:22.04:LTS", "Ubuntu", Some("Pro:22.04:LTS"), Order::Dpkg),
            ("Bitnami", "Bitnami", None, Order::SemVer),
            (
                "Packagist:https://packages.drupal.org/8",
                "Packagist",
                Some("https://packages.drupal.org/8"),
                Order::Composer,
            ),
        ] {
            let ecosystem = Ecosystem::parse(text).unwrap();
            assert_eq!((ecosystem.name(), ecosystem.release(), ecosystem.order()), (name, release, order));
            assert_eq!(ecosystem.as_str(), text);
        }
    }

    #[test]
    fn what_has_no_known_order_is_no_ecosystem() {
        let long = format!("Debian:{}", "1".repeat(ECOSYSTEM_BYTES_MAX));
        for text in ["", "debian:12", "OSS-Fuzz", "Debian 12", "Debian:1\n2", &long] {
            assert!(Ecosystem::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn names_are_spelled_as_the_ecosystem_compares_them() {
        for (ecosystem, name, expected) in [
            ("PyPI", "Zope.Interface", "zope-interface"),
            ("PyPI", "a__-b", "a-b"),
            ("PyPI", "requests", "requests"),
            ("NuGet", "Newtonsoft.Json", "newtonsoft.json"),
            ("Packagist", "Symfony/HTTP-Kernel", "symfony/http-kernel"),
            ("npm", "JSONStream", "JSONStream"),
            ("Maven", "org.Foo:Bar", "org.Foo:Bar"),
            ("Go", "github.com/Masterminds/semver", "github.com/Masterminds/semver"),
        ] {
            assert_eq!(Ecosystem::parse(ecosystem).unwrap().normalise(name), expected);
        }
    }
}
