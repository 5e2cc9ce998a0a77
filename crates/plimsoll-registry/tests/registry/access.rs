//! Who may do what.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_oci::Digest;
use plimsoll_registry::auth::RobotToken;
use plimsoll_registry::http::Endpoint;
use plimsoll_store::catalogue::{Grant, Robot};
use plimsoll_testkit::{Image, TestServer, TestServerConfig, body_of};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

const NAME: &str = "team/app";

fn grants(text: &str) -> Vec<Grant> {
    vec![text.parse().unwrap()]
}

async fn server_with(users: Vec<(&'static str, &'static str, Vec<Grant>)>) -> TestServer {
    TestServer::start_with(TestServerConfig { users, ..Default::default() }).await
}

async fn guarded() -> TestServer {
    server_with(vec![
        ("ana", "correct horse", vec![Grant::all()]),
        ("ben", "battery staple", grants("team/*:pull")),
    ])
    .await
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// A request of each endpoint, by method and path. A new endpoint does not compile until it is listed here.
fn example(endpoint: Endpoint) -> (Method, String) {
    let digest = Digest::sha256_of(b"");
    let upload = format!("/v2/{NAME}/blobs/uploads/6a5f7b56-7f5b-4f6c-9e2b-0a1b2c3d4e5f");
    match endpoint {
        Endpoint::Ping => (Method::GET, "/v2/".to_owned()),
        Endpoint::Token => (Method::GET, format!("/token?service=plimsoll&scope=repository:{NAME}:pull")),
        Endpoint::ListRepositories => (Method::GET, "/v2/_catalog".to_owned()),
        Endpoint::ListTags => (Method::GET, format!("/v2/{NAME}/tags/list")),
        Endpoint::TagHistory => (Method::GET, format!("/v2/{NAME}/_plimsoll/tags/history")),
        Endpoint::Document => (Method::GET, format!("/v2/{NAME}/_plimsoll/scan/latest")),
        Endpoint::Locate => (Method::GET, "/v2/_plimsoll/where/CVE-2021-44228".to_owned()),
        Endpoint::ImageLine => {
            (Method::GET, format!("/v2/{NAME}/_plimsoll/introduced/latest?vulnerability=CVE-2021-44228"))
        }
        Endpoint::ListEvents => (Method::GET, "/v2/_plimsoll/events".to_owned()),
        Endpoint::FindPush => (Method::GET, format!("/v2/{NAME}/_plimsoll/push/{digest}")),
        Endpoint::Vouch => (Method::POST, format!("/v2/{NAME}/_plimsoll/provenance/latest")),
        Endpoint::Trace => (Method::GET, format!("/v2/{NAME}/_plimsoll/trace/latest")),
        Endpoint::TraceAll => (Method::GET, "/v2/_plimsoll/trace/CVE-2021-44228".to_owned()),
        Endpoint::ListFacts => (Method::GET, format!("/v2/{NAME}/_plimsoll/facts")),
        Endpoint::Observe => (Method::POST, format!("/v2/{NAME}/_plimsoll/runs/{digest}")),
        Endpoint::ReadLog => (Method::GET, "/log/checkpoint".to_owned()),
        Endpoint::WriteLog => (Method::POST, "/log/api/v2/log/entries".to_owned()),
        Endpoint::ListProjects => (Method::GET, "/v2/_plimsoll/projects".to_owned()),
        Endpoint::GetProject => (Method::GET, "/v2/_plimsoll/projects/team".to_owned()),
        Endpoint::PutProject => (Method::PUT, "/v2/_plimsoll/projects/team".to_owned()),
        Endpoint::DeleteProject => (Method::DELETE, "/v2/_plimsoll/projects/team".to_owned()),
        Endpoint::GetPolicy => (Method::GET, format!("/v2/{NAME}/_plimsoll/policy")),
        Endpoint::ListLacking => (Method::GET, "/v2/_plimsoll/lacking/prod".to_owned()),
        Endpoint::GetVerdict => (Method::GET, format!("/v2/{NAME}/_plimsoll/verdict/latest")),
        Endpoint::ListReferrers => (Method::GET, format!("/v2/{NAME}/referrers/{digest}")),
        Endpoint::GetManifest => (Method::GET, format!("/v2/{NAME}/manifests/latest")),
        Endpoint::PutManifest => (Method::PUT, format!("/v2/{NAME}/manifests/latest")),
        Endpoint::DeleteManifest => (Method::DELETE, format!("/v2/{NAME}/manifests/latest")),
        Endpoint::GetBlob => (Method::GET, format!("/v2/{NAME}/blobs/{digest}")),
        Endpoint::DeleteBlob => (Method::DELETE, format!("/v2/{NAME}/blobs/{digest}")),
        Endpoint::BeginUpload => (Method::POST, format!("/v2/{NAME}/blobs/uploads/")),
        Endpoint::GetUpload => (Method::GET, upload),
        Endpoint::AppendToUpload => (Method::PATCH, upload),
        Endpoint::CloseUpload => (Method::PUT, format!("{upload}?digest={digest}")),
        Endpoint::CancelUpload => (Method::DELETE, upload),
    }
}

#[tokio::test]
async fn no_endpoint_answers_a_stranger() {
    let server = guarded().await;
    for endpoint in Endpoint::ALL {
        let (method, path) = example(*endpoint);
        let answer = server.request(method.clone(), &path).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{method} {path}");
        assert!(!header(&answer, "www-authenticate").is_empty(), "{method} {path}");
        for wrong in
            ["Basic bm9ib2R5OndpdGhvdXQ=", "Bearer nonsense", "Bearer plm_nonsense", "Digest x", "Basic !"]
        {
            let answer =
                server.request(method.clone(), &path).header("authorization", wrong).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{method} {path} with {wrong}");
        }
    }
    let open: Vec<_> = ["/livez", "/readyz", "/version", "/metrics", "/"].to_vec();
    for path in open {
        assert_eq!(server.get(path).await.status(), 200, "{path} tells nothing about images");
    }
}

#[tokio::test]
async fn a_reader_may_read_in_its_repositories_and_nothing_else() {
    let server = guarded().await;
    let ben = |request: RequestBuilder| request.basic_auth("ben", Some("battery staple")).send();
    for endpoint in Endpoint::ALL {
        let (method, path) = example(*endpoint);
        let answer = ben(server.request(method.clone(), &path)).await.unwrap();
        let may = matches!(
            endpoint,
            Endpoint::Ping
                | Endpoint::Token
                | Endpoint::ListRepositories
                | Endpoint::ListTags
                | Endpoint::TagHistory
                | Endpoint::Document
                | Endpoint::FindPush
                | Endpoint::Locate
                | Endpoint::ImageLine
                | Endpoint::ListEvents
                | Endpoint::Trace
                | Endpoint::TraceAll
                | Endpoint::ListFacts
                | Endpoint::ReadLog
                | Endpoint::ListProjects
                | Endpoint::GetProject
                | Endpoint::GetPolicy
                | Endpoint::ListLacking
                | Endpoint::GetVerdict
                | Endpoint::ListReferrers
                | Endpoint::GetManifest
                | Endpoint::GetBlob
        );
        assert_eq!(answer.status() != 403, may, "{method} {path}: {}", answer.status());
    }
    let elsewhere = ben(server.request(Method::GET, "/v2/other/app/manifests/latest")).await.unwrap();
    assert_eq!(elsewhere.status(), 403);
}

#[tokio::test]
async fn the_catalogue_shows_what_the_caller_may_pull() {
    let server = guarded().await;
    let image = Image::small(1, 0, 0);
    for name in ["other/app", "team/a", "team/b"] {
        let blob = format!("/v2/{name}/blobs/uploads/?digest={}", image.config.digest());
        let ana = |request: RequestBuilder| request.basic_auth("ana", Some("correct horse"));
        ana(server.request(Method::POST, &blob)).body(image.config.bytes.clone()).send().await.unwrap();
        let put = ana(server.request(Method::PUT, &format!("/v2/{name}/manifests/v1")));
        let media_type = image.manifest.descriptor.media_type.as_str();
        let put = put.header("content-type", media_type).body(image.manifest.bytes.clone());
        assert_eq!(put.send().await.unwrap().status(), 201);
    }
    let request = server.request(Method::GET, "/v2/_catalog?n=1").basic_auth("ben", Some("battery staple"));
    let answer = request.send().await.unwrap();
    assert!(header(&answer, "link").contains("last=team%2Fa"));
    let listed: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
    assert_eq!(listed["repositories"], serde_json::json!(["team/a"]));

    let challenged = server.get("/v2/_catalog").await;
    assert!(header(&challenged, "www-authenticate").contains("scope=\"registry:catalog:*\""));
    let list = token(&server, ("ben", "battery staple"), "registry:catalog:*").await;
    let listed = server.request(Method::GET, "/v2/_catalog").bearer_auth(&list).send().await.unwrap();
    let listed: Value = serde_json::from_slice(&body_of(listed).await.unwrap()).unwrap();
    assert_eq!(listed["repositories"], serde_json::json!(["team/a", "team/b"]));
    let pull =
        server.request(Method::GET, "/v2/team/a/manifests/v1").bearer_auth(&list).send().await.unwrap();
    assert_eq!(pull.status(), 401, "a token for the list shows names and nothing else");
}

async fn token(server: &TestServer, user: (&str, &str), scope: &str) -> String {
    let path = format!("/token?service=plimsoll&scope={scope}");
    let answer = server.request(Method::GET, &path).basic_auth(user.0, Some(user.1)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
    body["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_token_service_gives_what_was_asked_for_and_allowed() {
    let server = guarded().await;
    let challenged = server.get(&format!("/v2/{NAME}/manifests/v1")).await;
    let challenge = header(&challenged, "www-authenticate");
    let expected = format!(
        "Bearer realm=\"http://{}/token\",service=\"plimsoll\",scope=\"repository:{NAME}:pull\"",
        server.host()
    );
    assert_eq!(challenge, expected);
    let ben = token(&server, ("ben", "battery staple"), &format!("repository:{NAME}:pull,push")).await;
    let bearer = |method, path: String| server.request(method, &path).bearer_auth(&ben).send();
    assert_eq!(bearer(Method::GET, format!("/v2/{NAME}/manifests/v1")).await.unwrap().status(), 404);
    let push = bearer(Method::POST, format!("/v2/{NAME}/blobs/uploads/")).await.unwrap();
    assert_eq!(push.status(), 401);
    assert!(header(&push, "www-authenticate").contains("error=\"insufficient_scope\""));
    let other = bearer(Method::GET, "/v2/team/other/manifests/v1".into()).await.unwrap();
    assert_eq!(other.status(), 401, "a token is good for the repositories that it names");
    let ana = token(&server, ("ana", "correct horse"), &format!("repository:{NAME}:*")).await;
    let request = server.request(Method::POST, &format!("/v2/{NAME}/blobs/uploads/")).bearer_auth(&ana);
    assert_eq!(request.send().await.unwrap().status(), 202);
    let form = "grant_type=password&service=plimsoll&client_id=x&username=ana&password=correct+horse";
    let oauth = server.request(Method::POST, "/token").body(form).send().await.unwrap();
    assert_eq!(oauth.status(), 200);
}

#[tokio::test]
async fn a_foreign_token_is_refused() {
    let (ours, theirs) = (guarded().await, guarded().await);
    let foreign = token(&theirs, ("ana", "correct horse"), &format!("repository:{NAME}:pull,push")).await;
    let request = ours.request(Method::POST, &format!("/v2/{NAME}/blobs/uploads/")).bearer_auth(&foreign);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(header(&answer, "www-authenticate").contains("error=\"invalid_token\""));
    assert_eq!(ours.storage().await.catalogue().open_uploads().await.unwrap(), (0, 0), "nothing is stored");
}

#[tokio::test]
async fn a_robot_comes_in_by_its_token_until_it_expires() {
    let server = guarded().await;
    let catalogue = server.storage().await.catalogue().clone();
    let now = plimsoll_testkit::now();
    let (good, expired) = (RobotToken::fresh().unwrap(), RobotToken::fresh().unwrap());
    for (name, token, expires_at) in [("ci", &good, None), ("old", &expired, Some(now))] {
        let robot = Robot {
            name: name.into(),
            token_hash: token.hash(),
            grants: grants("team/*:pull,push"),
            expires_at,
            created_at: now,
            created_by: "ana".into(),
            last_used_at: None,
        };
        assert!(catalogue.add_robot(robot).await.unwrap());
    }
    let path = format!("/v2/{NAME}/blobs/uploads/");
    let as_password = server.request(Method::POST, &path).basic_auth("anything", Some(good.reveal()));
    assert_eq!(as_password.send().await.unwrap().status(), 202);
    let as_bearer = server.request(Method::POST, &path).bearer_auth(good.reveal());
    assert_eq!(as_bearer.send().await.unwrap().status(), 202);
    let elsewhere = server.request(Method::POST, "/v2/other/blobs/uploads/").bearer_auth(good.reveal());
    assert_eq!(elsewhere.send().await.unwrap().status(), 403);
    let too_late = server.request(Method::POST, &path).bearer_auth(expired.reveal());
    assert_eq!(too_late.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn anybody_may_pull_where_that_is_allowed_and_nothing_more() {
    let users = vec![("ana", "correct horse", vec![Grant::all()])];
    let config = TestServerConfig { users, anonymous_pull: true, ..Default::default() };
    let server = TestServer::start_with(config).await;
    let ping = server.get("/v2/").await;
    assert_eq!(ping.status(), 401, "clients learn how to sign in from nothing else");
    assert!(header(&ping, "www-authenticate").starts_with("Bearer realm="));
    assert_eq!(
        server.get("/token?service=plimsoll").await.status(),
        200,
        "and get a token without credentials"
    );
    assert_eq!(server.get(&format!("/v2/{NAME}/manifests/v1")).await.status(), 404);
    let push = server.request(Method::POST, &format!("/v2/{NAME}/blobs/uploads/")).send().await.unwrap();
    assert_eq!(push.status(), 401);
    assert!(header(&push, "www-authenticate").contains(&format!("scope=\"repository:{NAME}:pull,push\"")));
}

#[tokio::test]
async fn without_users_only_this_machine_is_let_in() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/v2/").await.status(), 200);
    for name in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
        let answer = server.request(Method::GET, "/v2/").header(name, "10.0.0.1").send().await.unwrap();
        assert_eq!(answer.status(), 403, "{name}");
    }
    for (name, value) in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
        let answer =
            server.request(Method::POST, "/v2/a/blobs/uploads/").header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{name}: a page elsewhere cannot send what needs no preflight");
    }
    let rebound =
        server.request(Method::GET, "/v2/").header("host", "evil.example:5000").send().await.unwrap();
    assert_eq!(rebound.status(), 403, "a page in a browser cannot come in under a name of its own");
}

#[tokio::test]
async fn the_first_user_shuts_the_door_at_once() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/v2/").await.status(), 200);
    let catalogue = server.storage().await.catalogue().clone();
    let password_hash = plimsoll_registry::auth::hash_password("correct horse").unwrap();
    let ana = plimsoll_store::catalogue::User {
        name: "ana".into(),
        password_hash,
        grants: vec![Grant::all()],
        created_at: plimsoll_testkit::now(),
    };
    catalogue.put_user(ana).await.unwrap();
    assert_eq!(server.get("/v2/").await.status(), 401);
    let basic = format!("Basic {}", STANDARD.encode("ana:correct horse"));
    let answer = server.request(Method::GET, "/v2/").header("authorization", basic).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    catalogue.delete_user("ana", plimsoll_testkit::now()).await.unwrap();
    assert_eq!(server.get("/v2/").await.status(), 401, "it stays shut when the last user is removed");
}

#[tokio::test]
async fn a_mount_needs_the_right_to_pull_from_its_source() {
    let server = server_with(vec![
        ("ana", "correct horse", vec![Grant::all()]),
        ("ben", "battery staple", grants("team/*:pull,push")),
    ])
    .await;
    let digest = Digest::sha256_of(b"secret");
    let path = format!("/v2/private/app/blobs/uploads/?digest={digest}");
    let push = server.request(Method::POST, &path).basic_auth("ana", Some("correct horse")).body("secret");
    assert_eq!(push.send().await.unwrap().status(), 201);
    for from in ["&from=private/app", ""] {
        let path = format!("/v2/{NAME}/blobs/uploads/?mount={digest}{from}");
        let mount = server.request(Method::POST, &path).basic_auth("ben", Some("battery staple"));
        assert_eq!(mount.send().await.unwrap().status(), 202, "an upload begins, and nothing is shown");
    }
    let blob = server.request(Method::GET, &format!("/v2/{NAME}/blobs/{digest}"));
    assert_eq!(blob.basic_auth("ben", Some("battery staple")).send().await.unwrap().status(), 404);
}
