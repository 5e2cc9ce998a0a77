use std::ops::RangeInclusive;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

/// Longest accepted password.
const PASSWORD_BYTES_MAX: usize = 1024;

/// The lengths that a password can have, in bytes.
const LENGTHS: RangeInclusive<usize> = 8..=PASSWORD_BYTES_MAX;

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("a password has 8 to {PASSWORD_BYTES_MAX} bytes")]
    Length,
    /// The hash function failed.
    #[error("cannot hash the password: {0}")]
    Hash(String),
}

/// Hashes a password with Argon2id (RFC 9106), 19 MiB of memory, two passes and one lane, as a PHC string.
pub fn hash_password(password: &str) -> Result<String, PasswordError> {
    if !LENGTHS.contains(&password.len()) {
        return Err(PasswordError::Length);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| PasswordError::Hash(error.to_string()))
}

/// Whether a password has a hash. Without a hash the work is done all the same, so that the time taken does not tell
/// which names exist.
pub(super) async fn check(hash: Option<String>, password: String) -> bool {
    if !LENGTHS.contains(&password.len()) {
        return false;
    }
    let checked = tokio::task::spawn_blocking(move || match hash {
        Some(hash) => matches(&hash, &password),
        None => {
            let _ = hash_password(&password);
            false
        }
    });
    checked.await.unwrap_or(false)
}

fn matches(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(check(Some(hash.clone()), "correct horse".into()).await);
        assert!(!check(Some(hash), "wrong horse".into()).await);
        assert!(!check(None, "correct horse".into()).await);
    }
}
