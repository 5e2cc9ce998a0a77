use crate::workshop::{Workshop, as_base};

const EVERYTHING: &str = r#"ARG VERSION=1
FROM scratch
ARG VERSION
ARG EXTRA=x$VERSION
ENV APP=/srv/$VERSION NAME="a b"
ENV OLD form of it
LABEL version=$VERSION "org.example.name"='one two'
COPY f $APP/
EXPOSE 80 5000-5001/udp
VOLUME ["/data", "/logs"]
USER 1000:1000
WORKDIR $APP
WORKDIR deeper
STOPSIGNAL SIGQUIT
SHELL ["/bin/ash", "-ec"]
HEALTHCHECK --interval=1m30s --retries=2 CMD curl -f localhost
ENTRYPOINT ["/app", "--flag"]
CMD serve it
"#;

#[test]
fn every_setting_is_in_the_config_and_told_in_buildkits_words() {
    let shop = Workshop::new();
    shop.file("f", b"");
    let image = shop.build(EVERYTHING);
    let config = &image.config.config;
    assert_eq!(config.env[1..], ["APP=/srv/1", "NAME=a b", "OLD=form of it"]);
    assert_eq!(config.labels["org.example.name"], "one two");
    assert_eq!(
        config.exposed_ports.iter().map(String::as_str).collect::<Vec<_>>(),
        ["5000/udp", "5001/udp", "80/tcp"]
    );
    assert_eq!(config.volumes.len(), 2);
    assert_eq!(config.user.as_deref(), Some("1000:1000"));
    assert_eq!(config.working_dir.as_deref(), Some("/srv/1/deeper"));
    assert_eq!(config.entrypoint, ["/app", "--flag"]);
    assert_eq!(config.cmd, ["/bin/ash", "-ec", "serve it"]);
    assert_eq!(config.stop_signal.as_deref(), Some("SIGQUIT"));
    let document: serde_json::Value = serde_json::from_str(&image.config_text).unwrap();
    let check = &document["config"]["Healthcheck"];
    assert_eq!(
        *check,
        serde_json::json!({ "Test": ["CMD-SHELL", "curl -f localhost"], "Interval": 90_000_000_000_u64, "Retries": 2 })
    );
    let expected = [
        "- ARG VERSION=1",
        "- ARG EXTRA=x1",
        "- ENV APP=/srv/1 NAME=a b",
        "- ENV OLD=form of it",
        "- LABEL version=1 org.example.name=one two",
        "+ COPY f /srv/1/ # buildkit",
        "- EXPOSE [5000/udp 5001/udp 80/tcp]",
        "- VOLUME [/data /logs]",
        "- USER 1000:1000",
        "- WORKDIR /srv/1",
        "+ WORKDIR /srv/1/deeper",
        "- STOPSIGNAL SIGQUIT",
        "- SHELL [/bin/ash -ec]",
        "- HEALTHCHECK {Test:[CMD-SHELL curl -f localhost] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:2}",
        "- ENTRYPOINT [\"/app\" \"--flag\"]",
        "- CMD [\"/bin/ash\" \"-ec\" \"serve it\"]",
    ];
    assert_eq!(image.history(), expected);
}

#[test]
fn given_values_targets_and_platforms_decide() {
    let mut shop = Workshop::new();
    shop.file("a", b"");
    shop.request = Box::new(|request| {
        request.arguments.insert("WHICH".to_owned(), "two".to_owned());
        request.target = Some("Middle".to_owned());
        request.platform = "linux/arm64".parse().unwrap();
    });
    let dockerfile = "ARG WHICH=one\nFROM scratch AS one\nFROM scratch AS two\nLABEL from=two\nFROM $WHICH AS middle\n\
                      ARG TARGETARCH\nLABEL arch=$TARGETARCH\nFROM scratch AS last\nCOPY missing /\n";
    let image = shop.build(dockerfile);
    assert_eq!(image.config.config.labels["from"], "two");
    assert_eq!(image.config.config.labels["arch"], "arm64");
    assert_eq!(image.config.platform.to_string(), "linux/arm64");
    shop.request = Box::new(|request| request.target = Some("nothing".to_owned()));
    assert!(shop.refuse(dockerfile).contains("has no stage `nothing`"));
}

#[test]
fn what_a_base_says_is_kept_and_its_triggers_are_carried_out() {
    let mut shop = Workshop::new();
    shop.file("app", b"app");
    let base = shop.build("FROM scratch\nENV A=1\nCMD [\"base\"]\nONBUILD COPY app /app\nONBUILD ENV B=$A\n");
    let named = as_base(&base);
    shop.request = Box::new(move |request| drop(request.contexts.insert("base".to_owned(), named.clone())));
    let image = shop.build("FROM base\nENV C=$B\nENTRYPOINT [\"x\"]\n");
    assert_eq!(image.config.config.env[1..], ["A=1", "B=1", "C=1"]);
    assert_eq!(image.config.config.cmd, Vec::<String>::new());
    assert_eq!(image.paths(), ["app"]);
    assert!(!image.config_text.contains("OnBuild"));
    assert_eq!(image.history().last().unwrap(), "- ENTRYPOINT [\"x\"]");
}

#[test]
fn what_cannot_be_built_is_told_with_its_line() {
    let shop = Workshop::new();
    for (dockerfile, expected) in [
        ("FROM scratch\nCOPY\n", "Dockerfile:2"),
        ("FROM scratch\nLABEL a=1\nEXPOSE http\n", "Dockerfile:3: EXPOSE http: `http` is no port"),
        ("FROM scratch\nWORKDIR ${A:?is needed}\n", "is needed"),
        ("COPY a b\nFROM scratch\n", "no stage begins before it"),
        ("FROM scratch AS a\nCOPY --from=b /x /\nFROM scratch AS b\nCOPY --from=a /x /\n", "needs itself"),
    ] {
        let refused = shop.refuse(dockerfile);
        assert!(refused.contains(expected), "{dockerfile}: {refused}");
    }
}
