use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use reqwest::Certificate;

use crate::TransportError;

/// Largest file of certificates that is read; a system's whole collection has a quarter of a megabyte.
const CA_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Reads certificates to trust, for [`crate::RegistryOptions::ca_pem`]. A file without any is an error that names it.
pub fn read_ca_file(file: &Path) -> Result<Vec<u8>, TransportError> {
    let mut pem = Vec::new();
    let opened = File::open(file).map_err(TransportError::io("read the certificates in", file))?;
    let read = opened.take(CA_FILE_BYTES_MAX + 1).read_to_end(&mut pem);
    read.map_err(TransportError::io("read the certificates in", file))?;
    if pem.len() as u64 > CA_FILE_BYTES_MAX {
        let what = format!("the size of `{}`", file.display());
        return Err(TransportError::limit(what, format!("{CA_FILE_BYTES_MAX} bytes")));
    }
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(pem),
        _ => Err(no_certificate(&format!("`{}`", file.display()))),
    }
}

pub(super) fn no_certificate(what: &str) -> TransportError {
    TransportError::Unsupported {
        what: format!("{what} holds no certificate in PEM"),
        help: "a certificate begins with -----BEGIN CERTIFICATE-----".to_owned(),
    }
}
