//! Whose signatures count: keys or an identity from the command line, or the `trust` section of `plimsoll.yaml`.

mod file;
mod project;

use std::path::{Path, PathBuf};

use clap::Args;
use plimsoll_attest::{Identity, Policy, PolicyDocument, PublicKey, SigstoreRoot, SubjectPattern, Trust};
use plimsoll_transport::{ImageName, Places};

pub(crate) use self::project::Project;
use crate::advisories::read_bounded;
use crate::failure::Failure;

/// Where trust is written down, unless somebody says otherwise.
pub(crate) const POLICY_FILE: &str = "plimsoll.yaml";
/// Largest key file that is read.
const KEY_BYTES_MAX: u64 = 64 * 1024;
/// Largest trusted root that is read.
const ROOT_BYTES_MAX: u64 = 1 << 20;

/// Whose signatures count.
#[derive(Debug, Default, Args)]
pub(crate) struct TrustArguments {
    /// Trust this public key in every role; may be given several times
    #[arg(long = "key", value_name = "FILE", conflicts_with = "policy")]
    keys: Vec<PathBuf>,
    /// Read whom to trust and what to require from this file [default: plimsoll.yaml]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Trust whoever signs without a key under this name: an address of mail or the URI of a workflow, exactly
    #[arg(long, value_name = "SUBJECT", conflicts_with_all = ["keys", "policy"], requires_all = ["issuer", "trusted_root"])]
    identity: Option<String>,
    /// The address of whoever has checked that name, such as https://accounts.google.com
    #[arg(long, value_name = "URL", requires = "identity")]
    issuer: Option<String>,
    /// Sigstore's trusted root, under which the name is proven: a file trusted_root.json
    #[arg(long, value_name = "FILE", requires = "identity")]
    trusted_root: Option<PathBuf>,
}

/// A policy, and where it comes from.
pub(crate) struct PolicyInForce {
    pub(crate) policy: Policy,
    /// For people: a file, a server's project, or the command line.
    pub(crate) origin: String,
    /// Whether it is the word of the registry that is asked for the image.
    pub(crate) is_from_registry: bool,
}

impl TrustArguments {
    /// The policy in force for `image`: the one that was named, the one in this directory, or else that of the image's
    /// own registry.
    pub(crate) async fn policy(&self, places: &Places, image: &ImageName) -> Result<PolicyInForce, Failure> {
        let nobody = || {
            let path = self.policy.clone().unwrap_or_else(|| POLICY_FILE.into());
            Failure::usage("nobody is trusted: there is no key and no policy")
                .at(path.display().to_string())
                .help(format!(
                    "plimsoll verify {image} --key FILE, or write a `trust` section to plimsoll.yaml"
                ))
        };
        self.policy_if_any(places, image).await?.ok_or_else(nobody)
    }

    /// The same, where it may be that nobody is trusted.
    pub(crate) async fn policy_if_any(
        &self,
        places: &Places,
        image: &ImageName,
    ) -> Result<Option<PolicyInForce>, Failure> {
        if !self.keys.is_empty() {
            return self.of_keys().map(Some);
        }
        if let (Some(subject), Some(issuer), Some(root)) = (&self.identity, &self.issuer, &self.trusted_root)
        {
            return of_identity(subject, issuer, root).map(Some);
        }
        let path = self.policy.clone().unwrap_or_else(|| POLICY_FILE.into());
        if let Some(document) = file::read(&path)? {
            let policy = file::understand(&document, &path)?;
            let origin = path.display().to_string();
            return Ok(Some(PolicyInForce { policy, origin, is_from_registry: false }));
        }
        if self.policy.is_some() {
            return Ok(None);
        }
        project::of_registry(places, image).await
    }

    /// Whether somebody says here whom to trust, so that a registry need not be asked.
    pub(crate) fn is_given(&self) -> bool {
        !self.keys.is_empty() || self.policy.is_some() || Path::new(POLICY_FILE).exists()
    }

    fn of_keys(&self) -> Result<PolicyInForce, Failure> {
        let mut signers = Vec::new();
        for path in &self.keys {
            let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
            signers.extend(Trust::of_key(&name, read_key(path)?).signers().iter().cloned());
        }
        let unusable = |error| Failure::usage("these keys cannot be trusted together").because(&error);
        let trust = Trust::new(signers, std::collections::BTreeMap::new()).map_err(unusable)?;
        Ok(PolicyInForce {
            policy: Policy::trusting(trust),
            origin: "--key".to_owned(),
            is_from_registry: false,
        })
    }
}

/// Reads the policy in a file, with its keys in it, as a server takes it.
pub(crate) fn read_policy(path: &Path) -> Result<PolicyDocument, Failure> {
    let nothing = || {
        Failure::usage("there is no `trust` section, or no such file")
            .at(path.display().to_string())
            .help("trust: {keys: [{name: ci, key: ci.pub, roles: [signer]}], require: [signature]}")
    };
    let document = file::read(path)?.ok_or_else(nothing)?;
    file::understand(&document, path)?;
    Ok(document)
}

fn of_identity(subject: &str, issuer: &str, root: &Path) -> Result<PolicyInForce, Failure> {
    let identity = Identity::new(issuer, SubjectPattern::exactly(subject));
    let policy = Policy::trusting(Trust::of_identity(subject, identity, read_root(root)?));
    Ok(PolicyInForce { policy, origin: "--identity".to_owned(), is_from_registry: false })
}

fn read_root(path: &Path) -> Result<Vec<SigstoreRoot>, Failure> {
    let text = read_root_text(path)?;
    SigstoreRoot::parse_all(text.as_bytes()).map_err(|error| unusable_root(path, &error))
}

fn read_root_text(path: &Path) -> Result<String, Failure> {
    let bytes = read_bounded(path, ROOT_BYTES_MAX).map_err(|error| unusable_root(path, &error))?;
    String::from_utf8(bytes).map_err(|error| unusable_root(path, &error))
}

fn unusable_root(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::usage("cannot use the trusted root").at(path.display().to_string()).because(error)
}

pub(crate) fn read_key(path: &Path) -> Result<PublicKey, Failure> {
    read_key_text(path)?.parse().map_err(|error| unusable(path, &error))
}

fn read_key_text(path: &Path) -> Result<String, Failure> {
    let bytes = read_bounded(path, KEY_BYTES_MAX).map_err(|error| unusable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::usage("cannot use the public key").at(path.display().to_string()).because(error)
}
