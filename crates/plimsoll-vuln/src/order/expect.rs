//! How the tests of the orders say what they expect.

use super::{Order, VersionKey};

fn key(order: Order, version: &str) -> VersionKey {
    order.key(version).unwrap_or_else(|fault| panic!("{fault}"))
}

/// Each version is below all that follow.
pub(super) fn ascending(order: Order, versions: &[&str]) {
    for (index, low) in versions.iter().enumerate() {
        for high in &versions[index + 1..] {
            assert!(key(order, low) < key(order, high), "{order:?}: {low} < {high}");
        }
    }
}

/// All are one version.
pub(super) fn same(order: Order, versions: &[&str]) {
    for pair in versions.windows(2) {
        assert_eq!(key(order, pair[0]), key(order, pair[1]), "{order:?}: {} = {}", pair[0], pair[1]);
    }
}

/// None is a version.
pub(super) fn refused(order: Order, versions: &[&str]) {
    for version in versions {
        assert!(order.key(version).is_err(), "{order:?}: {version}");
    }
}
