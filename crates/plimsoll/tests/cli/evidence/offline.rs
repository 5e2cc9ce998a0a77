//! Without any registry: images in OCI layouts, policies, and what was tampered with.

use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_attest::Bundle;
use plimsoll_oci::{Descriptor, Digest};
use plimsoll_testkit::{TestBlob, artifact};
use tempfile::TempDir;

use super::crafted::Crafted;
use super::{done, plimsoll, verified, workshop};
use crate::signed_image::SignedImage;

/// A workshop with the layout `image`, whose image is signed with `ci`.
struct Signed {
    directory: TempDir,
    image: SignedImage,
    evidence: Digest,
}

impl Signed {
    fn new() -> Self {
        let directory = workshop();
        let image = SignedImage::new(21, 2, 1000);
        image.write(&directory.path().join("image"));
        let said = done(directory.path(), &["sign", "oci:image:1", "--key", "ci.key", "-o", "json"]).json();
        let evidence = said["evidence"].as_str().unwrap().parse().unwrap();
        Self { directory, image, evidence }
    }

    fn home(&self) -> &Path {
        self.directory.path()
    }

    fn subject(&self) -> &Descriptor {
        &self.image.image.manifest.descriptor
    }

    fn file(&self, digest: &Digest) -> PathBuf {
        self.home().join("image/blobs/sha256").join(digest.encoded())
    }

    /// Changes one bit in the middle of a blob.
    fn change(&self, digest: &Digest) {
        let mut bytes = fs::read(self.file(digest)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(self.file(digest), bytes).unwrap();
    }

    fn verify(&self, more: &[&str]) -> crate::Outcome {
        plimsoll(self.home(), &[&["verify", "oci:image:1", "--key", "ci.pub"], more].concat())
    }

    fn bundle(&self) -> Digest {
        let manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(self.file(&self.evidence)).unwrap()).unwrap();
        manifest["layers"][0]["digest"].as_str().unwrap().parse().unwrap()
    }
}

#[test]
fn a_signed_image_passes_and_the_answer_says_why() {
    let signed = Signed::new();
    let passed = signed.verify(&["--contents"]);
    assert_eq!(passed.code, 0, "{}", passed.stderr);
    let lines: Vec<&str> = passed.stdout.lines().collect();
    assert_eq!(lines[0], format!("oci:image:1 is {}", signed.subject().digest.short()));
    assert!(lines[1].starts_with("✓ contents: "), "{}", passed.stdout);
    assert_eq!(lines[2], "✓ signature: ci (signer)");
    assert_eq!(*lines.last().unwrap(), "pass");
}

#[test]
fn what_is_missing_is_named_with_the_command_that_adds_it() {
    let signed = Signed::new();
    let failed = signed.verify(&["--type", "signature", "--type", "provenance"]);
    assert_eq!(failed.code, 1);
    assert!(failed.stdout.contains("✗ provenance: nobody who may say it has said it\n"), "{}", failed.stdout);
    assert!(failed.stderr.contains("  help: plimsoll attest provenance oci:image:1 "), "{}", failed.stderr);
    assert_eq!(failed.last_line(), "plimsoll: gate failed (exit code 1): missing: provenance");
}

#[test]
fn one_changed_bit_of_a_layer_a_manifest_or_a_bundle_is_found_and_named() {
    let layer = Signed::new();
    let digest = layer.image.image.layers[1].digest();
    layer.change(&digest);
    let found = layer.verify(&["--contents"]);
    assert_eq!(found.code, 1, "{}{}", found.stdout, found.stderr);
    assert!(found.stderr.contains(&format!("the bytes of `{digest}` hash to ")), "{}", found.stderr);

    let manifest = Signed::new();
    manifest.change(&manifest.subject().digest);
    let found = manifest.verify(&[]);
    assert_eq!(found.code, 1, "{}{}", found.stdout, found.stderr);
    assert!(found.stderr.contains(&manifest.subject().digest.to_string()), "{}", found.stderr);

    let bundle = Signed::new();
    let digest = bundle.bundle();
    bundle.change(&digest);
    let found = bundle.verify(&[]);
    assert_eq!(found.code, 1, "{}{}", found.stdout, found.stderr);
    assert!(found.stdout.contains(&format!("the bytes of `{digest}` hash to ")), "{}", found.stdout);
}

#[test]
fn what_others_attach_is_refused_with_the_reason() {
    let signed = Signed::new();
    let layout = signed.home().join("image");
    let refused = |made: &Crafted| {
        made.write(&layout);
        let (code, found) = verified(signed.home(), "oci:image:1", &[]);
        assert_eq!(code, 0, "the good signature is still there: {found}");
        let digest = made.manifest.digest().to_string();
        let rows = found["refused"].as_array().unwrap();
        let row = rows.iter().find(|row| row["evidence"] == digest.as_str());
        row.unwrap_or_else(|| panic!("{found}"))["reason"].as_str().unwrap().to_owned()
    };
    let around = |bytes: String| Crafted::around(signed.subject(), bytes);
    let deep = format!(r#"{{"mediaType":{}"x"{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(refused(&around(deep)), "the JSON is nested more than 96 levels deep");
    assert!(refused(&around("{}".to_owned())).contains("is not the media type of a Sigstore bundle"));

    let mut large = TestBlob::new(Bundle::MEDIA_TYPE.parse().unwrap(), "{}");
    large.descriptor.size = 129 * 1024 * 1024;
    let large = Crafted::described(signed.subject(), large, Bundle::MEDIA_TYPE);
    assert!(refused(&large).ends_with("is over the limit of 134217728 bytes"));

    // The signature of another image, moved here as it is.
    let foreign = workshop();
    let stranger = SignedImage::new(99, 1, 100);
    stranger.write(&foreign.path().join("image"));
    for file in ["ci.key", "ci.pub"] {
        fs::copy(signed.home().join(file), foreign.path().join(file)).unwrap();
    }
    let said = done(foreign.path(), &["sign", "oci:image:1", "--key", "ci.key"]);
    assert!(said.stdout.contains("attached signature"), "{}", said.stdout);
    let bundle = done(foreign.path(), &["evidence", "get", "oci:image:1", "--type", "signature"]).stdout;
    let swapped = refused(&around(bundle));
    assert!(swapped.contains("and not about"), "{swapped}");
}

#[test]
fn a_policy_says_who_may_say_what_and_until_when() {
    let signed = Signed::new();
    let policy = |more: &str| {
        let text = format!(
            "trust:\n  keys:\n    - {{name: release, key: ci.pub, {more}}}\n  require: [signature]\n"
        );
        fs::write(signed.home().join("plimsoll.yaml"), text).unwrap();
        plimsoll(signed.home(), &["verify", "oci:image:1"])
    };
    let good = policy("roles: [signer]");
    assert_eq!(good.code, 0, "{}", good.stderr);
    assert!(good.stdout.contains("✓ signature: release (signer)\n"), "{}", good.stdout);

    let other_role = policy("roles: [builder]");
    assert_eq!(other_role.code, 1);
    assert!(
        other_role.stdout.contains("`release` has no role that may say `signature`"),
        "{}",
        other_role.stdout
    );

    let expired = policy("roles: [signer], validUntil: 2020-01-01T00:00:00Z");
    assert!(
        expired.stdout.contains("the key of `release` expired at 2020-01-01T00:00:00Z"),
        "{}",
        expired.stdout
    );
    let then = plimsoll(signed.home(), &["verify", "oci:image:1", "--at", "2019-06-01T00:00:00Z"]);
    assert_eq!(then.code, 0, "{}", then.stderr);

    let revoked =
        policy("roles: [signer], revoked: {since: 2021-01-01T00:00:00Z, reason: the laptop is gone}");
    assert_eq!(revoked.code, 1);
    assert!(
        revoked.stdout.contains("was revoked at 2021-01-01T00:00:00Z: the laptop is gone"),
        "{}",
        revoked.stdout
    );

    let config = done(signed.home(), &["config", "show"]);
    assert!(
        config.stdout.contains("listen"),
        "the server's settings stand beside the trust: {}",
        config.stdout
    );
}

#[test]
fn a_signed_failure_is_no_signature_whoever_signed_it() {
    let directory = workshop();
    SignedImage::new(31, 1, 100).write(&directory.path().join("image"));
    let what =
        ["attest", "oci:image:1", "--type", "vulns", "--predicate", "predicate.json", "--key", "ci.key"];
    done(directory.path(), &what);
    assert_eq!(verified(directory.path(), "oci:image:1", &[]).0, 1);
    assert_eq!(verified(directory.path(), "oci:image:1", &["--type", "vulns"]).0, 0);
}

#[test]
fn nobody_is_trusted_unless_somebody_says_so() {
    let signed = Signed::new();
    let nobody = plimsoll(signed.home(), &["verify", "oci:image:1"]);
    assert_eq!(nobody.code, 2);
    assert!(nobody.stderr.contains("nobody is trusted: there is no key and no policy"), "{}", nobody.stderr);
}

#[test]
fn evidence_is_listed_and_fetched_as_it_is() {
    let signed = Signed::new();
    let (sbom, _) = artifact(signed.subject(), "application/vnd.example.sbom", "sbom");
    let listed = done(signed.home(), &["evidence", "ls", "oci:image:1", "-o", "json"]).json();
    let rows = listed["evidence"].as_array().unwrap();
    let find = |digest: &str| rows.iter().find(|row| row["digest"] == digest).cloned();
    let own = find(&signed.evidence.to_string()).unwrap();
    assert_eq!((&own["says"], &own["artifactType"]), (&"signature".into(), &Bundle::MEDIA_TYPE.into()));
    assert!(find(&sbom.digest().to_string()).is_some(), "{listed}");

    let evidence = signed.evidence.to_string();
    let got = done(signed.home(), &["evidence", "get", "oci:image:1", &evidence]);
    assert_eq!(Digest::sha256_of(got.stdout.as_bytes()), signed.bundle());
    let what =
        ["attest", "oci:image:1", "--type", "custom", "--predicate", "predicate.json", "--key", "ci.key"];
    done(signed.home(), &what);
    let said = done(signed.home(), &["evidence", "get", "oci:image:1", "--type", "custom", "--predicate"]);
    assert_eq!(said.stdout, "{\"result\":\"FAILED\"}\n");
}
