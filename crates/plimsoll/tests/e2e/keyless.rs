//! Cosign signs without a key: with an authority and timestamps of the test's, and our own log. Plimsoll verifies it with
//! the server stopped.

#[path = "../../../plimsoll-attest/tests/sigstore/authority.rs"]
#[expect(dead_code, reason = "some of it is for the tests that stand beside it")]
mod authority;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use plimsoll_attest::PublicKey;
use plimsoll_testkit::{Image, RegistryClient, ServerCommand, find_peer};
use serde_json::{Value, json};

use self::authority::{Authority, CODE_SIGNING, Wanted, pem};
use crate::PLIMSOLL;
use crate::log::{cosign, fails, passes, plimsoll};

const ISSUER: &str = "https://login.example";
const ANA: &str = "ana@example.org";
const SINCE: &str = "2020-01-01T00:00:00Z";
/// Largest request that the services read.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// Authority and timestamps behind one address.
struct Services {
    url: String,
    authority: Arc<Authority>,
}

impl Services {
    /// Answers until the test ends.
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let authority = Arc::new(Authority::new(30, now()));
        let answering = authority.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(&answering, stream);
            }
        });
        Self { url, authority }
    }
}

#[expect(clippy::disallowed_methods, reason = "certificates are made for the time that cosign sees")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn answer(authority: &Authority, mut stream: TcpStream) {
    let mut request = BufReader::new(stream.try_clone().unwrap());
    let (mut target, mut length) = (String::new(), 0);
    request.read_line(&mut target).unwrap();
    loop {
        let mut line = String::new();
        request.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    assert!(length <= REQUEST_BYTES_MAX, "{target}");
    let mut body = vec![0; length];
    request.read_exact(&mut body).unwrap();
    let (status, kind, body) = if target.contains("/api/v2/signingCert") {
        let answer = certificate(authority, &serde_json::from_slice(&body).unwrap());
        ("200 OK", "application/json", answer.to_string().into_bytes())
    } else {
        ("201 Created", "application/timestamp-reply", timestamp(authority, &body))
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
}

/// What Fulcio answers (`fulcio.proto`): a certificate for a key whose owner has signed the name.
fn certificate(authority: &Authority, request: &Value) -> Value {
    let asked = &request["publicKeyRequest"];
    let key: PublicKey = asked["publicKey"]["content"].as_str().unwrap().parse().unwrap();
    let proof = STANDARD.decode(asked["proofOfPossession"].as_str().unwrap()).unwrap();
    assert!(key.verifies(ANA.as_bytes(), &proof), "the key is not theirs");
    let wanted = Wanted {
        key: &key,
        subjects: vec![ANA],
        issuer: Some(ISSUER),
        purpose: CODE_SIGNING,
        from: now(),
        is_seen: true,
    };
    let certificate = pem(&authority.certify(&wanted));
    json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": [certificate]}}})
}

/// The digest is all that 32 bytes are long, and a number behind it is to be said again (RFC 3161, section 2.4.1).
fn timestamp(authority: &Authority, request: &[u8]) -> Vec<u8> {
    let at = request.windows(2).position(|pair| pair == [4, 32]).unwrap() + 2;
    let (digest, rest) = request[at..].split_at(32);
    let nonce = match rest {
        [2, length, ..] => &rest[..2 + usize::from(*length)],
        _ => &[],
    };
    authority.stamp(digest, now(), nonce)
}

/// A token that says who signs. Whether it is true is the authority's business.
fn token() -> String {
    let now = now().as_second();
    let claims = json!({
        "iss": ISSUER, "aud": "sigstore", "sub": ANA, "email": ANA, "email_verified": true,
        "iat": now, "exp": now + 600,
    });
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    [
        part(json!({"alg": "RS256", "typ": "JWT"}).to_string()),
        part(claims.to_string()),
        part("none".to_owned()),
    ]
    .join(".")
}

/// What cosign is told: our log, and the test's authority and timestamps.
fn write_configuration(home: &Path, services: &Services) {
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(home.join("ours").join(name)).unwrap()).unwrap()
    };
    let service = |path: &str| {
        let url = format!("{}{path}", services.url);
        json!([{"url": url, "majorApiVersion": 1, "validFor": {"start": SINCE}, "operator": "test"}])
    };
    let mut signing = read("signing-config.json");
    signing["caUrls"] = service("");
    signing["tsaUrls"] = service("/api/v1/timestamp");
    signing["tsaConfig"] = json!({"selector": "ANY"});
    std::fs::write(home.join("signing.json"), signing.to_string()).unwrap();
    let logs = read("trusted-root.json")["tlogs"].as_array().unwrap().clone();
    let root = services.authority.trusted_root(&logs);
    std::fs::write(home.join("root.json"), root.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_signs_without_a_key_and_plimsoll_verifies_it_offline() {
    let Some(peer) = find_peer("cosign") else { return };
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [data, home] = [0, 1].map(|at: usize| directories[at].path());
    let (server, services) = (ServerCommand::new(PLIMSOLL, data).start(), Services::start());
    let image = Image::small(1, 1, 100);
    RegistryClient::new([server.url()]).push_image("team/app", "v1", &image).await.unwrap();
    let ours = home.join("ours");
    passes(&plimsoll(&["trust", "export", server.host(), "--out", ours.to_str().unwrap()]));
    write_configuration(home, &services);
    let (signed, token) = (format!("{}/team/app@{}", server.host(), image.manifest.digest()), token());
    let signing = ["--signing-config", "signing.json", "--trusted-root", "root.json", "--yes"];
    passes(&cosign(&peer, home, &[&["sign", "--identity-token", &token], &signing[..], &[&signed]].concat()));

    let layout = format!("oci:{}", home.join("image").display());
    passes(&plimsoll(&["cp", "-r", &signed, &layout]));
    server.kill();
    let root = home.join("root.json");
    let verify = |identity: &str, more: &[&str]| {
        let who = ["--identity", identity, "--issuer", ISSUER, "--trusted-root", root.to_str().unwrap()];
        plimsoll(&[&["verify", &layout], &who[..], more].concat())
    };
    let said = passes(&verify(ANA, &[]));
    assert!(said.contains(&format!("✓ signature: {ANA} (signer)\n    by {ANA} at ")), "{said}");
    let report: Value = serde_json::from_str(&passes(&verify(ANA, &["-o", "json"]))).unwrap();
    let identity = &report["facts"][0]["identity"];
    assert_eq!((&identity["subject"], &identity["issuer"]), (&json!(ANA), &json!(ISSUER)), "{report}");

    let stranger = verify("eve@example.org", &["-o", "json"]);
    fails(&stranger, 1);
    let refused = String::from_utf8_lossy(&stranger.stdout).into_owned();
    assert!(refused.contains(&format!("it is signed by `{ANA}`, whom `{ISSUER}` has checked")), "{refused}");

    let policy = format!(
        "trust:\n  sigstore: {{trustedRoot: root.json}}\n  keys:\n    - name: people\n      identity: {{issuer: \
         '{ISSUER}', subjectPattern: '*@example.org'}}\n      roles: [signer]\n  require: [signature]\n"
    );
    std::fs::write(home.join("plimsoll.yaml"), policy).unwrap();
    let policy = home.join("plimsoll.yaml");
    let said = passes(&plimsoll(&["verify", &layout, "--policy", policy.to_str().unwrap()]));
    assert!(said.contains("✓ signature: people (signer)"), "{said}");
}
