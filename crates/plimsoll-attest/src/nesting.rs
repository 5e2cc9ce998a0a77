/// Deepest nesting of objects and lists in a document from outside. Real predicates need about ten.
pub const NESTING_MAX: usize = 96;

/// A document is nested too deeply to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the JSON is nested more than {NESTING_MAX} levels deep")]
pub struct TooDeep;

/// Checks the nesting of some JSON before it is parsed, in one pass without recursion.
///
/// What is kept as raw text or skipped is otherwise not looked into, and whoever parses it later would meet the depth.
pub(crate) fn check_nesting(json: &[u8]) -> Result<(), TooDeep> {
    let mut depth = 0_usize;
    let mut is_text = false;
    let mut is_escaped = false;
    for byte in json {
        match (is_text, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => is_text = !is_text,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING_MAX {
            return Err(TooDeep);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_levels_are_refused_and_brackets_in_texts_do_not_count() {
        assert_eq!(check_nesting(&b"[".repeat(10_000)), Err(TooDeep));
        let flat = format!(r#"{{"a":"{}\"[{{","b":[[]]}}"#, "[".repeat(10_000));
        assert_eq!(check_nesting(flat.as_bytes()), Ok(()));
        assert_eq!(check_nesting("[]".repeat(10_000).as_bytes()), Ok(()));
    }
}
