//! The config of an image that is being made. What this program does not know in a base's config stays.

use plimsoll_oci::{DiffId, ImageConfig, Platform};
use serde_json::{Map, Value, json};

use crate::BuildError;

/// How `BuildKit` marks what comes from a Dockerfile; tools recognise steps by it.
const HISTORY_COMMENT: &str = "buildkit.dockerfile.v0";
/// Where programs are looked for unless the image says otherwise, as in `BuildKit`.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image config (image-spec, `config.md`).
#[derive(Clone, Debug)]
pub(crate) struct Config {
    document: Map<String, Value>,
}

impl Config {
    /// The config of an image with nothing in it.
    pub(crate) fn of_scratch(platform: &Platform) -> Self {
        let mut document = match serde_json::to_value(platform) {
            Ok(Value::Object(document)) => document,
            _ => Map::new(),
        };
        document.insert("config".to_owned(), json!({ "Env": [PATH], "WorkingDir": "/" }));
        document.insert("rootfs".to_owned(), json!({ "type": "layers", "diff_ids": [] }));
        document.insert("history".to_owned(), json!([]));
        Self { document }
    }

    /// Reads the config of a base.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BuildError> {
        let unusable = |error: &dyn std::error::Error| {
            BuildError::wrong(format!("the base's config cannot be used: {error}"))
        };
        ImageConfig::parse(bytes).map_err(|error| unusable(&error))?;
        let mut document: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| unusable(&error))?;
        let is_null = |value: Option<&Value>| value.is_none_or(Value::is_null);
        if is_null(document.get("config")) {
            document.insert("config".to_owned(), json!({}));
        }
        if is_null(document.get("history")) {
            document.insert("history".to_owned(), json!([]));
        }
        // What was told of the base's own making, and of the container that it came from.
        for key in ["container", "container_config", "docker_version"] {
            document.remove(key);
        }
        Ok(Self { document })
    }

    /// A setting of `config`.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.document.get("config")?.get(key).filter(|value| !value.is_null())
    }

    /// A setting that is a text; empty where there is none.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A setting that is a list of texts.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        let list = self.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Sets a setting.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        if let Some(Value::Object(config)) = self.document.get_mut("config") {
            config.insert(key.to_owned(), value);
        }
    }

    /// Takes a setting away.
    pub(crate) fn unset(&mut self, key: &str) {
        if let Some(Value::Object(config)) = self.document.get_mut("config") {
            config.remove(key);
        }
    }

    /// Adds to a setting that is a map.
    pub(crate) fn insert(&mut self, key: &str, name: String, value: Value) {
        let mut map = self.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
        map.insert(name, value);
        self.set(key, Value::Object(map));
    }

    /// Sets a variable of the environment; one that is there keeps its place.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        let mut variables = self.list("Env");
        let line = format!("{name}={value}");
        let is_named = |line: &String| line.split('=').next() == Some(name);
        match variables.iter_mut().find(|line| is_named(line)) {
            Some(there) => *there = line,
            None => variables.push(line),
        }
        self.set("Env", json!(variables));
    }

    /// Sets who made the image.
    pub(crate) fn set_author(&mut self, author: &str) {
        self.document.insert("author".to_owned(), json!(author));
    }

    /// The uncompressed digests of the layers.
    pub(crate) fn diff_ids(&self) -> Vec<DiffId> {
        let ids = self.document.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids"));
        ids.and_then(|ids| serde_json::from_value(ids.clone()).ok()).unwrap_or_default()
    }

    /// Notes a step, with the layer that it made.
    pub(crate) fn step(&mut self, created_by: &str, created: &str, layer: Option<&DiffId>) {
        let mut step = json!({ "created": created, "created_by": created_by, "comment": HISTORY_COMMENT });
        if layer.is_none() {
            step["empty_layer"] = json!(true);
        }
        if let Some(Value::Array(history)) = self.document.get_mut("history") {
            history.push(step);
        }
        let ids = self.document.get_mut("rootfs").and_then(|rootfs| rootfs.get_mut("diff_ids"));
        if let (Some(Value::Array(ids)), Some(layer)) = (ids, layer) {
            ids.push(json!(layer));
        }
    }

    /// The bytes of the config, which are the same for the same image.
    pub(crate) fn to_bytes(&self, created: &str) -> Result<Vec<u8>, BuildError> {
        let mut document = self.document.clone();
        document.insert("created".to_owned(), json!(created));
        let failed = |error| BuildError::wrong(format!("the image's config cannot be written: {error}"));
        serde_json::to_vec(&document).map_err(failed)
    }
}
