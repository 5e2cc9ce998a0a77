use plimsoll_oci::RegistryHost;
use reqwest::Url;

use super::PlainHttp;
use crate::TransportError;

/// Docker Hub's API does not live where its references point.
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// Where a registry's API is.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    host: String,
    scheme: &'static str,
}

impl Endpoint {
    pub(crate) fn of(registry: &RegistryHost, plain_http: PlainHttp) -> Self {
        let is_hub = *registry == RegistryHost::docker_hub();
        let host = if is_hub { DOCKER_HUB_API } else { registry.as_str() };
        let is_plain = match plain_http {
            PlainHttp::Always => true,
            PlainHttp::Loopback => registry.is_loopback(),
            PlainHttp::Never => false,
        };
        let scheme = if is_plain { "http" } else { "https" };
        Self { host: host.to_owned(), scheme }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> Result<Url, TransportError> {
        let text = format!("{}://{}{path}", self.scheme, self.host);
        Url::parse(&text).map_err(|error| TransportError::Protocol {
            operation: format!("make the address `{text}`"),
            problem: error.to_string(),
        })
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.scheme == "http"
    }

    /// Whether `url` leads to this registry, so that it may see the credential.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        self.url("/").is_ok_and(|own| own.origin() == url.origin())
    }

    /// The address in a `Location` or `Link` header of an answer from `base`.
    ///
    /// Behind a proxy that ends TLS, registries write `http` for what was asked with `https`: the connection is
    /// never made less safe than it was.
    pub(crate) fn follow(&self, base: &Url, location: &str) -> Result<Url, TransportError> {
        let mut url = base.join(location).map_err(|error| TransportError::Protocol {
            operation: format!("follow an answer of `{}`", self.host),
            problem: format!("it points to no address: {error}"),
        })?;
        if url.scheme() == "http"
            && base.scheme() == "https"
            && url.host() == base.host()
            && url.set_scheme("https").is_ok()
        {
            let _ = url.set_port(base.port());
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &str) -> Endpoint {
        Endpoint::of(&host.parse().unwrap(), PlainHttp::Loopback)
    }

    #[test]
    fn loopback_is_plain_and_the_hub_has_its_own_host() {
        assert_eq!(endpoint("localhost:5000").url("/v2/").unwrap().as_str(), "http://localhost:5000/v2/");
        assert_eq!(endpoint("r.example").url("/v2/").unwrap().as_str(), "https://r.example/v2/");
        assert_eq!(endpoint("docker.io").url("/v2/").unwrap().host_str(), Some(DOCKER_HUB_API));
    }

    #[test]
    fn only_the_registry_itself_may_see_the_credential() {
        let own = endpoint("r.example");
        let owns = |text: &str| own.owns(&Url::parse(text).unwrap());
        assert!(owns("https://r.example:443/x"));
        assert!(
            !owns("http://r.example/x") && !owns("https://r.example:8443/x") && !owns("https://s3.example/x")
        );
    }

    #[test]
    fn a_location_never_leaves_tls() {
        let own = endpoint("r.example:8443");
        let base = own.url("/v2/a/blobs/uploads/").unwrap();
        let followed = own.follow(&base, "http://r.example/v2/a/blobs/uploads/1?s=2").unwrap();
        assert_eq!(followed.as_str(), "https://r.example:8443/v2/a/blobs/uploads/1?s=2");
        assert_eq!(own.follow(&base, "/v2/x").unwrap().path(), "/v2/x");
    }
}
