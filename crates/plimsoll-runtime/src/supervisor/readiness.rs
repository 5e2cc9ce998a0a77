//! Tells when programs in the container listen on all of its ports, without disturbing them.

use std::sync::OnceLock;
use std::time::Duration;

use nix::unistd::Pid;

use super::{Reports, report};
use crate::message::Report;

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(20);

/// `TCP_LISTEN` as the kernel writes it in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// Reports once that every port is listened on. The caller knows how long to wait.
pub(super) fn tell(init: &OnceLock<Pid>, reports: &Reports, ports: &[u16]) {
    loop {
        let are_open = init.get().is_some_and(|init| ports.iter().all(|port| listens(*init, *port)));
        if are_open {
            // If nobody reads the reports any more, nobody waits.
            let _ = report(reports, &Report::Ready);
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether some program listens on a port (proc_net(5)).
fn listens(init: Pid, port: u16) -> bool {
    let port = format!(":{port:04X}");
    ["tcp", "tcp6"].iter().any(|table| {
        let text = std::fs::read_to_string(format!("/proc/{init}/net/{table}")).unwrap_or_default();
        text.lines().skip(1).any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let is_port = fields.next().is_some_and(|local| local.ends_with(&port));
            is_port && fields.nth(1) == Some(LISTENS)
        })
    })
}
