//! A server that is killed at each system call by which an append becomes durable and is answered.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use plimsoll_testkit::{
    Peer, RegistryClient, ServerCommand, ServerProcess, body_of, find_peer, lasting_address,
};
use reqwest::Method;

use super::{NAME, fact, leaf_of, push_fact, roots_of, verify_log};
use crate::PLIMSOLL;

/// What makes bytes last (the catalogue's and the journal's), and what sends the answer.
const STEPS: &str =
    "pwrite64,fdatasync,fsync,ftruncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,sendto,writev";

/// More steps than an append has; a server that is still killed then never finishes one.
const STEPS_MAX: u64 = 300;

/// Fewer than these were no append: its rows, its batch in the journal, and the checkpoint are each synced.
const STEPS_MIN: u64 = 6;

/// Lets a running server die on entering its `number`th step from now.
struct Trap(Child);

impl Trap {
    fn set(strace: &Peer, server: &ServerProcess, number: u64) -> Self {
        let mut command = strace.command();
        command.args(["-f", "-o", "/dev/null", "-p", &server.id().to_string()]);
        command.args(["-e", &format!("trace={STEPS}")]);
        command.args(["-e", &format!("inject={STEPS}:signal=SIGKILL:when={number}")]);
        let mut tracer = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(tracer.stderr.take().unwrap()).lines();
        let attached = said.next().unwrap().unwrap();
        assert!(attached.contains("attached"), "{attached}");
        // It may have more to say, and is not to wait for a reader.
        std::thread::spawn(move || said.for_each(drop));
        Self(tracer)
    }

    /// Waits for the tracer, which ends with the server.
    fn close(mut self) {
        let started = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < Duration::from_secs(20), "strace outlives the server");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The tree that the server shows: its size and root.
async fn checkpoint(client: &RegistryClient) -> Option<(u64, String)> {
    let answer = client.request(Method::GET, "/log/checkpoint").send().await.unwrap();
    let note = String::from_utf8(body_of(answer).await.ok()?.to_vec()).ok()?;
    let mut lines = note.lines().skip(1);
    Some((lines.next()?.parse().ok()?, lines.next()?.to_owned()))
}

/// Pushes a fact once. Whether it was answered for.
async fn is_taken(client: &RegistryClient, number: u64) -> bool {
    let (manifest, _) = fact(number);
    client.put_manifest(NAME, &manifest.digest().to_string(), &manifest).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_at_each_step_of_an_append_shows_one_tree() {
    let Some(strace) = find_peer("strace") else { return };
    let directory = tempfile::tempdir().unwrap();
    let command = ServerCommand::new(PLIMSOLL, directory.path())
        .listen_at(&lasting_address())
        .set("scan.enabled=false");
    let mut seen: BTreeMap<u64, String> = BTreeMap::new();
    let mut kills = 0;
    for step in 1..=STEPS_MAX {
        let server = command.start();
        let client = RegistryClient::new([server.url()]);
        seen.extend(checkpoint(&client).await);
        for blob in &fact(step).1 {
            client.push_blob(NAME, blob).await.unwrap();
        }
        let trap = Trap::set(&strace, &server, step);
        let is_taken = is_taken(&client, step).await;
        drop(server);
        trap.close();
        if is_taken {
            break;
        }
        kills = step;
    }
    let server = command.start();
    let client = RegistryClient::new([server.url()]);
    // The last one was answered for. The others are pushed again, and each is one leaf, whether it was one already or not.
    let mut answered = vec![fact(kills + 1).0.digest()];
    for number in 1..=kills {
        answered.push(push_fact(&client, number).await);
    }
    let log = verify_log(server.host());
    println!("killed at {kills} steps; the log has {} entries", log["size"]);
    assert!((STEPS_MIN..STEPS_MAX).contains(&kills), "{kills} steps");
    let mut leaves = Vec::new();
    for fact in &answered {
        leaves.push(leaf_of(&client, *fact).await);
    }
    leaves.sort_unstable();
    leaves.dedup();
    assert_eq!(leaves.len(), answered.len(), "each fact is one leaf");
    let roots = roots_of(&client, log["size"].as_u64().unwrap()).await;
    for (size, root) in seen {
        assert_eq!(roots[usize::try_from(size).unwrap()], root, "what was shown at {size} was taken back");
    }
}
