use std::path::Path;
use std::process::{Command, Output};

use plimsoll_testkit::{Peer, find_peer};

/// How long a peer may take; then it is asked to end, and killed five seconds later.
const SECONDS_MAX: u32 = 150;

/// Where peers look for other programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A peer that ends by itself, with `home` for everything that it keeps for its user.
pub(crate) fn bounded(peer: &Peer, home: &Path) -> Command {
    bounded_by(SECONDS_MAX, peer, home)
}

/// The same, for a peer that takes longer or shorter.
pub(crate) fn bounded_by(seconds: u32, peer: &Peer, home: &Path) -> Command {
    let mut command = find_peer("timeout").expect("coreutils").command();
    command.args(["--kill-after=5", &seconds.to_string()]).arg(peer.path()).current_dir(home);
    command.env_clear().env("PATH", PATH).env("HOME", home).env("XDG_RUNTIME_DIR", home).env("TMPDIR", home);
    command
}

/// Runs a command, and returns what it printed to standard error, and then what it printed.
pub(crate) fn told(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert!(status.success(), "{command:?}: {status}: {said}");
    said + &String::from_utf8_lossy(&stdout)
}

/// Runs a command, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    assert!(status.success(), "{command:?}: {status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text").trim().to_owned()
}
