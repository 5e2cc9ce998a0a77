//! Evidence as others may write it: every part can be told otherwise.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_attest::{IN_TOTO, pae};
use plimsoll_oci::{Descriptor, Digest, MediaType};
use plimsoll_testkit::{Peer, TestBlob, find_peer};
use serde_json::{Value, json};

/// The kind of statement in these tests.
pub(super) const KIND: &str = "https://example.org/checked/v1";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A key of OpenSSL, which signs with any algorithm.
pub(super) struct Signer {
    openssl: Peer,
    directory: PathBuf,
    name: &'static str,
}

impl Signer {
    /// Makes a key with the options of `openssl genpkey`, and its public half in `NAME.pem`.
    pub(super) fn make(directory: &Path, name: &'static str, options: &[&str]) -> Option<Self> {
        let made = Self { openssl: find_peer("openssl")?, directory: directory.to_owned(), name };
        let key = format!("{name}-key.pem");
        made.run(&[&["genpkey", "-out", &key], options].concat());
        made.run(&["pkey", "-in", &key, "-pubout", "-out", &format!("{name}.pem")]);
        Some(made)
    }

    fn run(&self, arguments: &[&str]) {
        let output = self.openssl.command().current_dir(&self.directory).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The file of the public key.
    pub(super) fn public(&self) -> String {
        format!("{}.pem", self.name)
    }

    fn hint(&self) -> String {
        let public = format!("{}.der", self.name);
        self.run(&["pkey", "-pubin", "-in", &self.public(), "-outform", "DER", "-out", &public]);
        STANDARD.encode(Digest::sha256_of(&fs::read(self.directory.join(public)).unwrap()).hash())
    }

    fn sign(&self, message: &[u8], hash: Option<&str>) -> String {
        let (input, output) = (self.directory.join("message"), self.directory.join("signature"));
        fs::write(&input, message).unwrap();
        let key = format!("{}-key.pem", self.name);
        let mut arguments =
            vec!["pkeyutl", "-sign", "-rawin", "-inkey", &key, "-in", "message", "-out", "signature"];
        let digest = hash.map(|hash| ["-digest", hash]);
        arguments.extend(digest.iter().flatten());
        self.run(&arguments);
        STANDARD.encode(fs::read(output).unwrap())
    }
}

/// What a bundle is made of.
#[derive(Clone)]
pub(super) struct Recipe<'s> {
    pub(super) signer: &'s Signer,
    /// With which hash, where the key leaves a choice.
    pub(super) hash: Option<&'static str>,
    pub(super) statement: Value,
    pub(super) media_type: &'static str,
    pub(super) has_hint: bool,
    pub(super) has_key_id: bool,
    pub(super) signatures: usize,
    pub(super) envelope: &'static str,
}

pub(super) fn statement(subject: &Digest) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "digest": { "sha256": subject.encoded() } }],
        "predicateType": KIND,
        "predicate": { "answer": 42 },
    })
}

impl<'s> Recipe<'s> {
    pub(super) fn usual(signer: &'s Signer, subject: &Digest) -> Self {
        Self {
            signer,
            hash: Some("sha256"),
            statement: statement(subject),
            media_type: BUNDLE,
            has_hint: true,
            has_key_id: false,
            signatures: 1,
            envelope: "dsseEnvelope",
        }
    }

    pub(super) fn bundle(&self) -> String {
        let payload = self.statement.to_string();
        let hint = self.signer.hint();
        let mut signature = json!({ "sig": self.signer.sign(&pae(IN_TOTO, payload.as_bytes()), self.hash) });
        if self.has_key_id {
            signature["keyid"] = hint.clone().into();
        }
        let key = if self.has_hint { json!({ "hint": hint }) } else { json!({}) };
        let mut bundle = json!({
            "mediaType": self.media_type,
            "verificationMaterial": { "publicKey": key },
        });
        bundle[self.envelope] = json!({
            "payload": STANDARD.encode(&payload),
            "payloadType": IN_TOTO,
            "signatures": vec![signature; self.signatures],
        });
        bundle.to_string()
    }
}

/// A referrer around some bytes: bundle, config and manifest.
pub(super) struct Crafted {
    pub(super) layer: TestBlob,
    pub(super) config: TestBlob,
    pub(super) manifest: TestBlob,
}

impl Crafted {
    pub(super) fn around(subject: &Descriptor, bytes: impl Into<bytes::Bytes>) -> Self {
        Self::typed(subject, bytes, BUNDLE, BUNDLE)
    }

    pub(super) fn typed(
        subject: &Descriptor,
        bytes: impl Into<bytes::Bytes>,
        layer_type: &str,
        artifact_type: &str,
    ) -> Self {
        let layer = TestBlob::new(layer_type.parse().unwrap(), bytes);
        Self::described(subject, layer, artifact_type)
    }

    /// The layer's descriptor may lie.
    pub(super) fn described(subject: &Descriptor, layer: TestBlob, artifact_type: &str) -> Self {
        let config = TestBlob::new(MediaType::EMPTY_JSON, "{}");
        let document = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::IMAGE_MANIFEST,
            "artifactType": artifact_type,
            "config": config.descriptor,
            "layers": [layer.descriptor],
            "subject": subject,
        });
        let manifest = TestBlob::new(MediaType::IMAGE_MANIFEST, document.to_string());
        Self { layer, config, manifest }
    }

    /// Writes it into an OCI layout.
    pub(super) fn write(&self, layout: &Path) {
        for blob in [&self.layer, &self.config, &self.manifest] {
            let digest = Digest::sha256_of(&blob.bytes);
            fs::write(layout.join("blobs/sha256").join(digest.encoded()), &blob.bytes).unwrap();
        }
        let path = layout.join("index.json");
        let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let entry = serde_json::to_value(&self.manifest.descriptor).unwrap();
        index["manifests"].as_array_mut().unwrap().push(entry);
        fs::write(&path, index.to_string()).unwrap();
    }
}
