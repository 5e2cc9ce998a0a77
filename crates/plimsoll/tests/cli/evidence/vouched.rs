//! Provenance that the server signs, because it has verified the token of a CI system.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use plimsoll_testkit::{Image, ServerCommand, ServerProcess, TokenIssuer};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::source::SourceRepository;
use super::{done, push, workshop};
use crate::{Outcome, run_in};

/// The name of the issuer, which is not where its keys are.
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A server that believes one issuer, and an image in it whose source is in `app`.
struct Site {
    issuer: TokenIssuer,
    home: TempDir,
    server: ServerProcess,
    image: String,
    commit: String,
    _data: TempDir,
}

impl Site {
    fn new() -> Option<Self> {
        let issuer = TokenIssuer::new()?;
        let (home, data) = (workshop(), tempfile::tempdir().unwrap());
        let source = SourceRepository::new(home.path(), "git@github.com:team/app.git", "FROM scratch\n")?;
        let commit = source.head();
        let keys = serve_often(issuer.key_set("k1"));
        // The same issuer may be there for several audiences, with keys of its own each.
        let elsewhere = serve_often(issuer.key_set("k0"));
        let believed = |audience: &str, jwks: &str| {
            format!("issuer={ISSUER};audience={audience};jwks={jwks};kind=github")
        };
        let issuers =
            format!("ci.issuers={},{}", believed("elsewhere", &elsewhere), believed("plimsoll", &keys));
        let server = ServerCommand::new(env!("CARGO_BIN_EXE_plimsoll"), data.path()).set(issuers).start();
        let image = push(server.host(), &Image::small(61, 1, 100));
        Some(Self { issuer, home, server, image, commit, _data: data })
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    /// What GitHub would say of a run of `main`.
    fn claims(&self) -> Value {
        let now = plimsoll_testkit::now().unix_ms() / 1000;
        json!({
            "iss": ISSUER, "aud": "plimsoll", "sub": "repo:team/app:ref:refs/heads/main",
            "iat": now, "nbf": now, "exp": now + 300,
            "repository": "team/app", "sha": self.commit, "ref": "refs/heads/main", "run_id": "7",
            "event_name": "push", "actor": "ben", "workflow_ref": "team/app/.github/workflows/ci.yml@refs/heads/main",
            "job_workflow_ref": "platform/build/.github/workflows/image.yml@refs/heads/main",
        })
    }

    fn token(&self, changes: &Value) -> String {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.issuer.token("k1", &claims.to_string())
    }

    fn attest(&self, token: &str) -> Outcome {
        let variables = [("CI_TOKEN", token), ("PATH", "/usr/bin:/bin")];
        let arguments = [
            "attest",
            "provenance",
            &self.image,
            "--source",
            "app",
            "--ci-token",
            "env://CI_TOKEN",
            "-o",
            "json",
        ];
        run_in(self.home(), &variables, &arguments)
    }
}

/// Gives a document to whoever asks, as often as a test may ask.
fn serve_often(document: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let length = document.len();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(format!("{head}{document}").as_bytes());
        }
    });
    format!("http://{address}/keys")
}

#[test]
fn the_server_signs_what_the_token_says_and_marks_the_rest_as_claimed() {
    let Some(site) = Site::new() else { return };
    let said = site.attest(&site.token(&json!({})));
    assert_eq!(said.code, 0, "{}", said.stderr);
    let evidence =
        done(site.home(), &["evidence", "get", &site.image, "--type", "provenance", "--predicate"]);
    let predicate = evidence.json();
    let built = &predicate["buildDefinition"];
    let source = json!({
        "uri": "git+https://github.com/team/app@refs/heads/main",
        "digest": { "gitCommit": site.commit },
    });
    assert_eq!(built["resolvedDependencies"][0], source);
    let builder = "https://github.com/platform/build/.github/workflows/image.yml@refs/heads/main";
    assert_eq!(predicate["runDetails"]["builder"]["id"], builder);
    let invocation = "https://github.com/team/app/actions/runs/7/attempts/1";
    assert_eq!(predicate["runDetails"]["metadata"]["invocationId"], invocation);
    let inside = &built["internalParameters"];
    assert_eq!(inside["trigger"], json!({ "event": "push", "login": "ben" }));
    assert_eq!(inside["people"]["authors"], json!(["ana@example.org"]));
    assert_eq!(
        (&inside["grades"]["builder"], &inside["grades"]["people"]),
        (&"signed".into(), &"claimed".into())
    );

    let keys = reqwest_json(&format!("http://{}/log/keys", site.server.host()));
    fs::write(site.home().join("builder.pub"), keys["signing"]["builder"].as_str().unwrap()).unwrap();
    let policy =
        "trust:\n  keys: [{name: registry, key: builder.pub, roles: [builder]}]\n  require: [provenance]\n";
    fs::write(site.home().join("plimsoll.yaml"), policy).unwrap();
    let verified = done(site.home(), &["verify", &site.image]);
    assert!(verified.stdout.contains("✓ provenance: registry (builder)"), "{}", verified.stdout);
}

#[test]
fn a_token_that_does_not_fit_moves_nothing() {
    let Some(site) = Site::new() else { return };
    let refused = |token: &str| {
        let said = site.attest(token);
        assert_ne!(said.code, 0, "{}", said.stdout);
        said.stderr
    };
    let with = |changes: Value| refused(&site.token(&changes));
    assert!(with(json!({ "iss": "https://evil.example" })).contains("not among `ci.issuers`"));
    assert!(with(json!({ "aud": "sigstore" })).contains("not for the audience `plimsoll`"));
    assert!(with(json!({ "exp": 1_700_000_000 })).contains("expired at"));
    let other = "0123456789012345678901234567890123456789";
    assert!(with(json!({ "sha": other })).contains(&format!("its token says `{other}`")));
    assert!(
        with(json!({ "repository": "team/other" }))
            .contains("its token says `https://github.com/team/other`")
    );
    assert!(with(json!({ "job_workflow_ref": "" })).contains("does not say who builds"));
    let claims = site.claims().to_string();
    assert!(refused(&site.issuer.token("k2", &claims)).contains("no key `k2`"));
    let unsigned = site.issuer.token_with(r#"{"alg":"none","kid":"k1"}"#, &claims);
    assert!(refused(&unsigned).contains("only RS256 is taken"));
    let stranger = TokenIssuer::new().unwrap();
    assert!(refused(&stranger.token("k1", &claims)).contains("is not by the issuer's key"));
    assert!(refused("nonsense").contains("this is no token"));
    let listed = done(site.home(), &["evidence", "ls", &site.image, "-o", "json"]);
    assert!(!listed.stdout.contains("provenance"), "{}", listed.stdout);
}

#[test]
fn github_gives_the_token_to_who_asks_with_its_right() {
    let Some(site) = Site::new() else { return };
    let answer = json!({ "value": site.token(&json!({})) }).to_string();
    let url = format!("{}?api-version=2", serve_often(answer));
    let variables = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "right"),
        ("PATH", "/usr/bin:/bin"),
    ];
    let arguments = ["attest", "provenance", &site.image, "--source", "app", "--ci-token", "github"];
    let said = run_in(site.home(), &variables, &arguments);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stdout.contains("signed by the registry, which verified the CI system's token"),
        "{}",
        said.stdout
    );
    let without = run_in(site.home(), &[("PATH", "/usr/bin:/bin")], &arguments);
    assert_eq!(without.code, 2);
    assert!(without.stderr.contains("id-token: write"), "{}", without.stderr);
}

fn reqwest_json(url: &str) -> Value {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let body = runtime.block_on(async {
        let answer = plimsoll_testkit::client().get(url).send().await.unwrap();
        plimsoll_testkit::body_of(answer).await.unwrap()
    });
    serde_json::from_slice(&body).unwrap()
}
