//! A server that judges an image whenever it is asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::bench::connection::{Connection, Request};
use crate::bench::cores::Cores;
use crate::bench::figures::median;
use crate::bench::server::Server;
use crate::bench::side;

use super::layer::{Layer, TAG};
use super::options::Options;
use crate::bench::child;
use crate::bench::part::Figures;

const REPOSITORY: &str = "bench/debian";
/// How often the report is asked for.
const REQUESTS: usize = 100;
/// An image that is not judged within this time is not.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pushes the image and the advisories to a server, and asks it for the image's report again and again.
pub(super) fn measure(options: &Options, layer: &Layer) -> anyhow::Result<Figures> {
    let side = side::plimsoll_that_scans(&options.program);
    let server = Server::start(&side, Cores::split()?.server, &options.directory)?;
    push(options, layer, &server.address)?;
    let mut connection = Connection::new(&server.address);
    wait_for_verdict(&mut connection)?;
    keep_contents(&mut connection, &contents_file(options))?;

    let used = || anyhow::Ok(server.usage()?.context("the server's time is not known")?.cpu);
    let before = used()?;
    let mut latencies = Vec::new();
    for _ in 0..REQUESTS {
        let start = Instant::now();
        report(&mut connection)?;
        latencies.push(start.elapsed());
    }
    let cpu = used()?.saturating_sub(before) / u32::try_from(REQUESTS)?;
    let latency = median(latencies.into_iter()).unwrap_or_default();
    let figures = [("serving.cpu", cpu), ("serving.latency", latency)];
    Ok(figures.map(|(key, value)| (key.to_owned(), value.as_secs_f64() * 1e3)).into())
}

/// Where the image's contents are kept for the measurement without a server.
pub(super) fn contents_file(options: &Options) -> PathBuf {
    options.directory.join("scan/contents.json")
}

fn push(options: &Options, layer: &Layer, address: &str) -> anyhow::Result<()> {
    let compiled = options.directory.join("scan/advisories");
    let image = format!("oci:{}:{TAG}", layer.layout.display());
    let plimsoll = || Command::new(&options.program);
    let mut build = plimsoll();
    build.args(["db", "build", "--quiet", "--out"]).arg(&compiled).arg(&options.advisories);
    let mut push = plimsoll();
    push.args(["db", "push", "--quiet", "--db"]).arg(&compiled).arg(address);
    let mut copy = plimsoll();
    copy.args(["cp", "--quiet", &image, &format!("{address}/{REPOSITORY}:{TAG}")]);
    for command in [&mut build, &mut push, &mut copy] {
        child::run(command.stdout(std::process::Stdio::null()))?;
    }
    Ok(())
}

fn wait_for_verdict(connection: &mut Connection) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let report: Value = serde_json::from_slice(&report(connection)?).context("reading the report")?;
        // It is judged by no advisories until they are in force.
        let judged_by = report.pointer("/verdict/data/index").and_then(Value::as_str);
        if judged_by.is_some_and(|index| !index.is_empty()) {
            return Ok(());
        }
        if start.elapsed() > PATIENCE {
            bail!("the server did not judge the image within {} s: {}", PATIENCE.as_secs(), report["kind"]);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn keep_contents(connection: &mut Connection, file: &Path) -> anyhow::Result<()> {
    let path = format!("/v2/{REPOSITORY}/_plimsoll/sbom/{TAG}?format=json");
    let contents = get(connection, &path)?;
    fs::write(file, contents).with_context(|| format!("writing `{}`", file.display()))
}

fn report(connection: &mut Connection) -> anyhow::Result<Vec<u8>> {
    get(connection, &format!("/v2/{REPOSITORY}/_plimsoll/scan/{TAG}"))
}

fn get(connection: &mut Connection, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    let answer = connection.exchange(&Request::without_body("GET", path), &mut |piece| body.extend(piece))?;
    match answer.status {
        200 | 202 => Ok(body),
        status => bail!("GET {path}: status {status}: {}", String::from_utf8_lossy(&body)),
    }
}
