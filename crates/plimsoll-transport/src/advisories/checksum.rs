use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plimsoll_oci::{Algorithm, Digest, Hasher};
use reqwest::header::HeaderMap;

/// How much is read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// What a server says that its file hashes to: SHA-256 (RFC 9530, `Repr-Digest`), or CRC-32C as Google's object storage
/// names it. A server need not say anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checksum {
    sha256: Option<[u8; 32]>,
    crc32c: Option<u32>,
}

impl Checksum {
    pub(super) fn named_in(headers: &HeaderMap) -> Self {
        let values = |name: &str| {
            let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).map(|part| part.trim().to_owned()).collect::<Vec<_>>()
        };
        let decoded = |parts: Vec<String>, key: &str| {
            let value = parts.iter().find_map(|part| part.strip_prefix(key))?.trim_matches(':').to_owned();
            STANDARD.decode(value).ok()
        };
        Self {
            sha256: decoded(values("repr-digest"), "sha-256=").and_then(|it| it.try_into().ok()),
            crc32c: decoded(values("x-goog-hash"), "crc32c=")
                .and_then(|it| it.try_into().ok())
                .map(u32::from_be_bytes),
        }
    }

    /// In what the content differs from what the server said.
    pub(super) fn problem(self, content: &mut impl Read) -> io::Result<Option<String>> {
        if self == Self::default() {
            return Ok(None);
        }
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut crc = !0;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let count = content.read(&mut piece)?;
            let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            hasher.update(bytes);
            crc = crc32c(crc, bytes);
        }
        let digest = hasher.finish();
        let has_other_digest = self.sha256.is_some_and(|said| sha256(&said) != digest);
        let has_other_crc = self.crc32c.is_some_and(|said| said != !crc);
        let is_other = has_other_digest || has_other_crc;
        Ok(is_other.then(|| "it has another check sum than the server says".to_owned()))
    }
}

fn sha256(bytes: &[u8; 32]) -> Digest {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}").parse().unwrap_or_else(|_| Digest::sha256_of(b""))
}

/// Goes on with a CRC-32C (RFC 3720, section 12.1), whose polynomial is not that of zip.
fn crc32c(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, byte| {
        let at = usize::from((crc.to_le_bytes()[0]) ^ byte);
        TABLE[at] ^ (crc >> 8)
    })
}

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut table = [0; 256];
    let mut at: u32 = 0;
    while at < 256 {
        let mut crc = at;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[at as usize] = crc;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_crc_is_that_of_the_specification() {
        assert_eq!(!crc32c(!0, b"123456789"), 0xe306_9283);
        assert_eq!(!crc32c(crc32c(!0, b"1234"), b"56789"), 0xe306_9283);
    }

    #[test]
    fn what_a_server_says_is_compared() {
        let said = STANDARD.encode(0xe306_9283_u32.to_be_bytes());
        let checksum = Checksum::named_in(&headers("x-goog-hash", &format!("md5=xyz, crc32c={said}")));
        assert_eq!(checksum.problem(&mut &b"123456789"[..]).unwrap(), None);
        assert!(checksum.problem(&mut &b"12345678"[..]).unwrap().is_some());
        let hello = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
        let checksum = Checksum::named_in(&headers("repr-digest", hello));
        assert_eq!(checksum.problem(&mut &b"hello"[..]).unwrap(), None);
        assert!(checksum.problem(&mut &b"hullo"[..]).unwrap().is_some());
        assert_eq!(Checksum::named_in(&HeaderMap::new()).problem(&mut &b"x"[..]).unwrap(), None);
    }
}
