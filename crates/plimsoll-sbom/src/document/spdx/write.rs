use std::collections::BTreeMap;
use std::io;

use plimsoll_oci::{Algorithm, Digest};
use serde::{Serialize, Serializer};

use super::super::license::License;
use super::super::property::{self, Properties};
use super::super::{Document, Subject, identity};
use crate::{Distribution, Located, Purl};

/// Writes a document as SPDX 2.3.
pub(in super::super) fn write(document: &Document, out: impl io::Write) -> io::Result<()> {
    let ids = identity::component_ids(document);
    let author = Author::of(document);
    let mut spdx = SpdxDocument::of(document, &ids, &author);
    spdx.document_namespace = identity::urn(&spdx)?;
    Ok(serde_json::to_writer(out, &spdx)?)
}

const DOCUMENT: &str = "DOCUMENT";
const SUBJECT: &str = "Subject";
const OPERATING_SYSTEM: &str = "OperatingSystem";
const NO_ASSERTION: &str = "NOASSERTION";

/// Who says so and when, which annotations repeat.
struct Author {
    tool: String,
    created: String,
}

impl Author {
    fn of(document: &Document) -> Self {
        let name = one_line(&document.tool.name);
        let version = one_line(&document.tool.version);
        let tool =
            if version.is_empty() { format!("Tool: {name}") } else { format!("Tool: {name}-{version}") };
        Self { tool, created: document.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpdxDocument<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: Id<'a>,
    name: &'a str,
    document_namespace: String,
    creation_info: CreationInfo<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<ExtractedLicense<'a>>,
    packages: Packages<'a>,
    relationships: Vec<Relationship<'a>>,
}

#[derive(Serialize)]
struct CreationInfo<'a> {
    created: &'a str,
    creators: [&'a str; 1],
}

/// A name that its author gave to a licence; the text itself is not known.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicense<'a> {
    license_id: String,
    name: &'a str,
    extracted_text: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    #[serde(rename = "SPDXID")]
    id: Id<'a>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_package_purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksums: Option<[Checksum; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<[ExternalRef; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<[Annotation<'a>; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: Purl,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotation<'a> {
    annotator: &'a str,
    annotation_date: &'a str,
    annotation_type: &'static str,
    comment: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship<'a> {
    spdx_element_id: Id<'a>,
    relationship_type: &'static str,
    related_spdx_element: Id<'a>,
}

/// An element's name, written as `SPDXRef-` and that name.
#[derive(Clone, Copy)]
struct Id<'a>(&'a str);

impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("SPDXRef-{}", self.0))
    }
}

/// The packages, each made only when it is written: there may be very many.
struct Packages<'a> {
    document: &'a Document,
    ids: &'a [String],
    author: &'a Author,
}

impl Serialize for Packages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let distribution = self.document.distribution.as_ref();
        let subject = std::iter::once(subject(&self.document.subject));
        let system = distribution.map(|distribution| operating_system(distribution, self.author));
        let located = self.document.components.iter().zip(self.ids);
        let packages = located.map(|(located, id)| package(located, id, distribution, self.author));
        serializer.collect_seq(subject.chain(system).chain(packages))
    }
}

impl<'a> SpdxDocument<'a> {
    fn of(document: &'a Document, ids: &'a [String], author: &'a Author) -> Self {
        Self {
            spdx_version: "SPDX-2.3",
            data_license: "CC0-1.0",
            id: Id(DOCUMENT),
            name: document.subject.name(),
            document_namespace: String::new(),
            creation_info: CreationInfo { created: &author.created, creators: [&author.tool] },
            has_extracted_licensing_infos: extracted_licenses(document),
            packages: Packages { document, ids, author },
            relationships: relationships(document, ids),
        }
    }
}

impl<'a> Package<'a> {
    /// A package of which nothing more is said.
    fn new(id: &'a str, name: String) -> Self {
        Self {
            id: Id(id),
            name,
            version_info: None,
            supplier: None,
            download_location: NO_ASSERTION,
            files_analyzed: false,
            primary_package_purpose: None,
            checksums: None,
            source_info: None,
            license_concluded: NO_ASSERTION,
            license_declared: NO_ASSERTION.to_owned(),
            copyright_text: NO_ASSERTION,
            external_refs: None,
            annotations: None,
        }
    }
}

fn subject(subject: &Subject) -> Package<'_> {
    let (purpose, digest) = match subject {
        Subject::Image { digest, .. } => ("CONTAINER", Some(digest)),
        Subject::Directory { .. } => ("FILE", None),
        Subject::Other { .. } => ("OTHER", None),
    };
    Package {
        primary_package_purpose: Some(purpose),
        checksums: digest.map(|digest| [checksum(digest)]),
        ..Package::new(SUBJECT, subject.name().to_owned())
    }
}

fn checksum(digest: &Digest) -> Checksum {
    let algorithm = match digest.algorithm() {
        Algorithm::Sha256 => "SHA256",
        Algorithm::Sha512 => "SHA512",
    };
    Checksum { algorithm, checksum_value: digest.encoded() }
}

fn operating_system<'a>(distribution: &'a Distribution, author: &'a Author) -> Package<'a> {
    Package {
        version_info: Some(distribution.version_id.as_str()).filter(|version| !version.is_empty()),
        primary_package_purpose: Some("OPERATING-SYSTEM"),
        annotations: annotation(&property::of_distribution(distribution), author),
        ..Package::new(OPERATING_SYSTEM, distribution.id.clone())
    }
}

fn package<'a>(
    located: &'a Located,
    id: &'a str,
    distribution: Option<&Distribution>,
    author: &'a Author,
) -> Package<'a> {
    let component = &located.component;
    let purl = component.purl(distribution);
    let mut properties = property::of_located(located, &purl);
    if component.licenses.len() > 1 {
        properties.insert(property::LICENSES.to_owned(), json(&component.licenses));
    }
    let vendor = component.properties.get(crate::Component::VENDOR).map(|vendor| one_line(vendor));
    let external = ExternalRef {
        reference_category: "PACKAGE-MANAGER",
        reference_type: "purl",
        reference_locator: purl,
    };
    Package {
        version_info: Some(component.version.as_str()).filter(|version| !version.is_empty()),
        supplier: vendor.filter(|vendor| !vendor.is_empty()).map(|vendor| format!("Organization: {vendor}")),
        source_info: Some(format!("found by {} in {}", located.found_by, located.path)),
        license_declared: declared(&component.licenses),
        external_refs: Some([external]),
        annotations: annotation(&properties, author),
        ..Package::new(id, component.full_name())
    }
}

fn annotation<'a>(properties: &Properties, author: &'a Author) -> Option<[Annotation<'a>; 1]> {
    (!properties.is_empty()).then(|| {
        [Annotation {
            annotator: &author.tool,
            annotation_date: &author.created,
            annotation_type: "OTHER",
            comment: json(properties),
        }]
    })
}

/// Texts alone, or maps of texts, which always have a form in JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Agents stand on one line, and an address in round brackets (SPDX 2.3, section 6.8).
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('<', "(").replace('>', ")")
}

/// One expression of all licences; a name becomes a reference to an [`ExtractedLicense`].
fn declared(licenses: &[String]) -> String {
    let is_alone = licenses.len() == 1;
    let terms = licenses.iter().map(|text| match License::of(text) {
        License::Id(id) => id.to_owned(),
        License::Expression(text) if is_alone => text.to_owned(),
        License::Expression(text) => format!("({text})"),
        License::Name(name) => license_reference(name),
    });
    let terms: Vec<_> = terms.collect();
    if terms.is_empty() { NO_ASSERTION.to_owned() } else { terms.join(" AND ") }
}

fn license_reference(name: &str) -> String {
    format!("LicenseRef-{}-{}", identity::id_string(name), identity::short_hash(&[name]))
}

fn extracted_licenses(document: &Document) -> Vec<ExtractedLicense<'_>> {
    let licenses = document.components.iter().flat_map(|located| &located.component.licenses);
    let names = licenses.filter(|text| matches!(License::of(text), License::Name(_)));
    let by_id: BTreeMap<String, &str> = names.map(|name| (license_reference(name), name.as_str())).collect();
    let extracted = |(license_id, name)| ExtractedLicense { license_id, name, extracted_text: NO_ASSERTION };
    by_id.into_iter().map(extracted).collect()
}

/// The document describes the subject, which contains everything; an owner contains what belongs to it.
fn relationships<'a>(document: &'a Document, ids: &'a [String]) -> Vec<Relationship<'a>> {
    let relationship = |left, relationship_type, right| Relationship {
        spdx_element_id: Id(left),
        relationship_type,
        related_spdx_element: Id(right),
    };
    let mut relationships = vec![relationship(DOCUMENT, "DESCRIBES", SUBJECT)];
    if document.distribution.is_some() {
        relationships.push(relationship(SUBJECT, "CONTAINS", OPERATING_SYSTEM));
    }
    for (id, owner) in ids.iter().zip(identity::owners(document, ids)) {
        relationships.push(relationship(SUBJECT, "CONTAINS", id));
        if let Some(owner) = owner {
            relationships.push(relationship(owner, "CONTAINS", id));
        }
    }
    relationships
}
