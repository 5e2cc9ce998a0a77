//! What a trace tells to whom: nothing of repositories that the caller may not pull from.

use std::time::{Duration, Instant};

use plimsoll_testkit::{body_of, client};
use serde_json::{Value, json};

use super::cosign::Cosign;
use super::done;
use super::proved::keys_of;
use super::tracing::{Harbour, hop};
use crate::data_dir::{basic, run_with_input};
use crate::image_layout::{self, Layer};
use crate::run_in;
use crate::scanning::{REQUESTS, REQUESTS_PATH, ground};

/// How long the server may take to look into an image.
const LOOK_MAX: Duration = Duration::from_secs(30);

/// What the server answers a user, as status and text.
fn ask(harbour: &Harbour, path: &str, user: &str) -> (u16, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let request = client().get(format!("{}{path}", harbour.server.url()));
    runtime.block_on(async {
        let answer = request.header("authorization", basic(user, "correct horse")).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, String::from_utf8(body_of(answer).await.unwrap()).unwrap())
    })
}

/// Users of the registry: one who may do everything, and one who may pull below `team/`.
fn add_users(harbour: &Harbour) {
    let home = harbour.home();
    for (name, rights) in [("admin", &["--admin"][..]), ("bob", &["--grant", "team/*:pull"])] {
        let add = ["user", "add", name, "--data-dir", "data", "--password-stdin"];
        let added = run_with_input(home, &[&add[..], rights].concat(), b"correct horse");
        assert!(added.status.success(), "{added:?}");
    }
}

#[test]
fn a_trace_tells_nothing_of_repositories_that_the_caller_may_not_pull() {
    let harbour = Harbour::new();
    harbour.settled_trace(&harbour.app());
    add_users(&harbour);
    let trace = |user: &str| {
        let (status, text) = ask(&harbour, "/v2/team/app/_plimsoll/trace/1", user);
        assert_eq!(status, 200, "{text}");
        text
    };
    let everything = trace("admin");
    assert!(everything.contains("library/base") && everything.contains(&harbour.base), "{everything}");
    let own = trace("bob");
    assert!(!own.contains("library") && !own.contains(&harbour.base), "{own}");
    let own: Value = serde_json::from_str(&own).unwrap();
    let base = hop(&own, "base");
    assert_eq!(
        (&base["knownBy"], &base["names"]),
        (&json!(["layers"]), &json!([])),
        "that there is one: {own:#}"
    );
    assert!(own["hops"].as_array().unwrap().iter().all(|hop| hop["depth"] == 0), "{own:#}");

    let of_digest = format!("/v2/_plimsoll/trace/{}", harbour.base);
    let found = |user: &str| serde_json::from_str::<Value>(&ask(&harbour, &of_digest, user).1).unwrap();
    assert_eq!(found("admin")["images"], 1);
    assert_eq!((found("bob")["images"].clone(), found("bob")["traces"].clone()), (json!(0), json!([])));
    for path in ["trace/1", "facts", "policy"] {
        assert_eq!(ask(&harbour, &format!("/v2/library/base/_plimsoll/{path}"), "bob").0, 403, "{path}");
    }
}

#[test]
fn a_vulnerability_leads_to_the_images_that_hold_it_and_back_to_their_builds() {
    let harbour = Harbour::new();
    let ground = ground();
    let host = harbour.server.host();
    let pushed = run_in(ground.path(), &[], &["db", "push", host, "--db", "db"]);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    let layer = Layer { instruction: "RUN pip install requests", files: &[(REQUESTS_PATH, REQUESTS)] };
    for repository in ["team/shop", "library/secret"] {
        image_layout::write(&harbour.home().join("shop"), std::slice::from_ref(&layer), |_| {});
        let image = format!("{host}/{repository}:1");
        done(harbour.home(), &["cp", "oci:shop:1", &image]);
        done(harbour.home(), &["sign", &image, "--key", "ci.key"]);
    }
    let begun = Instant::now();
    let traces = loop {
        let traces = harbour.trace("CVE-2018-18074", &[host]);
        if traces["images"] == 2 {
            break traces;
        }
        assert!(begun.elapsed() < LOOK_MAX, "{traces:#}");
        std::thread::sleep(Duration::from_millis(100));
    };
    for trace in traces["traces"].as_array().unwrap() {
        assert!(trace["components"].to_string().contains("requests"), "{trace:#}");
        assert_eq!(hop(trace, "signature")["grade"], "claimed", "{trace:#}");
        assert_eq!(hop(trace, "dockerfile")["instructions"], json!(["RUN pip install requests"]));
    }
    assert_eq!(harbour.trace("CVE-1999-0001", &[host])["images"], 0);

    add_users(&harbour);
    let (status, own) = ask(&harbour, "/v2/_plimsoll/trace/CVE-2018-18074", "bob");
    assert_eq!(status, 200, "{own}");
    assert!(own.contains("team/shop") && !own.contains("library"), "{own}");
    assert_eq!(serde_json::from_str::<Value>(&own).unwrap()["images"], 1);
}

#[test]
fn what_cosign_2_said_under_a_tag_is_in_the_trace() {
    let harbour = Harbour::new();
    let home = harbour.home();
    let Some(cosign) = Cosign::find(home) else { return };
    let predicate = json!({
        "buildDefinition": { "resolvedDependencies": [
            { "uri": "git+https://git.example/team/app@refs/heads/main", "digest": { "gitCommit": "0ddba11" } }] },
        "runDetails": { "builder": { "id": "https://ci.example/old" } },
    });
    std::fs::write(home.join("predicate.json"), predicate.to_string()).unwrap();
    cosign.attest_with_a_tag("ci.key", "slsaprovenance1", &harbour.app());
    let policy = "trust: {keys: [{name: ci, key: ci.pub, roles: [signer, builder], shared: true}]}";
    std::fs::write(home.join("rules.yaml"), policy).unwrap();
    done(home, &["project", "set", "team", harbour.server.host(), "--file", "rules.yaml"]);
    let trace = harbour.settled_trace(&harbour.app());
    let source = hop(&trace, "source");
    assert_eq!((&source["grade"], &source["commit"]), (&json!("signed"), &json!("0ddba11")), "{trace:#}");
    assert_eq!(hop(&trace, "build")["builder"], "https://ci.example/old");
    assert!(hop(&trace, "build")["said"]["logIndex"].is_u64(), "{trace:#}");
}

#[test]
fn a_trace_judges_at_the_time_that_an_attached_proof_tells() {
    let harbour = Harbour::new();
    let (home, app, host) = (harbour.home(), harbour.app(), harbour.server.host().to_owned());
    let Some(cosign) = Cosign::find(home) else { return };
    cosign.sign("ci.key", &app);
    let keys = keys_of(&host);
    let [log, time] = ["log", "cosigner"].map(|name| keys[name].as_str().unwrap());
    // The key's time ends after it has signed.
    std::thread::sleep(Duration::from_millis(1100));
    let valid_until = jiff::Timestamp::from_millisecond(plimsoll_testkit::now().unix_ms()).unwrap();
    let key = format!("{{name: ci, key: ci.pub, roles: [signer], validUntil: '{valid_until}'}}");
    let policy = format!("trust: {{keys: [{key}], logs: [{{key: '{log}', time: '{time}'}}]}}");
    std::fs::write(home.join("rules.yaml"), policy).unwrap();
    done(home, &["project", "set", "team", &host, "--file", "rules.yaml"]);
    let signature = || hop(&harbour.trace(&app, &[]), "signature").clone();
    let expired = signature();
    assert_eq!(expired["grade"], "claimed", "{expired:#}");
    assert!(expired["said"]["reason"].as_str().unwrap().contains("expired at"), "{expired:#}");
    done(home, &["evidence", "prove", &app]);
    let proven = signature();
    assert_eq!(proven["grade"], "signed", "{proven:#}");
    let attested = proven["said"]["attestedAtUnixMs"].as_i64().unwrap();
    assert!(attested <= valid_until.as_millisecond(), "{proven:#}");
}
