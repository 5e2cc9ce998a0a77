use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use plimsoll_transport::Secret;

use crate::context::Context;
use crate::failure::Failure;
use crate::prompt;

/// Longest password that is read.
const PASSWORD_BYTES_MAX: u64 = 64 * 1024;
/// Where it may stand in the environment: our name for it, and cosign's.
const VARIABLES: [&str; 2] = ["PLIMSOLL_KEY_PASSWORD", "COSIGN_PASSWORD"];

/// Where the password of a private key comes from.
#[derive(Debug, Args)]
pub(crate) struct KeyPassword {
    /// Read the key's password from this file, or from standard input with `-`; else it is taken from
    /// PLIMSOLL_KEY_PASSWORD or COSIGN_PASSWORD, or asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl KeyPassword {
    /// The password in a file.
    pub(crate) fn in_file(file: PathBuf) -> Self {
        Self { password_file: Some(file) }
    }

    /// The password of the key called `name`.
    pub(crate) fn get(&self, name: &str, context: &mut Context) -> Result<Secret, Failure> {
        if let Some(secret) = self.given(context)? {
            return Ok(secret);
        }
        Self::can_ask(name)?;
        prompt::ask_secret(&format!("password of {name}: "), context)
    }

    /// The password of a new key: whoever types it types it twice.
    pub(crate) fn choose(&self, name: &str, context: &mut Context) -> Result<Secret, Failure> {
        if let Some(secret) = self.given(context)? {
            return Ok(secret);
        }
        Self::can_ask(name)?;
        let first = prompt::ask_secret(&format!("password for {name}: "), context)?;
        let second = prompt::ask_secret("the same again: ", context)?;
        if first == second { Ok(first) } else { Err(Failure::usage("these are two different passwords")) }
    }

    fn given(&self, context: &Context) -> Result<Option<Secret>, Failure> {
        if let Some(file) = &self.password_file {
            return read(file).map(Some);
        }
        // An empty one in the environment is a password too: cosign's keys may have it.
        let found = VARIABLES.iter().find_map(|name| context.environment().text_or_empty(name));
        Ok(found.map(Secret::new))
    }

    fn can_ask(name: &str) -> Result<(), Failure> {
        if prompt::is_possible() {
            return Ok(());
        }
        Err(Failure::usage(format!("there is no terminal to ask for the password of {name}"))
            .help("set PLIMSOLL_KEY_PASSWORD, or use --password-file FILE"))
    }
}

fn read(file: &Path) -> Result<Secret, Failure> {
    let unreadable = |error: io::Error| {
        Failure::usage("cannot read the key's password").at(file.display().to_string()).because(&error)
    };
    let text = if file == Path::new("-") { bounded(io::stdin()) } else { File::open(file).and_then(bounded) };
    let text = text.map_err(unreadable)?;
    // One line end belongs to the text file, and not to the password.
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
}

fn bounded(from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(PASSWORD_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > PASSWORD_BYTES_MAX {
        return Err(io::Error::other(format!("it is longer than {PASSWORD_BYTES_MAX} bytes")));
    }
    Ok(text)
}
