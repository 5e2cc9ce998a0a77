//! What an approver has before them: the statements about the image at that moment.

use plimsoll_attest::{BUNDLE_BYTES_MAX, EvidenceLayer, Seen};
use plimsoll_transport::{ImageName, Places, Source, attachments, read_blob};

use crate::command::evidence::unverified_statement;
use crate::failure::Failure;

/// Most statements that are written into an approval.
const SEEN_MAX: usize = 1_000;

/// Most bytes of statements that are read.
const BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The statements about an image, by their bundles. Whether they are good is for who counts the approval to find out: what
/// matters here is which ones the approver had.
pub(super) async fn evidence_before(places: &Places, image: &ImageName) -> Result<Vec<Seen>, Failure> {
    let open = places.open_source(image).await?;
    let source: &dyn Source = open.source.as_ref();
    let subject = source.resolve(&open.target).await?.digest;
    let mut seen = Vec::new();
    let mut left = BYTES_MAX;
    for attachment in attachments(source, &subject).await? {
        let layers = attachment.manifest.into_iter().flat_map(|manifest| manifest.layers);
        for layer in layers.filter(|layer| EvidenceLayer::is_signed_type(layer.media_type.as_str())) {
            let many = || {
                let what =
                    format!("more is said about the image than {SEEN_MAX} statements or {BYTES_MAX} bytes");
                Failure::usage(what).at(image.to_string()).help("--blind writes down nothing of it")
            };
            left = left.checked_sub(layer.size).filter(|_| seen.len() < SEEN_MAX).ok_or_else(many)?;
            let bytes = read_blob(source, &layer, BUNDLE_BYTES_MAX).await?;
            let statement = unverified_statement(layer.media_type.as_str(), &bytes);
            let worth_seeing =
                statement.map(|statement| statement.predicate_type).filter(Seen::is_worth_seeing);
            seen.extend(worth_seeing.map(|predicate_type| Seen::of(&layer.digest, predicate_type)));
        }
    }
    Ok(seen)
}
