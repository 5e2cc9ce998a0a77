use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use plimsoll_attest::{PredicateType, Statement};
use plimsoll_oci::Digest;
use plimsoll_transport::{ImageName, WarningCollector};
use plimsoll_vuln::acceptance::{Acceptance, AcceptanceState, AcceptanceUse};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::command::approve::repository_of;
use crate::command::cp::read_name;
use crate::command::except::ask_report;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::{Saying, SigningArguments, say, wall_clock};

/// Attach what is accepted in an image as a signed OpenVEX document
///
/// An accepted risk is `affected` there, with who accepts it until when as the action: it does not say that the image is
/// safe. What is open again or not needed is left out.
#[derive(Debug, Args)]
#[command(override_usage = "plimsoll exceptions export [OPTIONS] --key KEY IMAGE")]
pub(super) struct Export {
    /// The image in a Plimsoll registry
    image: String,
    #[command(flatten)]
    signing: SigningArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Export {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let image = read_name(&self.image, context)?;
        let places = self.registries.places(context, Arc::new(WarningCollector::default()))?;
        let report = context.block_on(ask_report(&places, &image))?;
        let used: Vec<Acceptance> = report.verdict.exceptions.into_iter().filter_map(in_use).collect();
        if used.is_empty() {
            return Err(Failure::usage("nothing is accepted in this image")
                .at(self.image.clone())
                .help(format!("plimsoll exceptions ls {}", self.image)));
        }
        let key = self.signing.open(context)?;
        let now = wall_clock();
        let statement = |digest: &Digest| {
            let document = to_raw_value(&document(&used, &image, digest, now)).expect("texts serialise");
            Statement::about(digest, PredicateType::OPENVEX, document)
        };
        say(&Saying { image: &image, key: &key, statement: &statement }, &self.registries, context)
    }
}

fn in_use(one: AcceptanceUse) -> Option<Acceptance> {
    matches!(one.state, AcceptanceState::Used(_)).then_some(one.acceptance)
}

/// An OpenVEX document of version 0.2.0.
fn document(accepted: &[Acceptance], image: &ImageName, digest: &Digest, now: Timestamp) -> Value {
    let product = image_purl(image, digest);
    let statements: Vec<Value> = accepted.iter().map(|one| statement(one, &product)).collect();
    let id = Digest::sha256_of(json!([product, statements]).to_string().as_bytes());
    let owners: std::collections::BTreeSet<&str> = accepted.iter().map(|one| one.owner.as_str()).collect();
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": format!("urn:plimsoll:vex:{id}"),
        "author": owners.into_iter().collect::<Vec<_>>().join(", "),
        "timestamp": now.to_string(),
        "version": 1,
        "statements": statements,
    })
}

fn statement(accepted: &Acceptance, product: &str) -> Value {
    let mut about = json!({ "@id": product });
    if let Some(purl) = &accepted.purl {
        about["subcomponents"] = json!([{ "@id": purl }]);
    }
    let aliases: Vec<&String> = accepted.ids.iter().skip(1).collect();
    let until = accepted.expires_at.strftime("%Y-%m-%d");
    json!({
        "vulnerability": { "name": accepted.ids.first(), "aliases": aliases },
        "products": [about],
        "status": "affected",
        "action_statement":
            format!("accepted by {} until {until}: {}", accepted.owner, accepted.reason),
    })
}

/// The image as package URLs name it (purl specification, type `oci`).
fn image_purl(image: &ImageName, digest: &Digest) -> String {
    let digest = digest.to_string().replace(':', "%3A");
    match repository_of(image) {
        Some(repository) => {
            let name = repository.rsplit('/').next().unwrap_or_default();
            format!("pkg:oci/{name}@{digest}?repository_url={}", repository.replace(':', "%3A"))
        }
        None => format!("pkg:oci/image@{digest}"),
    }
}
