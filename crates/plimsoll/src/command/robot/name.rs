use std::fmt;
use std::str::FromStr;

/// How long a name is.
const LENGTH_MIN: usize = 2;
const LENGTH_MAX: usize = 40;

/// A robot's name: `[a-z0-9-]{2,40}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RobotName(String);

impl RobotName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RobotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not a robot's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParseRobotNameError;

impl fmt::Display for ParseRobotNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a robot's name has {LENGTH_MIN} to {LENGTH_MAX} small letters, digits or `-`")
    }
}

impl std::error::Error for ParseRobotNameError {}

impl FromStr for RobotName {
    type Err = ParseRobotNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let well_formed = (LENGTH_MIN..=LENGTH_MAX).contains(&text.len()) && text.bytes().all(is_plain);
        if well_formed { Ok(Self(text.to_owned())) } else { Err(ParseRobotNameError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["ci-1", "ci", &"a".repeat(40)] {
            assert!(name.parse::<RobotName>().is_ok(), "{name}");
        }
        for name in ["", "a", "CI-1", "ci_1", "ci:1", "ci.1", &"a".repeat(41)] {
            assert_eq!(name.parse::<RobotName>(), Err(ParseRobotNameError), "{name}");
        }
    }
}
