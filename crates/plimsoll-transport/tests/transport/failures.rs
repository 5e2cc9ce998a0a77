//! What a user reads when a registry is not there, not trusted, full, or closed to them.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use plimsoll_oci::{Descriptor, MediaType, RegistryHost};
use plimsoll_transport::{
    Access, Credential, ErrorKind, RegistryClient, RegistryOptions, RetryPolicy, Secret, Sink as _,
    Source as _, Target, TransportError, Warnings, read_ca_file,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::children::is_installed;
use crate::debian_registry::{DebianRegistry, Door};
use crate::fixture::{Held, client, host, no_credentials, noise, options};
use crate::scripted_server::{Answer, ScriptedServer};

async fn catalogue(
    options: RegistryOptions,
    registry: &RegistryHost,
) -> Result<Vec<plimsoll_oci::RepositoryName>, TransportError> {
    RegistryClient::new(options, no_credentials()).unwrap().catalogue(registry).await
}

#[tokio::test]
async fn tls_on_loopback_is_found_and_certificates_given_for_it_count() {
    if !is_installed("openssl") {
        return;
    }
    let Some(registry) = DebianRegistry::start(Door::Tls) else { return };
    let untrusted = catalogue(options(), &registry.host()).await.unwrap_err();
    assert!(matches!(untrusted, TransportError::Certificate { .. }), "{untrusted}");
    assert!(untrusted.help().unwrap().starts_with("--ca-file FILE"), "{untrusted}");
    let pem = read_ca_file(&registry.directory.path().join("ca.pem")).unwrap();
    catalogue(RegistryOptions { ca_pem: Some(pem), ..options() }, &registry.host()).await.unwrap();
    let careless = RegistryOptions { insecure_skip_verify: true, ..options() };
    catalogue(careless, &registry.host()).await.unwrap();
}

#[tokio::test]
async fn a_tls_alert_as_an_answer_leads_to_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let registry = host(listener.local_addr().unwrap());
    let openings: Arc<Mutex<Vec<u8>>> = Arc::default();
    let seen = Arc::clone(&openings);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            seen.lock().unwrap().push(request[0]);
            // A fatal alert: unexpected message.
            let _ = stream.write_all(&[0x15, 3, 1, 0, 2, 2, 10]).await;
        }
    });
    let once = RegistryOptions { retry: RetryPolicy { attempts: 1, ..options().retry }, ..options() };
    catalogue(once, &registry).await.unwrap_err();
    // A request in plain text, and then a handshake.
    assert_eq!(*openings.lock().unwrap(), [b'G', 0x16]);
}

#[tokio::test]
async fn an_authoritys_certificate_is_refused_with_the_way_to_make_a_servers() {
    if !is_installed("openssl") {
        return;
    }
    let Some(registry) = DebianRegistry::start(Door::Authority) else { return };
    let pem = read_ca_file(&registry.directory.path().join("cert.pem")).unwrap();
    let trusting = RegistryOptions { ca_pem: Some(pem), ..options() };
    let failed = catalogue(trusting, &registry.host()).await.unwrap_err();
    assert!(failed.to_string().contains("CaUsedAsEndEntity"), "{failed}");
    assert!(failed.help().unwrap().contains("-addext basicConstraints=critical,CA:FALSE"));
}

#[test]
fn a_file_without_certificates_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, "not a certificate").unwrap();
    let failed = read_ca_file(&file).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Usage);
    assert!(failed.to_string().contains(file.to_str().unwrap()), "{failed}");
    let client =
        RegistryClient::new(RegistryOptions { ca_pem: Some(Vec::new()), ..options() }, no_credentials());
    assert_eq!(client.err().unwrap().kind(), ErrorKind::Usage);
}

/// Remembers what was tried again.
#[derive(Default)]
struct Retries(Mutex<Vec<String>>);

impl Warnings for Retries {
    fn warn(&self, _host: &str, _text: &str) {}

    fn retrying(&self, _operation: &str, cause: &str, _pause: Duration) {
        self.0.lock().unwrap().push(cause.to_owned());
    }
}

#[tokio::test]
async fn a_registry_that_is_not_running_is_said_at_once() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let retries = Arc::new(Retries::default());
    let patient = RegistryOptions {
        retry: RetryPolicy { attempts: 4, first_pause: Duration::from_secs(30) },
        warnings: retries.clone(),
        ..options()
    };
    let begun = Instant::now();
    let failed = catalogue(patient, &host(free)).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(5));
    let message = format!("registry `{free}` does not answer: connection refused");
    assert_eq!(failed.to_string(), message);
    assert_eq!(failed.help().unwrap(), format!("is it running? curl http://{free}/v2/"));
    assert_eq!(failed.kind(), ErrorKind::Unreachable);
    assert_eq!(*retries.0.lock().unwrap(), [message]);
}

/// Reads a little of each upload, says 507 and closes with the rest unread: the line is reset.
async fn full_registry() -> RegistryHost {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let registry = host(listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 256 * 1024];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let answer: &[u8] = match &request[..read.min(4)] {
                b"PATC" => {
                    b"HTTP/1.1 507 X\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
                }
                b"GET " => b"HTTP/1.1 204 X\r\nConnection: close\r\nLocation: /v2/app/u/1\r\n\r\n",
                _ => b"HTTP/1.1 202 X\r\nConnection: close\r\nContent-Length: 0\r\nLocation: /v2/app/u/1\r\n\r\n",
            };
            let _ = stream.write_all(answer).await;
        }
    });
    registry
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_reported_though_the_line_is_reset() {
    let bytes = noise("full", 30_000_000);
    let blob = Descriptor::of(MediaType::LAYER, &bytes);
    let content = Held(bytes.into());
    for _ in 0..5 {
        let registry = full_registry().await;
        let access = Access::Push { mount_from: None };
        let sink = client(no_credentials()).repository(&registry, &"app".parse().unwrap(), &access);
        let failed = sink.put_blob(&blob, &content).await.unwrap_err();
        assert!(matches!(failed, TransportError::Refused { status: 507, .. }), "{failed}");
        assert!(failed.help().unwrap().contains("full"));
    }
}

#[tokio::test]
async fn a_full_disk_is_not_asked_again() {
    let server = ScriptedServer::start(|asked, _| match asked.method.as_str() {
        "POST" => Answer::new(202, "").with("location", "/v2/app/u/1"),
        _ => Answer::new(507, ""),
    })
    .await;
    let access = Access::Push { mount_from: None };
    let sink = client(no_credentials()).repository(&host(server.address), &"app".parse().unwrap(), &access);
    let blob = Descriptor::of(MediaType::LAYER, b"some bytes");
    sink.put_blob(&blob, &Held(bytes::Bytes::from_static(b"some bytes"))).await.unwrap_err();
    assert_eq!(server.asked().iter().filter(|asked| asked.method == "PATCH").count(), 1);
}

#[tokio::test]
async fn a_missing_right_names_its_holder_and_who_gives_it() {
    for status in [401, 403] {
        let server = ScriptedServer::start(move |asked, _| {
            if asked.path.starts_with("/token") {
                return Answer::new(200, r#"{"token":"t"}"#);
            }
            let realm = format!("Bearer realm=\"http://{}/token\"", asked.header("host").unwrap());
            match asked.header("authorization") {
                None => Answer::new(401, "").with("www-authenticate", realm),
                Some(_) => {
                    let scoped = format!("{realm},error=\"insufficient_scope\"");
                    Answer::new(status, r#"{"errors":[{"code":"DENIED"}]}"#).with("www-authenticate", scoped)
                }
            }
        })
        .await;
        let ana = Credential::Password { username: "ana".to_owned(), password: Secret::new("pw") };
        let source = client(no_credentials().with_given(ana)).repository(
            &host(server.address),
            &"team/app".parse().unwrap(),
            &Access::Pull,
        );
        let failed = source.resolve(&Target::Sole).await.unwrap_err();
        let right = format!("`ana` may not pull from `{}/team/app` ({status}: DENIED)", server.address);
        assert!(failed.to_string().ends_with(&right), "{failed}");
        assert_eq!(failed.kind(), ErrorKind::Denied);
        assert!(failed.help().unwrap().contains("plimsoll user grant"));
    }
}
