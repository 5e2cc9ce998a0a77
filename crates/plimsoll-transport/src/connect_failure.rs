//! Why a peer was not reached, in words that say what to do.

use std::error::Error;
use std::io;

use reqwest::Url;
use rustls::CertificateError;

use crate::TransportError;

/// How a server's certificate is made that is no authority's.
const SERVER_CERTIFICATE: &str = "make it with `-addext basicConstraints=critical,CA:FALSE`";

/// What a request ended in that got no answer. `registry` is what the peer is called if it is the registry itself.
pub(crate) fn explain(operation: &str, registry: Option<&str>, error: reqwest::Error) -> TransportError {
    let address = error.url().cloned().filter(|_| error.is_connect());
    let Some(address) = address else {
        return TransportError::Unreachable { operation: operation.to_owned(), cause: error };
    };
    let host = registry.map_or_else(|| authority_of(&address), str::to_owned);
    match find::<rustls::Error>(&error) {
        Some(rustls::Error::InvalidCertificate(problem)) => distrusted(host, problem),
        Some(rustls::Error::InvalidMessage(_)) => TransportError::NoAnswer {
            peer: format!("`{host}`"),
            cause: "what listens there speaks no TLS".to_owned(),
            is_closed: false,
            help: "--plain-http, if it is meant to go without".to_owned(),
        },
        _ => TransportError::NoAnswer {
            peer: if registry.is_some() { format!("registry `{host}`") } else { format!("`{host}`") },
            is_closed: is_closed(&error),
            help: match registry {
                Some(_) => {
                    format!("is it running? curl {}://{}/v2/", address.scheme(), authority_of(&address))
                }
                None => format!("the registry sends its clients there; try curl {}", origin_of(&address)),
            },
            cause: cause_of(&error),
        },
    }
}

/// The innermost cause alone: what stands around it only says that a request failed.
pub(crate) fn cause_of(error: &reqwest::Error) -> String {
    if let Some(io) = find::<io::Error>(error).filter(|io| io.kind() == io::ErrorKind::ConnectionRefused) {
        return io.kind().to_string();
    }
    let mut text = innermost(error).to_string();
    if let Some(at) = text.find(" (os error") {
        text.truncate(at);
    }
    // The system's messages begin in upper case.
    match text.chars().next() {
        Some(first) if text.chars().nth(1).is_some_and(char::is_lowercase) => {
            text.replacen(first, &first.to_lowercase().to_string(), 1)
        }
        _ => text,
    }
}

/// Whether the peer broke the connection off, as a server does that has answered and waits for nothing more.
pub(crate) fn is_cut(error: &reqwest::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    let broken =
        |io: &io::Error| matches!(io.kind(), BrokenPipe | ConnectionReset | ConnectionAborted | NotConnected);
    find::<io::Error>(error).is_some_and(broken)
        || chain(error).any(|cause| cause.to_string().contains("connection closed before message completed"))
}

/// Whether what came back is not HTTP: a server with TLS answers plain HTTP with an alert.
pub(crate) fn is_not_http(error: &reqwest::Error) -> bool {
    chain(error)
        .map(ToString::to_string)
        .any(|text| text.starts_with("invalid HTTP") && text.contains("parsed"))
}

fn is_closed(error: &reqwest::Error) -> bool {
    find::<io::Error>(error).is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused)
}

fn distrusted(host: String, problem: &CertificateError) -> TransportError {
    // The verifier hides some of its own errors in this one; their names show in the debug form alone.
    let is_authority = format!("{problem:?}").contains("CaUsedAsEndEntity");
    let (cause, help) = match problem {
        CertificateError::UnknownIssuer => (
            "its issuer is not known here (UnknownIssuer)".to_owned(),
            Some("--ca-file FILE, with the certificate of the authority that issued it".to_owned()),
        ),
        _ if is_authority => (
            "it is an authority's, not a server's (CaUsedAsEndEntity)".to_owned(),
            Some(SERVER_CERTIFICATE.to_owned()),
        ),
        other => (other.to_string(), None),
    };
    TransportError::Certificate { host, cause, help }
}

fn authority_of(address: &Url) -> String {
    let host = address.host_str().unwrap_or_default();
    address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn origin_of(address: &Url) -> String {
    format!("{}://{}/", address.scheme(), authority_of(address))
}

fn innermost(error: &reqwest::Error) -> &(dyn Error + 'static) {
    chain(error).last().expect("a chain begins with the error itself")
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).filter_map(|cause| cause.downcast_ref::<E>()).last()
}

/// The error and its causes. A wrapped error in an I/O error is a cause too, which `source` steps over.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |&outer| {
        match outer.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => outer.source(),
        }
    })
}
