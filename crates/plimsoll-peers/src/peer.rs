use std::path::{Path, PathBuf};
use std::process::Command;

/// A program by somebody else that Plimsoll must get along with.
#[derive(Clone, Debug)]
pub struct Peer(PathBuf);

impl Peer {
    /// The program, to be given arguments.
    #[expect(clippy::disallowed_methods, reason = "running peers is what this is for")]
    pub fn command(&self) -> Command {
        Command::new(&self.0)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Looks for a program in `PLIMSOLL_PEERS_DIR` and on the path. Without it the test is passed over, aloud.
#[expect(clippy::disallowed_methods, reason = "tests find out here what the machine has")]
pub fn find_peer(name: &str) -> Option<Peer> {
    let own = std::env::var_os("PLIMSOLL_PEERS_DIR").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let found = own
        .into_iter()
        .chain(std::env::split_paths(&path))
        .chain(more)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        passed_over(&format!("`{name}` is not installed"));
    }
    found.map(Peer)
}

/// Says that a test has nothing to do here and why: it needs data that no checkout has, or is about another machine.
/// Unlike [`passed_over`] it never fails the test.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
pub fn left_out(why: &str) {
    eprintln!("left out: {why}");
}

/// Says that a test is passed over and why, or fails it where everything must be there.
///
/// # Panics
/// When `PLIMSOLL_PEERS` is `required`.
#[expect(clippy::disallowed_methods, reason = "tests find out here what the machine must have")]
#[expect(clippy::print_stderr, reason = "a test that is passed over says so")]
pub fn passed_over(why: &str) {
    assert!(std::env::var_os("PLIMSOLL_PEERS").is_none_or(|wanted| wanted != "required"), "{why}");
    eprintln!("passed over: {why}");
}
