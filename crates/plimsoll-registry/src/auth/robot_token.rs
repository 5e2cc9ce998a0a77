use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

const PREFIX: &str = "plm_";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_DIGITS: usize = 32;
const CHECKSUM_DIGITS: usize = 6;

/// A robot's token: `plm_`, 32 random digits and a checksum of 6, so that scanners can tell a token from noise.
#[derive(Clone, PartialEq, Eq)]
pub struct RobotToken(String);

impl RobotToken {
    /// A token that nobody can guess: some 190 bits of it are random.
    pub fn fresh() -> Result<Self, getrandom::Error> {
        let mut secret = String::with_capacity(SECRET_DIGITS);
        while secret.len() < SECRET_DIGITS {
            let mut random = [0; 64];
            getrandom::fill(&mut random)?;
            // Numbers past the last whole multiple of 62 would favour the first digits.
            let fair = random.iter().filter(|byte| **byte < 248).map(|byte| DIGITS[usize::from(byte % 62)]);
            secret.extend(fair.take(SECRET_DIGITS - secret.len()).map(char::from));
        }
        let checksum = checksum(&secret);
        Ok(Self(format!("{PREFIX}{secret}{checksum}")))
    }

    /// Whether some text is meant to be a token.
    pub fn looks_like_one(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// What is kept of it.
    pub fn hash(&self) -> String {
        Sha256::digest(self.0.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The token itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RobotToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RobotToken(plm_…)")
    }
}

/// Text that is not a robot's token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a robot's token: its checksum does not fit")]
pub struct ParseRobotTokenError;

impl FromStr for RobotToken {
    type Err = ParseRobotTokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(PREFIX).ok_or(ParseRobotTokenError)?;
        let (secret, sum) = digits.split_at_checked(SECRET_DIGITS).ok_or(ParseRobotTokenError)?;
        if checksum(secret) == sum { Ok(Self(text.to_owned())) } else { Err(ParseRobotTokenError) }
    }
}

/// The CRC-32 of the secret in six digits of base 62.
fn checksum(secret: &str) -> String {
    let mut rest = crc32fast::hash(secret.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[rest % 62];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_checksum() {
        let token = RobotToken::fresh().unwrap();
        assert_eq!(token.reveal().len(), 4 + 32 + 6);
        assert_eq!(token.reveal().parse(), Ok(token.clone()));
        let mut typo = token.reveal().to_owned();
        let last = if typo.pop() == Some('a') { 'b' } else { 'a' };
        typo.push(last);
        assert_eq!(typo.parse::<RobotToken>(), Err(ParseRobotTokenError));
        assert!("plm_äöü".parse::<RobotToken>().is_err());
        assert!(!format!("{token:?}").contains(token.reveal()));
    }
}
