use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Deserialize;

/// A member of the workspace, as cargo sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    /// Relative to the root of the workspace.
    pub(super) directory: PathBuf,
    pub(super) features: Vec<String>,
    pub(super) dependencies: Vec<Dependency>,
}

/// One line of a `[dependencies]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) is_dev: bool,
}

/// Asks `cargo metadata` for the members of the workspace at `root`.
pub(super) fn read(root: &Path) -> anyhow::Result<Vec<Package>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("starting `cargo metadata`")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("reading `cargo metadata`")?;
    Ok(metadata.packages.into_iter().map(|package| package.relative_to(root)).collect())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    features: std::collections::BTreeMap<String, Vec<String>>,
    dependencies: Vec<MetadataDependency>,
}

#[derive(Deserialize)]
struct MetadataDependency {
    name: String,
    kind: Option<String>,
}

impl MetadataPackage {
    fn relative_to(self, root: &Path) -> Package {
        let directory = self.manifest_path.parent().unwrap_or(root);
        Package {
            name: self.name,
            directory: directory.strip_prefix(root).unwrap_or(directory).to_owned(),
            features: self.features.into_keys().collect(),
            dependencies: self.dependencies.into_iter().map(Dependency::from).collect(),
        }
    }
}

impl From<MetadataDependency> for Dependency {
    fn from(dependency: MetadataDependency) -> Self {
        Self { name: dependency.name, is_dev: dependency.kind.as_deref() == Some("dev") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_knows_its_own_task_runner() {
        let packages = read(&crate::workspace_root()).unwrap();
        let xtask = packages.iter().find(|package| package.name == "xtask").unwrap();
        assert_eq!(xtask.directory, Path::new("xtask"));
        let anyhow = Dependency { name: "anyhow".to_owned(), is_dev: false };
        assert!(xtask.dependencies.contains(&anyhow), "{:?}", xtask.dependencies);
    }
}
