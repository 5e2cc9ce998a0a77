mod export;

use std::sync::Arc;

use clap::{Args, Subcommand};
use plimsoll_transport::WarningCollector;
use plimsoll_vuln::acceptance::{AcceptanceState, AcceptanceUse};
use serde::Serialize;

use self::export::Export;
use super::cp::read_name;
use super::except::ask_report;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::terminal::{Column, Page, Report, Table};

/// List the risks that people accept in an image, and hand them on
#[derive(Debug, Args)]
pub(crate) struct Exceptions {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Ls(Ls),
    Export(Export),
}

/// List the exceptions that hold for an image, and whether they are still what was accepted
#[derive(Debug, Args)]
struct Ls {
    /// The image in a Plimsoll registry
    image: String,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Exceptions {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match &self.action {
            Action::Ls(ls) => ls.run(context),
            Action::Export(export) => export.run(context),
        }
    }
}

impl Ls {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let image = read_name(&self.image, context)?;
        let places = self.registries.places(context, Arc::new(WarningCollector::default()))?;
        let report = context.block_on(ask_report(&places, &image))?;
        let exceptions = report.verdict.exceptions;
        if exceptions.is_empty() {
            context.terminal().note("nothing is accepted in this image");
        }
        context.terminal().print(&List {
            api_version: "plimsoll/v1",
            kind: "ExceptionList",
            image: self.image.clone(),
            exceptions,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    api_version: &'static str,
    kind: &'static str,
    image: String,
    exceptions: Vec<AcceptanceUse>,
}

impl Report for List {
    fn draw(&self, page: &mut Page) {
        let columns = ["VULNERABILITY", "UNTIL", "OWNER", "GRANTED BY", "STATE", "REASON"].map(Column::Left);
        let mut table = Table::new(&columns);
        for AcceptanceUse { acceptance, state } in &self.exceptions {
            let id = acceptance.ids.first().cloned().unwrap_or_default();
            let until = acceptance.expires_at.strftime("%Y-%m-%d").to_string();
            let state = match state {
                AcceptanceState::Used(_) => "accepted".to_owned(),
                AcceptanceState::Unused => "not needed".to_owned(),
                AcceptanceState::Reopened(why) => format!("open again: {why}"),
            };
            let (owner, person) = (acceptance.owner.clone(), acceptance.granted_by.clone());
            table.row([id, until, owner, person, state, acceptance.reason.clone()]);
        }
        if !table.is_empty() {
            page.table(&table);
        }
    }
}
