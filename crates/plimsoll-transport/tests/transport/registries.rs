use plimsoll_oci::{Descriptor, Digest, MediaType, RegistryHost};
use plimsoll_transport::{
    Access, Credential, CredentialFiles, ErrorKind, LayoutSink, LayoutSource, LoginKey, PlainHttp, Presence,
    RegistryClient, RegistryOptions, Secret, Sink as _, Source as _, copy, store_login,
};

use crate::children::{is_installed, run};
use crate::copying::assert_whole;
use crate::cutting_proxy::CuttingProxy;
use crate::debian_registry::{DebianRegistry, Door, PASSWORD};
use crate::fixture::{
    Held, NoHelper, Watched, client, everything, host, keychain, no_credentials, noise, options, write_image,
    write_tree,
};

const PUSH: Access = Access::Push { mount_from: None };

fn repository(host: &RegistryHost, name: &str) -> plimsoll_transport::Repository {
    client(no_credentials()).repository(host, &name.parse().unwrap(), &PUSH)
}

#[tokio::test]
async fn evidence_survives_a_registry_without_the_referrers_api() {
    let Some(registry) = DebianRegistry::start(Door::Open) else { return };
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tree = write_tree(from.path()).await;
    let source = LayoutSource::open(from.path()).await.unwrap();
    let remote = repository(&registry.host(), "team/app");
    copy(&source, &remote, &everything("1.0", "1.0")).await.unwrap();
    assert_whole(&remote, "1.0", &tree).await;

    let again = copy(&source, &remote, &everything("1.0", "1.0")).await.unwrap();
    assert_eq!((again.bytes_copied, again.manifests_copied), (0, 0));

    let sink = LayoutSink::open(to.path()).await.unwrap();
    copy(&remote, &sink, &everything("1.0", "back")).await.unwrap();
    assert_whole(&LayoutSource::open(to.path()).await.unwrap(), "back", &tree).await;
}

#[tokio::test]
async fn a_list_of_referrers_at_the_sink_is_added_to() {
    let Some(registry) = DebianRegistry::start(Door::Open) else { return };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tree = write_tree(first.path()).await;
    write_tree(second.path()).await;
    let remote = repository(&registry.host(), "app");
    copy(&LayoutSource::open(first.path()).await.unwrap(), &remote, &everything("1.0", "1.0")).await.unwrap();
    // A list with an entry of its own travels from another registry to this one.
    let other = repository(&registry.host(), "other");
    copy(&LayoutSource::open(second.path()).await.unwrap(), &other, &everything("1.0", "1.0")).await.unwrap();
    copy(&other, &remote, &everything("1.0", "1.0")).await.unwrap();
    assert_whole(&remote, "1.0", &tree).await;
}

#[tokio::test]
async fn blobs_are_mounted_between_repositories_of_one_registry() {
    let Some(registry) = DebianRegistry::start(Door::Open) else { return };
    let from = tempfile::tempdir().unwrap();
    let tree = write_tree(from.path()).await;
    let source = repository(&registry.host(), "a");
    copy(&LayoutSource::open(from.path()).await.unwrap(), &source, &everything("1.0", "1.0")).await.unwrap();
    let access = Access::Push { mount_from: Some("a".parse().unwrap()) };
    let sink = client(no_credentials()).repository(&registry.host(), &"b".parse().unwrap(), &access);
    let report = copy(&source, &sink, &everything("1.0", "1.0")).await.unwrap();
    assert_eq!((report.blobs_copied, report.bytes_copied), (0, 0));
    assert!(report.blobs_mounted > 4);
    assert_whole(&sink, "1.0", &tree).await;
}

#[tokio::test]
async fn tags_and_repositories_are_listed() {
    let Some(registry) = DebianRegistry::start(Door::Open) else { return };
    let from = tempfile::tempdir().unwrap();
    write_image(from.path(), "1", 10).await;
    let source = LayoutSource::open(from.path()).await.unwrap();
    for (name, tag) in [("b", "2"), ("a/x", "1"), ("a/x", "0")] {
        copy(&source, &repository(&registry.host(), name), &everything("1", tag)).await.unwrap();
    }
    let names = client(no_credentials()).catalogue(&registry.host()).await.unwrap();
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a/x", "b"]);
    let tags = repository(&registry.host(), "a/x").tags().await.unwrap();
    assert_eq!(tags.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0", "1"]);
    let missing = repository(&registry.host(), "none").tags().await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_stopped() {
    let Some(registry) = DebianRegistry::start(Door::Open) else { return };
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let image = write_image(from.path(), "1", 5_000_000).await;
    let direct = repository(&registry.host(), "app");
    copy(&LayoutSource::open(from.path()).await.unwrap(), &direct, &everything("1", "1")).await.unwrap();

    let proxy = CuttingProxy::start(registry.address, 1_500_000, 3).await;
    let cut = repository(&host(proxy.address), "app");
    let sink = LayoutSink::open(to.path()).await.unwrap();
    copy(&cut, &sink, &everything("1", "1")).await.unwrap();
    assert_eq!(proxy.cuts_made(), 3);
    assert!(sink.has_manifest(&image.digest).await.unwrap());
}

#[tokio::test]
async fn a_broken_upload_is_begun_again_where_the_session_is_lost() {
    let Some(registry) = DebianRegistry::start(Door::Open) else { return };
    let proxy = CuttingProxy::start(registry.address, 12_000_000, 2).await;
    let remote = repository(&host(proxy.address), "app");
    let bytes = noise("upload", 30_000_000);
    let blob = Descriptor::of(MediaType::LAYER, &bytes);
    let content = Watched::new(bytes);
    remote.put_blob(&blob, &content).await.unwrap();
    assert_eq!(proxy.cuts_made(), 2);
    // This registry forgets a session whose line broke, so each attempt begins anew, with a small piece.
    assert_eq!(*content.opened_at.lock().unwrap(), [0, 0, 0, 0, 0]);
    assert_eq!(remote.obtain_blob(&blob).await.unwrap(), Presence::Present);
}

#[tokio::test]
async fn a_line_that_never_holds_is_given_up() {
    let Some(registry) = DebianRegistry::start(Door::Open) else { return };
    let proxy = CuttingProxy::start(registry.address, 200_000, i64::MAX).await;
    let remote = repository(&host(proxy.address), "app");
    let bytes = noise("hopeless", 20_000_000);
    let blob = Descriptor::of(MediaType::LAYER, &bytes);
    let failed = remote.put_blob(&blob, &Held(bytes.into())).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unreachable, "{failed}");
}

#[tokio::test]
async fn bytes_that_do_not_hash_never_reach_a_registry() {
    let Some(registry) = DebianRegistry::start(Door::Open) else { return };
    let remote = repository(&registry.host(), "app");
    let bytes = noise("right", 100_000);
    let blob = Descriptor::of(MediaType::LAYER, &bytes);
    let failed = remote.put_blob(&blob, &Held(noise("wrong", 100_000).into())).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Corrupt, "{failed}");
    let failed = remote.put_blob(&blob, &Held(noise("right", 99_000).into())).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Corrupt, "{failed}");
    assert_eq!(remote.obtain_blob(&blob).await.unwrap(), Presence::Absent);
    let empty = Descriptor::of(MediaType::LAYER, b"");
    remote.put_blob(&empty, &Held(bytes::Bytes::new())).await.unwrap();
    assert_eq!(remote.obtain_blob(&empty).await.unwrap(), Presence::Present);
}

#[tokio::test]
async fn a_password_is_taken_from_the_docker_config_and_named_when_refused() {
    let Some(registry) = DebianRegistry::start(Door::Password) else { return };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.json");
    let key = LoginKey::registry(registry.host());
    let credential =
        |password: &str| Credential::Password { username: "ana".to_owned(), password: Secret::new(password) };

    let anonymous = client(no_credentials());
    let refused = anonymous.catalogue(&registry.host()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert_eq!(refused.help().unwrap(), format!("plimsoll login {}", registry.host()));
    assert!(refused.to_string().contains("no credential was found"), "{refused}");
    anonymous.check_login(&registry.host(), &credential(PASSWORD)).await.unwrap();
    let wrong = anonymous.check_login(&registry.host(), &credential("wrong")).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Denied, "{wrong}");

    let files = CredentialFiles { docker_config: Some(file.clone()), podman_auth: Vec::new() };
    store_login(&file, &key, &credential(PASSWORD), &NoHelper).await.unwrap();
    let known = client(keychain(files.clone()));
    assert!(known.catalogue(&registry.host()).await.unwrap().is_empty());
    let from = tempfile::tempdir().unwrap();
    write_image(from.path(), "1", 1_000_000).await;
    let sink = known.repository(&registry.host(), &"app".parse().unwrap(), &PUSH);
    copy(&LayoutSource::open(from.path()).await.unwrap(), &sink, &everything("1", "1")).await.unwrap();

    store_login(&file, &key, &credential("wrong"), &NoHelper).await.unwrap();
    let refused = client(keychain(files)).catalogue(&registry.host()).await.unwrap_err();
    assert!(refused.to_string().contains(file.to_str().unwrap()), "{refused}");
    assert!(!refused.to_string().contains("wrong"), "{refused}");
}

#[tokio::test]
async fn a_certificate_is_taken_only_when_it_is_trusted() {
    if !is_installed("openssl") {
        return;
    }
    let Some(registry) = DebianRegistry::start(Door::Tls) else { return };
    let tls = RegistryOptions { plain_http: PlainHttp::Never, ..options() };
    let catalogue = |options: RegistryOptions| async {
        let client = RegistryClient::new(options, no_credentials()).unwrap();
        client.catalogue(&registry.host()).await
    };
    let untrusted = catalogue(tls.clone()).await.unwrap_err();
    assert_eq!(untrusted.kind(), ErrorKind::Unreachable);
    assert!(untrusted.to_string().to_lowercase().contains("certificate"), "{untrusted}");
    let pem = std::fs::read(registry.directory.path().join("ca.pem")).unwrap();
    catalogue(RegistryOptions { ca_pem: Some(pem), ..tls.clone() }).await.unwrap();
    catalogue(RegistryOptions { insecure_skip_verify: true, ..tls }).await.unwrap();
}

#[tokio::test]
async fn skopeo_reads_what_was_pushed_and_its_pushes_are_read() {
    let Some(registry) = DebianRegistry::start(Door::Open) else { return };
    if !is_installed("skopeo") {
        return;
    }
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tree = write_tree(from.path()).await;
    let remote = repository(&registry.host(), "app");
    copy(&LayoutSource::open(from.path()).await.unwrap(), &remote, &everything("1.0", "1.0")).await.unwrap();
    let url = |tag: &str| format!("docker://{}/app:{tag}", registry.address);
    let there = format!("oci:{}:x", to.path().display());
    let policy = "--insecure-policy";
    run(
        "skopeo",
        &[policy, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", &url("1.0"), &there],
    );
    let pulled = LayoutSource::open(to.path()).await.unwrap();
    assert_eq!(pulled.resolve(&plimsoll_transport::Target::Sole).await.unwrap().digest, tree.index);

    run("skopeo", &[policy, "copy", "--all", "--dest-tls-verify=false", &there, &url("again")]);
    let again = plimsoll_transport::Target::Tag("again".parse().unwrap());
    let digest: Digest = remote.resolve(&again).await.unwrap().digest;
    assert_eq!(digest, tree.index);
}
