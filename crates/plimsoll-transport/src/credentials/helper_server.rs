use std::path::Path;

use super::auth_file::AuthFile;
use super::helper::{HelperCredential, NOT_FOUND_MESSAGE, helper_document};
use super::login::{erase_entry, logins_of, write_entry};
use super::{HelperVerb, LoginKey};
use crate::TransportError;

/// Largest request that is read.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// Answers one request of the docker-credential-helper protocol from the logins in `file`, which has the form of Docker's
/// `config.json`. It blocks.
///
/// The answer goes to standard output. So does the message of an error, with exit code 1: the protocol wants it so.
pub fn answer_helper_request(verb: HelperVerb, input: &[u8], file: &Path) -> Result<Vec<u8>, String> {
    if input.len() > REQUEST_BYTES_MAX {
        return Err(format!("the request is larger than {REQUEST_BYTES_MAX} bytes"));
    }
    let show = |error: TransportError| error.to_string();
    match verb {
        HelperVerb::Get => get(server_of(input)?, file),
        HelperVerb::Store => store(input, file),
        HelperVerb::Erase => erase_entry(file, server_of(input)?).map(|_| Vec::new()).map_err(show),
        HelperVerb::List => {
            let logins = logins_of(file).map_err(|error| error.to_string())?;
            let by_server: serde_json::Map<_, _> =
                logins.into_iter().map(|(server, username)| (server, username.into())).collect();
            Ok(serde_json::Value::Object(by_server).to_string().into_bytes())
        }
    }
}

fn server_of(input: &[u8]) -> Result<&str, String> {
    let server = std::str::from_utf8(input).unwrap_or_default().trim();
    if server.is_empty() { Err("no credentials server URL".to_owned()) } else { Ok(server) }
}

fn get(server: &str, file: &Path) -> Result<Vec<u8>, String> {
    let not_found = || NOT_FOUND_MESSAGE.to_owned();
    let content = AuthFile::read(file).map_err(|error| error.to_string())?.ok_or_else(not_found)?;
    let bare = server.trim_start_matches("https://").trim_start_matches("http://");
    let host = bare.split('/').next().unwrap_or_default();
    let registry = host.parse().map_err(|_| not_found())?;
    let entry = content.entry(file, &LoginKey::registry(registry)).map_err(|error| error.to_string())?;
    let (_, credential) = entry.ok_or_else(not_found)?;
    helper_document(server, &credential).map_err(|error| error.to_string())
}

fn store(input: &[u8], file: &Path) -> Result<Vec<u8>, String> {
    let request: HelperCredential =
        serde_json::from_slice(input).map_err(|_| "the request is not a credential".to_owned())?;
    let server = server_of(request.server_url.as_bytes())?.to_owned();
    write_entry(file, &server, &request.into_credential()).map_err(|error| error.to_string())?;
    Ok(Vec::new())
}
