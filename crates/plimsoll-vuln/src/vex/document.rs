//! OpenVEX's JSON.

use std::collections::HashMap;

use jiff::Timestamp;
use plimsoll_sbom::Purl;
use serde::Deserialize;

use super::product::Product;
use super::{Assertion, Statement, Status, VexFault};

/// What every document's `@context` begins with, before its version.
const CONTEXT: &str = "https://openvex.dev/ns";

#[derive(Deserialize)]
pub(super) struct Document {
    #[serde(rename = "@context", default)]
    context: String,
    #[serde(rename = "@id", default)]
    id: String,
    #[serde(default)]
    author: String,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    last_updated: Option<String>,
    #[serde(default)]
    statements: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    vulnerability: Vulnerability,
    #[serde(default)]
    products: Vec<Thing>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    justification: Option<String>,
    #[serde(default)]
    impact_statement: Option<String>,
    #[serde(default)]
    status_notes: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    last_updated: Option<String>,
}

/// Text in version 0.0.1, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Id(String),
    Named {
        #[serde(rename = "@id", default)]
        id: Option<String>,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

/// A product or one of its parts: text in version 0.0.1, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Thing {
    Id(String),
    Named {
        #[serde(rename = "@id", default)]
        id: Option<String>,
        #[serde(default)]
        identifiers: HashMap<String, String>,
        #[serde(default)]
        hashes: HashMap<String, String>,
        #[serde(default)]
        subcomponents: Vec<Part>,
    },
}

/// A part of a product. Parts have no parts, so that a document's depth is bounded by its form.
#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Id(String),
    Named {
        #[serde(rename = "@id", default)]
        id: Option<String>,
        #[serde(default)]
        identifiers: HashMap<String, String>,
    },
}

/// The statements with the ids that each speaks of.
type Told = Vec<(Vec<String>, Statement)>;

impl Document {
    /// The statements that count, and why others do not.
    pub(super) fn statements(mut self) -> Result<(Told, Vec<&'static str>), VexFault> {
        if !self.context.starts_with(CONTEXT) {
            return Err(VexFault::Context);
        }
        if self.author.trim().is_empty() {
            return Err(VexFault::Author);
        }
        let mut told = Vec::new();
        let mut passed_over = Vec::new();
        for entry in std::mem::take(&mut self.statements) {
            match self.statement(entry) {
                Ok(statement) => told.push(statement),
                Err(why) if passed_over.contains(&why) => {}
                Err(why) => passed_over.push(why),
            }
        }
        Ok((told, passed_over))
    }

    fn statement(&self, entry: Entry) -> Result<(Vec<String>, Statement), &'static str> {
        let ids = entry.vulnerability.ids();
        if ids.is_empty() {
            return Err("a statement names no vulnerability");
        }
        if entry.products.is_empty() {
            return Err("a statement names no product");
        }
        let status = status(&entry.status).ok_or("a statement has a status that OpenVEX does not define")?;
        let reasons = [&entry.justification, &entry.impact_statement, &entry.status_notes];
        let has_reason = [&entry.justification, &entry.impact_statement].into_iter().any(Option::is_some);
        if status == Status::NotAffected && !has_reason {
            return Err("a statement says `not_affected` with neither justification nor impact statement");
        }
        let reason = reasons.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("; ");
        let times = [&entry.last_updated, &entry.timestamp, &self.last_updated, &self.timestamp];
        let said = Assertion {
            status,
            author: self.author.clone(),
            document: self.id.clone(),
            time: times.into_iter().flatten().find_map(|text| text.parse::<Timestamp>().ok()),
            reason: Some(reason).filter(|reason| !reason.is_empty()),
        };
        let products = entry.products.into_iter().map(Thing::into_product).collect();
        Ok((ids, Statement { said, products }))
    }
}

fn status(word: &str) -> Option<Status> {
    let all = [Status::NotAffected, Status::Affected, Status::Fixed, Status::UnderInvestigation];
    all.into_iter().find(|status| status.as_str() == word)
}

impl Vulnerability {
    /// Its names. The `@id` is often an address that ends in the name.
    fn ids(self) -> Vec<String> {
        let mut ids = match self {
            Self::Id(id) => vec![id],
            Self::Named { id, name, aliases } => {
                let from_id = id.and_then(|id| id.rsplit('/').next().map(str::to_owned));
                name.into_iter().chain(from_id).chain(aliases).collect()
            }
        };
        ids.retain(|id| !id.is_empty());
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

impl Thing {
    fn into_product(self) -> Product {
        match self {
            Self::Id(id) => {
                Product { purls: purls(Some(&id), &HashMap::new()), digests: Vec::new(), parts: None }
            }
            Self::Named { id, identifiers, hashes, subcomponents } => {
                let parts = subcomponents.iter().flat_map(Part::purls).collect();
                Product {
                    purls: purls(id.as_deref(), &identifiers),
                    digests: hashes.into_iter().filter_map(|(name, hex)| digest(&name, &hex)).collect(),
                    parts: (!subcomponents.is_empty()).then_some(parts),
                }
            }
        }
    }
}

impl Part {
    fn purls(&self) -> Vec<Purl> {
        match self {
            Self::Id(id) => purls(Some(id), &HashMap::new()),
            Self::Named { id, identifiers } => purls(id.as_deref(), identifiers),
        }
    }
}

/// The package URLs among a thing's identifiers; others, such as CPEs, name nothing that is compared here.
fn purls(id: Option<&str>, identifiers: &HashMap<String, String>) -> Vec<Purl> {
    let named = identifiers.get("purl").map(String::as_str);
    id.into_iter().chain(named).filter_map(|text| text.parse().ok()).collect()
}

/// `sha256:…` of OpenVEX's `sha-256`.
fn digest(name: &str, hex: &str) -> Option<String> {
    let algorithm = match name {
        "sha-256" => "sha256",
        "sha-512" => "sha512",
        _ => return None,
    };
    Some(format!("{algorithm}:{}", hex.to_ascii_lowercase()))
}
