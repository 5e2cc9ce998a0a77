use std::path::Path;

use plimsoll_transport::{CopyOptions, ErrorKind, ImageName, Places, Target, copy};

use crate::debian_registry::{DebianRegistry, Door};
use crate::fixture::{client, everything, no_credentials, write_image};

fn places(directory: &Path) -> Places {
    Places {
        registries: client(no_credentials()),
        docker_socket: directory.join("docker.sock"),
        podman_sockets: vec![directory.join("podman.sock")],
        scratch_directory: directory.to_owned(),
        root_fs_platform: "linux/amd64".parse().unwrap(),
    }
}

/// Copies from name to name, as the command line does.
async fn copy_named(places: &Places, from: &str, to: &str) -> plimsoll_oci::Digest {
    let (from, to): (ImageName, ImageName) = (from.parse().unwrap(), to.parse().unwrap());
    let source = places.open_source(&from).await.unwrap();
    let sink = places.open_sink(&to, Some(&from)).await.unwrap();
    let options = CopyOptions { target: source.target, tag: sink.tag, ..everything("1", "1") };
    copy(source.source.as_ref(), sink.sink.as_ref(), &options).await.unwrap().root.digest
}

#[tokio::test]
async fn an_image_keeps_its_digest_on_a_journey_through_all_places() {
    let Some(registry) = DebianRegistry::start(Door::Open) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let image = write_image(&directory.path().join("first"), "1", 100_000).await;
    let places = places(directory.path());
    let stations = [
        format!("oci:{}:1", path("first")),
        format!("{}/team/app:2", registry.address),
        format!("{}/other/app", registry.address),
        format!("docker-archive:{}:app:3", path("third.tar")),
        format!("oci:{}", path("fourth")),
    ];
    for journey in stations.windows(2) {
        assert_eq!(copy_named(&places, &journey[0], &journey[1]).await, image.digest, "{journey:?}");
    }
    let last: ImageName = format!("oci:{}@{}", path("fourth"), image.digest).parse().unwrap();
    let last = places.open_source(&last).await.unwrap();
    assert_eq!(last.target, Target::Digest(image.digest));
    assert_eq!(last.source.resolve(&last.target).await.unwrap().digest, image.digest);
}

#[tokio::test]
async fn a_tree_is_read_and_packed_for_the_platform_given() {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    let places = places(directory.path());
    let to = format!("oci:{}:1", directory.path().join("layout").display());
    copy_named(&places, &format!("rootfs:{}", tree.display()), &to).await;
}

#[tokio::test]
async fn what_can_only_be_read_or_is_not_running_is_said_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let places = places(directory.path());
    let sink = |name: &str| {
        let (places, name): (Places, ImageName) = (places.clone(), name.parse().unwrap());
        async move { places.open_sink(&name, None).await.err().unwrap() }
    };
    for name in ["rootfs:x", "docker:app", "podman:app"] {
        let refused = sink(name).await;
        assert_eq!(refused.kind(), ErrorKind::Usage, "{refused}");
        assert!(refused.help().unwrap().contains("docker-archive:FILE"));
    }
    let podman = places.open_source(&"podman:app".parse().unwrap()).await.err().unwrap();
    assert_eq!(podman.help().unwrap(), "systemctl --user start podman.socket");
    let docker = places.open_source(&"docker:app".parse().unwrap()).await.err().unwrap();
    assert_eq!(docker.help().unwrap(), "sudo systemctl start docker");
}
