//! A base image that is whatever is newest today.
//!
//! `FROM image` and `FROM image:latest` build something else tomorrow, without a change that anybody could review or take
//! back. Name a version, better with its digest.

use crate::graph::{ExternalImage, Role, Source};
use crate::span::Span;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "floating-base",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("floating_base.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for (image, span) in external_images(subject) {
        let Some(reference) = &image.reference else { continue };
        let tag = reference.tag.as_ref().map(ToString::to_string);
        if reference.digest.is_none() && tag.as_deref().is_none_or(|tag| tag == "latest") {
            let what = format!("`{}` is whatever is newest when it is built", image.written);
            found
                .push(Found::at(span, what).help("name a version: `image:1.2`, better `image:1.2@sha256:…`"));
        }
    }
}

/// Every image from elsewhere that the build needs, and where it is named.
pub(super) fn external_images<'s>(subject: &'s Subject<'_>) -> Vec<(&'s ExternalImage, Span)> {
    let needed = subject.graph.stages.iter().filter(|stage| stage.role != Role::Unneeded);
    let mut images = Vec::new();
    for stage in needed {
        let word = subject.instructions(stage).next().and_then(|(_, from)| from.words().first());
        if let (Source::Image(image), Some(word)) = (&stage.base, word) {
            images.push((image, word.span));
        }
        for used in &stage.uses {
            if let Source::Image(image) = &used.source {
                images.push((image, used.span));
            }
        }
    }
    images
}
