use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use plimsoll_oci::Digest;
use serde::Deserialize;

use super::super::elements::{Elements, Few, fault, few};
use super::super::written::WrittenComponent;
use super::super::{Document, Ignored, ReadDocumentError, Subject, Tool, property};
use crate::{Distribution, Located};

/// Reads a document of version 2.2 or 2.3.
pub(in super::super) fn read(bytes: &[u8]) -> Result<(Document, Ignored), ReadDocumentError> {
    let document: SpdxDocument<'_> = serde_json::from_slice(bytes).map_err(fault)?;
    let described = few(document.document_describes);
    let described = described.chain(few(document.relationships).map(|describes| describes.0));
    let mut contents = Contents {
        described: described.collect(),
        license_names: license_names(document.has_extracted_licensing_infos.unwrap_or_default()),
        ..Contents::default()
    };
    for element in document.packages.unwrap_or_default().0 {
        match serde_json::from_str(element.get()) {
            Ok(package) => contents.add(package),
            Err(_) => contents.ignored.malformed += 1,
        }
    }
    let creation = document.creation_info.unwrap_or_default();
    let subject = contents.subject.map(subject);
    let read = Document {
        subject: subject.unwrap_or(Subject::Other { name: document.name.unwrap_or_default() }),
        distribution: contents.system.or(contents.distribution),
        components: contents.components,
        created: creation.created.and_then(|time| time.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH),
        tool: few(creation.creators).find_map(|creator| tool(&creator)).unwrap_or_default(),
    };
    Ok((read, contents.ignored))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpdxDocument<'a> {
    name: Option<String>,
    creation_info: Option<CreationInfo>,
    /// SPDX 2.2 names its subject here; 2.3 says it as a relationship, and either may be used.
    document_describes: Option<Few<String>>,
    #[serde(borrow)]
    has_extracted_licensing_infos: Option<Elements<'a>>,
    #[serde(borrow)]
    packages: Option<Elements<'a>>,
    relationships: Option<Few<Describes>>,
}

#[derive(Default, Deserialize)]
struct CreationInfo {
    created: Option<String>,
    creators: Option<Few<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicense {
    license_id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: Option<String>,
    name: Option<String>,
    version_info: Option<String>,
    primary_package_purpose: Option<String>,
    license_declared: Option<String>,
    checksums: Option<Few<Checksum>>,
    external_refs: Option<Few<ExternalRef>>,
    annotations: Option<Few<Annotation>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: Option<String>,
    checksum_value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_type: Option<String>,
    reference_locator: Option<String>,
}

#[derive(Deserialize)]
struct Annotation {
    comment: Option<String>,
}

/// The element that a relationship says the document describes; other relationships are none of these.
#[derive(Deserialize)]
#[serde(try_from = "Relationship")]
struct Describes(String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: String,
    related_spdx_element: String,
}

/// What was found so far.
#[derive(Default)]
struct Contents {
    described: HashSet<String>,
    /// The names of licences by their references.
    license_names: HashMap<String, String>,
    subject: Option<Package>,
    components: Vec<Located>,
    /// The distribution that a package says.
    system: Option<Distribution>,
    /// The distribution that the first package URL of a system package names.
    distribution: Option<Distribution>,
    ignored: Ignored,
}

impl Contents {
    fn add(&mut self, package: Package) {
        let is_described = package.id.as_ref().is_some_and(|id| self.described.contains(id));
        if is_described && self.subject.is_none() {
            self.subject = Some(package);
            return;
        }
        if package.primary_package_purpose.as_deref() == Some("OPERATING-SYSTEM") {
            self.system = self.system.take().or_else(|| distribution(package));
            return;
        }
        let written = self.written(package);
        if let Some((located, distribution)) = written.locate(&mut self.ignored) {
            self.components.push(located);
            self.distribution = self.distribution.take().or(distribution);
        }
    }

    fn written(&self, package: Package) -> WrittenComponent {
        let mut properties = properties(package.annotations);
        let all_licenses = properties.remove(property::LICENSES);
        let all_licenses = all_licenses.and_then(|json| serde_json::from_str(&json).ok());
        let declared = package.license_declared.into_iter().filter_map(|text| self.license(text));
        let purl = |reference: ExternalRef| {
            reference.reference_locator.filter(|_| reference.reference_type.as_deref() == Some("purl"))
        };
        WrittenComponent {
            purl: few(package.external_refs).find_map(purl),
            group: None,
            name: package.name.unwrap_or_default(),
            version: package.version_info,
            licenses: all_licenses.unwrap_or_else(|| declared.collect()),
            path: None,
            properties: properties.into_iter().collect(),
        }
    }

    /// A licence as its author wrote it.
    fn license(&self, declared: String) -> Option<String> {
        match declared.as_str() {
            "NOASSERTION" | "NONE" => None,
            _ => Some(self.license_names.get(&declared).cloned().unwrap_or(declared)),
        }
    }
}

impl TryFrom<Relationship> for Describes {
    type Error = &'static str;

    fn try_from(relationship: Relationship) -> Result<Self, Self::Error> {
        match relationship.relationship_type.as_str() {
            "DESCRIBES" => Ok(Self(relationship.related_spdx_element)),
            "DESCRIBED_BY" => Ok(Self(relationship.spdx_element_id)),
            _ => Err("another relationship"),
        }
    }
}

fn license_names(licenses: Elements<'_>) -> HashMap<String, String> {
    let licenses = licenses.0.into_iter().filter_map(|element| serde_json::from_str(element.get()).ok());
    licenses.map(|license: ExtractedLicense| (license.license_id, license.name)).collect()
}

/// Our properties, out of the annotations that hold them; those of others are prose.
fn properties(annotations: Option<Few<Annotation>>) -> BTreeMap<String, String> {
    let comments = few(annotations).filter_map(|annotation| annotation.comment);
    comments.filter_map(|comment| serde_json::from_str::<BTreeMap<_, _>>(&comment).ok()).flatten().collect()
}

fn distribution(package: Package) -> Option<Distribution> {
    let id = package.name.filter(|name| !name.is_empty())?;
    let version_id = package.version_info.unwrap_or_default();
    let mut distribution = Distribution { id, version_id, ..Distribution::default() };
    for (name, value) in properties(package.annotations) {
        property::tell_distribution(&mut distribution, &name, &value);
    }
    Some(distribution)
}

fn subject(package: Package) -> Subject {
    let digest = few(package.checksums).find_map(digest);
    // Others write an image's digest as its version.
    let digest = digest.or_else(|| package.version_info?.parse().ok());
    let name = package.name.unwrap_or_default();
    match (package.primary_package_purpose.as_deref(), digest) {
        (Some("CONTAINER"), Some(digest)) => Subject::Image { name, digest },
        (Some("FILE"), _) => Subject::Directory { path: name },
        _ => Subject::Other { name },
    }
}

fn digest(checksum: Checksum) -> Option<Digest> {
    let algorithm = match checksum.algorithm?.as_str() {
        "SHA256" => "sha256",
        "SHA512" => "sha512",
        _ => return None,
    };
    format!("{algorithm}:{}", checksum.checksum_value?).parse().ok()
}

/// `Tool: name-version`, of which the last hyphen separates (SPDX 2.3, section 6.8).
fn tool(creator: &str) -> Option<Tool> {
    let text = creator.strip_prefix("Tool:")?.trim();
    let (name, version) = text.rsplit_once('-').unwrap_or((text, ""));
    Some(Tool { name: name.to_owned(), version: version.to_owned() })
}
