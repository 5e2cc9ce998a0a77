//! Secrets for commands: they are handed over in files, and stand in no argument and in no variable.

use std::io::Write as _;
use std::path::PathBuf;

use plimsoll_build::SecretFile;
use tempfile::NamedTempFile;

use crate::advisories::{cannot, read_bounded};
use crate::context::Context;
use crate::failure::Failure;

/// Largest secret, as in `BuildKit`.
const SECRET_BYTES_MAX: u64 = 500 * 1024;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SecretSource {
    id: String,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Variable(String),
    /// A variable of the secret's name, or else a file.
    Either,
}

impl SecretSource {
    /// Reads `id=NAME,src=FILE`, `id=NAME,env=VARIABLE` or `id=NAME`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut id, mut place) = (None, Place::Either);
        let mut is_variable = false;
        for field in text.split(',') {
            let (key, value) =
                field.split_once('=').ok_or("write id=NAME,src=FILE or id=NAME,env=VARIABLE")?;
            match key {
                "id" => id = Some(value.to_owned()),
                "src" | "source" => place = Place::File(value.into()),
                "env" => place = Place::Variable(value.to_owned()),
                "type" if value == "env" => is_variable = true,
                "type" if value == "file" => {}
                _ => {
                    return Err(format!(
                        "`{field}` is not understood; write id=NAME,src=FILE or id=NAME,env=VARIABLE"
                    ));
                }
            }
        }
        let id = id.filter(|id| !id.is_empty()).ok_or("it has no id")?;
        place = match place {
            Place::File(name) if is_variable => Place::Variable(name.display().to_string()),
            Place::Either if is_variable => Place::Variable(id.clone()),
            place => place,
        };
        Ok(Self { id, place })
    }
}

/// Secrets in files; those that were in none are in some that go with this.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    pub(super) files: Vec<SecretFile>,
    _own: Vec<NamedTempFile>,
}

impl Secrets {
    /// Finds the secrets.
    pub(super) fn open(sources: &[SecretSource], context: &Context) -> Result<Self, Failure> {
        let mut secrets = Self::default();
        for SecretSource { id, place } in sources {
            let environment = context.environment();
            let variable = match place {
                Place::File(_) => None,
                Place::Variable(name) => {
                    let unset = || Failure::usage(format!("secret `{id}`: the variable `{name}` is not set"));
                    Some(environment.text_or_empty(name).ok_or_else(unset)?)
                }
                Place::Either => environment.text_or_empty(id),
            };
            let file = match (place, variable) {
                (Place::File(path), _) => path.clone(),
                (_, Some(value)) => secrets.keep(value, context)?,
                (_, None) => PathBuf::from(id),
            };
            secrets.add(id, &file)?;
        }
        Ok(secrets)
    }

    fn add(&mut self, id: &str, file: &std::path::Path) -> Result<(), Failure> {
        let bytes = read_bounded(file, SECRET_BYTES_MAX).map_err(|error| cannot("read", file, &error))?;
        let path = std::path::absolute(file).map_err(|error| cannot("find", file, &error))?;
        let value = String::from_utf8_lossy(&bytes).into_owned();
        self.files.push(SecretFile { id: id.to_owned(), path, value });
        Ok(())
    }

    /// Puts a value into a file that nobody else can read, in memory where there is such a place.
    fn keep(&mut self, value: &str, context: &Context) -> Result<PathBuf, Failure> {
        let directory = context.environment().path("XDG_RUNTIME_DIR").filter(|path| path.is_dir());
        let directory = directory.unwrap_or_else(|| PathBuf::from("/dev/shm"));
        let file = NamedTempFile::new_in(&directory).or_else(|_| NamedTempFile::new());
        let written = file.and_then(|mut file| file.write_all(value.as_bytes()).map(|()| file));
        let file = written.map_err(|error| cannot("write a secret to", &directory, &error))?;
        let path = file.path().to_owned();
        self._own.push(file);
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_named_as_for_docker() {
        let place = |text| SecretSource::parse(text).map(|source| source.place);
        assert_eq!(place("id=a,src=b/c"), Ok(Place::File("b/c".into())));
        assert_eq!(place("type=file,id=a,source=b"), Ok(Place::File("b".into())));
        assert_eq!(place("id=a,env=B"), Ok(Place::Variable("B".to_owned())));
        assert_eq!(place("type=env,id=A"), Ok(Place::Variable("A".to_owned())));
        assert_eq!(place("id=a"), Ok(Place::Either));
        for wrong in ["", "a", "src=b", "id=", "id=a,mode=4"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
