use std::io::{self, BufRead as _, Read as _};

use clap::Args;
use plimsoll_registry::auth::RobotToken;
use plimsoll_transport::Secret;

use super::name::UserName;
use crate::context::Context;
use crate::failure::Failure;
use crate::prompt;

/// Longest line taken as a password; a password itself is shorter.
const LINE_BYTES_MAX: u64 = 4096;

/// The characters of a password that is made up: 32, and none looks like another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Groups of characters of a password that is made up, and characters of each: 120 bits nobody can guess.
const GROUPS: usize = 4;
const GROUP: usize = 6;

/// Where a password comes from.
#[derive(Debug, Args)]
pub(super) struct PasswordArguments {
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
}

/// A password, and who thought of it.
pub(super) enum Chosen {
    ByUser(Secret),
    ByUs(Secret),
}

impl Chosen {
    pub(super) fn text(&self) -> &Secret {
        let (Self::ByUser(password) | Self::ByUs(password)) = self;
        password
    }

    /// The password, if the user does not know it yet.
    pub(super) fn made(&self) -> Option<&Secret> {
        match self {
            Self::ByUser(_) => None,
            Self::ByUs(password) => Some(password),
        }
    }
}

impl PasswordArguments {
    /// Reads it, asks for it, or makes it up.
    pub(super) fn choose(&self, name: &UserName, context: &mut Context) -> Result<Chosen, Failure> {
        let chosen = if self.password_stdin {
            Chosen::ByUser(context.block_on(read_line())?)
        } else if prompt::is_possible() {
            Chosen::ByUser(ask_twice(name, context)?)
        } else {
            Chosen::ByUs(make_up()?)
        };
        if RobotToken::looks_like_one(chosen.text().expose()) {
            let what = "a password that begins like a robot's token would be taken for one";
            return Err(Failure::usage(what));
        }
        Ok(chosen)
    }
}

fn ask_twice(name: &UserName, context: &mut Context) -> Result<Secret, Failure> {
    let first = prompt::ask_secret(&format!("password for `{name}`: "), context)?;
    let second = prompt::ask_secret("the same again: ", context)?;
    if first == second { Ok(first) } else { Err(Failure::usage("these are two different passwords")) }
}

/// Reads a line on a thread of its own, for which nobody waits when the user gives up.
async fn read_line() -> Result<Secret, Failure> {
    let reading = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().take(LINE_BYTES_MAX).read_line(&mut line).map(|_| line)
    });
    let unreadable =
        |error: io::Error| Failure::usage("cannot read the password from standard input").because(&error);
    let line = reading.await.map_err(io::Error::other).and_then(|line| line).map_err(unreadable)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
}

fn make_up() -> Result<Secret, Failure> {
    let mut random = [0; GROUPS * GROUP];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::not_evaluated("cannot make up a password").because(&error))?;
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    let groups: Vec<String> = random.chunks(GROUP).map(|group| group.iter().map(letter).collect()).collect();
    Ok(Secret::new(groups.join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_made_up_is_long_and_new() {
        let (one, other) = (make_up().unwrap(), make_up().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), 27);
        assert!(one.expose().bytes().all(|byte| byte == b'-' || ALPHABET.contains(&byte)));
    }
}
