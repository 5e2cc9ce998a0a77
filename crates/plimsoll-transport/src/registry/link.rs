use reqwest::header::{HeaderMap, LINK};

/// The address of the next page in a `Link` header (RFC 8288; distribution-spec, "Listing Tags").
pub(crate) fn next_page(headers: &HeaderMap) -> Option<String> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).find_map(next_in)
}

/// Reads `<address>; rel="next", <other>; rel=…`.
fn next_in(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, after_open)) = rest.split_once('<') {
        let (address, after_address) = after_open.split_once('>')?;
        let (parameters, next) = split_at_comma(after_address);
        if parameters.split(';').any(is_rel_next) {
            return Some(address.to_owned());
        }
        rest = next;
    }
    None
}

/// Splits at the first comma outside quotes.
fn split_at_comma(text: &str) -> (&str, &str) {
    let mut is_quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

fn is_rel_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_others() {
        assert_eq!(
            next_in(r#"</v2/a/tags/list?n=2&last=b>; rel="next""#).unwrap(),
            "/v2/a/tags/list?n=2&last=b"
        );
        assert_eq!(next_in(r#"<x>; rel=first; title="a, <b>", <y,z>; REL="last next""#).unwrap(), "y,z");
        assert_eq!(next_in("<x>; rel=prev"), None);
        assert_eq!(next_in("<x"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_without_panic(text in "[<>;,=\" a-z]{0,80}") {
            let _ = next_in(&text);
        }
    }
}
