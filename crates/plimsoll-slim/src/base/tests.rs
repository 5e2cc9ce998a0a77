use plimsoll_image::FileTree;
use plimsoll_oci::ImageConfig;
use plimsoll_sbom::merge;

use super::*;
use crate::census::tests::{Member, layer, record};
use crate::{Census, LayerFiles};

const STATUS: &[u8] =
    b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u1\n";

const DEBIAN: &[Member<'_>] = &[
    Member::Symlink("lib64", "usr/lib64"),
    Member::Program("usr/lib64/ld-linux-x86-64.so.2", b"l", 0o755),
    Member::File("usr/lib/libssl.so.3", b"s"),
    Member::File("usr/lib/libc.so.6", b"c"),
    Member::Program("usr/bin/python3.11", b"p", 0o755),
    Member::Program("usr/bin/sh", b"s", 0o755),
    Member::Program("usr/bin/apt-get", b"a", 0o755),
    Member::File("etc/ssl/certs/ca-certificates.crt", b"x"),
    Member::File("var/lib/dpkg/status", STATUS),
];

const BARE: &[Member<'_>] =
    &[Member::Program("lib64/ld-linux-x86-64.so.2", b"l", 0o755), Member::File("usr/lib/libc.so.6", b"c")];

fn offer(members: &[Member<'_>]) -> Offer {
    let layers = [layer(members)];
    let contents = merge(&mut [record(members)]).unwrap();
    Offer::of(&Census::of(&layers), &contents, 1)
}

fn needs() -> Needs {
    let own: &[Member<'_>] = &[
        Member::Program("app/server", b"e", 0o755),
        Member::File("app/lib/libown.so.1", b"o"),
        Member::File("usr/local/lib/python3.11/site-packages/flask/x.py", b"f"),
    ];
    let layers: Vec<LayerFiles> = vec![layer(DEBIAN), layer(own)];
    let tree = FileTree::merge(layers.iter().map(|layer| &layer.listing));
    let text = r#"{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/app/server"]},
        "rootfs":{"type":"layers","diff_ids":[]}}"#;
    let program = ProgramNeeds {
        loader: Some("/lib64/ld-linux-x86-64.so.2".to_owned()),
        libraries: ["libssl.so.3", "libc.so.6", "libown.so.1"].map(str::to_owned).to_vec(),
        soname: None,
        glibc: Some((2, 34)),
    };
    Needs::of(&[program], &ImageConfig::parse(text.as_bytes()).unwrap(), &tree, 1)
}

fn whats(breaks: &[Break]) -> Vec<&str> {
    breaks.iter().map(|found| found.what.as_str()).collect()
}

#[test]
fn a_base_that_has_everything_breaks_nothing() {
    let debian = offer(DEBIAN);
    assert_eq!(debian.glibc, Some((2, 36)));
    assert_eq!(breaks(&needs(), &debian, Some(&debian)), []);
}

#[test]
fn what_programs_ask_for_is_certain_and_what_the_base_had_is_possible() {
    let found = breaks(&needs(), &offer(BARE), Some(&offer(DEBIAN)));
    assert_eq!(
        whats(&found),
        [
            "the program `python3.11`",
            "the library `libssl.so.3`",
            "certificates of authorities, for TLS to others",
            "a shell, for scripts and shell forms",
            "a package manager, for `RUN` to install with",
        ]
    );
    assert_eq!(found.iter().filter(|one| one.is_certain).count(), 2);
}

#[test]
fn an_older_glibc_is_told_with_both_versions() {
    let mut old = offer(DEBIAN);
    old.glibc = Some((2, 31));
    assert_eq!(whats(&breaks(&needs(), &old, None)), ["symbols of glibc 2.34: it has 2.31"]);
}

#[test]
fn a_base_is_known_by_its_whole_stack_of_layers() {
    let ids = [b"a", b"b", b"c"].map(|text| DiffId(Digest::sha256_of(text)));
    assert_eq!(layers_of_base(&ids, &ids[..2]), Some(2));
    assert_eq!(layers_of_base(&ids, &ids), None);
    assert_eq!(layers_of_base(&ids, &[ids[1]]), None);
    assert_eq!(layers_of_base(&ids, &[]), None);
}

#[test]
fn what_fits_comes_first_then_fewer_findings_then_fewer_bytes() {
    let candidate = |name: &str, breaks: Vec<Break>, findings: u64, missing_bytes: u64| Candidate {
        name: name.to_owned(),
        digest: Digest::sha256_of(name.as_bytes()),
        breaks,
        findings: Some(findings),
        stored_bytes: 10,
        missing_bytes,
        created_unix: None,
    };
    let broken = vec![Break::certain("the library `x`".to_owned())];
    let mut all = [
        candidate("broken", broken, 0, 0),
        candidate("large", Vec::new(), 1, 9),
        candidate("small", Vec::new(), 1, 3),
        candidate("clean", Vec::new(), 0, 9),
    ];
    rank(&mut all);
    assert_eq!(all.each_ref().map(|one| one.name.as_str()), ["clean", "small", "large", "broken"]);
    assert!(all[0].fits() && !all[3].fits());
}
