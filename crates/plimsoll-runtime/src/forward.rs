//! Carries connections from the machine into the container's network, which has no other way in or out.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Connections that are carried at the same time; more are closed at once.
const CONNECTIONS_MAX: usize = 512;

/// How long a program in the container may take to accept.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Carries what arrives at `listener` to `port`, for as long as the process lives.
///
/// The listener was made before this thread left the machine's network; what it connects to is in the container's.
pub(crate) fn forward(listener: &TcpListener, port: u16) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            continue;
        }
        open.fetch_add(1, Ordering::Relaxed);
        let counted = Arc::clone(&open);
        let carrying = std::thread::Builder::new().spawn(move || {
            // The ends see for themselves that the connection is gone.
            let _ = carry(&stream, port);
            counted.fetch_sub(1, Ordering::Relaxed);
        });
        if carrying.is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn carry(outer: &TcpStream, port: u16) -> io::Result<()> {
    let inner = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), CONNECT_TIME_MAX)?;
    outer.set_nodelay(true)?;
    inner.set_nodelay(true)?;
    std::thread::scope(|scope| {
        scope.spawn(|| copy(outer, &inner));
        copy(&inner, outer);
    });
    Ok(())
}

/// Carries one direction to its end.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    // Whichever side broke off, the other is told that nothing more comes.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
