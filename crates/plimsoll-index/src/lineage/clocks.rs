use jiff::{SignedDuration, Timestamp};
use plimsoll_oci::Digest;
use serde::{Deserialize, Serialize};

/// A point in time, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// When.
    pub at: Timestamp,
    /// Who says so.
    pub source: Source,
}

/// Where a time comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Source {
    /// A statement about an image, by the digest of its manifest.
    Evidence {
        /// The evidence.
        digest: Digest,
        /// Whether somebody whom the project trusts has signed it.
        is_verified: bool,
    },
    /// The registry took the image.
    Push {
        /// The image.
        digest: Digest,
    },
    /// The registry found out what is inside the image, at the latest.
    Contents {
        /// The image.
        digest: Digest,
    },
    /// An advisory, to the day.
    Advisory {
        /// Its id.
        id: String,
    },
    /// The registry put these advisories in force.
    Advisories {
        /// Their artifact.
        digest: Digest,
    },
    /// The registry told of it.
    Event {
        /// The event's number.
        number: i64,
    },
    /// A commit in the source repository.
    Commit {
        /// Its id.
        commit: String,
    },
    /// Somebody saw the image run.
    Observation {
        /// Where.
        place: String,
    },
}

/// The clocks of one interval: each tells something else, and none stands for another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Clocks {
    /// The source changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Clock>,
    /// The base that brings it was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Clock>,
    /// The first image with it was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Clock>,
    /// It was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push: Option<Clock>,
    /// An image with it was approved for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Clock>,
    /// An image with it was seen to run for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Clock>,
    /// None was seen to run any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<Clock>,
    /// The vulnerability was made known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disclosed: Option<Clock>,
    /// Advisories that tell of it were in force here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_here: Option<Clock>,
    /// It was told of an image with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected: Option<Clock>,
    /// Advisories that name a fix were in force here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixable: Option<Clock>,
    /// The first image without it was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Clock>,
}

/// What follows from the clocks, in seconds. What goes on is counted up to now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Exposure {
    /// How long images with it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed_seconds: Option<i64>,
    /// How long they ran although it was known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knowingly_exposed_seconds: Option<i64>,
    /// How long it was known here before it was told of an image with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detection_lag_seconds: Option<i64>,
}

impl Clocks {
    /// What follows from the clocks.
    pub fn exposure(&self, now: Timestamp) -> Exposure {
        let at = |clock: &Option<Clock>| clock.as_ref().map(|clock| clock.at);
        let (run, known) = (at(&self.run), at(&self.known_here));
        let gone = at(&self.gone).unwrap_or(now);
        let lag = at(&self.detected).zip(known).map(|(detected, known)| between(known, detected));
        Exposure {
            exposed_seconds: run.map(|run| between(run, gone)),
            knowingly_exposed_seconds: run.zip(known).map(|(run, known)| between(run.max(known), gone)),
            detection_lag_seconds: lag,
        }
    }
}

/// Seconds from one time to a later one; none if it is not later.
fn between(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).max(SignedDuration::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(second: i64) -> Option<Clock> {
        let at = Timestamp::from_second(second).unwrap();
        Some(Clock { at, source: Source::Event { number: second } })
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1000).unwrap()
    }

    #[test]
    fn exposure_is_known_from_when_both_the_image_runs_and_the_vulnerability_is_known() {
        let clocks =
            Clocks { run: clock(100), known_here: clock(300), gone: clock(700), ..Clocks::default() };
        let exposure = clocks.exposure(now());
        assert_eq!((exposure.exposed_seconds, exposure.knowingly_exposed_seconds), (Some(600), Some(400)));
        let early = Clocks { known_here: clock(50), detected: clock(120), ..clocks };
        let exposure = early.exposure(now());
        assert_eq!(
            (exposure.knowingly_exposed_seconds, exposure.detection_lag_seconds),
            (Some(600), Some(70))
        );
    }

    #[test]
    fn what_still_runs_is_exposed_until_now_and_what_never_ran_is_not_exposed() {
        let running = Clocks { run: clock(100), known_here: clock(300), ..Clocks::default() };
        assert_eq!(running.exposure(now()).knowingly_exposed_seconds, Some(700));
        let never = Clocks { known_here: clock(300), detected: clock(200), ..Clocks::default() };
        let exposure = never.exposure(now());
        assert_eq!(exposure.exposed_seconds, None);
        assert_eq!(exposure.detection_lag_seconds, Some(0), "it was told by earlier advisories");
        let gone_before =
            Clocks { run: clock(1), gone: clock(2), known_here: clock(300), ..Clocks::default() };
        assert_eq!(gone_before.exposure(now()).knowingly_exposed_seconds, Some(0));
    }
}
