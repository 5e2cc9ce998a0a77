//! A file that holds secrets is copied into the image.
//!
//! `.env`, `.npmrc`, `.netrc`, private keys and the like: told by the name of the source, in stages that end in the image. A
//! command that needs one while it builds takes it from a mount: `RUN --mount=type=secret,id=npmrc,target=/root/.npmrc`.

use crate::instruction::Keyword;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "secret-file-in-image",
    severity: Severity::Error,
    is_default: true,
    source: include_str!("secret_file_in_image.rs"),
    check,
};

const NAMES: &[&str] = &[
    ".env",
    ".git-credentials",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    "credentials.json",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "kubeconfig",
    "service-account.json",
    ".dockerconfigjson",
];

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for (_, stage) in subject.shipping() {
        for (_, instruction) in subject.instructions(stage) {
            let is_copy = instruction.is(Keyword::Copy) || instruction.is(Keyword::Add);
            let sources = instruction.words().split_last().map(|(_, sources)| sources).unwrap_or_default();
            for word in sources.iter().filter(|_| is_copy && instruction.flag("from").is_none()) {
                let name = word.text.trim_end_matches(['*', '?']).rsplit('/').next().unwrap_or_default();
                if NAMES.contains(&name) {
                    let what = format!("`{}` holds secrets as a rule, and ends in the image", word.text);
                    let help = "give it to the one command that needs it with `RUN --mount=type=secret`";
                    found.push(Found::at(word.span, what).help(help));
                }
            }
        }
    }
}
