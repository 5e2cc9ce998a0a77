//! What a file holds, by how it begins.

/// How much of a file is looked at. Debian's tracker begins with a description, the other formats with their keys.
pub(super) const HEAD_BYTES: u64 = 64 * 1024;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
    Zip,
}

impl Packing {
    pub(super) fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6] => Self::Zip,
            _ => Self::Plain,
        }
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One record.
    Osv,
    /// A record on each line.
    OsvLines,
    /// Alpine's secdb.
    Secdb,
    /// Debian's security tracker.
    DebianTracker,
    /// CISA's catalogue of exploited vulnerabilities.
    Kev,
    /// An entry of it on each line.
    KevLines,
    /// A CVE with its CVSS vector on each line.
    ScoreLines,
    /// FIRST's table of probabilities.
    Epss,
}

impl Format {
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let head = head.trim_ascii_start();
        match head.first()? {
            b'#' => Some(Self::Epss),
            b'c' if head.starts_with(b"cve,epss") => Some(Self::Epss),
            b'{' => Self::of_object(head),
            _ => None,
        }
    }

    fn of_object(head: &[u8]) -> Option<Self> {
        let object = FirstObject::scan(head);
        let has = |key: &str| object.keys.contains(&key.as_bytes());
        if has("cveID") {
            return Some(Self::KevLines);
        }
        if has("vulnerabilities") || has("catalogVersion") {
            return Some(Self::Kev);
        }
        if has("distroversion") || has("secfixes") || has("reponame") {
            return Some(Self::Secdb);
        }
        if has("id") && (has("cvss") || has("ssvc")) {
            return Some(Self::ScoreLines);
        }
        if has("id") || has("affected") || has("schema_version") {
            return Some(if object.is_on_one_line { Self::OsvLines } else { Self::Osv });
        }
        head.windows(RELEASES.len()).any(|window| window == RELEASES).then_some(Self::DebianTracker)
    }
}

/// A key that stands deep in Debian's tracker, whose outer keys are the names of packages.
const RELEASES: &[u8] = b"\"releases\"";

/// The keys of the first object of a file, as far as they can be seen.
struct FirstObject<'h> {
    keys: Vec<&'h [u8]>,
    is_on_one_line: bool,
}

impl<'h> FirstObject<'h> {
    /// Walks tokens, without a care whether they are good JSON.
    fn scan(head: &'h [u8]) -> Self {
        let mut object = Self { keys: Vec::new(), is_on_one_line: true };
        let (mut depth, mut at) = (0_u32, 0);
        while let Some(byte) = head.get(at) {
            at += 1;
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                b'\n' => object.is_on_one_line = false,
                b'"' => {
                    let (text, length) = string(head.get(at..).unwrap_or_default());
                    at += length;
                    let is_key = head.get(at..).unwrap_or_default().trim_ascii_start().starts_with(b":");
                    object.keys.extend((depth == 1 && is_key).then_some(text));
                }
                _ => {}
            }
        }
        object
    }
}

/// A string behind its opening quote, with how many bytes it takes up to behind the closing one.
fn string(rest: &[u8]) -> (&[u8], usize) {
    let mut is_escaped = false;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return (rest.get(..at).unwrap_or_default(), at + 1),
            _ => {}
        }
    }
    (rest, rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_seen_from_its_keys() {
        for (head, format) in [
            (
                "#model_version:v2025.03.14,score_date:2025-01-01T00:00:00Z\ncve,epss,percentile",
                Some(Format::Epss),
            ),
            (r#"{"affected":[{"id":1}],"id":"X","modified":""}"#, Some(Format::OsvLines)),
            ("{\n \"id\": \"X\",\n \"modified\": \"\"}", Some(Format::Osv)),
            (r#"{"details":"\"cveID\":","affected":["#, Some(Format::OsvLines)),
            (
                r#"{"apkurl":"","archs":[],"reponame":"main","distroversion":"v3.19","packages":[]}"#,
                Some(Format::Secdb),
            ),
            (r#"{"title":"CISA Catalog","catalogVersion":"1","vulnerabilities":[]}"#, Some(Format::Kev)),
            (r#"{"cveID":"CVE-2025-48384","dateAdded":"2025-08-25"}"#, Some(Format::KevLines)),
            (r#"{"id":"CVE-1999-0006","cvss":null,"ssvc":{}}"#, Some(Format::ScoreLines)),
            (
                r#"{"0ad":{"CVE-2020-1":{"releases":{"bookworm":{"status":"open"}}}}}"#,
                Some(Format::DebianTracker),
            ),
            ("[]", None),
            ("", None),
            (r#"{"hello":"world"}"#, None),
        ] {
            assert_eq!(Format::of(head.as_bytes()), format, "{head}");
        }
    }
}
