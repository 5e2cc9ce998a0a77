use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// Longest `WWW-Authenticate` header that is read.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// What a registry wants to see before it answers (RFC 9110, section 11.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The scheme in lower case.
    pub(crate) scheme: String,
    /// The parameters; their names are in lower case.
    pub(crate) parameters: Vec<(String, String)>,
}

impl Challenge {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All challenges in the headers.
pub(crate) fn challenges_in(headers: &HeaderMap) -> Vec<Challenge> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    texts.filter(|text| text.len() <= HEADER_BYTES_MAX).flat_map(parse_challenges).collect()
}

/// Reads `Scheme key=value, key="value", Scheme …`. What does not fit the form is skipped.
fn parse_challenges(text: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after_word) = split_token(rest);
        if word.is_empty() {
            // Neither a scheme nor a parameter can begin here.
            match rest.chars().next() {
                Some(stray) => rest = &rest[stray.len_utf8()..],
                None => return challenges,
            }
            continue;
        }
        let after_space = after_word.trim_start_matches([' ', '\t']);
        match (after_space.strip_prefix('='), challenges.last_mut()) {
            (Some(after_equals), Some(challenge)) => {
                let (value, after_value) = split_value(after_equals.trim_start_matches([' ', '\t']));
                challenge.parameters.push((word.to_ascii_lowercase(), value));
                rest = after_value;
            }
            (Some(after_equals), None) => rest = after_equals,
            (None, _) => {
                challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                rest = after_word;
            }
        }
    }
}

fn split_token(text: &str) -> (&str, &str) {
    let is_token_char = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !is_token_char(c)).unwrap_or(text.len()))
}

fn split_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (bare, rest) = text.split_at(text.find([',', ' ', '\t']).unwrap_or(text.len()));
        return (bare.to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_service_is_read() {
        let text = r#"Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push""#;
        let challenges = parse_challenges(text);
        assert_eq!(challenges.len(), 1);
        assert_eq!(challenges[0].scheme, "bearer");
        assert_eq!(challenges[0].parameter("realm"), Some("https://auth.example/token"));
        assert_eq!(challenges[0].parameter("scope"), Some("repository:a/b:pull,push"));
    }

    #[test]
    fn several_challenges_in_one_header_are_told_apart() {
        let challenges = parse_challenges(r#"Negotiate, Basic realm="a \"b\"", BEARER Realm = x , error=y"#);
        let schemes: Vec<_> = challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
        assert_eq!(schemes, ["negotiate", "basic", "bearer"]);
        assert_eq!(challenges[1].parameter("realm"), Some("a \"b\""));
        assert_eq!(challenges[2].parameter("realm"), Some("x"));
        assert_eq!(challenges[2].parameter("error"), Some("y"));
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_without_panic(text in ".{0,200}") {
            let _ = parse_challenges(&text);
        }

        #[test]
        fn a_quoted_value_round_trips(value in "[^\0]{0,40}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let challenges = parse_challenges(&format!("Bearer realm=\"{quoted}\",service=s"));
            proptest::prop_assert_eq!(challenges[0].parameter("realm"), Some(value.as_str()));
            proptest::prop_assert_eq!(challenges[0].parameter("service"), Some("s"));
        }
    }
}
