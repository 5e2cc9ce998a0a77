use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use plimsoll_store::catalogue::Grant;
use plimsoll_testkit::{TestServer, TestServerConfig};
use tempfile::TempDir;

use crate::signed_image::SignedImage;
use crate::{Outcome, finish, run_in};

const PROGRAM: &str = env!("CARGO_BIN_EXE_plimsoll");
const PASSWORD: &str = "correct horse battery staple";

/// A user's home, and a server that knows the user `ana`.
struct Home {
    directory: TempDir,
    host: String,
    _runtime: tokio::runtime::Runtime,
    _server: TestServer,
}

impl Home {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let users = vec![("ana", PASSWORD, vec![Grant::all()])];
        let config = TestServerConfig { users, ..TestServerConfig::default() };
        let server = runtime.block_on(TestServer::start_with(config));
        let directory = tempfile::tempdir().unwrap();
        Self { directory, host: server.host(), _runtime: runtime, _server: server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with_input(Path::new(PROGRAM), arguments, "")
    }

    fn login(&self, password: &str) -> Outcome {
        let arguments = ["login", &self.host, "-u", "ana", "--password-stdin"];
        self.run_with_input(Path::new(PROGRAM), &arguments, password)
    }

    /// The push of a small image, which only a user may do.
    fn push(&self) -> Outcome {
        let layout = self.path("image");
        if !layout.exists() {
            SignedImage::new(1, 1, 100).write(&layout);
        }
        self.run(&["push", "oci:image:1", &format!("{}/team/app:1", self.host)])
    }

    #[expect(clippy::disallowed_methods, reason = "the tests run the built program")]
    fn run_with_input(&self, program: &Path, arguments: &[&str], input: &str) -> Outcome {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(&self.directory)
            .env_clear()
            .env("HOME", self.directory.path())
            .env("PATH", self.path("bin"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        finish(child)
    }

    /// Puts the program on the path under the helper's name.
    fn install_helper(&self) -> PathBuf {
        fs::create_dir(self.path("bin")).unwrap();
        let helper = self.path("bin/docker-credential-plimsoll");
        symlink(PROGRAM, &helper).unwrap();
        helper
    }
}

#[test]
fn a_login_is_checked_kept_used_and_forgotten() {
    let home = Home::new();
    assert_eq!(home.push().code, 3, "nobody may push without a login");

    let logged_in = home.login(&format!("{PASSWORD}\n"));
    assert_eq!(logged_in.stdout, format!("logged in to {} as ana\n", home.host), "{}", logged_in.stderr);
    let file = home.path(".docker/config.json");
    let warning = format!("warning: the password is kept unencrypted in {}\n", file.display());
    assert_eq!(logged_in.stderr, warning);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let pushed = home.push();
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);

    let out = home.run(&["logout", &home.host]);
    assert_eq!(out.stdout, format!("logged out of {}: {}\n", home.host, file.display()), "{}", out.stderr);
    let refused = home.push();
    assert_eq!(refused.code, 3);
    assert!(
        refused.stderr.contains(&format!("  help: plimsoll login {}\n", home.host)),
        "{}",
        refused.stderr
    );
    let again = home.run(&["logout", &home.host]);
    assert_eq!((again.code, again.stdout), (0, format!("there was no login to {}\n", home.host)));
}

#[test]
fn a_wrong_password_is_refused_and_nothing_is_kept() {
    let home = Home::new();
    let refused = home.login("hunter2");
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    let first = "error: the registry does not take this user and password\n";
    assert!(refused.stderr.starts_with(first), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"));
    assert!(!home.path(".docker").exists());
}

#[test]
fn without_a_terminal_the_password_must_come_from_standard_input() {
    let home = Home::new();
    let refused = home.run(&["login", &home.host, "-u", "ana"]);
    assert_eq!(refused.code, 2);
    let help = format!("  help: plimsoll login {} -u ana --password-stdin < FILE\n", home.host);
    assert!(refused.stderr.contains(&help), "{}", refused.stderr);
    assert_eq!(home.login("").code, 2);
}

#[test]
fn a_login_keeps_what_else_stands_in_the_file_and_goes_where_it_is_said() {
    let home = Home::new();
    let file = home.path("auth.json");
    fs::write(&file, r#"{"auths":{"r.example":{"auth":"dTpw"}},"HttpHeaders":{"a":"b"}}"#).unwrap();
    let arguments =
        ["login", &home.host, "-u", "ana", "--password-stdin", "--authfile", "auth.json", "-o", "json"];
    let logged_in = home.run_with_input(Path::new(PROGRAM), &arguments, PASSWORD);
    assert_eq!(logged_in.json()["keptIn"], "auth.json", "{}", logged_in.stderr);
    let document: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        (&document["auths"]["r.example"]["auth"], &document["HttpHeaders"]["a"]),
        (&"dTpw".into(), &"b".into())
    );
    assert!(document["auths"][&home.host]["auth"].is_string());
    assert!(!home.path(".docker").exists());
    let variables = [("REGISTRY_AUTH_FILE", file.to_str().unwrap())];
    let listed = run_in(home.directory.path(), &variables, &["ls", &home.host]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
}

#[test]
fn the_program_is_its_own_credential_helper() {
    let home = Home::new();
    home.install_helper();
    fs::create_dir(home.path(".docker")).unwrap();
    let config = format!(r#"{{"credHelpers":{{"{}":"plimsoll"}}}}"#, home.host);
    fs::write(home.path(".docker/config.json"), &config).unwrap();
    let logged_in = home.login(PASSWORD);
    assert_eq!((logged_in.code, logged_in.stderr.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(home.path(".docker/config.json")).unwrap(), config);
    let kept = home.path(".local/share/plimsoll/credentials.json");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(home.push().code, 0);
    let out = home.run(&["logout", &home.host]);
    assert_eq!(out.stdout, format!("logged out of {}: docker-credential-plimsoll\n", home.host));
    assert_eq!(home.push().code, 3);
}

#[test]
fn the_helper_speaks_dockers_protocol() {
    let home = Home::new();
    let helper = home.install_helper();
    let ask = |verb: &str, input: &str| {
        let by_name = home.run_with_input(&helper, &[verb], input);
        (by_name.code, by_name.stdout, by_name.stderr)
    };
    let said = |code: i32, text: &str| (code, text.to_owned(), String::new());
    let miss = said(1, "credentials not found in native keychain\n");
    assert_eq!(ask("get", "https://r.example"), miss);
    let document = r#"{"ServerURL":"https://r.example","Username":"ana","Secret":"s3cret"}"#;
    assert_eq!(ask("store", document), said(0, ""));
    let got: serde_json::Value = serde_json::from_str(&ask("get", "https://r.example\n").1).unwrap();
    assert_eq!(got, serde_json::from_str::<serde_json::Value>(document).unwrap());
    assert_eq!(ask("list", ""), said(0, r#"{"https://r.example":"ana"}"#));
    assert_eq!(ask("erase", "https://r.example"), said(0, ""));
    assert_eq!(ask("get", "https://r.example"), miss);
    let version = concat!("docker-credential-plimsoll (plimsoll) v", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(ask("version", ""), said(0, version));
    let usage = "Usage: docker-credential-plimsoll <store|get|erase|list|version>\n";
    assert_eq!(ask("nonsense", ""), said(1, usage));
    assert_eq!(home.run(&["docker-credential", "version"]).stdout, version);
}

#[test]
fn podman_and_docker_files_are_all_searched_when_logging_out() {
    let home = Home::new();
    let entry = format!(r#"{{"auths":{{"{}":{{"auth":"dTpw"}}}}}}"#, home.host);
    fs::create_dir(home.path(".docker")).unwrap();
    fs::write(home.path(".docker/config.json"), &entry).unwrap();
    fs::write(home.path("auth.json"), &entry).unwrap();
    let home_text = home.directory.path().display().to_string();
    let auth_file = home.path("auth.json").display().to_string();
    let variables = [("HOME", home_text.as_str()), ("REGISTRY_AUTH_FILE", auth_file.as_str())];
    let out = run_in(home.directory.path(), &variables, &["logout", &home.host, "-o", "json"]);
    assert_eq!(out.json()["erasedFrom"].as_array().unwrap().len(), 2, "{}", out.stderr);
    assert!(!fs::read_to_string(home.path("auth.json")).unwrap().contains("dTpw"));
}
