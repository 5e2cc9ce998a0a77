use std::fmt;
use std::str::FromStr;

use plimsoll_store::catalogue::User;

use crate::command::rights::may_do_everything;
use crate::failure::{Failure, Verdict};

/// Longest accepted name.
const LENGTH_MAX: usize = 64;

/// A name to sign in with: `[a-z0-9][a-z0-9._-]{1,63}`. A colon would end it early in HTTP's basic authentication (RFC
/// 7617, section 2), and what differs in case only is mistaken for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserName(String);

impl UserName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses to go on when this is the only one of `users` who may do everything, unless that is `forced`.
    pub(super) fn must_not_be_last(&self, users: &[User], forced: bool) -> Result<(), Failure> {
        let mut masters = users.iter().filter(|user| may_do_everything(&user.grants));
        let is_last = masters.next().is_some_and(|user| user.name == self.0) && masters.next().is_none();
        if !is_last || forced {
            return Ok(());
        }
        let what = format!("`{self}` is the last user who may do everything");
        Err(Failure::new(Verdict::GateFailed, what).help("make another with --admin first, or add --force"))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not a user's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParseUserNameError;

impl fmt::Display for ParseUserNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a user's name has 2 to {LENGTH_MAX} small letters, digits, `.`, `_` or `-`, and begins with a letter or \
             digit"
        )
    }
}

impl std::error::Error for ParseUserNameError {}

impl FromStr for UserName {
    type Err = ParseUserNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let well_formed = (2..=LENGTH_MAX).contains(&text.len())
            && text.bytes().next().is_some_and(is_word)
            && text.bytes().all(|byte| is_word(byte) || b"._-".contains(&byte));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(ParseUserNameError) }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_store::Timestamp;
    use plimsoll_store::catalogue::Grant;

    use super::*;

    fn user(name: &str, grant: &str) -> User {
        let grants: Vec<Grant> = vec![grant.parse().unwrap()];
        let created_at = Timestamp::from_unix_ms(0);
        User { name: name.to_owned(), password_hash: String::new(), grants, created_at }
    }

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["al", "0-day", "a.b_c-d", &"a".repeat(64)] {
            assert!(name.parse::<UserName>().is_ok(), "{name}");
        }
        for name in ["", "a", "Alice", "al:ice", "-al", "ä0", "robot:x", "a b", &"a".repeat(65)] {
            assert_eq!(name.parse::<UserName>(), Err(ParseUserNameError), "{name}");
        }
    }

    #[test]
    fn only_the_last_of_those_who_may_do_everything_stays() {
        let alice: UserName = "alice".parse().unwrap();
        let bob: UserName = "bob".parse().unwrap();
        let users = [user("alice", "*:*"), user("bob", "team/*:*")];
        assert_eq!(alice.must_not_be_last(&users, false).unwrap_err().verdict, Verdict::GateFailed);
        assert_eq!(alice.must_not_be_last(&users, true), Ok(()));
        assert_eq!(bob.must_not_be_last(&users, false), Ok(()));
        let two = [user("alice", "*:*"), user("bob", "*:pull,push,delete")];
        assert_eq!(alice.must_not_be_last(&two, false), Ok(()));
    }
}
