//! The table: which programs are known by their bytes.
//!
//! Each text was seen in programs as Debian, npm or the project itself builds them, mostly in releases years apart; it
//! is one that the program prints or sends of itself, so it is there in every build. Where no such text was found in a
//! program, the program is not in the table. Programs written in Go, Rust and Java tell of themselves.
//!
//! The names are those under which Bitnami publishes advisories for programs outside of distributions, where it has
//! the program.

use super::evidence::{Beginning, Choice, Evidence, Tail, USUAL};
use crate::PackageType;
use crate::reader::go;

/// A program that is known by its bytes.
#[derive(Debug)]
pub(super) struct Program {
    /// The name of the component.
    pub(super) name: &'static str,
    /// Its type: generic, unless some ecosystem's advisories know the program.
    pub(super) package_type: PackageType,
    /// Where it lies, as patterns for the end of the path.
    pub(super) paths: &'static [&'static str],
    /// What kind of file that is.
    pub(super) form: Form,
    /// Texts of which each alone says the version.
    pub(super) evidence: &'static [Evidence],
    /// The version as advisories write it.
    pub(super) spelling: fn(&str) -> String,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An ELF program or library.
    Program,
    /// A small file for people.
    Text,
}

/// A program of no ecosystem whose version is written as it stands in the file.
const GENERIC: Program = Program {
    name: "",
    package_type: PackageType::Generic,
    paths: &[],
    form: Form::Program,
    evidence: &[],
    spelling: str::to_owned,
};

/// All versions that stand alone between zero bytes, of which the highest is the program's own.
const HIGHEST_ALONE: Evidence =
    Evidence { before: b"\0", tail: Tail::None, after: b"\0", choice: Choice::Highest, ..USUAL };

/// The version to which the server joins its build's stamp, to tell builds apart.
const STAMPED: Evidence = Evidence { choice: Choice::Stamped, ..HIGHEST_ALONE };

/// What an Erlang application says of itself, as compilers and as people write it.
const ERLANG_APPLICATION: &[Evidence] = &[
    Evidence { before: b"{vsn,\"", after: b"\"", ..USUAL },
    Evidence { before: b"{vsn, \"", after: b"\"", ..USUAL },
];

/// Python's version stands alone, or at the end of the path that it was configured for: linkers merge equal ends.
const PYTHON: &[Evidence] = &[
    Evidence { beginning: Beginning::NameOr("3."), tail: Tail::Kept, ..HIGHEST_ALONE },
    Evidence { before: b"/", beginning: Beginning::NameOr("3."), tail: Tail::Kept, ..HIGHEST_ALONE },
];

/// The table.
pub(super) const PROGRAMS: &[Program] = &[
    Program {
        name: "apache",
        paths: &["httpd", "apache2"],
        evidence: &[Evidence { before: b"Apache/", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "bash",
        paths: &["bash"],
        evidence: &[Evidence { before: b"@(#)Bash version ", after: b"(", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "bun",
        paths: &["bun"],
        evidence: &[Evidence { before: b"/releases/download/bun-v", tail: Tail::None, after: b"/", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "busybox",
        paths: &["busybox", "busybox.*"],
        evidence: &[Evidence { before: b"BusyBox v", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "curl",
        paths: &["curl", "libcurl.so*", "libcurl-gnutls.so*"],
        evidence: &[Evidence { before: b"curl/", after: b"\0", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "deno",
        paths: &["deno"],
        evidence: &[Evidence { before: b"Deno/", tail: Tail::None, after: b"+", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "elixir",
        paths: &["elixir/ebin/elixir.app"],
        form: Form::Text,
        evidence: ERLANG_APPLICATION,
        ..GENERIC
    },
    Program {
        name: "erlang",
        paths: &["releases/*/OTP_VERSION"],
        form: Form::Text,
        evidence: &[Evidence { before: b"\n", numbers_min: 2, ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "git",
        paths: &["git"],
        evidence: &[Evidence { before: b"git/", after: b"\0", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "haproxy",
        paths: &["haproxy"],
        evidence: &[Evidence { before: b" version ", tail: Tail::Dropped, after: b", released ", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "java",
        paths: &["release"],
        form: Form::Text,
        evidence: &[Evidence { before: b"\nJAVA_VERSION=\"", numbers_min: 1, after: b"\"", ..USUAL }],
        spelling: java_version,
        ..GENERIC
    },
    Program {
        name: "lighttpd",
        paths: &["lighttpd"],
        evidence: &[Evidence { before: b"lighttpd/", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "lua",
        paths: &["lua", "lua5*", "liblua*.so*"],
        evidence: &[
            Evidence { before: b"$LuaVersion: Lua ", after: b" ", ..USUAL },
            Evidence { before: b"$Lua: Lua ", after: b" ", ..USUAL },
        ],
        ..GENERIC
    },
    Program {
        name: "luajit",
        paths: &["luajit*", "libluajit*.so*"],
        evidence: &[Evidence { before: b"\0LuaJIT ", after: b"\0", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "mariadb",
        paths: &["mariadbd", "mysqld"],
        evidence: &[Evidence { before: b"\0", tail: Tail::None, after: b"-MariaDB", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "memcached",
        paths: &["memcached"],
        evidence: &[Evidence { before: b"\0memcached ", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "mysql",
        paths: &["mysqld"],
        evidence: &[Evidence { before: b"\0MySQL ", tail: Tail::Dropped, after: b"\0", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "nginx",
        paths: &["nginx"],
        evidence: &[Evidence { before: b"nginx version: nginx/", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "node",
        paths: &["node", "nodejs", "libnode.so*"],
        evidence: &[Evidence { before: b"node.js/v", after: b"\0", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "openssl",
        paths: &["libcrypto.so*", "openssl"],
        evidence: &[Evidence { before: b"OpenSSL ", after: b" ", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "perl",
        paths: &["perl", "perl5*", "libperl.so*"],
        evidence: &[Evidence { before: b"\0v", beginning: Beginning::NameOr("5."), after: b"\0", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "pgbouncer",
        paths: &["pgbouncer"],
        evidence: &[Evidence { before: b"PgBouncer ", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "php",
        paths: &["php", "php5*", "php7*", "php8*", "php-cgi*", "php-fpm*", "libphp*.so*"],
        evidence: &[Evidence { before: b"X-Powered-By: PHP/", after: b"\0", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "postgresql",
        paths: &["postgres"],
        evidence: &[Evidence { before: b"postgres (PostgreSQL) ", numbers_min: 2, ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "python",
        paths: &["python", "python3", "python2.*", "python3.*", "libpython*.so*"],
        evidence: PYTHON,
        ..GENERIC
    },
    Program {
        name: "r",
        paths: &["R/library/base/DESCRIPTION"],
        form: Form::Text,
        evidence: &[Evidence { before: b"\nVersion: ", after: b"\n", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "rabbitmq",
        paths: &["rabbit-*/ebin/rabbit.app", "rabbit/ebin/rabbit.app"],
        form: Form::Text,
        evidence: ERLANG_APPLICATION,
        ..GENERIC
    },
    Program { name: "redis", paths: &["redis-server"], evidence: &[STAMPED], ..GENERIC },
    Program {
        name: "ruby",
        paths: &["ruby", "ruby2*", "ruby3*", "ruby4*", "libruby*.so*"],
        evidence: &[Evidence { before: b"\0ruby ", tail: Tail::Dropped, after: b" (", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "sqlite",
        paths: &["sqlite3", "libsqlite3.so*"],
        evidence: &[Evidence { beginning: Beginning::NameOr("3."), ..HIGHEST_ALONE }],
        ..GENERIC
    },
    Program {
        name: "tini",
        paths: &["tini", "tini-static", "docker-init"],
        evidence: &[Evidence { before: b"\0tini version ", ..USUAL }],
        ..GENERIC
    },
    Program {
        name: "toolchain",
        package_type: PackageType::Golang,
        paths: &["VERSION"],
        form: Form::Text,
        evidence: &[Evidence { before: b"\ngo", numbers_min: 2, ..USUAL }],
        spelling: |version| go::toolchain_version(&format!("go{version}")),
    },
    Program { name: "valkey", paths: &["valkey-server"], evidence: &[STAMPED], ..GENERIC },
    Program {
        name: "varnish",
        paths: &["varnishd"],
        evidence: &[Evidence { before: b"varnish-", after: b" revision ", ..USUAL }],
        ..GENERIC
    },
];

/// Up to Java 8 a release was called `1.8.0_392`; advisories call it `8.0.392`, as all that came later.
fn java_version(version: &str) -> String {
    version.strip_prefix("1.").unwrap_or(version).replace('_', ".")
}
