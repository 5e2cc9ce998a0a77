use std::fmt;
use std::str::FromStr;

use crate::{
    Digest, ParseDigestError, ParseRepositoryNameError, ParseTagError, RepositoryName, Tag, TagOrDigest,
};

/// A registry's address as it stands in a reference: `host` or `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryHost(String);

impl RegistryHost {
    /// Docker Hub, which Docker writes for names without a registry.
    pub fn docker_hub() -> Self {
        Self("docker.io".to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the host is this machine: `localhost` or a loopback address. Clients speak plain HTTP to it.
    pub fn is_loopback(&self) -> bool {
        let host = match self.0.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.0.split(':').next().unwrap_or_default(),
        };
        let is_loopback_address =
            host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
        host == "localhost" || host.ends_with(".localhost") || is_loopback_address
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RegistryHost {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (text, None),
        };
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
        let is_ipv6 = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
        let is_label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_name = host.len() <= 253 && host.split('.').all(is_label);
        if !is_port || !(is_ipv6 || is_name) {
            return Err(ParseReferenceError::Host(text.to_owned()));
        }
        // Case means nothing in a host, but may be all that tells it from the first part of a repository.
        let lower_case = text.to_ascii_lowercase();
        Ok(Self(if names_a_host(&lower_case) { lower_case } else { text.to_owned() }))
    }
}

/// What a user writes to name an image in a registry: registry, repository, and tag or digest or both.
///
/// When both are there the digest decides, and the tag is a remark.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The registry.
    pub registry: RegistryHost,
    /// The repository in it.
    pub repository: RepositoryName,
    /// The tag, if one was written.
    pub tag: Option<Tag>,
    /// The digest, if one was written.
    pub digest: Option<Digest>,
}

/// Why some text is not a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseReferenceError {
    /// The part before the first slash is not a host.
    #[error("`{0}` is not a registry host such as `registry.example.org` or `localhost:5000`")]
    Host(String),
    /// The repository is not well formed.
    #[error(transparent)]
    Repository(#[from] ParseRepositoryNameError),
    /// The tag is not well formed.
    #[error(transparent)]
    Tag(#[from] ParseTagError),
    /// The digest is not well formed.
    #[error(transparent)]
    Digest(#[from] ParseDigestError),
}

impl Reference {
    /// The tag or digest to ask the registry for: the digest if there is one, else the tag, else `latest`.
    pub fn target(&self) -> TagOrDigest {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => TagOrDigest::Digest(*digest),
            (None, Some(tag)) => TagOrDigest::Tag(tag.clone()),
            (None, None) => TagOrDigest::Tag("latest".parse().expect("`latest` is a tag")),
        }
    }

    /// The same repository, pointing at `digest` alone.
    pub fn at(&self, digest: Digest) -> Self {
        Self {
            registry: self.registry.clone(),
            repository: self.repository.clone(),
            tag: None,
            digest: Some(digest),
        }
    }

    /// The same repository, pointing at `tag` alone.
    pub fn tagged(&self, tag: Tag) -> Self {
        Self {
            registry: self.registry.clone(),
            repository: self.repository.clone(),
            tag: Some(tag),
            digest: None,
        }
    }

    /// Reads a reference as Docker does: a name without a registry is on Docker Hub, and one without a namespace there
    /// is in `library/`. The second value tells whether anything was filled in, for the caller to say so.
    pub fn parse_normalized(text: &str) -> Result<(Self, bool), ParseReferenceError> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse()?)),
            None => (text, None),
        };
        let (path, tag) = match name.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag.parse()?)),
            _ => (name, None),
        };
        let (registry, rest) = match path.split_once('/') {
            Some((first, rest)) if names_a_host(first) => (first.parse()?, rest),
            _ => (RegistryHost::docker_hub(), path),
        };
        let on_hub = matches!(registry.as_str(), "docker.io" | "index.docker.io");
        let registry = if on_hub { RegistryHost::docker_hub() } else { registry };
        let repository =
            if on_hub && !rest.contains('/') { format!("library/{rest}") } else { rest.to_owned() };
        let reference = Self { registry, repository: repository.parse()?, tag, digest };
        let filled_in = !name.starts_with(&format!("{}/{}", reference.registry, reference.repository));
        Ok((reference, filled_in))
    }
}

/// Docker's rule: the first part is a host when it holds a dot or a colon, is `localhost`, or has an upper-case letter.
fn names_a_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

impl FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_normalized(text).map(|(reference, _)| reference)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(text: &str) -> (String, bool) {
        let (reference, filled_in) = Reference::parse_normalized(text).unwrap();
        (reference.to_string(), filled_in)
    }

    #[test]
    fn short_names_are_resolved_as_docker_does() {
        assert_eq!(normalized("debian"), ("docker.io/library/debian".into(), true));
        assert_eq!(normalized("team/app:1"), ("docker.io/team/app:1".into(), true));
        assert_eq!(normalized("docker.io/debian"), ("docker.io/library/debian".into(), true));
        assert_eq!(normalized("localhost/app"), ("localhost/app".into(), false));
        assert_eq!(normalized("localhost:5000/app"), ("localhost:5000/app".into(), false));
        assert_eq!(normalized("ghcr.io/a/b:v1"), ("ghcr.io/a/b:v1".into(), false));
    }

    #[test]
    fn a_host_stays_a_host_when_it_is_written_again() {
        let cases = [("R.Example/a", "r.example/a"), ("Localhost/a", "localhost/a"), ("Shore/a", "Shore/a")];
        for (text, written) in cases {
            assert_eq!(normalized(text).0, written);
            assert_eq!(normalized(written).0, written);
        }
    }

    #[test]
    fn tag_and_digest_may_stand_together() {
        let digest = Digest::sha256_of(b"x");
        let reference: Reference = format!("r.example/a:1@{digest}").parse().unwrap();
        assert_eq!(reference.target(), TagOrDigest::Digest(digest));
        assert_eq!(reference.to_string(), format!("r.example/a:1@{digest}"));
    }

    #[test]
    fn wrong_parts_are_named() {
        assert!(matches!("r.example/A".parse::<Reference>(), Err(ParseReferenceError::Repository(_))));
        assert!(matches!("a:b!".parse::<Reference>(), Err(ParseReferenceError::Tag(_))));
        assert!(matches!("a@sha256:1".parse::<Reference>(), Err(ParseReferenceError::Digest(_))));
        assert!(matches!("host:port/a".parse::<Reference>(), Err(ParseReferenceError::Host(_))));
    }

    #[test]
    fn loopback_hosts_are_known() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "127.9.9.9"] {
            assert!(host.parse::<RegistryHost>().unwrap().is_loopback(), "{host}");
        }
        for host in ["10.0.0.1", "localhost.example", "example.org:5000"] {
            assert!(!host.parse::<RegistryHost>().unwrap().is_loopback(), "{host}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".{0,80}") {
            if let Ok(reference) = text.parse::<Reference>() {
                let again: Reference = reference.to_string().parse().unwrap();
                proptest::prop_assert_eq!(again, reference);
            }
        }
    }
}
