//! Which advisories answer for a component, or why none can.
//!
//! A component that nobody can judge is never counted as clean: the reason stands in every report.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use plimsoll_sbom::{Component, Distribution, PackageType};
use serde::{Deserialize, Serialize};

pub(crate) use distribution::{Naming, system_feed};
pub(crate) use program::{ECOSYSTEM as PROGRAM_ECOSYSTEM, program};

mod distribution;
mod lifetime;
mod origin;
mod program;

/// Whether a component could be judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Evaluation {
    /// The advisories of this ecosystem answered.
    By(String),
    /// They answered, and what they found counts; but that they found nothing else is no evidence.
    Partly {
        /// Whose advisories.
        ecosystem: String,
        /// Why they may be silent.
        reasons: Vec<Reason>,
    },
    /// Nothing answered.
    NotEvaluated(Reason),
}

/// Why a component was not judged, or not in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Reason {
    /// The index has no shard of this ecosystem.
    NoFeed(String),
    /// No os-release names the distribution.
    DistributionUnknown,
    /// Nobody publishes advisories for it that this program reads.
    DistributionNotCovered(String),
    /// It has no release that advisories could name.
    DistributionRolls(String),
    /// It is built from another distribution, but its packages are not known to be the other's.
    Derivative {
        /// The distribution.
        name: String,
        /// What it descends from.
        of: String,
    },
    /// The distribution stopped publishing advisories.
    EndOfLife {
        /// The distribution with its release.
        name: String,
        /// The last day of its support.
        since: Date,
    },
    /// The advisories are older than the limit.
    Stale {
        /// Whose they are.
        ecosystem: String,
        /// The day of the data.
        as_of: Date,
        /// The limit.
        age_days_max: u32,
    },
    /// The advisories are of a day that is still to come, so nobody knows how old they are.
    DatedAhead {
        /// Whose they are.
        ecosystem: String,
        /// The day that they claim.
        as_of: Date,
    },
    /// Another publisher's package, of which the distribution's advisories say nothing.
    ThirdParty(String),
    /// A package of another package manager than the distribution's.
    ForeignPackage(PackageType),
    /// No advisories are kept under a name that is known for this program.
    ProgramNotCovered,
    /// No version is known.
    NoVersion,
    /// The version is none that its ecosystem can order.
    VersionNotOrdered(String),
    /// It was built from a working tree, whose version control says nothing of the releases that it contains.
    NotReleased,
}

/// How old advisories may be, and when it is.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The time of the judgement.
    pub now: Timestamp,
    /// Advisories older than this do not prove that a component is clean; `None` for no limit.
    pub age_days_max: Option<u32>,
}

impl Evaluation {
    /// Whether advisories were asked.
    pub fn is_by_feed(&self) -> bool {
        matches!(self, Self::By(_) | Self::Partly { .. })
    }

    /// The ecosystem whose advisories were asked.
    pub fn ecosystem(&self) -> Option<&str> {
        match self {
            Self::By(ecosystem) | Self::Partly { ecosystem, .. } => Some(ecosystem),
            Self::NotEvaluated(_) => None,
        }
    }

    /// What keeps "nothing found" from meaning "clean".
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::By(_) => &[],
            Self::Partly { reasons, .. } => reasons,
            Self::NotEvaluated(reason) => std::slice::from_ref(reason),
        }
    }

    /// An answer of these advisories, with what is to be said of it.
    pub(crate) fn by(ecosystem: String, reasons: Vec<Reason>) -> Self {
        if reasons.is_empty() { Self::By(ecosystem) } else { Self::Partly { ecosystem, reasons } }
    }
}

impl Terms {
    /// Whether data of this day is too old to prove anything, said as a reason. A date that is to come is no better
    /// than an old one: behind it the data may be of any age.
    pub fn staleness(&self, ecosystem: &str, data_time: Timestamp) -> Option<Reason> {
        let age_days_max = self.age_days_max?;
        let age_seconds = self.now.as_second().saturating_sub(data_time.as_second());
        let (ecosystem, as_of) = (ecosystem.to_owned(), day(data_time));
        if age_seconds < -CLOCK_SKEW_SECONDS_MAX {
            return Some(Reason::DatedAhead { ecosystem, as_of });
        }
        let is_stale = age_seconds > i64::from(age_days_max) * SECONDS_PER_DAY;
        is_stale.then_some(Reason::Stale { ecosystem, as_of, age_days_max })
    }

    /// Whether the distribution's support is over, said as a reason.
    pub(crate) fn end_of_life(&self, distribution: &Distribution) -> Option<Reason> {
        let since = lifetime::end_of_life(distribution)?;
        let is_over = day(self.now) > since;
        is_over.then(|| Reason::EndOfLife { name: distribution::name(distribution), since })
    }
}

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
/// By how much a slow clock may be behind the one that dated the data.
const CLOCK_SKEW_SECONDS_MAX: i64 = SECONDS_PER_DAY;

pub(crate) fn day(time: Timestamp) -> Date {
    jiff::tz::Offset::UTC.to_datetime(time).date()
}

/// The publisher of a system package, if it is not the distribution whose package manager installed it.
pub(crate) fn third_party<'a>(component: &'a Component, distribution: &Distribution) -> Option<&'a str> {
    origin::third_party(component, distribution)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFeed(ecosystem) => write!(f, "no feed for {ecosystem}"),
            Self::DistributionUnknown => f.write_str("the distribution is unknown: there is no os-release"),
            Self::DistributionNotCovered(name) => write!(f, "no advisories are read for {name}"),
            Self::DistributionRolls(name) => write!(f, "{name} has no release that advisories name"),
            Self::Derivative { name, of } => {
                write!(f, "{name} descends from {of}, but its packages may differ")
            }
            Self::EndOfLife { name, since } => {
                write!(f, "{name} is past its end of life ({since}): no new advisories are published")
            }
            Self::Stale { ecosystem, as_of, age_days_max } => {
                write!(
                    f,
                    "the advisories of {ecosystem} are of {as_of}, older than the limit of {age_days_max} days"
                )
            }
            Self::DatedAhead { ecosystem, as_of } => {
                write!(
                    f,
                    "the advisories of {ecosystem} are dated {as_of}, which is to come: their age is not known"
                )
            }
            Self::ThirdParty(who) => {
                write!(f, "packaged by {who}, of whom the distribution's advisories say nothing")
            }
            Self::ForeignPackage(kind) => {
                write!(f, "a package of type {} is not the distribution's", kind.as_str())
            }
            Self::ProgramNotCovered => {
                f.write_str("no advisories are kept for this program under a known name")
            }
            Self::NoVersion => f.write_str("no version is known"),
            Self::VersionNotOrdered(why) => f.write_str(why),
            Self::NotReleased => f.write_str("built from a working tree, of no release"),
        }
    }
}

#[cfg(test)]
mod tests;
