use std::os::unix::fs::symlink;

use crate::workshop::{Workshop, as_base};

#[test]
fn links_in_the_context_lead_nowhere_outside() {
    let shop = Workshop::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path(), shop.context().join("door")).unwrap();
    symlink(outside.path().join("secret"), shop.context().join("key")).unwrap();
    symlink("../../../../etc", shop.context().join("up")).unwrap();
    for dockerfile in [
        "FROM scratch\nCOPY door/secret /\n",
        "FROM scratch\nCOPY key /\n",
        "FROM scratch\nCOPY up/passwd /\n",
        "FROM scratch\nCOPY ../../../../../../etc/passwd /\n",
        "FROM scratch\nADD key /\n",
    ] {
        let refused = shop.refuse(dockerfile);
        assert!(
            refused.contains("is not in the context") || refused.contains("symbolic link to nothing"),
            "{refused}"
        );
    }
    // The links themselves are files like others.
    let image = shop.build("FROM scratch\nCOPY . /\n");
    assert!(image.files().iter().all(|line| line.starts_with("l ")), "{:?}", image.files());
}

#[test]
fn links_in_a_stage_lead_nowhere_outside_of_it() {
    let shop = Workshop::new();
    symlink("/etc", shop.context().join("config")).unwrap();
    symlink("loop", shop.context().join("loop")).unwrap();
    shop.file("f", b"f");
    let image =
        shop.build("FROM scratch AS a\nCOPY . /\nFROM a\nCOPY f /config/\nCOPY --from=a /config/f* /got/\n");
    assert!(image.paths().contains(&"etc/f".to_owned()), "{:?}", image.paths());
    let refused = shop.refuse("FROM scratch AS a\nCOPY . /\nFROM scratch\nCOPY --from=a /loop /\n");
    assert!(refused.contains("more than 40 symbolic links"), "{refused}");
}

#[test]
fn a_context_cannot_delete_files_of_the_base() {
    let shop = Workshop::new();
    shop.file("d/.wh.passwd", b"");
    let refused = shop.refuse("FROM scratch\nCOPY d /etc/\n");
    assert!(refused.contains("would delete another file"), "{refused}");
}

#[test]
fn an_archive_cannot_write_through_its_own_links() {
    let shop = Workshop::new();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "out", "/etc").unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(1);
    header.set_mode(0o644);
    tar.append_data(&mut header, "out/passwd", &b"x"[..]).unwrap();
    shop.file("a.tar", &tar.into_inner().unwrap());
    let refused = shop.refuse("FROM scratch\nADD a.tar /\n");
    assert!(refused.contains("`/out` is no directory"), "{refused}");
}

#[test]
fn a_base_whose_layer_was_exchanged_is_refused() {
    let mut shop = Workshop::new();
    shop.file("a", b"a");
    let base = shop.build("FROM scratch\nCOPY a /\n");
    let other = Workshop::new();
    other.file("a", b"b");
    let foreign = other.build("FROM scratch\nCOPY a /\n");
    let blob = |image: &crate::workshop::Image| {
        crate::workshop::blob(image.store(), &image.manifest.layers[0].digest)
    };
    std::fs::copy(blob(&foreign), blob(&base)).unwrap();
    let named = as_base(&base);
    shop.request = Box::new(move |request| drop(request.contexts.insert("base".to_owned(), named.clone())));
    let refused = shop.refuse("FROM base\nCOPY a /b/\n");
    assert!(
        refused.contains("does not hold what its image says") || refused.contains("hash to"),
        "{refused}"
    );
}
