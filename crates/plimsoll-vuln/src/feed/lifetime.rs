use jiff::civil::{Date, date};
use plimsoll_sbom::Distribution;

/// The last day on which a release gets advisories without a contract. For Debian that is the end of its LTS, whose
/// advisories stand in the same feed; for Ubuntu it is the end of standard support.
const LAST_DAYS: &[(&str, &[(&str, Date)])] = &[
    (
        "debian",
        &[
            ("7", date(2018, 5, 31)),
            ("8", date(2020, 6, 30)),
            ("9", date(2022, 6, 30)),
            ("10", date(2024, 6, 30)),
            ("11", date(2026, 8, 31)),
            ("12", date(2028, 6, 30)),
            ("13", date(2030, 6, 30)),
        ],
    ),
    (
        "ubuntu",
        &[
            ("14.04", date(2019, 4, 30)),
            ("16.04", date(2021, 4, 30)),
            ("18.04", date(2023, 5, 31)),
            ("20.04", date(2025, 5, 31)),
            ("22.04", date(2027, 5, 31)),
            ("23.04", date(2024, 1, 25)),
            ("23.10", date(2024, 7, 11)),
            ("24.04", date(2029, 5, 31)),
            ("24.10", date(2025, 7, 10)),
            ("25.04", date(2026, 1, 15)),
            ("25.10", date(2026, 7, 31)),
            ("26.04", date(2031, 5, 31)),
        ],
    ),
    (
        "alpine",
        &[
            ("3.3", date(2017, 11, 1)),
            ("3.4", date(2018, 5, 1)),
            ("3.5", date(2018, 11, 1)),
            ("3.6", date(2019, 5, 1)),
            ("3.7", date(2019, 11, 1)),
            ("3.8", date(2020, 5, 1)),
            ("3.9", date(2020, 11, 1)),
            ("3.10", date(2021, 5, 1)),
            ("3.11", date(2021, 11, 1)),
            ("3.12", date(2022, 5, 1)),
            ("3.13", date(2022, 11, 1)),
            ("3.14", date(2023, 5, 1)),
            ("3.15", date(2023, 11, 1)),
            ("3.16", date(2024, 5, 23)),
            ("3.17", date(2024, 11, 22)),
            ("3.18", date(2025, 5, 9)),
            ("3.19", date(2025, 11, 1)),
            ("3.20", date(2026, 4, 1)),
            ("3.21", date(2026, 11, 1)),
            ("3.22", date(2027, 5, 1)),
            ("3.23", date(2027, 11, 1)),
        ],
    ),
    (
        "rhel",
        &[
            ("6", date(2020, 11, 30)),
            ("7", date(2024, 6, 30)),
            ("8", date(2029, 5, 31)),
            ("9", date(2032, 5, 31)),
            ("10", date(2035, 5, 31)),
        ],
    ),
    ("almalinux", &[("8", date(2029, 5, 31)), ("9", date(2032, 5, 31)), ("10", date(2035, 5, 31))]),
    ("rocky", &[("8", date(2029, 5, 31)), ("9", date(2032, 5, 31)), ("10", date(2035, 5, 31))]),
    ("mariner", &[("1.0", date(2023, 7, 31)), ("2.0", date(2025, 7, 31))]),
    (
        "opensuse-leap",
        &[
            ("15.3", date(2022, 12, 31)),
            ("15.4", date(2023, 12, 7)),
            ("15.5", date(2024, 12, 31)),
            ("15.6", date(2026, 4, 30)),
        ],
    ),
    ("centos", &[("6", date(2020, 11, 30)), ("7", date(2024, 6, 30)), ("8", date(2021, 12, 31))]),
];

/// The last day of a release's support, if the release is known.
pub(super) fn end_of_life(distribution: &Distribution) -> Option<Date> {
    let (_, releases) = LAST_DAYS.iter().find(|(id, _)| *id == distribution.id)?;
    let version = distribution.version_id.as_str();
    let is_of = |release: &str| {
        let rest = version.strip_prefix(release);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    releases.iter().find(|(release, _)| is_of(release)).map(|(_, last_day)| *last_day)
}
