use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::{Page, Report};

/// Print the version
#[derive(Debug, Args)]
pub(crate) struct Version;

impl Version {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        context.terminal().print(&VersionReport {
            api_version: "plimsoll/v1",
            kind: "Version",
            version: env!("CARGO_PKG_VERSION"),
            system: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionReport {
    api_version: &'static str,
    kind: &'static str,
    version: &'static str,
    system: &'static str,
    architecture: &'static str,
}

impl Report for VersionReport {
    fn draw(&self, page: &mut Page) {
        page.line(&format!("plimsoll {} ({} {})", self.version, self.system, self.architecture));
    }
}
