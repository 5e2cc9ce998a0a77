use std::error::Error;
use std::fmt;

use plimsoll_transport::{ErrorKind, TransportError};

/// Why a command ends without doing what was asked: what, where, why, and what to do next.
///
/// Messages are lower case without a full stop; the help is a command to copy, or a short advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) verdict: Verdict,
    pub(crate) what: String,
    pub(crate) place: Option<String>,
    pub(crate) causes: Vec<String>,
    pub(crate) help: Option<String>,
}

/// What a failure means to a script: each has an exit code, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A check was made, and its answer is no. Missing or invalid evidence is such an answer.
    GateFailed,
    /// The arguments or the configuration are wrong; trying again will not help.
    Usage,
    /// The question could not be answered: a store, registry or data is unreachable, stale or unsupported. It is
    /// never a pass.
    NotEvaluated,
    /// The user ended it.
    Interrupted,
}

impl Verdict {
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::GateFailed => 1,
            Self::Usage => 2,
            Self::NotEvaluated => 3,
            Self::Interrupted => 130,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GateFailed => "gate failed",
            Self::Usage => "wrong usage",
            Self::NotEvaluated => "could not evaluate",
            Self::Interrupted => "interrupted",
        })
    }
}

impl Failure {
    /// The arguments or the configuration are wrong.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Verdict::Usage, what)
    }

    /// The question could not be answered.
    pub(crate) fn not_evaluated(what: impl Into<String>) -> Self {
        Self::new(Verdict::NotEvaluated, what)
    }

    /// The user ended it.
    pub(crate) fn interrupted() -> Self {
        Self::new(Verdict::Interrupted, "interrupted")
    }

    /// A failure of any verdict.
    pub(crate) fn new(verdict: Verdict, what: impl Into<String>) -> Self {
        Self { verdict, what: what.into(), place: None, causes: Vec::new(), help: None }
    }

    /// Adds where it happened: a file with its line, an address, an image.
    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Adds the error that caused it, with the errors that caused that one.
    pub(crate) fn because(mut self, cause: &dyn Error) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            let text = error.to_string();
            // Some errors print their source themselves.
            let is_news = !self.causes.last().is_some_and(|last| last.contains(&text));
            if is_news {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds what to do about it, where it is known: a command to copy.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<TransportError> for Failure {
    /// What cannot be fetched could not be evaluated; what was asked wrongly is wrong usage.
    fn from(error: TransportError) -> Self {
        let verdict = match error.kind() {
            ErrorKind::Usage => Verdict::Usage,
            _ => Verdict::NotEvaluated,
        };
        let mut whole = Self::new(verdict, "").because(&error).causes.into_iter();
        let what = whole.next().unwrap_or_default();
        Self { causes: whole.collect(), help: error.help(), ..Self::new(verdict, what) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::io::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot open the box")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn the_whole_chain_of_causes_is_kept() {
        let cause = Outer(std::io::Error::other("it is nailed shut"));
        let failure = Failure::not_evaluated("no box").because(&cause);
        assert_eq!(failure.causes, ["cannot open the box", "it is nailed shut"]);
    }

    #[test]
    fn exit_codes_are_those_of_the_manual() {
        let codes = [Verdict::GateFailed, Verdict::Usage, Verdict::NotEvaluated, Verdict::Interrupted]
            .map(Verdict::exit_code);
        assert_eq!(codes, [1, 2, 3, 130]);
    }
}
