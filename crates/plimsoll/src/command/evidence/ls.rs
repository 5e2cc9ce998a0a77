use std::sync::Arc;

use clap::Args;
use plimsoll_attest::{BUNDLE_BYTES_MAX, EvidenceLayer};
use plimsoll_oci::{Descriptor, Digest};
use plimsoll_transport::{
    Attachment, ImageName, Link, Places, Source, WarningCollector, attachments, read_blob,
};
use serde::Serialize;

use super::unverified_statement;
use crate::command::cp::read_name;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::terminal::{Column, Page, Report, Table, bytes};

/// List what is attached to an image: signatures, attestations and other referrers
#[derive(Debug, Args)]
pub(super) struct Ls {
    /// The image: a reference or oci:DIR[:TAG]
    image: String,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Ls {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let name = read_name(&self.image, context)?;
        let warnings = Arc::new(WarningCollector::default());
        let places = self.registries.places(context, warnings.clone())?;
        let listed = context.block_on(list(&places, &name));
        for (host, text) in warnings.take() {
            context.terminal().warn(&format!("{host}: {text}"));
        }
        context.terminal().print(&listed?)
    }
}

async fn list(places: &Places, name: &ImageName) -> Result<Listed, Failure> {
    let open = places.open_source(name).await?;
    let source = open.source.as_ref();
    let digest = open.source.resolve(&open.target).await?.digest;
    let mut evidence = Vec::new();
    for attachment in attachments(source, &digest).await? {
        evidence.extend(rows(source, attachment).await);
    }
    Ok(Listed { api_version: "plimsoll/v1", kind: "EvidenceList", image: name.to_string(), digest, evidence })
}

/// One row for each layer: old attestations of one image are layers of one manifest.
async fn rows(source: &dyn Source, attachment: Attachment) -> Vec<Row> {
    let Attachment { digest, link, manifest } = attachment;
    let tag = match link {
        Link::Tag(tag) => Some(tag.to_string()),
        Link::Referrer | Link::Sibling => None,
    };
    let row = |artifact_type: String, says: Option<String>, bytes: u64, problem: Option<String>| Row {
        digest,
        tag: tag.clone(),
        artifact_type,
        says,
        bytes,
        problem,
    };
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(error) => return vec![row(String::new(), None, 0, Some(error.to_string()))],
    };
    let own_type = manifest.artifact_type.clone().unwrap_or_else(|| manifest.config.media_type.to_string());
    if manifest.layers.is_empty() {
        return vec![row(own_type, None, 0, None)];
    }
    let mut rows = Vec::new();
    for layer in &manifest.layers {
        let (says, problem) = says(source, layer).await;
        rows.push(row(own_type.clone(), says, layer.size, problem));
    }
    rows
}

/// What a signed layer says, before anybody has checked it.
async fn says(source: &dyn Source, layer: &Descriptor) -> (Option<String>, Option<String>) {
    let media_type = layer.media_type.as_str();
    if !EvidenceLayer::is_signed_type(media_type) {
        return (None, None);
    }
    match read_blob(source, layer, BUNDLE_BYTES_MAX).await {
        Ok(bytes) => {
            let statement = unverified_statement(media_type, &bytes);
            let kind = statement.map(|statement| statement.predicate_type.short_name().to_owned());
            // What cosign 2 signed is no statement, and always a signature.
            (kind.or_else(|| media_type.contains("simplesigning").then(|| "signature".to_owned())), None)
        }
        Err(error) => (None, Some(error.to_string())),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    api_version: &'static str,
    kind: &'static str,
    image: String,
    digest: Digest,
    evidence: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    artifact_type: String,
    /// What kind of statement it holds, unverified.
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<String>,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Report for Listed {
    fn draw(&self, page: &mut Page) {
        if self.evidence.is_empty() {
            page.line(&format!("nothing is said about {}", self.digest.short()));
            return;
        }
        let columns =
            [Column::Left("EVIDENCE"), Column::Left("SAYS"), Column::Right("SIZE"), Column::Left("TYPE")];
        let mut table = Table::new(&columns);
        for row in &self.evidence {
            let digest = if page.is_wide() { row.digest.to_string() } else { row.digest.short() };
            let kind = row.problem.as_deref().or(row.tag.as_deref()).unwrap_or(&row.artifact_type);
            let says = row.says.as_deref().unwrap_or("-");
            table.row([digest.as_str(), says, &bytes(row.bytes), kind]);
        }
        page.table(&table);
    }
}
