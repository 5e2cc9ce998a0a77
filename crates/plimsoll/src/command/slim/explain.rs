use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use plimsoll_slim::lock::{LOCK_BYTES_MAX, Lock};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, Verdict};
use crate::terminal::{Page, Report};

/// Tell why a file is in a smaller image, or what became of it
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The path in the image
    path: String,
    /// The list of reasons
    #[arg(long, value_name = "FILE", default_value = "plimsoll-slim/plimsoll.lock")]
    lock: PathBuf,
}

impl Explain {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let lock = self.read()?;
        let path = format!("/{}", self.path.trim_start_matches('/'));
        let found = if let Some(reasons) = lock.kept.get(&path) {
            Explanation::new(path, true, reasons.clone(), None)
        } else if let Some(package) = lock.removed.get(&path) {
            Explanation::new(path, false, Vec::new(), Some(package.clone()).filter(|name| !name.is_empty()))
        } else {
            let what = format!("the image had no file `{path}`");
            return Err(Failure::new(Verdict::GateFailed, what).at(self.lock.display().to_string()));
        };
        context.terminal().print(&found)
    }

    fn read(&self) -> Result<Lock, Failure> {
        let place = self.lock.display().to_string();
        let mut bytes = Vec::new();
        let file = std::fs::File::open(&self.lock);
        file.and_then(|file| file.take(LOCK_BYTES_MAX).read_to_end(&mut bytes)).map_err(|error| {
            Failure::usage("cannot read the list of reasons").at(&place).because(&error).help("--lock FILE")
        })?;
        Lock::parse(&bytes)
            .map_err(|error| Failure::usage("cannot read the list of reasons").at(place).because(&error))
    }
}

/// Why a file is there, or that it went.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    api_version: &'static str,
    kind: &'static str,
    path: String,
    kept: bool,
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<String>,
}

impl Explanation {
    fn new(path: String, kept: bool, reasons: Vec<String>, package: Option<String>) -> Self {
        Self { api_version: "plimsoll/v1", kind: "SlimExplanation", path, kept, reasons, package }
    }
}

impl Report for Explanation {
    fn draw(&self, page: &mut Page) {
        page.heading(&self.path);
        if self.kept {
            self.reasons.iter().for_each(|reason| page.fact("kept", reason));
            return;
        }
        let of = self
            .package
            .as_deref()
            .map_or("no package owned it".to_owned(), |name| format!("it came with {name}"));
        page.fact("removed", &format!("nothing needed it, and no test used it; {of}"));
        page.line(&format!("--keep {} keeps it", self.path));
    }
}
