//! Identities instead of keys, on real bundles of Sigstore's public instances.

mod authority;
mod oracle;
mod own_instance;
mod public_bundles;
