use reqwest::{Certificate, Client, ClientBuilder, redirect};

use super::RegistryOptions;
use super::ca_file::no_certificate;
use crate::TransportError;

/// Most redirects that one call follows. The HTTP library drops `Authorization` when a redirect leaves the host.
const REDIRECTS_MAX: usize = 10;

/// Makes the HTTP client for registries.
pub(crate) fn build(options: &RegistryOptions) -> Result<Client, TransportError> {
    install_crypto();
    match configure(options)?.build() {
        // A machine without system certificates can still speak plain HTTP, or trust what the user named.
        Err(error) if !options.insecure_skip_verify => {
            tracing::warn!(error = %error, "no system certificates");
            configure(options)?.tls_certs_only(extra_certificates(options)?).build().map_err(build_error)
        }
        built => built.map_err(build_error),
    }
}

fn configure(options: &RegistryOptions) -> Result<ClientBuilder, TransportError> {
    let builder = Client::builder()
        .user_agent(&options.user_agent)
        .connect_timeout(options.connect_timeout)
        .redirect(redirect::Policy::limited(REDIRECTS_MAX))
        .http2_adaptive_window(true)
        .referer(false)
        .tls_danger_accept_invalid_certs(options.insecure_skip_verify);
    let certificates = extra_certificates(options)?;
    Ok(if certificates.is_empty() { builder } else { builder.tls_certs_merge(certificates) })
}

fn extra_certificates(options: &RegistryOptions) -> Result<Vec<Certificate>, TransportError> {
    let Some(pem) = &options.ca_pem else { return Ok(Vec::new()) };
    let certificates = Certificate::from_pem_bundle(pem).map_err(build_error)?;
    if certificates.is_empty() {
        return Err(no_certificate("what was given to be trusted"));
    }
    Ok(certificates)
}

fn build_error(cause: reqwest::Error) -> TransportError {
    TransportError::Unreachable { operation: "set up the HTTP client".to_owned(), cause }
}

/// The HTTP library takes the process's default provider and panics without one. Whoever set one before keeps it.
pub(crate) fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
