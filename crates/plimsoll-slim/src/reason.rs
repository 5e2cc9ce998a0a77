//! Why a file stays in an image.

use std::fmt;

/// Why a file is kept: the rule, and what it was found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// The rule.
    pub cause: Cause,
    /// What asked for it: a library's name, a command, a path.
    pub detail: String,
}

/// The rules by which files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A command of the image's config runs it or names it.
    Entrypoint,
    /// A probe, hook or first container of the team's manifests, or the health check.
    Probe,
    /// The user asked for it.
    Asked,
    /// The kernel starts a script by it.
    Shebang,
    /// A script names it.
    Script,
    /// The kernel starts a program by it.
    ElfInterpreter,
    /// A program or library needs it.
    ElfNeeded,
    /// A program names it among its constants, as one that loads plug-ins does.
    Dlopen,
    /// Names are looked up by it (nsswitch.conf(5)).
    NameService,
    /// A symbolic link on the way to something that is kept.
    Link,
    /// The tests touched it.
    Traced,
    /// Part of the standard library of a language that is kept.
    StandardLibrary,
    /// Part of a language's package of which something is used.
    Distribution,
    /// The application names it as an import.
    Import,
    /// The application's own: no package owns it.
    Application,
    /// Small files that any program may ask for.
    System,
    /// Certificates of the authorities that TLS trusts.
    Certificates,
    /// Time zones.
    TimeZones,
    /// What tells scanners which packages are there.
    PackageDatabase,
}

impl Cause {
    /// As it stands in a lock.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entrypoint => "entrypoint",
            Self::Probe => "probe",
            Self::Asked => "asked",
            Self::Shebang => "shebang",
            Self::Script => "script",
            Self::ElfInterpreter => "elf-interpreter",
            Self::ElfNeeded => "elf-needed",
            Self::Dlopen => "dlopen",
            Self::NameService => "nss",
            Self::Link => "link",
            Self::Traced => "traced",
            Self::StandardLibrary => "stdlib",
            Self::Distribution => "distribution",
            Self::Import => "import",
            Self::Application => "application",
            Self::System => "system",
            Self::Certificates => "certificates",
            Self::TimeZones => "time-zones",
            Self::PackageDatabase => "package-database",
        }
    }
}

impl Reason {
    /// A reason with what was asked, cut where it is longer than people read.
    pub fn new(cause: Cause, detail: impl AsRef<[u8]>) -> Self {
        /// Longest detail that is kept.
        const DETAIL_CHARACTERS_MAX: usize = 200;
        let text = String::from_utf8_lossy(detail.as_ref());
        Self { cause, detail: text.chars().take(DETAIL_CHARACTERS_MAX).collect() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => f.write_str(self.cause.name()),
            detail => write!(f, "{}:{detail}", self.cause.name()),
        }
    }
}
