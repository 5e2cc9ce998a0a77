//! What a build came to: for people, for programs, and for CI.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use plimsoll_oci::{Descriptor, Digest};
use serde::Serialize;
use serde_json::json;

use super::OutputArguments;
use crate::advisories::cannot;
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::{Page, Report, seconds};

/// What was done, step by step.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuildReport {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    pub(super) image: Option<BuiltImage>,
    /// Where it was put.
    pub(super) names: Vec<String>,
    pub(super) steps: Vec<StepDone>,
    /// Why it ended before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
    #[serde(skip)]
    pub(super) scan_markdown: Option<String>,
}

/// The image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuiltImage {
    pub(super) manifest: Descriptor,
    pub(super) config_digest: Digest,
    /// Whether the same files give the same digest.
    pub(super) is_reproducible: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) builder: Option<String>,
    pub(super) bases: Vec<UsedBase>,
}

/// A base that was used.
#[derive(Clone, Debug, Serialize)]
pub(super) struct UsedBase {
    pub(super) name: String,
    pub(super) digest: Digest,
}

/// A step that is over.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepDone {
    pub(super) name: &'static str,
    pub(super) state: StepState,
    pub(super) told: String,
    pub(super) milliseconds: u64,
    /// The manifest that attaches its result to the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<Digest>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StepState {
    Done,
    Skipped,
    /// The question could not be answered, and no gate asked it.
    NotEvaluated,
    Failed,
}

impl StepState {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::NotEvaluated => "not evaluated",
            Self::Failed => "failed",
        }
    }
}

impl Report for BuildReport {
    fn draw(&self, page: &mut Page) {
        let Some(image) = &self.image else { return };
        page.line(&format!("built {}", image.manifest.digest));
        for step in &self.steps {
            page.fact(step.name, &step.told);
        }
        for name in &self.names {
            page.fact("image", name);
        }
    }
}

impl BuildReport {
    /// Writes what CI systems read.
    pub(super) fn write_files(
        &self,
        outputs: &OutputArguments,
        context: &mut Context,
    ) -> Result<(), Failure> {
        if let (Some(path), Some(image), None) = (&outputs.digest_file, &self.image, &self.failure) {
            write(path, image.manifest.digest.to_string().as_bytes())?;
        }
        if let (Some(path), Some(image), None) = (&outputs.metadata_file, &self.image, &self.failure) {
            write(path, self.metadata(image).as_bytes())?;
        }
        if let Some(path) = &outputs.summary {
            write(path, self.markdown().as_bytes())?;
        }
        let of_github = context.environment().path("GITHUB_STEP_SUMMARY");
        if let Some(path) = of_github.filter(|_| outputs.summary.is_none()) {
            let appended = OpenOptions::new().create(true).append(true).open(&path);
            let written = appended.and_then(|mut file| file.write_all(self.markdown().as_bytes()));
            // A summary that nobody gets is no reason for a build to fail.
            if let Err(error) = written {
                context
                    .terminal()
                    .warn(&format!("cannot write the summary to `{}`: {error}", path.display()));
            }
        }
        Ok(())
    }

    /// What was built, in the words of `docker buildx build --metadata-file`.
    fn metadata(&self, image: &BuiltImage) -> String {
        let metadata = json!({
            "containerimage.config.digest": image.config_digest,
            "containerimage.descriptor": image.manifest,
            "containerimage.digest": image.manifest.digest,
            "image.name": self.names.join(","),
        });
        format!("{metadata:#}\n")
    }

    fn markdown(&self) -> String {
        let mut text = String::from("## Build\n\n");
        if let Some(failure) = &self.failure {
            text.push_str(&format!("**Failed:** {}\n\n", cell(failure)));
        }
        if let Some(image) = &self.image {
            text.push_str(&format!("Image `{}`\n\n", image.manifest.digest));
        }
        for name in &self.names {
            text.push_str(&format!("- `{}`\n", cell(name)));
        }
        text.push_str("\n| Step | Result | Took |\n| --- | --- | --: |\n");
        for step in &self.steps {
            let took = seconds(std::time::Duration::from_millis(step.milliseconds));
            text.push_str(&format!(
                "| {} | {}: {} | {took} |\n",
                step.name,
                step.state.word(),
                cell(&step.told)
            ));
        }
        text.push('\n');
        text.push_str(self.scan_markdown.as_deref().unwrap_or_default());
        text
    }
}

/// Text that cannot break a table.
fn cell(text: &str) -> String {
    text.chars().map(|c| if c == '|' || c == '`' || c == '<' || c.is_control() { ' ' } else { c }).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| cannot("write", path, &error))
}
