use std::path::Path;

use plimsoll_vuln::verdict::Ignore;

use crate::advisories::{cannot, read_bounded};
use crate::failure::Failure;
use crate::yaml;

/// A larger file is not read: ten thousand entries need less.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Reads what is accepted for now: a YAML list, in which each entry has an owner and a last day.
pub(super) fn read(path: &Path) -> Result<Vec<Ignore>, Failure> {
    let bytes = read_bounded(path, BYTES_MAX).map_err(|error| Failure {
        verdict: crate::failure::Verdict::Usage,
        ..cannot("read", path, &error)
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Failure::usage(format!("`{}` is not UTF-8", path.display())).because(&error))?;
    parse(&text).map_err(|failure| failure.at(path.display().to_string()))
}

fn parse(text: &str) -> Result<Vec<Ignore>, Failure> {
    let is_empty = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    if is_empty {
        return Ok(Vec::new());
    }
    yaml::read(text).map_err(|error| {
        Failure::usage("the ignore file is not understood").because(&error).help(
            "write a list of entries with `id`, `reason`, `owner`, `expires: 2026-12-31`, and perhaps `purl`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_a_reason_an_owner_and_a_last_day() {
        let text = "\
- id: CVE-2018-18074
  purl: pkg:pypi/requests
  reason: no redirects are followed
  owner: ana@example.org
  expires: 2026-12-31
";
        let ignores = parse(text).unwrap();
        assert_eq!((ignores.len(), ignores[0].id.as_str()), (1, "CVE-2018-18074"));
        assert_eq!(ignores[0].expires, jiff::civil::date(2026, 12, 31));
        assert!(parse("# nothing yet\n").unwrap().is_empty());
    }

    #[test]
    fn an_unknown_key_or_a_missing_owner_is_refused() {
        let unknown =
            parse("- {id: A, reason: b, owner: c, expires: 2026-01-01, until: 2027-01-01}\n").unwrap_err();
        assert!(unknown.causes[0].contains("until"), "{unknown:?}");
        let missing = parse("- {id: A, reason: b, expires: 2026-01-01}\n").unwrap_err();
        assert!(missing.causes[0].contains("owner"), "{missing:?}");
    }
}
