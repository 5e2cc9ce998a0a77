//! What clients of Sigstore are told: where to have signatures logged, and whose log to trust.

use serde_json::{Value, json};

use crate::key::VerifyingKey;
use crate::text;

/// Sigstore's `SigningConfig` (v0.2): have signatures logged at `url`, which speaks Rekor's second version.
pub fn signing_config(url: &str, operator: &str, since: &str) -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "rekorTlogUrls": [{
            "url": url,
            "majorApiVersion": 2,
            "validFor": { "start": since },
            "operator": operator,
        }],
        "rekorTlogConfig": { "selector": "ANY" },
        "tsaConfig": {},
    })
}

/// Sigstore's `TrustedRoot` with one log, whose address without the scheme is the key's name.
pub fn trusted_root(url: &str, log: &VerifyingKey, since: &str) -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [{
            "baseUrl": url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": text::to_base64(&log.to_spki()),
                "keyDetails": "PKIX_ED25519",
                "validFor": { "start": since },
            },
            "logId": { "keyId": log.id().to_string() },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyKind;

    #[test]
    fn the_log_is_named_as_cosign_names_it() {
        // From `cosign trusted-root create --rekor=url=https://reg.example/log,origin=reg.example/log,…`.
        let spki = text::from_base64("MCowBQYDK2VwAyEAGyWs79aoFsPPGciY+aVWR8yHAmm//N3QU1oQbgJLgqQ=").unwrap();
        let key = VerifyingKey::from_spki("reg.example/log", KeyKind::Log, &spki).unwrap();
        let root = trusted_root("https://reg.example/log", &key, "2026-01-01T00:00:00Z");
        assert_eq!(root["tlogs"][0]["logId"]["keyId"], "vimtsuQVIId+EExPPMnceqGEn7qpPrOJyXb18twXsOY=");
    }
}
