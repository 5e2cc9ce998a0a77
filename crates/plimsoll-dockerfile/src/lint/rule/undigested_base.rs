//! A base image that is named by a tag alone.
//!
//! A tag can be moved; a digest cannot. With both, people read the version and the build takes exactly these bytes, until
//! somebody raises them in a change of its own. It is told for what ends in the image: its base, and images that files are
//! copied from.

use super::floating_base::external_images;
use crate::graph::Source;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "undigested-base",
    severity: Severity::Note,
    is_default: true,
    source: include_str!("undigested_base.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    let bottom = subject.graph.bottom();
    for (image, span) in external_images(subject) {
        let is_base = matches!(bottom, Some(Source::Image(bottom)) if bottom == image);
        let is_copied = subject
            .shipping()
            .flat_map(|(_, stage)| &stage.uses)
            .any(|used| !used.is_mount && used.span == span);
        let has_tag = image.reference.as_ref().is_some_and(|reference| {
            reference.digest.is_none()
                && reference.tag.as_ref().is_some_and(|tag| tag.to_string() != "latest")
        });
        if has_tag && (is_base || is_copied) {
            let what = format!("`{}` can become other bytes under the same tag", image.written);
            let help = format!(
                "`plimsoll inspect {}` tells its digest; write it as `{}@sha256:…`",
                image.name, image.written
            );
            found.push(Found::at(span, what).help(help));
        }
    }
}
