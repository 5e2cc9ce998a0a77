use plimsoll_oci::{Descriptor, MediaType};
use serde_json::Value;

use crate::{Bundle, PredicateType};

/// The content of the config of every referrer: OCI's empty object.
pub const EMPTY_CONFIG: &[u8] = b"{}";

/// A bundle and the manifest that makes it a referrer of its subject.
#[derive(Clone, Debug)]
pub struct NewReferrer {
    /// The bundle, which is the one layer.
    pub bundle: Vec<u8>,
    /// Points at the bundle.
    pub layer: Descriptor,
    /// Points at [`EMPTY_CONFIG`].
    pub config: Descriptor,
    /// The manifest.
    pub manifest: Vec<u8>,
}

/// Wraps a bundle into the manifest of a referrer, byte for byte in the form of cosign 3: the same fields in the same
/// order, the artifact type also inside the config's descriptor, and three annotations.
///
/// `created` is a time as RFC 3339 has it, such as `2026-11-22T11:16:09Z`.
pub fn referrer(
    bundle: &Bundle,
    predicate_type: &PredicateType,
    subject: &Descriptor,
    created: &str,
) -> NewReferrer {
    let artifact_type = Value::from(Bundle::MEDIA_TYPE);
    let bundle = bundle.to_json().into_bytes();
    let layer_type: MediaType = Bundle::MEDIA_TYPE.parse().expect("it is a media type");
    let layer = Descriptor::of(layer_type, &bundle);
    let config = Descriptor::of(MediaType::EMPTY_JSON, EMPTY_CONFIG);
    let point = |to: &Descriptor, more: &str| {
        format!(
            r#"{{"mediaType":{},"size":{},"digest":"{}"{more}}}"#,
            Value::from(to.media_type.as_str()),
            to.size,
            to.digest
        )
    };
    let manifest = format!(
        concat!(
            r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{config},"layers":[{layer}],"annotations":{{"#,
            r#""dev.sigstore.bundle.content":"dsse-envelope","dev.sigstore.bundle.predicateType":{predicate_type},"#,
            r#""org.opencontainers.image.created":{created}}},"subject":{subject},"artifactType":{artifact_type}}}"#
        ),
        media_type = MediaType::IMAGE_MANIFEST,
        config = point(&config, &format!(r#","artifactType":{artifact_type}"#)),
        layer = point(&layer, ""),
        predicate_type = Value::from(predicate_type.as_str()),
        created = Value::from(created),
        subject = point(subject, ""),
        artifact_type = artifact_type,
    );
    NewReferrer { bundle, layer, config, manifest: manifest.into_bytes() }
}

#[cfg(test)]
mod tests {
    use plimsoll_oci::Manifest;

    use super::*;
    use crate::{SigningKey, Statement, sign};

    #[test]
    fn the_manifest_is_written_as_cosign_writes_it() {
        let key = SigningKey::generate(&[7; 32]).unwrap();
        let subject = Descriptor::of(MediaType::IMAGE_MANIFEST, b"image");
        let bundle = sign(&Statement::signature(&subject.digest), &key).unwrap();
        let made = referrer(&bundle, &PredicateType::SIGNATURE, &subject, "2026-11-22T11:16:09Z");
        let expected = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json"}},"layers":[{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","size":{},"digest":"{}"}}],"annotations":{{"dev.sigstore.bundle.content":"dsse-envelope","dev.sigstore.bundle.predicateType":"https://sigstore.dev/cosign/sign/v1","org.opencontainers.image.created":"2026-11-22T11:16:09Z"}},"subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":5,"digest":"{}"}},"artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json"}}"#,
            made.layer.size, made.layer.digest, subject.digest,
        );
        assert_eq!(String::from_utf8(made.manifest.clone()).unwrap(), expected);
        let (parsed, _) = Manifest::parse(&made.manifest, None).unwrap();
        assert_eq!(parsed.subject(), Some(&subject));
    }
}
