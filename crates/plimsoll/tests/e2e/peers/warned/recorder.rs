use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Stands between a tool and the server, and writes down what the server answers. It ends with the test.
pub(super) struct Recorder {
    host: String,
    answers: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    pub(super) fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let answers: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (written, server) = (answers.clone(), server.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(upstream) = TcpStream::connect(&server) else { return };
                let written = written.clone();
                let ends = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
                thread::spawn(move || pass(&ends.0, &ends.1, |_| {}));
                thread::spawn(move || pass(&upstream, &client, |part| written.lock().unwrap().extend(part)));
            }
        });
        Self { host, answers }
    }

    /// Where it listens.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Everything that the server answered so far.
    pub(super) fn answers(&self) -> String {
        String::from_utf8_lossy(&self.answers.lock().unwrap()).into_owned()
    }
}

/// Passes on bytes until there are no more.
fn pass(mut from: &TcpStream, mut to: &TcpStream, mut note: impl FnMut(&[u8])) {
    let mut buffer = [0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        note(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
