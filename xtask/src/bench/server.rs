//! A registry that runs for one round.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::connection::{Connection, Request};
use super::cores;
use super::side::{Origin, Side};
use super::usage::Usage;

/// A server that does not answer within this time does not start.
const START_TIME_MAX: Duration = Duration::from_secs(30);

/// A registry that answers at `address`; what was started here ends with this value.
pub(super) struct Server {
    pub(super) address: String,
    started: Option<Started>,
}

/// A child process and its data, which is removed with it.
struct Started {
    child: Child,
    data: TempDir,
}

impl Server {
    /// Starts a side's command on `core` and an empty data directory, or reaches out to a running one.
    pub(super) fn start(side: &Side, core: usize, data_parent: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(data_parent).with_context(|| format!("making `{}`", data_parent.display()))?;
        let data = TempDir::with_prefix_in("registry-", data_parent).context("making a data directory")?;
        Self::start_on(side, core, data)
    }

    /// The same, on what the folder `content` of `data` may hold already.
    pub(super) fn start_on(side: &Side, core: usize, data: TempDir) -> anyhow::Result<Self> {
        let (words, config) = match &side.origin {
            Origin::Running(address) => return Ok(Self { address: address.clone(), started: None }),
            Origin::Command { words, config } => (words, *config),
        };
        let port = free_port()?;
        let child = spawn(words, config, data.path(), port, core)
            .with_context(|| format!("starting `{}`: {}", words[0], how_to_get(&side.name)))?;
        let address = format!("127.0.0.1:{port}");
        let mut server = Self { address, started: Some(Started { child, data }) };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// What the server has cost so far, if it was started here.
    pub(super) fn usage(&self) -> anyhow::Result<Option<Usage>> {
        self.started.as_ref().map(|started| Usage::of(started.child.id())).transpose()
    }

    fn wait_until_it_answers(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIME_MAX;
        let ping = Request::without_body("GET", "/v2/");
        loop {
            let answer = Connection::new(&self.address).expect(200, &ping, &mut |_| {});
            let Err(error) = answer else { return Ok(()) };
            let has_ended = match &mut self.started {
                Some(started) => started.child.try_wait().context("waiting")?.is_some(),
                None => true,
            };
            if has_ended || Instant::now() > deadline {
                bail!("the registry does not answer: {error:#}\n{}", self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log_tail(&self) -> String {
        let log = self.started.as_ref().map(|started| started.data.path().join("log"));
        let text = log.and_then(|log| fs::read_to_string(log).ok()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(started) = &mut self.started {
            // It may have ended already, and its data is thrown away.
            let _ = started.child.kill();
            let _ = started.child.wait();
        }
    }
}

fn how_to_get(name: &str) -> &'static str {
    match name {
        "plimsoll" => "build it with `cargo build --release -p plimsoll`",
        "docker-registry" => "install Debian's package `docker-registry`",
        _ => "is it in PATH?",
    }
}

fn spawn(
    words: &[String],
    config: Option<&str>,
    data: &Path,
    port: u16,
    core: usize,
) -> anyhow::Result<Child> {
    let content = data.join("content");
    fs::create_dir_all(&content)?;
    let fill = |text: &str| {
        text.replace("{data}", &content.display().to_string())
            .replace("{port}", &port.to_string())
            .replace("{config}", &data.join("config").display().to_string())
    };
    if let Some(config) = config {
        fs::write(data.join("config"), fill(config))?;
    }
    let log = File::create(data.join("log"))?;
    let mut command = Command::new(fill(&words[0]));
    command.args(words[1..].iter().map(|word| fill(word)));
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(cores::on_core(core, || command.spawn())??)
}

/// A port that nobody listened on a moment ago.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_at_once_is_reported_with_its_log() {
        let data_parent = tempfile::tempdir().unwrap();
        let words = ["sh", "-c", "echo out of paper >&2"].map(str::to_owned).to_vec();
        let origin = Origin::Command { words, config: None };
        let side = Side { name: "a".to_owned(), origin, terms: String::new() };
        let error = Server::start(&side, 0, data_parent.path()).err().unwrap();
        assert!(format!("{error:#}").contains("out of paper"), "{error:#}");
        assert_eq!(fs::read_dir(data_parent.path()).unwrap().count(), 0, "the data is removed");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let data_parent = tempfile::tempdir().unwrap();
        let side = Side::of_command("a=/no/such/registry {data}").unwrap();
        let error = Server::start(&side, 0, data_parent.path()).err().unwrap();
        assert!(format!("{error:#}").contains("/no/such/registry"), "{error:#}");
    }
}
