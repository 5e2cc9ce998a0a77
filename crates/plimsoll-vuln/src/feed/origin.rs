use plimsoll_sbom::{Component, Distribution, PackageType};

/// Beginnings of rpm's vendor, in lower case, by distribution. Red Hat's rebuilds sign what they build with their own
/// name; EPEL, Remi and vendors of databases use theirs.
const VENDORS: &[(&str, &[&str])] = &[
    ("almalinux", &["almalinux"]),
    ("azurelinux", &["microsoft"]),
    ("mageia", &["mageia"]),
    ("mariner", &["microsoft"]),
    ("opensuse-leap", &["opensuse", "suse"]),
    ("opensuse-tumbleweed", &["opensuse", "suse"]),
    ("rhel", &["red hat"]),
    ("rocky", &["rocky"]),
];

/// Domains of dpkg maintainers that stand for publishers outside of Debian and Ubuntu. Debian's own maintainers are a
/// thousand persons, so only others can be listed.
const OUTSIDE_DOMAINS: &[&str] = &[
    "cloudflare.com",
    "confluent.io",
    "datadoghq.com",
    "docker.com",
    "eclipse.org",
    "elastic.co",
    "f5.com",
    "github.com",
    "gitlab.com",
    "google.com",
    "grafana.com",
    "hashicorp.com",
    "influxdata.com",
    "microsoft.com",
    "mongodb.com",
    "nginx.com",
    "nodesource.com",
    "nvidia.com",
    "oracle.com",
    "percona.com",
    "rabbitmq.com",
    "redis.com",
    "tailscale.com",
    "varnish-software.com",
];

/// Beginnings of dpkg maintainers' names of the same kind, where the address does not tell.
const OUTSIDE_NAMES: &[&str] = &[
    "amazon corretto",
    "azul systems",
    "hashicorp",
    "kubernetes authors",
    "mariadb developers",
    "mysql release engineering",
    "nodesource",
    "nvidia corporation",
    "system76",
];

/// Parts of dpkg's version that repositories put there whose maintainers are Debian's own.
const OUTSIDE_VERSIONS: &[(&str, &str)] = &[
    (".pgdg", "apt.postgresql.org"),
    ("+maria~", "MariaDB"),
    ("+deb.sury.org", "deb.sury.org"),
    ("nodesource", "NodeSource"),
];

/// The publisher of a package that is not the distribution's own. Where nothing tells, it counts as the distribution's.
pub(super) fn third_party<'a>(component: &'a Component, distribution: &Distribution) -> Option<&'a str> {
    match component.package_type {
        PackageType::Rpm => rpm(component, distribution),
        PackageType::Deb => deb(component, distribution),
        _ => None,
    }
}

fn rpm<'a>(component: &'a Component, distribution: &Distribution) -> Option<&'a str> {
    let vendor = component.properties.get(Component::VENDOR)?;
    let (_, own) = VENDORS.iter().find(|(id, _)| *id == distribution.id)?;
    let is_own = own.iter().any(|beginning| starts_with_ignoring_case(vendor, beginning));
    (!is_own).then_some(vendor)
}

fn deb<'a>(component: &'a Component, distribution: &Distribution) -> Option<&'a str> {
    if let Some((_, publisher)) = OUTSIDE_VERSIONS.iter().find(|(mark, _)| component.version.contains(mark)) {
        return Some(publisher);
    }
    let origin = component.properties.get(Component::ORIGIN).filter(|origin| !origin.is_empty());
    if let Some(origin) = origin {
        let own = ["debian", "ubuntu", distribution.id.as_str()];
        return (!own.iter().any(|name| starts_with_ignoring_case(origin, name))).then_some(origin);
    }
    let maintainer = component.properties.get(Component::VENDOR)?;
    is_outside(maintainer).then_some(maintainer)
}

/// It is asked for every package of every image, so it compares two ends of the text instead of searching it.
fn is_outside(maintainer: &str) -> bool {
    let domain = maintainer.rsplit_once('@').map_or("", |(_, domain)| domain.trim_end_matches('>'));
    OUTSIDE_DOMAINS.iter().any(|outside| domain.eq_ignore_ascii_case(outside))
        || OUTSIDE_NAMES.iter().any(|name| starts_with_ignoring_case(maintainer, name))
}

fn starts_with_ignoring_case(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}
