//! YAML that people write.

use serde::de::DeserializeOwned;

/// Reads a document. An error is one line that says where it is: it stands among other lines of a message.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { with_snippet: false })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_error_is_one_line_with_its_place() {
        let error = read::<BTreeMap<String, u8>>("a: 1\nb: [\n").unwrap_err().to_string();
        assert!(error.lines().count() == 1 && error.contains("line"), "{error}");
        let error = read::<BTreeMap<String, u8>>("a: 1\nb: two\n").unwrap_err().to_string();
        assert!(error.lines().count() == 1 && error.contains("line 2"), "{error}");
    }
}
