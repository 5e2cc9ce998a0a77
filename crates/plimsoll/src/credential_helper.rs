use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use plimsoll_transport::{CredentialHelper, HelperFailure, HelperReply, HelperVerb};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// How long a helper may take: it may ask the user to unlock a keyring.
const TIME_MAX: Duration = Duration::from_secs(120);

/// Most bytes of an answer; a credential takes far fewer.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Runs credential helpers as child processes, as Docker and Podman do.
pub(crate) struct HelperPrograms;

impl CredentialHelper for HelperPrograms {
    fn run<'a>(
        &'a self,
        program: &'a str,
        verb: HelperVerb,
        input: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<HelperReply, HelperFailure>> + Send + 'a>> {
        Box::pin(async move {
            match tokio::time::timeout(TIME_MAX, converse(program, verb, input)).await {
                Ok(Ok(reply)) => Ok(reply),
                Ok(Err(error)) => Err(HelperFailure(format!("cannot run `{program}`: {error}"))),
                Err(_) => Err(HelperFailure(format!("`{program}` did not end in {} s", TIME_MAX.as_secs()))),
            }
        })
    }
}

/// Sends one request. The helper gets the whole environment, because keyrings are found through it.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that starts credential helpers, within limits"
)]
async fn converse(program: &str, verb: HelperVerb, input: &[u8]) -> io::Result<HelperReply> {
    let mut child = Command::new(program)
        .arg(verb.as_str())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input).await {
            // A helper may answer without reading to the end.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    let mut stdout = Vec::new();
    if let Some(answer) = child.stdout.take() {
        answer.take(ANSWER_BYTES_MAX).read_to_end(&mut stdout).await?;
    }
    let status = child.wait().await?;
    Ok(HelperReply { succeeded: status.success(), stdout })
}
