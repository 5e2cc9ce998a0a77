//! The analyser's child, run by the crate that runs it for the server and for the commands.

use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};
use plimsoll_analyser::{Analyser, AnalyserConfig, AnalysisError};
use plimsoll_oci::Digest;
use plimsoll_testkit::{children_of, noise};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::PLIMSOLL;

/// The children of this process are counted, so one test runs them at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

const PATIENCE: Duration = Duration::from_secs(30);

type Layer = BoxStream<'static, io::Result<Bytes>>;

fn analyser(spool: &TempDir, time_max: Duration) -> Analyser {
    Analyser::new(AnalyserConfig {
        program: PLIMSOLL.into(),
        arguments: vec!["analyse".to_owned()],
        spool: spool.path().to_owned(),
        children_max: 1,
        time_max,
    })
}

/// A plain layer with one file.
fn layer(content: &[u8]) -> Bytes {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "srv/file", content).unwrap();
    archive.into_inner().unwrap().into()
}

fn whole(bytes: Bytes) -> Layer {
    stream::iter([Ok(bytes)]).boxed()
}

/// These bytes, and then nothing for ever.
fn stalled(bytes: Bytes) -> Layer {
    whole(bytes).chain(stream::pending()).boxed()
}

/// The analyser that a test has started, once it is shut in by one filter more than this process.
async fn child() -> u32 {
    let started = Instant::now();
    let filters = filters_of(std::process::id());
    loop {
        let children = children_of(std::process::id());
        let is_ready = |child: &u32| is_analyser(*child) && filters_of(*child) > filters;
        if let Some(child) = children.into_iter().find(is_ready) {
            return child;
        }
        assert!(started.elapsed() < PATIENCE, "there is no child that is shut in");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn is_analyser(process: u32) -> bool {
    let command = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    command.split(|byte| *byte == 0).nth(1) == Some(b"analyse")
}

/// How many seccomp filters a process has (proc_pid_status(5), `Seccomp_filters`).
fn filters_of(process: u32) -> u32 {
    let status = status(process);
    let count = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

fn status(process: u32) -> String {
    std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default()
}

async fn until_reaped(child: u32) {
    let started = Instant::now();
    while !status(child).is_empty() {
        assert!(started.elapsed() < PATIENCE, "a child is left: {}", status(child));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_tells_the_digest_of_the_bytes_that_it_was_made_of_and_leaves_no_file() {
    let _alone = ALONE.lock().await;
    let spool = tempfile::tempdir().unwrap();
    let bytes = layer(&noise(1, 3_000_000));
    let record = analyser(&spool, PATIENCE).analyse(whole(bytes.clone())).await.unwrap();
    assert_eq!(record.head.measures.digest, Digest::sha256_of(&bytes));
    assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_is_shut_in_and_limited_before_it_reads() {
    let _alone = ALONE.lock().await;
    let spool = tempfile::tempdir().unwrap();
    let analysis = tokio::spawn({
        let analyser = analyser(&spool, PATIENCE);
        async move { analyser.analyse(stalled(layer(b"content"))).await }
    });
    let child = child().await;
    let threads: Vec<String> = std::fs::read_dir(format!("/proc/{child}/task"))
        .unwrap()
        .map(|thread| std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap())
        .collect();
    let filters = format!("\nSeccomp_filters:\t{}\n", filters_of(child));
    assert_eq!(threads.len(), 2, "one reads, and one decodes");
    for status in threads {
        assert!(status.contains("\nNoNewPrivs:\t1\n") && status.contains(&filters), "{status}");
    }
    let limits = std::fs::read_to_string(format!("/proc/{child}/limits")).unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(limit("Max address space"), (2_u64 << 30).to_string());
    assert_eq!(limit("Max cpu time"), "1800");
    assert_eq!(limit("Max core file size"), "0");
    let mut environment = Vec::new();
    std::fs::File::open(format!("/proc/{child}/environ")).unwrap().read_to_end(&mut environment).unwrap();
    assert_eq!(environment, b"");
    analysis.abort();
    until_reaped(child).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_short_or_no_layer_at_all_is_the_layers_fault() {
    let _alone = ALONE.lock().await;
    let spool = tempfile::tempdir().unwrap();
    let analyser = analyser(&spool, PATIENCE);
    let bytes = layer(&noise(2, 100_000));
    for damaged in [bytes.slice(..50_000), bytes.slice(..700), noise(3, 100_000).into()] {
        let error = analyser.analyse(whole(damaged)).await.err().unwrap();
        assert!(matches!(error, AnalysisError::Refused(_)), "{error:?}");
        assert!(error.is_of_layer());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_is_not_the_layers_fault() {
    let _alone = ALONE.lock().await;
    let spool = tempfile::tempdir().unwrap();
    let bytes = layer(&noise(4, 100_000));
    let failing = stream::iter([Ok(bytes.slice(..50_000)), Err(io::Error::other("gone"))]).boxed();
    let error = analyser(&spool, PATIENCE).analyse(failing).await.err().unwrap();
    assert!(matches!(error, AnalysisError::Source(_)), "{error:?}");
    assert!(!error.is_of_layer());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_is_killed_is_an_error_and_no_zombie() {
    let _alone = ALONE.lock().await;
    let spool = tempfile::tempdir().unwrap();
    let bytes = layer(&noise(5, 1_000_000));
    let (give_rest, rest) = tokio::sync::oneshot::channel::<()>();
    let first = whole(bytes.slice(..500_000));
    let behind = rest.map(move |_| Ok(bytes.slice(500_000..))).into_stream();
    let analysis = tokio::spawn({
        let analyser = analyser(&spool, PATIENCE);
        async move { analyser.analyse(first.chain(behind).boxed()).await }
    });
    let child = child().await;
    kill_process(Pid::from_raw(child.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
    give_rest.send(()).unwrap();
    let error = analysis.await.unwrap().err().unwrap();
    assert!(matches!(&error, AnalysisError::Failed(why) if why.contains("signal: 9")), "{error:?}");
    assert!(!error.is_of_layer());
    until_reaped(child).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_takes_too_long_loses_its_child() {
    let _alone = ALONE.lock().await;
    let spool = tempfile::tempdir().unwrap();
    let analysis = tokio::spawn({
        let analyser = analyser(&spool, Duration::from_secs(5));
        async move { analyser.analyse(stalled(layer(b"content").slice(..600))).await }
    });
    let child = child().await;
    let error = analysis.await.unwrap().err().unwrap();
    assert!(matches!(error, AnalysisError::TooSlow(_)), "{error:?}");
    until_reaped(child).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_is_followed_keeps_no_stored_one_waiting() {
    let _alone = ALONE.lock().await;
    let spool = tempfile::tempdir().unwrap();
    let analyser = analyser(&spool, PATIENCE);
    let following = tokio::spawn({
        let analyser = analyser.clone();
        async move { analyser.follow(stalled(layer(b"slow").slice(..600))).await }
    });
    let child = child().await;
    analyser.analyse(whole(layer(b"stored"))).await.unwrap();
    assert!(analyser.follow(whole(layer(b"second"))).await.unwrap().is_none(), "as many as may be");
    assert!(!following.is_finished());
    following.abort();
    until_reaped(child).await;
    assert!(analyser.follow(whole(layer(b"third"))).await.unwrap().is_some());
}
