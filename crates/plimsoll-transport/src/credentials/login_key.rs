use plimsoll_oci::{RegistryHost, RepositoryName};

/// Docker Hub's address in credential files and helpers: older than its other names.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// What a credential is asked for: a registry, or one repository in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginKey {
    /// The registry.
    pub registry: RegistryHost,
    /// The repository; Podman can keep credentials for a part of a registry.
    pub repository: Option<RepositoryName>,
}

impl LoginKey {
    /// A key for a whole registry.
    pub fn registry(registry: RegistryHost) -> Self {
        Self { registry, repository: None }
    }

    /// The text under which a login is kept in files and asked of helpers.
    pub fn server(&self) -> String {
        if is_docker_hub(self.registry.as_str()) {
            DOCKER_HUB_KEY.to_owned()
        } else {
            self.registry.to_string()
        }
    }

    /// The keys under which a file may hold the credential, the most specific first, in the form of
    /// [`normalize_key`].
    pub(crate) fn candidates(&self) -> Vec<String> {
        let mut candidates = Vec::new();
        let mut path = self.repository.as_ref().map_or("", RepositoryName::as_str);
        while !path.is_empty() {
            candidates.push(format!("{}/{path}", normalize_host(self.registry.as_str())));
            path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        candidates.push(normalize_host(self.registry.as_str()).to_owned());
        candidates
    }
}

/// The key without scheme and API version: `https://host/v2/` and `host` are one.
pub(crate) fn normalize_key(key: &str) -> String {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let bare = bare.trim_end_matches('/');
    let bare = bare.strip_suffix("/v1").or_else(|| bare.strip_suffix("/v2")).unwrap_or(bare);
    match bare.split_once('/') {
        Some((host, path)) => format!("{}/{path}", normalize_host(&host.to_ascii_lowercase())),
        None => normalize_host(&bare.to_ascii_lowercase()).to_owned(),
    }
}

fn normalize_host(host: &str) -> &str {
    if is_docker_hub(host) { "docker.io" } else { host }
}

fn is_docker_hub(host: &str) -> bool {
    matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_key_comes_first() {
        let key = LoginKey {
            registry: "r.example:5000".parse().unwrap(),
            repository: Some("a/b/c".parse().unwrap()),
        };
        let expected = ["r.example:5000/a/b/c", "r.example:5000/a/b", "r.example:5000/a", "r.example:5000"];
        assert_eq!(key.candidates(), expected);
    }

    #[test]
    fn keys_of_all_ages_are_one() {
        for key in ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "http://docker.io/v2"] {
            assert_eq!(normalize_key(key), "docker.io", "{key}");
        }
        assert_eq!(normalize_key("https://R.Example/v2/"), "r.example");
        assert_eq!(normalize_key("r.example/team"), "r.example/team");
        assert_eq!(LoginKey::registry(RegistryHost::docker_hub()).server(), DOCKER_HUB_KEY);
    }

    proptest::proptest! {
        #[test]
        fn any_key_is_normalized_without_panic(key in ".{0,60}") {
            let _ = normalize_key(&key);
        }
    }
}
