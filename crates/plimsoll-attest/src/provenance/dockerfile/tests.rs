use super::*;

fn images_for(text: &str, target: Option<&str>, arguments: &[(&str, &str)]) -> Vec<String> {
    let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let images = base_images(text, target, &arguments).unwrap();
    images
        .iter()
        .map(|image| image.reference.as_ref().map_or(format!("? {}", image.written), ToString::to_string))
        .collect()
}

fn images(text: &str) -> Vec<String> {
    images_for(text, None, &[])
}

#[test]
fn only_what_the_last_stage_needs_is_named_and_stages_are_no_images() {
    let text = "\
# syntax=docker/dockerfile:1
FROM golang:1.22 AS Build
RUN make
FROM debian:12 AS unused
FROM --platform=linux/amd64 gcr.io/static:nonroot AS runtime
COPY --from=build /app /app
COPY --chown=1:1 --from=busybox:1.36 /bin/sh /bin/sh
FROM runtime
RUN --mount=type=bind,from=alpine:3.19,target=/x --mount=type=cache,target=/c cp /x/a /a
";
    let expected = [
        "docker.io/docker/dockerfile:1",
        "docker.io/library/golang:1.22",
        "gcr.io/static:nonroot",
        "docker.io/library/busybox:1.36",
        "docker.io/library/alpine:3.19",
    ];
    assert_eq!(images(text), expected);
    let unused = images_for(text, Some("UNUSED"), &[]);
    assert_eq!(unused, ["docker.io/docker/dockerfile:1", "docker.io/library/debian:12"]);
    assert_eq!(images_for(text, Some("0"), &[]), expected[..2]);
    let unknown = base_images(text, Some("tests"), &BTreeMap::new());
    assert_eq!(unknown, Err(DockerfileError::NoStage("tests".to_owned())));
}

#[test]
fn arguments_before_the_first_stage_are_filled_in() {
    let text = "\
ARG VERSION=12 REGISTRY=\"registry.example/base\"
ARG IMAGE=${REGISTRY}/debian
ARG EMPTY
FROM ${IMAGE}:${VERSION:-11}${EMPTY:+-slim}
ARG VERSION=99
FROM $IMAGE:$VERSION
";
    assert_eq!(images_for(text, Some("0"), &[]), ["registry.example/base/debian:12"]);
    assert_eq!(images(text), ["registry.example/base/debian:12"]);
    let given = [("VERSION", "13"), ("EMPTY", "1")];
    assert_eq!(images_for(text, Some("0"), &given), ["registry.example/base/debian:13-slim"]);
}

#[test]
fn what_is_not_known_here_is_not_guessed() {
    assert_eq!(images("FROM base:$TARGETARCH\n"), ["? base:$TARGETARCH"]);
    let given = [("TARGETARCH", "arm64")];
    assert_eq!(images_for("FROM base:$TARGETARCH\n", None, &given), ["docker.io/library/base:arm64"]);
    assert_eq!(images("ARG A=1.2\nFROM base:${A%.*}\n"), ["? base:${A%.*}"]);
    assert_eq!(images("FROM ${A:-${B:-${C:-deep}}}\n"), ["docker.io/library/deep"]);
    let deep = format!("FROM {}x{}\n", "${A:-".repeat(100), "}".repeat(100));
    assert!(images(&deep)[0].starts_with("? "));
    assert_eq!(images("FROM scratch\n"), [""; 0]);
}

#[test]
fn here_documents_comments_and_continued_lines_hide_no_instruction_and_make_none() {
    let text = "\
FROM debian:12
RUN <<EOF cat <<-'END'
FROM evil:1
EOF
\tFROM evil:2
\tEND
RUN echo \\
# FROM evil:3

   FROM evil:4
COPY \\
  --from=alpine:3 \\
  /a /b
";
    assert_eq!(images(text), ["docker.io/library/debian:12", "docker.io/library/alpine:3"]);
    let of_windows = "# escape=`\r\nFROM `\r\n  base:1\r\nCOPY C:\\ C:\\\r\n";
    assert_eq!(images(of_windows), ["docker.io/library/base:1"]);
}

#[test]
fn what_no_builder_takes_is_refused() {
    let refused = |text: &str| base_images(text, None, &BTreeMap::new()).unwrap_err();
    assert_eq!(refused("# nothing\n"), DockerfileError::NoFrom);
    assert_eq!(refused("FROM --platform=x\n"), DockerfileError::From(1));
    let unended = DockerfileError::HereDocument { line: 2, delimiter: "EOF".to_owned() };
    assert_eq!(refused("FROM a\nRUN <<EOF\nFROM b\n"), unended);
    assert_eq!(refused(&"FROM a\n".repeat(1_001)), DockerfileError::ManyStages);
    assert!(matches!(refused(&" ".repeat(DOCKERFILE_BYTES_MAX + 1)), DockerfileError::TooLarge(_)));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_panic(
        text in "(FROM|ARG|COPY|RUN|[ \n\\\\$\\{\\}:\"'<#=a-]){0,60}",
    ) {
        let _ = base_images(&text, None, &BTreeMap::new());
    }
}
