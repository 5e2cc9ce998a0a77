use serde::Serialize;

/// Why a byte is not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A later layer deletes the file, or a directory that it lies in.
    Deleted,
    /// A later layer puts something else in its place.
    Overwritten,
    /// A tool keeps it to be faster the next time.
    Cache,
    /// It is there to build programs.
    BuildOnly,
    /// It is there to be read by people.
    Documentation,
    /// Another file of the image has the same content.
    Copy,
    /// Nothing that the image starts was found to need it.
    Unreached,
}

/// Why, and what it is. Files of one kind and one layer are told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum WasteKind {
    Deleted { by: usize },
    Overwritten { by: usize },
    AptLists,
    AptCache,
    ApkCache,
    RpmCache,
    PipCache,
    NpmCache,
    GoCache,
    CargoCache,
    Bytecode,
    HomeCache,
    Temporary,
    Logs,
    BuildPackages,
    BuildFiles,
    Manuals,
    Documents,
    Translations,
    Copies,
    Unreached,
}

impl WasteKind {
    /// Whether a package manager keeps it of what it downloaded.
    pub(crate) fn is_package_cache(self) -> bool {
        matches!(
            self,
            Self::AptCache
                | Self::ApkCache
                | Self::RpmCache
                | Self::PipCache
                | Self::NpmCache
                | Self::GoCache
        )
    }

    /// Whether only builds need it.
    pub(crate) fn is_for_building(self) -> bool {
        self.reason() == Reason::BuildOnly
    }

    pub(super) fn reason(self) -> Reason {
        match self {
            Self::Deleted { .. } => Reason::Deleted,
            Self::Overwritten { .. } => Reason::Overwritten,
            Self::BuildPackages | Self::BuildFiles => Reason::BuildOnly,
            Self::Manuals | Self::Documents | Self::Translations => Reason::Documentation,
            Self::Copies => Reason::Copy,
            Self::Unreached => Reason::Unreached,
            _ => Reason::Cache,
        }
    }

    /// What the files are, for people.
    pub(super) fn what(self) -> String {
        match self {
            Self::Deleted { by } => return format!("deleted by layer {by}"),
            Self::Overwritten { by } => return format!("overwritten by layer {by}"),
            Self::AptLists => "apt's package lists",
            Self::AptCache => "packages that apt downloaded",
            Self::ApkCache => "apk's cache",
            Self::RpmCache => "the cache of dnf and yum",
            Self::PipCache => "pip's cache",
            Self::NpmCache => "the cache of npm, yarn or pnpm",
            Self::GoCache => "Go's caches",
            Self::CargoCache => "Cargo's registry",
            Self::Bytecode => "Python's bytecode",
            Self::HomeCache => "root's cache",
            Self::Temporary => "temporary files",
            Self::Logs => "logs of the build",
            Self::BuildPackages => "packages for building only",
            Self::BuildFiles => "headers and static libraries",
            Self::Manuals => "manual pages",
            Self::Documents => "documentation",
            Self::Translations => "translations",
            Self::Copies => "copies of other files",
            Self::Unreached => "nothing was found to reach them",
        }
        .to_owned()
    }

    /// What to do about it.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Deleted { .. } => "delete in the instruction that brings it, or bring it in another stage",
            Self::Overwritten { .. } => "write it once: `COPY --chmod`/`--chown`, or one RUN",
            Self::AptLists => "end the RUN with `rm -rf /var/lib/apt/lists/*`, or mount it as a cache",
            Self::AptCache => {
                "`apt-get clean` in the same RUN, or `--mount=type=cache,target=/var/cache/apt`"
            }
            Self::ApkCache => "`apk add --no-cache`",
            Self::RpmCache => "`dnf clean all` in the same RUN",
            Self::PipCache => "`pip install --no-cache-dir`, or `--mount=type=cache,target=/root/.cache/pip`",
            Self::NpmCache => {
                "`npm cache clean --force` in the same RUN, or `--mount=type=cache,target=/root/.npm`"
            }
            Self::GoCache | Self::CargoCache | Self::BuildPackages | Self::BuildFiles => {
                "build in a stage of its own, and `COPY --from` the result: `plimsoll lint --diff`"
            }
            Self::Bytecode => "`PYTHONDONTWRITEBYTECODE=1` while building; starting takes longer then",
            Self::HomeCache => "`--mount=type=cache` on the directory that the tool names",
            Self::Temporary => "delete it in the same RUN, or `--mount=type=tmpfs,target=/tmp`",
            Self::Logs => "delete them in the same RUN",
            Self::Manuals | Self::Documents | Self::Translations => {
                "a slim variant of the base, or dpkg's `path-exclude` before the first install"
            }
            Self::Copies => "keep one, and link to it",
            Self::Unreached => "`plimsoll slim --test CMD` proves which of them can go",
        }
    }
}
