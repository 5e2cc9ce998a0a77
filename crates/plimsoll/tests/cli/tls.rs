use std::path::{Path, PathBuf};
use std::process::Output;

use plimsoll_testkit::{Peer, find_peer};

use crate::data_dir::{DataDir, Served};
use crate::{Outcome, run_in};

/// Two authorities, and a certificate of the first one for a server on this machine.
struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    fn make(openssl: &Peer, directory: &Path) -> Self {
        let certificates = Self { directory: directory.to_owned() };
        certificates.request(openssl, "authority", &[]);
        certificates.request(openssl, "stranger", &[]);
        let (authority, key) = (certificates.path("authority.pem"), certificates.path("authority.key"));
        let names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
        let is_none = ["-addext", "basicConstraints=critical,CA:FALSE"];
        let signed_by = ["-CA", &authority, "-CAkey", &key];
        certificates.request(openssl, "server", &[signed_by.as_slice(), &names, &is_none].concat());
        certificates
    }

    fn request(&self, openssl: &Peer, name: &str, more: &[&str]) {
        let mut command = openssl.command();
        command.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(' '));
        command.args(["-subj", &format!("/CN={name}")]);
        command.args(["-keyout", &self.path(&format!("{name}.key"))]);
        let made = command.args(["-out", &self.path(&format!("{name}.pem"))]).args(more).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }
}

/// A server with an image that speaks TLS alone, and what its clients need.
struct Encrypted {
    here: DataDir,
    certificates: Certificates,
    server: Served,
}

impl Encrypted {
    fn start() -> Option<Self> {
        let openssl = find_peer("openssl")?;
        let here = DataDir::with_image();
        let certificates = Certificates::make(&openssl, &here.path(""));
        let (cert, key) = (certificates.path("server.pem"), certificates.path("server.key"));
        let server = here.serve_with(&[&format!("tls.cert={cert}"), &format!("tls.key={key}")]);
        Some(Self { here, certificates, server })
    }

    /// Its host and port, by the name in its certificate.
    fn host(&self) -> String {
        self.server.host().replace("127.0.0.1", "localhost")
    }

    fn curl(&self, curl: &Peer, arguments: &[&str]) -> Output {
        let mut command = curl.command();
        command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"]);
        command.args(arguments).output().unwrap()
    }

    /// Runs skopeo with `authority` as the only one that it trusts for the server.
    fn skopeo(&self, skopeo: &Peer, authority: &str, from: &str, to: &str) -> Output {
        let trusted = tempfile::tempdir().unwrap();
        let authority = self.certificates.path(&format!("{authority}.pem"));
        std::fs::copy(authority, trusted.path().join("authority.crt")).unwrap();
        let mut command = skopeo.command();
        command.current_dir(self.here.path("")).args(["--insecure-policy", "copy", "--quiet"]);
        for side in ["--src-cert-dir", "--dest-cert-dir"] {
            command.arg(side).arg(trusted.path());
        }
        command.args([from, to]).output().unwrap()
    }

    /// Runs the program under test as a client.
    fn plimsoll(&self, authority: &str, arguments: &[&str]) -> Outcome {
        let authority = self.certificates.path(&format!("{authority}.pem"));
        run_in(&self.here.path(""), &[], &[arguments, &["--ca-file", &authority]].concat())
    }
}

#[test]
fn a_server_with_a_certificate_speaks_tls_to_those_who_trust_it() {
    let (Some(encrypted), Some(curl)) = (Encrypted::start(), find_peer("curl")) else { return };
    let ready = format!("https://{}/readyz", encrypted.host());
    let authority = encrypted.certificates.path("authority.pem");
    for (version, told) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let trusting = ["--cacert", &authority, version, "--write-out", "%{http_version}", &ready];
        let answer = encrypted.curl(&curl, &trusting);
        assert_eq!(String::from_utf8_lossy(&answer.stdout), format!("ready\n{told}"), "{answer:?}");
    }
    // curl's exit code 60: the certificate is not to be trusted.
    let stranger = encrypted.certificates.path("stranger.pem");
    assert_eq!(encrypted.curl(&curl, &["--cacert", &stranger, &ready]).status.code(), Some(60));
    let plain = encrypted.curl(&curl, &["--fail", &format!("http://{}/readyz", encrypted.host())]);
    assert!(!plain.status.success(), "nothing is said in the clear: {plain:?}");
}

#[test]
fn images_are_pushed_and_pulled_over_tls_and_not_past_a_wrong_authority() {
    let (Some(encrypted), Some(skopeo)) = (Encrypted::start(), find_peer("skopeo")) else { return };
    let (there, again) = (
        format!("docker://{}/team/app:1", encrypted.host()),
        format!("docker://{}/team/again:1", encrypted.host()),
    );
    for (from, to) in [(there.as_str(), "oci:pulled:1"), ("oci:pulled:1", &again)] {
        let copied = encrypted.skopeo(&skopeo, "authority", from, to);
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    }
    let refused = encrypted.skopeo(&skopeo, "stranger", &there, "oci:refused:1");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("unknown authority"), "{refused:?}");

    let inspected =
        encrypted.plimsoll("authority", &["inspect", &format!("{}/team/again:1", encrypted.host())]);
    assert_eq!(inspected.code, 0, "{}", inspected.stderr);
    let refused = encrypted.plimsoll("stranger", &["inspect", &format!("{}/team/again:1", encrypted.host())]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.to_lowercase().contains("certificate"), "{}", refused.stderr);
}

#[test]
fn a_key_that_is_not_the_certificates_is_told_before_anything_starts() {
    let Some(openssl) = find_peer("openssl") else { return };
    let here = DataDir::none();
    let certificates = Certificates::make(&openssl, &here.path(""));
    let settings = [
        format!("tls.cert={}", certificates.path("server.pem")),
        format!("tls.key={}", certificates.path("stranger.key")),
    ];
    let refused = here.run(&["serve", "--set", &settings[0], "--set", &settings[1]]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("the server's certificate cannot be used"), "{}", refused.stderr);
}
