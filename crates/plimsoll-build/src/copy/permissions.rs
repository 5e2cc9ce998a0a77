//! `--chmod`: octal, or the words of chmod(1).

use crate::BuildError;

const ALL: u16 = 0o7777;

/// What becomes of the permissions of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Permissions {
    /// They are these.
    Exactly(u16),
    /// They are changed, step by step.
    Changed(Vec<Change>),
}

/// One step, such as `go-w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Which bits are spoken of: those of the owner, the group and others.
    who: u16,
    operator: char,
    bits: u16,
    /// Whether `X` stands there: to execute, where somebody may already, and in directories.
    has_conditional: bool,
}

impl Permissions {
    pub(crate) fn parse(text: &str) -> Result<Self, BuildError> {
        if let Ok(mode) = u16::from_str_radix(text, 8) {
            return if mode <= ALL { Ok(Self::Exactly(mode)) } else { Err(wrong(text)) };
        }
        let changes = text.split(',').map(change).collect::<Option<Vec<_>>>();
        changes.map(Self::Changed).ok_or_else(|| wrong(text))
    }

    /// The permissions of a file that has `mode`.
    pub(crate) fn of(&self, mode: u16, is_directory: bool) -> u16 {
        match self {
            Self::Exactly(exact) => *exact,
            Self::Changed(changes) => {
                changes.iter().fold(mode, |mode, change| change.apply(mode, is_directory))
            }
        }
    }
}

impl Change {
    fn apply(self, mode: u16, is_directory: bool) -> u16 {
        let may_execute = self.has_conditional && (is_directory || mode & 0o111 != 0);
        let bits = (self.bits | if may_execute { 0o111 } else { 0 }) & self.who;
        match self.operator {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => (mode & !self.who) | bits,
        }
    }
}

fn change(text: &str) -> Option<Change> {
    let at = text.find(['+', '-', '='])?;
    let (names, rest) = text.split_at_checked(at)?;
    let mut who = 0;
    for name in names.chars() {
        who |= match name {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => ALL,
            _ => return None,
        };
    }
    let mut change = Change {
        who: if who == 0 { ALL } else { who },
        operator: rest.chars().next()?,
        bits: 0,
        has_conditional: false,
    };
    for letter in rest.chars().skip(1) {
        change.bits |= match letter {
            'r' => 0o444,
            'w' => 0o222,
            'x' => 0o111,
            's' => 0o6000,
            't' => 0o1000,
            'X' => {
                change.has_conditional = true;
                0
            }
            _ => return None,
        };
    }
    Some(change)
}

fn wrong(text: &str) -> BuildError {
    BuildError::wrong(format!("`{text}` is no permissions")).help("write them as 755, or as u=rwX,go=rX")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_and_words_are_understood() {
        let of = |text: &str, mode, is_directory| Permissions::parse(text).unwrap().of(mode, is_directory);
        assert_eq!(of("755", 0o644, false), 0o755);
        assert_eq!(of("0600", 0o4755, false), 0o600);
        assert_eq!(of("go-w,u+x", 0o666, false), 0o744);
        assert_eq!(of("u=rwX,go=rX", 0o640, false), 0o644);
        assert_eq!(of("u=rwX,go=rX", 0o700, true), 0o755);
        assert_eq!(of("+t", 0o755, true), 0o1755);
        for wrong in ["", "rw", "8", "77777", "u~x", "u=q"] {
            assert!(Permissions::parse(wrong).is_err(), "{wrong}");
        }
    }
}
