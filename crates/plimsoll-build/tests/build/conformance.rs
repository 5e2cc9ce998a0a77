//! The same Dockerfile by our assembler and by buildah: the same files, and the same settings.

use std::path::Path;

use plimsoll_peers::find_peer;

use crate::workshop::{Image, Workshop};

const DOCKERFILE: &str = "FROM scratch AS files\nCOPY app /srv/app\nCOPY app/lib/*.txt app/run /texts/\nWORKDIR /deep/er\n\
    COPY app/run renamed\nCOPY app/lib .\nADD a.tar /unpacked/\nCOPY --chown=5:6 --chmod=700 app/run /owned\n\
    FROM scratch\nARG WHO=world\nENV GREETING=\"hello $WHO\" PLAIN=1\nLABEL a=b c=\"d e\"\nCOPY --from=files /srv /texts/ /all/\n\
    COPY --from=files /deep/er/renamed /one\nCOPY --from=0 /owned /unpacked/ /two/\n\
    EXPOSE 80 53/udp\nVOLUME /data\nUSER 1000:1000\nWORKDIR /all\nSTOPSIGNAL SIGINT\nENTRYPOINT [\"/one\"]\nCMD run it\n";

#[test]
fn the_assembler_makes_what_buildah_makes() {
    let Some(buildah) = find_peer("buildah") else { return };
    let shop = Workshop::new();
    for (path, content) in
        [("app/run", "run"), ("app/lib/a.txt", "a"), ("app/lib/b.txt", "b"), ("app/lib/deep/c", "c")]
    {
        shop.file(path, content.as_bytes());
    }
    std::os::unix::fs::symlink("run", shop.context().join("app/link")).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(1);
    header.set_mode(0o640);
    header.set_uid(7);
    header.set_gid(8);
    tar.append_data(&mut header, "inside", &b"i"[..]).unwrap();
    shop.file("a.tar", &tar.into_inner().unwrap());
    let ours = shop.build(DOCKERFILE);

    let work = tempfile::tempdir().unwrap();
    let dockerfile = work.path().join("Dockerfile");
    std::fs::write(&dockerfile, DOCKERFILE).unwrap();
    let run = |arguments: &[&str]| {
        let path = |name: &str| work.path().join(name).display().to_string();
        let storage = ["--root", &path("root"), "--runroot", &path("run"), "--storage-driver", "vfs"];
        let done = buildah.command().args(storage).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let text = |path: &Path| path.display().to_string();
    run(&[
        "build",
        "-q",
        "--isolation",
        "chroot",
        "-t",
        "app",
        "-f",
        &text(&dockerfile),
        &text(&shop.context()),
    ]);
    run(&["push", "-q", "app", &format!("oci:{}", work.path().join("out").display())]);
    let theirs = Image::of_layout(&work.path().join("out"));

    assert_eq!(ours.files(), theirs.files());
    let (mut ours, mut theirs) = (ours.config.config, theirs.config.config);
    // What names the builder is its own.
    theirs.labels.retain(|name, _| !name.starts_with("io.buildah"));
    ours.env.sort();
    theirs.env.sort();
    assert_eq!(ours, theirs);
}
