//! Checks of stages and what they build on.

use std::collections::BTreeSet;

use plimsoll_oci::Reference;

use super::super::{Edit, Subject};
use super::Checks;
use crate::expand::{Expanded, Variables as _};
use crate::graph::{BuildChoice, Scope, Stage};
use crate::instruction::Instruction;

pub(super) fn check(subject: &Subject<'_>, checks: &mut Checks) {
    let scope = Scope::global(subject.document, BuildChoice::default());
    let declared = declared(subject);
    let mut names = BTreeSet::new();
    for stage in &subject.graph.stages {
        let Some((_, from)) = subject.instructions(stage).next() else { continue };
        casing(from, checks);
        naming(stage, from, &mut names, checks);
        base(subject, from, &scope, &declared, checks);
        platform(subject, stage, from, &scope, &declared, checks);
    }
}

/// Every argument that is declared before the first stage, with a value or without.
fn declared(subject: &Subject<'_>) -> BTreeSet<String> {
    let first = subject.graph.stages.first().map_or(usize::MAX, |stage| stage.instructions.start);
    let before = subject.document.instructions().iter().take(first);
    before.flat_map(Instruction::declared).map(|(name, ..)| name.to_owned()).collect()
}

fn casing(from: &Instruction, checks: &mut Checks) {
    let [_, between, name] = from.words() else { return };
    if name.text != name.text.to_lowercase() {
        let what = format!("the stage name `{}` is not in small letters", name.text);
        checks.add("StageNameCasing", from.span, what);
    }
    let keyword = &from.name.text;
    let right = match () {
        () if *keyword == keyword.to_lowercase() => between.text.to_lowercase(),
        () if *keyword == keyword.to_uppercase() => between.text.to_uppercase(),
        () => return,
    };
    if right != between.text {
        let what = format!("`{}` and `{keyword}` are written differently", between.text);
        let edit = Edit::replace(between.span, right);
        checks.add_with_edit("FromAsCasing", from.span, what, Some(edit), "write both alike");
    }
}

fn naming<'s>(stage: &'s Stage, from: &Instruction, names: &mut BTreeSet<&'s str>, checks: &mut Checks) {
    let Some(name) = stage.name.as_deref() else { return };
    if matches!(name, "context" | "scratch") {
        checks.add("ReservedStageName", from.span, format!("`{name}` means something else than a stage"));
    }
    if !names.insert(name) {
        checks.add("DuplicateStageName", from.span, format!("a stage before it is called `{name}` as well"));
    }
}

fn base(
    subject: &Subject<'_>,
    from: &Instruction,
    scope: &Scope,
    declared: &BTreeSet<String>,
    checks: &mut Checks,
) {
    let Some(base) = from.words().first() else { return };
    let Ok(expanded) = scope.expand(&base.text, subject.document.escape()) else { return };
    undeclared(&expanded, from, declared, checks);
    if Reference::parse_normalized(&expanded.text).is_err() {
        let what = format!("without build arguments `{}` names no image", base.text);
        checks.add("InvalidDefaultArgInFrom", from.span, what);
    }
}

fn undeclared(expanded: &Expanded, from: &Instruction, declared: &BTreeSet<String>, checks: &mut Checks) {
    for name in expanded.unknown.iter().filter(|name| !declared.contains(*name)) {
        checks.add(
            "UndefinedArgInFrom",
            from.span,
            format!("no `ARG` before the first stage declares `{name}`"),
        );
    }
}

fn platform(
    subject: &Subject<'_>,
    stage: &Stage,
    from: &Instruction,
    scope: &Scope,
    declared: &BTreeSet<String>,
    checks: &mut Checks,
) {
    let Some(platform) = from.flag("platform").filter(|platform| !platform.is_empty()) else { return };
    let Ok(expanded) = scope.expand(platform, subject.document.escape()) else { return };
    undeclared(&expanded, from, declared, checks);
    let is_target = expanded.known.iter().eq(["TARGETPLATFORM"]) && expanded.unknown.is_empty();
    if is_target && scope.value("TARGETPLATFORM") == Some(expanded.text.as_str()) {
        let what = format!("`{platform}` is the platform anyway");
        checks.add("RedundantTargetPlatform", from.span, what);
    }
    let is_constant = expanded.known.is_empty() && expanded.unknown.is_empty();
    let Some((os, architecture)) = parts(&expanded.text).filter(|_| is_constant) else { return };
    let name = stage.name.as_deref().unwrap_or_default();
    if !name.contains(&os) && !name.contains(&architecture) {
        let what = format!("`--platform={}` builds for one platform, whatever is asked for", expanded.text);
        checks.add("FromPlatformFlagConstDisallowed", from.span, what);
    }
}

/// Operating system and architecture of a platform, by their usual names.
fn parts(text: &str) -> Option<(String, String)> {
    const SYSTEMS: &[&str] = &["linux", "windows", "darwin", "freebsd", "wasi"];
    let is_word =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let parts: Vec<String> = text.split('/').map(str::to_lowercase).collect();
    if parts.len() > 3 || !parts.iter().all(|part| is_word(part)) {
        return None;
    }
    let architecture = |name: &str| match name {
        "x86_64" | "x86-64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        "armhf" | "armel" => "arm".to_owned(),
        "i386" => "386".to_owned(),
        other => other.to_owned(),
    };
    match parts.as_slice() {
        [one] if SYSTEMS.contains(&one.as_str()) => Some((one.clone(), "amd64".to_owned())),
        [one] => Some(("linux".to_owned(), architecture(one))),
        [os, name, ..] => Some((os.clone(), architecture(name))),
        [] => None,
    }
}
