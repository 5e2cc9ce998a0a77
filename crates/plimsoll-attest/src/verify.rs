mod refusal;

use jiff::Timestamp;
use plimsoll_oci::Digest;

pub use self::refusal::Refusal;
use crate::envelope::IN_TOTO;
use crate::logged::logged_at;
use crate::{
    Bundle, Envelope, EnvelopeSignature, KeyId, PredicateType, Role, Signatory, Signer, Statement, Trust,
};

/// Something that is said about an image, by somebody who may say it.
///
/// There is no other way to one than a signature that verified.
#[derive(Clone, Debug)]
pub struct Fact {
    statement: Statement,
    signer: String,
    person: String,
    key: KeyId,
    roles: Vec<Role>,
    logged_at: Option<Timestamp>,
}

impl Fact {
    /// What is said.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// What kind of statement it is.
    pub fn predicate_type(&self) -> &PredicateType {
        &self.statement.predicate_type
    }

    /// Who says it.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// Which person that is: people are counted, and not keys.
    pub fn person(&self) -> &str {
        &self.person
    }

    /// The key it was signed with.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// When it was logged, if a trusted log proves it.
    pub fn logged_at(&self) -> Option<Timestamp> {
        self.logged_at
    }

    /// In which of their roles they may.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }
}

/// Verifies a Sigstore bundle: what it says about `subject`, judged at the time that a trusted log states, else at `now`.
pub fn verify_bundle(json: &[u8], subject: &Digest, trust: &Trust, now: Timestamp) -> Result<Fact, Refusal> {
    let bundle = Bundle::parse(json)?;
    let [signature] = bundle.envelope.signatures.as_slice() else {
        return Err(Refusal::SignatureCount(bundle.envelope.signatures.len()));
    };
    let Signatory::Key { hint } = &bundle.signatory else { return Err(Refusal::Certificate) };
    check_key_id(signature, hint.as_deref())?;
    let signed = bundle.envelope.signed_bytes();
    let signer = who_signed(&signed, &signature.bytes, hint.as_deref(), trust)?;
    let logged_at = logged_at(&bundle, &signed, &signature.bytes, trust.logs());
    let fact = admit(read_statement(&bundle.envelope)?, signer, subject, trust, logged_at.unwrap_or(now))?;
    Ok(Fact { logged_at, ..fact })
}

/// In a bundle the signature's `keyid`, where it has one, must be the hint (`sigstore_bundle.proto`).
fn check_key_id(signature: &EnvelopeSignature, hint: Option<&str>) -> Result<(), Refusal> {
    match &signature.key_id {
        Some(key_id) if hint != Some(key_id) => {
            let hint = hint.unwrap_or_default().to_owned();
            Err(Refusal::KeyId { key_id: key_id.clone(), hint })
        }
        _ => Ok(()),
    }
}

/// Finds the signer by the hint, or by trying everybody: a hint is not signed, and clients need not give one.
pub(crate) fn who_signed<'t>(
    signed: &[u8],
    signature: &[u8],
    hint: Option<&str>,
    trust: &'t Trust,
) -> Result<&'t Signer, Refusal> {
    let hinted = trust.signers().iter().find(|signer| Some(signer.key_id().to_string().as_str()) == hint);
    if let Some(signer) = hinted {
        let is_theirs = signer.has_signed(signed, signature);
        return if is_theirs { Ok(signer) } else { Err(Refusal::Tampered { signer: signer.name.clone() }) };
    }
    let found = trust.signers().iter().find(|signer| signer.has_signed(signed, signature));
    found.ok_or_else(|| Refusal::UnknownKey { hint: hint.map(str::to_owned) })
}

pub(crate) fn read_statement(envelope: &Envelope) -> Result<Statement, Refusal> {
    if envelope.payload_type != IN_TOTO {
        return Err(Refusal::PayloadType(envelope.payload_type.clone()));
    }
    Ok(Statement::parse(&envelope.payload)?)
}

/// Admits what was signed as a fact: it is about the subject, and its signer may say so at the time `at`.
pub(crate) fn admit(
    statement: Statement,
    signer: &Signer,
    subject: &Digest,
    trust: &Trust,
    at: Timestamp,
) -> Result<Fact, Refusal> {
    if !statement.is_about(subject) {
        return Err(Refusal::of_other_subject(subject, &statement));
    }
    let roles = trust.roles_to_say(signer, &statement.predicate_type);
    if roles.is_empty() {
        let predicate_type = statement.predicate_type;
        return Err(Refusal::NotTheirRole { signer: signer.name.clone(), predicate_type });
    }
    check_time(signer, at)?;
    Ok(Fact {
        statement,
        signer: signer.name.clone(),
        person: signer.person().to_owned(),
        key: signer.key_id(),
        roles,
        logged_at: None,
    })
}

/// Judges the signer's times at `at`.
fn check_time(signer: &Signer, at: Timestamp) -> Result<(), Refusal> {
    let name = || signer.name.clone();
    if let Some(revocation) = &signer.revoked
        && (revocation.is_compromise || at >= revocation.since)
    {
        return Err(Refusal::Revoked { signer: name(), revocation: revocation.clone() });
    }
    match (signer.valid_from, signer.valid_until) {
        (Some(from), _) if at < from => Err(Refusal::NotYetValid { signer: name(), from }),
        (_, Some(until)) if at >= until => Err(Refusal::Expired { signer: name(), until }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
