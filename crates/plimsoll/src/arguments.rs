use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use anstream::ColorChoice;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};

use crate::command::{self, Command};
use crate::environment::Environment;
use crate::failure::{Failure, Verdict};
use crate::terminal::Terminal;

/// A command line that was understood.
pub(crate) struct Invocation {
    pub(crate) global: GlobalArguments,
    pub(crate) command: Command,
}

/// Container images, from the Dockerfile to the running pod
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, disable_help_subcommand = true, max_term_width = 80)]
struct CommandLine {
    #[command(flatten)]
    global: GlobalArguments,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArguments {
    /// How to print the result
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: OutputFormat,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub(crate) color: Color,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more; twice for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// The form of log lines and errors on standard error
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    pub(crate) log_format: LogFormat,
}

/// The form of a command's result on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people, as wide as the terminal
    #[default]
    Table,
    /// For people, with nothing cut
    Wide,
    /// For programs
    Json,
    /// The JSON as YAML
    Yaml,
    /// CycloneDX 1.6, of components
    Cyclonedx,
    /// SPDX 2.3, of components
    Spdx,
    /// SARIF 2.1.0, of findings
    Sarif,
    /// JUnit, of findings
    Junit,
    /// A summary for CI, of findings
    Markdown,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set; `CLICOLOR_FORCE` wins
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// The form of log lines and errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

impl Invocation {
    /// Reads a command line, or prepares the answer to one that asks for help or is wrong.
    pub(crate) fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        environment: &Environment,
    ) -> Result<Self, Answer> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let global = GlobalArguments::guess(&arguments);
        let answer = |error| Answer { error, terminal: Terminal::new(&global, environment) };
        let matches = command_line().try_get_matches_from(&arguments).map_err(answer)?;
        let line = CommandLine::from_arg_matches(&matches).map_err(answer)?;
        Ok(Self { global: line.global, command: line.command })
    }
}

impl GlobalArguments {
    /// What a command line that may be wrong says about the form of the answer.
    fn guess(arguments: &[OsString]) -> Self {
        let says = |text: &str| arguments.iter().any(|argument| argument == text);
        let says_pair = |name: &str, value: &str| {
            says(&format!("{name}={value}"))
                || arguments.windows(2).any(|pair| pair[0] == name && pair[1] == value)
        };
        let color = if says_pair("--color", "never") {
            Color::Never
        } else if says_pair("--color", "always") {
            Color::Always
        } else {
            Color::Auto
        };
        let is_json = says_pair("--log-format", "json");
        Self {
            output: OutputFormat::Table,
            color,
            quiet: false,
            verbose: 0,
            log_format: if is_json { LogFormat::Json } else { LogFormat::Text },
        }
    }
}

/// The whole command line's grammar, for parsing, completions and manual pages.
pub(crate) fn command_line() -> clap::Command {
    let styles = Styles::styled()
        .header(AnsiColor::Green.on_default().bold())
        .usage(AnsiColor::Green.on_default().bold())
        .literal(AnsiColor::Cyan.on_default().bold())
        .placeholder(AnsiColor::Cyan.on_default());
    CommandLine::command().styles(styles).help_template(command::first_help())
}

/// The answer to a command line that runs no command: help, or what is wrong with it.
pub(crate) struct Answer {
    error: clap::Error,
    terminal: Terminal,
}

impl Answer {
    /// Prints it, and tells the exit code.
    pub(crate) fn print(mut self) -> ExitCode {
        let text = self.error.render();
        if !self.error.use_stderr() {
            return self.terminal.print_text(&text.ansi().to_string());
        }
        let is_bare = self.error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        let what = if is_bare { "no command was given".to_owned() } else { first_line(&text.to_string()) };
        let failure = Failure::new(Verdict::Usage, what);
        if self.terminal.reports_in_json() {
            return self.terminal.report(&failure);
        }
        let _ = write!(self.terminal.error_stream(), "{}", text.ansi());
        self.terminal.conclude(&failure)
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
