//! What a build tells of itself, and the statement that is made of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plimsoll_oci::Reference;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::{
    Actor, Aspect, BUILD_TYPE, BuildRun, Grade, Material, SourceRevision, full_commit, is_same_repository,
    source_uri,
};

/// Longest text in a record.
const TEXT_BYTES_MAX: usize = 4096;
/// Most files, images or arguments that a record lists.
const LISTED_MAX: usize = 1_000;
/// Most people that a record names.
const PEOPLE_MAX: usize = 10_000;

/// The builder of which nothing is known.
const UNNAMED_BUILDER: &str = "urn:plimsoll:builder:unnamed";

/// What a build declares: what went in, and who wrote it. All of it is as good as the word of who wrote it down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BuildRecord {
    /// The commit that was checked out.
    pub source: Option<SourceRevision>,
    /// Whether what was built is what the commit holds.
    pub source_tree: Option<SourceTree>,
    /// Who wrote it.
    pub people: Option<People>,
    /// The Dockerfile.
    pub dockerfile: Option<Material>,
    /// The stage of it that was built.
    pub target: Option<String>,
    /// The arguments of the build. They are no place for secrets.
    pub build_args: BTreeMap<String, String>,
    /// The images that it builds on.
    pub bases: Vec<Material>,
    /// The lists of packages with their versions that were locked.
    pub lock_files: Vec<Material>,
    /// What else the build made.
    pub byproducts: Vec<Material>,
    /// When it began.
    pub started_on: Option<Timestamp>,
    /// When it ended.
    pub finished_on: Option<Timestamp>,
}

/// How far a working tree is from its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceTree {
    /// Files that differ.
    pub changed: u64,
    /// Files that are in no commit.
    pub untracked: u64,
}

/// Who wrote what is new since an earlier build, by e-mail address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct People {
    /// The commit of the earlier build, else the first parent of this one; a repository's first commit has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// How many commits there are.
    pub commits: u64,
    /// Who wrote them, alone or with others.
    pub authors: BTreeSet<String>,
    /// Who put them into the repository.
    pub committers: BTreeSet<String>,
}

/// Who says which run of which builder it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witness {
    /// A CI system's token, which was verified; the value is its issuer.
    Token(String),
    /// The build's own environment.
    Environment,
}

/// Why what a build declares is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// There is too much of something.
    #[error("the build declares {count} {what}; at most {most} are taken")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// A text is too long.
    #[error("the build declares a text of {0} bytes; at most {TEXT_BYTES_MAX} are taken")]
    LongText(usize),
    /// A commit is none.
    #[error("`{0}` is not the full name of a commit")]
    Commit(String),
}

/// A build declares something else than its CI system says of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Another commit.
    #[error("the build declares commit `{declared}`, and its token says `{proven}`")]
    Commit {
        /// What the build declares.
        declared: String,
        /// What the token says.
        proven: String,
    },
    /// Another repository.
    #[error("the build declares `{declared}` as its source, and its token says `{proven}`")]
    Repository {
        /// What the build declares.
        declared: String,
        /// What the token says.
        proven: String,
    },
}

impl BuildRecord {
    /// Checks what somebody else wrote.
    pub fn check(&self) -> Result<(), RecordError> {
        let people = self.people.iter().flat_map(|people| people.authors.iter().chain(&people.committers));
        within("people", people.clone().count(), PEOPLE_MAX)?;
        within("arguments", self.build_args.len(), LISTED_MAX)?;
        let materials = || {
            let lists = [&self.bases, &self.lock_files, &self.byproducts];
            self.dockerfile.iter().chain(lists.into_iter().flatten())
        };
        within("files and images", materials().count(), LISTED_MAX)?;
        if let Some(source) = &self.source
            && full_commit(&source.commit).is_none()
        {
            return Err(RecordError::Commit(source.commit.chars().take(80).collect()));
        }
        let of_materials = materials().flat_map(Material::texts);
        let of_source = self.source.iter().flat_map(|source| [&source.uri, &source.commit]);
        let args = self.build_args.iter().flat_map(|(name, value)| [name, value]);
        let since = self.people.iter().flat_map(|people| &people.since);
        let texts = people.chain(of_materials).chain(of_source).chain(args).chain(since).chain(&self.target);
        match texts.map(String::len).max() {
            Some(longest) if longest > TEXT_BYTES_MAX => Err(RecordError::LongText(longest)),
            _ => Ok(()),
        }
    }

    /// Whether the build declares what its token says; of what the token does not say, it may declare anything.
    pub fn check_against(&self, run: &BuildRun) -> Result<(), Contradiction> {
        let Some(source) = &self.source else { return Ok(()) };
        if let Some(proven) =
            run.commit.as_ref().filter(|commit| !commit.eq_ignore_ascii_case(&source.commit))
        {
            return Err(Contradiction::Commit { declared: source.commit.clone(), proven: proven.clone() });
        }
        match &run.repository {
            Some(proven) if !is_same_repository(&source.uri, proven) => {
                Err(Contradiction::Repository { declared: source.uri.clone(), proven: proven.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The predicate of build provenance, version 1: what the build declares, and what `witness` says of its run.
    ///
    /// `version` is that of the program that writes it.
    pub fn to_predicate(&self, run: &BuildRun, witness: &Witness, version: &str) -> Box<RawValue> {
        let source = self.source_of(run, witness);
        let predicate = json!({
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": self.external_parameters(run, source.as_ref()),
                "internalParameters": self.internal_parameters(run, witness),
                "resolvedDependencies": self.dependencies(source),
            },
            "runDetails": {
                "builder": {
                    "id": run.builder.as_deref().unwrap_or(UNNAMED_BUILDER),
                    "version": { "plimsoll": version },
                },
                "metadata": without_nulls(json!({
                    "invocationId": run.invocation,
                    "startedOn": run.started_on.or(self.started_on),
                    "finishedOn": self.finished_on,
                })),
                "byproducts": self.byproducts,
            },
        });
        to_raw_value(&predicate).expect("texts and numbers serialise")
    }

    /// The commit: as a token says, else as it was checked out, else as the environment says.
    fn source_of(&self, run: &BuildRun, witness: &Witness) -> Option<Material> {
        let of_run = || {
            let uri = run.repository.as_deref().and_then(source_uri);
            let at_ref = run.git_ref.as_ref().map(|git_ref| format!("@{git_ref}")).unwrap_or_default();
            let uri = uri.map(|uri| format!("{uri}{at_ref}"));
            Some(commit_of(uri?, run.commit.clone()?))
        };
        let declared =
            self.source.as_ref().map(|source| commit_of(source.uri.clone(), source.commit.clone()));
        match witness {
            Witness::Token(_) => of_run().or(declared),
            Witness::Environment => declared.or_else(of_run),
        }
    }

    fn external_parameters(&self, run: &BuildRun, source: Option<&Material>) -> Value {
        without_nulls(json!({
            "source": source,
            "dockerfile": self.dockerfile.as_ref().and_then(|file| file.name.as_ref()),
            "target": self.target,
            "buildArgs": Some(&self.build_args).filter(|args| !args.is_empty()),
            "workflow": run.workflow,
        }))
    }

    fn internal_parameters(&self, run: &BuildRun, witness: &Witness) -> Value {
        let Actor { login, email } = run.actor.clone().unwrap_or_default();
        let trigger = without_nulls(json!({ "event": run.event, "login": login, "email": email }));
        let tree = self.source_tree.map(|tree| {
            let is_dirty = tree.changed > 0 || tree.untracked > 0;
            json!({ "isDirty": is_dirty, "changed": tree.changed, "untracked": tree.untracked })
        });
        without_nulls(json!({
            "system": Some(&run.system).filter(|system| !system.is_empty()),
            "runner": run.runner,
            "environment": run.environment,
            "trigger": trigger.as_object().filter(|trigger| !trigger.is_empty()),
            "sourceTree": tree,
            "people": self.people,
            "tokenIssuer": match witness {
                Witness::Token(issuer) => Some(issuer),
                Witness::Environment => None,
            },
            "grades": grades(run, witness),
        }))
    }

    fn dependencies(&self, source: Option<Material>) -> Vec<Material> {
        let files = self.dockerfile.iter().chain(&self.lock_files).cloned();
        source.into_iter().chain(self.bases.iter().cloned()).chain(files).collect()
    }
}

/// What a token says is signed, by who verified it; what a build says of itself is claimed.
fn grades(run: &BuildRun, witness: &Witness) -> BTreeMap<Aspect, Grade> {
    let by_token = |is_said: bool| match witness {
        Witness::Token(_) if is_said => Grade::Signed,
        _ => Grade::Claimed,
    };
    [
        (Aspect::Builder, by_token(run.builder.is_some())),
        (Aspect::Invocation, by_token(run.invocation.is_some())),
        (Aspect::Source, by_token(run.commit.is_some() && run.repository.is_some())),
        (Aspect::Trigger, by_token(run.actor.is_some() || run.event.is_some())),
        (Aspect::People, Grade::Claimed),
        (Aspect::Inputs, Grade::Claimed),
    ]
    .into()
}

impl Material {
    /// An image that was built on, as a Dockerfile names it and what that names, if it is known: by its package URL, with
    /// its digest if there is one. A tag alone does not say which image it was.
    pub fn of_image(written: &str, reference: Option<&Reference>) -> Self {
        let name = Some(written.to_owned());
        let Some(reference) = reference else { return Self { name, ..Self::default() } };
        let digest =
            reference.digest.iter().map(|digest| (digest.algorithm().name().to_owned(), digest.encoded()));
        Self { name, uri: Some(package_url(reference)), digest: digest.collect() }
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        self.name.iter().chain(&self.uri).chain(self.digest.iter().flat_map(|(name, hash)| [name, hash]))
    }
}

/// `pkg:oci/NAME@DIGEST?repository_url=…&tag=…` (the package URL specification, type `oci`).
fn package_url(reference: &Reference) -> String {
    let repository = reference.repository.to_string();
    let name = repository.rsplit('/').next().unwrap_or_default();
    let digest =
        reference.digest.as_ref().map(|digest| format!("@{}", digest.to_string().replace(':', "%3A")));
    let tag = reference.tag.as_ref().map(|tag| format!("&tag={tag}"));
    let host = reference.registry.to_string().replace(':', "%3A");
    let (digest, tag) = (digest.unwrap_or_default(), tag.unwrap_or_default());
    format!("pkg:oci/{name}{digest}?repository_url={host}/{repository}{tag}")
}

fn commit_of(uri: String, commit: String) -> Material {
    Material { name: None, uri: Some(uri), digest: [("gitCommit".to_owned(), commit)].into() }
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    value
}

fn within(what: &'static str, count: usize, most: usize) -> Result<(), RecordError> {
    if count > most { Err(RecordError::TooMany { what, count, most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
