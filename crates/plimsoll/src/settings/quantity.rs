//! The forms that values are written in. Each function reads one, or says what is expected.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use plimsoll_oci::{RepositoryName, Tag};
use plimsoll_server::{KeyPlace, TokenIssuer};
use plimsoll_transport::Secret;

use super::ImmutableTags;

pub(crate) type Read<T> = Result<T, &'static str>;

pub(super) fn text(value: &str) -> Read<String> {
    Ok(value.to_owned())
}

pub(super) fn path(value: &str) -> Read<PathBuf> {
    Ok(PathBuf::from(value))
}

pub(super) fn boolean(value: &str) -> Read<bool> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("`true` or `false`"),
    }
}

pub(super) fn count(value: &str) -> Read<usize> {
    value.parse().ok().filter(|count| *count > 0).ok_or("a number from 1 up")
}

pub(super) fn repository_and_tag(value: &str) -> Read<(RepositoryName, Tag)> {
    let parsed = value.rsplit_once(':').and_then(|(name, tag)| Some((name.parse().ok()?, tag.parse().ok()?)));
    parsed.ok_or("a repository and a tag, such as `plimsoll/advisories:latest`")
}

pub(super) fn address(value: &str) -> Read<SocketAddr> {
    value.parse().map_err(|_| "an address with a port, such as `127.0.0.1:5000` or `[::]:5000`")
}

/// A time such as `30s`, `5m` or `24h`.
pub(super) fn duration(value: &str) -> Read<Duration> {
    const EXPECTED: &str = "a time such as `500ms`, `30s`, `5m`, `24h` or `7d`";
    let (count, unit) = split_unit(value).ok_or(EXPECTED)?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return Err(EXPECTED),
    };
    count.checked_mul(milliseconds).map(Duration::from_millis).ok_or(EXPECTED)
}

/// A number of bytes such as `64MiB`.
pub(crate) fn size(value: &str) -> Read<u64> {
    const EXPECTED: &str = "a size such as `512MiB`, `10GB` or `0`";
    if value == "0" {
        return Ok(0);
    }
    let (count, unit) = split_unit(value).ok_or(EXPECTED)?;
    let bytes: u64 = match unit {
        "B" => 1,
        "kB" => 1000,
        "MB" => 1000 * 1000,
        "GB" => 1000 * 1000 * 1000,
        "TB" => 1000 * 1000 * 1000 * 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(EXPECTED),
    };
    count.checked_mul(bytes).ok_or(EXPECTED)
}

pub(super) fn http_url(value: &str) -> Read<String> {
    let host = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.starts_with('/') => {
            Ok(value.trim_end_matches('/').to_owned())
        }
        _ => Err("a URL such as `https://registry.example.org`"),
    }
}

/// A host alone: Sigstore's clients know a log by no other name.
pub(super) fn host_name(value: &str) -> Read<String> {
    let is_host = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    let fits = (1..=253).contains(&value.len());
    if is_host && fits { Ok(value.to_owned()) } else { Err("a host such as `registry.example.org`") }
}

pub(super) fn postgres_url(value: &str) -> Read<Secret> {
    let is_postgres = value.starts_with("postgres://") || value.starts_with("postgresql://");
    if is_postgres { Ok(Secret::new(value)) } else { Err("a URL such as `postgres://user@host/database`") }
}

/// Bucket and prefix of `s3://bucket/prefix`.
pub(super) fn s3_url(value: &str) -> Read<(String, String)> {
    let rest = value.strip_prefix("s3://").unwrap_or_default();
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() || bucket.contains(['@', ':', '?']) {
        return Err("a URL such as `s3://bucket/prefix`");
    }
    Ok((bucket.to_owned(), prefix.trim_matches('/').to_owned()))
}

/// A rule `repositories:tags`.
pub(super) fn immutable_tags(value: &str) -> Read<ImmutableTags> {
    match value.split_once(':') {
        Some((repositories, tags)) if !repositories.is_empty() && !tags.is_empty() => {
            Ok(ImmutableTags { repositories: repositories.to_owned(), tags: tags.to_owned() })
        }
        _ => Err("patterns `repositories:tags`, such as `team/*:v*`"),
    }
}

/// An issuer of tokens: `issuer=…;audience=…;jwks=…;kind=…`, and `builder=…` if need be.
pub(super) fn token_issuer(value: &str) -> Read<TokenIssuer> {
    const EXPECTED: &str = "`issuer=URL;audience=TEXT;jwks=URL or file;kind=KIND`, and `builder=URI` if need be, where KIND \
                            is github, gitlab, buildkite, circleci, jenkins, kubernetes or generic";
    let pairs =
        value.split(';').map(|pair| pair.split_once('=').map(|(name, text)| (name.trim(), text.trim())));
    let mut named = pairs.collect::<Option<BTreeMap<&str, &str>>>().ok_or(EXPECTED)?;
    let mut take = |name: &str| named.remove(name).filter(|text| !text.is_empty());
    let keys = take("jwks").ok_or(EXPECTED)?;
    let keys =
        if keys.contains("://") { KeyPlace::Url(http_url(keys)?) } else { KeyPlace::File(keys.into()) };
    let issuer = TokenIssuer {
        issuer: take("issuer").ok_or(EXPECTED)?.to_owned(),
        audience: take("audience").ok_or(EXPECTED)?.to_owned(),
        keys,
        kind: take("kind").and_then(|kind| kind.parse().ok()).ok_or(EXPECTED)?,
        builder: take("builder").map(str::to_owned),
    };
    if named.is_empty() { Ok(issuer) } else { Err(EXPECTED) }
}

fn split_unit(value: &str) -> Option<(u64, &str)> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = value.split_at(digits);
    Some((count.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_need_a_unit() {
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("10GB"), Ok(10_000_000_000));
        for wrong in ["", "5", "m", "-5m", "5 m", "1.5h", "99999999999999999999s", "18446744073709551615d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "5", "MiB", "5mib", "99999999999TiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_s3_url_gives_bucket_and_prefix() {
        assert_eq!(s3_url("s3://b/p/q/"), Ok(("b".into(), "p/q".into())));
        assert_eq!(s3_url("s3://b"), Ok(("b".into(), String::new())));
        assert!(s3_url("https://b").is_err());
        assert!(s3_url("s3://key:secret@b").is_err());
    }
}
