use plimsoll_oci::{Digest, MediaType};
use plimsoll_testkit::find_peer;
use serde_json::json;

use crate::data_dir::{DataDir, LAYERS};
use crate::image_layout;
use crate::signed_image::SignedImage;

#[test]
fn an_image_comes_with_its_evidence() {
    let here = DataDir::none();
    let signed = SignedImage::new(1, 2, 5000);
    signed.write(&here.path("image"));
    let imported = here.run(&["import", "oci:image:1", "team/app", "-o", "json"]);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    assert!(imported.stderr.contains("note: `team/app` is read as `team/app:1`\n"), "{}", imported.stderr);
    assert_eq!(imported.json()["evidenceManifests"], 2);
    assert_eq!(imported.json()["storage"], "data");

    let digest = imported.json()["digest"].as_str().unwrap().to_owned();
    let server = here.serve();
    let signature = format!("/v2/team/app/manifests/{}", signed.signature_tag());
    assert_eq!(server.get(&signature, "").status, 200);
    let manifest = server.get(&format!("/v2/team/app/manifests/{digest}"), "");
    assert_eq!(Digest::sha256_of(&manifest.body).to_string(), digest);
    let referrers = server.get(&format!("/v2/team/app/referrers/{digest}"), "").json();
    assert_eq!(referrers["manifests"][0]["artifactType"], "application/vnd.example.sbom");
}

#[test]
fn a_server_that_runs_shows_what_was_imported_beside_it() {
    let here = DataDir::none();
    let server = here.serve();
    assert_eq!(server.get("/v2/team/app/manifests/2", "").status, 404);
    image_layout::write(&here.path("image"), LAYERS, |_| {});
    assert_eq!(here.run(&["import", "oci:image:1", "team/app:2"]).code, 0);
    let manifest = server.get("/v2/team/app/manifests/2", "");
    assert_eq!(manifest.status, 200);
    for blob in manifest.json()["layers"].as_array().unwrap() {
        let digest = blob["digest"].as_str().unwrap();
        let pulled = server.get(&format!("/v2/team/app/blobs/{digest}"), "");
        assert_eq!(Digest::sha256_of(&pulled.body).to_string(), digest);
    }
    let again = here.run(&["import", "oci:image:1", "team/app:3", "-o", "json"]).json();
    assert_eq!((&again["blobsCopied"], &again["blobsPresent"]), (&0.into(), &3.into()));
}

#[test]
fn of_an_index_one_platform_may_be_imported() {
    let here = DataDir::none();
    image_layout::write_multi_platform(&here.path("image"), LAYERS, &["s390x", "riscv64"]);
    let whole = here.run(&["import", "oci:image:1", "team/app:all", "-o", "json"]).json();
    assert_eq!(whole["manifestsCopied"], 3);
    let one = here.run(&["import", "oci:image:1", "team/app:1", "--platform", "linux/riscv64"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    let server = here.serve();
    let index = server.get("/v2/team/app/manifests/all", "");
    assert_eq!(index.header("content-type"), Some(MediaType::IMAGE_INDEX.as_str()));
    let child = server.get("/v2/team/app/manifests/1", "").header("docker-content-digest").map(str::to_owned);
    assert_eq!(index.json()["manifests"][1]["digest"], json!(child));
}

#[test]
fn an_archive_of_another_tool_is_imported() {
    let Some(skopeo) = find_peer("skopeo") else { return };
    let here = DataDir::none();
    image_layout::write(&here.path("image"), LAYERS, |_| {});
    let from = format!("oci:{}:1", here.path("image").display());
    let to = format!("docker-archive:{}:team/app:1", here.path("image.tar").display());
    let copied = skopeo.command().args(["--insecure-policy", "copy", "-q", &from, &to]).output().unwrap();
    assert!(copied.status.success(), "{copied:?}");
    let imported = here.run(&["import", "docker-archive:image.tar", "team/app:1"]);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    assert_eq!(here.run(&["fsck"]).code, 0);
}

#[test]
fn bytes_that_do_not_hash_are_not_imported() {
    let here = DataDir::none();
    image_layout::write(&here.path("image"), LAYERS, |_| {});
    for blob in std::fs::read_dir(here.path("image/blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if bytes.len() > 100_000 {
            bytes[70_000] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let refused = here.run(&["import", "oci:image:1", "team/app:1"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (3, ""));
    assert!(refused.stderr.contains("hash to `sha256:"), "{}", refused.stderr);
    assert_eq!(here.serve().get("/v2/team/app/manifests/1", "").status, 404);
    assert_eq!(here.run(&["gc", "--dry-run", "-o", "json"]).json()["uploadsKept"]["count"], 0);
}

#[test]
fn a_destination_with_a_host_is_refused() {
    let refused = DataDir::none().run(&["import", "oci:image:1", "localhost:5000/team/app:1"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("the server's own address is not part of it"), "{}", refused.stderr);
}
