mod refusal;

use jiff::Timestamp;
use plimsoll_oci::Digest;
use plimsoll_tlog::LoggedEntry;

pub use self::refusal::Refusal;
use crate::envelope::IN_TOTO;
use crate::logged::logged_at;
use crate::sigstore::{CertifiedSignature, prove_identity};
use crate::{
    Bundle, BundleVersion, Envelope, EnvelopeSignature, IdentityError, KeyId, PredicateType, ProvenIdentity,
    Role, Signatory, Signer, Statement, Trust,
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
    identity: Option<Box<ProvenIdentity>>,
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

    /// Who that is by a certificate, where they have no key of their own.
    pub fn identity(&self) -> Option<&ProvenIdentity> {
        self.identity.as_deref()
    }

    /// When it was there, if a trusted log or authority of timestamps proves it.
    pub fn logged_at(&self) -> Option<Timestamp> {
        self.logged_at
    }

    /// The same fact, which was there at this time.
    pub(crate) fn witnessed(self, logged_at: Option<Timestamp>) -> Self {
        Self { logged_at, ..self }
    }

    /// In which of their roles they may.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }
}

/// Verifies a Sigstore bundle: what it says about `subject`, judged at the time that a trusted log states, else at `now`.
pub fn verify_bundle(json: &[u8], subject: &Digest, trust: &Trust, now: Timestamp) -> Result<Fact, Refusal> {
    verify_witnessed(json, subject, trust, None, now)
}

/// The same for a bundle that something beside it proves to have been there at `witnessed_at`.
pub(crate) fn verify_witnessed(
    json: &[u8],
    subject: &Digest,
    trust: &Trust,
    witnessed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Fact, Refusal> {
    let bundle = Bundle::parse(json)?;
    let [signature] = bundle.envelope.signatures.as_slice() else {
        return Err(Refusal::SignatureCount(bundle.envelope.signatures.len()));
    };
    let signed = bundle.envelope.signed_bytes();
    let logged_at = logged_at(&bundle, &signed, &signature.bytes, trust.logs());
    let logged_at = logged_at.into_iter().chain(witnessed_at).min();
    let hint = match &bundle.signatory {
        Signatory::Key { hint } => hint.as_deref(),
        Signatory::Certificate(certificate) => {
            let certified = certified(&bundle, certificate, &signed, &signature.bytes, logged_at)?;
            return admit_identity(&certified, || read_statement(&bundle.envelope), subject, trust);
        }
    };
    check_key_id(signature, hint)?;
    let author = who_signed(&signed, &signature.bytes, hint, trust)?;
    let fact = admit(read_statement(&bundle.envelope)?, author, subject, trust, logged_at.unwrap_or(now))?;
    Ok(Fact { logged_at, ..fact })
}

/// What of a bundle proves who has signed it.
fn certified<'b>(
    bundle: &'b Bundle,
    certificate: &'b [u8],
    signed: &'b [u8],
    signature: &'b [u8],
    witnessed_at: Option<Timestamp>,
) -> Result<CertifiedSignature<'b>, IdentityError> {
    let entries = bundle.log_entries.iter().map(|entry| LoggedEntry::parse(entry.to_string().as_bytes()));
    Ok(CertifiedSignature {
        certificate,
        signed,
        payload: Some(&bundle.envelope.payload),
        signature,
        entries: entries.collect::<Result<_, _>>()?,
        timestamps: &bundle.timestamps,
        witnessed_at,
        is_promise_enough: bundle.version == BundleVersion::V01,
    })
}

/// Admits what somebody has signed who is known by a certificate. It is judged at the time of the signature: a
/// certificate is worth nothing without one.
pub(crate) fn admit_identity(
    certified: &CertifiedSignature<'_>,
    statement: impl Fn() -> Result<Statement, Refusal>,
    subject: &Digest,
    trust: &Trust,
) -> Result<Fact, Refusal> {
    if trust.roots().is_empty() {
        return Err(Refusal::Certificate);
    }
    let proven = prove_identity(certified, trust.roots())?;
    let Some(signer) = trust.signer_of(&proven) else {
        return Err(Refusal::UnknownIdentity { subject: proven.subject, issuer: proven.claims.issuer });
    };
    let at = proven.signed_at;
    let fact = admit(statement()?, Author { signer, key: proven.key }, subject, trust, at)?;
    let person = signer.person_of(&proven).to_owned();
    Ok(Fact { person, logged_at: Some(at), identity: Some(Box::new(proven)), ..fact })
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

/// Somebody who has signed, and the key that it was done with.
#[derive(Clone, Copy)]
pub(crate) struct Author<'t> {
    signer: &'t Signer,
    key: KeyId,
}

/// Finds the signer by the hint, or by trying everybody: a hint is not signed, and clients need not give one.
pub(crate) fn who_signed<'t>(
    signed: &[u8],
    signature: &[u8],
    hint: Option<&str>,
    trust: &'t Trust,
) -> Result<Author<'t>, Refusal> {
    let keys = || {
        let authors = trust.signers().iter().map(|signer| Some(Author { signer, key: signer.key_id()? }));
        authors.flatten()
    };
    if let Some(author) = keys().find(|author| Some(author.key.to_string().as_str()) == hint) {
        let is_theirs = author.signer.has_signed(signed, signature);
        let name = || author.signer.name.clone();
        return if is_theirs { Ok(author) } else { Err(Refusal::Tampered { signer: name() }) };
    }
    let found = keys().find(|author| author.signer.has_signed(signed, signature));
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
    Author { signer, key }: Author<'_>,
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
        key,
        roles,
        logged_at: None,
        identity: None,
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
