mod component;
mod encoding;
mod parse;
mod rules;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use component::package_type;

/// A package URL: `pkg:type/namespace/name@version?qualifiers#subpath` (purl-spec, ECMA-427).
///
/// Two that name the same package are equal, because a value is always in the canonical form of its type: case folded
/// where the type ignores case, qualifiers sorted, empty parts left out. What is printed parses back to the same value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    package_type: String,
    namespace: Option<String>,
    name: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
    subpath: Option<String>,
}

impl Purl {
    /// The longest package URL that is parsed, in bytes. Those of real packages stay below one thousand.
    pub const BYTES_MAX: usize = 8 * 1024;

    /// Names a package by what it is called, unescaped. Empty parts count as absent.
    pub fn new(
        package_type: &str,
        namespace: Option<&str>,
        name: &str,
        version: Option<&str>,
    ) -> Result<Self, ParsePurlError> {
        let purl = Self {
            package_type: parse::package_type(package_type)?,
            namespace: namespace.and_then(parse::segments),
            name: name.trim_matches('/').to_owned(),
            version: version.filter(|version| !version.is_empty()).map(str::to_owned),
            qualifiers: BTreeMap::new(),
            subpath: None,
        };
        purl.canonical()
    }

    /// Adds a qualifier; one without a value is the same as none.
    pub fn with_qualifier(mut self, key: &str, value: &str) -> Result<Self, ParsePurlError> {
        let key = parse::qualifier_key(key)?;
        if !value.is_empty() {
            self.qualifiers.insert(key, value.to_owned());
        }
        self.canonical()
    }

    /// Points at a part of the package, relative to its root; `.` and `..` are left out.
    #[must_use]
    pub fn with_subpath(mut self, subpath: &str) -> Self {
        self.subpath = parse::subpath(subpath);
        self
    }

    /// The type in lower case: `deb`, `npm`.
    pub fn package_type(&self) -> &str {
        &self.package_type
    }

    /// The namespace, its segments joined with slashes.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// A qualifier's value, by its key in lower case.
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers.get(key).map(String::as_str)
    }

    /// All qualifiers, sorted by key.
    pub fn qualifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.qualifiers.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The subpath, its segments joined with slashes.
    pub fn subpath(&self) -> Option<&str> {
        self.subpath.as_deref()
    }

    /// The same in its type's canonical form, if the type allows it at all.
    fn canonical(mut self) -> Result<Self, ParsePurlError> {
        rules::normalize(&mut self);
        if self.name.is_empty() {
            return Err(ParsePurlError::Name);
        }
        rules::check(&self)?;
        Ok(self)
    }
}

/// Why some text is not a package URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePurlError {
    /// It goes past [`Purl::BYTES_MAX`].
    #[error("a package URL has at most {max} bytes", max = Purl::BYTES_MAX)]
    Length,
    /// It does not begin with `pkg:`.
    #[error("a package URL begins with `pkg:`, as in `pkg:npm/left-pad@1.3.0`")]
    Scheme,
    /// The type is missing, or holds other characters than letters, digits, `.`, `-` and `+`.
    #[error("`{0}` is no type of package URLs; types begin with a letter, as `deb` and `npm` do")]
    Type(String),
    /// There is no name.
    #[error("a package URL names a package after its type, as in `pkg:npm/left-pad`")]
    Name,
    /// An escaped segment hides a slash, or unescapes to something else than UTF-8.
    #[error("`{0}` is not percent-encoded as package URLs are")]
    Encoding(String),
    /// A qualifier's key is malformed, or stands twice.
    #[error("`{0}` is no qualifier of a package URL; qualifiers are `key=value`, each key once")]
    Qualifier(String),
    /// The type's own rules are broken.
    #[error("a package URL of type `{package_type}` {rule}")]
    Rule {
        /// The type.
        package_type: String,
        /// What it wants.
        rule: &'static str,
    },
}

impl FromStr for Purl {
    type Err = ParsePurlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let purl = parse::parse(text)?.canonical()?;
        rules::check_qualifiers(&purl)?;
        Ok(purl)
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.package_type)?;
        if let Some(namespace) = &self.namespace {
            encoding::write_segments(f, namespace)?;
            f.write_str("/")?;
        }
        encoding::write(f, &self.name)?;
        if let Some(version) = &self.version {
            f.write_str("@")?;
            encoding::write(f, version)?;
        }
        for (index, (key, value)) in self.qualifiers.iter().enumerate() {
            write!(f, "{}{key}=", if index == 0 { '?' } else { '&' })?;
            encoding::write(f, value)?;
        }
        if let Some(subpath) = &self.subpath {
            f.write_str("#")?;
            encoding::write_segments(f, subpath)?;
        }
        Ok(())
    }
}

impl Serialize for Purl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Purl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
