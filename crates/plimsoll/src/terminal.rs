mod amount;
mod page;
mod progress;
mod table;

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum as _;
use serde::Serialize;

use crate::arguments::{GlobalArguments, LogFormat, OutputFormat};
use crate::environment::Environment;
use crate::failure::Failure;

pub(crate) use amount::{bytes, percent, seconds};
pub(crate) use page::Page;
pub(crate) use progress::Step;
pub(crate) use table::{Column, Table};

/// Columns of a terminal that does not say how wide it is.
const WIDTH_DEFAULT: usize = 80;
/// Fewer columns are not believed.
const WIDTH_MIN: usize = 40;
/// Most columns that are used: longer lines are hard to follow.
const WIDTH_MAX: usize = 160;
/// Columns where no terminal is, as in a pipe: whoever reads there wants everything.
const WIDTH_UNLIMITED: usize = usize::MAX;

/// The one way to the outside: results go to standard output, everything else to standard error.
pub(crate) struct Terminal {
    out: AutoStream<io::Stdout>,
    error: AutoStream<io::Stderr>,
    format: OutputFormat,
    log_format: LogFormat,
    is_quiet: bool,
    is_interactive: bool,
    width: usize,
}

/// A command's result: its serialised form is what programs read, and it can draw itself for people.
///
/// The document begins with `apiVersion: plimsoll/v1` and its `kind`; properties are added, never changed.
pub(crate) trait Report: Serialize {
    /// Draws the result for people.
    fn draw(&self, page: &mut Page);

    /// Writes the result in a format that only some commands have.
    fn write_as(&self, _format: OutputFormat) -> Option<Vec<u8>> {
        None
    }
}

impl Terminal {
    pub(crate) fn new(global: &GlobalArguments, environment: &Environment) -> Self {
        let color = global.color.into();
        Self {
            out: AutoStream::new(io::stdout(), color),
            error: AutoStream::new(io::stderr(), color),
            format: global.output,
            log_format: global.log_format,
            is_quiet: global.quiet,
            is_interactive: io::stderr().is_terminal() && !environment.has("CI"),
            width: width(environment),
        }
    }

    /// Prints a command's result in the form that was asked for.
    pub(crate) fn print(&mut self, report: &impl Report) -> Result<(), Failure> {
        let text = match self.format {
            OutputFormat::Table => self.draw(report, Some(self.width)),
            OutputFormat::Wide => self.draw(report, None),
            OutputFormat::Json => json(report)?,
            OutputFormat::Yaml => yaml(report)?,
            special => {
                let written = report.write_as(special).ok_or_else(|| not_of_this(special))?;
                return self.write_result(&written);
            }
        };
        self.write_result(text.as_bytes())
    }

    /// Prints bytes that have no other form, such as a completion script.
    pub(crate) fn print_raw(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.write_result(text)
    }

    /// Prints a text that ends the program, such as help.
    pub(crate) fn print_text(&mut self, text: &str) -> ExitCode {
        match self.write_result(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => self.report(&failure),
        }
    }

    /// Says something that is not the result, such as how a name was understood.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.is_quiet {
            self.say("note", AnsiColor::Cyan, text);
        }
    }

    /// Says something that the user may want to change.
    pub(crate) fn warn(&mut self, text: &str) {
        self.say("warning", AnsiColor::Yellow, text);
    }

    /// Begins something that may take long: a bar on a terminal, a line at the end elsewhere.
    pub(crate) fn step(&self, label: &str) -> Step {
        Step::begin(label, self.is_interactive, self.is_quiet || self.reports_in_json())
    }

    /// Explains a failure, and tells the exit code. The last line names the reason.
    pub(crate) fn report(&mut self, failure: &Failure) -> ExitCode {
        if self.reports_in_json() {
            return self.report_in_json(failure);
        }
        let error = AnsiColor::Red.on_default().bold();
        let help = AnsiColor::Cyan.on_default().bold();
        let mut text = format!("{error}error{error:#}: {}\n", page::printable(&failure.what));
        if let Some(place) = &failure.place {
            text.push_str(&format!("  --> {}\n", page::printable(place)));
        }
        for cause in &failure.causes {
            text.push_str(&format!("  cause: {}\n", page::printable(cause)));
        }
        if let Some(advice) = &failure.help {
            text.push_str(&format!("  {help}help{help:#}: {}\n", page::printable(advice)));
        }
        let _ = self.error.write_all(text.as_bytes());
        self.conclude(failure)
    }

    /// Writes the last line, and tells the exit code. What begins with the verdict does not say it twice.
    pub(crate) fn conclude(&mut self, failure: &Failure) -> ExitCode {
        let code = failure.verdict.exit_code();
        let verdict = format!("{}: ", failure.verdict);
        let what = page::printable(failure.what.strip_prefix(&verdict).unwrap_or(&failure.what));
        let _ = writeln!(self.error, "plimsoll: {} (exit code {code}): {what}", failure.verdict);
        ExitCode::from(code)
    }

    pub(crate) fn error_stream(&mut self) -> &mut impl Write {
        &mut self.error
    }

    pub(crate) fn reports_in_json(&self) -> bool {
        self.log_format == LogFormat::Json
    }

    fn report_in_json(&mut self, failure: &Failure) -> ExitCode {
        let code = failure.verdict.exit_code();
        let line = serde_json::json!({
            "level": "ERROR",
            "message": failure.what,
            "verdict": failure.verdict.to_string(),
            "exit_code": code,
            "place": failure.place,
            "causes": failure.causes,
            "help": failure.help,
        });
        let _ = writeln!(self.error, "{line}");
        ExitCode::from(code)
    }

    fn say(&mut self, label: &str, color: AnsiColor, text: &str) {
        if self.reports_in_json() {
            let level = if label == "warning" { "WARN" } else { "INFO" };
            let _ = writeln!(self.error, "{}", serde_json::json!({ "level": level, "message": text }));
            return;
        }
        let style: Style = color.on_default().bold();
        let _ = writeln!(self.error, "{style}{label}{style:#}: {}", page::printable(text));
    }

    fn draw(&self, report: &impl Report, width: Option<usize>) -> String {
        let mut page = Page::new(width);
        report.draw(&mut page);
        page.into_text()
    }

    fn write_result(&mut self, text: &[u8]) -> Result<(), Failure> {
        match self.out.write_all(text).and_then(|()| self.out.flush()) {
            // Whoever reads has seen enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::not_evaluated("cannot write to standard output").because(&error)),
            Ok(()) => Ok(()),
        }
    }
}

fn not_of_this(format: OutputFormat) -> Failure {
    let name = format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    Failure::usage(format!("this command has no output in the format `{name}`")).help("-o json")
}

fn json(report: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(report)
        .map_err(|error| Failure::not_evaluated("cannot print the result as JSON").because(&error))?;
    text.push('\n');
    Ok(text)
}

fn yaml(report: &impl Serialize) -> Result<String, Failure> {
    serde_saphyr::to_string(report)
        .map_err(|error| Failure::not_evaluated("cannot print the result as YAML").because(&error))
}

fn width(environment: &Environment) -> usize {
    // What stands between a program and a terminal, as `watch` does, says so with a variable.
    let said = environment.text("COLUMNS").and_then(|columns| columns.parse().ok());
    if said.is_none() && !io::stdout().is_terminal() {
        return WIDTH_UNLIMITED;
    }
    let measured = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into());
    let width = said.or_else(measured).filter(|width| *width >= WIDTH_MIN).unwrap_or(WIDTH_DEFAULT);
    width.min(WIDTH_MAX)
}
