use plimsoll_oci::{Digest, ImageConfig};
use plimsoll_sbom::merge;
use proptest::prelude::*;

use super::*;
use crate::Census;
use crate::census::tests::{Member, layer, record};

const CONFIG: &str = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;

fn measured(members: &[Member<'_>], stored_bytes: u64) -> Measured {
    let layers = [layer(members)];
    let census = Census::of(&layers);
    let contents = merge(&mut [record(members)]).unwrap();
    let config = ImageConfig::parse(CONFIG.as_bytes()).unwrap();
    Measured {
        surface: Surface::of("image", Digest::sha256_of(b""), &config, &census, &contents),
        stored_bytes,
        pull_seconds: 1.5,
        holdings: Holdings::of(&census),
        waste: Waste::of(&census),
    }
}

fn budget(json: &str) -> Budget {
    serde_json::from_str(json).unwrap()
}

fn deltas(verdict: &BudgetVerdict) -> Vec<&str> {
    verdict.excesses.iter().map(|excess| excess.delta.as_str()).collect()
}

const SMALL: &[Member<'_>] = &[Member::Program("app/server", &[1; 900], 0o755)];
const LARGE: &[Member<'_>] = &[
    Member::Program("app/server", &[1; 900], 0o755),
    Member::Program("usr/bin/curl", &[2; 5000], 0o755),
    Member::Program("usr/bin/su", &[3; 100], 0o4755),
    Member::File("opt/data/set", &[4; 2000]),
    Member::File("var/lib/dpkg/info/curl.list", b"/.\n/usr\n/usr/bin\n/usr/bin/curl\n"),
];

#[test]
fn what_exceeds_a_ceiling_is_told_with_what_is_allowed() {
    let budget = budget(r#"{"max": {"storedBytes": 999, "pullSeconds": 1.0, "setuid": 0, "shells": 0}}"#);
    let verdict = judge(&budget, &measured(LARGE, 1000), None);
    assert_eq!(deltas(&verdict), ["max:storedBytes", "max:pullSeconds", "max:setuid"]);
    assert_eq!(verdict.excesses[0].message, "1000 bytes are stored, and 999 are allowed");
    assert!(!verdict.is_kept());
}

#[test]
fn a_ratchet_lets_no_new_program_in_and_little_growth() {
    let ratchet = budget(r#"{"growthPercentMax": 5}"#);
    let (before, now) = (measured(SMALL, 1000), measured(LARGE, 1051));
    let verdict = judge(&ratchet, &now, Some(&before));
    assert_eq!(deltas(&verdict), ["growth", "new:executables", "new:setuid"]);
    assert_eq!(verdict.excesses[1].items, ["/usr/bin/curl", "/usr/bin/su"]);
    assert_eq!(judge(&ratchet, &measured(SMALL, 1050), Some(&before)).excesses, []);
    assert_eq!(judge(&ratchet, &now, None).excesses, [], "nothing to compare with");
}

#[test]
fn the_three_largest_causes_are_named() {
    let verdict =
        judge(&budget(r#"{"max": {"storedBytes": 1}}"#), &measured(LARGE, 1000), Some(&measured(SMALL, 1)));
    let causes: Vec<(&str, u64)> =
        verdict.causes.iter().map(|cause| (cause.what.as_str(), cause.bytes)).collect();
    assert_eq!(causes, [("package curl", 5000), ("files in /opt/data", 2000), ("files in /usr/bin", 100)]);
}

#[test]
fn what_was_accepted_is_told_and_passes() {
    let mut verdict = judge(&budget(r#"{"max": {"setuid": 0}}"#), &measured(LARGE, 1), None);
    verdict.excesses[0].accepted_by.push("ana".to_owned());
    assert!(verdict.is_kept());
}

#[test]
fn a_budget_that_is_misspelt_is_refused() {
    for wrong in [r#"{"maximum": {}}"#, r#"{"max": {"setuids": 0}}"#, r#"{"noNew": ["anything"]}"#] {
        assert!(serde_json::from_str::<Budget>(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn an_image_keeps_to_the_budget_that_it_is_compared_with_itself_by(stored: u64, growth in 0_u32..200) {
        let budget = Budget {
            growth_percent_max: Some(growth), no_new: SurfaceKind::ALL.to_vec(), ..Budget::default()
        };
        let image = measured(LARGE, stored);
        prop_assert!(judge(&budget, &image, Some(&image)).is_kept());
    }

    #[test]
    fn growth_is_allowed_up_to_the_per_cent_and_no_further(before in 1_u64..1 << 50, percent in 0_u32..300) {
        let budget = Budget { growth_percent_max: Some(percent), no_new: Vec::new(), ..Budget::default() };
        let limit = u64::try_from(u128::from(before) * u128::from(100 + percent) / 100).unwrap();
        let old = measured(SMALL, before);
        prop_assert!(judge(&budget, &measured(SMALL, limit), Some(&old)).is_kept());
        prop_assert!(!judge(&budget, &measured(SMALL, limit + 1), Some(&old)).is_kept());
    }
}
