use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use plimsoll_testkit::{children_of, noise};
use rustix::process::{Pid, Signal, kill_process};

use super::cutting_proxy::CuttingProxy;
use super::yard::{Ended, Yard};
use crate::small_disk::SmallDisk;

/// How long something may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_builder_that_is_killed_leaves_nothing_behind_and_the_next_run_goes_on() {
    let yard = Yard::new();
    let Some(base) = yard.base() else { return };
    let dockerfile = format!(
        "FROM {base}\nRUN echo first > /first\nARG PAUSE=300\nRUN echo pausing $PAUSE && sleep $PAUSE\n"
    );
    yard.file("app/Dockerfile", dockerfile.as_bytes());
    let name = yard.name("team/slow:1");
    let arguments = ["build", "app", "-t", &name, "--key", "release.key"];
    let mut command = yard.command(&arguments);
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let builder = builder_of(&running);
    kill_process(Pid::from_raw(i32::try_from(builder).unwrap()).unwrap(), Signal::KILL).unwrap();
    let started = Instant::now();
    let ended = Ended::of(&running.wait_with_output().unwrap());
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("buildah was killed by signal 9"), "{}", ended.stderr);
    assert!(ended.stderr.contains("run it again"), "{}", ended.stderr);
    assert_eq!(yard.tags("team/slow"), Vec::<String>::new());

    let again = yard.run(&[&arguments[..], &["--build-arg", "PAUSE=0"]].concat()).well();
    assert!(again.stderr.contains("Using cache"), "{}", again.stderr);
    assert_eq!(yard.tags("team/slow"), ["1"]);
}

/// The builder that runs the second command, once it does.
fn builder_of(running: &Child) -> u32 {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < PATIENCE, "no builder was started");
        let is_pausing = descendants(running.id()).iter().any(|id| command_line(*id).starts_with("sleep"));
        let builder =
            children_of(running.id()).into_iter().find(|id| command_line(*id).contains("--isolation"));
        if let (true, Some(builder)) = (is_pausing, builder) {
            return builder;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn descendants(of: u32) -> Vec<u32> {
    let mut found = children_of(of);
    let mut at = 0;
    while let Some(next) = found.get(at).copied() {
        found.extend(children_of(next));
        at += 1;
    }
    found
}

fn command_line(id: u32) -> String {
    std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default().replace('\0', " ")
}

#[test]
fn a_full_disk_is_told_of_and_nothing_is_pushed() {
    let Some(disk) = SmallDisk::mount(16 << 20) else { return };
    let yard = Yard::new();
    yard.file("app/Dockerfile", b"FROM scratch\nCOPY large /\n");
    yard.file("app/large", &noise(3, 24 << 20));
    let name = yard.name("team/large:1");
    let cache = disk.path().display().to_string();
    let ended = yard.run(&["build", "app", "-t", &name, "--cache-dir", &cache]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("No space left on device"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--cache-dir DIR"), "{}", ended.stderr);
    assert_eq!(yard.tags("team/large"), Vec::<String>::new());
    yard.run(&["build", "app", "-t", &name]).well();
    assert_eq!(yard.tags("team/large"), ["1"]);
}

#[test]
fn a_registry_that_vanishes_gets_no_tag_and_the_next_run_goes_on() {
    let yard = Yard::new();
    yard.file("app/Dockerfile", b"FROM scratch\nCOPY small /\nCOPY large /\n");
    yard.file("app/small", &noise(1, 2 << 20));
    yard.file("app/large", &noise(2, 16 << 20));
    let proxy = CuttingProxy::before(yard.server.host(), 8 << 20);
    let name = format!("{}/team/cut:1", proxy.host());
    let arguments = ["build", "app", "-t", &name, "--key", "release.key"];
    let ended = yard.run(&arguments);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("--> {name}")), "{}", ended.stderr);
    assert!(ended.stderr.contains("help: "), "{}", ended.stderr);
    assert_eq!(yard.tags("team/cut"), Vec::<String>::new());

    proxy.mend();
    yard.run(&arguments).well();
    assert_eq!(yard.tags("team/cut"), ["1"]);
    yard.run(&["verify", "--key", "release.pub", &yard.name("team/cut:1")]).well();
}
