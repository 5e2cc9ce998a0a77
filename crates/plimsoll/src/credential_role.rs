//! The program as a credential helper of Docker and Podman.
//!
//! It speaks the docker-credential-helpers protocol when it is run as `docker-credential-plimsoll`, or as
//! `plimsoll docker-credential`. Whoever runs it reads nothing but the protocol, so this role does not go through the
//! command line's grammar: its answers, and its errors too, are bare text on standard output.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use plimsoll_transport::{HelperVerb, answer_helper_request};

use crate::environment::Environment;

/// The name of the role, as Docker makes it of `"credsStore": "plimsoll"`.
const PROGRAM: &str = "docker-credential-plimsoll";

/// The hidden command with the same effect.
const COMMAND: &str = "docker-credential";

/// Most bytes of a request that are read; the answer to a longer one is an error.
const REQUEST_BYTES_MAX: u64 = 1024 * 1024 + 1;

/// A run of the program in this role.
pub(crate) struct CredentialRole {
    word: Option<String>,
}

impl CredentialRole {
    /// Whether the program was run in this role, and what for.
    pub(crate) fn of(arguments: &[OsString]) -> Option<Self> {
        let text = |at: usize| arguments.get(at).map(|argument| argument.to_string_lossy().into_owned());
        let name = Path::new(arguments.first()?).file_name()?;
        if name == PROGRAM {
            Some(Self { word: text(1) })
        } else if text(1).as_deref() == Some(COMMAND) {
            Some(Self { word: text(2) })
        } else {
            None
        }
    }

    /// Answers one request.
    pub(crate) fn run(&self, environment: &Environment) -> ExitCode {
        let (answer, code) = match self.answer(environment) {
            Ok(answer) => (answer, ExitCode::SUCCESS),
            Err(message) => (format!("{message}\n").into_bytes(), ExitCode::FAILURE),
        };
        let mut out = io::stdout();
        match out.write_all(&answer).and_then(|()| out.flush()) {
            Ok(()) => code,
            Err(_) => ExitCode::FAILURE,
        }
    }

    fn answer(&self, environment: &Environment) -> Result<Vec<u8>, String> {
        let word = self.word.as_deref().unwrap_or_default();
        if word == "version" {
            let version = env!("CARGO_PKG_VERSION");
            return Ok(format!("{PROGRAM} (plimsoll) v{version}\n").into_bytes());
        }
        let verb = HelperVerb::from_word(word)
            .ok_or_else(|| format!("Usage: {PROGRAM} <store|get|erase|list|version>"))?;
        let file = file_of(environment).ok_or("neither HOME nor XDG_DATA_HOME is set")?;
        answer_helper_request(verb, &read_request(verb)?, &file)
    }
}

/// A list is asked for without input, and nobody may be there to end it.
fn read_request(verb: HelperVerb) -> Result<Vec<u8>, String> {
    let mut input = Vec::new();
    if verb != HelperVerb::List {
        let read = io::stdin().take(REQUEST_BYTES_MAX).read_to_end(&mut input);
        read.map_err(|error| format!("cannot read the request: {error}"))?;
    }
    Ok(input)
}

/// Plimsoll's own file, in the user's data directory (XDG Base Directory Specification).
fn file_of(environment: &Environment) -> Option<PathBuf> {
    let of_xdg = environment.path("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let data = of_xdg.or_else(|| Some(environment.path("HOME")?.join(".local/share")))?;
    Some(data.join("plimsoll/credentials.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(arguments: &[&str]) -> Option<Option<String>> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        CredentialRole::of(&arguments).map(|role| role.word)
    }

    #[test]
    fn the_role_is_told_by_the_programs_name_or_a_hidden_command() {
        assert_eq!(word(&["/usr/bin/docker-credential-plimsoll", "get"]), Some(Some("get".to_owned())));
        assert_eq!(word(&["plimsoll", "docker-credential", "list"]), Some(Some("list".to_owned())));
        assert_eq!(word(&["docker-credential-plimsoll"]), Some(None));
        assert_eq!(word(&["plimsoll", "login", "docker-credential"]), None);
        assert_eq!(word(&[]), None);
    }

    #[test]
    fn the_file_is_in_the_users_data_directory() {
        let file = |variables: Environment| file_of(&variables).map(|file| file.display().to_string());
        let home = ("HOME", "/h");
        assert_eq!(file([home].into()).unwrap(), "/h/.local/share/plimsoll/credentials.json");
        assert_eq!(file([home, ("XDG_DATA_HOME", "/d")].into()).unwrap(), "/d/plimsoll/credentials.json");
        assert_eq!(file([].into()), None);
    }
}
