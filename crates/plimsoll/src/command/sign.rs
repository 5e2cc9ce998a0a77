use clap::Args;
use plimsoll_attest::Statement;
use plimsoll_oci::Digest;

use super::cp::read_name;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::{Saying, SigningArguments, say};

/// Sign an image
///
/// The signature is a Sigstore bundle that refers to the image: it travels with it (plimsoll cp -r), and cosign
/// verifies it. An index is signed as a whole; that says nothing about its images one by one.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The image: a reference or oci:DIR[:TAG]
    image: String,
    #[command(flatten)]
    signing: SigningArguments,
    /// Add this to what is signed; may be given several times
    #[arg(short, long = "annotation", value_name = "NAME=VALUE", value_parser = annotation)]
    annotations: Vec<(String, String)>,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Sign {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let image = read_name(&self.image, context)?;
        let key = self.signing.open(context)?;
        let statement = |digest: &Digest| self.statement(digest);
        say(&Saying { image: &image, key: &key, statement: &statement }, &self.registries, context)
    }

    fn statement(&self, digest: &Digest) -> Statement {
        let mut statement = Statement::signature(digest);
        let added = self.annotations.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
        for subject in &mut statement.subjects {
            subject.annotations.get_or_insert_default().extend(added.clone());
        }
        statement
    }
}

/// Reads a name with its value.
pub(super) fn annotation(text: &str) -> Result<(String, String), &'static str> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or("write NAME=VALUE")
}
