mod provenance;
mod vouch;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use plimsoll_attest::{PredicateType, Statement};
use plimsoll_oci::Digest;
use serde_json::value::RawValue;

use super::cp::read_name;
use crate::advisories::read_bounded;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::{Saying, SigningArguments, say};

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
    #[command(flatten)]
    words: Option<Words>,
}

#[derive(Debug, Subcommand)]
enum Kind {
    Provenance(Box<provenance::AttestProvenance>),
}

/// A statement that somebody else made.
#[derive(Debug, Args)]
struct Words {
    /// The image: a reference or oci:DIR[:TAG]
    image: String,
    /// What is said: provenance, spdx, cyclonedx, vulns, openvex, test-result, vsa, custom or a URI
    #[arg(long = "type", value_name = "TYPE", value_parser = predicate_type)]
    predicate_type: PredicateType,
    /// The predicate, in JSON
    #[arg(long, value_name = "FILE")]
    predicate: PathBuf,
    #[command(flatten)]
    signing: SigningArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Attest {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match (&self.kind, &self.words) {
            (Some(Kind::Provenance(provenance)), _) => provenance.run(context),
            (None, Some(words)) => words.say(context),
            (None, None) => {
                Err(Failure::usage("it is not said what to attest").help("plimsoll attest --help"))
            }
        }
    }
}

impl Words {
    fn say(&self, context: &mut Context) -> Result<(), Failure> {
        let image = read_name(&self.image, context)?;
        let predicate = read_predicate(&self.predicate)?;
        let key = self.signing.open(context)?;
        let statement =
            |digest: &Digest| Statement::about(digest, self.predicate_type.clone(), predicate.clone());
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
