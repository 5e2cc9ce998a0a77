use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use plimsoll_testkit::{Peer, find_peer};

use super::bounded::{bounded, run};
use super::debian_image::DebianImage;
use super::tool::Tool;

/// How long containerd may take until it answers.
const START_MAX: Duration = Duration::from_secs(30);

/// A containerd of the test's own, and its client. It is stopped when this is dropped.
pub(super) struct Containerd {
    daemon: Child,
    ctr: Peer,
    home: PathBuf,
}

impl Containerd {
    /// Starts a daemon that keeps to one directory, and unpacks without mounts.
    pub(super) fn start(home: &Path) -> Option<Self> {
        let (containerd, ctr) = (find_peer("containerd")?, find_peer("ctr")?);
        let home = home.join("containerd");
        fs::create_dir(&home).unwrap();
        fs::write(home.join("config.toml"), config(&home)).unwrap();
        let log = fs::File::create(home.join("log")).unwrap();
        let mut command = bounded(&containerd, &home);
        command.arg("--config").arg(home.join("config.toml"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let started = Self { daemon: command.spawn().unwrap(), ctr, home };
        started.wait_until_it_answers();
        Some(started)
    }

    fn wait_until_it_answers(&self) {
        let begun = Instant::now();
        while !self.ctr(&["version"]).output().unwrap().status.success() {
            let log = || fs::read_to_string(self.home.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < START_MAX, "containerd does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn ctr(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = bounded(&self.ctr, &self.home);
        command.arg("--address").arg(self.home.join("sock")).args(["--namespace", "e2e"]).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        run(&mut self.ctr(arguments))
    }

    /// The line about an image, in words.
    fn line(&self, command: &[&str], name: &str) -> Vec<String> {
        let listed = self.run(&[command, &[&format!("name=={name}")]].concat());
        let line = listed.lines().find(|line| line.starts_with(name)).expect("the image is listed");
        line.split_whitespace().map(str::to_owned).collect()
    }
}

impl Tool for Containerd {
    fn name(&self) -> &'static str {
        "containerd"
    }

    fn push(&self, image: &DebianImage, to: &str) {
        let (base, _tag) = to.rsplit_once(':').expect("a name with a tag");
        let archive = image.archive(&self.home);
        self.run(&["images", "import", "--snapshotter=native", "--base-name", base, &archive]);
        self.run(&["images", "push", "--plain-http", to]);
        self.run(&["images", "remove", "--sync", to]);
    }

    /// Pulls, and makes sure that containerd has every blob and unpacked them.
    fn pull(&self, from: &str) -> String {
        self.run(&["images", "pull", "--plain-http", "--snapshotter=native", from]);
        let checked = self.line(&["images", "check", "--snapshotter=native"], from);
        assert!(checked.contains(&"complete".to_owned()), "{checked:?}");
        assert_eq!(checked.last().unwrap(), "true", "not unpacked: {checked:?}");
        let digest = self.line(&["images", "list"], from).swap_remove(2);
        self.run(&["images", "remove", "--sync", from]);
        digest
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        // `timeout` hands the signal on to the daemon.
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.daemon),
            rustix::process::Signal::TERM,
        );
        let _ = self.daemon.wait();
    }
}

fn config(home: &Path) -> String {
    let home = home.display();
    let without = ["grpc.v1.cri", "internal.v1.opt", "snapshotter.v1.btrfs", "snapshotter.v1.devmapper"];
    let without = without.map(|plugin| format!("\"io.containerd.{plugin}\"")).join(", ");
    format!(
        "version = 2\nroot = \"{home}/root\"\nstate = \"{home}/state\"\ndisabled_plugins = [{without}]\n\
         [grpc]\naddress = \"{home}/sock\"\n[ttrpc]\naddress = \"{home}/sock.ttrpc\"\n"
    )
}
