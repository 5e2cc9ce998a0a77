use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::descriptor::null_as_default;
use crate::{DiffId, Platform};

/// Largest image config that is read.
const CONFIG_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The view of an image config (image-spec, `config.md`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ImageConfig {
    /// When the image was made, as written (RFC 3339).
    #[serde(default)]
    pub created: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub author: Option<String>,
    /// What it runs on.
    #[serde(flatten)]
    pub platform: Platform,
    /// How a container of it is started.
    #[serde(default, deserialize_with = "null_as_default")]
    pub config: ExecutionConfig,
    /// The layers' uncompressed digests.
    pub rootfs: RootFs,
    /// What made each layer; entries with `empty_layer` made none.
    #[serde(default, deserialize_with = "null_as_default")]
    pub history: Vec<History>,
}

/// The layers of an image config.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RootFs {
    /// The digest of each layer's uncompressed tar, from the base up.
    #[serde(deserialize_with = "null_as_default")]
    pub diff_ids: Vec<DiffId>,
}

/// One step of an image's making.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// When, as written (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The instruction that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Who ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// A remark of the builder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether the step made no layer.
    #[serde(default)]
    pub empty_layer: bool,
}

/// How a container of the image is started (image-spec, `config.md`, the `config` property).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExecutionConfig {
    /// User and group, as names or numbers.
    pub user: Option<String>,
    /// Ports such as `80/tcp` that the image listens on.
    #[serde(deserialize_with = "keys_of_map", skip_serializing_if = "BTreeSet::is_empty")]
    pub exposed_ports: BTreeSet<String>,
    /// Environment, each `NAME=value`.
    #[serde(deserialize_with = "null_as_default")]
    pub env: Vec<String>,
    /// The first words of the command line.
    #[serde(deserialize_with = "null_as_default")]
    pub entrypoint: Vec<String>,
    /// The words that follow unless the user gives others.
    #[serde(deserialize_with = "null_as_default")]
    pub cmd: Vec<String>,
    /// Paths that want a volume.
    #[serde(deserialize_with = "keys_of_map", skip_serializing_if = "BTreeSet::is_empty")]
    pub volumes: BTreeSet<String>,
    /// Where the command starts.
    pub working_dir: Option<String>,
    /// Labels.
    #[serde(deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, String>,
    /// The signal that asks the container to stop.
    pub stop_signal: Option<String>,
}

/// Reads Go's `map[string]struct{}` as the set that it is.
fn keys_of_map<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    let map: Option<BTreeMap<String, serde::de::IgnoredAny>> = Option::deserialize(deserializer)?;
    Ok(map.unwrap_or_default().into_keys().collect())
}

/// Why some bytes are not an image config.
#[derive(Debug, thiserror::Error)]
pub enum ParseConfigError {
    /// More bytes than are read.
    #[error("the image config has {0} bytes, over the limit of {CONFIG_BYTES_MAX}")]
    TooLarge(usize),
    /// Not an image config in JSON.
    #[error("the image config is not valid: {0}")]
    Json(#[from] serde_json::Error),
}

impl ImageConfig {
    /// Reads an image config.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseConfigError> {
        if bytes.len() > CONFIG_BYTES_MAX {
            return Err(ParseConfigError::TooLarge(bytes.len()));
        }
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The history entries that made a layer, from the base up.
    pub fn layer_history(&self) -> impl Iterator<Item = &History> {
        self.history.iter().filter(|step| !step.empty_layer)
    }

    /// The instruction of each layer, from the base up, as far as the history says.
    pub fn layer_instructions(&self) -> Vec<Option<String>> {
        self.layer_history().map(|step| step.created_by.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_of_go_clients_are_read_as_empty() {
        let json = br#"{"architecture":"arm","os":"linux","variant":"v7","config":{"Env":null,"Volumes":{"/data":{}}},
            "rootfs":{"type":"layers","diff_ids":null},"history":null}"#;
        let config = ImageConfig::parse(json).unwrap();
        assert_eq!(config.platform.to_string(), "linux/arm/v7");
        assert_eq!(config.config.volumes.len(), 1);
        assert!(config.rootfs.diff_ids.is_empty());
    }
}
