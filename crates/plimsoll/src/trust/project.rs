//! The policy that a server keeps for a repository.

use plimsoll_attest::{Policy, PolicyDocument};
use plimsoll_oci::{Digest, RegistryHost};
use plimsoll_transport::{Access, ImageName, Places};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::PolicyInForce;
use crate::failure::{Failure, Verdict};

/// A project, as a server shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) repositories: Vec<String>,
    pub(crate) policy_digest: Digest,
    pub(crate) policy: Box<RawValue>,
    pub(crate) set_at_unix_ms: i64,
    pub(crate) set_by: String,
}

impl Project {
    pub(crate) fn parse(json: &[u8], server: &RegistryHost) -> Result<Self, Failure> {
        let project: Self = serde_json::from_slice(json).map_err(|error| not_understood(server, &error))?;
        project.check(server)?;
        Ok(project)
    }

    /// The policy is the one that its digest names.
    pub(crate) fn check(&self, server: &RegistryHost) -> Result<(), Failure> {
        let digest = Digest::sha256_of(self.policy.get().as_bytes());
        if digest == self.policy_digest {
            return Ok(());
        }
        let what = format!("the policy of the project `{}` is not the one that it names", self.name);
        Err(Failure::new(Verdict::GateFailed, what).at(server.to_string()))
    }

    pub(crate) fn policy(&self, server: &RegistryHost) -> Result<Policy, Failure> {
        let unusable = |error: &dyn std::error::Error| not_understood(server, error);
        let document: PolicyDocument =
            serde_json::from_str(self.policy.get()).map_err(|error| unusable(&error))?;
        Policy::try_from(&document).map_err(|error| unusable(&error))
    }
}

/// The policy for an image from its own registry; nothing if that has none, or the image is in none.
pub(super) async fn of_registry(
    places: &Places,
    image: &ImageName,
) -> Result<Option<PolicyInForce>, Failure> {
    let ImageName::Registry { reference, .. } = image else { return Ok(None) };
    let server = &reference.registry;
    let repository = places.registries.repository(server, &reference.repository, &Access::Pull);
    let Some(json) = repository.policy().await? else { return Ok(None) };
    let project = Project::parse(&json, server)?;
    let origin = format!("project {} of {server}, {}", project.name, project.policy_digest);
    Ok(Some(PolicyInForce { policy: project.policy(server)?, origin, is_from_registry: true }))
}

fn not_understood(server: &RegistryHost, error: &dyn std::error::Error) -> Failure {
    Failure::not_evaluated("the server's project is not understood").because(error).at(server.to_string())
}
