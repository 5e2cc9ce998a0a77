//! `RUN --mount`: what is there while a command runs, and not in the image.

use crate::instruction::{Flag, Instruction};
use crate::span::Span;

/// A mount of a `RUN`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// `bind`, `cache`, `tmpfs`, `secret` or `ssh`; in lower case.
    pub kind: String,
    /// The stage or image that it comes from.
    pub from: Option<String>,
    /// The path in it.
    pub source: Option<String>,
    /// The path where it is.
    pub target: Option<String>,
    /// The name of a cache or a secret.
    pub id: Option<String>,
    /// The variable that holds a secret.
    pub env: Option<String>,
    /// The option.
    pub span: Span,
}

/// The mounts of an instruction. What has variables in it stays as it is written.
pub fn mounts(instruction: &Instruction) -> Vec<Mount> {
    instruction.flags("mount").map(mount).collect()
}

fn mount(flag: &Flag) -> Mount {
    let mut mount = Mount { kind: "bind".to_owned(), span: flag.span, ..Mount::default() };
    for field in fields(flag.value.as_deref().unwrap_or_default()).unwrap_or_default() {
        let (key, value) = field.split_once('=').unwrap_or((&field, ""));
        let value = value.to_owned();
        match key.to_ascii_lowercase().as_str() {
            "type" => mount.kind = value.to_ascii_lowercase(),
            "from" => mount.from = Some(value),
            "source" | "src" => mount.source = Some(value),
            "target" | "dst" | "destination" => mount.target = Some(value),
            "id" => mount.id = Some(value),
            "env" => mount.env = Some(value),
            _ => {}
        }
    }
    mount
}

/// The fields of a line of comma-separated values (RFC 4180); nothing where a quote is out of place.
pub(crate) fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (field, after) = rest.split_at_checked(end)?;
                if field.contains('"') {
                    return None;
                }
                (field.to_owned(), after)
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return after.is_empty().then_some(fields),
        }
    }
}

/// A field from behind its first quote, and what follows its last.
fn quoted_field(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (inside, after) = rest.split_once('"')?;
        field.push_str(inside);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, after)),
        }
    }
}
