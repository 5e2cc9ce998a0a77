use serde::Deserialize;

use crate::{PredicateType, Statement};

/// How an image was built, as far as the chain from image to commit needs it (SLSA build provenance, 1.0 and 0.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Who built.
    pub builder: Option<String>,
    /// Which of the builder's runs it was.
    pub invocation: Option<String>,
    /// Of what: the first dependency that names a commit.
    pub source: Option<SourceRevision>,
}

/// A commit in a source repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRevision {
    /// The source repository, such as `git+https://example.org/app@refs/heads/main`.
    pub uri: String,
    /// The commit.
    pub commit: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Version1 {
    build_definition: Definition,
    run_details: Run,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Definition {
    resolved_dependencies: Vec<Dependency>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Run {
    builder: Builder,
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Builder {
    id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    #[serde(rename = "invocationId", alias = "buildInvocationID", alias = "buildInvocationId")]
    invocation: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Version02 {
    builder: Builder,
    materials: Vec<Dependency>,
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Dependency {
    uri: Option<String>,
    digest: std::collections::BTreeMap<String, String>,
}

impl Provenance {
    /// Reads a provenance statement; `None` for another kind, and for one that is not understood.
    pub fn of(statement: &Statement) -> Option<Self> {
        let predicate = statement.predicate.get();
        if statement.predicate_type == PredicateType::PROVENANCE {
            let read: Version1 = serde_json::from_str(predicate).ok()?;
            let Run { builder, metadata } = read.run_details;
            return Some(Self::from_parts(builder, metadata, read.build_definition.resolved_dependencies));
        }
        if statement.predicate_type == PredicateType::PROVENANCE_V02 {
            let read: Version02 = serde_json::from_str(predicate).ok()?;
            return Some(Self::from_parts(read.builder, read.metadata, read.materials));
        }
        None
    }

    fn from_parts(builder: Builder, metadata: Metadata, dependencies: Vec<Dependency>) -> Self {
        let source = dependencies.into_iter().find_map(Dependency::into_revision);
        Self { builder: builder.id, invocation: metadata.invocation, source }
    }
}

impl Dependency {
    fn into_revision(mut self) -> Option<SourceRevision> {
        let commit = self.digest.remove("gitCommit").or_else(|| {
            let is_git =
                self.uri.as_deref().is_some_and(|uri| uri.starts_with("git+") || uri.ends_with(".git"));
            is_git.then(|| self.digest.remove("sha1")).flatten()
        })?;
        Some(SourceRevision { uri: self.uri.unwrap_or_default(), commit })
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_oci::Digest;
    use serde_json::value::RawValue;

    use super::*;

    fn read(predicate_type: PredicateType, predicate: &str) -> Option<Provenance> {
        let predicate = RawValue::from_string(predicate.to_owned()).unwrap();
        Provenance::of(&Statement::about(&Digest::sha256_of(b"x"), predicate_type, predicate))
    }

    #[test]
    fn builder_run_and_commit_are_found_in_both_versions() {
        let expected = Provenance {
            builder: Some("https://ci.example/runner".to_owned()),
            invocation: Some("run-7".to_owned()),
            source: Some(SourceRevision {
                uri: "git+https://example.org/app".to_owned(),
                commit: "c0ffee".to_owned(),
            }),
        };
        let new = r#"{"buildDefinition":{"resolvedDependencies":[{"uri":"pkg:oci/base"},{"uri":"git+https://example.org/app","digest":{"gitCommit":"c0ffee"}}]},"runDetails":{"builder":{"id":"https://ci.example/runner"},"metadata":{"invocationId":"run-7"}}}"#;
        assert_eq!(read(PredicateType::PROVENANCE, new), Some(expected.clone()));
        let old = r#"{"builder":{"id":"https://ci.example/runner"},"metadata":{"buildInvocationID":"run-7"},"materials":[{"uri":"git+https://example.org/app","digest":{"sha1":"c0ffee"}}]}"#;
        assert_eq!(read(PredicateType::PROVENANCE_V02, old), Some(expected));
    }

    #[test]
    fn what_is_missing_is_missing() {
        assert_eq!(read(PredicateType::PROVENANCE, "{}"), Some(Provenance::default()));
        assert_eq!(read(PredicateType::PROVENANCE, "\"text\""), None);
        assert_eq!(read(PredicateType::SIGNATURE, "{}"), None);
    }
}
