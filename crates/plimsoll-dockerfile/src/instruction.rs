//! The instructions of a Dockerfile, as they are written.

use crate::joined::Joined;
use crate::span::Span;

/// One instruction, with everything that it was written with.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// From its first character to its last, with the here-documents, without the end of the last line.
    pub span: Span,
    /// Which it is; nothing where no instruction is called so.
    pub keyword: Option<Keyword>,
    /// Its name as it is written.
    pub name: Word,
    /// The options before the arguments, such as `--platform=linux/amd64`.
    pub flags: Vec<Flag>,
    /// What it is given.
    pub arguments: Arguments,
    /// The here-documents, in the order in which the instruction names them.
    pub heredocs: Vec<Heredoc>,
    /// The comments before it, up to the previous instruction.
    pub comments: Vec<Comment>,
    /// Its text without continuations, and where that comes from.
    pub joined: Joined,
}

/// The name of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the instruction of its name")]
pub enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
}

/// Text with its place. What the text leaves out, such as a continuation, lies within the span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// What it says; variables, quotes and escapes are as they are written, except in JSON.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// An option of an instruction: `--name` or `--name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without the dashes.
    pub name: String,
    /// Its value, without quotes; nothing where no `=` is written.
    pub value: Option<String>,
    /// Where it stands, with the dashes.
    pub span: Span,
}

/// What an instruction is given, by the form in which it is written.
#[derive(Clone, Debug)]
pub enum Arguments {
    /// Nothing.
    None,
    /// Words between blanks.
    Words(Vec<Word>),
    /// A JSON array of strings.
    Json(Vec<Word>),
    /// One text up to the end, such as a command for the shell.
    Text(Word),
    /// Names with values, of `ENV` and `LABEL`.
    Pairs(Vec<Pair>),
    /// `HEALTHCHECK`: its kind, and the command.
    Healthcheck(Word, Box<Self>),
    /// `ONBUILD`: the instruction for later.
    Trigger(Box<Instruction>),
}

/// A name with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: Word,
    /// The value, with quotes as they are written.
    pub value: Word,
    /// Whether `=` stands between them; blanks do in the old form.
    pub has_equals: bool,
}

/// Lines that belong to an instruction and end with a word of its choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it.
    pub delimiter: String,
    /// The file descriptor that it is for; 0 where none is written.
    pub descriptor: u32,
    /// Whether variables in it are replaced: its word is not quoted.
    pub is_expanded: bool,
    /// Whether tabs at the beginning of its lines are taken away.
    pub strips_tabs: bool,
    /// Where the instruction names it.
    pub named: Span,
    /// Its lines, without the one that ends it.
    pub body: Span,
}

/// A comment before an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// What it says, without `#` and blanks around.
    pub text: String,
    /// Where it stands, from the `#`.
    pub span: Span,
}

impl Keyword {
    /// Every keyword with its name.
    pub const ALL: &[(Self, &str)] = &[
        (Self::Add, "ADD"),
        (Self::Arg, "ARG"),
        (Self::Cmd, "CMD"),
        (Self::Copy, "COPY"),
        (Self::Entrypoint, "ENTRYPOINT"),
        (Self::Env, "ENV"),
        (Self::Expose, "EXPOSE"),
        (Self::From, "FROM"),
        (Self::Healthcheck, "HEALTHCHECK"),
        (Self::Label, "LABEL"),
        (Self::Maintainer, "MAINTAINER"),
        (Self::Onbuild, "ONBUILD"),
        (Self::Run, "RUN"),
        (Self::Shell, "SHELL"),
        (Self::Stopsignal, "STOPSIGNAL"),
        (Self::User, "USER"),
        (Self::Volume, "VOLUME"),
        (Self::Workdir, "WORKDIR"),
    ];

    /// The keyword of this name, in upper or lower case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(keyword, _)| *keyword)
    }

    /// Its name in upper case.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(keyword, _)| *keyword == self).map_or("", |(_, name)| name)
    }

    /// Whether here-documents may follow.
    pub(crate) fn takes_heredocs(self) -> bool {
        matches!(self, Self::Add | Self::Copy | Self::Run)
    }
}

impl Instruction {
    /// Whether it is this instruction.
    pub fn is(&self, keyword: Keyword) -> bool {
        self.keyword == Some(keyword)
    }

    /// The value of an option that is given once; nothing where it is not given or has no value.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|flag| flag.name == name).and_then(|flag| flag.value.as_deref())
    }

    /// Every option of a name.
    pub fn flags<'i>(&'i self, name: &'i str) -> impl Iterator<Item = &'i Flag> {
        self.flags.iter().filter(move |flag| flag.name == name)
    }

    /// Whether an option that is on or off is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.flags(name)
            .any(|flag| !flag.value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("false")))
    }

    /// The arguments as words: of a list or an array, or the whole text as one.
    pub fn words(&self) -> &[Word] {
        self.arguments.words()
    }

    /// The text for the shell, of an instruction in shell form.
    pub fn shell_text(&self) -> Option<&Word> {
        match &self.arguments {
            Arguments::Text(word) => Some(word),
            _ => None,
        }
    }

    /// The names with values, of `ENV` and `LABEL`.
    pub fn pairs(&self) -> &[Pair] {
        match &self.arguments {
            Arguments::Pairs(pairs) => pairs,
            _ => &[],
        }
    }

    /// The names that `ARG` declares, each with its default.
    pub fn declared(&self) -> impl Iterator<Item = (&str, Option<&str>, Span)> {
        let words = if self.is(Keyword::Arg) { self.words() } else { &[] };
        words.iter().map(|word| match word.text.split_once('=') {
            Some((name, value)) => (name, Some(value), word.span),
            None => (word.text.as_str(), None, word.span),
        })
    }
}

impl Arguments {
    /// Whether it is a JSON array.
    pub fn is_json(&self) -> bool {
        match self {
            Self::Json(_) => true,
            Self::Healthcheck(_, command) => command.is_json(),
            _ => false,
        }
    }

    fn words(&self) -> &[Word] {
        match self {
            Self::Words(words) | Self::Json(words) => words,
            Self::Text(word) => std::slice::from_ref(word),
            Self::None | Self::Pairs(_) | Self::Healthcheck(..) | Self::Trigger(_) => &[],
        }
    }
}
