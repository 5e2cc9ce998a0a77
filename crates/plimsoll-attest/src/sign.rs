use crate::envelope::IN_TOTO;
use crate::{
    BUNDLE_BYTES_MAX, Bundle, Envelope, EnvelopeSignature, ParseStatementError, SigningKey, Statement, pae,
};

/// Base64 makes four bytes of three.
const STATEMENT_BYTES_MAX: u64 = BUNDLE_BYTES_MAX / 4 * 3 - 4096;

/// Why a statement is not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Nobody would read it.
    #[error("the statement has {0} bytes; at most {STATEMENT_BYTES_MAX} fit into a bundle that others read")]
    TooLarge(u64),
    /// It could not be read again.
    #[error(transparent)]
    Statement(#[from] ParseStatementError),
}

/// Signs a statement: one envelope with one signature, without a `keyid`, which cosign would refuse.
pub fn sign(statement: &Statement, key: &SigningKey) -> Result<Bundle, SignError> {
    let payload = statement.to_json().into_bytes();
    let length = payload.len() as u64;
    if length > STATEMENT_BYTES_MAX {
        return Err(SignError::TooLarge(length));
    }
    Statement::parse(&payload)?;
    let signature = EnvelopeSignature { bytes: key.sign(&pae(IN_TOTO, &payload)), key_id: None };
    let envelope = Envelope { payload_type: IN_TOTO.to_owned(), payload, signatures: vec![signature] };
    Ok(Bundle::of_key(envelope, &key.public().id()))
}
