use std::fmt;
use std::str::FromStr;

use super::RekordError;
use crate::text;

macro_rules! key_details {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $hash:literal, $bytes:literal;)*) => {
        /// A kind of key and the hash it signs (Sigstore's `PublicKeyDetails`), as far as a log takes its signatures.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum KeyDetails {
            $($(#[$doc])* $name,)*
        }

        impl KeyDetails {
            const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in Sigstore's documents.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub(super) fn hash_name(self) -> &'static str {
                match self { $(Self::$name => $hash,)* }
            }

            pub(super) fn digest_bytes(self) -> usize {
                match self { $(Self::$name => $bytes,)* }
            }
        }
    };
}

// Pure Ed25519 is left out: it signs messages, and a record has only their hash.
key_details! {
    /// ECDSA on P-256 over SHA-256.
    EcdsaP256Sha256 = "PKIX_ECDSA_P256_SHA_256", "SHA2_256", 32;
    /// ECDSA on P-384 over SHA-384.
    EcdsaP384Sha384 = "PKIX_ECDSA_P384_SHA_384", "SHA2_384", 48;
    /// ECDSA on P-521 over SHA-512.
    EcdsaP521Sha512 = "PKIX_ECDSA_P521_SHA_512", "SHA2_512", 64;
    /// Ed25519 over SHA-512 (RFC 8032's Ed25519ph).
    Ed25519Ph = "PKIX_ED25519_PH", "SHA2_512", 64;
    /// RSA of 2048 bits, PKCS #1 v1.5, over SHA-256.
    Rsa2048Sha256 = "PKIX_RSA_PKCS1V15_2048_SHA256", "SHA2_256", 32;
    /// RSA of 3072 bits, PKCS #1 v1.5, over SHA-256.
    Rsa3072Sha256 = "PKIX_RSA_PKCS1V15_3072_SHA256", "SHA2_256", 32;
    /// RSA of 4096 bits, PKCS #1 v1.5, over SHA-256.
    Rsa4096Sha256 = "PKIX_RSA_PKCS1V15_4096_SHA256", "SHA2_256", 32;
}

impl fmt::Display for KeyDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyDetails {
    type Err = RekordError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().copied().find(|known| known.name() == name);
        known.ok_or_else(|| RekordError::KeyDetails(text::shortened(name)))
    }
}
