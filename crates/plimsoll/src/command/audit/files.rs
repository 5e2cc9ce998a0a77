//! What is written beside the statements: proofs, tables, the log's keys and the rules.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use plimsoll_attest::EMPTY_CONFIG;
use plimsoll_oci::{Descriptor, Digest, MediaType, Tag};
use plimsoll_transport::{Placement, RawManifest, Sink, put_bytes};
use serde_json::{Value, json};

use crate::failure::Failure;

/// The type of the artifact that holds the files.
const ARTIFACT_TYPE: &str = "application/vnd.plimsoll.audit.v1";

/// The tag of that artifact in the layout.
const TAG: &str = "_audit";

/// The name of a layer's file, as oras and others know it.
const TITLE: &str = "org.opencontainers.image.title";

/// Files below a directory, of which some are to be in the layout too.
pub(super) struct Files {
    directory: PathBuf,
    held: Vec<(Value, Descriptor, Bytes)>,
}

impl Files {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), held: Vec::new() }
    }

    /// Writes a file for people.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let file = self.directory.join(name);
        let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&file, bytes)).map_err(|error| {
            Failure::not_evaluated("cannot write what was collected")
                .because(&error)
                .at(file.display().to_string())
        })
    }

    /// Writes a file that goes wherever the layout is copied to, and whose bytes are known by their digest there.
    pub(super) fn hold(&mut self, name: &str, media_type: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        self.write(name, &bytes)?;
        let media_type: MediaType = media_type.parse().expect("it is a media type");
        let bytes = Bytes::from(bytes);
        let layer = Descriptor::of(media_type, &bytes);
        let described = json!({
            "mediaType": layer.media_type.as_str(),
            "digest": layer.digest,
            "size": layer.size,
            "annotations": { TITLE: name },
        });
        self.held.push((described, layer, bytes));
        Ok(())
    }

    /// Puts what is held into the layout, as one artifact under a tag of its own.
    pub(super) async fn put(self, sink: &dyn Sink) -> Result<Digest, Failure> {
        let config = Descriptor::of(MediaType::EMPTY_JSON, EMPTY_CONFIG);
        put_bytes(sink, &config, Bytes::from_static(EMPTY_CONFIG)).await?;
        let mut layers = Vec::new();
        for (described, layer, bytes) in self.held {
            put_bytes(sink, &layer, bytes).await?;
            layers.push(described);
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::IMAGE_MANIFEST.as_str(),
            "artifactType": ARTIFACT_TYPE,
            "config": config,
            "layers": layers,
        });
        let bytes = Bytes::from(manifest.to_string());
        let digest = Digest::sha256_of(&bytes);
        let manifest = RawManifest { digest, media_type: MediaType::IMAGE_MANIFEST, bytes };
        let tag: Tag = TAG.parse().expect("it is a tag");
        sink.put_manifest(&manifest, &Placement::Tagged(tag)).await?;
        Ok(digest)
    }
}
