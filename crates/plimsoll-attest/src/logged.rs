use jiff::Timestamp;
use plimsoll_tlog::{LogVerifier, Opened, TransparencyLogEntry};
use sha2::{Digest as _, Sha256};

use crate::Bundle;

/// When a bundle's signature was logged, if a trusted log proves it: the earliest time that one states.
///
/// The signer's own word on the time is worth nothing. An entry counts that is about these very bytes and this very
/// signature; any other in the bundle is as if it were not there.
pub(crate) fn logged_at(
    bundle: &Bundle,
    signed: &[u8],
    signature: &[u8],
    logs: &[LogVerifier],
) -> Option<Timestamp> {
    let entries = bundle.log_entries.iter().filter(|_| !logs.is_empty());
    let proven = entries.flat_map(|entry| {
        let entry = TransparencyLogEntry::parse(entry.to_string().as_bytes()).ok();
        logs.iter().filter_map(move |log| stated_time(entry.as_ref()?, signed, signature, log))
    });
    proven.min()
}

fn stated_time(
    entry: &TransparencyLogEntry,
    signed: &[u8],
    signature: &[u8],
    log: &LogVerifier,
) -> Option<Timestamp> {
    let (record, opened) = entry.verify(log).ok()?;
    let is_it = record.digest() == Sha256::digest(signed).as_slice() && record.signature() == signature;
    time_of(&opened).filter(|_| is_it)
}

/// When a checkpoint was signed, as whoever cosigned it states.
pub(crate) fn time_of(opened: &Opened) -> Option<Timestamp> {
    Timestamp::from_second(opened.logged_at_unix_s?.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use plimsoll_oci::Digest;
    use plimsoll_tlog::{Checkpoint, HashedRekord, InclusionProof, KeyDetails, LogSigner, RekordKey};

    use super::*;
    use crate::{Refusal, Revocation, Signer, SigningKey, Statement, Trust, sign, verify_bundle};

    const LOGGED: &str = "2026-06-01T00:00:00Z";

    fn log(seed: u8) -> LogSigner {
        LogSigner::from_seeds("registry.example/log", &[seed; 32], &[seed + 1; 32]).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A signature of the image, logged as the only entry of `log`.
    fn logged_by(log: &LogSigner) -> Bundle {
        let key = SigningKey::generate(&[7; 32]).unwrap();
        let mut bundle = sign(&Statement::signature(&image()), &key).unwrap();
        let digest = Sha256::digest(bundle.envelope.signed_bytes()).to_vec();
        let signature = bundle.envelope.signatures[0].bytes.clone();
        let public = RekordKey::PublicKey(key.public().spki().to_owned());
        let record = HashedRekord::new(digest, signature, public, KeyDetails::EcdsaP256Sha256).unwrap();
        let (origin, root) = (log.origin().to_owned(), record.leaf_hash());
        let checkpoint = Checkpoint { origin, size: 1, root, extensions: Vec::new() };
        let time = at(LOGGED).as_second().try_into().unwrap();
        let proof = InclusionProof { index: 0, size: 1, hashes: Vec::new() };
        let note = log.sign(&checkpoint, time).to_string();
        let entry = TransparencyLogEntry::new(log.verifier().log.id(), &record, proof, note);
        bundle.log_entries.push(serde_json::from_slice(&entry.to_json()).unwrap());
        bundle
    }

    fn image() -> Digest {
        Digest::sha256_of(b"image")
    }

    /// Judges the bundle long after the key expired and was revoked.
    fn judged(bundle: &Bundle, log: &LogSigner, change: fn(&mut Signer)) -> Result<crate::Fact, Refusal> {
        let key = SigningKey::generate(&[7; 32]).unwrap().public().clone();
        let mut signer = Trust::of_key("ci", key).signers()[0].clone();
        change(&mut signer);
        let trust = Trust::new(vec![signer], [].into()).unwrap().with_logs(vec![log.verifier()]);
        verify_bundle(bundle.to_json().as_bytes(), &image(), &trust, at("2027-01-01T00:00:00Z"))
    }

    fn expired(signer: &mut Signer) {
        signer.valid_until = Some(at("2026-07-01T00:00:00Z"));
    }

    #[test]
    fn what_was_logged_in_time_outlives_its_key() {
        let bundle = logged_by(&log(1));
        let fact = judged(&bundle, &log(1), expired).unwrap();
        assert_eq!(fact.logged_at(), Some(at(LOGGED)));
        let revoked = judged(&bundle, &log(1), |signer| {
            let (since, reason) = (at("2026-07-01T00:00:00Z"), "replaced".to_owned());
            signer.revoked = Some(Revocation { since, is_compromise: false, reason });
        });
        assert!(revoked.is_ok());
        let too_late =
            judged(&bundle, &log(1), |signer| signer.valid_until = Some(at("2026-05-01T00:00:00Z")));
        assert!(matches!(too_late, Err(Refusal::Expired { .. })));
    }

    #[test]
    fn another_log_or_entry_proves_no_time() {
        let bundle = logged_by(&log(1));
        assert!(matches!(judged(&bundle, &log(3), expired), Err(Refusal::Expired { .. })));
        let key = SigningKey::generate(&[7; 32]).unwrap();
        let mut other = sign(
            &Statement::about(&image(), crate::PredicateType::CUSTOM, crate::statement::empty_object()),
            &key,
        )
        .unwrap();
        other.log_entries = bundle.log_entries;
        assert!(matches!(judged(&other, &log(1), expired), Err(Refusal::Expired { .. })));
    }
}
