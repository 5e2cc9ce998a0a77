//! What the specification asks for, check by check.

mod blobs;
mod empty;
mod manifests;

use plimsoll_testkit::{TestServer, body_of};
use reqwest::{Method, Response};

/// The value of a header of an answer.
fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn send(server: &TestServer, method: Method, path: &str) -> Response {
    server.request(method, path).send().await.unwrap()
}

/// The code of the first error in an answer.
async fn error_code(answer: Response) -> String {
    let body: serde_json::Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
    body["errors"][0]["code"].as_str().unwrap().to_owned()
}
