//! Taking a package URL apart, from the right: the subpath first, the type last (purl-spec, "How to parse").

use std::collections::BTreeMap;

use super::encoding::decode;
use super::{ParsePurlError, Purl};

/// The parts as written and unescaped; the type's rules are still to be applied.
pub(super) fn parse(text: &str) -> Result<Purl, ParsePurlError> {
    if text.len() > Purl::BYTES_MAX {
        return Err(ParsePurlError::Length);
    }
    let (rest, fragment) = split_off(text, '#');
    let (rest, query) = split_off(rest, '?');
    let path = match rest.split_once(':') {
        Some((scheme, path)) if scheme.eq_ignore_ascii_case("pkg") => path.trim_start_matches('/'),
        _ => return Err(ParsePurlError::Scheme),
    };
    let (written_type, path) = path.split_once('/').unwrap_or((path, ""));
    let (path, version) = split_version(path);
    // A slash before the version leaves the name empty; elsewhere it is one too many.
    let path = if version.is_some() { path } else { path.trim_end_matches('/') };
    let (namespace, name) = path.rsplit_once('/').map_or((None, path), |(left, right)| (Some(left), right));
    Ok(Purl {
        package_type: package_type(written_type)?,
        namespace: namespace.map(decoded_segments).transpose()?.flatten(),
        name: decode(name)?,
        version: version.map(decode).transpose()?.filter(|version| !version.is_empty()),
        qualifiers: query.map(qualifiers).transpose()?.unwrap_or_default(),
        subpath: fragment.map(decoded_subpath).transpose()?.flatten(),
    })
}

fn split_off(text: &str, separator: char) -> (&str, Option<&str>) {
    text.rsplit_once(separator).map_or((text, None), |(left, right)| (left, Some(right)))
}

/// Splits at the last `@`, unless it begins a namespace's segment, as npm's scopes do where they are not escaped.
fn split_version(path: &str) -> (&str, Option<&str>) {
    match path.rsplit_once('@') {
        Some((left, right)) if (left.is_empty() || left.ends_with('/')) && right.contains('/') => {
            (path, None)
        }
        Some((left, right)) => (left, Some(right)),
        None => (path, None),
    }
}

pub(super) fn package_type(text: &str) -> Result<String, ParsePurlError> {
    let is_valid = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte));
    if is_valid { Ok(text.to_ascii_lowercase()) } else { Err(ParsePurlError::Type(text.to_owned())) }
}

/// A namespace without empty segments, or none.
pub(super) fn segments(text: &str) -> Option<String> {
    joined(text.split('/').filter(|segment| !segment.is_empty()))
}

/// A subpath without empty segments and those that point at themselves or upwards, or none.
pub(super) fn subpath(text: &str) -> Option<String> {
    joined(text.split('/').filter(|segment| !matches!(*segment, "" | "." | "..")))
}

fn joined<'a>(segments: impl Iterator<Item = &'a str>) -> Option<String> {
    let joined = segments.collect::<Vec<_>>().join("/");
    (!joined.is_empty()).then_some(joined)
}

fn decoded_segments(text: &str) -> Result<Option<String>, ParsePurlError> {
    let decoded: Result<Vec<_>, _> = text.split('/').map(decoded_segment).collect();
    Ok(segments(&decoded?.join("/")))
}

fn decoded_subpath(text: &str) -> Result<Option<String>, ParsePurlError> {
    let decoded: Result<Vec<_>, _> = text.split('/').map(decoded_segment).collect();
    Ok(subpath(&decoded?.join("/")))
}

/// A segment cannot hold a slash: escaped, it would become a separator when it is printed.
fn decoded_segment(text: &str) -> Result<String, ParsePurlError> {
    let decoded = decode(text)?;
    if decoded.contains('/') { Err(ParsePurlError::Encoding(text.to_owned())) } else { Ok(decoded) }
}

fn qualifiers(query: &str) -> Result<BTreeMap<String, String>, ParsePurlError> {
    let mut qualifiers = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| ParsePurlError::Qualifier(pair.to_owned()))?;
        let key = qualifier_key(key)?;
        let value = decode(value)?;
        if !value.is_empty() && qualifiers.insert(key, value).is_some() {
            return Err(ParsePurlError::Qualifier(pair.to_owned()));
        }
    }
    Ok(qualifiers)
}

pub(super) fn qualifier_key(text: &str) -> Result<String, ParsePurlError> {
    let is_valid = !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if is_valid { Ok(text.to_ascii_lowercase()) } else { Err(ParsePurlError::Qualifier(text.to_owned())) }
}
