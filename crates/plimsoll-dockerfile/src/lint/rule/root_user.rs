//! The image runs as root.
//!
//! Whoever breaks into the program is root then, in a container whose walls are the kernel's. Name a user by number, so that
//! a cluster can check it: `USER 65532:65532`. Bases that already run as somebody else (`:nonroot`) are not told of, nor
//! images of Windows, which has no root.

use crate::graph::Source;
use crate::instruction::Keyword;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "root-user",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("root_user.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    let user = subject.last_shipped(Keyword::User);
    let Some((_, from)) = subject.graph.target().and_then(|stage| subject.instructions(stage).next()) else {
        return;
    };
    let help = "end the last stage with `USER 65532:65532`, or another number that is not 0";
    let Some((_, user)) = user else {
        let is_other = matches!(subject.graph.bottom(), Some(Source::Image(image)) if is_nonroot(&image.name) || is_windows(&image.name));
        if !is_other {
            found.push(Found::at(from.span, "nothing says who runs the image, so it is root").help(help));
        }
        return;
    };
    let name = user.words().first().map(|word| word.text.split(':').next().unwrap_or_default().to_owned());
    if name.is_some_and(|name| matches!(name.as_str(), "root" | "0")) {
        found.push(Found::at(user.span, "the image runs as root").help(help));
    }
}

fn is_nonroot(image: &str) -> bool {
    image.contains("nonroot") || image.contains("rootless") || image.starts_with("cgr.dev/chainguard/")
}

/// Windows has no root; its images are called by what they are made of.
fn is_windows(image: &str) -> bool {
    image.starts_with("mcr.microsoft.com/windows")
        || image.contains("nanoserver")
        || image.contains("servercore")
}
