//! Debian's `docker-registry`: it has no referrers API, so it is the peer for the fallback.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use plimsoll_oci::RegistryHost;
use tempfile::TempDir;

use crate::children::{Running, is_installed};
use crate::fixture::host;

/// The password of the user `ana`, and its bcrypt form as the registry wants it.
pub(crate) const PASSWORD: &str = "s3cret";
const HTPASSWD: &str = "ana:$2b$12$LnY7VwLK5c8meizmPt/lu.lYbqwgWxdd7HE.iT2HuNl6QY5qbjNy2\n";

/// A registry that listens on loopback until it is dropped.
pub(crate) struct DebianRegistry {
    pub(crate) address: SocketAddr,
    pub(crate) directory: TempDir,
    _process: Running,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Password,
    Tls,
    /// TLS with a certificate that is an authority's.
    Authority,
}

impl DebianRegistry {
    /// Starts one, if the program is installed.
    pub(crate) fn start(door: Door) -> Option<Self> {
        if !is_installed("docker-registry") {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        // The port may be taken between finding and using it.
        for _ in 0..5 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let config = directory.path().join("config.yml");
            std::fs::write(&config, config_text(&directory, address, door)).unwrap();
            let process = Running::start("docker-registry", &["serve", config.to_str().unwrap()]);
            if answers(address) {
                return Some(Self { address, directory, _process: process });
            }
        }
        panic!("docker-registry did not start");
    }

    pub(crate) fn host(&self) -> RegistryHost {
        host(self.address)
    }
}

fn config_text(directory: &TempDir, address: SocketAddr, door: Door) -> String {
    let root = directory.path().display();
    let extra = match door {
        Door::Open => String::new(),
        Door::Password => {
            std::fs::write(directory.path().join("htpasswd"), HTPASSWD).unwrap();
            format!("auth:\n  htpasswd:\n    realm: test\n    path: {root}/htpasswd\n")
        }
        Door::Tls | Door::Authority => {
            format!("  tls:\n    certificate: {root}/cert.pem\n    key: {root}/key.pem\n")
        }
    };
    if matches!(door, Door::Tls | Door::Authority) {
        make_certificate(directory, door);
    }
    format!(
        "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    \
         rootdirectory: {root}/data\n  delete:\n    enabled: true\nhttp:\n  addr: {address}\n{extra}"
    )
}

/// An authority, and a certificate of it for the registry.
fn make_certificate(directory: &TempDir, door: Door) {
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let request = |subject: &str, key: &str, certificate: &str, more: &[&str]| {
        let (key, certificate) = (path(key), path(certificate));
        let basic = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(' ');
        let named = ["-subj", subject, "-keyout", &key, "-out", &certificate];
        let arguments: Vec<&str> = basic.chain(named).chain(more.iter().copied()).collect();
        crate::children::run("openssl", &arguments);
    };
    request("/CN=authority", "ca-key.pem", "ca.pem", &[]);
    let signed_by = ["-CA", &path("ca.pem"), "-CAkey", &path("ca-key.pem")];
    let is_authority = door == Door::Authority;
    let constraints = format!("basicConstraints=critical,CA:{}", if is_authority { "TRUE" } else { "FALSE" });
    let extensions =
        ["-addext", constraints.as_str(), "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    request("/CN=localhost", "key.pem", "cert.pem", &[signed_by, extensions].concat());
}

fn answers(address: SocketAddr) -> bool {
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        if TcpStream::connect(address).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
