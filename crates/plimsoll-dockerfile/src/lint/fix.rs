use serde::Serialize;

use crate::span::Span;

/// A change that takes a finding away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What it does.
    pub title: String,
    /// Whether it is made unasked.
    pub safety: Safety,
    /// The pieces of text that change. They do not overlap.
    pub edits: Vec<Edit>,
}

/// What a change may change besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// The image does the same: only what the finding tells of goes.
    Safe,
    /// Somebody has to look at it, and build it.
    Suggested,
}

/// A piece of text that is put in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// What is taken out; nothing where text is only put in.
    pub span: Span,
    /// What is put there.
    pub replacement: String,
}

impl Edit {
    /// Puts text in before a byte.
    pub fn insert(at: usize, text: impl Into<String>) -> Self {
        Self { span: Span::new(at, at), replacement: text.into() }
    }

    /// Puts text in the place of other.
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        Self { span, replacement: text.into() }
    }
}

/// Makes changes in a text. Of two that touch the same place the first is made; the other waits for the next time.
pub fn apply<'f>(source: &[u8], fixes: impl IntoIterator<Item = &'f Fix>) -> (Vec<u8>, usize) {
    let mut taken: Vec<&Edit> = Vec::new();
    let mut made = 0;
    for fix in fixes {
        let touches = |edit: &Edit| {
            taken.iter().any(|other| {
                edit.span.overlaps(other.span)
                    || edit.span.start == other.span.start
                    || edit.span.end > source.len()
            })
        };
        if !fix.edits.iter().any(touches) {
            taken.extend(&fix.edits);
            made += 1;
        }
    }
    taken.sort_by_key(|edit| edit.span);
    let mut text = Vec::with_capacity(source.len());
    let mut at = 0;
    for edit in taken {
        text.extend_from_slice(Span::new(at, edit.span.start).of(source));
        text.extend_from_slice(edit.replacement.as_bytes());
        at = edit.span.end;
    }
    text.extend_from_slice(Span::new(at, source.len()).of(source));
    (text, made)
}
