//! Text that is a secret by its form, whatever it is called.

/// Beginnings of credentials that name their kind, with the fewest characters that follow.
const MARKED: &[(&str, usize, &str)] = &[
    ("AKIA", 16, "an AWS access key id"),
    ("ASIA", 16, "a temporary AWS access key id"),
    ("ghp_", 36, "a GitHub personal access token"),
    ("gho_", 36, "a GitHub OAuth token"),
    ("ghs_", 36, "a GitHub app token"),
    ("github_pat_", 40, "a GitHub fine-grained token"),
    ("glpat-", 20, "a GitLab access token"),
    ("npm_", 36, "an npm access token"),
    ("pypi-", 50, "a PyPI token"),
    ("xoxb-", 20, "a Slack bot token"),
    ("xoxp-", 20, "a Slack user token"),
    ("sk_live_", 20, "a Stripe live key"),
    ("SG.", 40, "a SendGrid key"),
    ("hvs.", 24, "a Vault token"),
    ("dckr_pat_", 20, "a Docker Hub token"),
    ("AIza", 35, "a Google API key"),
];

/// What kind of secret a text holds; nothing where it holds none that can be told by its form.
pub(super) fn kind(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    let marked = MARKED
        .iter()
        .find(|(mark, length, _)| text.match_indices(mark).any(|(at, _)| follows(text, at, mark, *length)));
    marked.map(|(_, _, kind)| *kind).or_else(|| has_password_in_url(text).then_some("a password in a URL"))
}

/// Whether enough characters of a token follow a mark that begins a word.
fn follows(text: &str, at: usize, mark: &str, length: usize) -> bool {
    let is_inside = |c: char| c.is_ascii_alphanumeric();
    let begins = !text.get(..at).is_some_and(|before| before.ends_with(is_inside));
    let rest = text.get(at + mark.len()..).unwrap_or_default();
    let token: Vec<char> =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    // Placeholders repeat themselves.
    let kinds: std::collections::BTreeSet<&char> = token.iter().collect();
    begins && token.len() >= length && kinds.len() > 5
}

/// `scheme://user:password@host`, the password not a variable.
fn has_password_in_url(text: &str) -> bool {
    text.match_indices("://").any(|(at, mark)| {
        let rest = text.get(at + mark.len()..).unwrap_or_default();
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'')).unwrap_or(rest.len());
        let user = rest.get(..end).and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
        let password = user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
        password.is_some_and(|password| !password.is_empty() && !password.contains(['$', '<', '{']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_form() {
        assert_eq!(kind("AKIAIOSFODNN7EXAMPLE"), Some("an AWS access key id"));
        assert_eq!(
            kind("x=ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
            Some("a GitHub personal access token")
        );
        assert_eq!(kind("https://user:hunter2@example.com/x"), Some("a password in a URL"));
        assert_eq!(kind("-----BEGIN RSA PRIVATE KEY-----"), Some("a private key"));
        for plain in [
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "https://$USER:$PASS@host/",
            "git@example.com:a/b",
            "",
        ] {
            assert_eq!(kind(plain), None, "{plain}");
        }
    }
}
