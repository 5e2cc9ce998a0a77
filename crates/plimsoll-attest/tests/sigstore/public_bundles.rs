//! What Sigstore's public instances have made is verified, and is refused for the right reason when any part of it is
//! not as it was.

use jiff::Timestamp;
use plimsoll_attest::{Fact, Identity, Refusal, SigstoreRoot, SubjectPattern, Trust, verify_bundle};
use plimsoll_oci::Digest;
use serde_json::{Value, json};

/// A real bundle, with what is true of it.
pub(crate) struct Sample {
    pub(crate) bundle: &'static str,
    pub(crate) root: &'static str,
    pub(crate) issuer: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) artifact: &'static str,
    /// When it was proven to be signed.
    pub(crate) signed_at: &'static str,
}

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const PUBLIC: &str = include_str!("data/root-public.json");
const STAGING: &str = include_str!("data/root-staging.json");
const CONDA: &str = "sha256:54303491a8418fbed24344b513546182c29b43bf282ceb433af65e2299f9271f";

pub(crate) const SAMPLES: [Sample; 5] = [
    Sample {
        bundle: include_str!("data/dsse-entry.json"),
        root: PUBLIC,
        issuer: GITHUB,
        subject: "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main",
        artifact: CONDA,
        signed_at: "2025-09-01T12:13:59Z",
    },
    Sample {
        bundle: include_str!("data/npm-intoto-entry.json"),
        root: PUBLIC,
        issuer: GITHUB,
        subject: "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main",
        artifact: "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c",
        signed_at: "2023-08-18T16:05:35Z",
    },
    Sample {
        bundle: include_str!("data/mail-promise-only.json"),
        root: PUBLIC,
        issuer: "https://github.com/login/oauth",
        subject: "brian@dehamer.com",
        artifact: "sha512:bbfd372fc9beeb777fe35d05bb10c0c70a9733d366a75fed7dd18866c7391de3ee7e88ba74dd47abf3e15c845e547fcf0e5c3da80854c751554224d3a6d4e55f",
        signed_at: "2022-11-09T23:00:36Z",
    },
    Sample {
        bundle: include_str!("data/mail-rekor2-staging.json"),
        root: STAGING,
        issuer: "https://github.com/login/oauth",
        subject: "jku@goto.fi",
        artifact: CONDA,
        signed_at: "2026-05-26T07:42:21Z",
    },
    Sample {
        bundle: include_str!("data/workflow-rekor2-staging.json"),
        root: STAGING,
        issuer: GITHUB,
        subject: "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
        artifact: "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf",
        signed_at: "2026-05-13T19:23:33Z",
    },
];

impl Sample {
    /// A part of the bundle.
    pub(crate) fn part(&self, pointer: &str) -> Value {
        serde_json::from_str::<Value>(self.bundle).unwrap().pointer(pointer).unwrap().clone()
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity::new(self.issuer, SubjectPattern::exactly(self.subject))
    }

    /// Judges a bundle as this one is to be judged.
    pub(crate) fn judge(&self, bundle: &str) -> Result<Fact, Refusal> {
        judge(bundle, self.root, self.identity(), self.artifact)
    }
}

pub(crate) fn judge(bundle: &str, root: &str, identity: Identity, artifact: &str) -> Result<Fact, Refusal> {
    let roots = SigstoreRoot::parse_all(root.as_bytes()).unwrap();
    let trust = Trust::of_identity("them", identity, roots);
    let long_after: Timestamp = "2040-01-01T00:00:00Z".parse().unwrap();
    verify_bundle(bundle.as_bytes(), &artifact.parse::<Digest>().unwrap(), &trust, long_after)
}

#[test]
fn what_public_instances_made_is_verified_years_later() {
    for sample in &SAMPLES {
        let fact =
            sample.judge(sample.bundle).unwrap_or_else(|refusal| panic!("{}: {refusal}", sample.subject));
        let identity = fact.identity().unwrap();
        assert_eq!(
            (identity.subject.as_str(), identity.claims.issuer.as_str()),
            (sample.subject, sample.issuer)
        );
        assert_eq!(fact.logged_at().unwrap().to_string(), sample.signed_at, "{}", sample.subject);
    }
}

#[test]
fn what_the_certificate_says_of_the_build_is_read() {
    let fact = SAMPLES[1].judge(SAMPLES[1].bundle).unwrap();
    let claims = &fact.identity().unwrap().claims;
    let said = |claim: &Option<String>| claim.clone().unwrap_or_default();
    assert_eq!(said(&claims.repository), "https://github.com/sigstore/sigstore-js");
    assert_eq!(said(&claims.commit), "f0b49a04e5a62250e0f60fb128004a73110fe311");
    assert_eq!(said(&claims.git_ref), "refs/heads/main");
    assert_eq!(said(&claims.workflow), SAMPLES[1].subject);
    assert_eq!(said(&claims.trigger), "push");
    assert_eq!(
        said(&claims.run),
        "https://github.com/sigstore/sigstore-js/actions/runs/5904696764/attempts/1"
    );
    assert_eq!(said(&claims.runner), "github-hosted");
}

#[test]
fn somebody_else_is_not_trusted_though_their_signature_is_good() {
    let sample = &SAMPLES[0];
    let with = |change: fn(&mut Identity)| {
        let mut identity = sample.identity();
        change(&mut identity);
        judge(sample.bundle, sample.root, identity, sample.artifact).map(|_| ())
    };
    let strangers: [fn(&mut Identity); 6] = [
        |one| one.issuer = "https://github.com/login/oauth".to_owned(),
        |one| one.subject = SubjectPattern::exactly("https://github.com/prefix-dev/sigstore-example/"),
        |one| one.subject = SubjectPattern::parse("https://github.com/prefix/*/**@refs/heads/main").unwrap(),
        |one| one.repository = Some("https://github.com/prefix-dev/other".to_owned()),
        |one| one.workflow = Some("action.yaml".to_owned()),
        |one| one.git_ref = Some("refs/heads/dev".to_owned()),
    ];
    for stranger in strangers {
        assert!(matches!(with(stranger), Err(Refusal::UnknownIdentity { .. })));
    }
    let same: [fn(&mut Identity); 3] = [
        |one| one.subject = SubjectPattern::parse("https://github.com/prefix-dev/**@refs/heads/*").unwrap(),
        |one| one.repository = Some("https://github.com/prefix-dev/sigstore-example".to_owned()),
        |one| one.git_ref = Some("refs/heads/main".to_owned()),
    ];
    for one in same {
        with(one).unwrap();
    }
}

#[test]
fn every_part_is_needed_and_its_absence_is_told() {
    let github = include_str!("data/root-github.json");
    let (old, new) = (&SAMPLES[0], &SAMPLES[3]);
    let changed = |sample: &Sample, pointer: &str, value: Value| {
        let mut bundle: Value = serde_json::from_str(sample.bundle).unwrap();
        *bundle.pointer_mut(pointer).unwrap() = value;
        sample.judge(&bundle.to_string()).unwrap_err().to_string()
    };
    let material = "/verificationMaterial";
    let entry = format!("{material}/tlogEntries/0");
    let other = |pointer: &str| SAMPLES[4].part(pointer);
    let reasons = [
        (changed(old, &format!("{material}/tlogEntries"), json!([])), "it is in no log of the trusted root"),
        (
            changed(old, &format!("{entry}/inclusionPromise"), Value::Null),
            "nothing proves when it was signed",
        ),
        (
            changed(old, &format!("{entry}/inclusionProof"), Value::Null),
            "it is in no log of the trusted root",
        ),
        (
            changed(old, &format!("{entry}/integratedTime"), json!("1756728838")),
            "promise to take the entry is not signed",
        ),
        (
            changed(new, &format!("{material}/timestampVerificationData"), json!({})),
            "nothing proves when it was signed",
        ),
        (
            changed(
                new,
                &format!("{material}/timestampVerificationData"),
                other("/verificationMaterial/timestampVerificationData"),
            ),
            "the timestamp is of another signature",
        ),
        (changed(new, &entry, other(&entry)), "its log entry is of another signature"),
        (
            changed(new, &format!("{material}/certificate"), other("/verificationMaterial/certificate")),
            "the signature is broken",
        ),
        (changed(new, "/dsseEnvelope", other("/dsseEnvelope")), "the signature is broken"),
    ];
    for (reason, expected) in reasons {
        assert!(reason.contains(expected), "{reason:?} does not say {expected:?}");
    }
    let elsewhere = judge(old.bundle, github, old.identity(), old.artifact).unwrap_err().to_string();
    assert_eq!(elsewhere, "no certificate authority of the trusted root has issued its certificate");
    let swapped = judge(old.bundle, old.root, old.identity(), SAMPLES[4].artifact);
    assert!(matches!(swapped, Err(Refusal::WrongSubject { .. })));
}

/// GitHub's own instance has no log: a timestamp is all there is, and enough for it. That its certificate names nobody who
/// has checked the name is found out last.
#[test]
fn an_instance_without_logs_wants_no_entry() {
    let github = include_str!("data/root-github.json");
    let bundle = include_str!("data/github-release.json");
    let identity = Identity::new(GITHUB, SubjectPattern::exactly("https://dotcom.releases.github.com"));
    let refusal = judge(bundle, github, identity, CONDA).unwrap_err().to_string();
    assert!(
        refusal.starts_with("the certificate does not say, or says in two ways, who has checked"),
        "{refusal}"
    );
}

#[test]
fn several_roots_in_one_file_are_tried_in_turn() {
    let roots = [include_str!("data/root-github.json"), STAGING, PUBLIC];
    let lines = roots.map(|root| serde_json::from_str::<Value>(root).unwrap().to_string()).join("\n");
    for sample in &SAMPLES {
        judge(sample.bundle, &lines, sample.identity(), sample.artifact).unwrap();
    }
}
