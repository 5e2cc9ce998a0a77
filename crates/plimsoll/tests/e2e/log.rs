//! The transparency log with cosign, killed, and replicated.

mod steps;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use plimsoll_oci::{Digest, MediaType};
use plimsoll_testkit::{
    Image, Peer, RegistryClient, ServerCommand, ServerProcess, TestBlob, body_of, find_peer, lasting_address,
};
use plimsoll_tlog::FactLeaf;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::PLIMSOLL;
use crate::replicated::Fleet;

const NAME: &str = "team/app";

#[expect(clippy::disallowed_methods, reason = "the built program is what is tested")]
pub(crate) fn plimsoll(arguments: &[&str]) -> Output {
    let mut command = Command::new(PLIMSOLL);
    command.env_clear().env("HOME", "/nonexistent").args(arguments);
    command.output().unwrap()
}

pub(crate) fn passes(output: &Output) -> String {
    let [out, err] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{out}{err}");
    out
}

pub(crate) fn fails(output: &Output, code: i32) -> String {
    let [out, err] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    err
}

fn verify_log(what: &str) -> Value {
    let output = passes(&plimsoll(&["log", "verify", what, "-o", "json"]));
    serde_json::from_str(&output).unwrap()
}

/// Runs cosign in a directory, without a home, a password or a way out.
pub(crate) fn cosign(cosign: &Peer, directory: &Path, arguments: &[&str]) -> Output {
    let mut command = cosign.command();
    command
        .env_clear()
        .env("HOME", directory)
        .env("COSIGN_PASSWORD", "")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .current_dir(directory)
        .args(arguments);
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_logs_with_us_and_verifies_with_the_server_stopped() {
    let (Some(peer), Some(oras)) = (find_peer("cosign"), find_peer("oras")) else { return };
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [ours, elsewhere, home] = [0, 1, 2].map(|at: usize| directories[at].path());
    let server = ServerCommand::new(PLIMSOLL, ours).start();
    let other = ServerCommand::new(PLIMSOLL, elsewhere).start();
    let image = Image::small(1, 1, 100);
    RegistryClient::new([server.url()]).push_image(NAME, "v1", &image).await.unwrap();
    let trust = |server: &ServerProcess, name: &str| {
        passes(&plimsoll(&["trust", "export", server.host(), "--out", home.join(name).to_str().unwrap()]));
    };
    trust(&server, "ours");
    trust(&other, "other");
    for purpose in ["verdict.pub", "builder.pub"] {
        let key = std::fs::read_to_string(home.join("ours").join(purpose)).unwrap();
        assert!(key.starts_with("-----BEGIN PUBLIC KEY-----"), "{key}");
        assert_ne!(key, std::fs::read_to_string(home.join("other").join(purpose)).unwrap());
    }
    let digest = image.manifest.digest();
    let signed = format!("{}/{NAME}@{digest}", server.host());
    passes(&cosign(&peer, home, &["generate-key-pair"]));
    let signing = [
        "--key",
        "cosign.key",
        "--signing-config",
        "ours/signing-config.json",
        "--trusted-root",
        "ours/trusted-root.json",
        "--yes",
    ];
    passes(&cosign(&peer, home, &[&["sign"], &signing[..], &[&signed]].concat()));
    std::fs::write(home.join("predicate.json"), r#"{"buildDefinition":{}}"#).unwrap();
    let predicate = ["--type", "slsaprovenance1", "--predicate", "predicate.json"];
    passes(&cosign(&peer, home, &[&["attest"], &signing[..], &predicate, &[&signed]].concat()));

    // Two signatures, and two manifests that carry them; what is whole here is whole where it was saved.
    let saved = home.join("saved");
    passes(&plimsoll(&["log", "verify", server.host(), "--save", saved.to_str().unwrap()]));
    let log = verify_log(server.host());
    assert_eq!((&log["entries"]["facts"], &log["entries"]["signatures"]), (&json!(2), &json!(2)), "{log}");

    let copied = format!("{}/{NAME}:v1", other.host());
    let copying = ["cp", "-r", "--from-plain-http", "--to-plain-http", &signed, &copied];
    passes(&oras.command().args(copying).output().unwrap());
    let entry = fact_of(&RegistryClient::new([server.url()]), digest).await;
    let proof = home.join("fact.tlog-proof");
    let subject = digest.to_string();
    let taking = ["log", "proof", server.host(), "--fact", &entry, "--subject", &subject, "--out"];
    passes(&plimsoll(&[&taking[..], &[proof.to_str().unwrap()]].concat()));
    server.kill();

    let moved = format!("{}/{NAME}@{digest}", other.host());
    let verify = |root: &str, kind: &[&str]| {
        let trusting = ["--key", "cosign.pub", "--trusted-root", root, &moved];
        cosign(&peer, home, &[kind, &trusting[..]].concat())
    };
    passes(&verify("ours/trusted-root.json", &["verify"]));
    passes(&verify("ours/trusted-root.json", &["verify-attestation", "--type", "slsaprovenance1"]));
    let refused = verify("other/trusted-root.json", &["verify"]);
    assert!(!refused.status.success(), "a log that is not trusted vouches for nothing");

    assert_eq!(verify_log(saved.to_str().unwrap())["size"], log["size"]);
    let key = log["key"].as_str().unwrap();
    let proved = passes(&plimsoll(&["log", "verify", proof.to_str().unwrap(), "--key", key]));
    assert!(proved.contains(&entry), "{proved}");
    let wrong_key = verify_log(other.host())["key"].as_str().unwrap().to_owned();
    fails(&plimsoll(&["log", "verify", proof.to_str().unwrap(), "--key", &wrong_key]), 1);
    assert!(
        fails(&plimsoll(&["log", "verify", saved.to_str().unwrap(), "--key", &wrong_key]), 1)
            .contains("another key")
    );
    for file in files_below(&saved.join("tile")) {
        let whole = std::fs::read(&file).unwrap();
        let mut changed = whole.clone();
        changed[40] ^= 1;
        std::fs::write(&file, &changed).unwrap();
        fails(&plimsoll(&["log", "verify", saved.to_str().unwrap()]), 1);
        std::fs::write(&file, &whole).unwrap();
    }
}

/// The manifest of a signed statement about an image.
async fn fact_of(client: &RegistryClient, subject: Digest) -> String {
    let answer =
        client.request(Method::GET, &format!("/v2/{NAME}/referrers/{subject}")).send().await.unwrap();
    let list: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
    list["manifests"][0]["digest"].as_str().unwrap().to_owned()
}

fn files_below(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    assert!(!files.is_empty());
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn cosign_signs_in_to_the_log_with_a_robot_token_in_its_address() {
    let Some(peer) = find_peer("cosign") else { return };
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [images, guarded, home] = [0, 1, 2].map(|at: usize| directories[at].path());
    let registry = ServerCommand::new(PLIMSOLL, images).start();
    let log = ServerCommand::new(PLIMSOLL, guarded).start();
    let storage = ["--data-dir", guarded.to_str().unwrap()];
    let robot = ["robot", "add", "ci", "--grant", "team/*:push", "-o", "json"];
    let added = passes(&plimsoll(&[&robot[..], &storage].concat()));
    let added: Value = serde_json::from_str(&added).unwrap();
    let user = ["user", "add", "ana", "--admin"];
    passes(&plimsoll(&[&user[..], &storage].concat()));
    let image = Image::small(2, 1, 100);
    RegistryClient::new([registry.url()]).push_image(NAME, "v1", &image).await.unwrap();
    let token = added["token"].as_str().unwrap();
    let client = RegistryClient::new([log.url()]);
    let keys = client.request(Method::GET, "/log/keys").bearer_auth(token).send().await.unwrap();
    assert_eq!(keys.status(), 200);
    let keys: Value = serde_json::from_slice(&body_of(keys).await.unwrap()).unwrap();
    let key = keys["log"].as_str().unwrap().parse().unwrap();
    let root = plimsoll_tlog::trusted_root("https://plimsoll", &key, keys["since"].as_str().unwrap());
    std::fs::write(home.join("root.json"), root.to_string()).unwrap();
    passes(&cosign(&peer, home, &["generate-key-pair"]));
    let signed = format!("{}/{NAME}@{}", registry.host(), image.manifest.digest());
    for (address, is_taken) in [
        (format!("http://ci:{token}@{}/log", log.host()), true),
        (format!("http://{}/log", log.host()), false),
    ] {
        let config = plimsoll_tlog::signing_config(&address, "plimsoll", keys["since"].as_str().unwrap());
        std::fs::write(home.join("config.json"), config.to_string()).unwrap();
        let signing = [
            "sign",
            "--key",
            "cosign.key",
            "--signing-config",
            "config.json",
            "--trusted-root",
            "root.json",
            "--yes",
            &signed,
        ];
        let output = cosign(&peer, home, &signing);
        assert_eq!(output.status.success(), is_taken, "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A manifest with a Sigstore bundle about some image, and its blobs.
fn fact(number: u64) -> (TestBlob, [TestBlob; 2]) {
    let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let bundle =
        TestBlob::new(kind.parse().unwrap(), json!({ "mediaType": kind, "number": number }).to_string());
    let config = TestBlob::new(MediaType::EMPTY_JSON, "{}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MediaType::IMAGE_MANIFEST, "artifactType": kind,
        "config": config.descriptor, "layers": [bundle.descriptor],
    });
    (TestBlob::new(MediaType::IMAGE_MANIFEST, manifest.to_string()), [config, bundle])
}

/// Pushes a fact, again and again while that fails, and returns its digest once it was answered.
async fn push_fact(client: &RegistryClient, number: u64) -> Digest {
    let (manifest, blobs) = fact(number);
    let once = async || {
        for blob in &blobs {
            client.push_blob(NAME, blob).await?;
        }
        client.put_manifest(NAME, &manifest.digest().to_string(), &manifest).await
    };
    for _ in 0..100 {
        if once().await.is_ok() {
            return manifest.digest();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("fact {number} was never taken");
}

/// The number of a fact's leaf.
async fn leaf_of(client: &RegistryClient, fact: Digest) -> u64 {
    let hash = FactLeaf { manifest: fact.to_string(), subject: None }.hash();
    let hash: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let answer = client.request(Method::GET, &format!("/log/leaf/{hash}")).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{fact} was answered, and is not in the log");
    let found: Value = serde_json::from_slice(&body_of(answer).await.unwrap()).unwrap();
    found["index"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_appends_loses_no_fact_that_it_answered_for() {
    const KILLS: u64 = 8;
    let directory = tempfile::tempdir().unwrap();
    let command = ServerCommand::new(PLIMSOLL, directory.path()).listen_at(&lasting_address());
    let mut server = command.start();
    let client = RegistryClient::new([server.url()]);
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut writers = JoinSet::new();
    for writer in 0..6 {
        let (client, stop, count) = (client.clone(), stop.clone(), count.clone());
        writers.spawn(async move {
            let mut answered = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                answered.push(push_fact(&client, writer * 1_000_000 + answered.len() as u64).await);
                count.fetch_add(1, Ordering::Relaxed);
            }
            answered
        });
    }
    let mut seen: BTreeMap<u64, String> = BTreeMap::new();
    for kill in 0..KILLS {
        let before = count.load(Ordering::Relaxed);
        while count.load(Ordering::Relaxed) < before + 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // The writers never rest, and appending takes a few milliseconds: the moments are spread over it.
        tokio::time::sleep(Duration::from_micros(kill * 1373)).await;
        if let Ok(answer) = client.request(Method::GET, "/log/checkpoint").send().await {
            let note = String::from_utf8(body_of(answer).await.unwrap().to_vec()).unwrap();
            let mut lines = note.lines().skip(1);
            seen.insert(lines.next().unwrap().parse().unwrap(), lines.next().unwrap().to_owned());
        }
        server.kill();
        server = command.start();
    }
    stop.store(true, Ordering::Relaxed);
    let answered: Vec<Digest> = writers.join_all().await.concat();
    let log = verify_log(server.host());
    println!("{} facts answered over {KILLS} kills; the log has {} entries", answered.len(), log["size"]);
    assert!(answered.len() as u64 > 20 * KILLS, "too little was pushed");
    let mut leaves: Vec<u64> = Vec::new();
    for fact in &answered {
        leaves.push(leaf_of(&client, *fact).await);
    }
    leaves.sort_unstable();
    leaves.dedup();
    assert_eq!(leaves.len(), answered.len(), "each fact is one leaf");
    let roots = roots_of(&client, log["size"].as_u64().unwrap()).await;
    for (size, root) in seen {
        assert_eq!(
            roots[usize::try_from(size).unwrap()],
            root,
            "what was shown at {size} entries was taken back"
        );
    }
}

/// The root at every size, from the entries.
async fn roots_of(client: &RegistryClient, size: u64) -> Vec<String> {
    use plimsoll_tlog::{Edge, EntryBundle, Resource, TILE_WIDTH, TileId, leaf_hash};
    let mut edge = Edge::default();
    let mut roots = vec![edge.root().to_string()];
    for index in 0..size.div_ceil(TILE_WIDTH) {
        let id = TileId::in_tree(0, index, size).unwrap();
        let path = format!("/log/tile/{}", Resource::Entries(id));
        let bytes = body_of(client.request(Method::GET, &path).send().await.unwrap()).await.unwrap();
        for entry in EntryBundle::parse(&bytes, id.width()).unwrap().entries() {
            edge.append(&[leaf_hash(entry)]).unwrap();
            roots.push(edge.root().to_string());
        }
    }
    roots
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_have_one_log() {
    let Some(mut fleet) = Fleet::start().await else { return };
    let client = fleet.client();
    let mut writers = JoinSet::new();
    for writer in 0..6 {
        let client = client.clone();
        writers.spawn(async move {
            let mut facts = Vec::new();
            for number in 0..8 {
                facts.push(push_fact(&client, writer * 1000 + number).await);
            }
            facts
        });
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    let lost = fleet.replicas.remove(0);
    client.leave_out(&lost.url());
    lost.kill();
    let facts = writers.join_all().await.concat();
    let logs: Vec<Value> = fleet.replicas.iter().map(|replica| verify_log(replica.host())).collect();
    assert_eq!(logs[0]["root"], logs[1]["root"]);
    assert_eq!(logs[0]["entries"]["facts"], json!(facts.len()));
    for client in fleet.clients() {
        for fact in &facts {
            leaf_of(&client, *fact).await;
        }
    }
}
