use std::collections::{BTreeMap, BTreeSet};

use plimsoll_oci::ExecutionConfig;
use serde::Serialize;

/// How a container of an image is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSettings {
    /// User and group, as written; root when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The first words of the command line.
    pub entrypoint: Vec<String>,
    /// The words that follow unless others are given.
    pub cmd: Vec<String>,
    /// The environment, in its order.
    pub env: Vec<EnvironmentVariable>,
    /// Where the command starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Ports such as `80/tcp`.
    pub exposed_ports: BTreeSet<String>,
    /// Paths that want a volume.
    pub volumes: BTreeSet<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The signal that asks the container to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
}

/// One variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl RunSettings {
    pub(super) fn of(config: &ExecutionConfig) -> Self {
        let written = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Self {
            user: written(&config.user),
            entrypoint: config.entrypoint.clone(),
            cmd: config.cmd.clone(),
            env: config.env.iter().map(|pair| EnvironmentVariable::of(pair)).collect(),
            working_dir: written(&config.working_dir),
            exposed_ports: config.exposed_ports.clone(),
            volumes: config.volumes.clone(),
            labels: config.labels.clone(),
            stop_signal: written(&config.stop_signal),
        }
    }
}

impl EnvironmentVariable {
    fn of(pair: &str) -> Self {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}
