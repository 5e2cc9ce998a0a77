use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use plimsoll_attest::{PublicKey, SealedKeyError, SigningKey, open_private_key};
use zeroize::Zeroizing;

use super::KeyPassword;
use crate::advisories::read_bounded;
use crate::context::Context;
use crate::failure::Failure;

/// Largest key file that is read.
const KEY_BYTES_MAX: u64 = 64 * 1024;

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// In a file.
    File(PathBuf),
    /// In an environment variable, as CI systems keep secrets.
    Variable(String),
}

impl FromStr for KeySource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.strip_prefix("env://") {
            Some(name) => Self::Variable(name.to_owned()),
            None => Self::File(text.into()),
        })
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => write!(f, "env://{name}"),
        }
    }
}

impl KeySource {
    /// The private key.
    pub(crate) fn open(&self, password: &KeyPassword, context: &mut Context) -> Result<SigningKey, Failure> {
        let text = self.read(context)?;
        let opened = match open_private_key(&text, None) {
            Err(SealedKeyError::NeedsPassword) => {
                let password = password.get(&self.to_string(), context)?;
                open_private_key(&text, Some(password.expose().as_bytes()))
            }
            opened => opened,
        };
        opened.map_err(|error| self.unusable(&error))
    }

    /// The public key, also where the file holds the private one.
    pub(crate) fn public(&self, password: &KeyPassword, context: &mut Context) -> Result<PublicKey, Failure> {
        let text = self.read(context)?;
        if text.contains("PRIVATE KEY-----") {
            return Ok(self.open(password, context)?.public().clone());
        }
        text.parse().map_err(|error| self.unusable(&error))
    }

    fn unusable(&self, error: &dyn std::error::Error) -> Failure {
        Failure::usage("cannot use the key").at(self.to_string()).because(error)
    }

    fn read(&self, context: &Context) -> Result<Zeroizing<String>, Failure> {
        let text = match self {
            Self::File(path) => {
                let unreadable = |error| {
                    Failure::usage("cannot read the key")
                        .at(path.display().to_string())
                        .because(&error)
                        .help("plimsoll key generate makes one")
                };
                String::from_utf8_lossy(&read_bounded(path, KEY_BYTES_MAX).map_err(unreadable)?).into_owned()
            }
            Self::Variable(name) => {
                let unset = || Failure::usage(format!("the variable `{name}` is not set"));
                context.environment().text(name).ok_or_else(unset)?.to_owned()
            }
        };
        Ok(Zeroizing::new(text))
    }
}
