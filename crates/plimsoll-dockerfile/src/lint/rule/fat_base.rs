//! An image that is built on a toolchain.
//!
//! The image's base brings compilers and package tools that nothing runs. Build in a stage on that base, and begin the last
//! stage with a base for running: the same distribution's slim variant, a language's runtime image, distroless, or
//! `scratch` for a static program. No number is given: how large a base is is known only of the image itself, which
//! `plimsoll inspect` measures.

use crate::graph::Source;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "fat-base",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("fat_base.rs"),
    check,
};

/// Images for building, with what there is for running instead.
const TOOLCHAINS: &[(&str, &str)] = &[
    ("library/golang", "`gcr.io/distroless/static-debian12`, or `scratch` for a static program"),
    ("library/rust", "`gcr.io/distroless/cc-debian12`, or `debian:bookworm-slim`"),
    ("library/gcc", "`debian:bookworm-slim`"),
    ("library/maven", "`eclipse-temurin:21-jre`"),
    ("library/gradle", "`eclipse-temurin:21-jre`"),
    ("library/buildpack-deps", "`debian:bookworm-slim`"),
    ("library/haskell", "`debian:bookworm-slim`"),
    ("library/swift", "the same tag with `-slim`"),
    ("dotnet/sdk", "`mcr.microsoft.com/dotnet/aspnet`"),
];
/// Images that come whole and slim.
const WHOLE: &[&str] = &["library/node", "library/python", "library/ruby", "library/perl", "library/php"];
const SLIM: &[&str] = &["slim", "alpine", "fpm", "apache", "cli", "zts"];

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    let shipping = subject.graph.shipping();
    let stage = shipping.last().and_then(|stage| subject.graph.stages.get(*stage));
    let (Some(Source::Image(image)), Some(stage)) = (subject.graph.bottom(), stage) else { return };
    let Some(reference) = &image.reference else { return };
    let Some((_, from)) = subject.instructions(stage).next() else { return };
    let repository = reference.repository.to_string();
    let tag = reference.tag.as_ref().map(ToString::to_string).unwrap_or_default();
    let instead =
        TOOLCHAINS.iter().find(|(name, _)| *name == repository).map(|(_, instead)| (*instead).to_owned());
    let is_slim = SLIM.iter().any(|word| tag.contains(word)) || tag.contains("-jre");
    let whole = WHOLE.contains(&repository.as_str()).then(|| format!("`{}-slim`", image.written));
    let Some(instead) = instead.or(whole).filter(|_| !is_slim) else { return };
    let what = format!("the image is built on `{}`, which is made for building", image.written);
    let help = format!("build in a stage of its own, and begin the last one with {instead}");
    let span = from.words().first().map_or(from.span, |word| word.span);
    found.push(Found::at(span, what).help(help));
}
