/// Programs known by their bytes, and what Bitnami's advisories call them. A program stands here only where the name
/// is certain to mean the same software; Bitnami's records carry the upstream's versions.
const PROGRAMS: &[(&str, &str)] = &[
    ("apache", "apache"),
    ("composer", "composer"),
    ("consul", "consul"),
    ("envoy", "envoy"),
    ("etcd", "etcd"),
    ("git", "git"),
    ("go", "golang"),
    ("haproxy", "haproxy"),
    ("helm", "helm"),
    ("httpd", "apache"),
    ("java", "java"),
    ("jdk", "java"),
    ("jre", "jre"),
    ("kafka", "kafka"),
    ("lua", "lua"),
    ("mariadb", "mariadb"),
    ("memcached", "memcached"),
    ("mongodb", "mongodb"),
    ("nginx", "nginx"),
    ("node", "node"),
    ("php", "php"),
    ("postgres", "postgresql"),
    ("postgresql", "postgresql"),
    ("prometheus", "prometheus"),
    ("python", "python"),
    ("rabbitmq", "rabbitmq"),
    ("redis", "redis"),
    ("ruby", "ruby"),
    ("sqlite", "sqlite"),
    ("traefik", "traefik"),
    ("valkey", "valkey"),
    ("varnish", "varnish"),
    ("vault", "vault"),
    ("zookeeper", "zookeeper"),
];

/// Where advisories on programs without a package are looked up.
pub(crate) const ECOSYSTEM: &str = "Bitnami";

/// What Bitnami calls a program, if that is certain.
pub(crate) fn program(name: &str) -> Option<&'static str> {
    PROGRAMS.iter().find(|(known, _)| *known == name).map(|(_, name)| *name)
}
