use std::fmt;

use crate::ProvenIdentity;

/// Longest pattern.
const PATTERN_BYTES_MAX: usize = 1024;
/// Most wildcards of one pattern.
const WILDCARDS_MAX: usize = 8;

/// Somebody who is known by what certificates say of them, and not by a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who must have checked the name: the address of an issuer of tokens, exactly.
    pub issuer: String,
    /// What the name must be.
    pub subject: SubjectPattern,
    /// Which source repository must have been built, if it matters.
    pub repository: Option<String>,
    /// Which workflow must have built it, if it matters: the top-level one, where the subject may name a shared one.
    pub workflow: Option<String>,
    /// From which branch or tag, if it matters.
    pub git_ref: Option<String>,
}

impl Identity {
    /// Somebody by name and issuer alone.
    pub fn new(issuer: &str, subject: SubjectPattern) -> Self {
        Self { issuer: issuer.to_owned(), subject, repository: None, workflow: None, git_ref: None }
    }

    /// Whether this is who signed. All of it is compared whole.
    pub fn is(&self, proven: &ProvenIdentity) -> bool {
        let claims = &proven.claims;
        let fits = |wanted: &Option<String>, said: &Option<String>| wanted.is_none() || wanted == said;
        self.issuer == claims.issuer
            && self.subject.matches(&proven.subject)
            && fits(&self.repository, &claims.repository)
            && fits(&self.workflow, &claims.workflow)
            && fits(&self.git_ref, &claims.git_ref)
    }
}

/// What a subject must be: one exactly, or one of many that differ where the pattern has a wildcard.
///
/// `*` stands for one or more characters but `/` and `@`, and `**` for any but `@`. Everything else stands for itself, and
/// the whole subject must fit. Wildcards stand only where they cannot take in somebody else: in the path of a URI for
/// whole segments, in the ref behind its `@` anywhere, and in an address of mail for all before the `@`. So no pattern for
/// `https://github.com/org/` fits `https://github.com/org-evil/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectPattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Segment,
    Segments,
}

/// Why a text is no pattern that is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectPatternError {
    /// It is empty or too long.
    #[error("a pattern has 1 to {PATTERN_BYTES_MAX} characters and at most {WILDCARDS_MAX} wildcards")]
    Size,
    /// A wildcard stands where it could take in somebody else.
    #[error(
        "in `{0}` a wildcard could stand for somebody else: write it for whole parts of a path, behind the `@` of a \
         workflow, or for all before the `@` of an address"
    )]
    Loose(String),
}

impl SubjectPattern {
    /// This subject, and nobody else.
    pub fn exactly(subject: &str) -> Self {
        let parts = vec![Part::Literal(subject.to_owned())];
        Self { text: subject.to_owned(), parts }
    }

    /// Every subject that fits.
    pub fn parse(pattern: &str) -> Result<Self, SubjectPatternError> {
        let wildcards = pattern.matches('*').count();
        if !(1..=PATTERN_BYTES_MAX).contains(&pattern.len()) || wildcards > 2 * WILDCARDS_MAX {
            return Err(SubjectPatternError::Size);
        }
        if is_anchored(pattern) {
            Ok(Self { text: pattern.to_owned(), parts: parts_of(pattern) })
        } else {
            Err(SubjectPatternError::Loose(pattern.to_owned()))
        }
    }

    /// Whether only one subject fits.
    pub fn is_exact(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Literal(_)])
    }

    fn matches(&self, subject: &str) -> bool {
        // The places up to which the parts so far can reach.
        let mut reached = vec![0];
        for part in &self.parts {
            reached = reached.into_iter().flat_map(|from| part.ends(subject, from)).collect();
            reached.sort_unstable();
            reached.dedup();
        }
        reached.contains(&subject.len())
    }
}

impl fmt::Display for SubjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Part {
    /// Where this part can end if it begins here.
    fn ends(&self, subject: &str, from: usize) -> Vec<usize> {
        let rest = subject.get(from..).unwrap_or_default();
        let taken = |stops: fn(char) -> bool| {
            let fitting = rest.char_indices().take_while(|(_, letter)| !stops(*letter));
            fitting.map(|(at, letter)| from + at + letter.len_utf8()).collect()
        };
        match self {
            Self::Literal(text) if rest.starts_with(text.as_str()) => vec![from + text.len()],
            Self::Literal(_) => Vec::new(),
            Self::Segment => taken(|letter| matches!(letter, '/' | '@')),
            Self::Segments => taken(|letter| letter == '@'),
        }
    }
}

fn parts_of(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('*') {
        if !before.is_empty() {
            parts.push(Part::Literal(before.to_owned()));
        }
        let several = after.strip_prefix('*');
        parts.push(if several.is_some() { Part::Segments } else { Part::Segment });
        rest = several.unwrap_or(after);
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.to_owned()));
    }
    parts
}

fn is_anchored(pattern: &str) -> bool {
    if pattern.contains("***") {
        return false;
    }
    let Some((scheme, address)) = pattern.split_once("://") else {
        let beyond_name = pattern.strip_prefix("*@").unwrap_or(pattern);
        return !beyond_name.contains('*');
    };
    let (place, git_ref) = address.split_once('@').unwrap_or((address, ""));
    let mut segments = place.split('/');
    let host = segments.next().unwrap_or_default();
    let is_whole = |segment: &str| matches!(segment, "*" | "**") || !segment.contains('*');
    !scheme.contains('*') && !host.contains('*') && segments.all(is_whole) && !git_ref.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, subject: &str) -> bool {
        SubjectPattern::parse(pattern).unwrap().matches(subject)
    }

    #[test]
    fn a_pattern_takes_in_what_its_wildcards_stand_for_and_nothing_else() {
        let tags = "https://github.com/org/app/.github/workflows/release.yml@refs/tags/v*";
        let tagged = |tag: &str| tags.replace("v*", tag);
        assert!(fits(tags, &tagged("v1.2.3")));
        for other in ["v", "x1", "v1/2", "v1@x", "v1\u{0}/"] {
            assert!(!fits(tags, &tagged(other)), "{other}");
        }
        let any = "https://github.com/org/*/.github/workflows/*@**";
        assert!(fits(any, &tagged("v1/2")));
        assert!(!fits(any, &tagged("v1").replace("org", "org-evil")));
        assert!(!fits(any, &format!("x{}", tagged("v1"))));
        assert!(fits("*@example.org", "ana@example.org"));
        for other in ["ana@example.org.evil", "ana@x@example.org", "@example.org", "a/b@example.org"] {
            assert!(!fits("*@example.org", other), "{other}");
        }
    }

    #[test]
    fn a_wildcard_that_could_stand_for_somebody_else_is_refused() {
        for loose in [
            "*",
            "**",
            "https://*",
            "https://*/org/app",
            "https://github.com/org*",
            "https://github.com/org*/app",
            "https://github.com/*org/app",
            "ana@*",
            "ana@*.org",
            "a*@example.org",
            "**@example.org",
            "*://x/y",
            "https://github.com/org/***",
            "https://github.com/org/app@x@*",
        ] {
            assert!(matches!(SubjectPattern::parse(loose), Err(SubjectPatternError::Loose(_))), "{loose}");
        }
        assert_eq!(SubjectPattern::parse(""), Err(SubjectPatternError::Size));
        let many = format!("https://a/{}", "*/".repeat(17));
        assert_eq!(SubjectPattern::parse(&many), Err(SubjectPatternError::Size));
    }

    #[test]
    fn an_exact_subject_has_no_wildcards() {
        let star = SubjectPattern::exactly("https://github.com/org/*");
        assert!(star.matches("https://github.com/org/*") && !star.matches("https://github.com/org/app"));
        assert!(star.is_exact() && !SubjectPattern::parse("*@example.org").unwrap().is_exact());
    }
}
