use std::sync::Arc;

use plimsoll_oci::RegistryHost;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode, Url};

use super::contact::Contact;
use super::{PlainHttp, RegistryOptions};
use crate::TransportError;
use crate::connect_failure::is_not_http;

/// Docker Hub's API does not live where its references point.
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// Where a registry's API is.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    host: String,
    scheme: Scheme,
    is_loopback: bool,
    contact: Arc<Contact>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
    /// HTTP, until an answer shows that TLS is spoken there.
    Guessed,
}

impl Endpoint {
    pub(crate) fn of(registry: &RegistryHost, options: &RegistryOptions, contact: Arc<Contact>) -> Self {
        let is_hub = *registry == RegistryHost::docker_hub();
        let host = if is_hub { DOCKER_HUB_API } else { registry.as_str() };
        let is_loopback = registry.is_loopback();
        // Who says which certificates to take, wants TLS.
        let speaks_of_certificates = options.ca_pem.is_some() || options.insecure_skip_verify;
        let scheme = match options.plain_http {
            PlainHttp::Always => Scheme::Http,
            PlainHttp::Loopback if is_loopback && !speaks_of_certificates => Scheme::Guessed,
            PlainHttp::Loopback | PlainHttp::Never => Scheme::Https,
        };
        Self { host: host.to_owned(), scheme, is_loopback, contact }
    }

    fn scheme(&self) -> &'static str {
        match self.scheme {
            Scheme::Http => "http",
            Scheme::Guessed if !self.contact.speaks_tls() => "http",
            Scheme::Guessed | Scheme::Https => "https",
        }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> Result<Url, TransportError> {
        let text = format!("{}://{}{path}", self.scheme(), self.host);
        Url::parse(&text).map_err(|error| TransportError::Protocol {
            operation: format!("make the address `{text}`"),
            problem: error.to_string(),
        })
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.scheme() == "http"
    }

    pub(crate) fn contact(&self) -> &Contact {
        &self.contact
    }

    /// Whether the registry should be on this machine, and has not been heard of yet.
    pub(crate) fn is_silent_loopback(&self) -> bool {
        self.is_loopback && !self.contact.has_answered()
    }

    /// `url` as it is to be asked for now: TLS may have turned out to be spoken since it was made.
    pub(crate) fn current(&self, url: &Url) -> Url {
        let mut current = url.clone();
        let is_own =
            || Url::parse(&format!("http://{}/", self.host)).is_ok_and(|own| own.origin() == url.origin());
        if self.scheme == Scheme::Guessed && self.contact.speaks_tls() && url.scheme() == "http" && is_own() {
            let _ = current.set_scheme("https");
        }
        current
    }

    /// Whether what came of asking for `url` shows that the registry speaks TLS, which is then remembered.
    pub(crate) fn turns_out_to_speak_tls(&self, url: &Url, sent: &Result<Response, TransportError>) -> bool {
        let is_guess = self.scheme == Scheme::Guessed && url.scheme() == "http" && self.owns_host(url);
        let is_open = self.contact.speaks_tls() || !self.contact.has_answered();
        let wants_tls = is_guess && is_open && is_answer_of_tls(sent);
        if wants_tls {
            tracing::debug!(host = %self.host, "TLS is spoken here");
            self.contact.note_tls();
        }
        wants_tls
    }

    fn owns_host(&self, url: &Url) -> bool {
        self.url("/").is_ok_and(|own| own.host() == url.host())
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

/// Whether plain HTTP was answered as a server with TLS does: with an alert, or with a 400 that no registry wrote.
fn is_answer_of_tls(sent: &Result<Response, TransportError>) -> bool {
    match sent {
        Ok(response) => {
            let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            response.status() == StatusCode::BAD_REQUEST
                && !media_type.is_some_and(|text| text.contains("json"))
        }
        Err(TransportError::Unreachable { cause, .. }) => is_not_http(cause),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoWarnings, RetryPolicy};

    fn options() -> RegistryOptions {
        let moment = std::time::Duration::from_secs(1);
        RegistryOptions {
            plain_http: PlainHttp::Loopback,
            ca_pem: None,
            insecure_skip_verify: false,
            user_agent: "test".to_owned(),
            connect_timeout: moment,
            stall_timeout: moment,
            retry: RetryPolicy { attempts: 1, first_pause: moment },
            warnings: Arc::new(NoWarnings),
        }
    }

    fn endpoint(host: &str) -> Endpoint {
        Endpoint::of(&host.parse().unwrap(), &options(), Arc::default())
    }

    #[test]
    fn a_word_about_certificates_means_tls_even_on_loopback() {
        let careless = RegistryOptions { insecure_skip_verify: true, ..options() };
        let own = Endpoint::of(&"localhost:5000".parse().unwrap(), &careless, Arc::default());
        assert_eq!(own.url("/").unwrap().as_str(), "https://localhost:5000/");
    }

    #[test]
    fn addresses_made_before_tls_was_noticed_are_brought_up_to_date() {
        let own = endpoint("localhost:5000");
        let before = own.url("/v2/").unwrap();
        own.contact().note_tls();
        assert_eq!(own.current(&before).as_str(), "https://localhost:5000/v2/");
        let elsewhere = Url::parse("http://localhost:5001/token").unwrap();
        assert_eq!(own.current(&elsewhere), elsewhere);
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
