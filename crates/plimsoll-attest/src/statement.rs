use std::collections::BTreeMap;

use plimsoll_oci::Digest;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::PredicateType;
use crate::nesting::{TooDeep, check_nesting};

/// The type of statements that are written.
const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// The type that `cosign attest` and `BuildKit` still write. Its fields are the same.
const STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";

/// Most subjects of one statement that are read.
const SUBJECTS_MAX: usize = 10_000;

/// What is said about what: subjects, matched by digest alone, and a predicate (in-toto attestation,
/// `spec/v1/statement.md`).
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// What kind of statement it is.
    pub predicate_type: PredicateType,
    /// What is said, as it was written; `{}` where nothing is.
    pub predicate: Box<RawValue>,
}

/// Something that a statement is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// A name for people. Nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The digests: algorithm and hexadecimal hash.
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
    /// What the signer added; cosign's `-a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Why some bytes are not a statement.
#[derive(Debug, thiserror::Error)]
pub enum ParseStatementError {
    /// It is too deep.
    #[error(transparent)]
    Nesting(#[from] TooDeep),
    /// It is not JSON of the expected shape.
    #[error("the statement is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// It says to be something else.
    #[error("the payload is `{0}`, and not an in-toto statement")]
    Type(String),
    /// It is about nothing.
    #[error("the statement has no subject")]
    NoSubject,
    /// It is about too much.
    #[error("the statement has {0} subjects; at most {SUBJECTS_MAX} are read")]
    ManySubjects(usize),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read<'a> {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(default)]
    subject: Option<Vec<Subject>>,
    predicate_type: String,
    #[serde(default, borrow)]
    predicate: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: &'a [Subject],
    predicate_type: &'a PredicateType,
    predicate: &'a RawValue,
}

impl Statement {
    /// Reads a statement of version 1 or 0.1. Unknown properties are left alone.
    pub fn parse(json: &[u8]) -> Result<Self, ParseStatementError> {
        check_nesting(json)?;
        let read: Read<'_> = serde_json::from_slice(json)?;
        if read.kind != STATEMENT_V1 && read.kind != STATEMENT_V01 {
            return Err(ParseStatementError::Type(read.kind));
        }
        let subjects = read.subject.unwrap_or_default();
        if subjects.is_empty() {
            return Err(ParseStatementError::NoSubject);
        }
        if subjects.len() > SUBJECTS_MAX {
            return Err(ParseStatementError::ManySubjects(subjects.len()));
        }
        let predicate = read.predicate.map_or_else(empty_object, ToOwned::to_owned);
        Ok(Self { subjects, predicate_type: read.predicate_type.into(), predicate })
    }

    /// Writes a statement of version 1.
    pub fn to_json(&self) -> String {
        let written = Written {
            kind: STATEMENT_V1,
            subject: &self.subjects,
            predicate_type: &self.predicate_type,
            predicate: &self.predicate,
        };
        serde_json::to_string(&written).expect("texts and maps of texts serialise")
    }

    /// A signature of `subject`, exactly as `cosign sign` says it.
    pub fn signature(subject: &Digest) -> Self {
        let subject = Subject { annotations: Some(serde_json::Map::new()), ..Subject::of(subject) };
        Self { subjects: vec![subject], predicate_type: PredicateType::SIGNATURE, predicate: empty_object() }
    }

    /// A statement about `subject`.
    pub fn about(subject: &Digest, predicate_type: PredicateType, predicate: Box<RawValue>) -> Self {
        Self { subjects: vec![Subject::of(subject)], predicate_type, predicate }
    }

    /// Whether one of the subjects is `digest`.
    pub fn is_about(&self, digest: &Digest) -> bool {
        let encoded = digest.encoded();
        let matches = |subject: &Subject| subject.digest.get(digest.algorithm().name()) == Some(&encoded);
        self.subjects.iter().any(matches)
    }
}

impl Subject {
    /// A subject without a name.
    pub fn of(digest: &Digest) -> Self {
        let digest = BTreeMap::from([(digest.algorithm().name().to_owned(), digest.encoded())]);
        Self { name: None, digest, annotations: None }
    }
}

pub(crate) fn empty_object() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("it is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Digest {
        Digest::sha256_of(b"image")
    }

    #[test]
    fn a_signature_is_written_as_cosign_writes_it() {
        let expected = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{}"}},"annotations":{{}}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}}"#,
            subject().encoded()
        );
        assert_eq!(Statement::signature(&subject()).to_json(), expected);
    }

    #[test]
    fn version_0_1_and_unknown_properties_are_read() {
        let json = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v0.1","subject":[{{"name":"r/app","digest":{{"sha256":"{}"}}}}],"predicateType":"x:y","later":1}}"#,
            subject().encoded()
        );
        let statement = Statement::parse(json.as_bytes()).unwrap();
        assert!(statement.is_about(&subject()));
        assert!(!statement.is_about(&Digest::sha256_of(b"other")));
        assert_eq!((statement.predicate_type.as_str(), statement.predicate.get()), ("x:y", "{}"));
    }

    #[test]
    fn what_is_no_statement_is_refused_with_the_reason() {
        let refusal = |json: &str| Statement::parse(json.as_bytes()).unwrap_err().to_string();
        assert_eq!(refusal(&"[".repeat(10_000)), "the JSON is nested more than 96 levels deep");
        let other = r#"{"_type":"https://example.org/x","predicateType":"x:y"}"#;
        assert_eq!(refusal(other), "the payload is `https://example.org/x`, and not an in-toto statement");
        let empty = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x:y"}"#;
        assert_eq!(refusal(empty), "the statement has no subject");
        let twice =
            r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"a:b","predicateType":"x:y"}"#;
        assert!(refusal(twice).contains("duplicate field"), "{}", refusal(twice));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>) {
            let _ = Statement::parse(&bytes);
        }
    }
}
