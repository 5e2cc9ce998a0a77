use plimsoll_oci::{Digest, Manifest};
use plimsoll_registry::access::CanList;
use plimsoll_sbom::{ANALYSER_VERSION, ImageContents};
use plimsoll_store::CatalogueError;
use plimsoll_vuln::report::{Scan, ScanReport};
use plimsoll_vuln::severity::Severity;
use plimsoll_vuln::vex::{Image, Statements};

use super::advisories::InForce;
use super::{Scanner, contents, terms};

/// What is known of an image now.
pub enum ImageReport<T> {
    /// This.
    Known(T),
    /// Its contents are being found out.
    Waiting,
    /// They cannot be known, for this reason.
    NotEvaluated(String),
    /// It is no container image.
    NotImage,
}

/// How a report is asked for.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    /// The name that the image was asked for by.
    pub(super) name: &'a str,
    /// Which repositories the asker may see, if the report shall tell the base image.
    pub(super) can_list: Option<&'a CanList>,
}

/// An image's contents or its report.
pub type Judged = ImageReport<Box<ScanReport>>;

impl Scanner {
    /// What is inside an image.
    pub async fn contents(
        &self,
        manifest: Digest,
    ) -> Result<ImageReport<Box<ImageContents>>, CatalogueError> {
        let catalogue = self.parts.storage.catalogue();
        let is_image = catalogue.manifest_anywhere(manifest).await?.is_some_and(|stored| {
            Manifest::parse(&stored.bytes, Some(&stored.media_type))
                .is_ok_and(|(manifest, _)| manifest.is_container_image())
        });
        if !is_image {
            return Ok(ImageReport::NotImage);
        }
        Ok(match catalogue.image_contents(manifest).await? {
            None => ImageReport::Waiting,
            Some((version, _)) if version != ANALYSER_VERSION => ImageReport::Waiting,
            Some((_, Err(why))) => ImageReport::NotEvaluated(why),
            Some((_, Ok(bytes))) => match contents::read(&bytes) {
                Some(contents) => ImageReport::Known(Box::new(contents)),
                None => ImageReport::NotEvaluated("what was noted of the image is damaged".to_owned()),
            },
        })
    }

    /// What is known against an image, by the advisories in force.
    pub(super) async fn judge(&self, manifest: Digest, asked: &Asked<'_>) -> Result<Judged, CatalogueError> {
        let contents = match self.contents(manifest).await? {
            ImageReport::Known(contents) => contents,
            ImageReport::Waiting => return Ok(ImageReport::Waiting),
            ImageReport::NotEvaluated(why) => return Ok(ImageReport::NotEvaluated(why)),
            ImageReport::NotImage => return Ok(ImageReport::NotImage),
        };
        let InForce { index, artifact } = self.in_force();
        let instructions = self.instructions(manifest).await?;
        let digest = manifest.to_string();
        let index_digest = artifact.map_or_else(String::new, |digest| digest.to_string());
        let base = match asked.can_list {
            Some(can_list) => self.base(manifest, &contents, can_list).await?,
            None => None,
        };
        let report = Scan {
            image: asked.name,
            identity: &Image { purls: Vec::new(), digests: vec![digest.clone()] },
            digest: Some(&digest),
            contents: &contents,
            instructions: &instructions,
            base: base.as_ref(),
            index: &index,
            index_digest: &index_digest,
            terms: &terms(self.parts.age_days_max),
            statements: &Statements::new(),
            ignores: &[],
        }
        .report();
        Ok(ImageReport::Known(Box::new(report)))
    }

    /// When the image was made, as it says; documents about it are as old, and so always the same.
    pub(super) async fn created(&self, manifest: Digest) -> Result<jiff::Timestamp, CatalogueError> {
        let config = self.parts.images.config_of(manifest).await?;
        let said = config.and_then(|config| config.created?.parse().ok());
        Ok(said.unwrap_or_default())
    }

    /// The instruction of each layer, as the image's history says.
    pub(super) async fn instructions(&self, manifest: Digest) -> Result<Vec<Option<String>>, CatalogueError> {
        let config = self.parts.images.config_of(manifest).await?;
        Ok(config.map(|config| config.layer_instructions()).unwrap_or_default())
    }
}

/// That the image is not what its config says, or else its critical, high and exploited findings, in one line.
pub(super) fn warning_of(report: &ScanReport) -> Option<String> {
    if let Some(mismatch) = report.verdict.mismatches.first() {
        return Some(format!("this image is not what its config says: {mismatch}"));
    }
    let counts = &report.verdict.counts;
    let count = |severity| counts.by_severity.get(&severity).copied().unwrap_or_default();
    let parts = [
        (count(Severity::Critical), "critical"),
        (count(Severity::High), "high"),
        (counts.exploited, "known to be exploited"),
    ];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if told.is_empty() {
        return None;
    }
    Some(format!(
        "{} vulnerabilities are known in this image; {} have a fix",
        told.join(", "),
        counts.fixable
    ))
}
