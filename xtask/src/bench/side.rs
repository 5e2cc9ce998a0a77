//! The registries that are compared.

use std::path::Path;

use anyhow::Context as _;

/// One registry under load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) name: String,
    pub(super) origin: Origin,
    /// What the registry does about durability, sign-in and encryption in this measurement.
    pub(super) terms: String,
}

/// Where the registry comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A command is started for each round, on an empty data directory.
    Command {
        /// Program and arguments, with `{data}`, `{port}` and `{config}` where they belong.
        words: Vec<String>,
        /// The text of the file that `{config}` names.
        config: Option<&'static str>,
    },
    /// It runs already at this `host:port`.
    Running(String),
}

/// The registry of this workspace, as `cargo build --release` leaves it, on its embedded default.
pub(super) fn plimsoll(root: &Path) -> Side {
    plimsoll_alone(&root.join("target/release/plimsoll"))
}

/// A program of this workspace on its embedded default, which does not look into its images: other registries do not
/// either.
pub(super) fn plimsoll_alone(program: &Path) -> Side {
    let mut words = serving_words(program);
    words.extend(["--set", "scan.enabled=false"].map(str::to_owned));
    Side {
        name: "plimsoll".to_owned(),
        origin: Origin::Command { words, config: None },
        terms: "SQLite and local files; file and directory synced before each 201; anonymous on loopback; no TLS; \
                images not analysed"
            .to_owned(),
    }
}

/// A program of this workspace on its embedded default, which looks into its images.
pub(super) fn plimsoll_that_scans(program: &Path) -> Side {
    Side {
        name: "plimsoll".to_owned(),
        origin: Origin::Command { words: serving_words(program), config: None },
        terms: "SQLite and local files; anonymous on loopback; no TLS".to_owned(),
    }
}

fn serving_words(program: &Path) -> Vec<String> {
    let program = program.display().to_string();
    let arguments = ["serve", "--data-dir", "{data}", "--listen", "127.0.0.1:{port}"];
    [program].into_iter().chain(arguments.map(str::to_owned)).collect()
}

/// Debian's package `docker-registry`, configured as Debian does, without password and request log.
pub(super) fn docker_registry() -> Side {
    let words = ["docker-registry", "serve", "{config}"].map(str::to_owned).to_vec();
    Side {
        name: "docker-registry".to_owned(),
        origin: Origin::Command { words, config: Some(DOCKER_REGISTRY_CONFIG) },
        terms: "local files; in-memory descriptor cache; never syncs; no sign-in; no TLS".to_owned(),
    }
}

const DOCKER_REGISTRY_CONFIG: &str = "\
version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: {data}
  delete:
    enabled: true
http:
  addr: 127.0.0.1:{port}
  headers:
    X-Content-Type-Options: [nosniff]
";

impl Side {
    /// Reads `NAME=COMMAND`.
    pub(super) fn of_command(text: &str) -> anyhow::Result<Self> {
        let (name, command) = text.split_once('=').context("a peer is given as `NAME=COMMAND`")?;
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        words.first().context("the peer's command is empty")?;
        Ok(Self::with_unknown_terms(name, Origin::Command { words, config: None }))
    }

    /// Reads `NAME=http://HOST:PORT`.
    pub(super) fn of_url(text: &str) -> anyhow::Result<Self> {
        let (name, url) = text.split_once('=').context("a running registry is given as `NAME=URL`")?;
        let authority =
            url.strip_prefix("http://").context("the load generator speaks plain `http://` only")?;
        let authority = authority.trim_end_matches('/');
        let address = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Self::with_unknown_terms(name, Origin::Running(address)))
    }

    fn with_unknown_terms(name: &str, origin: Origin) -> Self {
        Self { name: name.to_owned(), origin, terms: "not known to the load generator".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_name_and_a_command() {
        let side = Side::of_command("other=/opt/other serve --port {port} {data}").unwrap();
        let Origin::Command { words, config } = side.origin else { panic!("a command") };
        assert_eq!((side.name.as_str(), words.len(), config), ("other", 5, None));
        assert!(Side::of_command("other").is_err());
        assert!(Side::of_command("other= ").is_err());
    }

    #[test]
    fn a_running_registry_is_a_name_and_a_plain_url() {
        let side = Side::of_url("a=http://registry.example").unwrap();
        assert_eq!(side.origin, Origin::Running("registry.example:80".to_owned()));
        assert!(Side::of_url("a=https://registry.example").is_err());
    }
}
