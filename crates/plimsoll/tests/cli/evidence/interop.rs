use std::fs;

use plimsoll_testkit::{Image, RegistryClient, find_peer};

use super::cosign::Cosign;
use super::{done, plimsoll, push, verified, workshop};
use crate::peers::{DebianRegistry, Server};

const ORDER: &str = "slsaprovenance1";

/// A registry with the list of referrers, and one without.
fn hosts<'h>(server: &'h Server, other: Option<&'h DebianRegistry>) -> Vec<&'h str> {
    [Some(server.host()), other.map(DebianRegistry::host)].into_iter().flatten().collect()
}

#[test]
fn cosign_verifies_what_plimsoll_signs_at_any_registry() {
    let directory = workshop();
    let Some(cosign) = Cosign::find(directory.path()) else { return };
    let (server, other) = (Server::start(), DebianRegistry::start());
    for host in hosts(&server, other.as_ref()) {
        let image = push(host, &Image::small(1, 1, 100));
        assert!(!cosign.verifies("ci.pub", &image));
        done(directory.path(), &["sign", &image, "--key", "ci.key", "-a", "build=7"]);
        let what =
            ["attest", &image, "--type", "provenance", "--predicate", "predicate.json", "--key", "ci.key"];
        done(directory.path(), &what);
        assert!(cosign.verifies("ci.pub", &image), "{host}");
        assert!(cosign.verifies_attestation("ci.pub", ORDER, &image), "{host}");
        assert!(!cosign.verifies_attestation("ci.pub", "spdxjson", &image), "{host}");
    }
}

#[test]
fn plimsoll_verifies_what_cosign_signs_at_any_registry() {
    let directory = workshop();
    let Some(cosign) = Cosign::find(directory.path()) else { return };
    let (server, other) = (Server::start(), DebianRegistry::start());
    for host in hosts(&server, other.as_ref()) {
        let image = push(host, &Image::small(2, 1, 100));
        cosign.attest("ci.key", ORDER, &image);
        let (code, before) = verified(directory.path(), &image, &[]);
        assert_eq!(
            (code, &before["result"]),
            (1, &"fail".into()),
            "an attestation was taken for a signature"
        );
        cosign.sign("ci.key", &image);
        let (code, after) =
            verified(directory.path(), &image, &["--type", "signature", "--type", "provenance"]);
        assert_eq!((code, after["facts"].as_array().unwrap().len()), (0, 2), "{after}");
        let (code, _) = verified(directory.path(), &image, &["--type", "vulns"]);
        assert_eq!(code, 1);
    }
}

#[test]
fn what_cosign_2_left_under_tags_is_verified() {
    let directory = workshop();
    let Some(cosign) = Cosign::find(directory.path()) else { return };
    let server = Server::start();
    let image = push(server.host(), &Image::small(3, 1, 100));
    let old = ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false", "--yes"];
    cosign.done(&[&["sign", "--key", "ci.key"], &old[..], &[image.as_str()]].concat());
    let attest = ["attest", "--key", "ci.key", "--type", ORDER, "--predicate", "predicate.json"];
    cosign.done(&[&attest[..], &old[..], &[image.as_str()]].concat());
    let (code, found) = verified(directory.path(), &image, &["--type", "signature", "--type", "provenance"]);
    assert_eq!((code, found["facts"].as_array().unwrap().len()), (0, 2), "{found}");
    let listed = done(directory.path(), &["evidence", "ls", &image, "-o", "json"]).json();
    let says: Vec<_> = listed["evidence"].as_array().unwrap().iter().map(|row| row["says"].clone()).collect();
    assert_eq!(says, ["signature", "provenance"]);
}

#[test]
fn keys_of_cosign_and_openssl_are_used_as_they_are_or_taken_over() {
    let directory = workshop();
    let Some(cosign) = Cosign::find(directory.path()) else { return };
    cosign.done(&["generate-key-pair", "--output-key-prefix", "theirs"]);
    let exported = done(directory.path(), &["key", "export", "theirs.key"]).stdout;
    assert_eq!(exported, fs::read_to_string(directory.path().join("theirs.pub")).unwrap());
    done(directory.path(), &["key", "import", "theirs.key", "--name", "ours"]);
    let id = |key: &str| done(directory.path(), &["key", "show", key, "-o", "json"]).json()["keyId"].clone();
    assert_eq!(id("ours.key"), id("theirs.pub"));
    // cosign reads what was written here.
    let public = cosign.run(&["public-key", "--key", "ours.key"]);
    assert_eq!(String::from_utf8_lossy(&public.stdout), exported);

    let Some(openssl) = find_peer("openssl") else { return };
    let made = openssl
        .command()
        .current_dir(directory.path())
        .args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "bare.pem"])
        .status();
    assert!(made.unwrap().success());
    done(directory.path(), &["key", "import", "bare.pem", "--name", "bare"]);
    let again = plimsoll(directory.path(), &["key", "import", "bare.pem", "--name", "bare"]);
    assert_eq!(again.code, 2, "a key was overwritten");
}

#[test]
fn a_wrong_password_and_a_missing_one_are_told_apart() {
    let directory = workshop();
    let wrong =
        crate::run_in(directory.path(), &[("COSIGN_PASSWORD", "guess")], &["key", "export", "ci.key"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("the password does not open the key"), "{}", wrong.stderr);
    let missing = crate::run_in(directory.path(), &[], &["key", "export", "ci.key"]);
    assert!(
        missing.stderr.contains("there is no terminal to ask for the password of ci.key"),
        "{}",
        missing.stderr
    );
    fs::write(directory.path().join("password"), "rope and anchor\n").unwrap();
    let given =
        crate::run_in(directory.path(), &[], &["key", "export", "ci.key", "--password-file", "password"]);
    assert_eq!(given.stdout, fs::read_to_string(directory.path().join("ci.pub")).unwrap());
}

#[test]
fn evidence_travels_with_oras_and_verifies_without_any_server() {
    let directory = workshop();
    let Some(oras) = find_peer("oras") else { return };
    let Some(other) = DebianRegistry::start() else { return };
    let oras = |arguments: &[&str]| {
        let output = oras.command().current_dir(directory.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    {
        let server = Server::start();
        let image = push(server.host(), &Image::small(4, 1, 100));
        done(directory.path(), &["sign", &image, "--key", "ci.key"]);
        let there = format!("{}/copied/app:1", other.host());
        oras(&["cp", "-r", "--no-tty", "--from-plain-http", "--to-plain-http", &image, &there]);
        assert_eq!(verified(directory.path(), &there, &[]).0, 0);
        oras(&["cp", "-r", "--no-tty", "--from-plain-http", "--to-oci-layout", &there, "copied:1"]);
        done(directory.path(), &["cp", "-r", &there, "oci:ours:1"]);
    }
    drop(other);
    for layout in ["oci:copied:1", "oci:ours:1"] {
        let (code, found) = verified(directory.path(), layout, &["--contents"]);
        assert_eq!((code, &found["result"]), (0, &"pass".into()), "{found}");
    }
    // Another statement: the same one, made in the same second, is the same evidence.
    let attest = ["attest", "oci:ours:1", "--type", "provenance", "--predicate", "predicate.json"];
    done(directory.path(), &[&attest[..], &["--key", "ci.key"]].concat());
    let back = Server::start();
    let name = format!("{}/back/app:1", back.host());
    oras(&["cp", "-r", "--no-tty", "--from-oci-layout", "--to-plain-http", "ours:1", &name]);
    let (code, found) = verified(directory.path(), &name, &[]);
    assert_eq!((code, found["facts"].as_array().unwrap().len()), (0, 2), "{found}");
}

#[test]
fn a_poisoned_list_of_referrers_is_said_and_repaired() {
    let directory = workshop();
    let Some(registry) = DebianRegistry::start() else { return };
    let image = Image::small(5, 1, 100);
    let name = push(registry.host(), &image);
    let tag = plimsoll_oci::Tag::referrers_fallback(&image.manifest.digest());
    let client = RegistryClient::new([format!("http://{}", registry.host())]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(client.put_manifest("team/app", tag.as_str(), &image.manifest)).unwrap();

    let refused = plimsoll(directory.path(), &["verify", &name, "--key", "ci.pub"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("where the list of referrers should be"), "{}", refused.stderr);
    done(directory.path(), &["sign", &name, "--key", "ci.key"]);
    let repaired = plimsoll(directory.path(), &["verify", &name, "--key", "ci.pub"]);
    assert_eq!(repaired.code, 0, "{}", repaired.stderr);
    assert!(!repaired.stderr.contains("where the list"), "{}", repaired.stderr);
    if let Some(cosign) = Cosign::find(directory.path()) {
        assert!(cosign.verifies("ci.pub", &name));
    }
}
