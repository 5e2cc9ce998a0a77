//! What a statement comes to in the graph: a summary for lists, its times, and what it connects.

use plimsoll_attest::{Approval, Material, PredicateType, Provenance, Statement};
use plimsoll_oci::Digest;
use plimsoll_store::Timestamp;
use plimsoll_store::catalogue::{Edge, EdgeKind, Node};
use serde::{Deserialize, Serialize};

/// Most images beneath one that a statement may name: those of all stages of a build.
const BASES_MAX: usize = 100;

/// Longest text from a statement that is kept in a list.
const TEXT_BYTES_MAX: usize = 1024;

/// What a statement says, in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Summary {
    /// Who built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) builder: Option<String>,
    /// Which of the builder's runs it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) invocation: Option<String>,
    /// The repository of sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// The path of the Dockerfile there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dockerfile: Option<String>,
    /// The images that it was built of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) bases: Vec<Base>,
    /// What an approver decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision: Option<String>,
    /// For which purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gate: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// Where it was discussed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tickets: Vec<String>,
}

/// An image that another was built of, as a statement names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Base {
    /// Its name there.
    pub(super) name: String,
    /// Its digest.
    pub(super) digest: Digest,
}

/// A statement, taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) summary: Summary,
    pub(super) stated_at: Option<Timestamp>,
    pub(super) valid_from: Option<Timestamp>,
    pub(super) valid_until: Option<Timestamp>,
}

impl Account {
    /// Takes a statement apart. What it does not say, or says in another way than its type has it, is left out.
    pub(super) fn of(statement: &Statement) -> Self {
        if let Some(provenance) = Provenance::of(statement) {
            return Self::of_build(provenance, statement);
        }
        if statement.predicate_type == PredicateType::APPROVAL
            && let Ok(approval) = serde_json::from_str(statement.predicate.get())
        {
            return Self::of_approval(approval);
        }
        Self { stated_at: stated_at(statement), ..Self::default() }
    }

    fn of_build(provenance: Provenance, statement: &Statement) -> Self {
        let (source, commit) = provenance.source.map(|source| (source.uri, source.commit)).unzip();
        let summary = Summary {
            builder: provenance.builder.map(short),
            invocation: provenance.invocation.map(short),
            source: source.map(short),
            commit: commit.map(short),
            dockerfile: dockerfile(statement).map(short),
            bases: provenance.dependencies.iter().filter_map(Base::of).take(BASES_MAX).collect(),
            ..Summary::default()
        };
        Self { summary, stated_at: stated_at(statement), ..Self::default() }
    }

    fn of_approval(approval: Approval) -> Self {
        let at = |moment: jiff::Timestamp| Timestamp::from_unix_ms(moment.as_millisecond());
        let decision = serde_json::to_value(approval.decision).ok();
        let summary = Summary {
            decision: decision.and_then(|decision| decision.as_str().map(str::to_owned)),
            gate: Some(short(approval.gate)),
            reason: approval.reason.map(short),
            tickets: approval.tickets.into_iter().take(BASES_MAX).map(|ticket| short(ticket.uri)).collect(),
            ..Summary::default()
        };
        Self {
            summary,
            stated_at: Some(at(approval.issued_at)),
            valid_from: approval.not_before.map(at),
            valid_until: approval.expires_at.map(at),
        }
    }

    /// What it connects, if it is about `subject`.
    pub(super) fn edges(&self, subject: Digest) -> Vec<Edge> {
        let (image, said) = (Node::Image(subject), &self.summary);
        let edge = |source: &Node, kind, target| Edge { source: source.clone(), kind, target };
        let mut edges: Vec<Edge> =
            said.bases.iter().map(|base| edge(&image, EdgeKind::BasedOn, Node::Image(base.digest))).collect();
        let tickets = said.tickets.iter().cloned().map(Node::Ticket);
        edges.extend(tickets.map(|ticket| edge(&image, EdgeKind::DiscussedIn, ticket)));
        let Some(builder) = said.builder.clone() else { return edges };
        let invocation = said.invocation.clone().unwrap_or_default();
        let run = Node::BuildRun { invocation, builder };
        edges.push(edge(&image, EdgeKind::BuiltBy, run.clone()));
        if let (Some(commit), Some(repository)) = (said.commit.clone(), said.source.clone()) {
            edges.push(edge(&run, EdgeKind::BuiltFrom, Node::Commit { commit, repository }));
        }
        if let (Some(path), Some(repository)) = (said.dockerfile.clone(), said.source.clone()) {
            edges.push(edge(&run, EdgeKind::Followed, Node::Dockerfile { path, repository }));
        }
        edges
    }
}

/// Cuts a text from outside to what lists show.
fn short(text: String) -> String {
    if text.len() <= TEXT_BYTES_MAX { text } else { text.chars().take(TEXT_BYTES_MAX / 4).collect() }
}

/// Provenance of both versions, as far as it names the Dockerfile.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Build {
    build_definition: Definition,
    invocation: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Definition {
    external_parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Parameters {
    config_source: ConfigSource,
    dockerfile: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigSource {
    #[serde(alias = "entryPoint")]
    path: Option<String>,
}

/// The path of the Dockerfile: as `plimsoll attest provenance` writes it, or `BuildKit` in either version.
fn dockerfile(statement: &Statement) -> Option<String> {
    let Build { build_definition, invocation } = serde_json::from_str(statement.predicate.get()).ok()?;
    let parameters = build_definition.external_parameters;
    parameters.dockerfile.or(parameters.config_source.path).or(invocation.config_source.path)
}

impl Base {
    /// An image among what a build took. Images are named by package URLs, or by addresses of their own.
    fn of(material: &Material) -> Option<Self> {
        const IMAGES: [&str; 4] = ["pkg:docker/", "pkg:oci/", "docker-image://", "oci://"];
        let uri = material.uri.as_deref()?;
        let rest = IMAGES.iter().find_map(|scheme| uri.strip_prefix(scheme))?;
        let path = || rest.split(['?', '#']).next().unwrap_or_default().to_owned();
        let digest = material.digest.get("sha256").map(|hash| format!("sha256:{hash}"))?;
        Some(Self { name: short(material.name.clone().unwrap_or_else(path)), digest: digest.parse().ok()? })
    }
}

/// When a statement says that what it tells of was done, in the fields that each type has for it.
fn stated_at(statement: &Statement) -> Option<Timestamp> {
    const PLACES: [&str; 7] = [
        "/runDetails/metadata/finishedOn",
        "/runDetails/metadata/startedOn",
        "/metadata/buildFinishedOn",
        "/metadata/scanFinishedOn",
        "/timeVerified",
        "/timestamp",
        "/issuedAt",
    ];
    // A statement may have 128 MiB; those that tell a time here are small.
    const PREDICATE_BYTES_MAX: usize = 1 << 20;
    let predicate = statement.predicate.get();
    if predicate.len() > PREDICATE_BYTES_MAX {
        return None;
    }
    let read: serde_json::Value = serde_json::from_str(predicate).ok()?;
    let text = PLACES.iter().find_map(|place| read.pointer(place)?.as_str())?;
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_unix_ms(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    const BASE: &str = "sha256:6e2d5dab80b9a8c8d2c3b4b6dff1b0f1ffe2b41b1c2d9cf8bb0b2d8d8b1d0e5f";

    fn image() -> Digest {
        Digest::sha256_of(b"image")
    }

    fn account(kind: PredicateType, predicate: &serde_json::Value) -> Account {
        let predicate = RawValue::from_string(predicate.to_string()).unwrap();
        Account::of(&Statement::about(&image(), kind, predicate))
    }

    #[test]
    fn a_build_leads_to_its_run_its_commit_its_dockerfile_and_its_bases() {
        let hash = BASE.strip_prefix("sha256:").unwrap();
        let account = account(
            PredicateType::PROVENANCE,
            &serde_json::json!({
                "buildDefinition": {
                    "externalParameters": { "configSource": { "path": "build/Dockerfile" } },
                    "resolvedDependencies": [
                        { "uri": "pkg:docker/debian@12?platform=linux%2Famd64", "digest": { "sha256": hash } },
                        { "uri": "git+https://example.org/app", "digest": { "gitCommit": "c0ffee" } },
                    ],
                },
                "runDetails": {
                    "builder": { "id": "https://ci.example" },
                    "metadata": { "invocationId": "7", "finishedOn": "2026-11-22T12:00:00Z" },
                },
            }),
        );
        assert_eq!(account.summary.bases, [Base { name: "debian@12".into(), digest: BASE.parse().unwrap() }]);
        assert_eq!(account.stated_at.map(Timestamp::unix_ms), Some(1_795_348_800_000));
        let edges: Vec<String> = account
            .edges(image())
            .iter()
            .map(|edge| format!("{} {}", edge.kind.as_str(), edge.target))
            .collect();
        assert_eq!(
            edges,
            [
                &format!("based-on image {BASE}"),
                "built-by run 7 https://ci.example",
                "built-from commit c0ffee git+https://example.org/app",
                "followed dockerfile build/Dockerfile git+https://example.org/app",
            ]
        );
    }

    #[test]
    fn an_approval_has_its_gate_its_tickets_and_its_time() {
        let account = account(
            PredicateType::APPROVAL,
            &serde_json::json!({
                "decision": "approved", "role": "release-manager", "gate": "prod",
                "tickets": [{ "uri": "https://tracker.example/T-1" }],
                "issuedAt": "2026-11-22T12:00:00Z", "expiresAt": "2026-12-22T12:00:00Z",
            }),
        );
        assert_eq!(account.summary.decision.as_deref(), Some("approved"));
        assert_eq!(account.summary.gate.as_deref(), Some("prod"));
        assert!(account.valid_until > account.stated_at);
        assert_eq!(account.edges(image())[0].target, Node::Ticket("https://tracker.example/T-1".into()));
    }

    #[test]
    fn what_is_strange_is_left_out() {
        for predicate in [serde_json::json!("text"), serde_json::json!({ "buildDefinition": 7 })] {
            let account = account(PredicateType::PROVENANCE, &predicate);
            assert_eq!(account.summary, Summary::default());
        }
        let strange = serde_json::json!({ "resolvedDependencies": [{ "uri": "pkg:docker/a", "digest": { "sha256": "zz" } }] });
        assert!(
            account(PredicateType::PROVENANCE, &serde_json::json!({ "buildDefinition": strange }))
                .summary
                .bases
                .is_empty()
        );
        let long = serde_json::json!({ "runDetails": { "builder": { "id": "x".repeat(5000) } } });
        assert!(account(PredicateType::PROVENANCE, &long).summary.builder.unwrap().len() <= TEXT_BYTES_MAX);
    }
}
