use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use plimsoll_build::SecretFile;
use plimsoll_peers::find_peer;

use crate::workshop::{Said, Workshop, as_base, told};

#[test]
fn without_a_builder_stages_with_commands_are_refused_by_name() {
    let mut shop = Workshop::new();
    shop.request = Box::new(|request| request.buildah.program = "/nonexistent/buildah".into());
    let refused = shop.refuse("FROM scratch\nRUN true\n");
    assert!(refused.contains("it is not installed"), "{refused}");
    // A stage that nobody needs asks for no builder.
    shop.build("FROM scratch AS unused\nRUN true\nFROM scratch\nLABEL a=1\n");
}

const THREE_STAGES: &str = "ARG BASE=shell\nFROM $BASE AS build\n\
    RUN --mount=type=secret,id=token --mount=type=cache,target=/cache \
    cat /run/secrets/token > /cache/seen && cat /run/secrets/token && echo made > /made\n\
    RUN <<EOF\necho one > /text\ncat /made >> /text\nEOF\n\
    FROM shell AS fat\nRUN exit 1\n\
    FROM scratch\nCOPY --from=build /text /made /\nCMD [\"/made\"]\n";

#[test]
fn a_stage_with_commands_feeds_one_that_is_assembled() {
    let Some(shop) = with_shell() else { return };
    let said = Arc::new(Said::default());
    let first = shop.build_watched(THREE_STAGES, &said).unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!(first.paths(), ["made", "text"]);
    assert_eq!(first.content("text"), "one\nmade\n");
    assert!(first.built().builder.as_deref().unwrap().starts_with("buildah 1."));
    assert!(first.built().is_assembled);
    assert!(said.text().contains("***"), "{}", said.text());
    assert!(!said.text().contains(SECRET), "{}", said.text());
    let again = shop.build(THREE_STAGES);
    assert_eq!(again.digest, first.digest);
    assert_eq!(again.config.history.len(), 2);
}

#[test]
fn a_stage_with_commands_can_be_the_image() {
    let Some(shop) = with_shell() else { return };
    let image =
        shop.build("FROM shell AS base\nLABEL a=1\nFROM base\nCOPY own /own\nRUN cat /own > /copied\n");
    assert_eq!(image.content("copied"), "own");
    assert_eq!(image.config.config.labels["a"], "1");
    assert!(!image.built().is_assembled);
    let image = shop.build("FROM shell AS base\nRUN echo 1 > /one\nFROM base\nCOPY own /own\n");
    assert!(image.built().is_assembled);
    assert_eq!((image.content("one"), image.content("own")), ("1\n".to_owned(), "own".to_owned()));
}

#[test]
fn a_command_that_fails_is_told_with_its_last_words() {
    let Some(shop) = with_shell() else { return };
    let refused = shop.refuse("FROM shell AS build\nRUN echo a last word && exit 7\n");
    assert!(refused.starts_with("cannot build stage `build` with buildah"), "{refused}");
    assert!(refused.contains("a last word"), "{refused}");
}

const SECRET: &str = "hunter2-is-no-good-password";

/// A context with a file, a secret, and an image with a shell; nothing where buildah is not installed.
fn with_shell() -> Option<Workshop> {
    find_peer("buildah")?;
    let mut shop = Workshop::new();
    let base = Workshop::new();
    for program in ["/bin/sh", "/bin/cat"] {
        take(&base, program);
    }
    let image = shop_at(&shop, &base).build("FROM scratch\nCOPY . /\n");
    let secret = shop.context().parent().unwrap().join("token");
    std::fs::write(&secret, SECRET).unwrap();
    shop.file("own", b"own");
    let shell = as_base(&image);
    shop.request = Box::new(move |request| {
        request.contexts.insert("shell".to_owned(), shell.clone());
        let (id, value) = ("token".to_owned(), SECRET.to_owned());
        request.buildah.secrets = vec![SecretFile { id, path: secret.clone(), value }];
    });
    Some(shop)
}

/// A workshop with the context of `base` and the store of `shop`.
fn shop_at(shop: &Workshop, base: &Workshop) -> Workshop {
    let (context, store) = (base.context(), shop.store());
    let mut joined = Workshop::new();
    joined.request = Box::new(move |request| {
        request.context = context.clone();
        request.store = store.clone();
    });
    joined
}

/// Takes a program of this machine, with the libraries that it needs.
fn take(shop: &Workshop, program: &str) {
    let listed = find_peer("ldd").unwrap().command().arg(program).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
    for path in libraries.chain([program]) {
        let inner = path.trim_start_matches('/');
        shop.file(inner, &std::fs::read(path).unwrap());
        let target = shop.context().join(inner);
        std::fs::set_permissions(target, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}
