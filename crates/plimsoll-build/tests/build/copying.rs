use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use plimsoll_build::NamedContext;
use plimsoll_dockerfile::ignore::IgnoreFile;

use crate::workshop::{Workshop, as_base};

fn chmod(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn files_directories_and_patterns_come_to_lie_where_docker_puts_them() {
    let shop = Workshop::new();
    chmod(&shop.file("app/run.sh", b"#!/bin/sh\n"), 0o755);
    chmod(&shop.file("app/lib/a.txt", b"a"), 0o600);
    chmod(&shop.file("app/lib/b.txt", b"b"), 0o644);
    chmod(&shop.context().join("app/lib"), 0o750);
    let image = shop.build(
        "FROM scratch\nCOPY app /srv\nCOPY app/run.sh /bin/start\nCOPY app/run.sh /opt/\nCOPY app/lib/*.txt /texts/\n\
         WORKDIR /work/here\nCOPY app/run.sh .\nCOPY app/lib/a.txt b\n",
    );
    let expected = [
        "d 755 0:0 bin",
        "f 755 0:0 bin/start",
        "d 755 0:0 opt",
        "f 755 0:0 opt/run.sh",
        "d 755 0:0 srv",
        "d 750 0:0 srv/lib",
        "f 600 0:0 srv/lib/a.txt",
        "f 644 0:0 srv/lib/b.txt",
        "f 755 0:0 srv/run.sh",
        "d 755 0:0 texts",
        "f 600 0:0 texts/a.txt",
        "f 644 0:0 texts/b.txt",
        "d 755 0:0 work",
        "d 755 0:0 work/here",
        "f 600 0:0 work/here/b",
        "f 755 0:0 work/here/run.sh",
    ];
    assert_eq!(image.files(), expected);
    assert_eq!(image.content("srv/lib/a.txt"), "a");
}

#[test]
fn owners_and_permissions_are_given() {
    let shop = Workshop::new();
    chmod(&shop.file("etc/passwd", b"root:x:0:0::/:\nweb:x:33:34::/:\n"), 0o644);
    chmod(&shop.file("etc/group", b"adm:x:4:\n"), 0o644);
    chmod(&shop.file("d/x", b"x"), 0o640);
    let image = shop.build(
        "FROM scratch\nCOPY etc /etc\nCOPY --chown=web d /a/\nCOPY --chown=7:adm --chmod=u=rwX,go=rX d /b/\n\
         COPY --chmod=444 --chown=9 d/x /c\nUSER web\nWORKDIR /home/web\n",
    );
    let files = image.files();
    for line in [
        "d 755 33:34 a",
        "f 640 33:34 a/x",
        "d 755 7:4 b",
        "f 644 7:4 b/x",
        "f 444 9:9 c",
        "d 755 33:34 home/web",
    ] {
        assert!(files.contains(&line.to_owned()), "{line} in {files:#?}");
    }
    assert!(shop.refuse("FROM scratch\nCOPY --chown=nobody d /a\n").contains("knows no user `nobody`"));
}

#[test]
fn files_come_from_stages_images_and_named_directories() {
    let shop = Workshop::new();
    let path = shop.file("tool", b"tool");
    std::fs::hard_link(&path, shop.context().join("twin")).unwrap();
    symlink("tool", shop.context().join("alias")).unwrap();
    let base = shop.build("FROM scratch\nCOPY . /usr/lib/\n");
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("note"), "note").unwrap();
    let mut shop = shop;
    let (image, directory) = (as_base(&base), NamedContext::Directory(other.path().to_owned()));
    shop.request = Box::new(move |request| {
        request.contexts.insert("tools".to_owned(), image.clone());
        request.contexts.insert("notes".to_owned(), directory.clone());
    });
    let image = shop.build(
        "FROM tools AS build\nCOPY --from=notes note /n\n\
         FROM scratch\nCOPY --from=build /usr/lib /lib\nCOPY --from=0 /n /usr/lib/alias /\nCOPY --from=tools usr/lib/t* /t/\n",
    );
    let expected = [
        "f 644 0:0 alias",
        "d 755 0:0 lib",
        "l 777 0:0 lib/alias -> tool",
        "f 644 0:0 lib/tool",
        "h 644 0:0 lib/twin -> lib/tool",
        "f 644 0:0 n",
        "d 755 0:0 t",
        "f 644 0:0 t/tool",
        "h 644 0:0 t/twin -> t/tool",
    ];
    assert_eq!(image.files(), expected);
    assert_eq!(image.content("alias"), "tool");
    assert_eq!(image.content("t/tool"), "tool");
    assert_eq!(image.built().bases.len(), 1);
    assert_eq!(image.built().bases[0].digest, base.digest);
}

#[test]
fn links_of_the_base_are_followed_and_directories_stay() {
    let shop = Workshop::new();
    shop.file("base/usr/lib/keep", b"");
    symlink("usr/lib", shop.context().join("base/lib")).unwrap();
    shop.file("add/lib/new", b"new");
    shop.file("one", b"1");
    let image = shop.build("FROM scratch AS base\nCOPY base /\nFROM base\nCOPY add /\nCOPY one /lib/\nCOPY --chmod=600 one /lib\nWORKDIR /lib\n");
    let expected = [
        "l 777 0:0 lib -> usr/lib",
        "d 755 0:0 usr",
        "d 755 0:0 usr/lib",
        "f 644 0:0 usr/lib/keep",
        "f 644 0:0 usr/lib/new",
        "f 600 0:0 usr/lib/one",
    ];
    assert_eq!(image.files(), expected);
    let refused = shop.refuse("FROM scratch AS base\nCOPY base /\nFROM base\nCOPY one /usr/lib/keep/\n");
    assert!(refused.contains("`/usr/lib/keep` is no directory"), "{refused}");
}

#[test]
fn parents_excludes_and_the_ignore_file_are_honoured() {
    let mut shop = Workshop::new();
    for path in ["src/a/x.rs", "src/a/x.md", "src/b/y.rs", "target/big", "notes.md", "keep.md"] {
        shop.file(path, b"");
    }
    shop.request = Box::new(|request| {
        request.ignore = IgnoreFile::parse(b"target\n*.md\n!keep.md\n").unwrap();
    });
    let image = shop.build(
        "FROM scratch\nCOPY . /all/\nCOPY --parents src/*/x.rs /p/\nCOPY --parents ./src/./b/y.rs /q/\nCOPY --exclude=*/*.md src /r/\n",
    );
    let expected = [
        "all",
        "all/keep.md",
        "all/src",
        "all/src/a",
        "all/src/a/x.md",
        "all/src/a/x.rs",
        "all/src/b",
        "all/src/b/y.rs",
        "p",
        "p/src",
        "p/src/a",
        "p/src/a/x.rs",
        "q",
        "q/b",
        "q/b/y.rs",
        "r",
        "r/a",
        "r/a/x.rs",
        "r/b",
        "r/b/y.rs",
    ];
    assert_eq!(image.paths(), expected);
    let refused = shop.refuse("FROM scratch\nCOPY target/big /\n");
    assert!(
        refused.contains("Dockerfile:2: COPY target/big /: `target/big` is not in the context"),
        "{refused}"
    );
}

#[test]
fn texts_become_files_and_archives_are_unpacked() {
    let shop = Workshop::new();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_ustar();
    header.set_size(2);
    header.set_mode(0o640);
    header.set_uid(5);
    header.set_gid(6);
    header.set_mtime(1_700_000_000);
    tar.append_data(&mut header.clone(), "d/one", &b"1\n"[..]).unwrap();
    tar.append_link(&mut header, "d/two", "d/one").unwrap();
    shop.file("a.tar.gz", &tar.into_inner().unwrap().finish().unwrap());
    let image = shop.build(
        "FROM scratch\nARG WHO=you\nADD a.tar.gz /x/\nADD --unpack=false a.tar.gz /y/\n\
         COPY <<EOF <<'RAW' /t/\nhello $WHO\nEOF\nhello $WHO\nRAW\n",
    );
    let expected = ["t", "t/EOF", "t/RAW", "x", "x/d", "x/d/one", "x/d/two", "y", "y/a.tar.gz"];
    assert_eq!(image.paths(), expected);
    assert!(image.files().contains(&"f 640 5:6 x/d/one".to_owned()));
    assert_eq!(image.content("t/EOF"), "hello you\n");
    assert_eq!(image.content("t/RAW"), "hello $WHO\n");
    let mut xz = std::fs::File::create(shop.context().join("b.tar.xz")).unwrap();
    xz.write_all(b"\xfd7zXZ\0....").unwrap();
    assert!(shop.refuse("FROM scratch\nADD b.tar.xz /\n").contains("compressed with xz"));
}
