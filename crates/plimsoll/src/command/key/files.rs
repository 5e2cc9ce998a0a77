use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use plimsoll_attest::{Chance, SigningKey};
use plimsoll_transport::Secret;
use serde::Serialize;

use crate::failure::Failure;
use crate::terminal::{Page, Report};

/// Where a new key is kept.
#[derive(Debug, Args)]
pub(super) struct NewFiles {
    /// Write NAME.key and NAME.pub
    #[arg(long, value_name = "NAME", default_value = "plimsoll")]
    name: PathBuf,
}

impl NewFiles {
    /// How people call the key.
    pub(super) fn private(&self) -> PathBuf {
        self.with("key")
    }

    fn with(&self, extension: &str) -> PathBuf {
        let mut name = self.name.clone().into_os_string();
        name.push(".");
        name.push(extension);
        name.into()
    }

    /// Refuses to overwrite, before anybody types a password.
    pub(super) fn check_absent(&self) -> Result<(), Failure> {
        match [self.private(), self.with("pub")].into_iter().find(|path| path.exists()) {
            Some(path) => Err(exists(&path)),
            None => Ok(()),
        }
    }

    /// Writes both files; whoever can read the private one still needs the password.
    pub(super) fn write(&self, key: &SigningKey, password: &Secret) -> Result<Written, Failure> {
        let mut chance = Chance { salt: [0; 32], nonce: [0; 24] };
        fill(&mut chance.salt)?;
        fill(&mut chance.nonce)?;
        let (private, public) = (self.private(), self.with("pub"));
        create(&private, 0o600, &key.seal(password.expose().as_bytes(), &chance))?;
        create(&public, 0o644, &key.public().to_pem())?;
        Ok(Written {
            api_version: "plimsoll/v1",
            kind: "KeyFiles",
            private_key: private.display().to_string(),
            public_key: public.display().to_string(),
            key_id: key.public().id().to_string(),
        })
    }
}

/// Random bytes of the operating system.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), Failure> {
    getrandom::fill(bytes).map_err(|error| {
        Failure::not_evaluated("there are no random numbers to make a key of").because(&error)
    })
}

fn create(path: &Path, mode: u32, text: &str) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::usage("cannot write the key").at(path.display().to_string()).because(&error),
    })
}

fn exists(path: &Path) -> Failure {
    Failure::usage("the file is there already, and a key is never overwritten")
        .at(path.display().to_string())
        .help("choose another name with --name NAME")
}

/// Where the key is now.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    api_version: &'static str,
    kind: &'static str,
    private_key: String,
    public_key: String,
    key_id: String,
}

impl Report for Written {
    fn draw(&self, page: &mut Page) {
        page.fact("private key", &self.private_key);
        page.fact("public key", &self.public_key);
        page.fact("key id", &self.key_id);
    }
}
