use std::fmt;
use std::str::FromStr;

use crate::finding::Finding;
use crate::severity::Severity;

use super::Verdict;

/// What a verdict may not have, as `--fail-on` takes it: words joined by commas.
///
/// `critical`, `high`, `medium`, `low`, `negligible` are findings of this severity or worse; `unknown` those that nobody
/// rated; `kev` those that are exploited; `any` all. `fixable` narrows them to those that a release mends, and means all
/// of these where it stands without another. `not-evaluated` is a component that could not be judged in full,
/// `coverage<90` an image of whose programs less than 90 % are accounted for. One that holds is enough:
/// `high,kev,fixable` is what has a fix and is high or exploited.
///
/// An image whose config is wrong about its layers passes no gate, whatever the words; `mismatch` is the gate that asks
/// for nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    severity: Option<Severity>,
    has_any: bool,
    has_unknown: bool,
    has_exploited: bool,
    is_fixable_only: bool,
    has_not_evaluated: bool,
    coverage_percent_min: Option<u8>,
}

/// A word that is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no condition of a gate; there are `critical`, `high`, `medium`, `low`, `negligible`, `unknown`, `kev`, \
     `any`, `fixable`, `not-evaluated`, `coverage<90` and `mismatch`, joined by commas"
)]
pub struct GateFault(String);

/// Why a gate stays shut, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// These findings, by their positions in the verdict.
    Findings(Vec<usize>),
    /// The config is wrong about the layers in so many ways.
    Mismatch {
        /// How many.
        count: usize,
        /// The first.
        first: String,
    },
    /// So many components were not judged, or not in full.
    NotEvaluated {
        /// How many.
        components: usize,
        /// The reasons.
        reasons: Vec<String>,
    },
    /// Too little is accounted for, or it is not known how much.
    Coverage {
        /// How much is.
        percent: Option<u64>,
        /// How much should be.
        percent_min: u8,
    },
}

impl Gate {
    /// Reads the words.
    pub fn parse(text: &str) -> Result<Self, GateFault> {
        let mut gate = Self::default();
        for word in text.split(',').map(str::trim) {
            gate.add(&word.to_ascii_lowercase()).ok_or_else(|| GateFault(word.to_owned()))?;
        }
        let names_findings = gate.severity.is_some() || gate.has_unknown || gate.has_exploited;
        gate.has_any |= gate.is_fixable_only && !names_findings;
        Ok(gate)
    }

    fn add(&mut self, word: &str) -> Option<()> {
        match word {
            "any" => self.has_any = true,
            "unknown" => self.has_unknown = true,
            "kev" => self.has_exploited = true,
            "fixable" => self.is_fixable_only = true,
            // Every gate asks for it.
            "mismatch" => {}
            "not-evaluated" => self.has_not_evaluated = true,
            _ => match word.strip_prefix("coverage<") {
                Some(percent) => self.coverage_percent_min = Some(percentage(percent)?),
                None => {
                    let named =
                        Severity::WORST_FIRST.into_iter().find(|severity| severity.as_str() == word)?;
                    self.severity = Some(self.severity.map_or(named, |known| known.min(named)));
                }
            },
        }
        Some(())
    }

    /// All reasons for which the gate stays shut; none where it opens.
    pub fn check(&self, verdict: &Verdict) -> Vec<Refusal> {
        let failing = verdict.findings.iter().enumerate().filter(|(_, found)| self.stops(&found.finding));
        let failing: Vec<usize> = failing.map(|(position, _)| position).collect();
        let findings = (!failing.is_empty()).then_some(Refusal::Findings(failing));
        findings
            .into_iter()
            .chain(check_layers(verdict))
            .chain(self.check_evaluation(verdict))
            .chain(self.check_coverage(verdict))
            .collect()
    }

    fn stops(&self, finding: &Finding) -> bool {
        let severity = finding.rating.severity;
        let is_named = self.has_any
            || self.severity.is_some_and(|least| severity >= least)
            || (self.has_unknown && severity == Severity::Unknown)
            || (self.has_exploited && finding.priority.exploited_since.is_some());
        is_named && (finding.is_fixable() || !self.is_fixable_only)
    }

    fn check_evaluation(&self, verdict: &Verdict) -> Option<Refusal> {
        if !self.has_not_evaluated || verdict.gaps.is_empty() {
            return None;
        }
        let positions = verdict.gaps.iter().flat_map(|gap| &gap.components).map(|place| place.position);
        let components = positions.collect::<std::collections::BTreeSet<_>>().len();
        let reasons = verdict.gaps.iter().map(|gap| gap.reason.to_string()).collect();
        Some(Refusal::NotEvaluated { components, reasons })
    }

    /// A coverage that nobody measured does not pass for a good one.
    fn check_coverage(&self, verdict: &Verdict) -> Option<Refusal> {
        let percent_min = self.coverage_percent_min?;
        let percent = verdict.coverage.map(|coverage| coverage.percent());
        let is_enough = percent.is_some_and(|percent| percent >= u64::from(percent_min));
        (!is_enough).then_some(Refusal::Coverage { percent, percent_min })
    }
}

fn check_layers(verdict: &Verdict) -> Option<Refusal> {
    let first = verdict.mismatches.first()?.to_string();
    Some(Refusal::Mismatch { count: verdict.mismatches.len(), first })
}

impl FromStr for Gate {
    type Err = GateFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

fn percentage(text: &str) -> Option<u8> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok()?;
    (number <= 100).then_some(number)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Findings(findings) if findings.len() == 1 => f.write_str("1 finding is not allowed"),
            Self::Findings(findings) => write!(f, "{} findings are not allowed", findings.len()),
            Self::Mismatch { count: 1, first } => write!(f, "the config is wrong about its layers: {first}"),
            Self::Mismatch { count, first } => {
                write!(f, "the config is wrong about its layers in {count} ways: {first}")
            }
            Self::NotEvaluated { components, reasons } => {
                write!(f, "{components} components could not be judged in full: {}", reasons.join("; "))
            }
            Self::Coverage { percent: Some(percent), percent_min } => {
                write!(f, "{percent} % of the programs are accounted for, less than {percent_min} %")
            }
            Self::Coverage { percent: None, percent_min } => {
                write!(f, "it is not known whether {percent_min} % of the programs are accounted for")
            }
        }
    }
}
