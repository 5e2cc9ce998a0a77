use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Actor, Aspect, BUILD_TYPE, Grade, Material, SourceRevision};
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
    /// When the run began.
    pub started_on: Option<Timestamp>,
    /// When it ended.
    pub finished_on: Option<Timestamp>,
    /// Everything that it took: commit, base images, files.
    pub dependencies: Vec<Material>,
    /// The CI system, such as `github`, where Plimsoll wrote it.
    pub system: Option<String>,
    /// Who started it.
    pub actor: Option<Actor>,
    /// What started it, such as `push`.
    pub event: Option<String>,
    /// The e-mail addresses of who wrote what is new, and of who put it into the repository.
    pub people: BTreeSet<String>,
    /// Whether something was built that the commit does not hold, where that is said.
    pub is_dirty: Option<bool>,
    grades: BTreeMap<Aspect, Grade>,
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
    build_type: String,
    internal_parameters: Lenient<Internal>,
    resolved_dependencies: Vec<Material>,
}

/// What Plimsoll's own type of builds says of the run.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Internal {
    system: Option<String>,
    trigger: Trigger,
    people: Writers,
    source_tree: Option<Tree>,
    grades: BTreeMap<Aspect, Grade>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Trigger {
    event: Option<String>,
    login: Option<String>,
    email: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Writers {
    authors: BTreeSet<String>,
    committers: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tree {
    is_dirty: bool,
}

/// Something whose shape depends on who wrote it: what has another is nothing, and no error.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Read(T),
    Other(IgnoredAny),
}

impl<T: Default> Default for Lenient<T> {
    fn default() -> Self {
        Self::Read(T::default())
    }
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
    #[serde(rename = "startedOn", alias = "buildStartedOn")]
    started_on: Option<String>,
    #[serde(rename = "finishedOn", alias = "buildFinishedOn")]
    finished_on: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Version02 {
    builder: Builder,
    materials: Vec<Material>,
    metadata: Metadata,
}

impl Provenance {
    /// Reads a provenance statement; `None` for another kind, and for one that is not understood.
    pub fn of(statement: &Statement) -> Option<Self> {
        let predicate = statement.predicate.get();
        if statement.predicate_type == PredicateType::PROVENANCE {
            let read: Version1 = serde_json::from_str(predicate).ok()?;
            let Definition { build_type, internal_parameters, resolved_dependencies } = read.build_definition;
            let general = Self::from_parts(read.run_details, resolved_dependencies);
            return Some(match internal_parameters {
                Lenient::Read(internal) if build_type == BUILD_TYPE => general.with(internal),
                _ => general,
            });
        }
        if statement.predicate_type == PredicateType::PROVENANCE_V02 {
            let read: Version02 = serde_json::from_str(predicate).ok()?;
            let Version02 { builder, materials, metadata } = read;
            return Some(Self::from_parts(Run { builder, metadata }, materials));
        }
        None
    }

    /// How well `aspect` is known, given that the statement is signed by somebody who may say it. Builders that do not
    /// say what they only pass on vouch for all of it.
    pub fn grade(&self, aspect: Aspect) -> Grade {
        if self.grades.is_empty() {
            return Grade::Signed;
        }
        self.grades.get(&aspect).copied().unwrap_or(Grade::Claimed)
    }

    fn from_parts(run: Run, dependencies: Vec<Material>) -> Self {
        let Run { builder, metadata } = run;
        let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
        Self {
            builder: builder.id,
            invocation: metadata.invocation,
            source: dependencies.iter().find_map(revision),
            started_on: time(metadata.started_on),
            finished_on: time(metadata.finished_on),
            dependencies,
            ..Self::default()
        }
    }

    fn with(self, internal: Internal) -> Self {
        let Internal { system, trigger, people, source_tree, grades } = internal;
        let Trigger { event, login, email } = trigger;
        Self {
            system,
            actor: Actor::of(login, email),
            event,
            people: people.authors.into_iter().chain(people.committers).collect(),
            is_dirty: source_tree.map(|tree| tree.is_dirty),
            grades,
            ..self
        }
    }
}

fn revision(dependency: &Material) -> Option<SourceRevision> {
    let of_git = dependency.digest.get("gitCommit").or_else(|| {
        let uri = dependency.uri.as_deref()?;
        let is_git = uri.starts_with("git+") || uri.ends_with(".git");
        is_git.then(|| dependency.digest.get("sha1")).flatten()
    });
    Some(SourceRevision { uri: dependency.uri.clone().unwrap_or_default(), commit: of_git?.clone() })
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
            ..Provenance::default()
        };
        let essence = |read: Option<Provenance>| {
            let Provenance { builder, invocation, source, .. } = read.unwrap();
            Provenance { builder, invocation, source, ..Provenance::default() }
        };
        let new = r#"{"buildDefinition":{"resolvedDependencies":[{"uri":"pkg:oci/base"},{"uri":"git+https://example.org/app","digest":{"gitCommit":"c0ffee"}}]},"runDetails":{"builder":{"id":"https://ci.example/runner"},"metadata":{"invocationId":"run-7"}}}"#;
        assert_eq!(essence(read(PredicateType::PROVENANCE, new)), expected);
        let old = r#"{"builder":{"id":"https://ci.example/runner"},"metadata":{"buildInvocationID":"run-7"},"materials":[{"uri":"git+https://example.org/app","digest":{"sha1":"c0ffee"}}]}"#;
        assert_eq!(essence(read(PredicateType::PROVENANCE_V02, old)), expected);
    }

    #[test]
    fn what_is_missing_is_missing() {
        assert_eq!(read(PredicateType::PROVENANCE, "{}"), Some(Provenance::default()));
        assert_eq!(read(PredicateType::PROVENANCE, "\"text\""), None);
        assert_eq!(read(PredicateType::SIGNATURE, "{}"), None);
    }
}
