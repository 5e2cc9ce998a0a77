use bytes::Bytes;
use plimsoll_oci::{Algorithm, Digest};
use plimsoll_testkit::{TestServer, body_of, noise};
use reqwest::{Method, Response};

use super::{error_code, header, send};

const UPLOADS: &str = "/v2/some/repository/blobs/uploads/";

macro_rules! for_each_algorithm {
    ($($check:ident),* $(,)?) => {
        mod sha256_blobs {
            $(#[tokio::test] async fn $check() { super::$check(plimsoll_oci::Algorithm::Sha256).await; })*
        }
        mod sha512_blobs {
            $(#[tokio::test] async fn $check() { super::$check(plimsoll_oci::Algorithm::Sha512).await; })*
        }
    };
}

for_each_algorithm! {
    get_missing, post_only, post_put, chunked_single, stream, mount, mount_anonymous, mount_missing, post_cancel,
    chunked_multi, chunked_multi_and_put_chunk, chunked_out_of_order, chunked_out_of_order_and_put_chunk,
    range_requests, empty, bad_digest_post_only, bad_digest_post_put, bad_digest_chunked,
    bad_digest_chunked_and_put_chunk, bad_digest_stream,
}

/// A server, and bytes with their digest.
async fn given(algorithm: Algorithm) -> (TestServer, Bytes, Digest) {
    let bytes = Bytes::from(noise(7, 50_000));
    let digest = Digest::of(algorithm, &bytes);
    (TestServer::start().await, bytes, digest)
}

/// A digest that is not the bytes'.
fn wrong(algorithm: Algorithm) -> Digest {
    Digest::of(algorithm, b"something else")
}

fn blob(digest: Digest) -> String {
    format!("/v2/some/repository/blobs/{digest}")
}

/// Begins a session, and returns its location.
async fn begin(server: &TestServer, algorithm: Algorithm) -> String {
    let path = format!("{UPLOADS}?digest-algorithm={algorithm}");
    let answer = send(server, Method::POST, &path).await;
    assert_eq!(answer.status(), 202);
    header(&answer, "location")
}

async fn patch(server: &TestServer, location: &str, first: usize, bytes: &[u8]) -> Response {
    let range = format!("{first}-{}", first + bytes.len() - 1);
    let request = server.request(Method::PATCH, location).header("content-range", range).body(bytes.to_vec());
    request.send().await.unwrap()
}

async fn close(
    server: &TestServer,
    location: &str,
    digest: Digest,
    chunk: Option<(usize, &[u8])>,
) -> Response {
    let request = server.request(Method::PUT, &format!("{location}?digest={digest}"));
    let request = match chunk {
        Some((first, bytes)) => {
            let range = format!("{first}-{}", first + bytes.len() - 1);
            request.header("content-range", range).body(bytes.to_vec())
        }
        None => request.header("content-length", "0"),
    };
    request.send().await.unwrap()
}

/// The blob is there, whole, and can be deleted.
async fn is_stored(server: &TestServer, bytes: &Bytes, digest: Digest) {
    let head = send(server, Method::HEAD, &blob(digest)).await;
    assert_eq!(head.status(), 200);
    assert_eq!(header(&head, "content-length"), bytes.len().to_string());
    assert_eq!(header(&head, "docker-content-digest"), digest.to_string());
    let get = send(server, Method::GET, &blob(digest)).await;
    assert_eq!(get.status(), 200);
    assert_eq!(header(&get, "docker-content-digest"), digest.to_string());
    assert_eq!(body_of(get).await.unwrap(), *bytes);
    assert_eq!(send(server, Method::DELETE, &blob(digest)).await.status(), 202);
    is_missing(server, digest).await;
}

async fn is_missing(server: &TestServer, digest: Digest) {
    let head = send(server, Method::HEAD, &blob(digest)).await;
    assert_eq!(head.status(), 404);
    let get = send(server, Method::GET, &blob(digest)).await;
    assert_eq!(get.status(), 404);
    assert_eq!(error_code(get).await, "BLOB_UNKNOWN");
}

fn created(answer: &Response, digest: Digest) {
    assert_eq!(answer.status(), 201);
    assert_eq!(header(answer, "location"), blob(digest));
    assert_eq!(header(answer, "docker-content-digest"), digest.to_string());
}

async fn get_missing(algorithm: Algorithm) {
    let (server, _, digest) = given(algorithm).await;
    is_missing(&server, digest).await;
}

async fn post_only(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    let request = server.request(Method::POST, &format!("{UPLOADS}?digest={digest}")).body(bytes.clone());
    created(&request.send().await.unwrap(), digest);
    is_stored(&server, &bytes, digest).await;
}

async fn post_put(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    let begun = send(&server, Method::POST, UPLOADS).await;
    let location = format!("{}?digest={digest}", header(&begun, "location"));
    created(&server.request(Method::PUT, &location).body(bytes.clone()).send().await.unwrap(), digest);
    is_stored(&server, &bytes, digest).await;
}

async fn chunked_single(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    let answer = patch(&server, &location, 0, &bytes).await;
    assert_eq!(answer.status(), 202);
    assert_eq!(header(&answer, "range"), format!("0-{}", bytes.len() - 1));
    created(&close(&server, &header(&answer, "location"), digest, None).await, digest);
    is_stored(&server, &bytes, digest).await;
}

async fn stream(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    let pieces: Vec<_> = bytes.chunks(7001).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let answer = server.request(Method::PATCH, &location).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    created(&close(&server, &location, digest, None).await, digest);
    is_stored(&server, &bytes, digest).await;
}

/// Puts the blob into another repository.
async fn push_elsewhere(server: &TestServer, bytes: &Bytes, digest: Digest) {
    let path = format!("/v2/another/repository/blobs/uploads/?digest={digest}");
    let answer = server.request(Method::POST, &path).body(bytes.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 201);
}

async fn mount(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    push_elsewhere(&server, &bytes, digest).await;
    is_missing(&server, digest).await;
    let path = format!("{UPLOADS}?mount={digest}&from=another/repository");
    created(&send(&server, Method::POST, &path).await, digest);
    is_stored(&server, &bytes, digest).await;
}

async fn mount_anonymous(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    push_elsewhere(&server, &bytes, digest).await;
    created(&send(&server, Method::POST, &format!("{UPLOADS}?mount={digest}")).await, digest);
    is_stored(&server, &bytes, digest).await;
}

async fn mount_missing(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    let path = format!("{UPLOADS}?mount={digest}&from=another/repository");
    let answer = send(&server, Method::POST, &path).await;
    assert_eq!(answer.status(), 202);
    let location = header(&answer, "location");
    created(&close(&server, &location, digest, Some((0, &bytes))).await, digest);
    is_stored(&server, &bytes, digest).await;
}

async fn post_cancel(algorithm: Algorithm) {
    let (server, bytes, _) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    assert_eq!(patch(&server, &location, 0, &bytes).await.status(), 202);
    assert_eq!(send(&server, Method::DELETE, &location).await.status(), 204);
    let gone = send(&server, Method::GET, &location).await;
    assert_eq!(gone.status(), 404);
    assert_eq!(error_code(gone).await, "BLOB_UPLOAD_UNKNOWN");
}

async fn chunked_multi(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    for (number, chunk) in bytes.chunks(20_000).enumerate() {
        assert_eq!(patch(&server, &location, number * 20_000, chunk).await.status(), 202);
    }
    created(&close(&server, &location, digest, None).await, digest);
    is_stored(&server, &bytes, digest).await;
}

async fn chunked_multi_and_put_chunk(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    assert_eq!(patch(&server, &location, 0, &bytes[..20_000]).await.status(), 202);
    created(&close(&server, &location, digest, Some((20_000, &bytes[20_000..]))).await, digest);
    is_stored(&server, &bytes, digest).await;
}

/// Sends the second chunk first; the session says where it is and stays usable.
async fn refuse_disorder(server: &TestServer, location: &str, bytes: &Bytes) {
    let early = patch(server, location, 20_000, &bytes[20_000..40_000]).await;
    assert_eq!(early.status(), 416);
    assert_eq!(patch(server, location, 0, &bytes[..20_000]).await.status(), 202);
    let again = patch(server, location, 0, &bytes[..20_000]).await;
    assert_eq!(again.status(), 416);
    assert_eq!(header(&again, "range"), "0-19999");
    let status = send(server, Method::GET, location).await;
    assert_eq!((status.status().as_u16(), header(&status, "range")), (204, "0-19999".to_owned()));
    assert_eq!(header(&status, "location"), location);
}

async fn chunked_out_of_order(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    refuse_disorder(&server, &location, &bytes).await;
    assert_eq!(patch(&server, &location, 20_000, &bytes[20_000..]).await.status(), 202);
    created(&close(&server, &location, digest, None).await, digest);
    is_stored(&server, &bytes, digest).await;
}

async fn chunked_out_of_order_and_put_chunk(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    refuse_disorder(&server, &location, &bytes).await;
    let early = close(&server, &location, digest, Some((40_000, &bytes[40_000..]))).await;
    assert_eq!(early.status(), 416);
    created(&close(&server, &location, digest, Some((20_000, &bytes[20_000..]))).await, digest);
    is_stored(&server, &bytes, digest).await;
}

async fn range_requests(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    server
        .request(Method::POST, &format!("{UPLOADS}?digest={digest}"))
        .body(bytes.clone())
        .send()
        .await
        .unwrap();
    let whole = bytes.len();
    for (wanted, range) in [
        ("bytes=0-9", 0..10),
        ("bytes=100-", 100..whole),
        ("bytes=-100", whole - 100..whole),
        ("bytes=49990-60000", 49_990..whole),
        ("bytes=-60000", 0..whole),
    ] {
        let answer = server.request(Method::GET, &blob(digest)).header("range", wanted).send().await.unwrap();
        assert_eq!(answer.status(), 206, "{wanted}");
        let said = format!("bytes {}-{}/{whole}", range.start, range.end - 1);
        assert_eq!(header(&answer, "content-range"), said);
        assert_eq!(body_of(answer).await.unwrap(), bytes.slice(range));
    }
    let past =
        server.request(Method::GET, &blob(digest)).header("range", "bytes=50000-").send().await.unwrap();
    assert_eq!(past.status(), 416);
    assert_eq!(header(&past, "content-range"), "bytes */50000");
    is_stored(&server, &bytes, digest).await;
}

async fn empty(algorithm: Algorithm) {
    let server = TestServer::start().await;
    let digest = Digest::of(algorithm, b"");
    let location = begin(&server, algorithm).await;
    created(&close(&server, &location, digest, None).await, digest);
    is_stored(&server, &Bytes::new(), digest).await;
}

async fn refused(server: &TestServer, answer: Response, digest: Digest) {
    assert_eq!(answer.status(), 400);
    assert_eq!(error_code(answer).await, "DIGEST_INVALID");
    is_missing(server, digest).await;
}

async fn bad_digest_post_only(algorithm: Algorithm) {
    let (server, bytes, digest) = given(algorithm).await;
    let path = format!("{UPLOADS}?digest={}", wrong(algorithm));
    let answer = server.request(Method::POST, &path).body(bytes).send().await.unwrap();
    refused(&server, answer, wrong(algorithm)).await;
    is_missing(&server, digest).await;
}

async fn bad_digest_post_put(algorithm: Algorithm) {
    let (server, bytes, _) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    let answer = close(&server, &location, wrong(algorithm), Some((0, &bytes))).await;
    refused(&server, answer, wrong(algorithm)).await;
}

async fn bad_digest_chunked(algorithm: Algorithm) {
    let (server, bytes, _) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    assert_eq!(patch(&server, &location, 0, &bytes).await.status(), 202);
    let answer = close(&server, &location, wrong(algorithm), None).await;
    refused(&server, answer, wrong(algorithm)).await;
}

async fn bad_digest_chunked_and_put_chunk(algorithm: Algorithm) {
    let (server, bytes, _) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    assert_eq!(patch(&server, &location, 0, &bytes[..20_000]).await.status(), 202);
    let answer = close(&server, &location, wrong(algorithm), Some((20_000, &bytes[20_000..]))).await;
    refused(&server, answer, wrong(algorithm)).await;
}

async fn bad_digest_stream(algorithm: Algorithm) {
    let (server, bytes, _) = given(algorithm).await;
    let location = begin(&server, algorithm).await;
    server.request(Method::PATCH, &location).body(bytes).send().await.unwrap();
    let answer = close(&server, &location, wrong(algorithm), None).await;
    refused(&server, answer, wrong(algorithm)).await;
}

#[tokio::test]
async fn a_session_begun_for_sha256_can_be_closed_with_sha512() {
    let (server, bytes, digest) = given(Algorithm::Sha512).await;
    let location = begin(&server, Algorithm::Sha256).await;
    assert_eq!(patch(&server, &location, 0, &bytes).await.status(), 202);
    created(&close(&server, &location, digest, None).await, digest);
    is_stored(&server, &bytes, digest).await;
}
