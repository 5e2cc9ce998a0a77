//! A download goes straight into a shell or an unpacker.
//!
//! If the download breaks off, what came of it is run; its failure is not seen, as the pipe's result is that of its last
//! program. And nobody checks what came. Fetch into a file with `ADD --checksum=…` or check it, then run it; or at least
//! `SHELL ["/bin/bash", "-o", "pipefail", "-c"]` before.

use crate::graph::Role;
use crate::instruction::Keyword;

use super::super::{Severity, Subject};
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "piped-download",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("piped_download.rs"),
    check,
};

const SINKS: &[&str] =
    &["sh", "bash", "dash", "ash", "zsh", "python", "python3", "perl", "tar", "gpg", "apt-key", "node"];

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    for stage in subject.graph.stages.iter().filter(|stage| stage.role != Role::Unneeded) {
        let mut shells = subject
            .instructions(stage)
            .filter(|(_, other)| other.is(Keyword::Shell))
            .map(|(index, shell)| (index, shell.words().iter().any(|word| word.text.contains("pipefail"))))
            .peekable();
        let mut is_in_shell = false;
        for run in subject.runs_of(stage) {
            while let Some((_, is_set)) = shells.next_if(|(index, _)| *index < run.index) {
                is_in_shell = is_set;
            }
            if is_in_shell || run.of_program("set").any(|command| command.has("pipefail")) {
                continue;
            }
            for pair in run.script.commands.windows(2) {
                let [download, sink] = pair else { continue };
                let is_download = download.is_piped && matches!(download.program(), Some("curl" | "wget"));
                let program = sink.program().unwrap_or_default();
                if is_download && SINKS.contains(&program) {
                    let span = run.span(download.range.start..sink.range.end);
                    let what = format!("a download that fails or breaks off goes into `{program}` unseen");
                    found.push(
                        Found::at(span, what)
                            .help("fetch it with `ADD --checksum=sha256:…`, or `set -o pipefail` in bash"),
                    );
                }
            }
        }
    }
}
