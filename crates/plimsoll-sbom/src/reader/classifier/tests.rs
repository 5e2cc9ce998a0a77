use std::collections::BTreeSet;
use std::process::Stdio;

use plimsoll_peers::find_peer;
use proptest::prelude::*;

use super::*;
use crate::reader::tests::read as read_as_analysed;

/// The first bytes of an ELF program, as far as a classifier asks for them.
const ELF_HEAD: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0";

/// What stands around the version in programs as they were built by others: where the file lies, its bytes, and what
/// must be found.
const SEEN: &[(&str, &[u8], &str, &str)] = &[
    ("usr/local/apache2/bin/httpd", b"\0mailto:\0Apache/2.4\0Apache/2.4.71 (Debian)\0", "apache", "2.4.71"),
    ("bin/bash", b"\0@(#)Bash version 5.2.15(1) release GNU\0", "bash", "5.2.15"),
    ("usr/local/bin/bun", b"oven-sh/bun/releases/download/bun-v1.4.5/bun-linux-x64.zip", "bun", "1.4.5"),
    ("bin/busybox", b"out of memory\0BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1)\0", "busybox", "1.35.0"),
    ("bin/busybox", b"\0syslogd started: BusyBox v1.38.0\0", "busybox", "1.38.0"),
    ("usr/lib/libcurl.so.4.8.0", b"abcdef\0\0/\0libcurl/7.88.1\0zlib/%s\0", "curl", "7.88.1"),
    ("usr/bin/curl", b"Accept\0curl/7.88.1\0\0\0", "curl", "7.88.1"),
    ("usr/bin/deno", b"nover2.1.4+b32ed75Deno/2.1.4Deno/2.1.4+b32ed75b32ed7516", "deno", "2.1.4"),
    (
        "usr/local/lib/elixir/lib/elixir/ebin/elixir.app",
        b"{application,elixir,\n    [{vsn,\"1.20.4\"},",
        "elixir",
        "1.20.4",
    ),
    ("usr/local/lib/erlang/releases/27/OTP_VERSION", b"27.0-rc3\n", "erlang", "27.0-rc3"),
    ("usr/lib/erlang/releases/25/OTP_VERSION", b"25.2.3\n", "erlang", "25.2.3"),
    ("usr/bin/git", b"\xff\xfegit/2.39.5\0GIT_USER_AGENT\0", "git", "2.39.5"),
    (
        "usr/sbin/haproxy",
        b"\0Lua version 5.3.6\0\0 version 2.6.12-1+deb12u4, released 2026/10/17\0",
        "haproxy",
        "2.6.12",
    ),
    (
        "opt/java/openjdk/release",
        b"IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"17.0.21.1\"\n",
        "java",
        "17.0.21.1",
    ),
    ("opt/java/release", b"JAVA_VERSION=\"1.8.0_392\"\nOS_NAME=\"Linux\"\n", "java", "8.0.392"),
    ("usr/sbin/lighttpd", b"\0lighttpd/1.4.69\0server\0", "lighttpd", "1.4.69"),
    ("usr/bin/lua5.4", b"$LuaVersion: Lua 5.4.4  Copyright (C) 1994-2022 Lua.org, PUC-Rio $", "lua", "5.4.4"),
    ("usr/bin/lua5.1", b"$Lua: Lua 5.1.5 Copyright (C) 1994-2012 Lua.org, PUC-Rio $", "lua", "5.1.5"),
    ("usr/lib/libluajit-5.1.so.2.1.0", b"table.clear\0LuaJIT 2.1.0-beta3\0jit\0", "luajit", "2.1.0-beta3"),
    ("usr/sbin/mariadbd", b"-0+deb12u1\x0010.11.19-MariaDB\0x86_64\0", "mariadb", "10.11.19"),
    ("usr/sbin/mysqld", b"-4 from Debian\x0011.8.9-MariaDB\0x86_64\0", "mariadb", "11.8.9"),
    ("usr/bin/memcached", b"listen\0memcached 1.6.18\0udp-port\0", "memcached", "1.6.18"),
    ("usr/sbin/mysqld", b"listed_files.empty()\0MySQL 9.7.4\0log_before_file_produced\0", "mysql", "9.7.4"),
    ("usr/sbin/nginx", b"invalid option: \"%c\"\0nginx version: nginx/1.22.1\n\0", "nginx", "1.22.1"),
    ("usr/local/bin/node", b"]\n\n\0/json\0node.js/v22.23.3\0(delegate_) != nullptr\0", "node", "22.23.3"),
    ("usr/lib/libcrypto.so.3", b"\x03@\0OpenSSL 3.0.22 25 Aug 2026\x003.0.22\0", "openssl", "3.0.22"),
    ("usr/lib/libcrypto.so.1.1", b"\0OpenSSL 1.1.1w  11 Sep 2023\0", "openssl", "1.1.1w"),
    ("usr/local/bin/perl5.36.0", b"PERL_INTERNAL_RAND_SEED\0v5.36.0\0panic: sysconf: %s\0", "perl", "5.36.0"),
    ("usr/sbin/pgbouncer", b"memtotal\0PgBouncer 1.18.0\0pool_mode\0", "pgbouncer", "1.18.0"),
    ("usr/local/bin/php", b"%s,%s\0X-Powered-By: PHP/8.2.36\0ZEND_MM_MAX_ALLOCS\0", "php", "8.2.36"),
    (
        "usr/local/bin/postgres",
        b"\0postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n\0",
        "postgresql",
        "15.20",
    ),
    (
        "usr/local/lib/libpython3.11.so.1.0",
        b"%s: '%s'\x003.2.0\x003.11.2\x0014.0.0\0%.80s (%.80s)\0",
        "python",
        "3.11.2",
    ),
    (
        "opt/python/lib/libpython3.10.so.1.0",
        b"/opt/python/versions/3.10.13\0py\x003.2.0\0",
        "python",
        "3.10.13",
    ),
    ("usr/local/bin/python3", b"\x003.2.0\x003.11.2\x0014.0.0\0", "python", "3.11.2"),
    ("usr/lib/R/library/base/DESCRIPTION", b"Package: base\nVersion: 4.2.2\nPriority: base\n", "r", "4.2.2"),
    ("opt/rabbitmq/plugins/rabbit-3.10.8/ebin/rabbit.app", b"\t{vsn, \"3.10.8\"},\n", "rabbitmq", "3.10.8"),
    (
        "usr/local/bin/redis-server",
        b"\x007.0.3\0err\x007.0.15\0c11-builtin\x00127.0.0.1\x0016.2.0\0A7.0.151790282056000000000000\0",
        "redis",
        "7.0.15",
    ),
    (
        "usr/local/lib/libruby.so.3.1.7",
        b"\0\0ruby 3.1.7p261 (2025-03-26 revision 0a3704f218) [x86_64]\0",
        "ruby",
        "3.1.7",
    ),
    ("usr/lib/libsqlite3.so.0.8.6", b"\x08\0\0\x003.40.1\0\0\x01\x001.2.13\0", "sqlite", "3.40.1"),
    ("usr/bin/tini", b"[INFO  tini (%i)] \0tini version 0.19.0\0%s (%s)\n\0", "tini", "0.19.0"),
    ("usr/local/go/VERSION", b"go1.26.8\ntime 2026-08-28T16:20:06Z\n", "toolchain", "1.26.8"),
    ("usr/local/go/VERSION", b"go1.21rc2", "toolchain", "1.21.0-rc.2"),
    (
        "usr/local/bin/valkey-server",
        b"\x007.2.4\0file: %s\x009.1.2\0include\x0016.2.0\0\0valkey9.1.21789267002000000000\0",
        "valkey",
        "9.1.2",
    ),
    (
        "usr/sbin/varnishd",
        b"\0varnish-7.1.1 revision 7cee1c581bead20e88d101ab3d72afb29f14d87a\0",
        "varnish",
        "7.1.1",
    ),
];

fn is_text(name: &str) -> bool {
    PROGRAMS.iter().any(|program| program.name == name && program.form == Form::Text)
}

/// A file as it would lie in an image: programs have code around their texts.
fn file_around(bytes: &[u8], name: &str) -> Vec<u8> {
    if is_text(name) { bytes.to_vec() } else { [ELF_HEAD, &[0x90; 1000], bytes, &[0x90; 1000]].concat() }
}

fn found_in(path: &str, bytes: &[u8]) -> Vec<(String, String)> {
    let mut content = std::io::Cursor::new(bytes);
    let mut file = File { path, size_bytes: bytes.len() as u64, content: &mut content };
    let components = read(&mut file).unwrap().components;
    components.into_iter().map(|component| (component.name, component.version)).collect()
}

fn is_wanted(path: &str, bytes: &[u8]) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let head = &bytes[..bytes.len().min(Candidate::HEAD_BYTES)];
    (READER.wants)(&Candidate { path, name, head, size_bytes: bytes.len() as u64, mode: 0o755 })
}

#[test]
fn programs_as_others_built_them_are_known() {
    for (path, bytes, name, version) in SEEN {
        let file = file_around(bytes, name);
        assert!(is_wanted(path, &file), "{path}");
        assert_eq!(found_in(path, &file), [((*name).to_owned(), (*version).to_owned())], "{path}");
    }
}

#[test]
fn every_row_of_the_table_has_been_seen() {
    let seen: BTreeSet<&str> = SEEN.iter().map(|(_, _, name, _)| *name).collect();
    let listed: BTreeSet<&str> = PROGRAMS.iter().map(|program| program.name).collect();
    assert_eq!(seen, listed);
}

#[test]
fn no_text_is_longer_than_what_two_windows_share() {
    for evidence in PROGRAMS.iter().flat_map(|program| program.evidence) {
        assert!(evidence.before.len() + evidence.after.len() + 128 < OVERLAP_BYTES, "{evidence:?}");
    }
}

#[test]
fn the_go_toolchain_belongs_to_gos_ecosystem() {
    let facts = read_as_analysed("usr/local/go/VERSION", b"go1.26.8\n").unwrap();
    assert_eq!(facts.components[0].package_type, crate::PackageType::Golang);
}

#[test]
fn other_files_are_not_scanned() {
    let program = file_around(b"\0nginx version: nginx/1.22.1\n\0", "nginx");
    assert!(!is_wanted("usr/bin/ls", &program));
    assert!(!is_wanted("usr/sbin/nginx", b"#!/bin/sh\nexec nginx version: nginx/1.22.1\n"));
    assert!(!is_wanted("usr/local/go/VERSION", &vec![b'1'; 1 << 20]));
}

#[test]
fn a_file_of_the_name_alone_is_nothing() {
    assert_eq!(found_in("usr/sbin/nginx", &file_around(b"hello", "nginx")), []);
    assert_eq!(found_in("usr/share/doc/VERSION", b"1.2.3\n"), []);
    assert_eq!(found_in("etc/release", b"17\n"), []);
}

#[test]
fn a_text_is_found_wherever_a_window_ends() {
    let text = b"\0nginx version: nginx/1.22.1\n\0";
    for at in (128 * 1024 - 60)..(128 * 1024 + 10) {
        let mut file = vec![0x90; 300 * 1024];
        file[at..at + text.len()].copy_from_slice(text);
        assert_eq!(found_in("usr/sbin/nginx", &file), [("nginx".to_owned(), "1.22.1".to_owned())], "{at}");
    }
}

/// The programs of this machine, held against what they say of themselves.
#[test]
fn a_program_of_this_machine_is_known_as_what_it_says_it_is() {
    let programs = [
        ("bash", "--version"),
        ("busybox", "--help"),
        ("curl", "--version"),
        ("git", "--version"),
        ("openssl", "version"),
        ("perl", "--version"),
    ];
    for (name, ask) in programs {
        let Some(peer) = find_peer(name) else { continue };
        let output = peer.command().arg(ask).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let bytes = std::fs::read(peer.path()).unwrap();
        let path = format!("usr/bin/{name}");
        assert!(is_wanted(&path, &bytes), "{name}");
        let found = found_in(&path, &bytes);
        assert!(
            matches!(&found[..], [(found, version)] if found == name && said.contains(version)),
            "{found:?} in {said}"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_of_any_name_are_read(which in 0..SEEN.len(), cut in 0_usize..80, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (path, seen, ..) = SEEN[which];
        let cut = cut.min(seen.len());
        let _ = found_in(path, &[&seen[..cut], &bytes, &seen[cut..]].concat());
    }
}
