use clap::Args;
use clap_complete::Shell;

use crate::arguments::command_line;
use crate::context::Context;
use crate::failure::Failure;

/// Print completions for a shell
///
/// For bash: `plimsoll completions bash > ~/.local/share/bash-completion/completions/plimsoll`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command_line(), "plimsoll", &mut script);
        context.terminal().print_raw(&script)
    }
}
