//! Images that Docker or Podman keep on this machine, through the API socket that both of them speak.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use plimsoll_oci::Reference;
use reqwest::{Client, Response};
use serde::Deserialize;

use crate::connect_failure::cause_of;
use crate::docker_archive::open_in;
use crate::file_stream::blocking;
use crate::registry::install_crypto;
use crate::{Source, TransportError};

/// Most bytes of an image that an engine hands out.
const IMAGE_BYTES_MAX: u64 = 256 * 1024 * 1024 * 1024;

/// Largest error answer that is read.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// How long an engine may be silent: it packs an image before the first byte comes.
const STALL_TIMEOUT: Duration = Duration::from_secs(300);

/// How much is collected before it is written.
const PIECE_BYTES: usize = 1024 * 1024;

/// What cannot stand in a URL's path. The slashes of a name can.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'%');

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// The command that starts it.
    pub(crate) fn how_to_start(self) -> &'static str {
        match self {
            Self::Docker => "sudo systemctl start docker",
            Self::Podman => "systemctl --user start podman.socket",
        }
    }
}

/// Opens an image of an engine that listens at `socket`. It is laid down first, in a nameless file in
/// `scratch_directory`.
pub async fn open_engine_image(
    engine: Engine,
    socket: &Path,
    reference: &Reference,
    scratch_directory: &Path,
) -> Result<Box<dyn Source>, TransportError> {
    let place = format!("{}:{reference}", engine.name());
    let response = request_image(engine, socket, reference, &place).await?;
    let scratch = scratch_directory.to_owned();
    let file = blocking(move || {
        tempfile::tempfile_in(&scratch).map_err(TransportError::io("create a file in", &scratch))
    })
    .await?;
    let file = save(response, file, &place, scratch_directory).await?;
    let scratch = scratch_directory.to_owned();
    blocking(move || {
        let path = scratch.join("image");
        open_in(file, &path, place, &scratch)
    })
    .await
}

async fn request_image(
    engine: Engine,
    socket: &Path,
    reference: &Reference,
    place: &str,
) -> Result<Response, TransportError> {
    install_crypto();
    let operation = format!("read {place}");
    let unreachable = |cause| TransportError::Unreachable { operation: operation.clone(), cause };
    let client =
        Client::builder().unix_socket(socket).tls_certs_only([]).no_proxy().build().map_err(unreachable)?;
    let name = reference.to_string();
    let url = format!("http://localhost/images/{}/get", utf8_percent_encode(&name, PATH));
    let sent = tokio::time::timeout(STALL_TIMEOUT, client.get(url).send()).await;
    let response = match sent.map_err(|_| stalled(&operation))? {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Err(not_running(engine, socket, &error)),
        Err(error) => return Err(unreachable(error)),
    };
    match response.status().as_u16() {
        200 => Ok(response),
        404 => Err(TransportError::not_found(format!("image `{reference}`"), engine.name())),
        status => Err(refused(operation, status, response).await),
    }
}

fn not_running(engine: Engine, socket: &Path, error: &reqwest::Error) -> TransportError {
    TransportError::NoAnswer {
        peer: format!("{} at `{}`", engine.name(), socket.display()),
        cause: cause_of(error),
        is_closed: true,
        help: engine.how_to_start().to_owned(),
    }
}

#[derive(Default, Deserialize)]
struct EngineError {
    #[serde(default)]
    message: String,
}

async fn refused(operation: String, status: u16, mut response: Response) -> TransportError {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ERROR_BYTES_MAX {
            break;
        }
    }
    let error: EngineError = serde_json::from_slice(&body).unwrap_or_default();
    let shown: String = error.message.chars().filter(|c| !c.is_control()).take(300).collect();
    let detail = if shown.is_empty() { shown } else { format!(": {shown}") };
    TransportError::Refused { operation, status, detail }
}

/// Lays the answer down in `file`.
async fn save(
    mut response: Response,
    mut file: std::fs::File,
    place: &str,
    scratch_directory: &Path,
) -> Result<std::fs::File, TransportError> {
    let operation = format!("read {place}");
    let mut waiting = Vec::new();
    let mut total = 0_u64;
    loop {
        let chunk = tokio::time::timeout(STALL_TIMEOUT, response.chunk()).await;
        let chunk = chunk
            .map_err(|_| stalled(&operation))?
            .map_err(|cause| TransportError::Unreachable { operation: operation.clone(), cause })?;
        let is_last = chunk.is_none();
        waiting.extend_from_slice(&chunk.unwrap_or_default());
        if waiting.len() < PIECE_BYTES && !is_last {
            continue;
        }
        total += waiting.len() as u64;
        if total > IMAGE_BYTES_MAX {
            return Err(TransportError::limit(
                format!("the size of {place}"),
                format!("{IMAGE_BYTES_MAX} bytes"),
            ));
        }
        file = write(file, std::mem::take(&mut waiting), scratch_directory).await?;
        if is_last {
            return Ok(file);
        }
    }
}

async fn write(
    mut file: std::fs::File,
    bytes: Vec<u8>,
    scratch_directory: &Path,
) -> Result<std::fs::File, TransportError> {
    let scratch = scratch_directory.to_owned();
    blocking(move || {
        file.write_all(&bytes).map_err(TransportError::io("write a file in", &scratch))?;
        Ok(file)
    })
    .await
}

fn stalled(operation: &str) -> TransportError {
    TransportError::Stalled { operation: operation.to_owned(), seconds: STALL_TIMEOUT.as_secs() }
}
