//! A registry client: the requests that pushing and pulling an image takes, each answer checked.

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};

use super::content::{Content, digest_of};
use crate::bench::connection::{Connection, Request};

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
const BYTES_TYPE: (&str, &str) = ("Content-Type", "application/octet-stream");

/// How a blob's bytes travel (distribution-spec, "Pushing Blobs").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upload {
    /// POST, then all bytes in the closing PUT.
    Monolith,
    /// POST, all bytes in one PATCH, then an empty PUT: what docker, podman and containerd do.
    Streamed,
}

/// An image that the registry holds.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) repository: String,
    pub(super) tag: String,
    pub(super) manifest_bytes: u64,
    pub(super) config: Stored,
    pub(super) layer: Stored,
}

/// A blob that the registry holds.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) digest: String,
    pub(super) bytes: u64,
}

/// One connection to the registry.
pub(super) struct Client<'a> {
    connection: Connection,
    content: &'a Content,
}

impl<'a> Client<'a> {
    pub(super) fn new(address: &str, content: &'a Content) -> Self {
        Self { connection: Connection::new(address), content }
    }

    /// Pushes an image of one layer that no other image has.
    pub(super) fn push_image(
        &mut self,
        repository: &str,
        upload: Upload,
        layer_bytes: usize,
        number: u64,
    ) -> anyhow::Result<Image> {
        let layer = self.push_layer(repository, upload, layer_bytes, number)?;
        let config_json = self.content.config(number);
        let config = Stored { digest: digest_of(&config_json), bytes: config_json.len() as u64 };
        self.push_blob(repository, upload, &config.digest, &[&config_json])?;
        let tag = format!("t{number}");
        let manifest = manifest_json(&config, &layer);
        let path = format!("/v2/{repository}/manifests/{tag}");
        let headers = [("Content-Type", MANIFEST_TYPE)];
        let put = Request { method: "PUT", path: &path, headers: &headers, body: &[manifest.as_bytes()] };
        self.connection.expect(201, &put, &mut ignore)?;
        Ok(Image {
            repository: repository.to_owned(),
            tag,
            manifest_bytes: manifest.len() as u64,
            config,
            layer,
        })
    }

    /// Pushes a blob that no other image has.
    pub(super) fn push_layer(
        &mut self,
        repository: &str,
        upload: Upload,
        bytes: usize,
        number: u64,
    ) -> anyhow::Result<Stored> {
        let blob = self.content.blob(bytes, number);
        self.push_blob(repository, upload, &blob.digest, &blob.pieces())?;
        Ok(Stored { bytes: blob.len() as u64, digest: blob.digest })
    }

    fn push_blob(
        &mut self,
        repository: &str,
        upload: Upload,
        digest: &str,
        pieces: &[&[u8]],
    ) -> anyhow::Result<()> {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let mut location = self.open_or_continue(&Request::without_body("POST", &path))?;
        let mut closing_body = pieces;
        if upload == Upload::Streamed {
            let patch = Request { method: "PATCH", path: &location, headers: &[BYTES_TYPE], body: pieces };
            location = self.open_or_continue(&patch)?;
            closing_body = &[];
        }
        let separator = if location.contains('?') { '&' } else { '?' };
        let closing = format!("{location}{separator}digest={digest}");
        let put = Request { method: "PUT", path: &closing, headers: &[BYTES_TYPE], body: closing_body };
        self.connection.expect(201, &put, &mut ignore).map(drop)
    }

    /// Sends a request of an upload session and returns where the next one goes.
    fn open_or_continue(&mut self, request: &Request<'_>) -> anyhow::Result<String> {
        let answer = self.connection.expect(202, request, &mut ignore)?;
        answer.location.with_context(|| format!("{} {}: no Location", request.method, request.path))
    }

    /// Pulls an image as a client does that has none of it, and returns how many bytes came.
    pub(super) fn pull_image(&mut self, image: &Image) -> anyhow::Result<u64> {
        self.manifest("HEAD", image)?;
        let manifest_bytes = self.manifest("GET", image)?;
        let config_bytes = self.get_blob(&image.repository, &image.config)?;
        let layer_bytes = self.get_blob(&image.repository, &image.layer)?;
        Ok(manifest_bytes + config_bytes + layer_bytes)
    }

    /// Asks for a manifest by tag.
    pub(super) fn manifest(&mut self, method: &'static str, image: &Image) -> anyhow::Result<u64> {
        let path = format!("/v2/{}/manifests/{}", image.repository, image.tag);
        let headers = [("Accept", MANIFEST_TYPE)];
        let request = Request { method, path: &path, headers: &headers, body: &[] };
        let answer = self.connection.expect(200, &request, &mut ignore)?;
        let length = if method == "HEAD" { answer.length } else { Some(answer.body_bytes) };
        ensure!(length == Some(image.manifest_bytes), "{method} {path}: {length:?} bytes");
        Ok(answer.body_bytes)
    }

    pub(super) fn head_blob(&mut self, repository: &str, blob: &Stored) -> anyhow::Result<u64> {
        let path = format!("/v2/{repository}/blobs/{}", blob.digest);
        let answer = self.connection.expect(200, &Request::without_body("HEAD", &path), &mut ignore)?;
        ensure!(answer.length == Some(blob.bytes), "HEAD {path}: {:?} bytes", answer.length);
        Ok(0)
    }

    pub(super) fn get_blob(&mut self, repository: &str, blob: &Stored) -> anyhow::Result<u64> {
        self.get_blob_into(repository, blob, &mut ignore)
    }

    /// Fetches a blob and hashes it; too slow to be done while the clock runs.
    pub(super) fn verify_blob(&mut self, repository: &str, blob: &Stored) -> anyhow::Result<()> {
        let mut hash = Sha256::new();
        self.get_blob_into(repository, blob, &mut |piece| hash.update(piece))?;
        let found = format!("sha256:{}", hex::encode(hash.finalize()));
        ensure!(found == blob.digest, "{repository} serves {found} as {}", blob.digest);
        Ok(())
    }

    fn get_blob_into(
        &mut self,
        repository: &str,
        blob: &Stored,
        sink: &mut dyn FnMut(&[u8]),
    ) -> anyhow::Result<u64> {
        let path = format!("/v2/{repository}/blobs/{}", blob.digest);
        let answer = self.connection.expect(200, &Request::without_body("GET", &path), sink)?;
        ensure!(answer.body_bytes == blob.bytes, "GET {path}: {} bytes", answer.body_bytes);
        Ok(answer.body_bytes)
    }

    pub(super) fn catalogue(&mut self) -> anyhow::Result<u64> {
        let request = Request::without_body("GET", "/v2/_catalog");
        let answer = self.connection.expect(200, &request, &mut ignore)?;
        ensure!(answer.body_bytes > 0, "GET /v2/_catalog: an empty answer");
        Ok(answer.body_bytes)
    }
}

fn ignore(_piece: &[u8]) {}

fn manifest_json(config: &Stored, layer: &Stored) -> String {
    let descriptor = |media_type: &str, blob: &Stored| serde_json::json!({ "mediaType": media_type, "digest": blob.digest, "size": blob.bytes });
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(CONFIG_TYPE, config),
        "layers": [descriptor(LAYER_TYPE, layer)],
    });
    manifest.to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Asks a server that answers with these bytes for a blob, and verifies it.
    fn verify_against(served: &'static str, digest: &str) -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _request = stream.read(&mut [0; 4096]).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", served.len());
            stream.write_all((head + served).as_bytes()).unwrap();
        });
        let content = Content::of_sizes(&[]);
        let blob = Stored { digest: digest.to_owned(), bytes: 5 };
        let verified = Client::new(&address, &content).verify_blob("a", &blob);
        server.join().unwrap();
        verified
    }

    #[test]
    fn a_registry_that_serves_other_bytes_is_found_out() {
        let digest = digest_of(b"hello");
        assert!(verify_against("hello", &digest).is_ok());
        assert!(verify_against("hellp", &digest).is_err(), "other bytes");
        assert!(verify_against("hell", &digest).is_err(), "too few");
    }
}
