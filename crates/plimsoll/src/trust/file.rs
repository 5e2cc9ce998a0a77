use std::io;
use std::path::Path;

use plimsoll_attest::{Policy, PolicyDocument, PublicKey};
use serde::Deserialize;

use super::{read_key_text, read_root_text, unusable};
use crate::advisories::read_bounded;
use crate::failure::Failure;
use crate::yaml;

/// Largest policy file that is read.
const POLICY_BYTES_MAX: u64 = 1 << 20;

/// The file; its other sections are for others.
#[derive(Deserialize)]
struct File {
    trust: Option<PolicyDocument>,
}

/// Reads the policy in a file, with the keys and the trusted root in it; nothing where there is no file or no `trust` section in it.
pub(super) fn read(path: &Path) -> Result<Option<PolicyDocument>, Failure> {
    let bytes = match read_bounded(path, POLICY_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::usage("cannot read the policy").at(place(path)).because(&error)),
    };
    let file: File =
        yaml::read(&String::from_utf8_lossy(&bytes)).map_err(|error| not_understood(path, &error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let inline = |document: PolicyDocument| {
        let document = document.with_keys_inline(|key| key_beside(folder, &key.key))?;
        document.with_root_inline(|name| read_root_text(&folder.join(name)))
    };
    file.trust.map(inline).transpose()
}

/// What a document means.
pub(super) fn understand(document: &PolicyDocument, path: &Path) -> Result<Policy, Failure> {
    Policy::try_from(document).map_err(|error| not_understood(path, &error))
}

fn not_understood(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::usage("the policy is not understood")
        .at(place(path))
        .because(error)
        .help("trust: {keys: [{name: ci, key: ci.pub, roles: [signer]}], require: [signature]}")
}

/// The key in a file beside the policy, in PEM.
fn key_beside(folder: &Path, name: &str) -> Result<String, Failure> {
    let path = folder.join(name);
    let text = read_key_text(&path)?;
    text.parse::<PublicKey>().map_err(|error| unusable(&path, &error))?;
    Ok(text)
}

fn place(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use plimsoll_attest::SigningKey;

    use super::*;

    #[test]
    fn the_keys_stand_beside_the_policy_or_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let pem = SigningKey::generate(&[1; 32]).unwrap().public().to_pem();
        std::fs::write(folder.path().join("ci.pub"), &pem).unwrap();
        let path = folder.path().join("plimsoll.yaml");
        let read_text = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path)
        };
        let file = "listen: [x]\ntrust:\n  keys: [{name: ci, key: ci.pub, roles: [signer]}]\n";
        let document = read_text(file).unwrap().unwrap();
        assert_eq!(document.keys[0].key, pem);
        assert_eq!(understand(&document, &path).unwrap().trust.signers().len(), 1);
        assert!(read_text("listen: [x]\n").unwrap().is_none());
        let identity = "{name: ana, identity: {issuer: 'https://x', subject: a@x}, roles: [signer]}";
        let root = read_text(&format!("trust: {{keys: [{identity}], sigstore: {{trustedRoot: no.json}}}}"))
            .unwrap_err();
        assert!(root.place.unwrap().ends_with("no.json"));
        let missing = read_text("trust: {keys: [{name: ci, key: no.pub, roles: []}]}").unwrap_err();
        assert!(missing.place.unwrap().ends_with("no.pub"));
        let wrong = read_text("trust: {keys: [], requires: [signature]}").unwrap_err();
        assert!(wrong.causes[0].contains("requires"), "{:?}", wrong.causes);
    }
}
