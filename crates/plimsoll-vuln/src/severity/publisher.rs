/// The beginnings of ids, and who publishes under them.
const PUBLISHERS: &[(&str, &str)] = &[
    ("ALAS", "Amazon"),
    ("ALBA-", "AlmaLinux"),
    ("ALEA-", "AlmaLinux"),
    ("ALPINE-", "Alpine"),
    ("ALSA-", "AlmaLinux"),
    ("BIT-", "Bitnami"),
    ("CGA-", "Chainguard"),
    ("DEBIAN-", "Debian"),
    ("DLA-", "Debian"),
    ("DRUPAL-", "Drupal"),
    ("DSA-", "Debian"),
    ("DTSA-", "Debian"),
    ("ELSA-", "Oracle"),
    ("GHSA-", "GitHub"),
    ("GO-", "Go"),
    ("HSEC-", "Haskell"),
    ("PYSEC-", "PyPA"),
    ("RHBA-", "Red Hat"),
    ("RHEA-", "Red Hat"),
    ("RHSA-", "Red Hat"),
    ("RLSA-", "Rocky Linux"),
    ("RUSTSEC-", "RustSec"),
    ("RXSA-", "Rocky Linux"),
    ("SUSE-", "SUSE"),
    ("UBUNTU-", "Ubuntu"),
    ("USN-", "Ubuntu"),
    ("openSUSE-", "SUSE"),
];

/// Who published the record with this id. An id that is nobody's in particular speaks for itself.
pub(super) fn publisher(id: &str) -> &str {
    let found = PUBLISHERS.iter().find(|(beginning, _)| id.starts_with(beginning));
    match found {
        Some((_, name)) => name,
        None if id.starts_with("CVE-") => "CVE",
        None => id,
    }
}
