//! The patch: the Dockerfile with a last stage more, which takes the kept files from the stage that shipped before.

use plimsoll_dockerfile::graph::{BuildChoice, Graph};
use plimsoll_dockerfile::lint::diff;
use plimsoll_dockerfile::{Document, parse};
use plimsoll_oci::ImageConfig;
use serde_json::Value;

use crate::keep::KeepList;
use plimsoll_image::Kind;

/// The name that the stage gets that shipped before, where it has none.
const FULL_STAGE: &str = "full";

/// The name of the stage that packs the kept files.
const PACK_STAGE: &str = "plimsoll-pack";

/// The directory beside the Dockerfile that the patch reads from.
pub const SLIM_DIRECTORY: &str = "plimsoll.slim";

/// A Dockerfile with its new stages, and the files that these read from the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The new Dockerfile.
    pub dockerfile: String,
    /// Files to put beside it, by their paths from there.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Patch {
    /// As one patch that `git apply` takes where the Dockerfile lies: the new stages, and the files that they read.
    pub fn text(&self, path: &str, source: &[u8]) -> Vec<u8> {
        let mut text = diff(path, source, self.dockerfile.as_bytes());
        for (path, content) in &self.files {
            text.extend_from_slice(&new_file(path, content));
        }
        text
    }
}

/// The part of a patch that makes a file.
fn new_file(path: &str, content: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
    let mut text = format!("diff --git a/{path} b/{path}\nnew file mode 100644\n").into_bytes();
    if !lines.is_empty() {
        let head = format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{} @@\n", lines.len());
        text.extend_from_slice(head.as_bytes());
    }
    for line in lines {
        text.push(b'+');
        text.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            text.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    }
    text
}

/// Why there is no patch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The Dockerfile is not text.
    #[error("the Dockerfile is not UTF-8")]
    NotText,
    /// It builds nothing.
    #[error("the Dockerfile has no stage")]
    NoStage,
    /// The files cannot be packed within the image.
    #[error("the image has no `/bin/sh` and `tar`, by which the patch packs files")]
    NoTar,
    /// A path that a list of lines cannot hold.
    #[error("the path `{0}` has a line break")]
    Path(String),
}

/// Adds the stages. The stages that are there stay as they are, but that the last one gets a name if it has none.
///
/// Files are packed by `tar` within the image and unpacked onto nothing, because `COPY` follows the links that merged
/// directories are made of.
pub fn patch(
    source: &[u8],
    has_tar: bool,
    config: &ImageConfig,
    health_check: Option<&Value>,
    list: &KeepList<'_>,
) -> Result<Patch, PatchError> {
    let text = std::str::from_utf8(source).map_err(|_| PatchError::NotText)?;
    if !has_tar {
        return Err(PatchError::NoTar);
    }
    let document = parse(source);
    let (mut dockerfile, stage) = with_named_stage(text, &document)?;
    if !dockerfile.ends_with('\n') {
        dockerfile.push('\n');
    }
    dockerfile.push_str(&stages(&stage, config, health_check, list));
    Ok(Patch { dockerfile, files: files(list)? })
}

/// The text with a name for the stage that ships, and that name.
fn with_named_stage(text: &str, document: &Document) -> Result<(String, String), PatchError> {
    let graph = Graph::of(document, BuildChoice::default());
    let stage = graph.target().ok_or(PatchError::NoStage)?;
    if let Some(name) = &stage.name {
        return Ok((text.to_owned(), name.clone()));
    }
    let from = document.instructions().get(stage.instructions.start).ok_or(PatchError::NoStage)?;
    let taken: Vec<&str> = graph.stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
    let name = std::iter::successors(Some(FULL_STAGE.to_owned()), |name| Some(format!("{name}-image")))
        .find(|name| !taken.contains(&name.as_str()))
        .unwrap_or_default();
    let end = from.words().last().map_or(from.span.end, |word| word.span.end);
    let (before, after) = text.split_at_checked(end).ok_or(PatchError::NotText)?;
    Ok((format!("{before} AS {name}{after}"), name))
}

fn stages(stage: &str, config: &ImageConfig, health_check: Option<&Value>, list: &KeepList<'_>) -> String {
    let mut text = format!(
        "\n# The files that the image needs, and why: see plimsoll.lock. Made by `plimsoll slim`.\n\
         FROM {stage} AS {PACK_STAGE}\nUSER 0\n\
         COPY {SLIM_DIRECTORY}/ /{SLIM_DIRECTORY}/\n\
         RUN mkdir /{SLIM_DIRECTORY}/root && cd / \\\n \
         && tar -c -f - --no-recursion -T /{SLIM_DIRECTORY}/keep | tar -x -p -f - -C /{SLIM_DIRECTORY}/root"
    );
    if list.all_written().next().is_some() {
        text.push_str(&format!(
            " \\\n && tar -c -f - -C /{SLIM_DIRECTORY}/written . | tar -x --no-same-owner -f - -C /{SLIM_DIRECTORY}/root"
        ));
    }
    let losing: Vec<String> = list
        .kept()
        .filter(|(node, _)| list.mode(node) != node.mode)
        .map(|(node, _)| quoted(&format!("/{SLIM_DIRECTORY}/root/{}", String::from_utf8_lossy(&node.path))))
        .collect();
    if !losing.is_empty() {
        text.push_str(&format!(" \\\n && chmod ug-s {}", losing.join(" ")));
    }
    text.push_str(&format!("\n\nFROM scratch\nCOPY --from={PACK_STAGE} /{SLIM_DIRECTORY}/root/ /\n"));
    text.push_str(&settings(config, health_check));
    text
}

/// The instructions by which the new image starts as the old one did. What the base image said is gone with it.
fn settings(config: &ImageConfig, health_check: Option<&Value>) -> String {
    let config = &config.config;
    let mut text = String::new();
    let mut line = |keyword: &str, value: &str| text.push_str(&format!("{keyword} {value}\n"));
    for variable in &config.env {
        if let Some((name, value)) = variable.split_once('=') {
            line("ENV", &format!("{name}={}", instruction_text(value)));
        }
    }
    for (name, value) in &config.labels {
        line("LABEL", &format!("{}={}", instruction_text(name), instruction_text(value)));
    }
    for port in &config.exposed_ports {
        line("EXPOSE", port);
    }
    for volume in &config.volumes {
        line("VOLUME", &list_text(std::slice::from_ref(volume)));
    }
    if let Some(directory) = config.working_dir.as_deref().filter(|path| !path.is_empty()) {
        line("WORKDIR", directory);
    }
    if let Some(user) = config.user.as_deref().filter(|user| !user.is_empty()) {
        line("USER", user);
    }
    if let Some(signal) = &config.stop_signal {
        line("STOPSIGNAL", signal);
    }
    if let Some(words) = health_check {
        line("HEALTHCHECK", &health_text(words));
    }
    if !config.entrypoint.is_empty() {
        line("ENTRYPOINT", &list_text(&config.entrypoint));
    }
    if !config.cmd.is_empty() {
        line("CMD", &list_text(&config.cmd));
    }
    text
}

/// `HEALTHCHECK` from a config's `Healthcheck`, whose times are in nanoseconds.
fn health_text(check: &Value) -> String {
    let test: Vec<&str> = check["Test"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let times = [("Interval", "interval"), ("Timeout", "timeout"), ("StartPeriod", "start-period")];
    let mut text = String::new();
    for (field, flag) in times {
        if let Some(nanoseconds) = check[field].as_u64().filter(|time| *time > 0) {
            text.push_str(&format!("--{flag}={nanoseconds}ns "));
        }
    }
    if let Some(retries) = check["Retries"].as_u64().filter(|count| *count > 0) {
        text.push_str(&format!("--retries={retries} "));
    }
    match test.as_slice() {
        ["NONE", ..] | [] => "NONE".to_owned(),
        ["CMD-SHELL", line @ ..] => format!("{text}CMD {}", line.join(" ")),
        ["CMD", words @ ..] | words => format!("{text}CMD {}", list_text(words)),
    }
}

/// The list of paths for `tar`, and the files that take the places of databases.
fn files(list: &KeepList<'_>) -> Result<Vec<(String, Vec<u8>)>, PatchError> {
    let mut keep = Vec::new();
    for (node, _) in list.kept() {
        if node.path.contains(&b'\n') {
            return Err(PatchError::Path(crate::lock::text(&node.path)));
        }
        // A build mounts its own there.
        let is_mount =
            matches!(node.path.as_slice(), b"proc" | b"sys" | b"dev" | b"etc/hosts" | b"etc/resolv.conf");
        let is_device = matches!(node.kind, Kind::CharDevice | Kind::BlockDevice | Kind::Fifo);
        if !node.path.is_empty() && !is_mount && !is_device {
            keep.extend_from_slice(b"./");
            keep.extend_from_slice(&node.path);
            keep.push(b'\n');
        }
    }
    let mut files = vec![(format!("{SLIM_DIRECTORY}/keep"), keep)];
    for (path, content) in list.all_written() {
        let path = format!("{SLIM_DIRECTORY}/written/{}", String::from_utf8_lossy(path));
        files.push((path, content.to_vec()));
    }
    Ok(files)
}

/// A value within double quotes, where a Dockerfile would take variables.
fn instruction_text(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

fn list_text<T: serde::Serialize>(words: &[T]) -> String {
    // A list of texts always has a form in JSON.
    serde_json::to_string(words).unwrap_or_default()
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
