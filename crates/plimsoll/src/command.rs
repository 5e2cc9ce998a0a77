mod completions;
mod config;
mod inspect;
mod man;
mod serve;
mod version;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// What the program can do. Each command is one file with its arguments and a `run`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(inspect::Inspect),
    Serve(serve::Serve),
    Config(config::Config),
    Completions(completions::Completions),
    Man(man::Man),
    Version(version::Version),
}

impl Command {
    /// Runs the command.
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Inspect(inspect) => inspect.run(context),
            Self::Serve(serve) => serve.run(context),
            Self::Config(config) => config.run(context),
            Self::Completions(completions) => completions.run(context),
            Self::Man(man) => man.run(context),
            Self::Version(version) => version.run(context),
        }
    }
}

/// The commands of the first help screen, by what people want to do.
const GROUPS: &[(&str, &[(&str, &str)])] = &[
    ("Images", &[("inspect", "Explain what an image is made of")]),
    ("Server", &[("serve", "Run the registry")]),
    (
        "This program",
        &[
            ("config", "Show the settings in force"),
            ("completions", "Print completions for a shell"),
            ("man", "Write the manual pages"),
            ("version", "Print the version"),
        ],
    ),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("plimsoll inspect debian:12", "layers, sizes and waste"),
    ("plimsoll inspect oci:./image -o json", "the same for programs"),
    ("plimsoll config show --origin", "each setting and where it comes from"),
];

/// The first help screen: examples, then the commands in groups.
pub(crate) fn first_help() -> String {
    let mut text = String::from("{about}\n\n{usage-heading} {usage}\n\nExamples:\n");
    for (command, effect) in EXAMPLES {
        text.push_str(&format!("  {command:<38} {effect}\n"));
    }
    for (group, commands) in GROUPS {
        text.push_str(&format!("\n{group}:\n"));
        for (name, effect) in *commands {
            text.push_str(&format!("  {name:<13} {effect}\n"));
        }
    }
    text.push_str(
        "\nOptions:\n{options}\n\nExit codes: 0 pass, 1 gate failed, 2 wrong usage, 3 could not evaluate",
    );
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::arguments::command_line;

    #[test]
    fn the_first_help_screen_names_every_command_once_and_few_of_them() {
        let grouped: Vec<&str> =
            GROUPS.iter().flat_map(|(_, commands)| commands.iter().map(|(name, _)| *name)).collect();
        let grammar = command_line();
        let visible: BTreeSet<&str> = grammar
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(clap::Command::get_name)
            .collect();
        assert_eq!(grouped.iter().copied().collect::<BTreeSet<_>>(), visible);
        assert_eq!(grouped.len(), visible.len());
    }

    #[test]
    fn the_grammar_holds() {
        command_line().debug_assert();
    }
}
