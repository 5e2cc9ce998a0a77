//! Provenance that the image's own registry signs, since it has seen the CI system's token.

use std::sync::Arc;

use plimsoll_attest::BuildRecord;
use plimsoll_oci::Digest;
use plimsoll_transport::{Access, ImageName, Places, Secret, TransportError, WarningCollector};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::terminal::{Page, Report};

/// Has the registry vouch for what it learns from `token`, and tells what was done.
pub(super) fn vouch(
    image: &ImageName,
    record: &BuildRecord,
    token: &Secret,
    registries: &RegistryArguments,
    context: &mut Context,
) -> Result<(), Failure> {
    let warnings = Arc::new(WarningCollector::default());
    let places = registries.places(context, warnings.clone())?;
    let vouched = context.block_on(ask(&places, image, record, token));
    for (host, text) in warnings.take() {
        context.terminal().warn(&format!("{host}: {text}"));
    }
    context.terminal().print(&vouched?)
}

async fn ask(
    places: &Places,
    image: &ImageName,
    record: &BuildRecord,
    token: &Secret,
) -> Result<Vouched, Failure> {
    let ImageName::Registry { reference, .. } = image else {
        let what = format!("`{image}` is in no registry that could look at the token");
        return Err(Failure::usage(what).help("push it first, or sign it yourself with --key"));
    };
    let access = Access::Push { mount_from: None };
    let repository = places.registries.repository(&reference.registry, &reference.repository, &access);
    let open = places.open_source(image).await?;
    let digest = open.source.resolve(&open.target).await?.digest;
    let declared = serde_json::to_vec(record).expect("texts and times serialise");
    let evidence = repository.vouch(&digest, token, declared.into()).await.map_err(explain)?;
    Ok(Vouched {
        api_version: "plimsoll/v1",
        kind: "Evidence",
        image: image.to_string(),
        digest,
        predicate_type: plimsoll_attest::PredicateType::PROVENANCE.to_string(),
        evidence,
    })
}

fn explain(error: TransportError) -> Failure {
    let is_unknown = matches!(&error, TransportError::Refused { status: 404, .. }) || error.is_not_found();
    let failure = Failure::from(error);
    if is_unknown { failure.help("the registry must be Plimsoll's, with `ci.issuers` set") } else { failure }
}

/// What was done.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Vouched {
    api_version: &'static str,
    kind: &'static str,
    image: String,
    digest: Digest,
    predicate_type: String,
    /// The manifest that attaches it.
    evidence: Digest,
}

impl Report for Vouched {
    fn draw(&self, page: &mut Page) {
        let short = |digest: &Digest| if page.is_wide() { digest.to_string() } else { digest.short() };
        let (digest, evidence) = (short(&self.digest), short(&self.evidence));
        page.line(&format!("attached provenance {evidence} to {digest}"));
        page.line("signed by the registry, which verified the CI system's token");
    }
}
