//! Licences as written: an identifier, an expression, or a free name.

use spdx::{Expression, ParseMode};

/// Longer texts are names, whatever they hold.
const EXPRESSION_BYTES_MAX: usize = 1024;

/// What a licence's text is, by the SPDX License List.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum License<'a> {
    /// One identifier of the list: `MIT`.
    Id(&'a str),
    /// Identifiers with operators: `MIT OR Apache-2.0`.
    Expression(&'a str),
    /// Anything else: `ZPL 2.1`.
    Name(&'a str),
}

impl<'a> License<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        if is_no_license(text) {
            Self::Name(text)
        } else if spdx::license_id(text).is_some_and(|id| id.name == text) {
            Self::Id(text)
        } else if is_expression(text) {
            Self::Expression(text)
        } else {
            Self::Name(text)
        }
    }
}

/// Whether it is a word of SPDX that stands in place of a licence (SPDX 2.3, section 7.15).
fn is_no_license(text: &str) -> bool {
    matches!(text, "NOASSERTION" | "NONE")
}

/// Whether validators take it for an expression. References to licences of other documents mean nothing in ours.
fn is_expression(text: &str) -> bool {
    let mode = ParseMode { allow_deprecated: true, ..ParseMode::STRICT };
    text.len() <= EXPRESSION_BYTES_MAX
        && !text.contains("Ref-")
        && text.split_whitespace().all(|word| !matches!(word, "and" | "or" | "with"))
        && Expression::parse_mode(text, mode).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_tells_identifiers_from_names() {
        assert_eq!(License::of("MIT"), License::Id("MIT"));
        // An identifier that the list has long deprecated; as a name it is still told.
        assert_eq!(License::of("GPL-2.0+"), License::Name("GPL-2.0+"));
        assert_eq!(License::of("mit"), License::Name("mit"));
        assert_eq!(License::of("(MIT OR Apache-2.0)"), License::Expression("(MIT OR Apache-2.0)"));
        for name in
            ["", "BSD", "MIT or Apache-2.0", "LicenseRef-x", "NOASSERTION", "MIT OR", "((((", "GPLv2+"]
        {
            assert_eq!(License::of(name), License::Name(name));
        }
        let long = "MIT OR ".repeat(1000) + "MIT";
        assert_eq!(License::of(&long), License::Name(&long));
    }
}
