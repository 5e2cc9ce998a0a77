use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plimsoll_attest::{
    Gate, LogKey, LogVerifier, PredicateType, PublicKey, Requirement, Revocation, Role, Signer, Trust,
    Verifier,
};
use serde::Deserialize;

use super::{Policy, read_key};
use crate::advisories::read_bounded;
use crate::failure::Failure;

/// Largest policy file that is read.
const POLICY_BYTES_MAX: u64 = 1 << 20;

/// The file; its other sections are for others.
#[derive(Deserialize)]
struct File {
    trust: Option<Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    keys: Vec<KeyEntry>,
    /// What roles may say, where it is not what they may by themselves.
    #[serde(default)]
    roles: BTreeMap<Role, Vec<String>>,
    /// What must be there for an image to pass.
    #[serde(default)]
    require: Vec<RequireEntry>,
    /// Where people have to approve.
    #[serde(default)]
    gates: Vec<GateEntry>,
    /// The logs that say when something was signed.
    #[serde(default)]
    logs: Vec<LogEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogEntry {
    /// The key that signs checkpoints, as `NAME+HASH+KEY`.
    key: String,
    /// The key of whoever states the time, in the same form.
    time: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct GateEntry {
    name: String,
    role: Role,
    #[serde(default = "one")]
    approvals: usize,
    environment: Option<String>,
    /// The people whose own work it is.
    #[serde(default)]
    excluded: BTreeSet<String>,
    break_glass: Option<Role>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct KeyEntry {
    name: String,
    /// Whose key it is, where somebody has several.
    person: Option<String>,
    /// A file beside this one, or the key itself in PEM.
    key: String,
    roles: Vec<Role>,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    revoked: Option<RevokedEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokedEntry {
    since: Timestamp,
    reason: String,
    #[serde(default)]
    compromised: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RequireEntry {
    Type(String),
    Whole(WholeRequirement),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeRequirement {
    #[serde(rename = "type")]
    kind: String,
    role: Option<Role>,
    #[serde(default = "one")]
    signers: usize,
}

fn one() -> usize {
    1
}

/// Reads the policy in a file; nothing where there is no file or no `trust` section in it.
pub(super) fn read(path: &Path) -> Result<Option<Policy>, Failure> {
    let bytes = match read_bounded(path, POLICY_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::usage("cannot read the policy").at(place(path)).because(&error)),
    };
    let text = String::from_utf8_lossy(&bytes);
    let folder = path.parent().unwrap_or(Path::new(""));
    let policy = parse(&text, folder)
        .map_err(|failure| if failure.place.is_some() { failure } else { failure.at(place(path)) })?;
    Ok(policy.map(|policy| Policy { origin: place(path), ..policy }))
}

fn place(path: &Path) -> String {
    path.display().to_string()
}

fn parse(text: &str, folder: &Path) -> Result<Option<Policy>, Failure> {
    let unusable = |error: &dyn std::error::Error| {
        Failure::usage("the policy is not understood")
            .because(error)
            .help("trust: {keys: [{name: ci, key: ci.pub, roles: [signer]}], require: [signature]}")
    };
    let file: File = serde_saphyr::from_str(text).map_err(|error| unusable(&error))?;
    let Some(section) = file.trust else { return Ok(None) };
    let signers = section.keys.into_iter().map(|entry| signer(entry, folder));
    let signers = signers.collect::<Result<Vec<Signer>, Failure>>()?;
    let says = section.roles.into_iter().map(|(role, types)| {
        let types = types.iter().map(|text| predicate_type(text)).collect::<Result<Vec<_>, Failure>>()?;
        Ok((role, types))
    });
    let says = says.collect::<Result<BTreeMap<Role, Vec<PredicateType>>, Failure>>()?;
    let logs = section.logs.iter().map(log).collect::<Result<Vec<LogVerifier>, Failure>>()?;
    let trust = Trust::new(signers, says).map_err(|error| unusable(&error))?.with_logs(logs);
    let required = section.require.into_iter().map(requirement).collect::<Result<_, Failure>>()?;
    let gates = section.gates.into_iter().map(gate).collect();
    Ok(Some(Policy { trust, required, gates, origin: String::new() }))
}

fn signer(entry: KeyEntry, folder: &Path) -> Result<Signer, Failure> {
    let key: PublicKey = if entry.key.contains("-----BEGIN") {
        let unusable =
            |error| Failure::usage(format!("the key of `{}` cannot be used", entry.name)).because(&error);
        entry.key.parse().map_err(unusable)?
    } else {
        let path: PathBuf = folder.join(&entry.key);
        read_key(&path)?
    };
    let revoked = entry.revoked.map(|revoked| Revocation {
        since: revoked.since,
        is_compromise: revoked.compromised,
        reason: revoked.reason,
    });
    Ok(Signer {
        name: entry.name,
        person: entry.person,
        verifier: Verifier::Key(key),
        roles: Some(entry.roles),
        valid_from: entry.valid_from,
        valid_until: entry.valid_until,
        revoked,
    })
}

fn log(entry: &LogEntry) -> Result<LogVerifier, Failure> {
    let read = |text: &str| {
        let unusable = |error| Failure::usage(format!("`{text}` is no key of a log")).because(&error);
        text.parse::<LogKey>().map_err(unusable)
    };
    Ok(LogVerifier { log: read(&entry.key)?, cosigner: Some(read(&entry.time)?) })
}

fn gate(entry: GateEntry) -> Gate {
    let GateEntry { name, role, approvals, environment, excluded, break_glass } = entry;
    Gate { name, role, approvals, environment, repository: None, excluded, break_glass }
}

fn requirement(entry: RequireEntry) -> Result<Requirement, Failure> {
    match entry {
        RequireEntry::Type(kind) => Ok(Requirement::of(predicate_type(&kind)?)),
        RequireEntry::Whole(WholeRequirement { kind, role, signers }) => {
            Ok(Requirement { predicate_type: predicate_type(&kind)?, role, signers })
        }
    }
}

fn predicate_type(text: &str) -> Result<PredicateType, Failure> {
    PredicateType::named(text).ok_or_else(|| {
        let names: Vec<&str> = PredicateType::short_names().collect();
        Failure::usage(format!("`{text}` is no kind of statement"))
            .help(format!("write a URI, or one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "      key: |
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgPmh0eQlw712VfHbzY4TNTSNHtRj
        u2e/WthqixeFts5ghY0qkYT9Hw6jr+339Rxiqt9/X0T4oh46mmW1d69zcQ==
        -----END PUBLIC KEY-----
";

    fn policy(more_of_key: &str, more: &str) -> Result<Option<Policy>, Failure> {
        let text = format!(
            "listen: [x]\ntrust:\n  keys:\n    - name: ci\n      roles: [signer]\n{KEY}{more_of_key}{more}"
        );
        parse(&text, Path::new(""))
    }

    #[test]
    fn keys_roles_times_and_requirements_are_read() {
        let key = "      validUntil: 2027-01-01T00:00:00Z\n      revoked: {since: 2026-12-01T00:00:00Z, reason: lost}\n";
        let more = "  roles: {release-manager: [approval]}\n  require: [signature, {type: provenance, role: builder, signers: 2}]\n";
        let policy = policy(key, more).unwrap().unwrap();
        let signer = &policy.trust.signers()[0];
        assert_eq!((signer.name.as_str(), signer.roles.as_deref()), ("ci", Some(&[Role::SIGNER][..])));
        assert!(
            signer.valid_until.is_some() && signer.revoked.as_ref().is_some_and(|one| !one.is_compromise)
        );
        assert_eq!(policy.required[0], Requirement::of(PredicateType::SIGNATURE));
        assert_eq!((policy.required[1].signers, policy.required[1].role.clone()), (2, Some(Role::BUILDER)));
    }

    #[test]
    fn a_typing_error_is_no_silent_gap() {
        let refused = |key: &str, more: &str| policy(key, more).map(|_| ()).unwrap_err();
        assert!(
            refused("", "  logs: [{key: nonsense, time: nonsense}]\n")
                .what
                .contains("`nonsense` is no key of a log")
        );
        assert!(refused("      validTill: 2027-01-01T00:00:00Z\n", "").causes[0].contains("validTill"));
        assert_eq!(refused("", "  require: [signatur]\n").what, "`signatur` is no kind of statement");
        assert!(!refused("", "  requires: [signature]\n").causes.is_empty());
        assert!(parse("listen: [x]\n", Path::new("")).unwrap().is_none());
    }
}
