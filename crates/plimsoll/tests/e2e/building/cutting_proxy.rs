use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

/// Stands between a client and a registry that goes away once it was sent so many bytes.
pub(super) struct CuttingProxy {
    host: String,
    left: Arc<AtomicI64>,
}

impl CuttingProxy {
    pub(super) fn before(registry: &str, bytes: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let left = Arc::new(AtomicI64::new(bytes));
        let (registry, of_thread) = (registry.to_owned(), Arc::clone(&left));
        // It ends with the process: every test process is short.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if of_thread.load(Ordering::SeqCst) <= 0 {
                    let _ = client.shutdown(Shutdown::Both);
                    continue;
                }
                let Ok(server) = TcpStream::connect(&registry) else { continue };
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let left = Arc::clone(&of_thread);
                thread::spawn(move || pass(from, to, Some(&left)));
                thread::spawn(move || pass(server, client, None));
            }
        });
        Self { host, left }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Lets everything pass from now on.
    pub(super) fn mend(&self) {
        self.left.store(i64::MAX / 2, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, left: Option<&AtomicI64>) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let taken = i64::try_from(count).unwrap();
        if left.is_some_and(|left| left.fetch_sub(taken, Ordering::SeqCst) < taken) {
            break;
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
