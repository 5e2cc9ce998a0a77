use std::collections::BTreeMap;

use super::*;
use crate::parse;

fn bases(text: &str, target: Option<&str>, given: &[(&str, &str)]) -> Result<Vec<ExternalImage>, BasesError> {
    let given: BTreeMap<String, String> =
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    base_images(&parse(text), BuildChoice { target, arguments: Some(&given), is_platform_unknown: true })
}

fn images_for(text: &str, target: Option<&str>, given: &[(&str, &str)]) -> Vec<String> {
    let name = |image: &ExternalImage| {
        image.reference.as_ref().map_or(format!("? {}", image.written), ToString::to_string)
    };
    bases(text, target, given).unwrap().iter().map(name).collect()
}

fn images(text: &str) -> Vec<String> {
    images_for(text, None, &[])
}

const STAGES: &str = "\
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

#[test]
fn only_what_the_last_stage_needs_is_named_and_stages_are_no_images() {
    let expected = [
        "docker.io/docker/dockerfile:1",
        "docker.io/library/golang:1.22",
        "gcr.io/static:nonroot",
        "docker.io/library/busybox:1.36",
        "docker.io/library/alpine:3.19",
    ];
    assert_eq!(images(STAGES), expected);
    let unused = images_for(STAGES, Some("UNUSED"), &[]);
    assert_eq!(unused, ["docker.io/docker/dockerfile:1", "docker.io/library/debian:12"]);
    assert_eq!(images_for(STAGES, Some("0"), &[]), expected[..2]);
    assert_eq!(bases(STAGES, Some("tests"), &[]), Err(BasesError::NoStage("tests".to_owned())));
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
fn a_platform_that_nobody_named_is_not_guessed() {
    let text = "FROM base:$TARGETARCH\n";
    assert_eq!(images(text), ["? base:$TARGETARCH"]);
    assert_eq!(images_for(text, None, &[("TARGETARCH", "arm64")]), ["docker.io/library/base:arm64"]);
    let usual = base_images(&parse(text), BuildChoice::default()).unwrap();
    assert_eq!(usual[0].name, "base:amd64");
    assert_eq!(images("FROM ${A:-${B:-${C:-deep}}}\n"), ["docker.io/library/deep"]);
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
    let refused = |text: &str| bases(text, None, &[]).unwrap_err();
    assert_eq!(refused("ARG A=1\n"), BasesError::NoFrom);
    assert!(matches!(refused("FROM --platform=x\n"), BasesError::Syntax { line: 1, .. }));
    assert!(matches!(refused("FROM a\nRUN <<EOF\nFROM b\n"), BasesError::Syntax { line: 2, .. }));
    assert_eq!(refused(&"FROM a\n".repeat(1_001)), BasesError::ManyStages);
}
