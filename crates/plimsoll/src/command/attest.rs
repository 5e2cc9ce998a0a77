mod provenance;
mod vouch;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use plimsoll_attest::{PredicateType, Statement};
use plimsoll_oci::Digest;
use serde_json::value::RawValue;

pub(super) use self::provenance::BuildArguments;
use super::cp::read_name;
use crate::advisories::read_bounded;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::{KeyPassword, KeySource, Saying, say};

/// Largest predicate that is read: as base64 it fits into what other tools read.
const PREDICATE_BYTES_MAX: u64 = 95 * 1024 * 1024;

/// Say something about an image, and sign it
///
/// The attestation is a Sigstore bundle that refers to the image: it travels with it (plimsoll cp -r), and cosign
/// verifies it.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "plimsoll attest [OPTIONS] --type TYPE --predicate FILE --key KEY IMAGE\n       \
                      plimsoll attest provenance [OPTIONS] --key KEY IMAGE"
)]
pub(crate) struct Attest {
    #[command(subcommand)]
    kind: Option<Kind>,
    /// The image: a reference or oci:DIR[:TAG]
    #[arg(required = true)]
    image: Option<String>,
    /// What is said: provenance, spdx, cyclonedx, vulns, openvex, test-result, vsa, custom or a URI
    #[arg(long = "type", value_name = "TYPE", value_parser = predicate_type, required = true)]
    predicate_type: Option<PredicateType>,
    /// The predicate, in JSON
    #[arg(long, value_name = "FILE", required = true)]
    predicate: Option<PathBuf>,
    /// The private key: a file, or env://NAME for a variable that holds it
    #[arg(long, value_name = "KEY", required = true)]
    key: Option<KeySource>,
    #[command(flatten)]
    password: KeyPassword,
    #[command(flatten)]
    registries: RegistryArguments,
}

#[derive(Debug, Subcommand)]
enum Kind {
    Provenance(Box<provenance::AttestProvenance>),
}

impl Attest {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        if let Some(Kind::Provenance(provenance)) = &self.kind {
            return provenance.run(context);
        }
        let (Some(image), Some(predicate_type), Some(predicate), Some(key)) =
            (&self.image, &self.predicate_type, &self.predicate, &self.key)
        else {
            return Err(Failure::usage("it is not said what to attest").help("plimsoll attest --help"));
        };
        let image = read_name(image, context)?;
        let predicate = read_predicate(predicate)?;
        let key = key.open(&self.password, context)?;
        let statement = |digest: &Digest| Statement::about(digest, predicate_type.clone(), predicate.clone());
        say(&Saying { image: &image, key: &key, statement: &statement }, &self.registries, context)
    }
}

/// Reads the kind of a statement by its short name or URI.
pub(super) fn predicate_type(text: &str) -> Result<PredicateType, String> {
    PredicateType::named(text).ok_or_else(|| {
        let names: Vec<&str> = PredicateType::short_names().collect();
        format!("write a URI, or one of {}", names.join(", "))
    })
}

fn read_predicate(file: &Path) -> Result<Box<RawValue>, Failure> {
    let unusable = |what: &str, error: &dyn std::error::Error| {
        Failure::usage(format!("the predicate {what}")).at(file.display().to_string()).because(error)
    };
    let bytes =
        read_bounded(file, PREDICATE_BYTES_MAX).map_err(|error| unusable("cannot be read", &error))?;
    serde_json::from_slice(&bytes).map_err(|error| unusable("is not JSON", &error))
}
