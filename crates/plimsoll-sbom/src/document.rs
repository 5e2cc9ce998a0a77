mod cyclonedx;
mod elements;
mod identity;
mod license;
mod property;
mod spdx;
mod written;

use std::io;

use jiff::Timestamp;
use plimsoll_oci::Digest;
use serde::Deserialize;

use crate::{Distribution, Located};

/// What an SBOM says, whichever format it is written in: these components are in that subject.
///
/// Two documents that say the same are the same bytes. Their serial numbers are drawn from their content, and the time
/// is the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What is described.
    pub subject: Subject,
    /// The distribution whose packages are in it.
    pub distribution: Option<Distribution>,
    /// The components with their evidence, in the order in which they are written.
    pub components: Vec<Located>,
    /// When it was made, to the second; 1970 where a document does not say.
    pub created: Timestamp,
    /// What made it.
    pub tool: Tool,
}

/// What a document describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An image.
    Image {
        /// The name that the user gave: a reference or a path.
        name: String,
        /// Its manifest's digest.
        digest: Digest,
    },
    /// A directory or file.
    Directory {
        /// Its path, as the user gave it.
        path: String,
    },
    /// Something that a document of another tool describes otherwise, or not at all.
    Other {
        /// Its name, possibly empty.
        name: String,
    },
}

impl Subject {
    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Image { name, .. } | Self::Directory { path: name } | Self::Other { name } => name,
        }
    }
}

/// The program that made a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tool {
    /// Its name; empty where a document does not say.
    pub name: String,
    /// Its version, possibly empty.
    pub version: String,
}

/// The formats that are written and read, both as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentFormat {
    /// CycloneDX: 1.6 is written, 1.2 to 1.7 are read.
    CycloneDx,
    /// SPDX: 2.3 is written, 2.2 and 2.3 are read.
    Spdx,
}

/// A document as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadDocument {
    /// What it says.
    pub document: Document,
    /// The format that it was in.
    pub format: DocumentFormat,
    /// What it says beyond that.
    pub ignored: Ignored,
}

/// The components of a document that were left out, counted by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// They have no package URL, so that no advisory can name them.
    pub without_purl: usize,
    /// Their package URL is of a type without components here, such as `github`.
    pub other_types: usize,
    /// They, or their package URL, are malformed.
    pub malformed: usize,
}

impl Document {
    /// The largest document that is read: room for [`Document::COMPONENTS_MAX`] components in either format.
    pub const BYTES_MAX: usize = 256 << 20;
    /// The most components, nested ones included, that are read.
    pub const COMPONENTS_MAX: usize = 200_000;
    /// How deep components may be nested in components; flat documents have depth one.
    pub const DEPTH_MAX: usize = 16;

    /// Writes it as JSON, without line breaks but the last.
    pub fn write(&self, format: DocumentFormat, mut out: impl io::Write) -> io::Result<()> {
        match format {
            DocumentFormat::CycloneDx => cyclonedx::write::write(self, &mut out)?,
            DocumentFormat::Spdx => spdx::write::write(self, &mut out)?,
        }
        out.write_all(b"\n")
    }

    /// Reads a document of either format, whoever made it. What it holds beyond components is passed over.
    pub fn read(bytes: &[u8]) -> Result<ReadDocument, ReadDocumentError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(ReadDocumentError::Bytes);
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let (format, version) = detect(bytes)?;
        let (document, ignored) = match (format, version.as_str()) {
            (DocumentFormat::CycloneDx, "1.2" | "1.3" | "1.4" | "1.5" | "1.6" | "1.7") => {
                cyclonedx::read::read(bytes)?
            }
            (DocumentFormat::Spdx, "SPDX-2.2" | "SPDX-2.3") => spdx::read::read(bytes)?,
            _ => return Err(ReadDocumentError::Version { format, version }),
        };
        Ok(ReadDocument { document, format, ignored })
    }
}

/// The members by which a document says what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    bom_format: Option<String>,
    spec_version: Option<String>,
    spdx_version: Option<String>,
    #[serde(rename = "@context")]
    context: Option<serde::de::IgnoredAny>,
}

fn detect(bytes: &[u8]) -> Result<(DocumentFormat, String), ReadDocumentError> {
    let probe: Probe = serde_json::from_slice(bytes).map_err(ReadDocumentError::Json)?;
    match probe {
        Probe { bom_format: Some(name), spec_version, .. } if name == "CycloneDX" => {
            Ok((DocumentFormat::CycloneDx, spec_version.unwrap_or_default()))
        }
        Probe { spdx_version: Some(version), .. } => Ok((DocumentFormat::Spdx, version)),
        // SPDX 3 is JSON-LD and says its version only inside its graph.
        Probe { context: Some(_), .. } => Ok((DocumentFormat::Spdx, "SPDX-3".to_owned())),
        _ => Err(ReadDocumentError::Format),
    }
}

/// Why an SBOM could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadDocumentError {
    /// It goes past [`Document::BYTES_MAX`].
    #[error("an SBOM of more than {max} MiB is not read", max = Document::BYTES_MAX >> 20)]
    Bytes,
    /// It goes past [`Document::COMPONENTS_MAX`].
    #[error("an SBOM of more than {max} components is not read", max = Document::COMPONENTS_MAX)]
    Components,
    /// It goes past [`Document::DEPTH_MAX`].
    #[error("an SBOM whose components are nested more than {max} deep is not read", max = Document::DEPTH_MAX)]
    Depth,
    /// It is not JSON, or its members have other types than the format gives them.
    #[error(
        "an SBOM is read as CycloneDX or SPDX in JSON, and this is malformed; convert it if it is XML or tag-value"
    )]
    Json(#[source] serde_json::Error),
    /// It is JSON, but neither CycloneDX nor SPDX.
    #[error("the JSON has neither `bomFormat` nor `spdxVersion`, so it is no SBOM in CycloneDX or SPDX")]
    Format,
    /// The format's version is not known here.
    #[error("`{version}` of {format:?} is not read; use CycloneDX 1.2 to 1.7, or SPDX 2.2 or 2.3")]
    Version {
        /// The format.
        format: DocumentFormat,
        /// The version that it claims.
        version: String,
    },
}
