//! The ecosystems whose versions can be compared. A new one is a line here, and an order if it has rules of its own.

use crate::Order;

/// An ecosystem as OSV's list of defined ecosystems names it.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) order: Order,
    pub(super) spelling: Spelling,
    pub(super) is_distribution: bool,
}

/// Which spellings of a name are the same package.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spelling {
    Exact,
    LowerCase,
    Python,
}

const fn distribution(name: &'static str, order: Order) -> Known {
    Known { name, order, spelling: Spelling::Exact, is_distribution: true }
}

const fn language(name: &'static str, order: Order, spelling: Spelling) -> Known {
    Known { name, order, spelling, is_distribution: false }
}

pub(super) const KNOWN: &[Known] = &[
    distribution("AlmaLinux", Order::Rpm),
    distribution("Alpaquita", Order::Apk),
    distribution("Alpine", Order::Apk),
    distribution("Azure Linux", Order::Rpm),
    distribution("BellSoft Hardened Containers", Order::Apk),
    language("Bitnami", Order::SemVer, Spelling::LowerCase),
    distribution("Chainguard", Order::Apk),
    distribution("Debian", Order::Dpkg),
    distribution("Echo", Order::Dpkg),
    // Lists of numbers, which dpkg's rules order alike: digits by value, and a longer list after its own beginning.
    language("GHC", Order::Dpkg, Spelling::Exact),
    language("GitHub Actions", Order::SemVer, Spelling::LowerCase),
    language("Go", Order::SemVer, Spelling::Exact),
    language("Hackage", Order::Dpkg, Spelling::Exact),
    language("Hex", Order::SemVer, Spelling::LowerCase),
    language("Julia", Order::SemVer, Spelling::Exact),
    distribution("Mageia", Order::Rpm),
    language("Maven", Order::Maven, Spelling::Exact),
    distribution("MinimOS", Order::Apk),
    language("NuGet", Order::NuGet, Spelling::LowerCase),
    language("Packagist", Order::Composer, Spelling::LowerCase),
    distribution("Photon OS", Order::Rpm),
    language("Pub", Order::SemVer, Spelling::Exact),
    language("PyPI", Order::Pep440, Spelling::Python),
    distribution("Red Hat", Order::Rpm),
    distribution("Rocky Linux", Order::Rpm),
    language("RubyGems", Order::RubyGems, Spelling::Exact),
    distribution("SUSE", Order::Rpm),
    language("SwiftURL", Order::SemVer, Spelling::LowerCase),
    distribution("Ubuntu", Order::Dpkg),
    distribution("Wolfi", Order::Apk),
    language("crates.io", Order::SemVer, Spelling::Exact),
    language("npm", Order::SemVer, Spelling::Exact),
    // opam's manual takes its order from Debian's policy.
    language("opam", Order::Dpkg, Spelling::Exact),
    distribution("openEuler", Order::Rpm),
    distribution("openSUSE", Order::Rpm),
];
