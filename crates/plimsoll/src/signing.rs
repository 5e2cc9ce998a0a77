//! Signing with a key on this machine: where the key and its password come from, and how a statement is attached.

mod key_file;
mod password;

use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use jiff::Timestamp;
use plimsoll_attest::{EMPTY_CONFIG, SigningKey, Statement, referrer, sign};
use plimsoll_oci::{Descriptor, Digest, MediaType};
use plimsoll_server::now;
use plimsoll_transport::{ImageName, Keeps, Places, RawManifest, Target, WarningCollector, attach};
use serde::Serialize;

pub(crate) use self::key_file::KeySource;
pub(crate) use self::password::KeyPassword;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::terminal::{Page, Report};

/// The key to sign with.
#[derive(Debug, Args)]
pub(crate) struct SigningArguments {
    /// The private key: a file, or env://NAME for a variable that holds it
    #[arg(long, value_name = "KEY")]
    key: KeySource,
    #[command(flatten)]
    password: KeyPassword,
}

impl SigningArguments {
    /// Opens the key, and asks for its password if it has one.
    pub(crate) fn open(&self, context: &mut Context) -> Result<SigningKey, Failure> {
        self.key.open(&self.password, context)
    }
}

/// What is to be said about an image.
pub(crate) struct Saying<'a> {
    pub(crate) image: &'a ImageName,
    pub(crate) key: &'a SigningKey,
    /// Makes the statement, once the image's digest is known.
    pub(crate) statement: &'a (dyn Fn(&Digest) -> Statement + Sync),
}

/// Signs a statement about an image, attaches it, and tells what was done.
pub(crate) fn say(
    saying: &Saying<'_>,
    registries: &RegistryArguments,
    context: &mut Context,
) -> Result<(), Failure> {
    let warnings = Arc::new(WarningCollector::default());
    let places = registries.places(context, warnings.clone())?;
    let said = context.block_on(sign_and_attach(saying, &places));
    for (host, text) in warnings.take() {
        context.terminal().warn(&format!("{host}: {text}"));
    }
    context.terminal().print(&said?)
}

/// Signs a statement about an image, and attaches it.
pub(crate) async fn sign_and_attach(saying: &Saying<'_>, places: &Places) -> Result<Said, Failure> {
    let open = places.open_source(saying.image).await?;
    let subject = open.source.resolve(&open.target).await?;
    let sink = places.open_sink(&to_write(saying.image), None).await?.sink;
    if sink.keeps() == Keeps::OneImage {
        let what = format!("`{}` keeps an image alone, and nothing that is said about it", saying.image);
        return Err(Failure::usage(what).help("sign it in a registry or an OCI layout"));
    }
    let statement = (saying.statement)(&subject.digest);
    let unsigned = |error| Failure::usage("the statement cannot be signed").because(&error);
    let bundle = sign(&statement, saying.key).map_err(unsigned)?;
    let made = referrer(&bundle, &statement.predicate_type, &bare(&subject), &created());
    let bytes = Bytes::from(made.manifest);
    let manifest =
        RawManifest { digest: Digest::sha256_of(&bytes), media_type: MediaType::IMAGE_MANIFEST, bytes };
    let blobs = [(made.config, Bytes::from_static(EMPTY_CONFIG)), (made.layer, Bytes::from(made.bundle))];
    attach(sink.as_ref(), &blobs, &manifest).await?;
    Ok(Said {
        api_version: "plimsoll/v1",
        kind: "Evidence",
        image: saying.image.to_string(),
        digest: subject.digest,
        predicate_type: statement.predicate_type.to_string(),
        evidence: manifest.digest,
        key_id: saying.key.public().id().to_string(),
        what: statement.predicate_type.short_name().to_owned(),
    })
}

/// A layout is written to as a whole, whichever image of it was named.
pub(crate) fn to_write(image: &ImageName) -> ImageName {
    match image {
        ImageName::Layout { directory, .. } => {
            ImageName::Layout { directory: directory.clone(), target: Target::Sole }
        }
        other => other.clone(),
    }
}

/// What a subject needs: its annotations and platform belong to whoever listed it.
fn bare(subject: &Descriptor) -> Descriptor {
    Descriptor::new(subject.media_type.clone(), subject.digest, subject.size)
}

fn created() -> String {
    wall_clock().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The time on this machine.
pub(crate) fn wall_clock() -> Timestamp {
    Timestamp::from_millisecond(now().unix_ms()).unwrap_or_default()
}

/// What was said.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Said {
    api_version: &'static str,
    kind: &'static str,
    image: String,
    /// What it is about.
    digest: Digest,
    predicate_type: String,
    /// The manifest that attaches it.
    pub(crate) evidence: Digest,
    key_id: String,
    #[serde(skip)]
    what: String,
}

impl Report for Said {
    fn draw(&self, page: &mut Page) {
        let short = |digest: &Digest| if page.is_wide() { digest.to_string() } else { digest.short() };
        let (digest, evidence) = (short(&self.digest), short(&self.evidence));
        page.line(&format!("attached {} {evidence} to {digest}", self.what));
        page.line(&format!("signed with key {}", self.key_id));
    }
}
