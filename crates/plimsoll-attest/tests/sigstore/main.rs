//! Identities instead of keys, on real bundles of Sigstore's public instances.

mod oracle;
mod public_bundles;
