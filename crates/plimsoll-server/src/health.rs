//! Whether the server lives and is ready.

use std::time::Duration;

use http::StatusCode;

use crate::storage::Storage;

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long a part may take to say that it is there.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Asks each part whether it answers. A server that is stopping is not ready, whatever its parts say.
pub(crate) async fn ready(storage: &Storage, is_stopping: bool, is_verbose: bool) -> (StatusCode, String) {
    let catalogue = async { storage.catalogue().check().await.map_err(|error| error.to_string()) };
    let objects = async { storage.objects().check().await.map_err(|error| error.to_string()) };
    let (catalogue, objects) = tokio::join!(in_time(catalogue), in_time(objects));
    let serving = if is_stopping { Err("the server is stopping".to_owned()) } else { Ok(()) };
    let parts = [("catalogue", catalogue), ("objects", objects), ("serving", serving)];
    let is_ready = parts.iter().all(|(_, answer)| answer.is_ok());
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut report = String::new();
    for (name, answer) in &parts {
        match answer {
            Ok(()) if is_verbose => report += &format!("[+] {name} ok\n"),
            Ok(()) => {}
            Err(reason) => report += &format!("[-] {name} failed: {reason}\n"),
        }
    }
    report += if is_ready { "ready\n" } else { "not ready\n" };
    (status, report)
}

async fn in_time(answer: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let late = |_| Err(format!("no answer in {} s", ANSWER_MAX.as_secs()));
    tokio::time::timeout(ANSWER_MAX, answer).await.unwrap_or_else(late)
}
