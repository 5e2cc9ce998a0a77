use plimsoll_vuln::report::ScanReport;
use plimsoll_vuln::verdict::{Gate, Refusal};
use serde::{Serialize, Serializer};

use super::judge::{Base, Judged};
use super::ruling::Ruling;
use super::{junit, markdown, sarif, table};
use crate::arguments::OutputFormat;
use crate::failure::{Failure, Verdict as ExitVerdict};
use crate::terminal::{Page, Report};

/// What a scan found out, and what becomes of it.
pub(in crate::command) struct Outcome {
    pub(super) report: ScanReport,
    pub(super) base: Option<Base>,
    pub(super) ruling: Ruling,
}

impl Outcome {
    pub(super) fn of(judged: Judged, gate: Option<&Gate>, allows_gaps: bool) -> Self {
        let ruling = Ruling::of(&judged.report, gate, allows_gaps);
        Self { report: judged.report, base: judged.base, ruling }
    }

    /// What the exit code says.
    pub(in crate::command) fn into_result(self) -> Result<(), Failure> {
        match self.ruling {
            Ruling::Told | Ruling::Pass => Ok(()),
            Ruling::Shut(refusals) => Err(Failure::new(ExitVerdict::GateFailed, joined(&refusals))),
            Ruling::NotEvaluated(reasons) => {
                let what = format!("could not evaluate: {}", reasons.join("; "));
                Err(Failure::not_evaluated(what).help("plimsoll db status; --allow-gaps lets it pass"))
            }
        }
    }

    /// The last line for people.
    pub(in crate::command) fn sentence(&self) -> String {
        match &self.ruling {
            Ruling::Told if self.report.verdict.is_clean() => "nothing is known against it".to_owned(),
            Ruling::Told if !self.report.verdict.mismatches.is_empty() => {
                format!(
                    "{}, but the image is not what its config says",
                    count(self.report.verdict.findings.len())
                )
            }
            Ruling::Told if self.report.verdict.findings.is_empty() => {
                "nothing was found, but not everything was judged".to_owned()
            }
            Ruling::Told => format!("{}, and no gate was set", count(self.report.verdict.findings.len())),
            Ruling::Pass => "pass".to_owned(),
            Ruling::Shut(refusals) => format!("fail: {}", joined(refusals)),
            Ruling::NotEvaluated(reasons) => format!("could not evaluate: {}", reasons.join("; ")),
        }
    }

    /// The summary for CI.
    pub(in crate::command) fn markdown(&self) -> String {
        markdown::write(self)
    }

    /// The verdict in a word, for programs.
    pub(super) fn word(&self) -> &'static str {
        match &self.ruling {
            Ruling::Told => "told",
            Ruling::Pass => "pass",
            Ruling::Shut(_) => "fail",
            Ruling::NotEvaluated(_) => "not-evaluated",
        }
    }
}

fn count(findings: usize) -> String {
    if findings == 1 { "1 finding".to_owned() } else { format!("{findings} findings") }
}

fn joined(refusals: &[Refusal]) -> String {
    refusals.iter().map(Refusal::to_string).collect::<Vec<_>>().join("; ")
}

impl Serialize for Outcome {
    /// The report, with what it was compared with and what became of it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Written<'o> {
            #[serde(flatten)]
            report: &'o ScanReport,
            #[serde(skip_serializing_if = "Option::is_none")]
            new_since: Option<NewSince<'o>>,
            ruling: WrittenRuling<'o>,
        }
        #[derive(Serialize)]
        struct NewSince<'o> {
            image: &'o str,
            #[serde(skip_serializing_if = "Option::is_none")]
            digest: Option<&'o str>,
        }
        #[derive(Serialize)]
        struct WrittenRuling<'o> {
            /// `told` without a gate, `pass`, `fail` or `not-evaluated`.
            result: &'static str,
            reasons: Vec<String>,
            /// The positions of the findings that are in the way.
            #[serde(skip_serializing_if = "Option::is_none")]
            findings: Option<&'o [usize]>,
        }
        let (reasons, findings) = match &self.ruling {
            Ruling::Told | Ruling::Pass => (Vec::new(), None),
            Ruling::Shut(refusals) => (refusals.iter().map(Refusal::to_string).collect(), named(refusals)),
            Ruling::NotEvaluated(reasons) => (reasons.clone(), None),
        };
        let base = self.base.as_ref();
        Written {
            report: &self.report,
            new_since: base.map(|base| NewSince { image: &base.image, digest: base.digest.as_deref() }),
            ruling: WrittenRuling { result: self.word(), reasons, findings },
        }
        .serialize(serializer)
    }
}

fn named(refusals: &[Refusal]) -> Option<&[usize]> {
    refusals.iter().find_map(|refusal| match refusal {
        Refusal::Findings(positions) => Some(positions.as_slice()),
        Refusal::Mismatch { .. } | Refusal::NotEvaluated { .. } | Refusal::Coverage { .. } => None,
    })
}

impl Report for Outcome {
    fn draw(&self, page: &mut Page) {
        table::draw(self, page);
    }

    fn write_as(&self, format: OutputFormat) -> Option<Vec<u8>> {
        match format {
            OutputFormat::Sarif => sarif::write(self),
            OutputFormat::Junit => Some(junit::write(self).into_bytes()),
            OutputFormat::Markdown => Some(markdown::write(self).into_bytes()),
            _ => None,
        }
    }
}
