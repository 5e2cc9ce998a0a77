use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tempfile::TempDir;

use crate::{Peer, find_peer};

/// Somebody who issues tokens as CI systems do: a key of RSA, made and used by OpenSSL.
pub struct TokenIssuer {
    openssl: Peer,
    directory: TempDir,
    modulus: Vec<u8>,
}

impl TokenIssuer {
    /// Makes a key, where OpenSSL is installed.
    ///
    /// # Panics
    /// When OpenSSL fails.
    pub fn new() -> Option<Self> {
        let openssl = find_peer("openssl")?;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut issuer = Self { openssl, directory, modulus: Vec::new() };
        let key = issuer.key();
        let key = key.to_str().expect("the path is a text");
        issuer.run(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key]);
        let printed = issuer.run(&["rsa", "-in", key, "-noout", "-modulus"]);
        let printed = String::from_utf8(printed).expect("a number");
        issuer.modulus = unhex(printed.trim().strip_prefix("Modulus=").expect("a modulus"));
        Some(issuer)
    }

    /// The set of keys that the issuer publishes, with its only key under this name.
    pub fn key_set(&self, name: &str) -> String {
        let modulus = encode(&self.modulus);
        format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"other"}},{{"kty":"RSA","use":"sig","alg":"RS256","kid":"{name}","n":"{modulus}","e":"AQAB"}}]}}"#
        )
    }

    /// A token with these claims, signed with the key of this name.
    ///
    /// # Panics
    /// When OpenSSL fails.
    pub fn token(&self, name: &str, claims: &str) -> String {
        self.token_with(&format!(r#"{{"alg":"RS256","kid":"{name}","typ":"JWT"}}"#), claims)
    }

    /// A token with this header, however it says to be signed.
    ///
    /// # Panics
    /// When OpenSSL fails.
    pub fn token_with(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let (key, message) = (self.key(), self.directory.path().join("message"));
        fs::write(&message, &signed).expect("a file");
        let [key, message] = [&key, &message].map(|path| path.to_str().expect("the path is a text"));
        let signature = self.run(&["dgst", "-sha256", "-sign", key, message]);
        format!("{signed}.{}", encode(&signature))
    }

    /// The public key in PEM.
    ///
    /// # Panics
    /// When OpenSSL fails.
    pub fn public_key(&self) -> Vec<u8> {
        let key = self.key();
        self.run(&["pkey", "-in", key.to_str().expect("the path is a text"), "-pubout"])
    }

    fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.openssl.command().args(arguments).output().expect("OpenSSL runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

/// Base64 as tokens have it.
fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit");
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).expect("a byte")).collect()
}
