//! What no registry of Debian's does: token services, redirects, busy servers, pages, warnings.

use std::sync::{Arc, Mutex};

use futures_util::TryStreamExt as _;
use plimsoll_oci::{Descriptor, Digest, MediaType};
use plimsoll_transport::{
    Access, BlobVerifier, Credential, ErrorKind, RegistryClient, RegistryOptions, Secret, Sink as _,
    Source as _, Target, TransportError, WarningCollector,
};
use serde_json::json;

use crate::cutting_proxy::CuttingProxy;
use crate::fixture::{Held, Watched, client, host, manifest, no_credentials, noise, options};
use crate::scripted_server::{Answer, Asked, ScriptedServer};

const CONTENT: &[u8] = b"the bytes of a layer";

fn layer() -> Descriptor {
    Descriptor::of(MediaType::LAYER, CONTENT)
}

async fn read(repository: &plimsoll_transport::Repository) -> Result<Vec<u8>, TransportError> {
    let pieces: Vec<bytes::Bytes> =
        repository.blob(BlobVerifier::start(&layer())).await?.try_collect().await?;
    Ok(pieces.concat())
}

fn pulled(server: &ScriptedServer, credential: Option<Credential>) -> plimsoll_transport::Repository {
    let keychain = match credential {
        Some(credential) => no_credentials().with_given(credential),
        None => no_credentials(),
    };
    client(keychain).repository(&host(server.address), &"team/app".parse().unwrap(), &Access::Pull)
}

fn ana() -> Credential {
    Credential::Password { username: "ana".to_owned(), password: Secret::new("pw") }
}

/// A registry that wants a token from `/token` on the same server, which gives `token-1`, `token-2`, …
async fn token_server(expires_in: u64, accepted: &'static str) -> ScriptedServer {
    let issued = std::sync::atomic::AtomicUsize::new(0);
    ScriptedServer::start(move |asked: &Asked, _| {
        if asked.path.starts_with("/token") {
            let number = issued.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
            let token = json!({ "token": format!("token-{number}"), "expires_in": expires_in });
            return Answer::new(200, token.to_string());
        }
        if asked
            .header("authorization")
            .is_some_and(|sent| sent.starts_with("Bearer ") && sent.contains(accepted))
        {
            return Answer::new(200, CONTENT);
        }
        let address = asked.header("host").unwrap().to_owned();
        let challenge = format!(
            r#"Bearer realm="http://{address}/token",service="reg",scope="repository:team/app:pull""#
        );
        Answer::new(401, "{}").with("www-authenticate", challenge)
    })
    .await
}

#[tokio::test]
async fn a_token_is_fetched_once_and_used_again() {
    let server = token_server(300, "token").await;
    let repository = pulled(&server, Some(ana()));
    assert_eq!(read(&repository).await.unwrap(), CONTENT);
    assert_eq!(read(&repository).await.unwrap(), CONTENT);
    let asked = server.asked();
    let paths: Vec<_> = asked.iter().map(|asked| asked.path.split('?').next().unwrap()).collect();
    let blob = format!("/v2/team/app/blobs/{}", layer().digest);
    assert_eq!(paths, [&blob, "/token", &blob, &blob]);
    assert_eq!(asked[0].header("authorization"), None);
    assert_eq!(asked[1].header("authorization"), Some("Basic YW5hOnB3"));
    assert!(
        asked[1].path.contains("service=reg")
            && asked[1].path.contains("scope=repository%3Ateam%2Fapp%3Apull")
    );
    assert_eq!(asked[1].path.matches("scope=").count(), 1);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let server = token_server(300, "token-2").await;
    let repository = pulled(&server, None);
    // The first token is refused within the first call: one refresh per call, then the refusal is final.
    assert_eq!(read(&repository).await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(read(&repository).await.unwrap(), CONTENT);
    let tokens = server.asked().iter().filter(|asked| asked.path.starts_with("/token")).count();
    assert_eq!(tokens, 2);
}

#[tokio::test]
async fn a_token_about_to_end_is_not_used() {
    let server = token_server(1, "token").await;
    let repository = pulled(&server, None);
    read(&repository).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    read(&repository).await.unwrap();
    let tokens = server.asked().iter().filter(|asked| asked.path.starts_with("/token")).count();
    assert_eq!(tokens, 2);
}

#[tokio::test]
async fn an_identity_token_is_posted() {
    let server = token_server(300, "token").await;
    let repository = pulled(&server, Some(Credential::IdentityToken(Secret::new("id&token"))));
    read(&repository).await.unwrap();
    let asked = &server.asked()[1];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/token"));
    let form = String::from_utf8(asked.body.clone()).unwrap();
    assert!(
        form.contains("grant_type=refresh%5Ftoken") && form.contains("refresh_token=id%26token"),
        "{form}"
    );
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_no_credential() {
    let storage = ScriptedServer::start(|_, _| Answer::new(200, CONTENT)).await;
    let elsewhere = format!("http://{}/storage", storage.address);
    let server = ScriptedServer::start(move |asked, _| match asked.header("authorization") {
        Some(_) => Answer::new(307, "").with("location", elsewhere.clone()),
        None => Answer::new(401, "").with("www-authenticate", "Basic realm=x"),
    })
    .await;
    assert_eq!(read(&pulled(&server, Some(ana()))).await.unwrap(), CONTENT);
    assert_eq!(server.asked()[1].header("authorization"), Some("Basic YW5hOnB3"));
    assert_eq!(storage.asked()[0].header("authorization"), None);
}

#[tokio::test]
async fn an_upload_that_moves_to_another_host_gets_no_credential() {
    let storage = ScriptedServer::start(|asked, _| match asked.method.as_str() {
        "PATCH" => Answer::new(202, ""),
        _ => Answer::new(201, ""),
    })
    .await;
    let elsewhere = format!("http://{}/upload?state=1", storage.address);
    let server = ScriptedServer::start(move |asked, _| match asked.header("authorization") {
        Some(_) => Answer::new(202, "").with("location", elsewhere.clone()),
        None => Answer::new(401, "").with("www-authenticate", "Basic realm=x"),
    })
    .await;
    let access = Access::Push { mount_from: None };
    let client = client(no_credentials().with_given(ana()));
    let repository = client.repository(&host(server.address), &"app".parse().unwrap(), &access);
    repository.put_blob(&layer(), &Held(CONTENT.into())).await.unwrap();
    let asked = storage.asked();
    assert!(asked.iter().all(|asked| asked.header("authorization").is_none()));
    assert_eq!((asked[0].body.as_slice(), asked[0].method.as_str()), (CONTENT, "PATCH"));
    assert!(asked[1].path.starts_with("/upload?state=1&digest=sha256"), "{}", asked[1].path);
}

#[tokio::test]
async fn a_busy_registry_is_asked_again_and_not_for_ever() {
    let server = ScriptedServer::start(|_, before| match before {
        0 => Answer::new(429, "").with("retry-after", "0"),
        1 => Answer::new(503, ""),
        _ => Answer::new(200, CONTENT),
    })
    .await;
    assert_eq!(read(&pulled(&server, None)).await.unwrap(), CONTENT);

    let down = ScriptedServer::start(|_, _| Answer::new(500, r#"{"errors":[{"code":"UNKNOWN"}]}"#)).await;
    let failed = read(&pulled(&down, None)).await.unwrap_err();
    assert!(matches!(failed, TransportError::Refused { status: 500, .. }), "{failed}");
    assert!(failed.to_string().contains("UNKNOWN"), "{failed}");
    assert_eq!(down.asked().len(), 4);
}

#[tokio::test]
async fn a_server_without_ranges_is_read_again_from_the_start() {
    let server = ScriptedServer::start(|_, before| match before {
        0 => Answer::new(200, &CONTENT[..7]).with("content-length", CONTENT.len().to_string()),
        _ => Answer::new(200, CONTENT),
    })
    .await;
    assert_eq!(read(&pulled(&server, None)).await.unwrap(), CONTENT);
    assert_eq!(server.asked()[1].header("range"), Some("bytes=7-"));
}

#[tokio::test]
async fn bytes_that_do_not_hash_end_in_an_error() {
    let server = ScriptedServer::start(|_, _| Answer::new(200, "THE BYTES OF A LAYER")).await;
    let failed = read(&pulled(&server, None)).await.unwrap_err();
    assert!(matches!(failed, TransportError::DigestMismatch { .. }), "{failed}");
}

#[tokio::test]
async fn lists_are_followed_from_page_to_page() {
    let server = ScriptedServer::start(|asked, _| match asked.path.contains("last=b") {
        false => Answer::new(200, r#"{"name":"team/app","tags":["b","a","not a tag"]}"#)
            .with("link", r#"</v2/team/app/tags/list?n=2&last=b>; rel="next""#),
        true => Answer::new(200, r#"{"name":"team/app","tags":null}"#),
    })
    .await;
    let tags = pulled(&server, None).tags().await.unwrap();
    assert_eq!(tags.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let server = ScriptedServer::start(|_, before| {
        let link = format!("</v2/_catalog?page={before}>; rel=next");
        Answer::new(200, r#"{"repositories":[]}"#).with("link", link)
    })
    .await;
    let failed = client(no_credentials()).catalogue(&host(server.address)).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Limit, "{failed}");
}

#[tokio::test]
async fn referrers_come_from_the_api_where_there_is_one() {
    let subject = Digest::sha256_of(b"subject");
    let server = ScriptedServer::start(move |asked, _| {
        let entry =
            |text: &[u8]| serde_json::to_value(Descriptor::of(MediaType::IMAGE_MANIFEST, text)).unwrap();
        let page = |entries: serde_json::Value| {
            Answer::new(200, json!({ "schemaVersion": 2, "manifests": entries }).to_string())
        };
        if asked.path == format!("/v2/team/app/referrers/{subject}") {
            page(json!([entry(b"a")])).with("link", "<?page=2>; rel=next")
        } else {
            page(json!([entry(b"b")]))
        }
    })
    .await;
    let referrers = pulled(&server, None).referrers(&subject).await.unwrap();
    let digests: Vec<_> = referrers.iter().map(|referrer| referrer.digest).collect();
    assert_eq!(digests, [Digest::sha256_of(b"a"), Digest::sha256_of(b"b")]);
}

#[tokio::test]
async fn a_registry_that_keeps_referrers_gets_no_fallback_tag() {
    let server = ScriptedServer::start(|_, _| Answer::new(201, "").with("oci-subject", "sha256:x")).await;
    let access = Access::Push { mount_from: None };
    let repository =
        client(no_credentials()).repository(&host(server.address), &"app".parse().unwrap(), &access);
    let subject = Descriptor::of(MediaType::IMAGE_MANIFEST, b"subject");
    let document = json!({ "config": layer(), "layers": [], "subject": subject });
    let referrer = manifest(MediaType::IMAGE_MANIFEST, document);
    repository.put_manifest(&referrer, &plimsoll_transport::Placement::Part).await.unwrap();
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn warnings_are_handed_on_once() {
    let document = json!({ "config": layer(), "layers": [] });
    let image = manifest(MediaType::IMAGE_MANIFEST, document);
    let server = ScriptedServer::start(move |_, _| {
        Answer::new(200, image.bytes.to_vec())
            .with("content-type", image.media_type.as_str())
            .with("warning", r#"299 - "this image is deprecated""#)
    })
    .await;
    let collector = Arc::new(WarningCollector::default());
    let options = RegistryOptions { warnings: Arc::clone(&collector) as _, ..options() };
    let client = RegistryClient::new(options, no_credentials()).unwrap();
    let repository = client.repository(&host(server.address), &"app".parse().unwrap(), &Access::Pull);
    for _ in 0..2 {
        repository.resolve(&Target::Tag("1".parse().unwrap())).await.unwrap();
    }
    let expected = (server.address.to_string(), "this image is deprecated".to_owned());
    assert_eq!(collector.take(), [expected]);
}

#[tokio::test]
async fn a_manifest_that_is_not_what_was_asked_for_is_refused() {
    let server = ScriptedServer::start(|_, _| {
        Answer::new(200, r#"{"schemaVersion":2}"#).with("content-type", MediaType::IMAGE_MANIFEST.as_str())
    })
    .await;
    let wanted = Target::Digest(Digest::sha256_of(b"other"));
    let failed = pulled(&server, None).resolve(&wanted).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Corrupt, "{failed}");
}

/// A registry that keeps what came of an upload whose line broke.
async fn keeping_server(kept: Arc<Mutex<Vec<u8>>>) -> ScriptedServer {
    ScriptedServer::start(move |asked, _| {
        let mut kept = kept.lock().unwrap();
        let place = |answer: Answer| answer.with("location", "/v2/app/blobs/uploads/1?s=1");
        match asked.method.as_str() {
            "POST" => place(Answer::new(202, "")),
            "PATCH" => {
                let starts_at = asked
                    .header("content-range")
                    .map_or(0, |range| range.split('-').next().unwrap().parse().unwrap());
                if starts_at != kept.len() {
                    return Answer::new(416, "");
                }
                kept.extend_from_slice(&asked.body);
                place(Answer::new(202, ""))
            }
            "GET" => place(Answer::new(204, "").with("range", format!("0-{}", kept.len().saturating_sub(1)))),
            _ => Answer::new(if asked.path.ends_with(&uploaded_query(&kept)) { 201 } else { 400 }, ""),
        }
    })
    .await
}

fn uploaded_query(kept: &[u8]) -> String {
    format!("digest={}", Digest::sha256_of(kept)).replace(':', "%3A")
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_the_registry_stopped() {
    let kept: Arc<Mutex<Vec<u8>>> = Arc::default();
    let server = keeping_server(Arc::clone(&kept)).await;
    let proxy = CuttingProxy::start(server.address, 12_000_000, 2).await;
    let access = Access::Push { mount_from: None };
    let repository =
        client(no_credentials()).repository(&host(proxy.address), &"app".parse().unwrap(), &access);
    let bytes = noise("resumed", 30_000_000);
    let content = Watched::new(bytes.clone());
    repository.put_blob(&Descriptor::of(MediaType::LAYER, &bytes), &content).await.unwrap();
    assert_eq!(proxy.cuts_made(), 2);
    assert_eq!(*kept.lock().unwrap(), bytes);
    let opened_at = content.opened_at.lock().unwrap().clone();
    // After each break a small piece goes first.
    assert!(opened_at.len() == 5 && opened_at.is_sorted(), "{opened_at:?}");
    assert!(opened_at[3] > opened_at[1] && opened_at[1] > 0, "{opened_at:?}");
}

#[tokio::test]
async fn a_missing_token_service_is_not_taken_for_a_missing_image() {
    let server = ScriptedServer::start(|asked, _| {
        let realm = format!("Bearer realm=\"http://{}/none\"", asked.header("host").unwrap());
        let status = if asked.path.starts_with("/v2/") { 401 } else { 404 };
        Answer::new(status, "").with("www-authenticate", realm)
    })
    .await;
    let failed = pulled(&server, None).resolve(&Target::Sole).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unreachable, "{failed}");
}
