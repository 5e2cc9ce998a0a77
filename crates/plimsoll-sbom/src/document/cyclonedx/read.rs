use std::collections::VecDeque;

use jiff::Timestamp;
use plimsoll_oci::Digest;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::elements::{Elements, Few, fault, few, is_too_many};
use super::super::written::WrittenComponent;
use super::super::{Document, Ignored, ReadDocumentError, Subject, Tool, property};
use crate::{Distribution, Located};

/// Reads a document of any version that has the members named here, which have kept their places since 1.2.
pub(in super::super) fn read(bytes: &[u8]) -> Result<(Document, Ignored), ReadDocumentError> {
    let bom: Bom<'_> = serde_json::from_slice(bytes).map_err(fault)?;
    let metadata = bom.metadata.unwrap_or_default();
    let mut contents = Contents::default();
    contents.read(bom.components.unwrap_or_default())?;
    let document = Document {
        subject: subject(metadata.component.and_then(|subject| parsed(subject).ok())),
        distribution: contents.system.or(contents.distribution),
        components: contents.components,
        created: metadata.timestamp.and_then(|time| time.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH),
        tool: metadata.tools.and_then(tool).unwrap_or_default(),
    };
    Ok((document, contents.ignored))
}

#[derive(Deserialize)]
struct Bom<'a> {
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    components: Option<Elements<'a>>,
}

#[derive(Default, Deserialize)]
struct Metadata<'a> {
    timestamp: Option<String>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    component: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    group: Option<String>,
    name: Option<String>,
    version: Option<String>,
    purl: Option<String>,
    hashes: Option<Few<Hash>>,
    licenses: Option<Few<LicenseChoice>>,
    #[serde(borrow)]
    evidence: Option<&'a RawValue>,
    properties: Option<Few<Property>>,
    #[serde(borrow)]
    components: Option<Elements<'a>>,
}

#[derive(Deserialize)]
struct Hash {
    alg: Option<String>,
    content: Option<String>,
}

#[derive(Deserialize)]
struct Property {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
struct LicenseChoice {
    expression: Option<String>,
    license: Option<LicenseName>,
}

#[derive(Deserialize)]
struct LicenseName {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Evidence {
    occurrences: Option<Few<Occurrence>>,
}

#[derive(Deserialize)]
struct Occurrence {
    location: Option<String>,
}

/// Since 1.5 tools are components.
#[derive(Deserialize)]
struct Tools {
    components: Few<NamedTool>,
}

#[derive(Deserialize)]
struct NamedTool {
    name: Option<String>,
    version: Option<String>,
}

/// What was found so far.
#[derive(Default)]
struct Contents {
    components: Vec<Located>,
    /// The distribution that an element says.
    system: Option<Distribution>,
    /// The distribution that the first package URL of a system package names.
    distribution: Option<Distribution>,
    ignored: Ignored,
}

impl Contents {
    /// Reads components level by level; nested ones are components like others.
    fn read(&mut self, top: Elements<'_>) -> Result<(), ReadDocumentError> {
        let mut total = top.0.len();
        let mut waiting = VecDeque::from([(1, top)]);
        while let Some((depth, elements)) = waiting.pop_front() {
            for element in elements.0 {
                let mut component = match parsed(element) {
                    Ok(component) => component,
                    Err(error) if is_too_many(&error) => return Err(ReadDocumentError::Components),
                    Err(_) => {
                        self.ignored.malformed += 1;
                        continue;
                    }
                };
                if let Some(nested) = component.components.take().filter(|nested| !nested.0.is_empty()) {
                    total += nested.0.len();
                    check_limits(total, depth + 1)?;
                    waiting.push_back((depth + 1, nested));
                }
                self.add(component);
            }
        }
        Ok(())
    }

    fn add(&mut self, component: Component<'_>) {
        match component.kind.as_deref() {
            Some("operating-system") => self.system = self.system.take().or_else(|| distribution(component)),
            // Files have no names that advisories know; their contents are components of their own.
            Some("file") if component.purl.is_none() => {}
            _ => {
                if let Some((located, distribution)) = written(component).locate(&mut self.ignored) {
                    self.components.push(located);
                    self.distribution = self.distribution.take().or(distribution);
                }
            }
        }
    }
}

fn check_limits(total: usize, depth: usize) -> Result<(), ReadDocumentError> {
    if total > Document::COMPONENTS_MAX {
        return Err(ReadDocumentError::Components);
    }
    if depth > Document::DEPTH_MAX { Err(ReadDocumentError::Depth) } else { Ok(()) }
}

fn parsed<'a>(element: &'a RawValue) -> serde_json::Result<Component<'a>> {
    serde_json::from_str(element.get())
}

fn written(component: Component<'_>) -> WrittenComponent {
    let evidence: Evidence =
        component.evidence.and_then(|evidence| serde_json::from_str(evidence.get()).ok()).unwrap_or_default();
    WrittenComponent {
        purl: component.purl,
        group: component.group,
        name: component.name.unwrap_or_default(),
        version: component.version,
        licenses: few(component.licenses).filter_map(license).collect(),
        path: few(evidence.occurrences).find_map(|occurrence| occurrence.location),
        properties: few(component.properties).filter_map(property).collect(),
    }
}

fn license(choice: LicenseChoice) -> Option<String> {
    choice.expression.or_else(|| choice.license.and_then(|license| license.id.or(license.name)))
}

fn property(property: Property) -> Option<(String, String)> {
    Some((property.name?, property.value?))
}

fn distribution(component: Component<'_>) -> Option<Distribution> {
    let id = component.name.filter(|name| !name.is_empty())?;
    let version_id = component.version.unwrap_or_default();
    let mut distribution = Distribution { id, version_id, ..Distribution::default() };
    for (name, value) in few(component.properties).filter_map(property) {
        property::tell_distribution(&mut distribution, &name, &value);
    }
    Some(distribution)
}

fn subject(component: Option<Component<'_>>) -> Subject {
    let Some(component) = component else { return Subject::Other { name: String::new() } };
    let digest = few(component.hashes).find_map(digest);
    // Others write an image's digest as its version.
    let digest = digest.or_else(|| component.version?.parse().ok());
    let name = component.name.unwrap_or_default();
    match (component.kind.as_deref(), digest) {
        (Some("container"), Some(digest)) => Subject::Image { name, digest },
        (Some("file"), _) => Subject::Directory { path: name },
        _ => Subject::Other { name },
    }
}

fn digest(hash: Hash) -> Option<Digest> {
    let algorithm = match hash.alg?.as_str() {
        "SHA-256" => "sha256",
        "SHA-512" => "sha512",
        _ => return None,
    };
    format!("{algorithm}:{}", hash.content?).parse().ok()
}

/// Up to 1.4 there is a list of tools, since 1.5 an object.
fn tool(tools: &RawValue) -> Option<Tool> {
    let list: Result<Few<NamedTool>, _> = serde_json::from_str(tools.get());
    let list = list.or_else(|_| serde_json::from_str(tools.get()).map(|tools: Tools| tools.components));
    let first = list.ok()?.0.into_iter().next()?;
    Some(Tool { name: first.name.unwrap_or_default(), version: first.version.unwrap_or_default() })
}
