use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use plimsoll_store::catalogue::Grant;
use plimsoll_store::{Catalogue, CatalogueError, Pattern, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The header of every token: a JSON Web Token signed with HMAC-SHA-256 (RFC 7519, RFC 7515).
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// A token of the token service: who, what they may do, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopedToken {
    /// Who it was given to.
    #[serde(rename = "sub")]
    pub name: String,
    /// What it allows.
    #[serde(rename = "access")]
    pub grants: Vec<Grant>,
    /// Which repositories' names it shows.
    #[serde(rename = "list", default, skip_serializing_if = "Vec::is_empty")]
    pub listable: Vec<Pattern>,
    /// Who it is for.
    #[serde(rename = "aud")]
    pub service: String,
    /// Until when, in seconds since the Unix epoch when written.
    #[serde(rename = "exp", with = "in_seconds")]
    pub expires_at: Timestamp,
}

mod in_seconds {
    use plimsoll_store::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.unix_ms() / 1000)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let seconds = i64::deserialize(deserializer)?;
        Ok(Timestamp::from_unix_ms(seconds.saturating_mul(1000)))
    }
}

/// The key that signs tokens. Replicas share it, so that each takes the others' tokens.
#[derive(Clone)]
pub struct TokenKey(Vec<u8>);

impl TokenKey {
    /// The key kept in the catalogue, made when it is first asked for.
    pub async fn shared(catalogue: &Catalogue) -> Result<Self, CatalogueError> {
        let mut fresh = vec![0; 32];
        getrandom::fill(&mut fresh)
            .map_err(|error| CatalogueError::Unreachable(format!("no random numbers for a key: {error}")))?;
        catalogue.shared_secret("token-key", fresh).await.map(Self)
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        mac
    }

    /// The token as text.
    pub fn sign(&self, token: &ScopedToken) -> String {
        let claims = serde_json::to_vec(token).expect("claims of strings and numbers are JSON");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// Reads a token if this key signed it, for this service, and it has not expired.
    pub fn verify(&self, text: &str, service: &str, now: Timestamp) -> Option<ScopedToken> {
        let (signed, signature) = text.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(signed).verify_slice(&signature).ok()?;
        let (header, claims) = signed.split_once('.')?;
        if URL_SAFE_NO_PAD.decode(header).ok()? != HEADER.as_bytes() {
            return None;
        }
        let token: ScopedToken = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        (token.service == service && token.expires_at > now).then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> ScopedToken {
        ScopedToken {
            name: "ana".into(),
            grants: vec!["team/app:pull".parse().unwrap()],
            listable: Vec::new(),
            service: "plimsoll".into(),
            expires_at: Timestamp::from_unix_ms(10_000),
        }
    }

    #[test]
    fn only_tokens_of_this_key_and_service_are_good() {
        let (ours, theirs) = (TokenKey(vec![1; 32]), TokenKey(vec![2; 32]));
        let (text, now) = (ours.sign(&token()), Timestamp::from_unix_ms(9_999));
        assert_eq!(ours.verify(&text, "plimsoll", now), Some(token()));
        assert_eq!(theirs.verify(&text, "plimsoll", now), None);
        assert_eq!(ours.verify(&text, "other", now), None);
        assert_eq!(ours.verify(&text, "plimsoll", Timestamp::from_unix_ms(10_000)), None);
        assert_eq!(ours.verify("a.b.c", "plimsoll", now), None);
        assert_eq!(ours.verify("", "plimsoll", now), None);
    }

    #[test]
    fn a_token_without_a_signature_is_refused() {
        let ours = TokenKey(vec![1; 32]);
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token()).unwrap());
        let unsigned = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        assert_eq!(ours.verify(&unsigned, "plimsoll", Timestamp::from_unix_ms(0)), None);
    }
}
