use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use plimsoll_attest::{EMPTY_CONFIG, EvidenceLayer, LogProofs};
use plimsoll_oci::{Descriptor, Digest, MediaType, RegistryHost};
use plimsoll_tlog::{FactLeaf, LogProof};
use plimsoll_transport::{
    Attachment, ImageName, Places, RawManifest, WarningCollector, attach, attachments, log_proofs,
};
use serde::Serialize;

use crate::command::cp::read_name;
use crate::command::log::{LogSource, Prover, entry_of};
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::to_write;
use crate::terminal::{Page, Report};

/// Attach the proofs that the server's log holds the evidence about an image
///
/// What other tools have signed has no place for such a proof. This one travels with the image (plimsoll cp -r, oras cp
/// -r): wherever it goes, the evidence is judged at the time that the log states, if the policy trusts the log. All
/// proofs are one referrer; what is proved already is left out.
#[derive(Debug, Args)]
pub(super) struct Prove {
    /// The image, in a registry with a log
    image: String,
    /// The server with the log, if it is another one
    #[arg(long, value_name = "SERVER")]
    log: Option<RegistryHost>,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Prove {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name = read_name(&self.image, context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let proved = context.block_on(self.prove(&places, &name));
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&proved?)
    }

    async fn prove(&self, places: &Places, name: &ImageName) -> Result<Proved, Failure> {
        let server = self.server(name)?;
        let open = places.open_source(name).await?;
        let subject = open.source.resolve(&open.target).await?;
        let attached = attachments(open.source.as_ref(), &subject.digest).await?;
        let known = log_proofs(open.source.as_ref(), &attached).await;
        let log = LogSource::Server(Box::new(places.registries.clone()), server);
        let verifier = log.verifier(None).await?;
        let mut prover = Prover::new(&log, &verifier);
        let (mut proofs, mut facts, mut unlogged) = (Vec::new(), Vec::new(), Vec::new());
        for fact in attached.iter().filter(|one| is_evidence(one) && !known.speaks_of(&one.digest)) {
            let named = fact.manifest.as_ref().ok().and_then(|manifest| manifest.subject.as_ref());
            let subject = named.map(|named| named.digest.to_string());
            let leaf = FactLeaf { manifest: fact.digest.to_string(), subject };
            match entry_of(&log, &leaf).await? {
                Some(index) => {
                    proofs.push(prover.first(index).await?);
                    facts.push(fact.digest);
                }
                None => unlogged.push(fact.digest),
            }
        }
        let evidence =
            if proofs.is_empty() { None } else { Some(put(places, name, &subject, &proofs).await?) };
        let (api_version, kind) = ("plimsoll/v1", "LogProofs");
        Ok(Proved {
            api_version,
            kind,
            image: name.to_string(),
            digest: subject.digest,
            facts,
            unlogged,
            evidence,
        })
    }

    fn server(&self, name: &ImageName) -> Result<RegistryHost, Failure> {
        match (&self.log, name) {
            (Some(server), _) => Ok(server.clone()),
            (None, ImageName::Registry { reference, .. }) => Ok(reference.registry.clone()),
            (None, _) => {
                Err(Failure::usage(format!("`{name}` is in no registry that has a log")).help("--log SERVER"))
            }
        }
    }
}

/// Whether something that is attached holds what is signed. What could not be read holds nothing here.
fn is_evidence(attachment: &Attachment) -> bool {
    let layers = attachment.manifest.iter().flat_map(|manifest| &manifest.layers);
    layers.into_iter().any(|layer| EvidenceLayer::is_signed_type(layer.media_type.as_str()))
}

/// Attaches the proofs as one referrer.
async fn put(
    places: &Places,
    name: &ImageName,
    subject: &Descriptor,
    proofs: &[LogProof],
) -> Result<Digest, Failure> {
    let sink = places.open_sink(&to_write(name), None).await?.sink;
    let (manifest, blobs) = proofs_referrer(subject, proofs);
    attach(sink.as_ref(), &blobs, &manifest).await?;
    Ok(manifest.digest)
}

/// Proofs as a referrer of `subject`, with its blobs.
pub(in crate::command) fn proofs_referrer(
    subject: &Descriptor,
    proofs: &[LogProof],
) -> (RawManifest, [(Descriptor, Bytes); 2]) {
    let document = Bytes::from(LogProofs::document(proofs));
    let media_type: MediaType = LogProofs::MEDIA_TYPE.parse().expect("it is a media type");
    let layer = Descriptor::of(media_type, &document);
    let config = Descriptor::of(MediaType::EMPTY_JSON, EMPTY_CONFIG);
    let subject = Descriptor::new(subject.media_type.clone(), subject.digest, subject.size);
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MediaType::IMAGE_MANIFEST.as_str(),
        "artifactType": LogProofs::MEDIA_TYPE,
        "config": config,
        "layers": [layer],
        "subject": subject,
    });
    let bytes = Bytes::from(manifest.to_string());
    let manifest =
        RawManifest { digest: Digest::sha256_of(&bytes), media_type: MediaType::IMAGE_MANIFEST, bytes };
    (manifest, [(config, Bytes::from_static(EMPTY_CONFIG)), (layer, document)])
}

/// What was proved.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Proved {
    api_version: &'static str,
    kind: &'static str,
    image: String,
    digest: Digest,
    /// The evidence that the proofs speak of.
    facts: Vec<Digest>,
    /// Evidence that the log does not hold.
    unlogged: Vec<Digest>,
    /// The manifest that attaches the proofs, if there are new ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Digest>,
}

impl Report for Proved {
    fn draw(&self, page: &mut Page) {
        let short =
            |page: &Page, digest: &Digest| if page.is_wide() { digest.to_string() } else { digest.short() };
        match &self.evidence {
            Some(evidence) => {
                let (evidence, digest) = (short(page, evidence), short(page, &self.digest));
                page.line(&format!("attached {} proofs of the log {evidence} to {digest}", self.facts.len()));
            }
            None => page.line("nothing new to prove"),
        }
        for digest in &self.unlogged {
            let digest = short(page, digest);
            page.line(&format!("  not in the log: {digest}"));
        }
    }
}
