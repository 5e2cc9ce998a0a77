//! Where a log is read from: a server, or a directory that a log was saved to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plimsoll_oci::RegistryHost;
use plimsoll_tlog::{LogVerifier, VerifyingKey};
use plimsoll_transport::RegistryClient;
use serde::Deserialize;

use crate::failure::{Failure, Verdict};

/// Longest file that is read: a full bundle of the longest entries has 16 MiB.
const FILE_BYTES_MAX: u64 = 17 * 1024 * 1024;

/// A log to be read, by the paths of C2SP's tlog-tiles.
pub(crate) enum Source {
    Server(Box<RegistryClient>, RegistryHost),
    Directory(PathBuf),
}

/// The keys of a log, as the log itself names them.
#[derive(Deserialize)]
pub(crate) struct Keys {
    pub(crate) log: String,
    pub(crate) cosigner: Option<String>,
    pub(crate) since: String,
    /// What else the server signs with, in PEM by purpose.
    #[serde(default)]
    pub(crate) signing: BTreeMap<String, String>,
}

impl Source {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Server(_, host) => host.to_string(),
            Self::Directory(directory) => directory.display().to_string(),
        }
    }

    /// What lies under a path, or nothing.
    pub(crate) async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Server(client, host) => {
                let found = client.read_log(host, path).await.map_err(Failure::from)?;
                Ok(found.map(|bytes| bytes.to_vec()))
            }
            Self::Directory(directory) => read_file(&directory.join(path)),
        }
    }

    /// What must lie under a path.
    pub(crate) async fn need(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let missing = || {
            Failure::not_evaluated(format!("the log holds no `{path}`"))
                .at(self.name())
                .help("ask a Plimsoll server, or a directory that `plimsoll log verify --save` wrote")
        };
        self.read(path).await?.ok_or_else(missing)
    }

    pub(crate) async fn need_text(&self, path: &str) -> Result<String, Failure> {
        let bytes = self.need(path).await?;
        String::from_utf8(bytes)
            .map_err(|error| wrong(format!("`{path}` is not text"), &error).at(self.name()))
    }

    /// The keys that the log names.
    pub(crate) async fn keys(&self) -> Result<Keys, Failure> {
        let json = self.need("keys").await?;
        serde_json::from_slice(&json)
            .map_err(|error| wrong("the log's keys are not understood", &error).at(self.name()))
    }

    /// The keys to trust: the one that the user gives, or else those that the log names. The cosigner's key is the log's
    /// word in both cases: it tells the time and proves no entry.
    pub(crate) async fn verifier(&self, pinned: Option<&VerifyingKey>) -> Result<LogVerifier, Failure> {
        let keys = self.keys().await?;
        let parse = |key: &str| {
            key.parse().map_err(|error| wrong("a key of the log cannot be used", &error).at(self.name()))
        };
        let named: VerifyingKey = parse(&keys.log)?;
        if let Some(pinned) = pinned.filter(|pinned| **pinned != named) {
            return Err(Failure::new(Verdict::GateFailed, "the log signs with another key")
                .at(self.name())
                .help(format!("expected {pinned}, found {named}")));
        }
        Ok(LogVerifier { log: named, cosigner: keys.cosigner.as_deref().map(parse).transpose()? })
    }
}

/// Something of the log is not what it must be.
pub(crate) fn wrong(what: impl Into<String>, cause: &dyn std::error::Error) -> Failure {
    Failure::new(Verdict::GateFailed, what).because(cause)
}

pub(crate) fn read_file(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::not_evaluated("cannot read a file").because(&error).at(path.display().to_string())
    };
    match std::fs::metadata(path) {
        Ok(found) if found.len() > FILE_BYTES_MAX => {
            Err(Failure::not_evaluated(format!("the file has more than {FILE_BYTES_MAX} bytes"))
                .at(path.display().to_string()))
        }
        Ok(_) => std::fs::read(path).map(Some).map_err(cannot),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot(error)),
    }
}
