use std::sync::Arc;

use clap::Args;
use plimsoll_attest::{Approval, BUNDLE_BYTES_MAX, Decision, Named, PredicateType, Role, Scope, Statement};
use plimsoll_oci::Digest;
use plimsoll_transport::{ImageName, Places, WarningCollector, attachments, read_blob};

use super::approve::statement_of;
use super::cp::read_name;
use super::evidence::unverified_statement;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::{Saying, SigningArguments, say, wall_clock};

/// Take an approval, a rejection or an exception back
///
/// Whoever said it may, and everybody who has the role in which it was said.
#[derive(Debug, Args)]
#[command(override_usage = "plimsoll revoke [OPTIONS] --reason TEXT --key KEY IMAGE DIGEST")]
pub(crate) struct Revoke {
    /// The image: a reference or oci:DIR[:TAG]
    image: String,
    /// Which: the digest that `plimsoll evidence ls` shows
    #[arg(value_name = "DIGEST")]
    evidence: Digest,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    signing: SigningArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Revoke {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let image = read_name(&self.image, context)?;
        let places = self.registries.places(context, Arc::new(WarningCollector::default()))?;
        let (bundle, said) = context.block_on(self.find(&places, &image))?;
        let approval = Approval {
            decision: Decision::Revoked,
            scope: Scope::default(),
            evidence: Vec::new(),
            reason: Some(self.reason.clone()),
            tickets: Vec::new(),
            issued_at: wall_clock(),
            not_before: None,
            expires_at: None,
            revokes: vec![Named::of(&bundle)],
            ..said
        };
        let key = self.signing.open(context)?;
        let statement = |digest: &Digest| statement_of(digest, &approval);
        say(&Saying { image: &image, key: &key, statement: &statement }, &self.registries, context)
    }

    /// The bundle that is meant, and what it says.
    async fn find(&self, places: &Places, image: &ImageName) -> Result<(Digest, Approval), Failure> {
        let open = places.open_source(image).await?;
        let source = open.source.as_ref();
        let subject = source.resolve(&open.target).await?.digest;
        for attachment in attachments(source, &subject).await? {
            let is_it = |layer: &Digest| attachment.digest == self.evidence || *layer == self.evidence;
            let layers = attachment.manifest.iter().flat_map(|manifest| &manifest.layers);
            for layer in layers.filter(|layer| is_it(&layer.digest)) {
                let bytes = read_blob(source, layer, BUNDLE_BYTES_MAX).await?;
                let statement = unverified_statement(layer.media_type.as_str(), &bytes);
                if let Some(said) = statement.as_ref().and_then(revocable) {
                    return Ok((layer.digest, said));
                }
            }
        }
        Err(Failure::usage(format!("`{}` is no approval or exception of this image", self.evidence))
            .at(self.image.clone())
            .help(format!("plimsoll evidence ls {}", self.image)))
    }
}

/// What is taken back, in the words of an approval: of an exception, who granted it in which role is all that matters.
fn revocable(statement: &Statement) -> Option<Approval> {
    if statement.predicate_type == PredicateType::APPROVAL {
        return serde_json::from_str(statement.predicate.get()).ok();
    }
    (statement.predicate_type == PredicateType::EXCEPTION).then(|| Approval {
        decision: Decision::Revoked,
        role: Role::APPROVER,
        gate: String::new(),
        scope: Scope::default(),
        evidence: Vec::new(),
        reason: None,
        tickets: Vec::new(),
        issued_at: wall_clock(),
        not_before: None,
        expires_at: None,
        revokes: Vec::new(),
    })
}
