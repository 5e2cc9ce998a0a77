//! The keys that the server signs its own statements with: one for each purpose, so that a key says what it may say.
//!
//! All replicas share them, as they share the log's keys; a backup has them.

use plimsoll_attest::SigningKey;
use plimsoll_store::{Catalogue, CatalogueError};
use zeroize::Zeroizing;

/// What a key of the server signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What a project's policy makes of an image.
    Verdict,
    /// How an image was built, where the server has seen the builder's token.
    Builder,
}

/// The server's keys.
#[derive(Debug)]
pub(crate) struct SigningKeys {
    verdict: SigningKey,
    builder: SigningKey,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// There are no random numbers for a key.
    #[error("no random numbers for a signing key: {0}")]
    Random(getrandom::Error),
    /// What the catalogue keeps is no key.
    #[error("the secret `{0}` in the catalogue is no signing key")]
    Damaged(&'static str),
}

impl Purpose {
    /// Every purpose.
    pub(crate) const ALL: [Self; 2] = [Self::Verdict, Self::Builder];

    /// Its name, where keys are published.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Builder => "builder",
        }
    }

    /// What the key is called among the catalogue's secrets.
    fn secret(self) -> &'static str {
        match self {
            Self::Verdict => "verdict-key",
            Self::Builder => "builder-key",
        }
    }
}

impl SigningKeys {
    /// Reads the keys, and makes those that are not there yet.
    pub(crate) async fn open(catalogue: &Catalogue) -> Result<Self, SigningKeyError> {
        Ok(Self {
            verdict: key(catalogue, Purpose::Verdict).await?,
            builder: key(catalogue, Purpose::Builder).await?,
        })
    }

    /// The key for a purpose.
    pub(crate) fn of(&self, purpose: Purpose) -> &SigningKey {
        match purpose {
            Purpose::Verdict => &self.verdict,
            Purpose::Builder => &self.builder,
        }
    }

    /// The public keys in PEM, by purpose.
    pub(crate) fn public(&self) -> serde_json::Map<String, serde_json::Value> {
        Purpose::ALL
            .map(|purpose| (purpose.name().to_owned(), self.of(purpose).public().to_pem().into()))
            .into_iter()
            .collect()
    }
}

async fn key(catalogue: &Catalogue, purpose: Purpose) -> Result<SigningKey, SigningKeyError> {
    let fresh = fresh_seed()?;
    let kept = Zeroizing::new(catalogue.shared_secret(purpose.secret(), fresh.to_vec()).await?);
    let seed: Option<&[u8; 32]> = kept.as_slice().try_into().ok();
    seed.and_then(SigningKey::generate).ok_or(SigningKeyError::Damaged(purpose.secret()))
}

/// Random bytes that are a private key, as all but one in 2³² are.
fn fresh_seed() -> Result<Zeroizing<[u8; 32]>, SigningKeyError> {
    let mut seed = Zeroizing::new([0; 32]);
    loop {
        getrandom::fill(seed.as_mut_slice()).map_err(SigningKeyError::Random)?;
        if SigningKey::generate(&seed).is_some() {
            return Ok(seed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn replicas_share_a_key_for_each_purpose() {
        let catalogue = Catalogue::open_memory().await.unwrap();
        let one = SigningKeys::open(&catalogue).await.unwrap();
        let other = SigningKeys::open(&catalogue).await.unwrap();
        assert_eq!(one.public(), other.public());
        assert_ne!(one.of(Purpose::Verdict).public(), one.of(Purpose::Builder).public());
    }
}
