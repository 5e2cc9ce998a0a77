use clap::{Args, Subcommand};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::settings::{Layered, Settings, SettingsArguments, suspicious_variables};
use crate::terminal::{Column, Page, Report, Table};

/// Show the settings in force
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print every setting with its value; secrets are masked
    Show(Show),
}

#[derive(Debug, Args)]
struct Show {
    /// Tell where each value comes from
    #[arg(long)]
    origin: bool,
    #[command(flatten)]
    settings: SettingsArguments,
}

impl Config {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let Action::Show(show) = &self.action;
        let found = Layered::read(&show.settings, context.environment())?;
        Settings::of(&found)?;
        for (name, near) in suspicious_variables(context.environment()) {
            context.terminal().warn(&format!("`{name}` is no setting; did you mean `{near}`?"));
        }
        context.terminal().print(&SettingsReport::of(&found, show.origin))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsReport {
    api_version: &'static str,
    kind: &'static str,
    settings: Vec<ShownSetting>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSetting {
    key: &'static str,
    values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    about: &'static str,
}

impl SettingsReport {
    fn of(found: &Layered, with_origin: bool) -> Self {
        let settings = found.shown().map(|(setting, values, origin)| ShownSetting {
            key: setting.key,
            values,
            origin: with_origin.then(|| origin.to_string()),
            about: setting.about,
        });
        Self { api_version: "plimsoll/v1", kind: "Settings", settings: settings.collect() }
    }
}

impl Report for SettingsReport {
    fn draw(&self, page: &mut Page) {
        let has_origin = self.settings.iter().any(|setting| setting.origin.is_some());
        let last = if has_origin { "ORIGIN" } else { "MEANING" };
        let mut table = Table::new(&[Column::Left("SETTING"), Column::Left("VALUE"), Column::Left(last)]);
        for setting in &self.settings {
            let value = if setting.values.is_empty() { "-".to_owned() } else { setting.values.join(", ") };
            let last = setting.origin.clone().unwrap_or_else(|| setting.about.to_owned());
            table.row([setting.key.to_owned(), value, last]);
        }
        page.table(&table);
    }
}
