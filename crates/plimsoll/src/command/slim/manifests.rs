//! The commands that workloads run in containers: probes, hooks and first containers (Kubernetes, `core/v1`).

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;

/// Longest file of workloads.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// How deep objects of a workload lie in each other.
const DEPTH_MAX: usize = 64;

/// Fields of a container that hold an `exec` of something that is asked again and again.
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

/// Fields of `lifecycle` that hold an `exec`.
const HOOKS: [&str; 2] = ["postStart", "preStop"];

/// What workloads run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Commands {
    /// Commands that are asked again and again, and can be tried.
    pub(super) probes: Vec<Vec<String>>,
    /// Commands that are run at one time, and perhaps only then can be.
    pub(super) others: Vec<Vec<String>>,
}

/// Reads the commands of a file with one workload or several.
pub(super) fn read(file: &Path) -> Result<Commands, Failure> {
    let failed = |error: &dyn std::error::Error| {
        Failure::usage("cannot read the workloads").at(file.display().to_string()).because(error)
    };
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| failed(&error))?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| failed(&error))?;
    let mut commands = Commands::default();
    documents.iter().for_each(|document| collect(document, &mut commands, 0));
    Ok(commands)
}

/// Finds containers wherever they are: every kind of workload has its own way to them.
fn collect(value: &Value, commands: &mut Commands, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                if matches!(name.as_str(), "containers" | "initContainers") {
                    inner
                        .as_array()
                        .into_iter()
                        .flatten()
                        .for_each(|container| of_container(container, commands));
                }
                collect(inner, commands, depth + 1);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, commands, depth + 1)),
        _ => {}
    }
}

fn of_container(container: &Value, commands: &mut Commands) {
    commands.probes.extend(PROBES.iter().filter_map(|probe| texts(&container[*probe]["exec"]["command"])));
    commands
        .others
        .extend(HOOKS.iter().filter_map(|hook| texts(&container["lifecycle"][*hook]["exec"]["command"])));
    if let Some(mut words) = texts(&container["command"]) {
        words.extend(texts(&container["args"]).unwrap_or_default());
        commands.others.push(words);
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let words: Vec<String> =
        value.as_array()?.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect();
    Some(words).filter(|words| !words.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_hooks_and_first_containers_of_every_workload_are_found() {
        let text = "kind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - command: [migrate, --all]\n\
                    \x20     containers:\n      - args: [serve]\n        livenessProbe:\n          exec:\n            command: [redis-cli, ping]\n\
                    \x20       lifecycle:\n          preStop:\n            exec:\n              command: [drain]\n---\n\
                    kind: Pod\nspec:\n  containers:\n  - readinessProbe: {exec: {command: [ready]}}\n";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let commands = read(file.path()).unwrap();
        assert_eq!(commands.probes, [vec!["redis-cli", "ping"], vec!["ready"]]);
        assert_eq!(commands.others.len(), 2);
        assert!(commands.others.contains(&vec!["migrate".to_owned(), "--all".to_owned()]));
    }
}
