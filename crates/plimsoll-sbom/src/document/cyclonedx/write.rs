use std::collections::BTreeMap;
use std::io;

use plimsoll_oci::{Algorithm, Digest};
use serde::{Serialize, Serializer};

use super::super::license::License;
use super::super::property::{self, Properties};
use super::super::{Document, Subject, identity};
use crate::{Distribution, Kinship, Located, PackageType, Purl};

/// Writes a document as CycloneDX 1.6.
pub(in super::super) fn write(document: &Document, out: impl io::Write) -> io::Result<()> {
    let ids = identity::component_ids(document);
    let mut bom = Bom::of(document, &ids);
    bom.serial_number = Some(identity::urn(&bom)?);
    Ok(serde_json::to_writer(out, &bom)?)
}

/// The names of the two elements that are no components of ours.
const SUBJECT: &str = "Subject";
const OPERATING_SYSTEM: &str = "OperatingSystem";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    version: u32,
    metadata: Metadata<'a>,
    components: Components<'a>,
    dependencies: Vec<Dependency<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    timestamp: String,
    tools: Tools<'a>,
    component: Component<'a>,
}

#[derive(Serialize)]
struct Tools<'a> {
    components: [Component<'a>; 1],
}

#[derive(Default, Serialize)]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashes: Option<[Hash; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenseChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<Purl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum LicenseChoice<'a> {
    Expression(&'a str),
    License(LicenseName<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum LicenseName<'a> {
    Id(&'a str),
    Name(&'a str),
}

#[derive(Serialize)]
struct Evidence<'a> {
    identity: [Identity<'a>; 1],
    occurrences: [Occurrence<'a>; 1],
}

#[derive(Serialize)]
struct Identity<'a> {
    field: &'static str,
    methods: [Method<'a>; 1],
}

#[derive(Serialize)]
struct Method<'a> {
    technique: &'static str,
    confidence: u32,
    value: &'a str,
}

#[derive(Serialize)]
struct Occurrence<'a> {
    location: &'a str,
}

#[derive(Serialize)]
struct Property {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct Dependency<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    #[serde(rename = "dependsOn")]
    depends_on: Vec<&'a str>,
}

/// The components, each made only when it is written: there may be very many.
struct Components<'a> {
    document: &'a Document,
    ids: &'a [String],
}

impl Serialize for Components<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let distribution = self.document.distribution.as_ref();
        let system = distribution.map(operating_system);
        let located = self.document.components.iter().zip(self.ids);
        let components = located.map(|(located, id)| component(located, id, distribution));
        serializer.collect_seq(system.into_iter().chain(components))
    }
}

impl<'a> Bom<'a> {
    fn of(document: &'a Document, ids: &'a [String]) -> Self {
        let tool = Component {
            kind: "application",
            name: &document.tool.name,
            version: some(&document.tool.version),
            ..Component::default()
        };
        Self {
            schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
            bom_format: "CycloneDX",
            spec_version: "1.6",
            serial_number: None,
            version: 1,
            metadata: Metadata {
                timestamp: document.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                tools: Tools { components: [tool] },
                component: subject(&document.subject),
            },
            components: Components { document, ids },
            dependencies: dependencies(document, ids),
        }
    }
}

fn subject(subject: &Subject) -> Component<'_> {
    let component = Component { reference: Some(SUBJECT), name: subject.name(), ..Component::default() };
    match subject {
        Subject::Image { digest, .. } => {
            Component { kind: "container", hashes: Some([hash(digest)]), ..component }
        }
        Subject::Directory { .. } => Component { kind: "file", ..component },
        Subject::Other { .. } => Component { kind: "application", ..component },
    }
}

fn hash(digest: &Digest) -> Hash {
    let alg = match digest.algorithm() {
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    };
    Hash { alg, content: digest.encoded() }
}

fn operating_system(distribution: &Distribution) -> Component<'_> {
    Component {
        kind: "operating-system",
        reference: Some(OPERATING_SYSTEM),
        name: &distribution.id,
        version: some(&distribution.version_id),
        description: distribution.pretty_name.as_deref(),
        properties: properties(property::of_distribution(distribution)),
        ..Component::default()
    }
}

fn component<'a>(located: &'a Located, id: &'a str, distribution: Option<&Distribution>) -> Component<'a> {
    let component = &located.component;
    let purl = component.purl(distribution);
    let vendor = component.properties.get(crate::Component::VENDOR);
    Component {
        kind: if component.package_type == PackageType::Generic { "application" } else { "library" },
        reference: Some(id),
        supplier: vendor.map(|name| Named { name }),
        group: component.namespace.as_deref(),
        name: &component.name,
        version: some(&component.version),
        licenses: licenses(&component.licenses),
        evidence: evidence(located),
        properties: properties(property::of_located(located, &purl)),
        purl: Some(purl),
        ..Component::default()
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// One expression stands alone; beside others, the schema has room for identifiers and names only.
fn licenses(licenses: &[String]) -> Vec<LicenseChoice<'_>> {
    let is_alone = licenses.len() == 1;
    let choice = |text| match License::of(text) {
        License::Id(id) => LicenseChoice::License(LicenseName::Id(id)),
        License::Expression(text) if is_alone => LicenseChoice::Expression(text),
        License::Expression(name) | License::Name(name) => LicenseChoice::License(LicenseName::Name(name)),
    };
    licenses.iter().map(|text| choice(text.as_str())).collect()
}

fn evidence(located: &Located) -> Option<Evidence<'_>> {
    let component = &located.component;
    let is_in_bytes =
        component.kinship == Kinship::Embedded || component.package_type == PackageType::Generic;
    let technique = if is_in_bytes { "binary-analysis" } else { "manifest-analysis" };
    some(&located.path).map(|path| Evidence {
        identity: [Identity { field: "purl", methods: [Method { technique, confidence: 1, value: path }] }],
        occurrences: [Occurrence { location: path }],
    })
}

fn properties(properties: Properties) -> Vec<Property> {
    properties.into_iter().map(|(name, value)| Property { name, value }).collect()
}

/// The subject brings what nothing in it owns, and an owner brings what belongs to it.
fn dependencies<'a>(document: &'a Document, ids: &'a [String]) -> Vec<Dependency<'a>> {
    let owners = identity::owners(document, ids);
    let mut brought: BTreeMap<&str, Vec<&str>> = BTreeMap::from([(SUBJECT, Vec::new())]);
    let system = document.distribution.iter().map(|_| (SUBJECT, OPERATING_SYSTEM));
    let located = ids.iter().zip(owners).map(|(id, owner)| (owner.unwrap_or(SUBJECT), id.as_str()));
    for (by, what) in system.chain(located) {
        brought.entry(by).or_default().push(what);
    }
    brought.into_iter().map(|(reference, depends_on)| Dependency { reference, depends_on }).collect()
}
