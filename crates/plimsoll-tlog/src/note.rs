//! Signed notes (c2sp.org/signed-note): text, and lines of signatures below it.

use std::fmt;
use std::str::FromStr;

use crate::text;

/// Most bytes of a note: a checkpoint with all its signatures has a few hundred.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// Most signatures of a note.
const SIGNATURES_MAX: usize = 64;

/// Longest name of a key.
pub(crate) const NAME_BYTES_MAX: usize = 256;

/// A text with signatures that nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The beginning of the key's id.
    pub key_id: [u8; 4],
    /// What the key made of the text.
    pub signature: Vec<u8>,
}

/// Why a text is not a signed note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is too long.
    #[error("the note has {0} bytes, more than {NOTE_BYTES_MAX}")]
    TooLong(usize),
    /// There are no signatures behind an empty line.
    #[error("the note has no signatures behind an empty line")]
    NoSignatures,
    /// A line of the signatures is none.
    #[error("`{0}` is not a line `— name base64`")]
    SignatureLine(String),
    /// There are too many signatures.
    #[error("the note has more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// It holds characters that no terminal should see.
    #[error("the note holds a control character")]
    ControlCharacter,
}

impl SignedNote {
    /// Puts a text, which ends with a line's end, and its signatures together.
    pub(crate) fn new(text: String, signatures: Vec<NoteSignature>) -> Self {
        Self { text, signatures }
    }

    /// What was signed, with the end of its last line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures in their order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl FromStr for SignedNote {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, Self::Err> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong(note.len()));
        }
        if note.chars().any(|character| character.is_ascii_control() && character != '\n') {
            return Err(NoteError::ControlCharacter);
        }
        let body = note.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let (text, lines) = body.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let signatures: Vec<NoteSignature> = lines
            .split('\n')
            .take(SIGNATURES_MAX + 1)
            .map(|line| signature(line).ok_or_else(|| NoteError::SignatureLine(text::shortened(line))))
            .collect::<Result<_, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }
}

fn signature(line: &str) -> Option<NoteSignature> {
    let (name, bytes) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = text::from_base64(bytes)?;
    let (key_id, signature) = bytes.split_first_chunk()?;
    let is_whole = is_key_name(name) && !signature.is_empty();
    is_whole.then(|| NoteSignature { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
}

/// Whether a text can name a key: it neither ends a line nor the name (c2sp.org/signed-note, "Format").
pub(crate) fn is_key_name(name: &str) -> bool {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    fits && !name
        .chars()
        .any(|character| character.is_whitespace() || character.is_control() || character == '+')
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for NoteSignature { name, key_id, signature } in &self.signatures {
            let bytes = [key_id.as_slice(), signature].concat();
            writeln!(f, "— {name} {}", text::to_base64(&bytes))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_as_it_prints() {
        // An empty line inside the text belongs to the text.
        let note = "a log\n\nmore\n\n— log AAAAAAA=\n— b AAAAAQI=\n";
        let read: SignedNote = note.parse().unwrap();
        assert_eq!(read.text(), "a log\n\nmore\n");
        assert_eq!(read.signatures().len(), 2);
        assert_eq!(read.to_string(), note);
    }

    #[test]
    fn what_is_no_note_is_refused() {
        for note in [
            "",
            "text\n",
            "text\n\n",
            "text\n\n— log AAAAAAA=",
            "text\n\n- log AAAAAAA=\n",
            "text\n\n— log AAAA\n",
            "text\n\n— log AAAAAA==\n",
            "text\n\n— l+g AAAAAAA=\n",
            "te\u{7}xt\n\n— log AAAAAAA=\n",
        ] {
            assert!(note.parse::<SignedNote>().is_err(), "{note:?}");
        }
        let many = format!("text\n\n{}", "— log AAAAAAA=\n".repeat(65));
        assert_eq!(many.parse::<SignedNote>(), Err(NoteError::TooManySignatures));
        let long = format!("{}\n\n— log AAAAAAA=\n", "x".repeat(NOTE_BYTES_MAX));
        assert!(matches!(long.parse::<SignedNote>(), Err(NoteError::TooLong(_))));
    }
}
