//! Verdicts by the rules of a project: signed, fresh, told when they change, and beside the image while it passes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use plimsoll_attest::{
    Approval, Decision, EMPTY_CONFIG, Named, PredicateType, Scope, SigningKey, Statement, Trust,
    VerificationResult, VerificationSummary, referrer, sign, verify_bundle,
};
use plimsoll_oci::Digest;
use plimsoll_testkit::{Image, Postgres, TestServer, TestServerConfig, body_of};
use reqwest::Method;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

const NAME: &str = "team/app";

/// How long a change may take to be followed.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(20);

/// A server with an image that three people may approve, two of whom must.
struct Office {
    server: TestServer,
    image: Image,
}

fn key(person: &str) -> SigningKey {
    SigningKey::generate(Digest::sha256_of(person.as_bytes()).hash().try_into().unwrap()).unwrap()
}

fn policy(approvals: usize) -> Value {
    let keys = ["ana", "ben", "cem"]
        .map(|name| json!({ "name": name, "key": key(name).public().to_pem(), "roles": ["approver"] }));
    let gate = json!({ "name": "prod", "role": "approver", "approvals": approvals, "excluded": ["cem"], "maxAge": "2m" });
    json!({ "repositories": ["team/*"], "policy": { "keys": keys, "gates": [gate] } })
}

fn approval() -> Approval {
    Approval {
        decision: Decision::Approved,
        role: "approver".parse().unwrap(),
        gate: "prod".to_owned(),
        scope: Scope::default(),
        evidence: Vec::new(),
        reason: None,
        tickets: Vec::new(),
        issued_at: now(),
        not_before: None,
        expires_at: None,
        revokes: Vec::new(),
    }
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(plimsoll_testkit::now().unix_ms()).unwrap()
}

impl Office {
    async fn open(config: TestServerConfig) -> Self {
        let (server, image) = (TestServer::start_with(config).await, Image::small(5, 1, 100));
        server.push_image(NAME, "1", &image).await;
        let office = Self { server, image };
        office.set_policy(&policy(2)).await;
        office
    }

    async fn set_policy(&self, project: &Value) {
        let put = self.server.request(Method::PUT, "/v2/_plimsoll/projects/team").body(project.to_string());
        assert_eq!(put.send().await.unwrap().status(), 200);
    }

    fn digest(&self) -> Digest {
        self.image.manifest.digest()
    }

    /// Signs an approval or what is like it, and attaches it. The digests are those of the manifest and of the bundle.
    async fn say(&self, who: &str, approval: &Approval) -> (Digest, Digest) {
        let predicate = to_raw_value(approval).unwrap();
        let statement = Statement::about(&self.digest(), PredicateType::APPROVAL, predicate);
        let bundle = sign(&statement, &key(who)).unwrap();
        let subject = &self.image.manifest.descriptor;
        let made = referrer(&bundle, &PredicateType::APPROVAL, subject, "2026-11-22T12:00:00Z");
        let config = Bytes::from_static(EMPTY_CONFIG);
        self.server.try_push_blob(NAME, made.config.digest, config).await;
        self.server.try_push_blob(NAME, made.layer.digest, made.bundle.into()).await;
        let digest = Digest::sha256_of(&made.manifest);
        let put = self.server.request(Method::PUT, &format!("/v2/{NAME}/manifests/{digest}"));
        let put =
            put.header("content-type", "application/vnd.oci.image.manifest.v1+json").body(made.manifest);
        assert_eq!(put.send().await.unwrap().status(), 201);
        (digest, made.layer.digest)
    }

    async fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let answer = self.server.get(path).await;
        (answer.status().as_u16(), body_of(answer).await.unwrap())
    }

    /// The verdict, verified with the key that the server names.
    async fn verdict(&self) -> VerificationSummary {
        let (status, bundle) = self.get(&format!("/v2/{NAME}/_plimsoll/verdict/1?gate=prod")).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&bundle));
        let keys: Value = serde_json::from_slice(&self.get("/log/keys").await.1).unwrap();
        let trust = Trust::of_key("server", keys["signing"]["verdict"].as_str().unwrap().parse().unwrap());
        let fact = verify_bundle(&bundle, &self.digest(), &trust, now()).unwrap();
        VerificationSummary::of(&fact).unwrap()
    }

    async fn passes(&self) -> bool {
        self.verdict().await.verification_result == VerificationResult::Passed
    }

    /// The summaries beside the image.
    async fn attached(&self) -> usize {
        let (_, list) = self.get(&format!("/v2/{NAME}/referrers/{}", self.digest())).await;
        let list: Value = serde_json::from_slice(&list).unwrap();
        let is_summary = |entry: &&Value| {
            entry["annotations"]["dev.sigstore.bundle.predicateType"]
                == "https://slsa.dev/verification_summary/v1"
        };
        list["manifests"].as_array().unwrap().iter().filter(is_summary).count()
    }

    async fn attached_becomes(&self, count: usize) {
        let begun = Instant::now();
        while self.attached().await != count {
            assert!(begun.elapsed() < FOLLOWED_WITHIN, "{} summaries are attached", self.attached().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the log tells of verdicts: at which gate, and whether the image passes.
    async fn told(&self) -> Vec<(Option<String>, bool)> {
        let mut told = Vec::new();
        for leaf in 0..1000 {
            match self.get(&format!("/log/payload/{leaf}")).await {
                (200, payload) => {
                    let payload: Value = serde_json::from_slice(&payload).unwrap();
                    if payload["type"] == "verdict-changed" {
                        told.push((
                            payload["gate"].as_str().map(str::to_owned),
                            !payload["passesBy"].is_null(),
                        ));
                    }
                }
                _ if self.get(&format!("/log/payload/{}", leaf + 1)).await.0 != 200 && leaf > 40 => break,
                _ => {}
            }
        }
        told
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_turns_with_each_word_that_is_said() {
    let office = Office::open(TestServerConfig::default()).await;
    let shut = office.verdict().await;
    assert_eq!(shut.verification_result, VerificationResult::Failed);
    assert_eq!(
        (shut.verified_levels, shut.missing),
        (vec!["FAILED".to_owned()], vec!["approval for prod: 0 of 2: nobody".to_owned()])
    );
    assert_eq!((shut.max_age_s, shut.resource_uri.ends_with("/team/app")), (Some(120), true));

    office.say("ana", &approval()).await;
    let (_, own) = office.say("cem", &approval()).await;
    let missing = office.verdict().await.missing;
    assert!(missing[0].starts_with("approval for prod: 1 of 2: ana"), "{missing:?}");
    assert!(
        missing[0].contains(&format!("{} does not count: `cem` wrote or built it", own.short())),
        "{missing:?}"
    );
    assert_eq!(office.attached().await, 0);

    let (_, of_ben) = office.say("ben", &approval()).await;
    let open = office.verdict().await;
    assert_eq!(open.verified_levels, ["PLIMSOLL_GATE_prod"]);
    assert!(open.input_attestations.contains(&Named::of(&of_ben)), "it names what it rests on");
    office.attached_becomes(1).await;

    let revocation =
        Approval { decision: Decision::Revoked, revokes: vec![Named::of(&of_ben)], ..approval() };
    let (revoking, _) = office.say("ben", &revocation).await;
    assert!(!office.passes().await, "a revocation counts at once");
    office.attached_becomes(0).await;
    let path = format!("/v2/{NAME}/manifests/{revoking}");
    assert_eq!(office.server.request(Method::DELETE, &path).send().await.unwrap().status(), 202);
    assert!(!office.passes().await, "who deletes a revocation does not undo it");
    office.say("ben", &approval()).await;
    office.attached_becomes(1).await;
    let all = |passes| [(None, passes), (Some("prod".to_owned()), passes)];
    let expected = [all(true), all(false), all(true)].concat();
    let begun = Instant::now();
    while office.told().await != expected {
        assert!(begun.elapsed() < FOLLOWED_WITHIN, "{:?}", office.told().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_turns_the_verdict_by_itself_and_so_do_other_rules() {
    let office = Office::open(TestServerConfig::default()).await;
    office.say("ana", &approval()).await;
    let soon = now() + SignedDuration::from_secs(4);
    office.say("ben", &Approval { expires_at: Some(soon), ..approval() }).await;
    assert!(office.passes().await);
    office.attached_becomes(1).await;
    office.attached_becomes(0).await;
    assert!(now() >= soon && !office.passes().await);
    office.set_policy(&policy(1)).await;
    assert!(office.passes().await, "other rules hold at once");
    office.attached_becomes(1).await;
    let before = office.verdict().await.policy;
    office.server.request(Method::DELETE, "/v2/_plimsoll/projects/team").send().await.unwrap();
    office.attached_becomes(0).await;
    assert_eq!(office.get(&format!("/v2/{NAME}/_plimsoll/verdict/1")).await.0, 404);
    office.set_policy(&policy(2)).await;
    assert_ne!(office.verdict().await.policy.named, before.named);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_verdict_where_there_are_no_rules() {
    let office = Office::open(TestServerConfig::default()).await;
    let of = async |path: &str| office.get(path).await.0;
    assert_eq!(of("/v2/team/app/_plimsoll/verdict/1?gate=moon").await, 404);
    assert_eq!(of("/v2/team/app/_plimsoll/verdict/2").await, 404);
    assert_eq!(of("/v2/team/app/_plimsoll/verdict/sha256:0").await, 400);
    office.server.push_image("other/app", "1", &office.image).await;
    assert_eq!(of("/v2/other/app/_plimsoll/verdict/1").await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_over_one_database_give_one_verdict() {
    let Some(postgres) = Postgres::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let config = || TestServerConfig::default().over_postgres(postgres.url(), directory.path());
    let office = Office::open(config()).await;
    let other = TestServer::start_with(config()).await;
    for who in ["ana", "ben"] {
        office.say(who, &approval()).await;
    }
    office.attached_becomes(1).await;
    let there = other.get(&format!("/v2/{NAME}/_plimsoll/verdict/1?gate=prod")).await;
    assert_eq!(there.status(), 200);
    let keys: Value = serde_json::from_slice(&office.get("/log/keys").await.1).unwrap();
    let trust = Trust::of_key("server", keys["signing"]["verdict"].as_str().unwrap().parse().unwrap());
    let fact = verify_bundle(&body_of(there).await.unwrap(), &office.digest(), &trust, now()).unwrap();
    assert_eq!(VerificationSummary::of(&fact).unwrap().verification_result, VerificationResult::Passed);
}
