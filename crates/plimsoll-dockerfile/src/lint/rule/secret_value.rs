//! A secret stands in the Dockerfile.
//!
//! It is told by its form: a private key, a token with the mark of who made it, a password in a URL. A name alone is not
//! told of: `ARG TOKEN` holds nothing. Whoever has the file or the image has the secret; it has to be made new, and given to
//! the build with `--mount=type=secret`.

use super::super::secret::kind;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "secret-value",
    severity: Severity::Error,
    is_default: true,
    source: include_str!("secret_value.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for instruction in subject.document.instructions() {
        if let Some(kind) = kind(&subject.document.text(instruction.span)) {
            let what = format!("{} holds {kind}", instruction.name.text);
            let help = "make it new, and give it to the build with `RUN --mount=type=secret,id=…`";
            found.push(Found::at(instruction.span, what).help(help));
        }
    }
}
