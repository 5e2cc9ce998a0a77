use super::*;
use crate::{Component, Distribution, PackageType, SourcePackage};

fn parsed(text: &str) -> Purl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn debian() -> Distribution {
    Distribution { id: "debian".into(), version_id: "11".into(), ..Distribution::default() }
}

#[test]
fn a_package_url_is_taken_apart() {
    let purl = parsed("pkg:golang/example.org/Tools/lint@v1.2.3?b=2&a=%C3%A9t%C3%A9#cmd/./../lint");
    assert_eq!(purl.package_type(), "golang");
    assert_eq!(purl.namespace(), Some("example.org/tools"));
    assert_eq!(purl.name(), "lint");
    assert_eq!(purl.version(), Some("v1.2.3"));
    assert_eq!(purl.qualifiers().collect::<Vec<_>>(), [("a", "été"), ("b", "2")]);
    assert_eq!(purl.subpath(), Some("cmd/lint"));
    assert_eq!(purl.to_string(), "pkg:golang/example.org/tools/lint@v1.2.3?a=%C3%A9t%C3%A9&b=2#cmd/lint");
}

#[test]
fn every_spelling_comes_down_to_one() {
    for (written, canonical) in [
        ("PKG:PyPI/Typing_Extensions@4.0", "pkg:pypi/typing-extensions@4.0"),
        ("pkg://npm/@vue/cli@5.0.8", "pkg:npm/%40vue/cli@5.0.8"),
        ("pkg:npm/@vue/cli", "pkg:npm/%40vue/cli"),
        ("pkg:npm/%40vue/cli@", "pkg:npm/%40vue/cli"),
        ("pkg:deb/Debian/Bash@5.2%2Bdfsg", "pkg:deb/debian/bash@5.2%2Bdfsg"),
        ("pkg:deb/debian/login@1%3A4.13+x", "pkg:deb/debian/login@1:4.13%2Bx"),
        ("pkg:github/Rust-Lang/Rust/", "pkg:github/rust-lang/rust"),
        ("pkg:maven//org.slf4j//slf4j-api", "pkg:maven/org.slf4j/slf4j-api"),
        ("pkg:generic/a?empty=&Url=https://x/y", "pkg:generic/a?url=https:%2F%2Fx%2Fy"),
        ("pkg:generic/a%20b@100%", "pkg:generic/a%20b@100%25"),
        ("pkg:mlflow/Churn@3?repository_url=https://adb-1.databricks.net", {
            "pkg:mlflow/churn@3?repository_url=https:%2F%2Fadb-1.databricks.net"
        }),
        ("pkg:huggingface/Org/Model@ABCDEF", "pkg:huggingface/Org/Model@abcdef"),
    ] {
        assert_eq!(parsed(written).to_string(), canonical, "{written}");
        assert_eq!(parsed(written), parsed(canonical));
    }
}

#[test]
fn what_is_no_package_url_is_refused_with_the_reason() {
    let rule = |package_type: &str, rule| ParsePurlError::Rule { package_type: package_type.into(), rule };
    for (text, error) in [
        ("left-pad@1.3.0", ParsePurlError::Scheme),
        ("http://example.org/x", ParsePurlError::Scheme),
        ("pkg:", ParsePurlError::Type(String::new())),
        ("pkg:left-pad@1.3.0", ParsePurlError::Type("left-pad@1.3.0".into())),
        ("pkg:3d/model", ParsePurlError::Type("3d".into())),
        ("pkg:n_pm/x", ParsePurlError::Type("n_pm".into())),
        ("pkg:npm", ParsePurlError::Name),
        ("pkg:npm/", ParsePurlError::Name),
        ("pkg:maven/@1.0", ParsePurlError::Name),
        ("pkg:maven/org.slf4j/@1.0", ParsePurlError::Name),
        ("pkg:npm/x?a=1&a=2", ParsePurlError::Qualifier("a=2".into())),
        ("pkg:npm/x?in%20use=1", ParsePurlError::Qualifier("in%20use".into())),
        ("pkg:npm/x?alone", ParsePurlError::Qualifier("alone".into())),
        ("pkg:npm/x?1a=b", ParsePurlError::Qualifier("1a".into())),
        ("pkg:golang/a%2Fb/c", ParsePurlError::Encoding("a%2Fb".into())),
        ("pkg:npm/%FF", ParsePurlError::Encoding("%FF".into())),
        ("pkg:cargo/a/b@1", rule("cargo", "has no namespace before its name")),
        ("pkg:composer/monolog@1", rule("composer", "has a namespace before its name")),
        ("pkg:julia/Flux@1", rule("julia", "has the qualifier `uuid`")),
    ] {
        assert_eq!(text.parse::<Purl>(), Err(error), "{text}");
    }
    let long = format!("pkg:npm/{}", "x".repeat(Purl::BYTES_MAX));
    assert_eq!(long.parse::<Purl>(), Err(ParsePurlError::Length));
}

#[test]
fn a_package_url_is_built_from_unescaped_parts() {
    let purl = Purl::new("NPM", Some("@scope"), "Name", Some("1.0 beta")).unwrap();
    let purl = purl.with_qualifier("Arch", "any").unwrap().with_qualifier("none", "").unwrap();
    assert_eq!(
        purl.with_subpath("/lib/../x y/").to_string(),
        "pkg:npm/%40scope/name@1.0%20beta?arch=any#lib/x%20y"
    );
    assert_eq!(Purl::new("npm", None, "", None), Err(ParsePurlError::Name));
    assert!(matches!(Purl::new("n m", None, "a", None), Err(ParsePurlError::Type(_))));
}

#[test]
fn a_debian_package_says_its_release_and_source() {
    let mut component = Component::new(PackageType::Deb, "openssl", "1.1.1k-1");
    component.architecture = Some("amd64".into());
    let purl = component.purl(Some(&debian()));
    assert_eq!(purl.to_string(), "pkg:deb/debian/openssl@1.1.1k-1?arch=amd64&distro=debian-11");
    assert_eq!(Component::from_purl(&purl), Some((component.clone(), Some(debian()))));

    component.name = "libgcc-s1".into();
    component.version = "1:12.2.0-14+b1".into();
    component.source = Some(SourcePackage { name: "gcc-12".into(), version: "1:12.2.0-14".into() });
    let purl = component.purl(Some(&debian()));
    let expected =
        "pkg:deb/debian/libgcc-s1@1:12.2.0-14%2Bb1?arch=amd64&distro=debian-11&upstream=gcc-12%401:12.2.0-14";
    assert_eq!(purl.to_string(), expected);
    assert_eq!(Component::from_purl(&purl), Some((component, Some(debian()))));
}

#[test]
fn an_rpm_package_carries_its_epoch_apart() {
    let distribution =
        Distribution { id: "rhel".into(), version_id: "9.4".into(), ..Distribution::default() };
    let mut component = Component::new(PackageType::Rpm, "openssl-libs", "1:3.0.7-27.el9");
    component.architecture = Some("x86_64".into());
    component.source = Some(SourcePackage { name: "openssl".into(), version: "3.0.7-27.el9".into() });
    let purl = component.purl(Some(&distribution));
    let expected = "pkg:rpm/redhat/openssl-libs@3.0.7-27.el9\
                    ?arch=x86_64&distro=rhel-9.4&epoch=1&upstream=openssl-3.0.7-27.el9.src.rpm";
    assert_eq!(purl.to_string(), expected);
    assert_eq!(Component::from_purl(&purl), Some((component, Some(distribution))));
}

#[test]
fn names_of_languages_keep_their_namespaces() {
    for (package_type, namespace, name, version, expected) in [
        (PackageType::Golang, "golang.org/x", "crypto", "v0.1.0", "pkg:golang/golang.org/x/crypto@v0.1.0"),
        (PackageType::Npm, "@babel", "core", "7.0.0", "pkg:npm/%40babel/core@7.0.0"),
        (PackageType::Maven, "org.slf4j", "slf4j-api", "2.0", "pkg:maven/org.slf4j/slf4j-api@2.0"),
        (PackageType::Composer, "monolog", "monolog", "3.0", "pkg:composer/monolog/monolog@3.0"),
    ] {
        let mut component = Component::new(package_type, name, version);
        component.namespace = Some(namespace.into());
        let purl = component.purl(Some(&debian()));
        assert_eq!(purl.to_string(), expected);
        assert_eq!(Component::from_purl(&purl), Some((component, None)));
    }
}

#[test]
fn a_component_that_its_type_forbids_is_generic() {
    assert_eq!(Component::new(PackageType::Composer, "app", "1").purl(None).to_string(), "pkg:generic/app@1");
    assert_eq!(Component::new(PackageType::Npm, "", "").purl(None).to_string(), "pkg:npm/unnamed");
}

#[test]
fn other_types_name_no_component() {
    assert_eq!(Component::from_purl(&parsed("pkg:github/rust-lang/rust@1.95.0")), None);
}

#[test]
fn the_distribution_of_others_is_understood() {
    let of = |text: &str| {
        Component::from_purl(&parsed(text))
            .unwrap()
            .1
            .map(|found| (found.id, found.version_id, found.codename.unwrap_or_default()))
    };
    let triple = |id: &str, version: &str, codename: &str| Some((id.into(), version.into(), codename.into()));
    assert_eq!(of("pkg:rpm/opensuse/bash?distro=opensuse-leap-15.6"), triple("opensuse-leap", "15.6", ""));
    assert_eq!(of("pkg:rpm/bash?distro=opensuse-leap-15.6"), triple("opensuse-leap", "15.6", ""));
    assert_eq!(of("pkg:deb/debian/bash?distro=jessie"), triple("debian", "", "jessie"));
    assert_eq!(of("pkg:deb/debian/bash?distro=debian-sid"), triple("debian", "", "sid"));
    assert_eq!(of("pkg:deb/debian/bash?distro=debian"), triple("debian", "", ""));
    assert_eq!(of("pkg:rpm/redhat/bash?distro=rhel-8.4"), triple("rhel", "8.4", ""));
    assert_eq!(of("pkg:rpm/redhat/bash?distro=rhel"), triple("rhel", "", ""));
    assert_eq!(of("pkg:apk/alpine/musl"), None);
}

proptest::proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_without_panic(text in "(pkg:)?[a-z/@?#%=&.A-F0-9:é+-]{0,60}") {
        if let Ok(purl) = text.parse::<Purl>() {
            proptest::prop_assert_eq!(purl.to_string().parse::<Purl>(), Ok(purl));
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same(
        package_type in "deb|npm|golang|generic|maven|[a-z]{1,5}",
        namespace in proptest::option::of("\\PC{1,12}"),
        name in "\\PC{1,12}",
        version in proptest::option::of("\\PC{0,12}"),
        value in "\\PC{0,12}",
        subpath in "\\PC{0,12}",
    ) {
        let purl = Purl::new(&package_type, namespace.as_deref(), &name, version.as_deref());
        if let Ok(purl) = purl.and_then(|purl| purl.with_qualifier("key", &value)) {
            let purl = purl.with_subpath(&subpath);
            proptest::prop_assert_eq!(purl.to_string().parse::<Purl>(), Ok(purl));
        }
    }
}
