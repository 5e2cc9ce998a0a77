//! Which finding to look at first, and why. It is an order with a sentence, not a filter: nothing is hidden by it.

use std::cmp::{Ordering, Reverse};
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::severity::Severity;

/// From this probability on, an exploit counts as likely. About one CVE in thirty reaches it, and most of those that
/// are exploited at all.
const LIKELY: f64 = 0.1;

/// What decides a finding's place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Priority {
    /// Since when CISA's catalogue lists it as exploited (KEV).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploited_since: Option<Date>,
    /// How likely FIRST holds an exploit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    /// How bad it is.
    pub severity: Severity,
}

/// FIRST's estimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epss {
    /// The probability that it is exploited within the next 30 days: 0 to 1.
    pub probability: f64,
    /// The share of all CVEs that are no likelier: 0 to 1.
    pub percentile: f64,
}

/// The coarse steps of the order, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Exploited,
    Likely,
    Other,
}

impl Priority {
    /// Orders the more urgent first: what is exploited, what is likely to be, then by severity, and among equals by
    /// probability.
    pub fn urgency(&self, other: &Self) -> Ordering {
        let coarse = |priority: &Self| (priority.step(), Reverse(priority.severity));
        coarse(self).cmp(&coarse(other)).then_with(|| other.probability().total_cmp(&self.probability()))
    }

    fn step(&self) -> Step {
        match self.epss {
            _ if self.exploited_since.is_some() => Step::Exploited,
            Some(epss) if epss.probability >= LIKELY => Step::Likely,
            _ => Step::Other,
        }
    }

    fn probability(&self) -> f64 {
        self.epss.map_or(0.0, |epss| epss.probability)
    }
}

impl fmt::Display for Priority {
    /// The reason for the place, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exploited_since, self.step()) {
            (Some(since), _) => write!(f, "known to be exploited since {since} (KEV)")?,
            (None, Step::Likely) => f.write_str("likely to be exploited soon")?,
            (None, _) => return self.write_severity(f),
        }
        f.write_str(", ")?;
        self.write_severity(f)
    }
}

impl Priority {
    fn write_severity(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.severity {
            Severity::Unknown => f.write_str("nobody rated its severity")?,
            severity => write!(f, "severity {severity}")?,
        }
        match self.epss {
            Some(epss) => write!(f, ", EPSS {:.1} %", epss.probability * 100.0),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn priority(exploited: bool, probability: Option<f64>, severity: Severity) -> Priority {
        Priority {
            exploited_since: exploited.then(|| date(2021, 12, 10)),
            epss: probability.map(|probability| Epss { probability, percentile: 0.5 }),
            severity,
        }
    }

    #[test]
    fn what_is_exploited_comes_first_then_what_is_likely_then_what_is_bad() {
        let in_order = [
            (
                priority(true, None, Severity::High),
                "known to be exploited since 2021-12-10 (KEV), severity high",
            ),
            (
                priority(true, Some(0.9), Severity::Low),
                "known to be exploited since 2021-12-10 (KEV), severity low, EPSS 90.0 %",
            ),
            (
                priority(false, Some(0.1), Severity::Medium),
                "likely to be exploited soon, severity medium, EPSS 10.0 %",
            ),
            (priority(false, Some(0.09), Severity::Critical), "severity critical, EPSS 9.0 %"),
            (priority(false, None, Severity::Critical), "severity critical"),
            (priority(false, Some(0.002), Severity::Low), "severity low, EPSS 0.2 %"),
            (priority(false, None, Severity::Unknown), "nobody rated its severity"),
        ];
        for pair in in_order.windows(2) {
            assert_eq!(pair[0].0.urgency(&pair[1].0), Ordering::Less, "{} before {}", pair[0].0, pair[1].0);
        }
        for (priority, sentence) in in_order {
            assert_eq!(priority.to_string(), sentence);
        }
    }

    #[test]
    fn a_probability_that_is_no_number_keeps_the_order_total() {
        let odd = priority(false, Some(f64::NAN), Severity::High);
        assert_eq!(odd.urgency(&odd), Ordering::Equal);
    }
}
