//! What others say of findings: OpenVEX statements, read and applied.
//!
//! A statement never makes a finding disappear. One that says `not_affected` or `fixed` moves it to the suppressed
//! ones, where its author and reason are shown; the others stand beside it.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use document::Document;
use product::Product;
pub use product::{Image, Installed, PurlPattern};

mod document;
mod product;

/// A larger document is not read.
const DOCUMENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The statements of all documents that count, found by the vulnerability that they speak of.
#[derive(Clone, Debug, Default)]
pub struct Statements {
    /// By id in upper case, in the order of their reading.
    by_vulnerability: HashMap<String, Vec<Arc<Statement>>>,
}

/// What one author says of one vulnerability in some products.
#[derive(Debug)]
struct Statement {
    said: Assertion,
    products: Vec<Product>,
}

/// A statement as it is shown beside a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assertion {
    /// What it says.
    pub status: Status,
    /// Who says it.
    pub author: String,
    /// The document's id.
    pub document: String,
    /// When it was said, or last said again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Why: the justification, with the author's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The status of a vulnerability in a product (OpenVEX, section "Status labels").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There is nothing to do.
    NotAffected,
    /// There is something to do.
    Affected,
    /// The product has the fix.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

impl Status {
    /// Whether the finding does not count any more.
    pub fn suppresses(self) -> bool {
        matches!(self, Self::NotAffected | Self::Fixed)
    }

    /// As the specification spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Affected => "affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
        }
    }
}

/// How much of a document counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Statements that count.
    pub statements: usize,
    /// What was passed over and why, each reason once.
    pub passed_over: Vec<&'static str>,
}

/// Why a document does not count at all.
#[derive(Debug, thiserror::Error)]
pub enum VexFault {
    /// It goes past the limit.
    #[error("a VEX document has at most {max} bytes", max = DOCUMENT_BYTES_MAX)]
    Length,
    /// It is no JSON of the expected form.
    #[error("cannot read the VEX document")]
    Json(#[from] serde_json::Error),
    /// It is something else.
    #[error("`@context` does not name OpenVEX; it should begin with `https://openvex.dev/ns`")]
    Context,
    /// Nobody stands for it.
    #[error("the VEX document names no author, so that nobody stands for it")]
    Author,
}

impl Statements {
    /// No statements.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an OpenVEX document's statements; those of form 0.0.1 and 0.2.0 are understood.
    pub fn add(&mut self, json: &[u8]) -> Result<Reading, VexFault> {
        if json.len() > DOCUMENT_BYTES_MAX {
            return Err(VexFault::Length);
        }
        let document: Document = serde_json::from_slice(json)?;
        let (statements, passed_over) = document.statements()?;
        let reading = Reading { statements: statements.len(), passed_over };
        for (ids, statement) in statements {
            let statement = Arc::new(statement);
            for id in ids {
                self.by_vulnerability
                    .entry(id.to_ascii_uppercase())
                    .or_default()
                    .push(Arc::clone(&statement));
            }
        }
        Ok(reading)
    }

    /// What is said of a finding: by the newest statement that names the component, or the image around it. Of equally
    /// old ones the one that was added last counts.
    pub fn about(&self, finding: &Finding, installed: &Installed<'_>, image: &Image) -> Option<&Assertion> {
        if self.by_vulnerability.is_empty() {
            return None;
        }
        let names = finding.ids.iter().chain(&finding.advisories);
        let of_vulnerability =
            names.filter_map(|id| self.by_vulnerability.get(&id.to_ascii_uppercase())).flatten();
        let applies = |statement: &&Arc<Statement>| {
            statement.products.iter().any(|product| product.holds(installed, image))
        };
        of_vulnerability.filter(applies).map(|statement| &statement.said).max_by_key(|said| said.time)
    }
}

#[cfg(test)]
mod tests;
