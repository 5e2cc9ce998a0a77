mod contents;
mod gates;
mod identity;
mod report;
mod verdict;
mod way;

use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use plimsoll_attest::{Gate, Policy, PredicateType, Pushed, Requirement, read_unsigned_claim};
use plimsoll_oci::{Descriptor, Digest, Manifest, Platform};
use plimsoll_transport::{
    Access, ErrorKind, ImageName, OpenSource, Places, Source, TransportError, WarningCollector, read_blob,
    sibling_attachments, verify_evidence,
};

use self::contents::read_every_byte;
use self::report::Verified;
use self::verdict::{Claim, Gathered};
use super::approve::repository_of;
use super::attest::predicate_type;
use super::cp::read_name;
use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::places::RegistryArguments;
use crate::reading::find_image;
use crate::signing::wall_clock;
use crate::terminal::Step;
use crate::trust::{PolicyInForce, TrustArguments};

/// Largest unsigned statement that is looked at for a hint.
const CLAIM_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Check that the right people vouch for an image
///
/// What is signed counts for what it says, and only from somebody who may say it: a signed scan is no signature. Needs
/// no network but the image's own registry, and none for an OCI layout.
///
/// Exits with 1 when something that must be there is missing or wrong, and with 3 when that could not be found out.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The image: a reference or oci:DIR[:TAG]
    image: String,
    #[command(flatten)]
    trust: TrustArguments,
    /// Require this kind of statement; may be given several times [default: what the policy says, else signature]
    #[arg(long = "type", value_name = "TYPE", value_parser = predicate_type)]
    types: Vec<PredicateType>,
    /// Require that enough people approve at this gate of the policy; may be given several times
    #[arg(long = "gate", value_name = "NAME")]
    gates: Vec<String>,
    /// Verify this image of an index, and not the index
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Judge as of this time, such as 2026-11-22T12:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Read every layer too, and check every byte
    #[arg(long)]
    contents: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Verify {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name = read_name(&self.image, context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let policy = context.block_on(self.policy(&places, &name))?;
        let step = context.terminal().step("verifying");
        let at = self.at.unwrap_or_else(wall_clock);
        let gathered = context.block_on(self.gather(&places, &name, &policy.policy, at, &step));
        drop(step);
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        let verified = Verified::of(&self.image, &gathered?, &policy, at);
        context.terminal().print(&verified)?;
        if policy.is_from_registry {
            let note = "the policy is the word of the registry that is asked; for one of your own, give --policy or --key";
            context.terminal().note(note);
        }
        verified.into_result()
    }

    async fn policy(&self, places: &Places, image: &ImageName) -> Result<PolicyInForce, Failure> {
        let PolicyInForce { mut policy, origin, is_from_registry } = self.trust.policy(places, image).await?;
        if !self.types.is_empty() {
            policy.required = self.types.iter().cloned().map(Requirement::of).collect();
        }
        policy.gates = self.chosen_gates(&policy, &origin)?;
        if policy.required.is_empty() && policy.gates.is_empty() {
            policy.required.push(Requirement::of(PredicateType::SIGNATURE));
        }
        Ok(PolicyInForce { policy, origin, is_from_registry })
    }

    /// The gates that were asked for, as they are for this image's repository.
    fn chosen_gates(&self, policy: &Policy, origin: &str) -> Result<Vec<Gate>, Failure> {
        let repository = self.image.parse().ok().as_ref().and_then(repository_of);
        let find = |name: &String| {
            let unknown = || {
                Failure::usage(format!("there is no gate `{name}`")).at(origin).help(
                    "write it to plimsoll.yaml: trust: {gates: [{name: prod, role: approver, approvals: 2}]}",
                )
            };
            Ok(Gate { repository: repository.clone(), ..policy.gate(name).ok_or_else(unknown)?.clone() })
        };
        self.gates.iter().map(find).collect()
    }

    async fn gather(
        &self,
        places: &Places,
        name: &ImageName,
        policy: &Policy,
        at: Timestamp,
        step: &Step,
    ) -> Result<Gathered, Failure> {
        let open = places.open_source(name).await?;
        let source = open.source.as_ref();
        let (subject, claims) = self.find(&open).await.map_err(say_what_is_changed)?;
        let evidence = verify_evidence(source, &subject.digest, &policy.trust, at).await?;
        let bytes_read = if self.contents {
            Some(read_every_byte(source, &subject.digest, step).await.map_err(changed)?)
        } else {
            None
        };
        let pushed = ask_who_pushed(places, name, &subject.digest).await;
        Ok(Gathered { subject, evidence, claims, pushed, bytes_read })
    }

    /// What is to be verified, and what is said about it without a signature.
    async fn find(&self, open: &OpenSource) -> Result<(Descriptor, Vec<Claim>), Failure> {
        let source = open.source.as_ref();
        let named = source.resolve(&open.target).await.map_err(changed)?;
        let manifest = source.manifest(&named.digest).await.map_err(changed)?.parse()?;
        let subject = match &self.platform {
            Some(_) => find_image(open, self.platform.as_ref()).await?.raw.descriptor(),
            None => named,
        };
        let claims = match &manifest {
            Manifest::Index(index) => claims(source, &index.manifests, &subject.digest).await,
            Manifest::Image(_) => Vec::new(),
        };
        Ok((subject, claims))
    }
}

/// Who pushed the image, if its registry tells. That it does not is no failure: nothing is decided by it.
async fn ask_who_pushed(places: &Places, name: &ImageName, digest: &Digest) -> Pushed {
    let ImageName::Registry { reference, .. } = name else { return Pushed::NotKnownHere };
    let repository = places.registries.repository(&reference.registry, &reference.repository, &Access::Pull);
    let Ok(Some(record)) = repository.push_record(digest).await else { return Pushed::NotKnownHere };
    match Timestamp::from_millisecond(record.pushed_at_unix_ms) {
        Ok(at) => Pushed::By { actor: record.pushed_by, at },
        Err(_) => Pushed::NotKnownHere,
    }
}

/// The hints in an index. One that cannot be read is no hint.
async fn claims(source: &dyn Source, index: &[Descriptor], subject: &Digest) -> Vec<Claim> {
    let mut claims = Vec::new();
    for attachment in sibling_attachments(source, index, subject).await.unwrap_or_default() {
        for layer in attachment.manifest.iter().flat_map(|manifest| &manifest.layers) {
            let Ok(bytes) = read_blob(source, layer, CLAIM_BYTES_MAX).await else { continue };
            let read = read_unsigned_claim(&bytes).ok().filter(|claim| claim.is_about(subject));
            claims.extend(read.map(|claim| Claim { manifest: attachment.digest, claim }));
        }
    }
    claims
}

/// Bytes that are not those of their digest are an answer, and not a failure to get one.
fn changed(error: TransportError) -> Failure {
    let is_changed = error.kind() == ErrorKind::Corrupt;
    let failure = Failure::from(error);
    if is_changed { Failure { verdict: Verdict::GateFailed, ..failure } } else { failure }
}

fn say_what_is_changed(failure: Failure) -> Failure {
    match failure.verdict {
        Verdict::GateFailed => {
            failure.help("these are not the bytes that were pushed: take the image from elsewhere")
        }
        _ => failure,
    }
}
