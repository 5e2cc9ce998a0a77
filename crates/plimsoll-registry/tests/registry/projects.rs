//! Projects: rules for repositories.

use plimsoll_store::catalogue::Grant;
use plimsoll_testkit::{Postgres, TestServer, TestServerConfig, body_of};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const TEAM: &str = "/v2/_plimsoll/projects/team";

/// Somebody at a server.
struct Caller<'s> {
    server: &'s TestServer,
    name: &'static str,
}

impl Caller<'_> {
    async fn send(&self, method: Method, path: &str, body: String) -> Response {
        let request = self.server.request(method, path).basic_auth(self.name, Some("correct horse"));
        request.body(body).send().await.unwrap()
    }

    async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        answered(self.send(Method::PUT, path, body.to_string()).await).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        answered(self.send(Method::GET, path, String::new()).await).await
    }
}

async fn answered(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap_or_default())
}

fn users() -> Vec<(&'static str, &'static str, Vec<Grant>)> {
    let may = |grant: &str| vec![grant.parse().unwrap()];
    vec![
        ("ana", "correct horse", vec![Grant::all()]),
        ("ben", "correct horse", may("team/app:pull,push,delete")),
        ("cem", "correct horse", may("other/*:pull")),
    ]
}

async fn server() -> TestServer {
    TestServer::start_with(TestServerConfig { users: users(), ..Default::default() }).await
}

fn project(pattern: &str) -> Value {
    json!({ "repositories": [pattern], "policy": { "keys": [], "require": ["signature"] } })
}

#[tokio::test]
async fn who_may_do_everything_sets_rules_and_who_may_pull_reads_them() {
    let server = server().await;
    let [ana, ben, cem] = ["ana", "ben", "cem"].map(|name| Caller { server: &server, name });
    assert_eq!(ana.get("/v2/team/app/_plimsoll/policy").await.0, 404);
    let (status, set) = ana.put(TEAM, &project("team/*")).await;
    assert_eq!(
        (status, &set["setBy"], &set["repositories"]),
        (200, &json!("ana"), &json!(["team/*"])),
        "{set}"
    );
    assert_eq!(ben.put(TEAM, &project("team/*")).await.0, 403);
    assert_eq!(ben.send(Method::DELETE, TEAM, String::new()).await.status(), 403);

    let (status, read) = ben.get("/v2/team/app/_plimsoll/policy").await;
    assert_eq!((status, &read), (200, &set));
    assert_eq!(ben.get(TEAM).await, (200, set.clone()));
    assert_eq!(cem.get("/v2/team/app/_plimsoll/policy").await.0, 403);
    assert_eq!(cem.get(TEAM).await.0, 404, "what one may not pull has no rules one may read");
    assert_eq!(cem.get("/v2/_plimsoll/projects").await, (200, json!({ "projects": [] })));
    assert_eq!(ben.get("/v2/_plimsoll/projects").await, (200, json!({ "projects": [set] })));

    assert_eq!(ana.send(Method::DELETE, TEAM, String::new()).await.status(), 204);
    assert_eq!(ana.send(Method::DELETE, TEAM, String::new()).await.status(), 404);
    assert_eq!(ben.get("/v2/team/app/_plimsoll/policy").await.0, 404);
}

#[tokio::test]
async fn a_token_of_the_token_service_carries_the_right_if_it_was_asked_for() {
    let server = server().await;
    for (name, scope, status) in [
        ("ana", "registry:everything:*", 200),
        ("ana", "registry:catalog:*", 401),
        ("ben", "registry:everything:*", 401),
    ] {
        let path = format!("/token?service=plimsoll&scope={scope}");
        let (_, token) = Caller { server: &server, name }.get(&path).await;
        let put = server.request(Method::PUT, TEAM).bearer_auth(token["token"].as_str().unwrap());
        let answer = put.body(project("team/*").to_string()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{name} {scope}");
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_followed_is_refused() {
    let server = server().await;
    let ana = Caller { server: &server, name: "ana" };
    let policy = |policy: Value| json!({ "repositories": ["team/*"], "policy": policy });
    for (body, reason) in [
        (json!({}), "missing field"),
        (policy(json!({ "keys": [], "gate": [] })), "unknown field `gate`"),
        (policy(json!({ "keys": [], "require": ["signatur"] })), "`signatur` is no kind of statement"),
        (
            policy(json!({ "keys": [{ "name": "ci", "key": "ci.pub", "roles": ["signer"] }] })),
            "the key of `ci`",
        ),
        (json!({ "repositories": [], "policy": { "keys": [] } }), "1 to 64 patterns"),
        (json!({ "repositories": ["../*?"], "policy": { "keys": [] } }), "a pattern is"),
    ] {
        let (status, refusal) = ana.put(TEAM, &body).await;
        let message = refusal["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && message.contains(reason), "{status} {message}");
    }
    let deep = format!(r#"{{"repositories":["team/*"],"policy":{}}}"#, "[".repeat(10_000));
    assert_eq!(ana.send(Method::PUT, TEAM, deep).await.status(), 400);
    assert_eq!(ana.send(Method::PUT, TEAM, " ".repeat(600 * 1024)).await.status(), 413);
    assert_eq!(ana.put("/v2/_plimsoll/projects/Team", &project("team/*")).await.0, 400);
    assert_eq!(ana.get("/v2/_plimsoll/projects").await.1, json!({ "projects": [] }), "nothing is kept");

    assert_eq!(ana.put(TEAM, &project("team/*")).await.0, 200);
    let (status, refusal) = ana.put("/v2/_plimsoll/projects/late", &project("*/apps")).await;
    assert_eq!(status, 409, "{refusal}");
    assert!(refusal["errors"][0]["message"].as_str().unwrap().contains("`team/*` of the project `team`"));
}

#[tokio::test]
async fn a_change_is_an_entry_of_the_log_with_the_whole_policy() {
    let server = server().await;
    let ana = Caller { server: &server, name: "ana" };
    let (_, set) = ana.put(TEAM, &project("team/*")).await;
    ana.send(Method::DELETE, TEAM, String::new()).await;
    let mut told = Vec::new();
    // Three users come first.
    for leaf in 3..5 {
        let path = format!("/log/payload/{leaf}");
        let payload = loop {
            match ana.get(&path).await {
                (200, payload) => break payload,
                _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        };
        assert_eq!(Caller { server: &server, name: "ben" }.get(&path).await.0, 403);
        told.push(payload);
    }
    assert_eq!((&told[0]["type"], &told[0]["by"]), (&json!("project-put"), &json!("ana")), "{told:?}");
    assert_eq!((&told[0]["policyDigest"], &told[0]["policy"]), (&set["policyDigest"], &set["policy"]));
    assert_eq!((&told[1]["type"], &told[1]["project"]), (&json!("project-removed"), &json!("team")));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_over_one_database_have_the_same_rules() {
    let Some(postgres) = Postgres::start() else { return };
    let (url, directory) = (postgres.url(), tempfile::tempdir().unwrap());
    let replica = |users| {
        let config = TestServerConfig { users, ..Default::default() };
        TestServer::start_with(config.over_postgres(url.clone(), directory.path()))
    };
    let one = replica(users()).await;
    let other = replica(Vec::new()).await;
    let (here, there) = (Caller { server: &one, name: "ana" }, Caller { server: &other, name: "ana" });
    let (status, set) = here.put(TEAM, &project("team/*")).await;
    assert_eq!(status, 200, "{set}");
    assert_eq!(there.get("/v2/team/app/_plimsoll/policy").await, (200, set));
    assert_eq!(there.send(Method::DELETE, TEAM, String::new()).await.status(), 204);
    assert_eq!(here.get("/v2/team/app/_plimsoll/policy").await.0, 404);
}
